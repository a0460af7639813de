import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pennyweight.encoders.checkpoint import read_checkpoint
from pennyweight.encoders.graph import build_graph
from pennyweight.encoders.static import distil
from pennyweight.encoders.tokens import BATCH_TOKENS, batches, padded
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError
from tiny_bert import write_tiny_bert

VARIED = [
    "a",
    "red shoe",
    "Men's running shoe, size 44, breathable mesh; 2-pack",
    "手机壳 苹果 透明 防摔",
    "Wireless earbuds 🎧 with charging case 🔋",
    "naïve café — Übergröße",
    "the " * 700,
    "A long description. " + "It explains the product in much detail. " * 40,
    "12345 67890 3.14159",
    "http://example.org/a?b=c&d=e",
    "MIXED case AND punctuation!!! ... ???",
    "日本語のタイトル",
    "кириллица и ещё слова",
    "tab\tand\nnewline",
]


def torch_vectors(folder, texts, *, max_tokens, cls=False):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    tokenizer = TransformerEncoder.from_pretrained(
        folder, threads=1, max_tokens=max_tokens
    ).tokenizer
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = transformers.AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
        rows = []
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            pooled = states[:, 0] if cls else states.mean(1)
            rows.append(torch.nn.functional.normalize(pooled)[0].numpy())
    return np.stack(rows)


@pytest.fixture
def minilm():
    try:
        return find_weights().folder
    except DataError as error:
        pytest.skip(str(error))


@pytest.mark.weights
def test_minilm_agrees_with_torch(minilm):
    expected = torch_vectors(minilm, VARIED, max_tokens=256)
    cosine = (
        TransformerEncoder.from_pretrained(threads=2, max_tokens=256).encode(VARIED) * expected
    ).sum(axis=1)
    assert cosine.min() > 0.99999
    int8 = TransformerEncoder.from_pretrained(threads=2, precision="int8", max_tokens=256)
    cosine = (int8.encode(VARIED) * expected).sum(axis=1)
    assert cosine.min() > 0.98
    assert cosine.mean() > 0.993


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
@pytest.mark.parametrize(
    ("pooling", "activation"),
    [("mean", "gelu"), ("cls", "gelu_new"), ("mean", "gelu_pytorch_tanh")],
)
def test_random_models_agree_with_torch(tmp_path, kind, pooling, activation):
    folder = write_tiny_bert(tmp_path, kind=kind, pooling=pooling, activation=activation)
    texts = ["red shoe", "blue music 手机 for 3 days", "a b c d " * 30]
    expected = torch_vectors(folder, texts, max_tokens=256, cls=pooling == "cls")
    np.testing.assert_allclose(
        TransformerEncoder.from_pretrained(folder, threads=1).encode(texts), expected, atol=2e-5
    )


@pytest.mark.weights
def test_the_first_64_tokens_are_read_unless_told(minilm):
    words, rest = "red shoe " * 31, "blue music " * 20  # 62 and two markers
    cut, uncut = TransformerEncoder.from_pretrained(threads=1).encode([words, words + rest])
    np.testing.assert_allclose(cut, uncut, atol=1e-6)
    cut, uncut = TransformerEncoder.from_pretrained(threads=1, max_tokens=65).encode(
        [words, words + rest]
    )
    assert np.abs(cut - uncut).max() > 1e-3


def test_int8_is_near_fp32(tiny):
    texts = ["red shoe", "blue music", "手机壳"]
    full = TransformerEncoder.from_pretrained(tiny, threads=1)
    small = TransformerEncoder.from_pretrained(tiny, threads=1, precision="int8")
    assert (full.encode(texts) * small.encode(texts)).sum(axis=1).min() > 0.99
    assert (full.name, small.name) == ("tiny", "tiny-int8")


def test_texts_are_cut_at_what_the_model_can_take(tiny):
    encoder = TransformerEncoder.from_pretrained(tiny, threads=1, max_tokens=10_000)
    assert encoder.max_tokens == 64
    np.testing.assert_allclose(
        encoder.encode(["red " * 62]), encoder.encode(["red " * 5000]), atol=1e-6
    )


def test_progress_counts_every_text(tiny):
    calls = []
    texts = ["red shoe", "", "blue " * 60] * 50
    TransformerEncoder.from_pretrained(tiny, threads=1).encode(
        texts, progress=lambda *p: calls.append(p)
    )
    assert calls[-1] == (150, 150)
    assert calls == sorted(calls)


def test_batches_keep_to_the_token_budget():
    ids = [[0] * length for length in (1, 300, 7, 2000, 40, 40, 5) * 20]
    split = list(batches(ids))
    assert sorted(i for batch in split for i in batch) == list(range(len(ids)))
    for batch in split:
        assert len(batch) == 1 or max(len(ids[i]) for i in batch) * len(batch) <= BATCH_TOKENS


