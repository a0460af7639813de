import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from html_page import Page
from pennyweight.config.quality import (
    Comparison,
    Exposure,
    Fold,
    GroupExposure,
    ListQuality,
    Reach,
    Slice,
)
from pennyweight.config.report import CleaningFinding, Cost, Measurement, Report
from pennyweight.formatting import duration, size
from pennyweight.html.charts import Bar, bars
from pennyweight.html.environment import environment
from pennyweight.html.figures import Fact, Table
from pennyweight.reports import Example, ExampleItem, evaluation_page

HOSTILE = '<script>alert("x")</script>&'
LISTED = ("novelty", "diversity", "serendipity", "miscalibration", "popularity", "popularity_lift")


def full(name="blend"):
    def row(value):
        return {
            m: Measurement(value=value, low=value / 2, high=2 * value)
            for m in ("ndcg@10", "recall@10", "recall@50", "mrr@10")
        }

    estimate = Measurement(value=0.5, low=0.4, high=0.6)
    return Report(
        protocol="global-time",
        users=1200,
        items=900,
        events=12345,
        evaluated_users=400,
        scorers={"popular": row(0.02), name: row(0.08)},
        cost=Cost(
            seconds={name: 0.2, "encode": 125.0, "fit": 3.0},
            peak_rss_bytes=10**9,
            bundle_bytes=2000,
            peak_rss_after={name: 10**8, "encode": 10**9, "fit": 10**9},
            expected_seconds=130.0,
            expected_rss_bytes=11 * 10**8,
        ),
        blend={name: 0.7, "popular": 0.3},
        routes={0: {name: 0.7, "popular": 0.3}, 21: {name: 0.9, "popular": -0.1}},
        cleaning=(
            CleaningFinding(
                table="items", reason=name, count=3, action="dropped", examples=(name,)
            ),
        ),
        repeats="exclude",
        seed=0,
        columns={"user": name},
        machine={"cpu": name, "cores": 2, "flags": (name, "avx2")},
        versions={name: "1"},
        created=name,
        slices=tuple(
            Slice(by=by, name=name, users=9, targets=9, ndcg={"popular": estimate, name: estimate})
            for by in ("history length", "target popularity", name)
        ),
        comparisons=(
            Comparison(scorer=name, other="popular", difference=estimate, p=0.01, p_holm=0.02),
        ),
        lists=ListQuality(
            k=10,
            scorers={scorer: dict.fromkeys(LISTED, estimate) for scorer in ("popular", name)},
            catalog={scorer: {"coverage": 0.5, "gini": 0.5} for scorer in ("popular", name)},
            history_popularity=3,
            diversity_by=name,
            categories=name,
        ),
        exposure=Exposure(
            attribute=name,
            groups=(
                GroupExposure(
                    name=name,
                    items=0.5,
                    histories=0.5,
                    scorers={"popular": estimate, name: estimate},
                ),
            ),
        ),
    )


def test_everything_is_escaped():
    example = Example((HOSTILE,), (ExampleItem(HOSTILE, HOSTILE),))
    text = evaluation_page(full(HOSTILE), examples=[example], commands=[HOSTILE])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 14
    Page(text)


