"""Text that is not UTF-8: decoded by its byte-order mark, else guessed for the message."""

import codecs
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pennyweight.data.readers.plausible_text import plausibility

__all__ = ["as_utf8", "encoding_remedy"]

# The longer byte-order mark first: it begins with that of UTF-16.
_WIDE = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_UNPACK = {
    ".gz": "gzip -dc",
    ".bz2": "bzip2 -dc",
    ".xz": "xz -dc",
    ".lzma": "xz -dc",
    ".zst": "zstd -dc",
    ".zip": "unzip -p",
}
_HEAD = 1 << 16
_SAMPLE = 2_000  # lines that are scored
_EXCERPT, _MAX_READINGS = 50, 4  # letters and encodings in the message
_PLAUSIBLE, _CLOSE = 0.85, 0.1

# Name of iconv -> codec of Python, the more common one of two that agree first.
_CODECS = {
    "WINDOWS-1252": "cp1252",
    "WINDOWS-1250": "cp1250",
    "WINDOWS-1251": "cp1251",
    "WINDOWS-1254": "cp1254",
    "WINDOWS-1253": "cp1253",
    "WINDOWS-1257": "cp1257",
    "WINDOWS-1255": "cp1255",
    "WINDOWS-1256": "cp1256",
    "ISO-8859-2": "iso8859_2",
    "ISO-8859-15": "iso8859_15",
    "KOI8-R": "koi8_r",
    "CP866": "cp866",
    "ISO-8859-5": "iso8859_5",
    "ISO-8859-7": "iso8859_7",
    "CP850": "cp850",
    "CP852": "cp852",
    "CP437": "cp437",
    "MACINTOSH": "mac_roman",
    "WINDOWS-874": "cp874",
    "CP932": "cp932",
    "EUC-JP": "euc_jp",
    "CP949": "cp949",
    "GB18030": "gb18030",
    "BIG5": "big5",
}


@dataclass(frozen=True)
class _Reading:
    """The non-ASCII lines in one encoding, and their plausibility up to 1."""

    name: str
    lines: tuple[str, ...]
    score: float


def as_utf8(data: bytes) -> tuple[bytes, str]:
    """Return data in UTF-16 or UTF-32 with a byte-order mark as UTF-8, and its encoding.

    Other data, and damaged data, stays unchanged, with an empty name.
    """
    name = next((name for mark, name in _WIDE.items() if data.startswith(mark)), "")
    if not name:
        return data, ""
    try:
        return data.decode(name).encode(), name
    except UnicodeError:
        return data, ""


def encoding_remedy(data: bytes, source: str) -> str:
    """Name the plausible encodings of a file that is not UTF-8, and a command to convert it."""
    head = data[:4096]
    wide = next((name for mark, name in _WIDE.items() if head.startswith(mark)), None)
    if wide is not None:
        return f"It is {wide}, cut or damaged. Convert the rest: {_command(wide, source, '-c ')}"
    if b"\0" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if min(even, odd) or max(even, odd) < len(head) / 4:
            return "It is a binary file, not one of CSV, TSV, JSON lines and Parquet"
        return f"Convert it: {_command('UTF-16LE' if odd else 'UTF-16BE', source)}"
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    strange = [line for line in lines if not _is_utf8(line)]
    if 2 * len(strange) < len(lines):
        return _mostly_utf8(len(strange), len(lines), strange[0], source)
    return _guess(data, lines[:_SAMPLE], source)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(n_strange: int, n_lines: int, line: bytes, source: str) -> str:
    text = line.decode("utf-8", "replace")
    excerpt = _around(text, text.index("\ufffd"))
    return (
        f"The other lines with such letters are UTF-8 ({n_lines - n_strange:,} of {n_lines:,}), so "
        f"{n_strange:,} {'is' if n_strange == 1 else 'are'} damaged or of another encoding, such "
        f"as {excerpt!r}. Mend them, or leave the damaged letters out: "
        f"{_command('UTF-8', source, '-c ')}"
    )


def _guess(data: bytes, lines: Sequence[bytes], source: str) -> str:
    readings = _readings(data, lines)
    if not readings:
        return (
            "In none of the usual encodings is it plausible text. Export the table again as "
            "UTF-8, or find its encoding out and convert it: "
            f"{_command('ENCODING', source)}"
        )
    samples = dict(zip((r.name for r in readings), _samples(readings), strict=True))
    if len(readings) == 1:
        name = readings[0].name
        return (
            f"It is plausible as {name} (such as {samples[name]!r}). Convert it: "
            f"{_command(name, source)}"
        )
    choices = ", ".join(f"{name} ({text!r})" for name, text in samples.items())
    return (
        f"It may be one of {choices}. Convert it with the one whose text is right, such as: "
        f"{_command(readings[0].name, source)}"
    )


def _command(encoding: str, source: str, option: str = "") -> str:
    """Return the command that converts a file, perhaps compressed, to UTF-8."""
    path = Path(source)
    packed = path.suffix.lower()
    name = path.stem if packed in _UNPACK else path.name
    iconv = f"iconv {option}-f {encoding} -t UTF-8"
    redirect = f"> {shlex.quote('utf8-' + name)}"
    if packed in _UNPACK:
        return f"{_UNPACK[packed]} {shlex.quote(source)} | {iconv} {redirect}"
    return f"{iconv} {shlex.quote(source)} {redirect}"


def _readings(data: bytes, lines: Sequence[bytes]) -> list[_Reading]:
    """Return the distinct plausible readings, the best first."""
    readings: list[_Reading] = []
    for name, codec in _CODECS.items():
        try:
            texts = tuple(line.decode(codec) for line in lines)
        except UnicodeDecodeError:
            continue
        if any(texts == other.lines for other in readings):
            continue
        score = plausibility(texts, codec)
        if score >= _PLAUSIBLE and _decodes(data, codec):
            readings.append(_Reading(name, texts, score))
    readings.sort(key=lambda reading: -reading.score)
    return [r for r in readings if r.score >= readings[0].score - _CLOSE][:_MAX_READINGS]


def _decodes(data: bytes, codec: str) -> bool:
    try:
        codecs.decode(data, codec)
    except UnicodeDecodeError:
        return False
    return True


def _samples(readings: Sequence[_Reading]) -> list[str]:
    """Return an excerpt of each reading: the line in which most of them differ."""
    rows = list(zip(*(reading.lines for reading in readings), strict=True))[:_SAMPLE]
    best = max(rows, key=lambda row: len(set(row)))
    positions = [i for i, letters in enumerate(zip(*best, strict=False)) if len(set(letters)) > 1]
    return [_around(text, at=positions[0] if positions else None) for text in best]


def _around(text: str, at: int | None = None) -> str:
    """Return the text around a position, by default the first non-ASCII character."""
    if at is None:
        at = next(i for i, letter in enumerate(text) if letter > "\x7f")
    start = max(0, at - _EXCERPT // 2)
    return text[start : start + _EXCERPT].strip()
