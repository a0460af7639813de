"""Events of a file or a pipe into a running service: each once, whatever dies when."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from pennyweight.client import Client, EventRecord, InvalidRequestError
from pennyweight.errors import DataError
from pennyweight.ingestion.checkpoint import Counts, RefusedRows, SentUpTo
from pennyweight.ingestion.log_file import LogFile
from pennyweight.ingestion.mapping import EventMapping, RefusedRow
from pennyweight.ingestion.raw_rows import RawRow

__all__ = ["Ingestion"]

BATCH = 1_000
POLL = 0.25  # seconds between looks at a file that is followed
EXCERPT = 4_096  # characters of a refused row
CONTINUES = "is the end of a row that was read before it was whole"


@dataclass
class Ingestion:
    """Sends rows in batches, and notes after each how far it came.

    The service stores each event id once. Rows without an id get one from the first row of their
    file, their place in it and their content, so rows that are sent again are stored once.

    Attributes
    ----------
    client
        Of the service; its patience is how long an outage may last.
    mapping
        How rows are read.
    refused
        Where refused rows go.
    strict
        Stop at the first refused row.
    tell
        Called with notes for the user.
    state, offsets
        How far the file has been sent, and the file that says so; a pipe has none.
    """

    client: Client
    mapping: EventMapping
    refused: RefusedRows
    strict: bool = False
    tell: Callable[[str], None] = lambda text: None
    state: SentUpTo = field(default_factory=SentUpTo)
    offsets: Path | None = None
    _told: bool = False

    @property
    def counts(self) -> Counts:
        """The rows of all runs."""
        return self.state.counts

    def pipe(self, stream: BinaryIO) -> None:
        """Send the rows of standard input."""
        self._drain(LogFile(stream, self.mapping), final=True)

    def file(self, path: Path, *, follow: bool) -> None:
        """Send the rows of a file from where an earlier run came to; with `follow`, for ever."""
        current = self._start(path)
        while True:
            self._drain(current, final=not follow)
            if not follow:
                current.close()
                return
            if current.is_replaced(path):
                self._drain(current, final=True)
                self.tell(f"{path}: was replaced; the new file is read from its beginning")
                self._finish(current, path)
                current = self._open_anew(path)
            else:
                time.sleep(POLL)

    def _start(self, path: Path) -> LogFile:
        """Open the file where the last run ended, after the rest of what it was before."""
        current = LogFile.opened(path, self.mapping)
        if current.go_on(self.state):
            self._note(current)
            return current
        current.close()
        rotated = self._rotated(path)
        if rotated is None:
            self.tell(
                f"{path}: is not the file of {self.offsets}, which is gone; rows of it after byte "
                f"{self.state.offset:,} were not sent. The file is read from its beginning"
            )
        else:
            self.tell(f"{path}: was replaced; the rest of the earlier file is sent first")
            self._drain(rotated, final=True)
            self._finish(rotated, path)
        return self._open_anew(path)

    def _rotated(self, path: Path) -> LogFile | None:
        """Return the file of the offsets under its new name, if it is there."""
        for other in path.absolute().parent.glob(f"{path.name}*"):
            if other.is_file() and other.stat().st_ino == self.state.inode:
                file = LogFile.opened(other, self.mapping)
                if file.go_on(self.state):
                    return file
                file.close()
        return None

    def _finish(self, sent: LogFile, path: Path) -> None:
        """Close a file that was replaced, and send those that came between it and the new one."""
        changed = sent.changed
        sent.close()
        name = re.compile(re.escape(path.name) + r"[.-]\d[\d.-]*")
        between = [
            other
            for other in path.absolute().parent.glob(f"{path.name}*")
            if name.fullmatch(other.name) and other.stat().st_ino != sent.inode
        ]
        for other in sorted(between, key=lambda other: other.stat().st_mtime_ns):
            if other.stat().st_mtime_ns > changed:
                file = self._open_anew(other)
                self._drain(file, final=True)
                file.close()

    def _open_anew(self, path: Path) -> LogFile:
        while True:
            try:
                file = LogFile.opened(path, self.mapping)
                break
            except DataError:  # between the two names of a rotation
                if path.exists():
                    raise
                time.sleep(POLL)
        self.state = replace(self.state, first_row="", offset=0)
        self._note(file)
        return file

    def _note(self, file: LogFile) -> None:
        """Note which file is read, so that it is found after a rotation."""
        self.state = replace(self.state, inode=file.inode)
        if self.offsets is not None:
            self.state.write(self.offsets)

    def _drain(self, source: LogFile, *, final: bool) -> None:
        """Send all rows that are there now."""
        for batch in _batches(source, final=final):
            self._send(source, batch)

    def _send(self, source: LogFile, batch: list[RawRow]) -> None:
        mapping = source.mapping
        assert mapping is not None
        if mapping.header is not None:
            mapping.roles(mapping.header)  # a header without user and item is no bad row
        events: list[tuple[RawRow, EventRecord]] = []
        bad: list[tuple[RawRow, str]] = []
        for row in batch:
            try:
                if source.continues_row:
                    source.continues_row = False
                    raise RefusedRow(CONTINUES)
                events.append((row, mapping.event(row)))
            except RefusedRow as error:
                bad.append((row, str(error)))
        if events and not self._told:
            self._told = True
            self.tell(mapping.sentence(events[0][0]))
        if self.strict and bad:
            raise DataError(self._first(bad))
        counts = replace(self.counts, read=self.counts.read + len(batch))
        bad += self._stored(events, counts)
        counts.refused += len(bad)
        self.refused.add([_refused(row, reason) for row, reason in sorted(bad, key=_place)])
        self.state = SentUpTo(
            source.inode, source.first_row, batch[-1].end, self.refused.nbytes, counts
        )
        if self.offsets is not None:
            self.state.write(self.offsets)

    def _stored(
        self, events: list[tuple[RawRow, EventRecord]], counts: Counts
    ) -> list[tuple[RawRow, str]]:
        """Store events, and return those that the service refuses, with its reasons.

        It stores all of a request or none, so a refused one is halved until the bad rows are
        alone.
        """
        if not events:
            return []
        try:
            stored = self.client.send_events(event for _, event in events)
        except InvalidRequestError as error:
            if len(events) > 1:
                middle = len(events) // 2
                return self._stored(events[:middle], counts) + self._stored(events[middle:], counts)
            refusal = [(events[0][0], error.problem.detail)]
            if self.strict:
                raise DataError(self._first(refusal)) from None
            return refusal
        counts.stored += stored.accepted
        counts.duplicates += stored.duplicates
        counts.erased += stored.erased
        return []

    def _first(self, bad: list[tuple[RawRow, str]]) -> str:
        row, reason = min(bad, key=_place)
        return (
            f"{self.mapping.source}: the row at byte {row.start:,}: {reason}. Correct it, or "
            "leave out --strict to put it aside"
        )


def _batches(source: LogFile, *, final: bool) -> Iterator[list[RawRow]]:
    batch: list[RawRow] = []
    while (row := source.take(final=final)) is not None:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _place(row: tuple[RawRow, str]) -> int:
    return row[0].start


def _refused(row: RawRow, reason: str) -> dict[str, Any]:
    text = row.data.decode("utf-8", "backslashreplace")
    return {"byte": row.start, "reason": reason, "row": text[:EXCERPT]}
