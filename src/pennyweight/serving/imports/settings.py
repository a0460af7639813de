"""How an uploaded file is read, and where it lies."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["REPORT", "ROWS", "UPLOAD", "ImportKind", "ImportSettings"]

ImportKind = Literal["events", "items"]
UPLOAD, REPORT, ROWS = "upload", "report.json", "rows.jsonl"  # in the folder of an import
MODULE = "pennyweight.serving.imports.process"


@dataclass(frozen=True)
class ImportSettings:
    """How an uploaded file is read.

    Attributes
    ----------
    kind
        What its rows are.
    name
        Of the file, as the browser sent it.
    columns
        Role -> column, where the names are not recognized.
    event_type, time_format
        As for `pennyweight ingest`.
    memory
        Bytes of data that the process may hold.
    """

    kind: ImportKind
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    event_type: str | None = None
    time_format: str | None = None
    memory: int | None = None

    def command(self, live: Path, work: Path) -> list[str]:
        """Return the command line of the process that reads the file."""
        return [sys.executable, "-m", MODULE, str(live), str(work), json.dumps(asdict(self))]
