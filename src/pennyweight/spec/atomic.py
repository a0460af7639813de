"""Writing a file whole or not at all."""

import os
import secrets
from pathlib import Path

__all__ = ["write_atomic"]


def write_atomic(path: Path | str, data: bytes) -> None:
    """Replace a file by `data`; whatever fails, the old file stays whole.

    The bytes are written to a temporary file beside it and forced to disk before the
    name is moved over, so a reader sees the old file or the new one.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written; no temporary file is left.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # or the new name may be lost with the power
    finally:
        os.close(folder)
