from datetime import UTC, datetime
from pathlib import Path

import pytest

from pennyweight.bundle import Bundle, write_bundle

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def fill_with(word: str):
    def fill(folder: Path) -> None:
        (folder / "part").mkdir()
        (folder / "a.txt").write_text(word * 100)
        (folder / "part" / "ü b.bin").write_bytes(word.encode() * 5000)

    return fill


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "shop", fill_with("old"), created=WHEN, summary={"items": 3})