def test_is_accessible_and_self_contained():
    text = evaluation_page(
        full(), examples=[Example((), (ExampleItem("A"),))], commands=["pennyweight fit"]
    )
    page = Page(text)
    assert "://" not in text
    assert not page.of("script")
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("h1")) == 1
    assert all(th["scope"] in {"col", "row"} for th in page.of("th"))
    assert len(page.of("caption")) == len(page.of("table"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    charts = page.of("svg")
    assert len(charts) == 12
    for chart in charts:
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in zip([0, *levels], levels, strict=False))


def test_bars_are_to_scale():
    page = Page(
        bars(
            [Bar("a", 1, "1", 0.5, 2, best=True), Bar("b", 0.5, "")],
            title="t",
            description="d",
            key="k",
        )
    )
    drawn = [r["width"] for r in page.of("rect") if r["class"] != "track"]
    assert drawn == ["50.00%", "25.00%"]
    whisker = page.of("line")[3]
    assert (whisker["class"], whisker["x1"], whisker["x2"]) == ("whisker", "25.00%", "100.00%")


def test_bars_of_the_same_thing_stand_close():
    drawn = [Bar("a", 1, ""), Bar("a too", 1, "", next=True), Bar("b", 1, "")]
    page = Page(bars(drawn, title="t", description="d", key="k"))
    tops = [int(r["y"]) for r in page.of("rect") if r["class"] == "track"]
    assert tops[1] - tops[0] < tops[2] - tops[1]
    assert int(page.of("svg")[0]["height"]) > tops[2] + 14


def test_sections_and_plain_words():
    text = evaluation_page(full())
    for heading in ("Slices", "Beyond accuracy", "Bias", "Is the difference real?"):
        assert f">{heading}</h" in text
    assert "blend is better than popular by 0.5000 NDCG@10" in text
    assert "+50 %" in text  # the lift


def rows(page, caption):
    """Return the cells of a table."""
    body = page.split(f"<caption>{caption}</caption>")[1].split("</table>")[0]
    cell = re.compile(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>")
    return [cell.findall(row) for row in body.split("</tr>")[:-1]]


def test_memory_shows_the_stages_that_raised_it():
    assert rows(evaluation_page(full()), "Peak memory") == [
        ["Stage", "Peak after it", "Increase"],
        ["blend", "100 MB", "100 MB"],
        ["encode", "1.0 GB", "900 MB"],
    ]
    assert "Expected before the start: 2 min 10 s and 1.1 GB" in evaluation_page(full())


def test_weights_by_length_have_a_row_each():
    table_rows = rows(evaluation_page(full()), "Weights by history length")
    assert table_rows[1:] == [["0 events", "0.70", "0.30"], ["21 events", "0.90", "-0.10"]]
    plain = full().model_copy(update={"routes": None})
    assert "Weights by history length" not in evaluation_page(plain)


def test_folds_have_a_bar_and_a_row_each():
    report = full()
    fold = Fold(
        start="2025-01-03T08:00:00+00:00",
        end="2025-02-01T09:00:00+00:00",
        training_events=12_000,
        users=300,
        scorers=report.scorers,
        blend={"popular": 1.0},
    )
    page = evaluation_page(report.model_copy(update={"folds": (fold, fold)}))
    row = ["2025-01-03 to 2025-02-01", "12,000", "300", "0.0800", "0.0200"]
    assert rows(page, "NDCG@10 in each fold")[1:] == [row, row]
    assert "everything else is of the last fold" in page
    assert "of the last fold" not in evaluation_page(report)


def test_an_empty_report_and_all_zeros():
    bare = Report(protocol="p", users=0, items=0, events=0, scorers={}, cost=Cost())
    assert "<svg" not in evaluation_page(bare)
    zero = Measurement(value=0, low=0, high=0)
    page = Page(evaluation_page(bare.model_copy(update={"scorers": {"a": {"ndcg@10": zero}}})))
    assert [r["width"] for r in page.of("rect") if r["class"] == "best"] == ["0.00%"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0421, "42 ms"), (12.34, "12.3 s"), (125, "2 min 5 s"), (7260, "2 h 1 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("nbytes", "text"), [(12, "12 bytes"), (25_300_000, "25.3 MB"), (3_200_000_000, "3.2 GB")]
)
def test_sizes(nbytes, text):
    assert size(nbytes) == text


def test_cells_are_escaped_unless_they_are_markup():
    macros = environment().get_template("html/macros.html").module
    table = Table("<i>", ("<i>",), [(Markup("<b></b>"),), ("<i>",)])
    text = macros.table(table) + macros.facts([Fact("<i>", "<i>", "<i>")])
    assert text.count("<b></b>") == 1 and "<i>" not in text
    assert macros.facts([]).strip() == ""


def test_an_undefined_name_in_a_template_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ titel }}").render(title="A")


def test_notices_stand_before_the_figures():
    notice = f"the catalog knows the future {HOSTILE}"
    page = evaluation_page(full().model_copy(update={"notices": (notice,)}))
    assert page.index("<li>the catalog knows the future &lt;script&gt;") < page.index("Quality")
    assert HOSTILE not in page
    assert "Before you read the figures" not in evaluation_page(full())


def test_how_often_new_items_are_reached_stands_with_the_lists():
    reached = Reach(
        scorer=HOSTILE,
        k=10,
        items=12,
        of_items=415,
        choices=348,
        of_choices=3495,
        users=273,
        lists=0.24,
        places=0.028,
        recall=0.02,
        learned=False,
    )
    page = evaluation_page(full().model_copy(update={"new_items": reached}))
    assert "Items without events: 12 of 415, 10.0 % of the held-out choices, in 24.0 %" in page
    assert "no earlier choice says how far to lift them" in page
    assert HOSTILE not in page
