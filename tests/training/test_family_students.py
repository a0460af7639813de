"""Students of every family: cut, distilled, written, and opened again."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import CATALOG, HELD_OUT, QUICK, TEXTS

from pennyweight.compression.activations import record_activations
from pennyweight.compression.model import LanguageModel
from pennyweight.compression.pruning import cut_heads, cut_layers, cut_neurons
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from tiny_families import write_tiny

pytest.importorskip("tensorboardX")

from pennyweight.training.distillation import distil_into
from pennyweight.training.tune import tune

KINDS = ["albert", "camembert", "distilbert", "electra", "mpnet"]


@pytest.fixture(scope="module", params=KINDS)
def teacher(request, tmp_path_factory):
    return find_weights(write_tiny(tmp_path_factory.mktemp("model") / request.param, request.param))


def encode(folder, texts=TEXTS):
    return TransformerEncoder.from_pretrained(folder, threads=1).encode(texts)


def test_a_cut_student_learns_from_its_teacher(teacher, tmp_path):
    targets = encode(teacher.folder)
    model = LanguageModel.of(teacher)
    model = cut_heads(model, record_activations(model, TEXTS, threads=1), keep=3)
    model = cut_neurons(model, record_activations(model, TEXTS, threads=1), keep=48)
    model = cut_layers(model, record_activations(model, TEXTS, threads=1), keep=2)
    student = model.write(tmp_path / "student")
    settings = replace(QUICK, steps=200, every=200)
    trained = distil_into(student, targets, CATALOG, tmp_path / "run", settings)
    before, after = (
        (encode(weights.folder) * targets).sum(axis=1).mean()
        for weights in (student, trained.weights)
    )
    assert after > 0.9 and after > before + 0.05
    assert trained.weights.config == student.config
    layers = LanguageModel.of(trained.weights).checkpoint.layers
    assert [(layer.heads, len(layer.inner.weight)) for layer in layers] == [(3, 48)] * 2


def test_the_last_layer_alone_learns(teacher, tmp_path):
    settings = replace(QUICK, layers=1, steps=12, every=12)
    trained = tune(teacher, CATALOG, HELD_OUT, tmp_path, settings, objective="pairs")
    before, after = teacher.tensors(), trained.weights.tensors()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    start = "encoder.layer.0." if "shared_layers" in teacher.config else "encoder.layer.2."
    assert changed and all(name.startswith(start) for name in changed)
    # The quality measured while training is that of the written model.
    quality = max(quality for _, quality in trained.measurements)
    assert quality == pytest.approx(content_quality(trained.weights.folder), abs=0.02)


def content_quality(folder):
    from pennyweight.evaluation.measure import measure
    from pennyweight.scorers.content import Content

    encoder = TransformerEncoder.from_pretrained(folder, threads=1)
    content = Content(encoder).fit(HELD_OUT.before, CATALOG)
    results = measure({"content": content}, HELD_OUT, repeats="exclude")["content"]
    return float(results.column("ndcg@10").mean())
