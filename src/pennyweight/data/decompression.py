"""The bytes of a file, decompressed if necessary."""

import bz2
import gzip
import io
import lzma
import re
import shlex
import zipfile
import zlib
from pathlib import Path

import polars as pl

from pennyweight.errors import DataError, did_you_mean

__all__ = ["PACKED", "UNREADABLE", "contents"]

PACKED = {".gz", ".bz2", ".xz", ".lzma", ".zst", ".zip"}
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pl.exceptions.PolarsError,
)
_BOM = b"\xef\xbb\xbf"


def contents(path: Path) -> bytes:
    """Return the bytes of a file, decompressed, without a byte-order mark of UTF-8.

    Raises
    ------
    DataError
        When the file is missing, cannot be read or unpacked, or is empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file{_suggestion(path)}") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a directory; name a file in it{_join_command(path)}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        data = _unpacked(data, path).removeprefix(_BOM)
    except UNREADABLE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path}: cannot be decompressed ({error}); the file is incomplete or "
            "damaged: fetch or make it again"
        ) from None
    if not data or data.isspace():
        raise DataError(f"{path}: the file is empty; it needs a header and at least one row")
    return data


def _suggestion(path: Path) -> str:
    """Suggest the path that may be meant."""
    if re.match(r"[a-z][a-z0-9]+:/", str(path)):
        return "; only local files are read, so fetch it first"
    folder = path.absolute().parent
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return f" in {folder}{did_you_mean(path.name, names, cutoff=0.75)}"


def _join_command(folder: Path) -> str:
    """Return a command that joins the files of a folder, such as Spark's, into one."""
    kinds = {
        ".parquet": 'python -c "import polars as pl; '
        "pl.read_parquet('{folder}/*.parquet').write_parquet('rows.parquet')\"",
        ".csv": "cat {quoted}/*.csv > rows.csv",
        ".jsonl": "cat {quoted}/*.jsonl > rows.jsonl",
        ".json": "cat {quoted}/*.json > rows.json",
        ".tsv": "cat {quoted}/*.tsv > rows.tsv",
    }
    for suffix, command in kinds.items():
        n = len([name for name in folder.glob(f"*{suffix}") if name.is_file()])
        if n > 1:
            filled_in = command.replace("{folder}", str(folder))
            filled_in = filled_in.replace("{quoted}", shlex.quote(str(folder)))
            return f", or make one of its {n:,} files: {filled_in}"
    return ""


def _unpacked(data: bytes, path: Path) -> bytes:
    # The first bytes decide: a browser may have decompressed a .gz already.
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:3] == b"BZh":
        return bz2.decompress(data)
    if data[:6] == b"\xfd7zXZ\x00" or data[:3] == b"\x5d\x00\x00":
        return lzma.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return _unzstd(data)
    if data[:4] == b"PK\x03\x04":
        return _unzip(data, path)
    return data


def _unzip(data: bytes, path: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        # macOS adds its own notes to archives.
        names = [n for n in names if not n.startswith("__MACOSX/") and Path(n).name != ".DS_Store"]
        if "[Content_Types].xml" in names:
            raise DataError(f"{path}: an office document; save its table as CSV")
        if len(names) != 1:
            raise DataError(
                f"{path}: holds {len(names)} files ({', '.join(names[:5])}); "
                "unpack it and name one of them"
            )
        try:
            return archive.read(names[0])
        except (RuntimeError, NotImplementedError) as error:  # a password, an odd method
            raise DataError(f"{path}: {error}; unpack it first") from None


def _unzstd(data: bytes) -> bytes:
    # The standard library has no zstd before Python 3.14, but polars unpacks it when it
    # reads text: read the lines as one column of a file whose separator never occurs.
    lines = pl.read_csv(
        data, has_header=False, separator="\x01", quote_char=None, infer_schema=False
    )
    return "\n".join(lines.to_series().fill_null("").to_list()).encode()
