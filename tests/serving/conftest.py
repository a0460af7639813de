"""Bundles that are served."""

from pathlib import Path

import pytest
from live import Service, service, shop


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> tuple[Path, Path]:
    """Two bundles of one shop, fitted to different events."""
    folder = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        for seed, name in enumerate("ab"):
            shop(seed=seed).save(folder / name)
    return folder / "a", folder / "b"


@pytest.fixture
def live(bundles, tmp_path) -> Service:
    with service(bundles[0], tmp_path / "live") as running:
        yield running
