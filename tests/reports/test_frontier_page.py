"""Smaller versions as values, and on a page."""

import pytest

from html_page import Page
from pennyweight.config.budget import Budget
from pennyweight.config.frontier import Confirmation, Frontier, Point
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
    )
    update = {"chosen": "small <i>", "budget": Budget(max_loss=0.02), "test": test}
    text = frontier_page(FRONTIER.model_copy(update=update), commands=["pennyweight frontier <b>"])
    page = Page(text)
    assert len(page.of("circle")) == 4
    assert [c["class"] for c in page.of("circle")].count("best") == 1
    assert "<i>" not in text and "small &lt;i&gt; (chosen)" in text and "&lt;b&gt;" in text
    assert "Budget: loss of NDCG@10 at most 2 %." in text
    assert "The choice on 7 test users" in text
    assert not page.of("script")


def test_one_candidate_is_a_page_too():
    alone = Frontier(protocol="leave-last-out", users=1, seed=0, points=(ORIGINAL,))
    assert len(Page(frontier_page(alone)).of("circle")) == 1


def test_other_json_is_refused():
    with pytest.raises(BundleError, match="here: unknown key 'pionts'"):
        Frontier.from_json('{"format_version": 2, "pionts": []}', source="here")
    with pytest.raises(BundleError, match=r"here: format version 1; .*measure again"):
        Frontier.from_json('{"points": []}', source="here")
