"""A bundle that is served."""

from pathlib import Path

import pytest
from live import shop


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        shop().save(folder / "shop")
    return folder / "shop"
