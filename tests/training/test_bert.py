"""The encoder in torch computes what the ONNX graph of the same weights computes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pennyweight.encoders.tokens import tokenize
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError
from tiny_bert import write_tiny_bert

torch = pytest.importorskip("torch")

from pennyweight.training.bert import Bert  # noqa: E402

TEXTS = ["red shoe", "blue music 手机壳", "a", "shoe " * 30, "x1y2 red"]


def vectors(model: Bert, encoder: TransformerEncoder, texts: list[str]) -> np.ndarray:
    ids = tokenize(encoder.tokenizer, texts, special=True)
    width = max(map(len, ids))
    padded = torch.tensor([row + [0] * (width - len(row)) for row in ids])
    mask = torch.tensor([[i < len(row) for i in range(width)] for row in ids])
    with torch.no_grad():
        return model.pool(model.run(model.embed(padded), mask), mask).numpy()


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_parity_with_the_graph(tmp_path, kind, pooling, activation):
    folder = write_tiny_bert(tmp_path / "m", kind=kind, pooling=pooling, activation=activation)
    encoder = TransformerEncoder.from_pretrained(folder, threads=1)
    actual = vectors(Bert(find_weights(folder)), encoder, TEXTS)
    np.testing.assert_allclose(actual, encoder.encode(TEXTS), atol=2e-5)


@pytest.mark.weights
def test_parity_with_the_graph_of_the_default_model():
    try:
        weights = find_weights()
    except DataError as error:
        pytest.skip(str(error))
    encoder = TransformerEncoder.from_pretrained(threads=1)
    texts = [*TEXTS, "Avon moisture therapy hand cream, 4.2 oz. " * 8, "Кошка и собака"]
    actual = vectors(Bert(weights), encoder, texts)
    assert (actual * encoder.encode(texts)).sum(axis=1).min() > 0.9999


def edit(folder: Path, changes: dict[str, np.ndarray]) -> Path:
    save_file({**load_file(folder / "model.safetensors"), **changes}, folder / "model.safetensors")
    return folder


def test_a_model_without_a_head_is_one_whose_head_says_nothing(tmp_path):
    full = write_tiny_bert(tmp_path / "whole")
    cut = write_tiny_bert(tmp_path / "cut")
    of = load_file(full / "model.safetensors")
    at, keep = "encoder.layer.1", np.r_[0:8, 16:32]  # the second of four heads of 8
    removed = np.setdiff1d(np.arange(32), keep)
    silent = of[f"{at}.attention.output.dense.weight"].copy()
    silent[:, removed] = 0
    dead = of[f"{at}.output.dense.weight"].copy()
    dead[:, 10:] = 0
    edit(full, {f"{at}.attention.output.dense.weight": silent, f"{at}.output.dense.weight": dead})
    changes = {f"{at}.attention.output.dense.weight": np.ascontiguousarray(silent[:, keep])}
    for part in ("query", "key", "value"):
        for kind in ("weight", "bias"):
            name = f"{at}.attention.self.{part}.{kind}"
            changes[name] = of[name][keep]
    changes[f"{at}.output.dense.weight"] = np.ascontiguousarray(dead[:, :10])
    for kind in ("weight", "bias"):
        changes[f"{at}.intermediate.dense.{kind}"] = of[f"{at}.intermediate.dense.{kind}"][:10]
    edit(cut, changes)
    encoder = TransformerEncoder.from_pretrained(full, threads=1)
    actual, expected = (vectors(Bert(find_weights(f)), encoder, TEXTS) for f in (cut, full))
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    np.testing.assert_allclose(
        actual, TransformerEncoder.from_pretrained(cut).encode(TEXTS), atol=2e-5
    )


def test_every_tensor_comes_back_under_its_name(tmp_path):
    folder = write_tiny_bert(tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    tensors = {f"bert.{name}": value for name, value in tensors.items()}
    tensors["bert.pooler.dense.weight"] = np.ones((32, 32), np.float32)
    save_file(tensors, folder / "model.safetensors")
    arrays = Bert(find_weights(folder)).arrays()
    assert sorted(arrays) == sorted(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(arrays[name], value)


def test_tensors_that_do_not_fit_are_refused(tmp_path):
    folder = write_tiny_bert(tmp_path / "m")
    weights = find_weights(folder)
    with pytest.raises(DataError, match=r"no tensor 'encoder\.layer\.2"):
        Bert(replace(weights, config={**weights.config, "num_hidden_layers": 3}))
    with pytest.raises(DataError, match="activation 'mish'"):
        Bert(replace(weights, config={**weights.config, "hidden_act": "mish"}))
    edit(folder, {"encoder.layer.0.output.dense.weight": np.ones((32, 9), np.float32)})
    with pytest.raises(DataError, match=r"layer\.0\.output\.dense\.weight: shape \(32, 9\)"):
        Bert(find_weights(folder))
