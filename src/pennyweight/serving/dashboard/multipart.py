"""Forms with a file, as browsers send them (RFC 7578); the file goes to disk as it comes."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from fastapi import Request

from pennyweight.serving.http.problems import Refusal
from pennyweight.storage.private import owner_only

__all__ = ["read_file_form"]

HEAD_BYTES = 4 << 10  # of the headers of a part
FIELD_BYTES = 4 << 10
FIELDS = 20
BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
NAME, FILE = re.compile(r'\bname="([^"]{1,100})"'), re.compile(r'\bfilename="([^"]*)"')
MALFORMED = "the form is malformed; reload the page"


async def read_file_form(request: Request, target: Path) -> tuple[dict[str, str], str]:
    """Return the fields of a form and the name of its file, which is written to `target`.

    Raises
    ------
    Refusal
        The request holds no such form, or none with a file.
    """
    kind = request.headers.get("content-type", "")
    boundary = BOUNDARY.search(kind)
    if not kind.lower().startswith("multipart/form-data") or boundary is None:
        raise Refusal(415, "send the form as multipart/form-data")
    parts = _Parts(request.stream(), boundary[1].encode("latin-1"))
    fields: dict[str, str] = {}
    filename = ""
    await parts.begin()
    while (head := await parts.head()) is not None:
        named, file = NAME.search(head), FILE.search(head)
        if named is None or len(fields) > FIELDS:
            raise Refusal(400, MALFORMED)
        if file is None:
            fields[named[1]] = await parts.text()
            continue
        if filename:
            raise Refusal(400, "send one file at a time")
        filename = Path(file[1].replace("\\", "/")).name[:200]
        with owner_only(), target.open("wb") as out:
            await parts.copy(out)
    if not filename or not target.stat().st_size:
        raise Refusal(422, "no file was chosen, or it is empty")
    return fields, filename


class _Parts:
    """The parts of a body, one after the other."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._chunks, self._delimiter = chunks, b"\r\n--" + boundary
        self._data = b"\r\n"  # the first boundary has no line break before it

    async def begin(self) -> None:
        """Skip what stands before the first boundary: browsers send nothing there."""
        await self._fill(len(self._delimiter))
        if not self._data.startswith(self._delimiter):
            raise Refusal(400, MALFORMED)
        self._data = self._data[len(self._delimiter) :]

    async def head(self) -> str | None:
        """Return the headers of the next part; None after the last one."""
        await self._fill(2)
        if self._data.startswith(b"--"):
            async for _ in self._chunks:  # nothing of meaning follows
                pass
            return None
        while (end := self._data.find(b"\r\n\r\n")) < 0:
            if len(self._data) > HEAD_BYTES or not await self._more():
                raise Refusal(400, MALFORMED)
        head, self._data = self._data[:end], self._data[end + 4 :]
        return head.decode("utf-8", "replace")

    async def text(self) -> str:
        """Return a part that is a text."""
        pieces = [piece async for piece in self._pieces(FIELD_BYTES)]
        return b"".join(pieces).decode("utf-8", "replace")

    async def copy(self, out: BinaryIO) -> None:
        """Write a part to a file."""
        async for piece in self._pieces():
            out.write(piece)

    async def _pieces(self, limit: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a part, and go on to the next one."""
        n = 0
        while (end := self._data.find(self._delimiter)) < 0:
            safe = max(0, len(self._data) - len(self._delimiter) + 1)
            piece, self._data = self._data[:safe], self._data[safe:]
            n += safe
            yield piece
            if (limit is not None and n > limit) or not await self._more():
                raise Refusal(400, MALFORMED)
        yield self._data[:end]
        self._data = self._data[end + len(self._delimiter) :]

    async def _fill(self, n: int) -> None:
        while len(self._data) < n:
            if not await self._more():
                raise Refusal(400, MALFORMED)

    async def _more(self) -> bool:
        async for chunk in self._chunks:
            if chunk:
                self._data += chunk
                return True
        return False
