from pathlib import Path

import pytest

from tiny_bert import write_tiny_bert


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PENNYWEIGHT_MODEL", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("model") / "tiny")
