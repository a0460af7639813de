"""Every family of encoders beside transformers: as it is, in 8 bits, cut, and written again."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pennyweight.compression.activations import record_activations
from pennyweight.compression.model import LanguageModel
from pennyweight.compression.pruning import cut_heads, cut_layers, cut_neurons, keep_layers
from pennyweight.compression.vocabulary import cut_vocabulary
from pennyweight.encoders.families import FAMILIES
from pennyweight.encoders.tokens import tokenize
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights, write_weights
from pennyweight.errors import DataError
from tiny_families import MODELS, pool, states, torch, unit, write_tiny

TEXTS = ["red shoe", "blue music 手机 for 3 days", "a", "a b c d " * 30, "red 壳"]
FEW = [f"red {a}{b} shoe {b}{a}" for a in "abcde" for b in "fghij"]
DISTANT = 140  # tokens, more than the relative buckets tell apart


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def folder(request, tmp_path_factory) -> Path:
    return write_tiny(tmp_path_factory.mktemp(request.param) / "tiny", request.param)


def encoder_of(folder: Path, precision: str = "fp32") -> TransformerEncoder:
    return TransformerEncoder.from_pretrained(
        folder, threads=1, precision=precision, max_tokens=DISTANT
    )


def states_of(folder: Path, texts: list[str]) -> list[np.ndarray]:
    return states(folder, [encoder_of(folder).tokenizer.encode(text).ids for text in texts])


def expected(folder: Path, texts: list[str] = TEXTS) -> np.ndarray:
    return unit(np.stack([row.mean(0) for row in states_of(folder, texts)]))


def of_torch(folder: Path, texts: list[str]) -> np.ndarray:
    """Return the vectors that the model for training gives."""
    from pennyweight.training.bert import Bert

    model = Bert(find_weights(folder))
    ids = tokenize(encoder_of(folder).tokenizer, texts, special=True)
    width = max(map(len, ids))
    padded = torch.tensor([row + [0] * (width - len(row)) for row in ids])
    mask = torch.tensor([[i < len(row) for i in range(width)] for row in ids])
    with torch.no_grad():
        return model.pool(model.run(model.embed(padded), mask), mask).numpy()


def test_every_family_has_a_model_in_these_tests():
    assert set(MODELS) == set(FAMILIES)


def test_vectors_are_those_of_transformers(folder):
    vectors, encoder = expected(folder), encoder_of(folder)
    np.testing.assert_allclose(encoder.encode(TEXTS), vectors, atol=2e-5)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, encoder.encode(TEXTS), atol=1e-6)
    np.testing.assert_allclose(of_torch(folder, TEXTS), vectors, atol=2e-5)
    small = encoder_of(folder, "int8")
    cosine = (small.encode(TEXTS) * vectors).sum(axis=1)
    assert cosine.min() > 0.98
    assert cosine.mean() > 0.99
    alone = np.concatenate([small.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, small.encode(TEXTS), atol=0.02)


def test_a_written_model_is_read_by_transformers_too(folder, tmp_path):
    weights = find_weights(folder)
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    tensors = {name: 0.9 * value for name, value in weights.tensors().items()}
    written = write_weights(tmp_path / "new", weights, weights.config, tensors, text)
    assert written.config == weights.config
    assert set(load_file(tmp_path / "new/model.safetensors")) == set(
        load_file(folder / "model.safetensors")
    )
    vectors = encoder_of(written.folder).encode(TEXTS)
    np.testing.assert_allclose(vectors, expected(written.folder), atol=2e-5)
    assert np.abs(vectors - encoder_of(folder).encode(TEXTS)).max() > 1e-3


def test_a_cut_model_is_written_and_opened_again(folder, tmp_path):
    model = cut_vocabulary(LanguageModel.of(find_weights(folder)), FEW, frequent=0)
    before = encoder_of(folder).encode(FEW)
    uncut = encoder_of(model.write(tmp_path / "words").folder)
    np.testing.assert_allclose(uncut.encode(FEW), before, atol=1e-6)
    model = cut_heads(model, record_activations(model, FEW, threads=1), keep=2)
    model = cut_neurons(model, record_activations(model, FEW, threads=1), keep=40)
    narrow = encoder_of(model.write(tmp_path / "narrow").folder).encode(FEW)
    assert 0.5 < (narrow * before).sum(axis=1).mean() < 0.9999
    model = cut_layers(model, record_activations(model, FEW, threads=1), keep=2)
    layers = model.checkpoint.layers
    assert [(layer.heads, len(layer.inner.weight)) for layer in layers] == [(2, 40)] * 2
    vectors = encoder_of(model.write(tmp_path / "cut").folder).encode(FEW)
    np.testing.assert_allclose(of_torch(tmp_path / "cut", FEW), vectors, atol=2e-5)
    small = encoder_of(tmp_path / "cut", "int8")
    assert (small.encode(FEW) * vectors).sum(axis=1).min() > 0.97
    small.save(tmp_path / "saved")
    saved = TransformerEncoder.load(tmp_path / "saved")
    np.testing.assert_array_equal(saved.encode(FEW), small.encode(FEW))


def test_all_parts_kept_change_nothing(folder):
    model = LanguageModel.of(find_weights(folder))
    activations = record_activations(model, FEW, threads=1)
    same = cut_neurons(cut_heads(model, activations, keep=4), activations, keep=64)
    for name in same.tensors.keys() & model.tensors.keys():
        np.testing.assert_allclose(same.tensors[name], model.tensors[name], atol=2e-6)
    shared = model.checkpoint.layers[0].relative
    if shared is not None:
        for layer in same.checkpoint.layers:
            np.testing.assert_array_equal(layer.relative, shared)


def test_poolings(tmp_path):
    folder = write_tiny(tmp_path / "tiny", "distilbert")
    rows = states_of(folder, TEXTS)
    for pooling in ("mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken"):
        (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode": pooling}))
        vectors = unit(np.stack([pool(row, pooling) for row in rows]))
        np.testing.assert_allclose(encoder_of(folder).encode(TEXTS), vectors, atol=2e-5)
        np.testing.assert_allclose(of_torch(folder, TEXTS), vectors, atol=2e-5)


def test_groups_of_layers_that_share_tensors(tmp_path):
    folder = write_tiny(tmp_path / "tiny", "albert", num_hidden_groups=2)
    np.testing.assert_allclose(encoder_of(folder).encode(TEXTS), expected(folder), atol=2e-5)
    model = LanguageModel.of(find_weights(folder))
    assert model.config["shared_layers"] == [0, 0, 1]
    activations = record_activations(model, FEW, threads=1)
    cut = cut_heads(model, activations, keep=[2, 2, 3])
    assert [layer.heads for layer in cut.checkpoint.layers] == [2, 2, 3]
    with pytest.raises(DataError, match="layers that share their tensors must keep as much"):
        cut_heads(model, activations, keep=[2, 3, 3])
    last = keep_layers(cut, [1, 2])
    assert last.config["shared_layers"] == [0, 1]
    np.testing.assert_allclose(
        encoder_of(last.write(tmp_path / "cut").folder).encode(FEW),
        of_torch(tmp_path / "cut", FEW),
        atol=2e-5,
    )
    assert keep_layers(cut, [1]).nbytes < keep_layers(cut, [2]).nbytes < cut.nbytes


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("albert", {"inner_group_num": 2}, "3 layers in 1 groups of 2; supported are"),
        ("albert", {"num_hidden_groups": 4}, "3 layers in 4 groups of 1"),
        ("albert", {"num_hidden_groups": "one"}, "3 layers in one groups"),
        ("albert", {"shared_layers": [0]}, r"shared_layers \[0\]: a number for each of 3"),
        ("albert", {"shared_layers": ["a", "b", "c"]}, "a number for each of 3"),
        ("albert", {"shared_layers": [0, 0, 5]}, r"no tensor 'encoder\.albert_layer_groups\.5\."),
        ("electra", {"embedding_size": "small"}, "no number above 0 for embedding_size"),
        ("electra", {"embedding_size": 32}, r"word_embeddings\.weight: shape"),
        ("distilbert", {"dim": 0}, "no number above 0 for dim"),
        ("distilbert", {"n_heads": 5}, "no multiple of 5 heads"),
        ("distilbert", {"model_type": "bert"}, "no number above 0 for hidden_size, num_att"),
        ("distilbert", {"n_layers": 4}, r"no tensor 'transformer\.layer\.3\."),
        ("mpnet", {"model_type": "roberta"}, "no tensor 'embeddings.token_type_embeddings"),
        ("mpnet", {"model_type": "modernbert"}, "'modernbert'; supported are bert, .*encoder add"),
        ("mpnet", {"model_type": ["mpnet"]}, "supported are bert"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, kind, changes, message):
    folder = write_tiny(tmp_path / "tiny", kind)
    edit_config(folder, **changes)
    with pytest.raises(DataError, match=message):
        encoder_of(folder)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("electra", "embeddings_project.weight"),
        ("albert", "encoder.embedding_hidden_mapping_in.bias"),
        ("distilbert", "transformer.layer.1.ffn.lin2.weight"),
        ("mpnet", "encoder.layer.2.attention.attn.o.bias"),
        ("mpnet", "encoder.relative_attention_bias.weight"),
    ],
)
def test_tensors_that_are_missing_misshapen_or_no_numbers_are_named(tmp_path, kind, name):
    folder = write_tiny(tmp_path / "tiny", kind)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({key: value for key, value in tensors.items() if key != name}, path)
    with pytest.raises(DataError, match=f"no tensor '{name}'"):
        encoder_of(folder)
    save_file({**tensors, name: tensors[name][..., :-1].copy()}, path)
    with pytest.raises(DataError, match=f"{name}: shape .* does not fit config"):
        encoder_of(folder)
    save_file({**tensors, name: np.full_like(tensors[name], np.inf)}, path)
    with pytest.raises(DataError, match=rf"'{name}' is not finite"):
        encoder_of(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    folder = write_tiny(tmp_path / "tiny", "mpnet")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["another"] = 500
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DataError, match="token id 500, but the model has"):
        encoder_of(folder)