@pytest.mark.parametrize(
    ("settings", "message"), [({"precision": "fp8"}, "fp8"), ({"max_tokens": 2}, "at least 3")]
)
def test_impossible_settings_are_refused(tiny, settings, message):
    with pytest.raises(DataError, match=message):
        TransformerEncoder.from_pretrained(tiny, **settings)


def test_checkpoints_that_do_not_fit_say_why(tiny):
    weights = find_weights(tiny)
    tensors = weights.tensors()
    with pytest.raises(DataError, match="supported are"):
        read_checkpoint({**weights.config, "hidden_act": "mish"}, tensors)
    with pytest.raises(DataError, match=r"encoder\.layer\.2"):
        read_checkpoint({**weights.config, "num_hidden_layers": 3}, tensors)
    with pytest.raises(DataError, match="does not fit"):
        read_checkpoint({**weights.config, "hidden_size": 16}, tensors)
    with pytest.raises(DataError, match="does not fit"):
        read_checkpoint({**weights.config, "vocab_size": 7}, tensors)


def test_a_head_prefix_is_seen_through(tiny):
    weights = find_weights(tiny)
    tensors = weights.tensors()
    prefixed = {f"bert.{name}": value for name, value in tensors.items()}
    graphs = [build_graph(read_checkpoint(weights.config, t)) for t in (tensors, prefixed)]
    assert graphs[0].model == graphs[1].model


def test_distilling_reads_the_cache_and_survives_its_damage(tiny, own_cache):
    transformer = TransformerEncoder.from_pretrained(tiny, threads=1)
    ticks = []
    first = distil(transformer, dim=8, progress=lambda *p: ticks.append(p))
    assert ticks[-1] == (len(first.table), len(first.table))
    ticks.clear()
    again = distil(transformer, dim=8, progress=lambda *p: ticks.append(p))
    assert not ticks
    assert again.fingerprint == first.fingerprint
    (stored,) = (own_cache / "static").glob("*/static.safetensors")
    data = bytearray(stored.read_bytes())
    data[-5] ^= 255
    stored.write_bytes(data)
    made = distil(transformer, dim=8, progress=lambda *p: ticks.append(p))
    assert ticks
    assert made.fingerprint == first.fingerprint
    fresh = TransformerEncoder.from_pretrained(tiny, threads=1)
    distil(fresh, dim=8)
    assert "session" not in vars(fresh)  # what is cached needs no session
    with pytest.raises(DataError, match="dim 33"):
        distil(transformer, dim=33)


def test_large_constants_stand_beside_the_model_and_are_let_go(tmp_path, monkeypatch):
    folder = write_tiny_bert(tmp_path)
    encoder = TransformerEncoder.from_pretrained(folder, threads=1)
    vectors = encoder.encode(["red shoe", "blue music 3"])
    monkeypatch.setattr("pennyweight.encoders.operators.INLINE", 64)
    weights = find_weights(folder)
    graph = build_graph(read_checkpoint(weights.config, weights.tensors()))
    assert graph.nbytes - len(graph.model) >= sum(
        array.nbytes for name, array in find_weights(folder).tensors().items() if "layer" in name
    )
    session = graph.session(1)
    del graph  # the session keeps what it needs
    ids = [encoder.tokenizer.encode(text).ids for text in ("red shoe", "blue music 3")]
    for row, tokens in zip(vectors, ids, strict=True):
        unit = session.run(["unit"], padded([tokens]))[0][0]
        np.testing.assert_allclose(unit, row, atol=1e-6)


def test_8_bits_stay_8_bits_on_disk(tmp_path):
    texts = ["red shoe", "blue music 3", "a 4 手机"]
    encoder = TransformerEncoder.from_pretrained(
        write_tiny_bert(tmp_path / "tiny"), precision="int8"
    )
    encoder.save(tmp_path / "saved")
    again = TransformerEncoder.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint and again.name == encoder.name
    np.testing.assert_array_equal(again.encode(texts), encoder.encode(texts))
    full, small = (
        (tmp_path / folder / "model.safetensors").stat().st_size
        for folder in ("tiny", "saved/tiny")
    )
    assert small < full / 2
    stored = load_file(tmp_path / "saved/tiny/model.safetensors")
    tables = ("word_embeddings", "position_embeddings")
    assert all(stored[f"embeddings.{name}.weight"].dtype == np.int8 for name in tables)
    again.save(tmp_path / "twice")
    twice = TransformerEncoder.load(tmp_path / "twice")
    np.testing.assert_array_equal(twice.encode(texts), encoder.encode(texts))


def test_a_matrix_in_8_bits_without_its_width_is_refused(tmp_path):
    encoder = TransformerEncoder.from_pretrained(
        write_tiny_bert(tmp_path / "tiny"), precision="int8"
    )
    encoder.save(tmp_path / "saved")
    path = tmp_path / "saved/tiny/model.safetensors"
    tensors = {name: value for name, value in load_file(path).items() if "packing" not in name}
    save_file(tensors, path)
    with pytest.raises(DataError, match=rf"^{path}: a matrix in 8 bits lacks a part"):
        TransformerEncoder.load(tmp_path / "saved")
