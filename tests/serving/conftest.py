"""Bundles that are served."""

from pathlib import Path

import pytest
from live import Service, service, two_bundles


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> tuple[Path, Path]:
    """Two bundles of one shop, fitted to different events."""
    return two_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def live(bundles, tmp_path) -> Service:
    with service(bundles[0], tmp_path / "live") as running:
        yield running
