"""Popularity and novelty, against numbers worked out by hand."""

import numpy as np
import pytest

import world
from pennyweight.scorers.popularity import Novelty, Popularity

DAY = 86_400.0
START = 1_700_000_000.0


def levels_of(counts: list[float]):
    """Return the levels of some counts, and their mean for two items without events."""
    levels = np.log1p(counts)
    return [*levels, levels.mean(), levels.mean()]


def dated(days: list[list[float]], items: list[list[int]]):
    times = [[START + DAY * day for day in row] for row in days]
    return world.events(items, 4, times=times)


def test_positions_are_counted_plainly():
    log, catalog = world.four()
    level = Popularity().fit(log, catalog).score(log.histories)[0]
    np.testing.assert_allclose(level, np.log1p([4, 3, 2, 1]), rtol=1e-6)


def test_dates_decay_by_a_share_of_the_whole_span():
    # The log spans 100 days, so a quarter of it, 25 days, halves an event.
    log = dated([[0, 50, 100], [75, 100]], [[0, 1, 2], [1, 3]])
    scorer = Popularity(half_life=0.25).fit(log, world.catalog(world.FOUR_TEXTS))
    weights = [0.5**4, 0.5**2 + 0.5**1, 1, 1]
    np.testing.assert_allclose(scorer.level, np.log1p(weights), rtol=1e-6)


def test_a_long_half_life_is_a_plain_count():
    log = dated([[0, 50, 100]], [[0, 0, 1]])
    scorer = Popularity(half_life=1e9).fit(log, world.catalog(world.FOUR_TEXTS))
    np.testing.assert_allclose(scorer.level, levels_of([2, 1]), rtol=1e-6)


def test_dates_that_are_all_equal_count_in_full():
    log = dated([[7, 7], [7]], [[0, 1], [1]])
    scorer = Popularity().fit(log, world.catalog(world.FOUR_TEXTS))
    np.testing.assert_allclose(scorer.level, levels_of([1, 2]), rtol=1e-6)


def test_seconds_and_days_give_the_same_levels():
    # Only shares of the span matter, so the unit of time cannot.
    log = dated([[0, 50, 100], [75, 100]], [[0, 1, 2], [1, 3]])
    fast = world.events(
        [[0, 1, 2], [1, 3]], 4, times=[[START, START + 50, START + 100], [START + 75, START + 100]]
    )
    catalog = world.catalog(world.FOUR_TEXTS)
    slow, quick = Popularity().fit(log, catalog).level, Popularity().fit(fast, catalog).level
    np.testing.assert_allclose(slow, quick, rtol=1e-6)


@pytest.mark.parametrize("half_life", [0.1, 0.5])
def test_the_half_life_survives_saving(half_life, tmp_path):
    Popularity(half_life=half_life).fit(*world.four()).save(tmp_path)
    assert Popularity.load(tmp_path).half_life == half_life


def test_novelty_marks_items_without_events():
    log = world.events([[1, 1], [3]], 4)
    scorer = Novelty().fit(log, world.catalog(world.FOUR_TEXTS))
    assert scorer.score(log.histories).tolist() == [[1, 0, 1, 0]] * 2
