"""Checkpoints whose layers have fewer heads and narrower feed-forward parts, beside torch."""

import numpy as np
import pytest

from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights, write_weights
from pennyweight.errors import DataError
from tiny_bert import HEADS, HIDDEN, INNER, LAYERS, pruned_tensors, write_tiny_bert

TEXTS = ["red shoe", "blue music 手机 for 3 days", "a b c d " * 10]
RETAINED_HEADS = [[0, 2, 3], [1]]
RETAINED_NEURONS = [list(range(0, INNER, 3)), [5, 9, 60]]


def torch_layer(torch, tensors, number, x):
    """One layer in plain torch, its sizes those of the matrices."""

    def linear(part, value):
        name = f"encoder.layer.{number}.{part}"
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return torch.nn.functional.linear(value, weight, bias)

    def norm(part, value):
        name = f"encoder.layer.{number}.{part}.LayerNorm"
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return torch.nn.functional.layer_norm(value, (HIDDEN,), weight, bias, 1e-12)

    split = [
        linear(f"attention.self.{part}", x).unflatten(-1, (-1, HIDDEN // HEADS)).transpose(0, 1)
        for part in ("query", "key", "value")
    ]
    heads = torch.nn.functional.scaled_dot_product_attention(*split)
    joined = heads.transpose(0, 1).flatten(-2)
    x = norm("attention.output", linear("attention.output.dense", joined) + x)
    inner = torch.nn.functional.gelu(linear("intermediate.dense", x))
    return norm("output", linear("output.dense", inner) + x)


def torch_vectors(tensors, tokenizer):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(value.copy()) for name, value in tensors.items()}
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        x = tensors["embeddings.word_embeddings.weight"][ids]
        x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
        x = x + tensors["embeddings.token_type_embeddings.weight"][0]
        gamma, beta = (tensors[f"embeddings.LayerNorm.{part}"] for part in ("weight", "bias"))
        x = torch.nn.functional.layer_norm(x, (HIDDEN,), gamma, beta, 1e-12)
        for number in range(LAYERS):
            x = torch_layer(torch, tensors, number, x)
        rows.append(torch.nn.functional.normalize(x.mean(0), dim=0).numpy())
    return np.stack(rows)


@pytest.fixture
def pruned(tiny, tmp_path):
    weights = find_weights(tiny)
    tensors = pruned_tensors(weights.tensors(), RETAINED_HEADS, RETAINED_NEURONS)
    text = (tiny / "tokenizer.json").read_text()
    return write_weights(tmp_path / "pruned", weights, weights.config, tensors, text)


def test_a_pruned_model_agrees_with_torch(pruned):
    encoder = TransformerEncoder.from_pretrained(pruned.folder, threads=1)
    expected = torch_vectors(pruned.tensors(), encoder.tokenizer)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-5)
    int8 = TransformerEncoder.from_pretrained(pruned.folder, threads=1, precision="int8")
    assert (int8.encode(TEXTS) * expected).sum(axis=1).min() > 0.98


def test_the_torch_of_this_test_agrees_with_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    folder = write_tiny_bert(tmp_path / "whole")
    tokenizer = TransformerEncoder.from_pretrained(folder, threads=1).tokenizer
    vectors = torch_vectors(find_weights(folder).tensors(), tokenizer)
    model = transformers.AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.no_grad():
        for text, row in zip(TEXTS, vectors, strict=True):
            states = model(input_ids=torch.tensor([tokenizer.encode(text).ids])).last_hidden_state
            vector = torch.nn.functional.normalize(states.mean(1))[0].numpy()
            np.testing.assert_allclose(row, vector, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("attention.self.query", 12, "no multiple of 8"),
        ("attention.self.key", 8, "does not fit"),
        ("attention.self.query", 0, "does not fit"),
        ("intermediate.dense", 7, "does not fit"),
    ],
)
def test_layers_that_do_not_fit_together_are_refused(pruned, tmp_path, name, rows, message):
    tensors = dict(pruned.tensors())
    for kind in ("weight", "bias"):
        key = f"encoder.layer.0.{name}.{kind}"
        tensors[key] = tensors[key][:rows]
    text = (pruned.folder / "tokenizer.json").read_text()
    with pytest.raises(DataError, match=message):
        write_weights(tmp_path / "broken", pruned, pruned.config, tensors, text)
