"""Bundles that are served."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Service, service, two_bundles


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> tuple[Path, Path]:
    """Two bundles of one shop, fitted to different events."""
    return two_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def live(bundles, tmp_path) -> Iterator[Service]:
    with service(bundles[0], tmp_path / "live") as running:
        yield running


@pytest.fixture(scope="module")
def shared_live(bundles, tmp_path_factory) -> Iterator[Service]:
    """A service for the tests of a module that change nothing, such as those of refusals."""
    with service(bundles[0], tmp_path_factory.mktemp("shared") / "live") as running:
        yield running
