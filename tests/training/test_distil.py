"""A student that comes near its teacher, from a cut model to a folder that a fit uses."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from small_world import CATALOG, HELD_OUT, QUICK, TEXTS

import pennyweight
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import ModelWeights, find_weights, write_weights
from pennyweight.errors import DataError
from tiny_bert import write_tiny_bert

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from pennyweight.training.distillation import distil_into, distilled

SETTINGS = replace(QUICK, steps=60, every=20)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> ModelWeights:
    return find_weights(write_tiny_bert(tmp_path_factory.mktemp("model") / "teacher"))


@pytest.fixture(scope="module")
def student(tmp_path_factory, teacher) -> ModelWeights:
    """Return the teacher without its second layer and half of the heads of the first."""
    tensors = {n: t for n, t in teacher.tensors().items() if not n.startswith("encoder.layer.1.")}
    at = "encoder.layer.0.attention"
    for part in ("query", "key", "value"):
        for kind in ("weight", "bias"):
            tensors[f"{at}.self.{part}.{kind}"] = tensors[f"{at}.self.{part}.{kind}"][:16]
    tensors[f"{at}.output.dense.weight"] = tensors[f"{at}.output.dense.weight"][:, :16]
    tokenizer = (teacher.folder / "tokenizer.json").read_text()
    config = {**teacher.config, "num_hidden_layers": 1}
    folder = tmp_path_factory.mktemp("model") / "student"
    return write_weights(folder, teacher, config, tensors, tokenizer)


def near(folder: Path, targets: np.ndarray) -> float:
    return float(
        (TransformerEncoder.from_pretrained(folder).encode(TEXTS) * targets).sum(axis=1).mean()
    )


def test_a_student_comes_near_its_teacher(teacher, student, tmp_path):
    targets = TransformerEncoder.from_pretrained(teacher.folder).encode(TEXTS)
    settings = replace(SETTINGS, steps=200, every=100)
    trained = distil_into(student, targets, CATALOG, tmp_path, settings)
    assert near(student.folder, targets) < 0.9
    assert near(trained.weights.folder, targets) > 0.95
    shape = load_file(tmp_path / "model/model.safetensors")[
        "encoder.layer.0.attention.self.key.bias"
    ]
    assert shape.shape == (16,)


def test_a_teacher_of_another_width(student, tmp_path):
    targets = np.random.default_rng(0).normal(size=(len(TEXTS), 8)).astype(np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    settings = replace(SETTINGS, steps=300, every=300)
    distil_into(student, targets, CATALOG, tmp_path, settings)
    for folder, low, high in ((student.folder, 0.5, 1), (tmp_path / "model", 0, 0.3)):
        vectors = TransformerEncoder.from_pretrained(folder).encode(TEXTS)
        assert low < np.abs(vectors @ vectors.T - targets @ targets.T).mean() < high


def test_a_student_that_learns_from_behavior_too(teacher, student, tmp_path):
    targets = TransformerEncoder.from_pretrained(teacher.folder).encode(TEXTS)
    trained = distil_into(
        student, targets, CATALOG, tmp_path, SETTINGS, held_out=HELD_OUT, objective="both"
    )
    qualities = [quality for _, quality in trained.measurements]
    assert max(qualities) > qualities[0] + 0.05


def test_what_cannot_be_learned_from_is_refused(student, tmp_path):
    rows = np.ones((len(TEXTS), 32), np.float32)
    for teacher in (rows[:-1], rows[0], rows * np.nan):
        with pytest.raises(DataError, match="a finite row for each of the 24 items"):
            distil_into(student, teacher, CATALOG, tmp_path)
    with pytest.raises(DataError, match="give held_out"):
        distil_into(student, rows, CATALOG, tmp_path, objective="both")
    with pytest.raises(DataError, match="objective 'all'"):
        distil_into(student, rows, CATALOG, tmp_path, objective="all")


def test_the_result_serves_a_fit_without_torch(teacher, student, tmp_path):
    targets = TransformerEncoder.from_pretrained(teacher.folder).encode(TEXTS)
    trained = distil_into(student, targets, CATALOG, tmp_path / "run", replace(SETTINGS, steps=4))
    rows = [f"item-{i},{text}\n" for i, text in enumerate(TEXTS)]
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(rows))
    log = HELD_OUT.before
    events = [
        f"u{u},item-{i},{t}\n"
        for u, i, t in zip(log.user[:600], log.item[:600], log.time[:600], strict=True)
    ]
    (tmp_path / "events.csv").write_text("user_id,item_id,position\n" + "".join(events))
    code = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("torch", "tensorboardX"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from pennyweight.cli.main import main
main()
"""
    options = ["--out", "b", "--quiet", "--scorers", "content,tower", "--encoder"]
    command = [sys.executable, "-c", code, "fit", "items.csv", "events.csv", *options]
    command.append(trained.weights.folder)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    recommender = pennyweight.Recommender.load(tmp_path / "b")
    assert len(recommender.recommend(history=["item-3"], k=5)) == 5
    report = json.dumps(recommender.report.model_dump(mode="json"))
    assert '"encoder": "model"' in report


def test_a_model_is_distilled_once_and_goes_on_where_it_was_killed(teacher, student, tmp_path):
    targets = TransformerEncoder.from_pretrained(teacher.folder).encode(TEXTS)
    steps: list[int] = []
    stop_at = 30

    def progress(stage: str, done: int, _: int) -> None:
        if stage == "train":
            steps.append(done)
            if done == stop_at:
                raise KeyboardInterrupt

    def once() -> ModelWeights:
        return distilled(student, targets, CATALOG, SETTINGS, HELD_OUT, progress=progress)

    with pytest.raises(KeyboardInterrupt):
        once()
    steps.clear()
    stop_at = 0
    weights = once()
    assert steps[0] == 21 and steps[-1] == 60  # on from the checkpoint at 20
    settings = {"held_out": HELD_OUT, "objective": "both"}
    uninterrupted = distil_into(student, targets, CATALOG, tmp_path / "whole", SETTINGS, **settings)
    assert weights.fingerprint == uninterrupted.weights.fingerprint
    steps.clear()
    assert once().fingerprint == weights.fingerprint
    assert not steps
    names = {path.name for path in weights.folder.parent.iterdir()}
    assert names == {"model", "events"}
    config = weights.folder / "config.json"
    config.write_bytes(config.read_bytes() + b" ")  # no longer what was made
    assert once().fingerprint == weights.fingerprint
    assert steps


def test_models_not_used_for_long_leave_the_cache(teacher, student, monkeypatch):
    monkeypatch.setattr("pennyweight.training.distillation.MAX_CACHED", 1)
    targets = TransformerEncoder.from_pretrained(teacher.folder).encode(TEXTS)
    settings = replace(SETTINGS, steps=1, every=1)
    for seed in (0, 1):
        weights = distilled(student, targets, CATALOG, replace(settings, seed=seed), HELD_OUT)
    place = weights.folder.parents[1]
    assert list(place.parent.iterdir()) == [place]
