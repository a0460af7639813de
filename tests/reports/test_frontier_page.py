"""Smaller versions as values, and on a page."""

import pytest

from html_page import Page
from pennyweight.config.budget import Budget
from pennyweight.config.frontier import Confirmation, Frontier, Point, TaskQuality
from pennyweight.config.quality import Measurement
from pennyweight.errors import BundleError
from pennyweight.reports import frontier_page


def measured(value: float, spread: float = 0.01) -> Measurement:
    return Measurement(value=value, low=value - spread, high=value + spread)


def point(name: str, quality: float, encoder: int, index: int, rate: float) -> Point:
    return Point(
        name=name,
        steps=(name,),
        quality=measured(quality),
        relative_quality=measured(quality / 0.1),
        content=None if name == "uncompressed" else measured(0.05),
        encoder_bytes=encoder,
        index_bytes=index,
        texts_per_second=rate,
        ms_per_text=1_000 / rate,
        peak_rss_bytes=300_000_000,
    )


ORIGINAL = point("uncompressed", 0.1, 90_000_000, 40_000_000, 50)
SMALL = point("small <i>", 0.099, 20_000_000, 10_000_000, 200)
POOR = point("poor", 0.09, 25_000_000, 10_000_000, 190)
TINY = point("tiny", 0.08, 1_000_000, 1_000_000, 9_000)
FRONTIER = Frontier(
    protocol="leave-last-out", users=50, seed=0, points=(ORIGINAL, SMALL, POOR, TINY), seconds=60.0
)


def test_unbeaten_candidates_come_smallest_first():
    assert FRONTIER.unbeaten() == (TINY, SMALL, ORIGINAL)


def test_excess_is_a_share_of_the_limit():
    budget = Budget(
        max_encoder_bytes=10_000_000, min_texts_per_second=400, max_ms_per_text=5, max_loss=0.02
    )
    excess = SMALL.excess(budget)
    assert excess == {"max_encoder_bytes": 1.0, "min_texts_per_second": 1.0}
    assert POOR.excess(Budget(max_loss=0.01)) == {"max_loss": pytest.approx(0.99 / 0.9 - 1)}
    assert ORIGINAL.excess(Budget(max_loss=0.0)) == {}
    assert TINY.excess(Budget(memory_bytes=200_000_000)) == {"memory_bytes": pytest.approx(0.5)}
    assert TINY.excess(Budget(max_index_bytes=1_000_000)) == {}


def test_the_sentence_tells_of_the_smallest_that_keeps_99_percent():
    sentence = FRONTIER.sentence()
    assert sentence.startswith(
        "'small <i>' keeps 99.0 % [98.0 100.0] of the quality on validation users"
    )
    assert sentence.endswith("with 22 % of the encoder and 25 % of the vectors.")
    chosen = FRONTIER.model_copy(update={"chosen": "tiny"})
    assert chosen.sentence().startswith("'tiny' keeps 80.0 %")
    assert "at 180 times" in chosen.sentence()
    same_speed = FRONTIER.model_copy(update={"chosen": "uncompressed"})
    assert "at about the same encoding speed" in same_speed.sentence()


def searching(relative: float) -> tuple[TaskQuality, ...]:
    return (
        TaskQuality(
            task="search by category",
            kind="search",
            metric="precision@10",
            cases=40,
            quality=measured(relative / 2),
            relative_quality=measured(relative),
        ),
    )


WITH_SEARCH = FRONTIER.model_copy(
    update={
        "points": (
            ORIGINAL.model_copy(update={"tasks": searching(1.0)}),
            SMALL.model_copy(update={"tasks": searching(0.5)}),
            POOR.model_copy(update={"tasks": searching(0.995)}),
        ),
        "notices": ("new items are not measured: no scorer reads texts",),
    }
)


def test_the_loss_of_each_task_is_limited():
    small = WITH_SEARCH.points[1]
    assert small.excess(Budget(max_loss=0.02)) == {
        "max_loss of search by category": pytest.approx(0.98 / 0.5 - 1)
    }
    assert small.excess(Budget(max_loss=0.02, tasks=("lists",))) == {}
    poor = WITH_SEARCH.points[2]
    assert set(poor.excess(Budget(max_loss=0.02))) == {"max_loss"}
    assert poor.excess(Budget(max_loss=0.02, tasks=("search",))) == {}


def test_a_candidate_that_searches_better_is_not_beaten():
    assert not WITH_SEARCH.points[2].beaten_by(WITH_SEARCH.points[1])
    assert POOR.beaten_by(SMALL)


def test_other_tasks_are_in_the_sentence_the_table_and_the_page():
    chosen = WITH_SEARCH.model_copy(update={"chosen": "small <i>"})
    assert chosen.sentence().endswith("It keeps 50.0 % [49.0 51.0] of search by category.")
    assert WITH_SEARCH.sentence().startswith("'uncompressed' keeps")  # the others lose too much
    lines = WITH_SEARCH.table().splitlines()
    assert "search by category (precision@10, n=40)" in lines[9]
    assert lines[-1] == "new items are not measured: no scorer reads texts"
    text = frontier_page(chosen)
    assert "Other tasks, relative to the parent" in text and "50.0 % [49.0 51.0]" in text
    assert "New items are not measured: no scorer reads texts." in text
    assert "Other tasks" not in frontier_page(FRONTIER)


def test_the_table_marks_the_unbeaten_and_the_choice():
    lines = FRONTIER.model_copy(update={"chosen": "tiny"}).table().splitlines()
    assert [line[0] for line in lines[3:]] == ["*", "*", " ", ">"]
    assert len({line.index(".") for line in lines[3:]}) == 1


def test_the_page_shows_every_candidate_twice_and_escapes_names():
    test = Confirmation(
        users=7,
        before={"ndcg@10": measured(0.1)},
        after={"ndcg@10": measured(0.099)},
        relative_quality=measured(0.99),
        tasks=searching(0.9),
    )
    update = {"chosen": "small <i>", "budget": Budget(max_loss=0.02), "test": test}
    text = frontier_page(FRONTIER.model_copy(update=update), commands=["pennyweight frontier <b>"])
    page = Page(text)
    assert len(page.of("circle")) == 4
    assert [c["class"] for c in page.of("circle")].count("best") == 1
    assert "<i>" not in text and "small &lt;i&gt; (chosen)" in text and "&lt;b&gt;" in text
    assert "Budget: loss in each task at most 2 %." in text
    assert "The choice on 7 test users" in text
    assert "search by category, precision@10 (n=40)" in text and "(90.0 % of the parent)" in text
    assert not page.of("script")


def test_one_candidate_is_a_page_too():
    alone = Frontier(protocol="leave-last-out", users=1, seed=0, points=(ORIGINAL,))
    assert len(Page(frontier_page(alone)).of("circle")) == 1


def test_other_json_is_refused():
    with pytest.raises(BundleError, match="here: unknown key 'pionts'"):
        Frontier.from_json('{"format_version": 2, "pionts": []}', source="here")
    with pytest.raises(BundleError, match=r"here: format version 1; .*measure again"):
        Frontier.from_json('{"points": []}', source="here")
