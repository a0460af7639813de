"""Conditions that operators must see, such as a damaged bundle."""

import logging

__all__ = ["OperatorNotes"]

_log = logging.getLogger(__name__)


class OperatorNotes(dict[str, str]):
    """Notes by subject, for the dashboard and ``/v1/bundles``; they stay until removed."""

    def add(self, subject: str, text: str) -> None:
        """Add or replace a note, and log it."""
        _log.warning("%s", text)
        self[subject] = text
