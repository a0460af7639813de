from pathlib import Path

import pytest
from bundle_fills import WHEN, fill_with

from pennyweight.bundle import Bundle, write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "shop", fill_with("old"), created=WHEN, summary={"items": 3})
