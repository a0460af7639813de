"""Training by hand: its gradients against numerical differences and against torch."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.special import log_softmax

import world
from pennyweight.data.interactions import Histories
from pennyweight.scorers.two_tower_training import (
    TwoTowerSettings,
    _Adam,
    _Pairs,
    _Step,
    _unit_bag,
    train,
    unit,
)

N_ITEMS, N_WORDS, DIM = 7, 5, 3
SETTINGS = TwoTowerSettings(
    dim=DIM,
    epochs=3,
    batch=4,
    negatives=N_ITEMS,
    temperature=0.3,
    decay=0.6,
    id_dropout=0.0,
    repeats=True,
)
HISTORIES = Histories.of(
    [[0, 1, 2, 2], [3], [], [4, 0, 3], [1, 4]], [[1, 2, 1, 1], [1], [], [1, 0.5, 1], [3, 1]]
)


class Probe:
    """Parameters that remember the gradient they are given and stay where they are."""

    def __init__(self, parameters: np.ndarray) -> None:
        self.parameters, self.gradient = parameters, np.zeros_like(parameters)

    def update(self, rows, gradient: np.ndarray, factor: float) -> None:
        self.gradient[rows] += gradient


def sparse_bag() -> sparse.csr_matrix:
    rng = np.random.default_rng(1)
    dense = rng.random((N_ITEMS, N_WORDS)) * (rng.random((N_ITEMS, N_WORDS)) < 0.6)
    dense[5] = 0  # an item without text
    return _unit_bag(sparse.csr_matrix(dense))


def all_pairs(histories: Histories, settings: TwoTowerSettings):
    pairs = _Pairs(histories, settings, N_ITEMS)
    return pairs.batch(pairs.targets)


def probed(settings: TwoTowerSettings) -> _Step:
    """Return a step in float64 whose parameters are probes at a random place."""
    rng = np.random.default_rng(2)
    step = _Step(sparse_bag(), np.zeros((N_WORDS, DIM)), settings, 7)
    step.table = Probe(rng.normal(size=(N_WORDS, DIM)))
    step.item = Probe(rng.normal(size=(N_ITEMS, DIM)) * 0.5)
    step.context = Probe(rng.normal(size=(N_ITEMS, DIM)) * 0.5)
    step.log_chance = np.log(rng.uniform(0.2, 1, N_ITEMS))
    return step


def draws(step: _Step, pairs: sparse.csr_matrix, targets: np.ndarray):
    """Return the candidates and the items shown with their own vectors that a step will draw."""
    rng = np.random.default_rng(7)
    size = min(step.settings.negatives, N_ITEMS)
    drawn = rng.choice(N_ITEMS, size, replace=False, shuffle=False)
    candidates = np.unique([*targets, *drawn])
    rows = np.unique([*candidates, *pairs.indices])
    id_weight = np.zeros((N_ITEMS, 1))
    id_weight[rows, 0] = rng.random(len(rows)) >= step.settings.id_dropout
    return candidates, id_weight


def loss(step: _Step, pairs, targets, candidates, id_weight) -> float:
    """Return the sampled softmax loss, written down from its definition."""
    table, item, context = step.table.parameters, step.item.parameters, step.context.parameters
    vectors = step.words.toarray() @ table + id_weight * item
    vectors = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-8)
    queries = pairs.toarray() @ (vectors + id_weight * context)
    queries = queries / (np.linalg.norm(queries, axis=1, keepdims=True) + 1e-8)
    total = 0.0
    for query, target in zip(queries, targets, strict=True):
        logit = vectors @ query / step.settings.temperature
        correction = np.where(np.arange(N_ITEMS) == target, 0, step.log_chance)
        total -= log_softmax((logit - correction)[candidates])[candidates == target][0]
    return total / len(targets)


CASES = {
    "all items compete": {},
    "few are drawn": {"negatives": 2},
    "half are shown as text alone": {"id_dropout": 0.5},
    "the table alone": {"id_dropout": 1.0},
}


def first_step(case: str):
    settings = replace(SETTINGS, **CASES[case])
    step = probed(settings)
    pairs, targets = all_pairs(HISTORIES, settings)
    pairs = pairs.astype(np.float64)
    candidates, id_weight = draws(step, pairs, targets)
    step(pairs, targets, 1.0)
    return step, pairs, targets, candidates, id_weight


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_the_loss(case):
    step, pairs, targets, candidates, id_weight = first_step(case)
    for name in ("table", "item", "context"):
        probe = getattr(step, name)
        numeric = np.zeros_like(probe.parameters)
        for place in np.ndindex(probe.parameters.shape):
            value, change = probe.parameters[place], 1e-6
            probe.parameters[place] = value + change
            above = loss(step, pairs, targets, candidates, id_weight)
            probe.parameters[place] = value - change
            below = loss(step, pairs, targets, candidates, id_weight)
            probe.parameters[place] = value
            numeric[place] = (above - below) / (2 * change)
        learns = name == "table" or step.settings.id_dropout < 1
        assert (np.abs(numeric).max() > 1e-3) == learns, name
        np.testing.assert_allclose(probe.gradient, numeric, rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_torch_derives_the_same_gradients(case):
    torch = pytest.importorskip("torch")
    step, pairs, targets, candidates, id_weight = first_step(case)
    names = ("table", "item", "context")
    leaves = {
        name: torch.tensor(getattr(step, name).parameters, requires_grad=True) for name in names
    }
    id_weight_t, words = torch.tensor(id_weight), torch.tensor(step.words.toarray())
    vectors = torch.nn.functional.normalize(words @ leaves["table"] + id_weight_t * leaves["item"])
    inputs = vectors + id_weight_t * leaves["context"]
    queries = torch.nn.functional.normalize(torch.tensor(pairs.toarray()) @ inputs)
    logits = queries @ vectors.T / step.settings.temperature - torch.tensor(step.log_chance)
    chosen = torch.tensor(targets)
    logits[torch.arange(len(targets)), chosen] += torch.tensor(step.log_chance)[chosen]
    place = torch.tensor(np.searchsorted(candidates, targets))
    torch.nn.functional.cross_entropy(logits[:, candidates], place).backward()
    for name in names:
        np.testing.assert_allclose(
            getattr(step, name).gradient, leaves[name].grad.numpy(), rtol=1e-5, atol=1e-7
        )


def test_adam_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 3)).astype(np.float32)
    own = _Adam(start.copy(), 0.01)
    theirs = torch.tensor(start.copy(), requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.01)
    for _ in range(50):
        gradient = rng.normal(size=(4, 3)).astype(np.float32)
        own.update(slice(None), gradient, 1.0)
        theirs.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(own.parameters, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert np.abs(own.parameters - start).max() > 0.02


def test_adam_leaves_other_rows_alone():
    own = _Adam(np.ones((4, 2), np.float32), 0.1)
    own.update(np.array([1, 3]), np.ones((2, 2), np.float32), 0.5)
    # The first step of Adam has the length of the rate, here halved by the factor.
    np.testing.assert_allclose(own.parameters[:, 0], [1, 0.95, 1, 0.95], rtol=1e-5)
    np.testing.assert_array_equal(own.mean[[0, 2]], 0)


def test_the_first_adam_step_by_hand():
    own = _Adam(np.zeros((1, 2), np.float32), 0.1)
    own.update(slice(None), np.array([[2.0, -0.5]], np.float32), 1.0)
    np.testing.assert_allclose(own.parameters, [[-0.1, 0.1]], rtol=1e-5)
    own.update(slice(None), np.array([[0.0, 0.0]], np.float32), 1.0)
    # mean .1g * .9 / (1 - .81), root of square sqrt(.001g^2 * .999 / (1 - .998001)).
    second = 0.1 * (0.09 / 0.19) / np.sqrt(0.000999 / 0.001999)
    np.testing.assert_allclose(own.parameters, [[-0.1 - second, 0.1 + second]], rtol=1e-4)


def test_pairs_are_every_history_so_far_and_what_followed():
    pairs, targets = all_pairs(HISTORIES, SETTINGS)
    assert targets.tolist() == [1, 2, 2, 0, 3, 4]
    expected = np.zeros((6, N_ITEMS))
    expected[0, 0] = 1
    expected[1, [0, 1]] = [0.6, 2]
    expected[2, [0, 1, 2]] = [0.36, 1.2, 1]
    expected[3, 4] = 1
    expected[4, [4, 0]] = [0.6, 0.5]
    expected[5, 1] = 3
    np.testing.assert_allclose(pairs.toarray(), expected, rtol=1e-6)


def test_repeated_items_are_no_targets_where_repeats_are_masked():
    histories = Histories.of([[0, 1, 0, 2, 1], [0], [2, 2]])
    pairs, targets = all_pairs(histories, replace(SETTINGS, repeats=False))
    assert targets.tolist() == [1, 2]
    unmasked, followed = all_pairs(histories, SETTINGS)
    assert followed.tolist() == [1, 0, 2, 1, 2]
    # Repeated items stay part of the histories.
    np.testing.assert_array_equal(pairs.toarray(), unmasked.toarray()[[0, 2]])


@pytest.fixture
def steps(monkeypatch) -> list[tuple[int, float]]:
    """Collect the size and the factor of every step that is made."""
    made, real = [], _Step.__call__

    def note(self, pairs, targets, factor):
        made.append((len(targets), factor))
        real(self, pairs, targets, factor)

    monkeypatch.setattr(_Step, "__call__", note)
    return made


def test_an_epoch_draws_no_more_pairs_than_told(steps):
    calls = []
    settings = replace(SETTINGS, epoch_pairs=3, batch=2, epochs=4)
    train(
        sparse_bag(),
        np.ones((N_WORDS, DIM), np.float32),
        HISTORIES,
        settings,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(done, 8) for done in range(1, 9)]
    assert [size for size, _ in steps] == [2, 1] * 4


def test_the_rate_warms_up_and_falls(steps):
    settings = replace(SETTINGS, epochs=100, batch=6)  # six pairs: one step an epoch
    train(sparse_bag(), np.ones((N_WORDS, DIM), np.float32), HISTORIES, settings)
    factors = [factor for _, factor in steps]
    assert len(factors) == 100
    assert factors[0] == pytest.approx(1 / 50)
    assert factors[9] == pytest.approx(10 / 50)
    assert factors[75] == pytest.approx(0.25)
    assert factors[99] == pytest.approx(0.01)
    assert max(factors) < 0.7


def test_pairs_see_the_newest_events_only():
    pairs, targets = all_pairs(Histories.of([[0, 1, 2, 3]]), replace(SETTINGS, max_history=2))
    assert targets.tolist() == [1, 2, 3]
    assert [sorted(row.indices.tolist()) for row in pairs] == [[0], [0, 1], [1, 2]]


@pytest.mark.parametrize("rows", [[], [[]], [[1], [2]]])
def test_no_pairs(rows):
    pairs, targets = all_pairs(Histories.of(rows), SETTINGS)
    assert pairs.shape == (0, N_ITEMS)
    assert targets.tolist() == []
    vectors = train(sparse_bag(), np.ones((N_WORDS, DIM), np.float32), Histories.of(rows), SETTINGS)
    met = {item for row in rows for item in row}
    assert set(np.flatnonzero(vectors.item.any(axis=1))) == met | {5}  # where they start
    assert np.isfinite(vectors.table).all()


def test_the_chance_of_being_a_candidate():
    step = _Step(
        sparse_bag(), np.zeros((N_WORDS, DIM), np.float32), replace(SETTINGS, negatives=2), 0
    )
    targets = np.array([0, 0, 0, 1])
    step.start(targets, np.arange(N_ITEMS))
    chance = [1 - (5 / 7) * (1 / 4) ** 4, 1 - (5 / 7) * (3 / 4) ** 4] + [2 / 7] * 5
    np.testing.assert_allclose(np.exp(step.log_chance), chance, rtol=1e-5)
    # The same by drawing batches (of targets with replacement, as the formula has it).
    rng = np.random.default_rng(0)
    met = np.zeros(7)
    for _ in range(4000):
        drawn = rng.choice(7, 2, replace=False)
        met[np.unique([*drawn, *rng.choice(targets, SETTINGS.batch)])] += 1
    np.testing.assert_allclose(met / 4000, chance, atol=0.03)


def learn(**changes):
    seed = changes.pop("seed", 0)
    table = np.random.default_rng(3).normal(size=(N_WORDS, DIM + 2)).astype(np.float32)
    histories = changes.pop("histories", HISTORIES)
    return train(sparse_bag(), table, histories, replace(SETTINGS, **changes), seed=seed)


def test_with_every_item_shown_as_text_the_table_learns_alone():
    start = learn(epochs=0)
    alone, both = learn(id_dropout=1.0, learning_rate=0.05), learn(learning_rate=0.05)
    with_text = np.arange(N_ITEMS) != 5  # the item without text carries the vector of its kind
    np.testing.assert_array_equal(alone.item[with_text], start.item[with_text])
    assert not alone.context.any()
    assert not np.allclose(alone.table, start.table, atol=1e-3)
    assert not np.allclose(both.item[with_text], start.item[with_text], atol=1e-3)
    assert both.context.any()


def test_an_item_without_text_starts_at_the_mean_of_the_others():
    unmet = learn(epochs=0).items(sparse_bag())[0]
    others = unmet[np.arange(N_ITEMS) != 5]
    assert unmet[5] @ others.mean(axis=0) > 0.8 * np.linalg.norm(others.mean(axis=0))
    assert np.linalg.norm(unmet[5]) == pytest.approx(1, abs=1e-4)
    met = learn(histories=Histories.of([[0, 5, 1], [5, 2]])).items(sparse_bag())[0][5]
    assert np.linalg.norm(met) == pytest.approx(1, abs=1e-4)
    assert not np.allclose(met, unmet[5], atol=1e-3)


def test_behavior_is_learned_where_no_item_has_text():
    settings = replace(SETTINGS, epochs=80, learning_rate=0.05, decay=1.0)
    histories = Histories.of([[0, 1], [1, 0], [2, 3], [3, 2], [4, 6], [6, 4]])
    bag = sparse.csr_matrix((N_ITEMS, N_WORDS), dtype=np.float32)
    table = np.ones((N_WORDS, DIM), np.float32)
    targets, inputs = train(bag, table, histories, settings).items(bag)
    scores = unit(inputs)[0] @ targets.T
    np.fill_diagonal(scores, -np.inf)
    assert scores.argmax(axis=1)[[0, 1, 2, 3, 4, 6]].tolist() == [1, 0, 3, 2, 6, 4]


def test_words_of_no_item_stay_where_they_were():
    bag = sparse_bag().tolil()
    bag[:, 2] = 0
    table = np.random.default_rng(3).normal(size=(N_WORDS, DIM)).astype(np.float32)
    trained = train(sparse.csr_matrix(bag), table, HISTORIES, SETTINGS).table
    share = trained / table
    assert np.ptp(share[2]) < 1e-5  # scaled as a whole, not trained
    assert np.ptp(share[0]) > 1e-3


def test_the_loss_falls():
    settings = replace(SETTINGS, epochs=60, learning_rate=0.02, temperature=0.2)
    step = _Step(
        sparse_bag(),
        np.random.default_rng(0).normal(size=(N_WORDS, DIM)).astype(np.float32),
        settings,
        0,
    )
    pairs, targets = all_pairs(HISTORIES, settings)
    every, id_weight = np.arange(N_ITEMS), np.ones((N_ITEMS, 1))
    before = loss(step, pairs, targets, every, id_weight)
    for _ in range(60):
        step(pairs, targets, 1.0)
    assert loss(step, pairs, targets, every, id_weight) < 0.5 * before


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_decides_everything(seed):
    first, again, other = learn(seed=seed), learn(seed=seed), learn(seed=seed + 1)
    np.testing.assert_array_equal(first.table, again.table)
    np.testing.assert_array_equal(first.item, again.item)
    assert not np.array_equal(first.table, other.table)


def test_inputs_are_not_written_to():
    bag = world.read_only(sparse_bag())
    table = world.read_only(np.ones((N_WORDS, DIM), np.float32))
    histories = world.read_only(Histories.of([[0, 1, 2], [3, 4]]))
    assert train(bag, table, histories, SETTINGS).item.any()


def test_the_table_an_epoch_hands_over_does_not_change_later():
    epochs = []
    train(
        sparse_bag(),
        np.ones((N_WORDS, DIM), np.float32),
        HISTORIES,
        SETTINGS,
        on_epoch=lambda epoch, vectors: epochs.append((vectors, vectors.table.copy())),
    )
    assert len(epochs) == SETTINGS.epochs
    for vectors, table in epochs:
        np.testing.assert_array_equal(vectors.table, table)
    assert not np.array_equal(epochs[0][1], epochs[1][1])


def test_unit_rows():
    rows, length = unit(np.array([[3, 4], [0, 0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(length, [[5], [0]], atol=1e-6)


def test_items_without_events_are_no_negatives():
    step = probed(SETTINGS)
    step.settings = replace(SETTINGS, negatives=3)
    step.start(np.array([1, 2, 2]), np.array([0, 1, 2, 4]))
    assert step.n_negatives == 3
    assert step.log_chance[0] < step.log_chance[1] < step.log_chance[2] <= 0
    pairs = sparse.csr_matrix(([1.0], ([0], [1])), shape=(1, N_ITEMS))
    for _ in range(20):
        step(pairs, np.array([2]), 1.0)
    untouched = np.setdiff1d(np.arange(N_ITEMS), [0, 1, 2, 4])
    assert not step.item.gradient[untouched].any()
