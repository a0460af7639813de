"""Tuning from a model to a model: what it learns, and what a kill costs."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from small_world import CATALOG, HELD_OUT, QUICK, TEXTS, N, quick, scalars_of

import world
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import BudgetError, DataError, TrainingError
from pennyweight.evaluation.measure import measure
from pennyweight.progress.update import ProgressUpdate
from pennyweight.scorers.content import Content
from pennyweight.storage.arrays import read_arrays
from tiny_bert import write_tiny_bert

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from pennyweight.training import memory
from pennyweight.training.behavior import aligned, of_texts
from pennyweight.training.run import TrainingRun
from pennyweight.training.tasks import Pairs
from pennyweight.training.token_texts import Texts
from pennyweight.training.tune import OBJECTIVES, tune


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return find_weights(write_tiny_bert(tmp_path_factory.mktemp("model") / "m"))


def ndcg(folder: Path) -> float:
    content = Content(TransformerEncoder.from_pretrained(folder)).fit(HELD_OUT.before, CATALOG)
    results = measure({"content": content}, HELD_OUT, repeats="exclude")["content"]
    return float(results.column("ndcg@10").mean())


@pytest.mark.parametrize("objective", ["retrieve", "pairs", "both"])
def test_tuning_makes_the_ranking_better(weights, tmp_path, objective):
    settings = quick(objective, steps=60, every=20)
    trained = tune(weights, CATALOG, HELD_OUT, tmp_path, settings, objective=objective)
    before, after = trained.measurements[0][1], max(quality for _, quality in trained.measurements)
    if objective != "retrieve":  # which begins with whitened vectors
        assert before == pytest.approx(ndcg(weights.folder), abs=1e-6)
    assert after == pytest.approx(ndcg(tmp_path / "model"), abs=0.02)
    assert after > before + 0.1
    assert trained.weights == find_weights(tmp_path / "model")


def test_texts_come_near_their_targets(weights, tmp_path):
    nobody = replace(HELD_OUT, users=np.zeros(0, np.int32))  # so that the last step is the best
    settings = replace(QUICK, steps=200, every=200)
    tune(weights, CATALOG, nobody, tmp_path, settings, objective="targets")
    arrays, _ = read_arrays(tmp_path / "targets.safetensors")
    for folder, low, high in ((weights.folder, -1, 0.8), (tmp_path / "model", 0.9, 1)):
        vectors = TransformerEncoder.from_pretrained(folder).encode(TEXTS)
        near = (vectors * arrays["targets"]).sum(axis=1).mean()
        assert low < near < high


def test_curves_and_progress(weights, tmp_path):
    updates: list[ProgressUpdate] = []
    settings = replace(QUICK, layers=1)
    tune(
        weights,
        CATALOG,
        HELD_OUT,
        tmp_path,
        settings,
        objective="pairs",
        progress=updates.append,
    )
    shares = [update.stage_share for update in updates if update.stage == "train"]
    assert shares == [step / 12 for step in range(1, 13)]
    assert [update.stage_share for update in updates if update.stage == "remember"][-1] == 1
    assert {(update.stage, update.number, update.stages) for update in updates} == {
        ("remember", 1, 2),
        ("train", 2, 2),
    }
    assert updates[-1].seconds_left == 0 and updates[-1].share == 1
    scalars = scalars_of(tmp_path / "events")
    assert [step for step, _ in scalars["loss"]] == list(range(1, 13))
    assert [step for step, _ in scalars["validation"]] == [0, 4, 8, 12]
    rates = [rate for _, rate in scalars["learning_rate"]]
    assert rates[0] == pytest.approx(settings.learning_rate, rel=1e-5)  # the warm-up: one step
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(settings.learning_rate / 12, rel=1e-5)


KILLED = """
import os, signal, sys
from small_world import *
from pennyweight.encoders.weights import find_weights
from pennyweight.training.tune import tune
def progress(update):
    if update.stage == "train" and round(12 * update.stage_share) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
tune(find_weights(sys.argv[1]), CATALOG, HELD_OUT, sys.argv[2], quick(sys.argv[3]),
     progress=progress, objective=sys.argv[3])
