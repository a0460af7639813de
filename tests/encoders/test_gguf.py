"""Vectors from GGUF files: a tiny one made here, and Gemma 3 270M where it is there."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import small_shop
from pennyweight.config.plan import Plan
from pennyweight.encoders.gguf import GgufEncoder
from pennyweight.encoders.gguf_header import read_header
from pennyweight.encoders.prompts import Prompts
from pennyweight.errors import BundleError, DataError, MissingExtraError, PlanError
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.encoder_choice import check_encoder
from pennyweight.recommender import Recommender
from tiny_gguf import CONTEXT, DIM, write_tiny_gguf

TEXTS = [
    "red shoe",
    "blue music",
    "",
    "🎉",
    "red \ud800 shoe",
    "a\x00b",
    "music " * 2_000,
    "red shoe",
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def encoder(tiny) -> GgufEncoder:
    return GgufEncoder.open(tiny, threads=1, max_tokens=32)


def test_a_text_with_a_dense_start_is_cut_until_it_fits(tiny):
    encoder = GgufEncoder.open(tiny, threads=1, max_tokens=CONTEXT)
    dense = "€" * 40  # three tokens each, before words of one
    cut, start = encoder.encode([dense + " music" * 200, dense])
    assert np.linalg.norm(cut) == pytest.approx(1, abs=1e-5) and not np.array_equal(cut, start)


def test_vectors_are_unit_rows_and_zero_for_texts_without_words(encoder):
    steps = []
    rows = encoder.encode(TEXTS, progress=lambda *step: steps.append(step))
    assert rows.shape == (len(TEXTS), DIM) and rows.dtype == np.float32
    norms = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(norms, [1, 1, 0, 0, 1, 1, 1, 1], atol=1e-5)
    assert steps[-1] == (len(TEXTS), len(TEXTS))
    assert encoder.encode([]).shape == (0, DIM)
    with pytest.raises(DataError, match="list of texts"):
        encoder.encode("red shoe")


def test_a_vector_is_the_same_bit_for_bit_whatever_the_batch(encoder, tiny):
    together = encoder.encode(TEXTS)
    alone = np.vstack([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(encoder.encode(TEXTS[::-1])[::-1], together)
    again = GgufEncoder.open(tiny, threads=1, max_tokens=32)
    np.testing.assert_array_equal(again.encode(TEXTS), together)
    assert again.fingerprint == encoder.fingerprint


def test_long_texts_are_cut(encoder):
    long, longer = encoder.encode(["music " * 40, "music " * 4_000])
    np.testing.assert_allclose(long, longer, atol=0.05)


def test_pooling_prompts_and_cut_change_vectors_and_fingerprint(encoder, tiny):
    others = [
        GgufEncoder.open(tiny, threads=1, max_tokens=32, pooling="last"),
        encoder.with_prompts(Prompts("red ", "blue ")),
        GgufEncoder.open(tiny, threads=1, max_tokens=16),
    ]
    assert len({encoder.fingerprint, *(other.fingerprint for other in others)}) == 4
    text = ["red shoe"]
    assert not np.allclose(others[0].encode(text), encoder.encode(text), atol=1e-3)
    prompted = others[1]
    np.testing.assert_array_equal(prompted.encode(text), encoder.encode(["blue red shoe"]))
    np.testing.assert_array_equal(prompted.encode_queries(text), encoder.encode(["red red shoe"]))
    assert GgufEncoder.open(tiny, max_tokens=10_000).max_tokens == CONTEXT


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_the_pooling_of_the_file_counts(tmp_path, pooling):
    path = write_tiny_gguf(tmp_path / "own.gguf", pooling=pooling)
    assert GgufEncoder.open(path).pooling == read_header(path).pooling == pooling


def test_a_damaged_file_is_refused_before_it_is_loaded(tiny, tmp_path):
    data = tiny.read_bytes()
    path = tmp_path / "bad.gguf"
    for content, message in (
        (data[: len(data) // 2], rf"has {len(data) // 2:,} of {len(data):,} bytes.*cut off"),
        (data[:-1], "cut off"),
        (data[:200], "damaged or cut"),
        (data[:3], "no GGUF file"),
        (b"", "no GGUF file"),
        (b"# A page of words\n" * 20, "no GGUF file"),
        (data[:4] + b"\x09\0\0\0" + data[8:], "version 9"),
        (data[:8] + b"\xff" * 8 + data[16:], "damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            GgufEncoder.open(path)
        with pytest.raises(DataError, match=message):
            check_encoder(str(path))
    with pytest.raises(DataError, match="cannot be read"):
        GgufEncoder.open(tmp_path / "none.gguf")


def test_every_damaged_header_is_an_error_of_ours(tiny, tmp_path):
    data, rng = tiny.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "bad.gguf"
    for _ in range(200):
        content = bytearray(data[:4_000])
        for at in rng.integers(4, 4_000, 4).tolist():
            content[at] = int(rng.integers(256))
        path.write_bytes(content)
        with pytest.raises(DataError):
            read_header(path)


def test_a_family_that_the_runtime_does_not_know_is_refused(tiny, tmp_path):
    path = tmp_path / "other.gguf"
    path.write_bytes(tiny.read_bytes().replace(b"llama", b"lemur"))
    with pytest.raises(DataError, match="cannot load this lemur model"):
        GgufEncoder.open(path, threads=1).encode(["red shoe"])


def test_without_the_extra_the_command_to_install_it_is_named(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtraError, match=r'pip install "pennyweight\[gguf\]"'):
        GgufEncoder.open(tiny, threads=1).encode(["red shoe"])


def test_the_bundle_has_the_place_of_the_file(tiny, tmp_path, monkeypatch, caplog):
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "model.gguf"
    path.write_bytes(tiny.read_bytes())
    encoder = GgufEncoder.open(path, threads=1, max_tokens=32)
    encoder = encoder.with_prompts(Prompts("red ", ""))
    vectors = encoder.encode_queries(["shoe"])
    encoder.save(tmp_path)
    loaded = GgufEncoder.load(tmp_path)
    assert loaded.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(loaded.encode_queries(["shoe"]), vectors)
    elsewhere = folder.rename(tmp_path / "elsewhere")
    moved = GgufEncoder.load(tmp_path)
    assert not moved.encode_queries(["shoe"]).any() and "is not there" in caplog.text
    monkeypatch.setenv("PENNYWEIGHT_GGUF", str(elsewhere))
    np.testing.assert_array_equal(GgufEncoder.load(tmp_path).encode_queries(["shoe"]), vectors)
    (elsewhere / "model.gguf").write_bytes(tiny.read_bytes() + b"\0")
    with pytest.raises(DataError, match="other bytes"):
        GgufEncoder.load(tmp_path).encode_queries(["shoe"])
    (tmp_path / "gguf.json").write_text('{"path": 3}')
    with pytest.raises(BundleError, match="missing or damaged"):
        GgufEncoder.load(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
def test_the_runtime_listens_on_no_port(encoder):
    encoder.encode(["red"])
    address = encoder._model._server.listening_address
    path = Path(address.removeprefix("unix://"))
    assert address.startswith("unix://") and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_fit_save_and_search(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    plan = Plan().override({"evaluate.encoder_ablation": False, "encoder.query_prefix": "red "})
    items, events = small_shop.items(), small_shop.events()
    made = fit(items, events, plan=plan, encoder=str(tiny), scorers=["content"])
    assert made.scorer.search is None  # which would take thousands of texts more
    made.save(tmp_path / "bundle")
    loaded = Recommender.load(tmp_path / "bundle")
    request = {"text": "dark tea", "k": 3}
    assert loaded.recommend(**request).equals(made.recommend(**request))
    with pytest.raises(PlanError, match="no folder and no model id"):
        evaluate(items, events, encoder="tiny.ggml")


GEMMA = Path(os.environ.get("PENNYWEIGHT_GEMMA", "/none"))


@pytest.mark.weights
def test_a_real_decoder_tells_alike_from_unlike():
    if not GEMMA.is_file():
        pytest.skip("PENNYWEIGHT_GEMMA names no GGUF file of Gemma 3 270M")
    encoder = GgufEncoder.open(GEMMA, threads=2)
    texts = ["running shoe for men", "men's sneaker for running", "cast iron frying pan"]
    rows = encoder.encode(texts)
    assert encoder.dim == 640 and rows[0] @ rows[1] > rows[0] @ rows[2] + 0.05
    np.testing.assert_array_equal(encoder.encode(texts[:1])[0], rows[0])


def test_the_runtime_is_imported_only_for_gguf():
    code = "import pennyweight, pennyweight.fitting, sys; sys.exit('xllamacpp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
