"""How far a file has been sent, and the rows that were refused, so that a restart goes on."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pennyweight.errors import DataError
from pennyweight.storage.files import write_atomic

__all__ = ["Counts", "RefusedRows", "SentUpTo"]

VERSION = 1


@dataclass
class Counts:
    """Rows read: stored now, stored before, of erased users, and refused."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    erased: int = 0
    refused: int = 0

    def sentence(self) -> str:
        """Return the numbers in words; those sent and refused add up to those read."""
        sent = self.stored + self.duplicates + self.erased
        return (
            f"read {self.read:,} rows: {sent:,} sent ({self.stored:,} stored, {self.duplicates:,} "
            f"stored before, {self.erased:,} of erased users), {self.refused:,} refused"
        )


@dataclass(frozen=True)
class SentUpTo:
    """The state in the offset file.

    Attributes
    ----------
    inode, first_row
        Of the file: its number on the disk, and the checksum of its first row.
    offset
        The byte after the last row whose event is on the disk of the service.
    refused_bytes
        The length of the file of refused rows by then.
    counts
        Of all runs.
    """

    inode: int = 0
    first_row: str = ""
    offset: int = 0
    refused_bytes: int = 0
    counts: Counts = field(default_factory=Counts)

    @classmethod
    def read(cls, path: Path) -> "SentUpTo":
        """Return the state; that of the beginning where there is no file."""
        try:
            document: Any = json.loads(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValueError:
            document = None
        try:
            if document.pop("format_version") != VERSION:
                raise ValueError
            return cls(**(document | {"counts": Counts(**document["counts"])}))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise DataError(
                f"{path}: is no offset file of this version; delete it to read the file from the "
                "beginning, which stores no event twice"
            ) from None

    def write(self, path: Path) -> None:
        """Replace the file at once."""
        document = {"format_version": VERSION, **asdict(self)}
        write_atomic(path, json.dumps(document, indent=2).encode())


class RefusedRows:
    """The file of refused rows, as JSON lines with the reason, readable by its owner alone.

    Parameters
    ----------
    path
        The file, which is made with the first row.
    nbytes
        Its length at the last checkpoint: later rows are read again. None keeps all.
    """

    def __init__(self, path: Path, nbytes: int | None) -> None:
        self.path = path
        if nbytes is not None and path.exists() and path.stat().st_size > nbytes:
            os.truncate(path, nbytes)

    @property
    def nbytes(self) -> int:
        """The length of the file."""
        return self.path.stat().st_size if self.path.exists() else 0

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Write rows to disk."""
        if not rows:
            return
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(handle, "a", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