"""


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param("retrieve", marks=pytest.mark.slow),
        "pairs",
        pytest.param("both", marks=pytest.mark.slow),
    ],
)
def test_a_killed_training_goes_on_to_the_same_result(weights, tmp_path, objective):
    settings = quick(objective)
    uninterrupted = tune(
        weights, CATALOG, HELD_OUT, tmp_path / "whole", settings, objective=objective
    )
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, weights.folder, folder, objective]
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert not (folder / "model").exists()
    steps: list[int] = []

    def progress(update: ProgressUpdate) -> None:
        if update.stage == "train":
            steps.append(round(12 * update.stage_share))

    resumed = tune(
        weights, CATALOG, HELD_OUT, folder, settings, objective=objective, progress=progress
    )
    assert steps == list(range(5, 13))  # the last checkpoint was that of step 4
    assert resumed.measurements == uninterrupted.measurements
    for name in ("training.safetensors", "model/model.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [step for step, _ in scalars_of(folder / "events")["validation"]] == [0, 4, 8, 12]
    steps.clear()
    tune(weights, CATALOG, HELD_OUT, folder, settings, objective=objective, progress=progress)
    assert not steps


def test_another_training_is_not_gone_on_with(weights, tmp_path):
    tune(weights, CATALOG, HELD_OUT, tmp_path, QUICK, objective="pairs")
    with pytest.raises(DataError, match="another model, other data or other settings"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, replace(QUICK, seed=1), objective="pairs")


def test_it_stops_where_validation_gets_no_better(weights, tmp_path):
    settings = replace(QUICK, learning_rate=1e-12, patience=2, steps=100)
    trained = tune(weights, CATALOG, HELD_OUT, tmp_path, settings, objective="pairs")
    assert trained.steps == 8
    before, after = (
        load_file(f / "model.safetensors") for f in (weights.folder, tmp_path / "model")
    )
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)


def test_a_loss_that_is_no_number_leaves_the_best_model(weights, tmp_path, monkeypatch):
    batch = Pairs.batch
    steps = 0

    def broken(self, examples):
        nonlocal steps
        steps += 1
        tensors = batch(self, examples)
        if steps < 7:
            return tensors
        return replace(tensors, loss=lambda vectors: tensors.loss(vectors) * float("nan"))

    monkeypatch.setattr(Pairs, "batch", broken)
    with pytest.raises(TrainingError, match=r"step 7: the loss is nan.*lower learning_rate"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, QUICK, objective="pairs")
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    assert all(np.isfinite(value).all() for value in tensors.values())
    assert ndcg(tmp_path / "model") >= ndcg(weights.folder) - 1e-6


def test_a_catalog_smaller_than_the_batch(weights, tmp_path):
    texts = ["red shoe", "blue music"]
    log = world.events([[0, 1], [1, 0]], 2)
    held_out = replace(
        HELD_OUT,
        users=np.zeros(0, np.int32),
        histories=log.histories.block(0, 0),
        targets=np.zeros(0, np.int32),
        target_offsets=np.zeros(1, np.int64),
        before=log,
    )
    for objective in OBJECTIVES:
        trained = tune(
            weights,
            world.catalog(texts),
            held_out,
            tmp_path / objective,
            quick(objective, batch=512),
            objective=objective,
        )
        # Without validation data the last step is the best.
        assert trained.measurements[-1] == (12, 12.0)
    with pytest.raises(DataError, match="at least two different texts"):
        tune(weights, world.catalog(["red", "RED"]), held_out, tmp_path / "one", objective="pairs")
    with pytest.raises(DataError, match="no text of the catalog has a word"):
        tune(weights, world.catalog(["", "?"]), held_out, tmp_path / "none", objective="pairs")
    with pytest.raises(DataError, match="objective 'magic'"):
        tune(weights, CATALOG, HELD_OUT, tmp_path / "x", objective="magic")


def test_memory_is_checked_before_the_start(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10_000)
    with pytest.raises(BudgetError, match=r"needs about .* GiB .*learning tensors"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, objective="pairs")
    assert not tmp_path.exists() or not list(tmp_path.glob("training*"))


def test_alignment_turns_and_does_not_bend(weights):
    texts = Texts(weights, TEXTS, max_tokens=16)
    rng = np.random.default_rng(0)
    targets = of_texts(rng.normal(size=(N, 6)).astype(np.float32), texts)
    start = rng.normal(size=(N, 32)).astype(np.float32)
    turned = aligned(targets, start, np.arange(N))
    np.testing.assert_allclose(turned @ turned.T, targets @ targets.T, atol=1e-5)
    random = np.linalg.qr(rng.normal(size=(32, 6)))[0].T
    assert (turned * start).sum() > (targets @ random * start).sum()
    narrow = aligned(turned, targets[:, :3], np.arange(N))
    assert narrow.shape == (N, 3)


def test_the_run_is_told_apart_by_its_data(weights, tmp_path):
    def fingerprint(catalog=CATALOG, task="x", settings=QUICK):
        return TrainingRun(
            weights,
            catalog,
            tmp_path,
            settings,
            task,
            held_out=HELD_OUT,
            repeats="exclude",
            progress=None,
        ).fingerprint

    other = world.catalog([*TEXTS[:-1], "other"])
    assert (
        len(
            {
                fingerprint(),
                fingerprint(other),
                fingerprint(task="y"),
                fingerprint(settings=replace(QUICK, newest=3)),
            }
        )
        == 4
    )
