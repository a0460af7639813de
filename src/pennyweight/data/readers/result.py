"""The result of a reader: the sound rows of a source, and an account of the others."""

from dataclasses import dataclass, field

import polars as pl

from pennyweight.data.cleaning_log import Findings

__all__ = ["ReadResult"]


@dataclass
class ReadResult:
    """A table and the account of its rows.

    Rows read + added = rows in the frame + broken + dropped + merged.

    Attributes
    ----------
    frame
        The sound rows.
    rows_read
        Records of the source: blank lines, comments and the header are none.
    broken
        One sentence with the line number for each record that cannot be read.
    findings
        Assumptions about the format, and rows dropped for another reason.
    roles
        Role -> column, where a nested field or a list was recognised.
    """

    frame: pl.DataFrame
    rows_read: int
    broken: list[str] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    roles: dict[str, str] = field(default_factory=dict)
