from pathlib import Path

import pytest
from short_texts import TEXTS

from pennyweight.compression.activations import record_activations
from pennyweight.compression.model import LanguageModel
from pennyweight.encoders.weights import find_weights
from tiny_bert import write_tiny_bert


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def model(tiny, tmp_path_factory) -> LanguageModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return LanguageModel.of(find_weights(tiny))


@pytest.fixture(scope="session")
def activations(model):
    return record_activations(model, TEXTS, threads=1)
