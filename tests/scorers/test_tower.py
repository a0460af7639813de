"""Two towers: training, and the parts of a score."""

from dataclasses import replace

import numpy as np
import pytest

import world
from pennyweight.data.interactions import Histories
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.evaluation.measure import measure
from pennyweight.scorers.building import BuildContext
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings

SETTINGS = TwoTowerSettings(
    dim=8, epochs=6, batch=16, negatives=8, temperature=0.2, learning_rate=0.05
)
BOARD, CATALOG = world.checkerboard()
ENCODER = LexicalEncoder.fit(CATALOG.texts, dim=8)
ALL = np.arange(len(CATALOG), dtype=np.int32)  # the codes of items that stay


@pytest.fixture(scope="module")
def tower() -> TwoTower:
    return TwoTower(ENCODER, SETTINGS).fit(BOARD.before, CATALOG)


def test_the_score_is_a_cosine_over_the_temperature(tower):
    history = Histories.of([[0, 3, 4]], [[1.0, 2.0, 1.0]])
    c = tower.history_vectors.astype(np.float64)
    query = SETTINGS.decay**2 * c[0] + 2 * SETTINGS.decay * c[3] + c[4]
    query /= np.linalg.norm(query)
    expected = tower.item_vectors @ query / SETTINGS.temperature
    np.testing.assert_allclose(tower.score(history), [expected], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(tower.item_vectors, axis=1), 1, rtol=1e-5)
    assert np.abs(tower.score(BOARD.histories)).max() <= 1 / SETTINGS.temperature + 1e-4


def test_the_decay_can_be_set_after_the_fit(tower):
    history = Histories.of([[0, 3]])
    before = tower.score(history)
    try:
        tower.decay = 0.0
        alone = tower.score(history)
        parts = tower.contributions(history, np.arange(20, dtype=np.int32))
    finally:
        tower.decay = SETTINGS.decay
    np.testing.assert_allclose(alone, tower.score(Histories.of([[3]])), rtol=1e-5, atol=1e-5)
    assert not np.allclose(alone, before)
    assert not parts[:, 0].any()
    np.testing.assert_allclose(parts[:, 1], alone[0], rtol=1e-4, atol=1e-4)


def test_only_the_newest_events_count(tower):
    newest = [int(i) for i in np.arange(SETTINGS.max_history) % 6]
    long, short = Histories.of([[7] * 9 + newest]), Histories.of([newest])
    np.testing.assert_allclose(tower.score(long), tower.score(short), rtol=1e-5, atol=1e-5)
    parts = tower.contributions(long, np.arange(4, dtype=np.int32))
    assert not parts[:, :9].any()


def test_an_item_that_nobody_has_met_is_reached_by_its_text():
    log, _ = BOARD.before, CATALOG
    texts = (*CATALOG.texts, "even thing brand new", "odd thing brand new")
    catalog = world.catalog(texts)
    rows = [log.histories.block(u, u + 1).item.tolist() for u in range(len(log.users))]
    tower = TwoTower(LexicalEncoder.fit(texts, dim=8), SETTINGS).fit(
        world.events(rows, 22), catalog
    )
    scores = tower.score(BOARD.histories)
    for user in range(20):
        same, other = scores[user, 20 + user % 2], scores[user, 21 - user % 2]
        assert same > other


def test_items_that_come_later_are_neutral_on_average(tower):
    n = len(CATALOG)
    texts = [CATALOG.texts[0], CATALOG.texts[1], "zebra"]
    later = tower.with_items(np.arange(n, n + 3, dtype=np.int32), texts, n + 3)
    alone = Histories.of([[item] for item in range(n)])
    score = later.score(alone)
    np.testing.assert_allclose(score[:, n:].mean(axis=0), score[:, :n].mean(), atol=0.2)
    white, black = score[::2, n:].mean(axis=0), score[1::2, n:].mean(axis=0)
    assert (white[0] - black[0]) * (white[1] - black[1]) < 0  # each for its own kind of reader
    assert score[:, :n].tobytes() == np.ascontiguousarray(tower.score(alone)).tobytes()


def test_behavior_that_no_text_tells_is_learned():
    _, catalog = BOARD, world.catalog(["thing"] * 20)
    settings = TwoTowerSettings(
        dim=8, epochs=40, batch=16, negatives=8, temperature=0.2, learning_rate=0.05
    )
    encoder = LexicalEncoder.fit(CATALOG.texts, dim=8)
    tower = TwoTower(encoder, settings).fit(BOARD.before, catalog)
    ranks = measure({"tower": tower}, BOARD, repeats="exclude")["tower"].ranks
    assert (ranks == 0).all(), ranks


