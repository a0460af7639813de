"""Services that a client talks to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Service, service, shop


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        shop().save(folder / "shop")
    return folder / "shop"


@pytest.fixture
def live(bundle, tmp_path) -> Iterator[Service]:
    with service(bundle, tmp_path / "live") as running:
        yield running
