from pathlib import Path

import pytest
from bundle_fills import CREATED, fill_with

from pennyweight.bundle import Bundle, write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "shop", fill_with("old"), created=CREATED, summary={"items": 3})
