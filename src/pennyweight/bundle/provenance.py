"""Which data a bundle was fitted from: positions in the log of a store, and the newest event."""

import hashlib
import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pennyweight.errors import BundleError
from pennyweight.storage.files import replacing_private

__all__ = ["Origin", "Position", "exported_position", "forget_position", "note_position"]

_log = logging.getLogger(__name__)

FORMAT = "pennyweight-position"
MAX_SEQ = 2**63
MAX_BRANCH = 64  # characters


@dataclass(frozen=True)
class Position:
    """A place in the log of a store: all changes up to and including one.

    Attributes
    ----------
    branch
        Identifies the store, and which of its copies: each start begins a branch.
    seq
        Number of the last change.
    """

    branch: str
    seq: int

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a JSON object; `ValueError` where it is no position."""
        branch = value.get("branch") if isinstance(value, Mapping) else None
        seq = value.get("seq") if isinstance(value, Mapping) else None
        if not isinstance(branch, str) or not 0 < len(branch) <= MAX_BRANCH:
            raise ValueError(f"branch of a position: text of up to {MAX_BRANCH} characters")
        if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < MAX_SEQ:
            raise ValueError("seq of a position: a whole number from 0")
        return cls(branch, seq)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"branch": self.branch, "seq": self.seq}


@dataclass(frozen=True)
class Origin:
    """The source data of a bundle, as far as it is known.

    Attributes
    ----------
    items, events
        Position of the store at the export of the file; None for other files.
    newest_event
        Epoch seconds of the newest event; None where times are no dates.
    refit
        How a refit made it from the bundle before, and how it was judged beside that one; JSON.
    """

    items: Position | None = None
    events: Position | None = None
    newest_event: float | None = None
    refit: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None, *, source: str) -> Self:
        """Read ``fitted_from`` of a manifest; `BundleError` where it is malformed."""
        if value is None:
            return cls()
        newest, refit = value.get("newest_event"), value.get("refit")
        try:
            if refit is not None and not isinstance(refit, Mapping):
                raise ValueError("refit: an object")
            if newest is not None and not _is_finite(newest):
                raise ValueError("newest_event: epoch seconds")
            items, events = (
                None if value.get(name) is None else Position.from_json(value[name])
                for name in ("items", "events")
            )
        except ValueError as error:
            raise BundleError(
                f"{source}: damaged: fitted_from: {error}; save the bundle again"
            ) from None
        return cls(items, events, None if newest is None else float(newest), refit)

    def to_json(self) -> dict[str, Any] | None:
        """Return what `from_json` reads, None where nothing is known."""
        document: dict[str, Any] = {}
        if self.items is not None:
            document["items"] = self.items.to_json()
        if self.events is not None:
            document["events"] = self.events.to_json()
        if self.newest_event is not None:
            document["newest_event"] = self.newest_event
        if self.refit is not None:
            document["refit"] = dict(self.refit)
        return document or None


def _is_finite(value: object) -> bool:
    # A whole number beyond the floats is no time either, and would not convert.
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) < 1e300 and math.isfinite(value)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.position.json")


def note_position(path: Path, position: Position) -> None:
    """Write the position and the checksum of an exported file beside it."""
    record = {"format": FORMAT, **position.to_json(), "sha256": _sha256(path)}
    with replacing_private(_beside(path)) as temporary:
        temporary.write_bytes((json.dumps(record, indent=2) + "\n").encode())


def forget_position(path: Path) -> None:
    """Delete the position beside a file, if there is one."""
    _beside(path).unlink(missing_ok=True)


def exported_position(path: object) -> Position | None:
    """Return the position from which a file was exported; None where nothing proves one.

    A file that was changed since proves nothing.
    """
    if not isinstance(path, str | os.PathLike):
        return None
    file = Path(path)
    try:
        record = json.loads(_beside(file).read_bytes())
        position = Position.from_json(record)
        if record.get("format") != FORMAT or record.get("sha256") != _sha256(file):
            raise ValueError("the file was changed after its export")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("%s is not used: %s", _beside(file), error)
        return None
    return position


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
