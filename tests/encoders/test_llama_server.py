"""The client of servers against one that others wrote: llama.cpp's."""

import socket

import numpy as np
import pytest

import world
from embedding_server import KEY
from pennyweight.data.enriched import read_enriched
from pennyweight.encoders.endpoint import EndpointEncoder, EndpointSettings
from pennyweight.encoders.endpoint_client import EndpointClient
from pennyweight.encoders.gguf import GgufEncoder
from pennyweight.encoders.token_budget import TokenBudget
from pennyweight.enrichment.pipeline import enrich
from pennyweight.enrichment.writers import EndpointWriter
from pennyweight.errors import EndpointError
from tiny_gguf import write_tiny_gguf

TEXTS = ["red shoe", "blue music", "a b c"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", context=2_048)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PENNYWEIGHT_ENDPOINT_KEY", KEY)


def started(model, *, embedding: bool):
    xllamacpp = pytest.importorskip("xllamacpp")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = str(model), 2_048, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup, params.verbosity, params.cache_prompt = False, -1, False
    params.api_keys, params.port, params.embedding = [KEY], port, embedding
    if embedding:
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return xllamacpp.Server(params)


def test_vectors_of_the_server_are_those_of_the_file(model, monkeypatch):
    server = started(model, embedding=True)
    settings = EndpointSettings(f"{server.listening_address}/v1", "tiny")
    encoder = EndpointEncoder(settings)
    local = GgufEncoder.open(model, threads=1)
    assert encoder.dim == local.dim
    np.testing.assert_allclose(encoder.encode(TEXTS), local.encode(TEXTS), atol=1e-4)
    assert encoder.budget.used > len(TEXTS)
    monkeypatch.setenv("PENNYWEIGHT_ENDPOINT_KEY", "another")
    with pytest.raises(EndpointError, match="status 401"):
        encoder.encode(TEXTS)


def test_the_server_writes_phrases(model, tmp_path):
    server = started(model, embedding=False)
    client = EndpointClient(f"{server.listening_address}/v1")
    writer = EndpointWriter(client, "tiny", TokenBudget())
    result = enrich(world.catalog(["toy car"]), writer, tmp_path / "out.jsonl")
    assert result.written == 1 and writer.budget.used > 100
    assert len(read_enriched(tmp_path / "out.jsonl")) == 1
