import re

import pytest

from html_page import Page
from pennyweight.html.environment import environment
from pennyweight.serving.dashboard.charts import Series, columns, lines
from pennyweight.serving.dashboard.page import PACKAGE

TICKS = [(0, "12:00"), (2, "12:30 <b>")]


def stacked(*values: list[float | None]) -> str:
    series = [Series("<i>", kind, row) for kind, row in zip(("best", "bad"), values, strict=False)]
    return columns(series, ticks=TICKS, title="<b>", description="<u>", key="k")


def test_columns_stand_on_each_other_and_reach_the_scale():
    chart = Page(stacked([30, 10, 0], [30, 0, 0]))
    rects = [(r["class"], float(r["y"]), float(r["height"])) for r in chart.of("rect")]
    (_, y1, h1), (kind, y2, h2), (_, y3, h3) = rects
    assert kind == "bad" and y2 + h2 == pytest.approx(y1, abs=0.1) and h1 == pytest.approx(h2)
    assert h3 == pytest.approx(h1 / 3, abs=0.1) and y1 + h1 == pytest.approx(y3 + h3, abs=0.1)
    assert y2 == 10  # 60 is the highest and the end of the scale
    texts = re.findall(r'class="value"[^>]*>([^<]*)<', stacked([30, 10, 0], [30, 0, 0]))
    assert texts == ["0", "30", "60"]


@pytest.mark.parametrize("values", [[], [0, 0, 0], [None, None], [1e9, 1, 0], [3]])
def test_any_values_can_be_drawn(values):
    chart = stacked(values)
    assert "nan" not in chart and "inf" not in chart
    Page(chart)


def drawn(values: list[float | None]) -> Page:
    series = [Series("p50", "best", values)]
    text = lines(
        series,
        ticks=TICKS,
        say=lambda v: f"{v:g} s",
        minimum=0.001,
        title="t",
        description="d",
        key="k",
    )
    return Page(text)


def test_lines_are_broken_where_there_is_no_value():
    chart = drawn([0.1, 0.2, None, 0.4, None])
    assert len(chart.of("circle")) == 3
    assert len([line for line in chart.of("line") if "line" in line["class"]]) == 1
    assert len(drawn([None, None]).of("circle")) == len(drawn([]).of("circle")) == 0


@pytest.mark.parametrize(
    ("highest", "top"), [(1, 2), (2, 2), (3, 4), (57, 60), (61, 80), (99, 100), (101, 200)]
)
def test_the_scale_is_round_and_so_is_its_half(highest, top):
    assert f">{top:,}<" in stacked([highest]) and f">{top // 2:,}<" in stacked([highest])


def test_names_are_text():
    macros = environment(dashboard=PACKAGE).get_template("dashboard/macros.html").module
    text = stacked([1.0]) + macros.legend([Series("<i>", "best", [])])
    assert "<i>" not in text and "<b>" not in text and "<u>" not in text and "&lt;i&gt;" in text
