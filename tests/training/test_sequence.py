"""The sequence scorer: trained with torch, read without it."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import world
from pennyweight.config.plan import ScorersPlan
from pennyweight.data.interactions import Histories
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.errors import BundleError, MissingExtraError, PlanError
from pennyweight.fitting.components import TRAINERS, build_components, components_of
from pennyweight.fitting.encoder_choice import Encoders
from pennyweight.scorers.building import BuildContext
from pennyweight.scorers.causal_transformer import encode_histories
from pennyweight.scorers.sequence import Sequence, SequenceSettings

N = 12
SETTINGS = SequenceSettings(
    dim=16, epochs=12, batch=64, negatives=8, learning_rate=0.01, dropout=0.0, layers=2
)
CYCLE = [[(start + step) % N for step in range(9)] for start in range(N)] * 4
LOG = world.events(CYCLE, N)
CATALOG = world.catalog([f"thing number{i}" for i in range(N)])
START = np.random.default_rng(3).normal(size=(N, 16)).astype(np.float32) / 4
HISTORIES = world.odd_histories(N)


@pytest.fixture(scope="module")
def trainer():
    pytest.importorskip("torch")
    from pennyweight.training.sequence import train_sequence

    return train_sequence


def scorer_of(trainer, seed=0, settings=SETTINGS, start=START) -> Sequence:
    return Sequence(lambda events, catalog: start, trainer, settings, seed=seed)


@pytest.fixture(scope="module")
def fitted(trainer) -> Sequence:
    return scorer_of(trainer).fit(LOG, CATALOG)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_numpy_reads_as_torch_does(trainer, layers):
    import torch

    from pennyweight.training.sequence import forward

    settings = replace(SETTINGS, layers=layers, epochs=2)
    weights = scorer_of(trainer, settings=settings).fit(LOG, CATALOG).weights
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    rows = [[3], [1, 2, 5, 5, 0], np.random.default_rng(0).integers(0, N, 50).tolist()]
    vectors = encode_histories(weights, Histories.of(rows))
    for row, vector in zip(rows, vectors, strict=True):
        expected = forward(tensors, tensors["items"][row][None], settings)[0, -1].numpy()
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-4)


def test_it_learns_what_comes_next(fitted):
    for row in CYCLE[:N]:
        scores = fitted.score(Histories.of([row]))[0]
        assert scores.argmax() == (row[-1] + 1) % N


def test_the_order_of_events_matters(fitted):
    scores = fitted.score(Histories.of([[1, 2, 3], [3, 2, 1]]))
    assert np.abs(scores[0] - scores[1]).max() > 0.1


def test_the_seed_decides(trainer, fitted):
    again = scorer_of(trainer).fit(LOG, CATALOG)
    np.testing.assert_array_equal(again.score(HISTORIES), fitted.score(HISTORIES))
    other = scorer_of(trainer, seed=1).fit(LOG, CATALOG)
    assert not np.array_equal(other.score(HISTORIES), fitted.score(HISTORIES))


def test_training_leaves_torch_and_its_inputs_as_they_were(trainer):
    import torch

    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    start = world.read_only(START.copy())
    steps: list[tuple[int, int]] = []
    log = world.read_only(world.events(CYCLE, N))
    settings = replace(SETTINGS, epochs=2)
    scorer_of(trainer, settings=settings, start=start).fit(
        log, CATALOG, progress=lambda done, total: steps.append((done, total))
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert [done for done, _ in steps] == list(range(1, steps[-1][1] + 1))


def test_scores_do_not_depend_on_the_batch(fitted):
    scores = fitted.score(HISTORIES)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert not scores[[0, 5]].any()
    alone = np.vstack([fitted.score(HISTORIES.block(i, i + 1)) for i in range(len(HISTORIES))])
    np.testing.assert_allclose(scores, alone, rtol=1e-5, atol=1e-5)
    assert fitted.score(Histories.of([])).shape == (0, N)


def test_dislikes_and_older_events_are_not_read(fitted):
    plain = fitted.score(Histories.of([[1, 2], [], list(range(10)) * 5]))
    odd = Histories.of([[1, 7, 2], [7], [4, *list(range(10)) * 5]], [[2, -1, 5], [0], [1] * 51])
    np.testing.assert_allclose(fitted.score(odd), plain, atol=1e-5)


def test_a_contribution_is_what_is_lost_without_the_event(fitted):
    codes = np.array([3, 0], np.int32)
    history = Histories.of([[1, 2, 7]], [[1, 1, -1]])
    contributions = fitted.contributions(history, codes)
    score = fitted.score(Histories.of([[1, 2], [2], [1]]))[:, codes]
    np.testing.assert_allclose(contributions[:, :2], (score[0] - score[1:]).T, atol=1e-5)
    assert not contributions[:, 2].any()
    single = fitted.contributions(Histories.of([[4]]), codes)[:, 0]
    np.testing.assert_allclose(single, fitted.score(Histories.of([[4]]))[0, codes], atol=1e-5)
    long = fitted.contributions(HISTORIES.block(3, 4), codes)
    assert long.shape == (2, 120)
    assert not long[:, :70].any()
    assert long[:, 70:].any()
    assert fitted.contributions(Histories.of([[]]), codes).shape == (2, 0)


def test_saved_and_loaded(fitted, tmp_path):
    with pytest.raises(BundleError, match="missing"):
        Sequence.load(tmp_path)
    fitted.save(tmp_path)
    loaded = Sequence.load(tmp_path)
    np.testing.assert_array_equal(loaded.score(HISTORIES), fitted.score(HISTORIES))
    loaded.save(tmp_path / "again")
    name = "sequence.safetensors"
    assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()
    with pytest.raises(TypeError, match="cannot be fitted again"):
        loaded.fit(LOG, CATALOG)


@pytest.mark.parametrize(
    ("rows", "n"), [([], 2), ([[0], [1]], 2), ([[0, 0], [0]], 1), ([[0] * 70, [0, 1]], 3)]
)
def test_small_and_odd_worlds(trainer, rows, n):
    start = np.zeros((n, 3), np.float32)  # no text has a word
    scorer = scorer_of(trainer, start=start).fit(world.events(rows, n), CATALOG)
    scores = scorer.score(Histories.of([[], [0], list(range(n))]))
    assert scores.shape == (3, n)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("names", [("sequence", "tower"), ("sequence",)])
def test_it_starts_from_a_tower(trainer, names):
    encoders = Encoders(None, LexicalEncoder.fit(CATALOG.texts, dim=4), "tfidf")
    components = components_of(ScorersPlan(names=names), None, None)
    scorers = build_components(components, encoders, repeats="include", seed=7)
    assert list(scorers) == sorted(names, reverse=True)
    sequence = scorers["sequence"]
    assert sequence.seed == 7
    assert sequence.settings.repeats
    for scorer in scorers.values():
        scorer.fit(LOG, CATALOG)
    assert sequence.score(HISTORIES).any()
    if "tower" in names:
        assert sequence.vectors_of(LOG, CATALOG) is scorers["tower"].item_vectors


def test_a_resumed_one_starts_from_the_tower_that_was_resumed_before_it(trainer, tmp_path):
    encoders = Encoders(None, LexicalEncoder.fit(CATALOG.texts, dim=4), "tfidf")
    components = components_of(ScorersPlan(names=("tower", "sequence")), None, None)
    scorers = build_components(components, encoders, repeats="include", seed=7)
    for scorer in scorers.values():
        scorer.fit(LOG, CATALOG)
    codes = np.arange(len(CATALOG), dtype=np.int32)
    context = BuildContext(built={"tower": scorers["tower"]}, trainers=TRAINERS)
    tower = scorers["tower"].resumed(codes, context).fit(LOG, CATALOG)
    context = BuildContext(built={"tower": tower}, trainers=TRAINERS)
    before = scorers["sequence"].score(HISTORIES)
    resumed = scorers["sequence"].resumed(codes, context).fit(LOG, CATALOG)
    np.testing.assert_array_equal(scorers["sequence"].score(HISTORIES), before)
    assert resumed.settings == scorers["sequence"].settings
    scorers["sequence"].save(tmp_path)
    loaded = Sequence.load(tmp_path)
    with pytest.raises(PlanError, match="--full"):
        loaded.resumed(codes, BuildContext(trainers=TRAINERS))
    loaded = loaded.resumed(codes, context).fit(LOG, CATALOG)
    np.testing.assert_array_equal(loaded.score(HISTORIES), resumed.score(HISTORIES))


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "pennyweight.training.sequence", raising=False)
    encoders = Encoders(None, LexicalEncoder.fit(CATALOG.texts, dim=4), "tfidf")
    components = components_of(ScorersPlan(names=("sequence",)), None, None)
    with pytest.raises(MissingExtraError, match=r'pip install "pennyweight\[train\]"'):
        build_components(components, encoders, repeats="exclude", seed=0)
