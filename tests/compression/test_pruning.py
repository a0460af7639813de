from dataclasses import replace

import numpy as np
import pytest
from short_texts import TEXTS

from pennyweight.compression.activations import Moments, record_activations
from pennyweight.compression.least_squares_pruning import eliminate
from pennyweight.compression.pruning import cut_heads, cut_layers, cut_neurons, keep_layers
from pennyweight.encoders.checkpoint import Projection
from pennyweight.encoders.graph import build_graph
from pennyweight.encoders.tokens import padded
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.errors import DataError


def vectors(model, folder, texts=TEXTS):
    return TransformerEncoder.from_pretrained(model.write(folder).folder, threads=1).encode(texts)


def test_layers_of_no_influence_go_first(model):
    tensors = dict(model.tensors)
    for name in tensors:  # layer 0 is the identity: both its parts add nothing
        if name.startswith("encoder.layer.0.") and ".output." in name:
            part = "LayerNorm.weight" if name.endswith("LayerNorm.weight") else ""
            tensors[name] = np.ones_like(tensors[name]) if part else np.zeros_like(tensors[name])
    idle = replace(model, tensors=tensors)
    activations = record_activations(idle, TEXTS, threads=1)
    assert activations.influence[0] < 0.05 < activations.influence[1]
    shallow = cut_layers(idle, activations, keep=1)
    assert shallow.config["num_hidden_layers"] == 1
    name = "attention.self.query.weight"
    first = shallow.tensors[f"encoder.layer.0.{name}"]
    np.testing.assert_array_equal(first, model.tensors[f"encoder.layer.1.{name}"])


def test_observed_activations_are_those_of_the_graph(model, activations):
    graph = build_graph(model.checkpoint, probe=True)
    ids = [[2, 5, 6, 3], [2, 7, 3]]
    session = graph.session(1)
    states = session.run(["state.0", "state.1", "inner.0", "context.1"], padded(ids))
    assert [s.shape for s in states] == [(2, 4, 32), (2, 4, 32), (2, 4, 64), (2, 4, 32)]
    inner, layer = states[2][0], model.checkpoint.layers[0]
    out = inner @ layer.outer.weight.T + layer.outer.bias
    assert np.isfinite(out).all()
    assert activations.inners[0].count == activations.contexts[1].count == activations.tokens


def test_cuts_change_shapes_and_bytes_and_stay_near(model, activations, tmp_path):
    uncut = vectors(model, tmp_path / "whole")
    heads = cut_heads(model, activations, keep=[3, 2])
    assert [layer.heads for layer in heads.checkpoint.layers] == [3, 2]
    neurons = cut_neurons(heads, activations_of(heads), keep=48)
    assert [len(layer.inner.weight) for layer in neurons.checkpoint.layers] == [48, 48]
    assert neurons.nbytes < heads.nbytes < model.nbytes
    cosine = (vectors(neurons, tmp_path / "cut") * uncut).sum(axis=1)
    assert cosine.mean() > 0.75  # random weights have no redundancy to speak of


def activations_of(model):
    return record_activations(model, TEXTS, threads=1)


def test_keeping_everything_changes_nothing(model, activations, tmp_path):
    same = cut_neurons(cut_heads(model, activations, keep=4), activations, keep=64)
    same = keep_layers(same, [0, 1])
    np.testing.assert_allclose(
        vectors(same, tmp_path / "same"), vectors(model, tmp_path / "whole"), atol=1e-5
    )


def test_removed_parts_are_refitted_from_the_remaining_ones():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 12)).astype(np.float32)
    x[:, 8:] = x[:, :4] @ rng.normal(size=(4, 4)).astype(np.float32) + 3  # a third says nothing new
    linear = Projection(rng.normal(size=(6, 12)).astype(np.float32), np.ones(6, np.float32))
    moments = Moments.of_width(12)
    moments.add(x)
    inputs, cut = eliminate(linear, moments, keep=8)
    assert cut.weight.shape == (6, 8)
    assert set(inputs) >= {4, 5, 6, 7}  # nothing else knows what these say
    expected = x @ linear.weight.T + linear.bias
    error = np.square(x[:, inputs] @ cut.weight.T + cut.bias - expected).mean() / expected.var()
    assert error < 0.01
    plain = x[:, inputs] @ linear.weight[:, inputs].T + linear.bias
    assert np.square(plain - expected).mean() / expected.var() > 10 * error


def test_groups_go_together():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 12)).astype(np.float32)
    x[:, 4:8] *= 0.01  # the second head hardly says anything
    moments = Moments.of_width(12)
    moments.add(x)
    linear = Projection(rng.normal(size=(6, 12)).astype(np.float32), np.zeros(6, np.float32))
    inputs, _ = eliminate(linear, moments, keep=2, size=4)
    assert inputs.tolist() == [0, 1, 2, 3, 8, 9, 10, 11]


def test_impossible_cuts_are_refused(model, activations):
    for cut, keep, message in [
        (cut_layers, 3, "keep 3 layers: there are 2"),
        (cut_layers, 0, "keep 0 layers"),
        (cut_heads, 0, "keep 0 heads of layer 0: there are 4"),
        (cut_heads, [1, 5], "keep 5 heads of layer 1"),
        (cut_neurons, [1], "1 numbers to keep for 2 layers"),
        (cut_neurons, 65, "keep 65 neurons of layer 0: there are 64"),
    ]:
        with pytest.raises(DataError, match=message):
            cut(model, activations, keep=keep)
    for layers in ([], [1, 0], [0, 0], [2], [-1]):
        with pytest.raises(DataError, match="layers"):
            keep_layers(model, layers)
    with pytest.raises(DataError, match="of other sizes"):
        cut_heads(cut_neurons(model, activations, keep=5), activations, keep=2)
    with pytest.raises(DataError, match="none has a word"):
        record_activations(model, ["", " "])
