"""Contents of test bundles."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def fill_with(word: str) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / "part").mkdir()
        (folder / "a.txt").write_text(word * 100)
        (folder / "part" / "ü b.bin").write_bytes(word.encode() * 5000)

    return fill