def test_epochs_stop_where_told():
    short = TwoTower(ENCODER, SETTINGS)
    short.epochs = 2
    short.fit(BOARD.before, CATALOG)
    scores = {}

    def on_epoch(epoch: int) -> bool:
        scores[epoch] = long.score(BOARD.histories)
        return epoch == 3

    long = TwoTower(ENCODER, SETTINGS)
    long.fit(BOARD.before, CATALOG, on_epoch=on_epoch)
    assert list(scores) == [1, 2, 3]
    np.testing.assert_array_equal(scores[2], short.score(BOARD.histories))
    np.testing.assert_array_equal(scores[3], long.score(BOARD.histories))


def test_progress_reaches_the_end():
    calls = []
    TwoTower(ENCODER, SETTINGS).fit(
        BOARD.before, CATALOG, progress=lambda done, total: calls.append((done, total))
    )
    steps = 6 * 10  # 20 users have 8 pairs each, in batches of 16
    assert calls == [(done, steps) for done in range(1, steps + 1)]


def test_settings_and_choices_survive_saving(tmp_path):
    tower = TwoTower(ENCODER, SETTINGS, seed=3).fit(BOARD.before, CATALOG)
    tower.decay, tower.epochs = 0.9, 2
    tower.save(tmp_path)
    loaded = TwoTower.load(tmp_path)
    assert (loaded.decay, loaded.epochs, loaded.seed) == (0.9, 2, 3)
    assert loaded.settings == SETTINGS


def test_no_wider_than_the_table_it_starts_from():
    narrow = LexicalEncoder.fit(CATALOG.texts, dim=5)
    tower = TwoTower(narrow)
    assert tower.settings.dim == 5
    tower.fit(BOARD.before, CATALOG)
    assert tower.item_vectors.shape == (20, 5)


def test_a_resumed_tower_starts_where_the_training_ended(tower):
    still = TwoTower(tower.encoder, replace(SETTINGS, learning_rate=0.0)).packed(
        tower.tuned, tower.items, tower.histories
    )
    still.settings = replace(SETTINGS, learning_rate=0.0)
    resumed = still.resumed(ALL, BuildContext())
    calls: list[int] = []
    resumed.fit(BOARD.before, CATALOG, progress=lambda done, total: calls.append(total))
    assert calls == [10] * 10  # one epoch, see above
    seen = np.unique(BOARD.before.item)
    for name in ("item_vectors", "history_vectors"):
        np.testing.assert_allclose(
            getattr(resumed, name)[seen], getattr(tower, name)[seen], atol=1e-5
        )


def test_a_resumed_tower_keeps_its_settings_and_the_earlier_one_its_vectors(tower):
    before = tower.item_vectors.copy()
    parent = tower.packed(tower.tuned, tower.items, tower.histories)
    parent.decay, parent.epochs = 0.9, 3
    resumed = parent.resumed(ALL, BuildContext()).fit(BOARD.before, CATALOG)
    assert (resumed.decay, resumed.epochs, resumed.settings) == (0.9, 3, SETTINGS)
    np.testing.assert_array_equal(tower.item_vectors, before)
    assert not np.array_equal(resumed.item_vectors, before)
    again = parent.resumed(ALL, BuildContext()).fit(BOARD.before, CATALOG)
    np.testing.assert_array_equal(again.item_vectors, resumed.item_vectors)


def test_new_events_are_gone_through_as_often_as_in_a_whole_training(tower):
    parent = tower.packed(tower.tuned, tower.items, tower.histories)
    parent.epochs = 2
    seen = BOARD.before.histories.length - 1  # the newest event of each of the 20 users is new
    context = BuildContext(seen_events=seen)
    calls: list[int] = []
    resumed = parent.resumed(ALL, context).fit(
        BOARD.before, CATALOG, progress=lambda _, total: calls.append(total)
    )
    # Of 160 pairs, 20 and a tenth of the other 140 an epoch: three batches of 16.
    assert calls == [2 * 3] * 6
    again = parent.resumed(ALL, context).fit(BOARD.before, CATALOG)
    np.testing.assert_array_equal(again.item_vectors, resumed.item_vectors)


def test_the_next_fit_of_a_resumed_tower_begins_anew():
    tower = TwoTower(ENCODER, SETTINGS).fit(BOARD.before, CATALOG)
    resumed = tower.resumed(ALL, BuildContext()).fit(BOARD.before, CATALOG)
    np.testing.assert_array_equal(
        resumed.fit(BOARD.before, CATALOG).item_vectors, tower.item_vectors
    )
