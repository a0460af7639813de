"""Tables of README and docs are made from the files of the benchmarks."""

import json
from pathlib import Path

import pytest

import tables
from cases import CASES
from encode import SHORT, Runner, rows_of
from language_tables import by_encoder
from pennyweight.config.frontier import Frontier, Point
from pennyweight.config.report import Measurement
from speed_tables import encoders, quantity, serving, spread, worst_requests

NAMES = ("popularity", "content", "neighbors", "tower", "blend", "blend-train-only")


def ends(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def measured(value: float) -> dict[str, dict[str, float]]:
    return dict.fromkeys(tables.METRICS, ends(value))


def quality(name: str) -> dict[str, object]:
    """Return what `quality_worker.py` writes of a case, made up."""
    gain = {"over": "EASE + TF-IDF", **ends(-0.004), "p": 0.04}
    both = {"train": measured(0.1), "train+validation": measured(0.2)}
    report = {
        "users": 1_200,
        "items": 90,
        "events": 8_000,
        "evaluated_users": 1_000,
        "scorers": {scorer: measured(0.3 + place / 100) for place, scorer in enumerate(NAMES)},
        "fitted_on": dict.fromkeys(NAMES, "train+validation") | {"blend-train-only": "train"},
        "cost": {"peak_rss_bytes": 2**30, "expected_rss_bytes": 2**29, "expected_seconds": 7},
        "encoder_ablation": {
            "validation": [{"difference": ends(0.001)}],
            "test": [{"difference": ends(0)}],
            "keep": False,
        },
        "slices": [
            {"by": "target day", "name": day, "users": 500, "ndcg": dict.fromkeys(NAMES, ends(0.4))}
            for day in ("same", "later")
        ],
    }
    return {
        "case": name,
        "settings": {},
        "report": report,
        "wall": 9.4,
        "baselines": {"popularity": both, "EASE + TF-IDF": both},
        "gain": {"train": gain, "train+validation": gain},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quality").mkdir()
    for case in CASES:
        result = quality(case.name)
        if not case.baselines:
            result |= {"baselines": {}, "gain": {}}
        (tmp_path / "quality" / f"{case.name}.json").write_text(json.dumps(result))
    rows = [
        {
            "name": "lists: per second",
            "value": 1800.4,
            "unit": "1/s",
            "bar": 1000,
            "better": "higher",
            "low": 1700.2,
            "high": 1900,
        }
    ]
    (tmp_path / "serve.json").write_text(json.dumps({"rows": rows}))
    return tmp_path


def row(table: str, start: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_summary_sets_beside_published_figures_what_learned_from_the_same_events(folder):
    made = tables.tables(folder)["summary"]
    head, _, first, *_ = made.splitlines()
    assert "Pennyweight, training events alone" in head and "Pennyweight, refitted" in head
    published = max(model.metrics["ndcg@10"] for model in CASES[0].published)
    assert row(made, CASES[0].title) == [
        CASES[0].title,
        "NDCG@10",
        f"{published:.4f}".removeprefix("0") + f" ({CASES[0].published[0].model})",
        ".1000 (EASE + TF-IDF)",
        "**.3500 [.3400, .3600]**",
        "-.0040 [-.0140, +.0060]",
        ".3400",
    ]
    assert first.count("|") == head.count("|")
    flattered = next(case for case in CASES if not case.baselines)
    assert row(made, flattered.title)[2:4] == ["none", ""]


def test_the_readme_has_a_line_for_each_of_five_cases(folder):
    made = tables.tables(folder)["headline"].splitlines()[2:]
    assert len(made) == len(tables.HEADLINE) == 5
    assert row(made[0], CASES[0].title) == [
        CASES[0].title,
        ".1000 (EASE + TF-IDF)",
        "**.3500 [.3400, .3600]**",
        "-.0040 [-.0140, +.0060]",
        f"{max(p.metrics['ndcg@10'] for p in CASES[0].published):.4f}".removeprefix("0")
        + f" ({CASES[0].published[0].model})",
    ]


def test_details_say_who_ran_what_on_which_events(folder):
    made = tables.tables(folder)
    details = made["details"]
    for case in CASES:
        assert case.note in details
        for model in case.published:
            assert f"| {model.model} | {model.source} | training events |" in details
    assert "| EASE + TF-IDF | baseline | training events | .1000 [.0900, .1100]" in details
    assert "| **blend-train-only** | Pennyweight | training events | **.3500" in details
    assert "-.0040 [-.0140, +.0060] NDCG@10 over EASE + TF-IDF (p = 0.040)" in details
    assert "| later | 500 | .4000 [.3900, .4100] | .4000 [.3900, .4100] |" in details
    assert row(made["cost"], CASES[0].title)[1:] == ["9 (7)", "1.00 (0.50)"]
    assert row(made["model"], CASES[0].title)[1:] == [
        "+.0010 [-.0090, +.0110]",
        "+.0000 [-.0100, +.0100]",
        "left out",
    ]


def test_tables_without_new_measurements_stay_unchanged(folder, capsys):
    made = tables.tables(folder)
    assert set(made) == {"headline", "summary", "details", "model", "cost", "serving"}
    assert "encoders" in capsys.readouterr().out
    page = (
        "a\n<!-- table serving -->\nold\n<!-- end -->\nb\n"
        "<!-- table encoders -->\nold\n<!-- end -->\n"
    )
    new = tables.filled(page, made)
    assert "1,800 per second (1,700 to 1,900)" in new and new.count("old") == 1
    assert tables.filled(new, made) == new


def test_speeds_beside_another_baseline_are_not_those_of_the_table(folder, capsys):
    for name, is_made in (("fp32", False), ("sentence-transformers", True)):
        runner = Runner(name, None, 9, {kind: [1.0, 2.0] for kind in ("short", "long", "alone")}, 9)
        rows = rows_of(runner, runner)
        (folder / "encode.json").write_text(json.dumps({"rows": rows}))
        assert ("encoders" in tables.tables(folder)) == is_made
        assert ("without sentence-transformers" in capsys.readouterr().out) != is_made


def test_candidates_of_a_frontier(folder):
    def point(name: str, kept: float, size: int) -> Point:
        value = Measurement(value=kept, low=kept - 0.01, high=kept + 0.01)
        return Point(
            name=name,
            steps=(),
            quality=value,
            relative_quality=value,
            encoder_bytes=size,
            index_bytes=size,
            texts_per_second=9,
            ms_per_text=1,
            peak_rss_bytes=9,
        )

    points = (
        point("uncompressed", 1, 2_000_000),
        point("good", 0.995, 100_000),
        point("fair", 0.98, 80_000),
        point("bad", 0.5, 10),
    )
    frontier = Frontier(protocol="leave-last-out", users=50, seed=0, points=points)
    (folder / "frontier").mkdir()
    (folder / "frontier" / "beauty.json").write_text(frontier.model_dump_json())
    made = tables.tables(folder)
    assert "20.0 (99.5 %: good)" in made["candidates"]
    assert "25.0, missed (98.0 %: fair)" in made["candidates"]
    assert (
        "Beauty, 50 validation users:" in made["candidates"] and "| **bad** |" in made["candidates"]
    )


def test_settings_other_than_the_defaults_are_refused(folder):
    path = folder / "quality" / f"{CASES[0].name}.json"
    path.write_text(json.dumps(quality(CASES[0].name) | {"settings": {"evaluate.seed": 1}}))
    with pytest.raises(SystemExit, match="use the defaults"):
        tables.tables(folder)


def test_every_table_has_its_place_in_a_page():
    pages = "".join(page.read_text(encoding="utf-8") for page in tables.PAGES)
    assert {name for _, name, _ in tables.BLOCK.findall(pages)} == {
        *tables.QUALITY,
        *tables.SPEED,
        *tables.CANDIDATES,
        "ranking",
    }
    assert pages.count("<!-- table ") == len(tables.BLOCK.findall(pages))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1843.2, "1/s", "1,843 per second"),
        (0.2441, "x", ".244"),
        (14.24, "ms", "14.2 ms"),
        (5.834, "x", "5.83"),
        (23.4e6, "B", "23.4 MB"),
        (1.31e9, "B", "1.31 GB"),
        (0, "", "0"),
        (166.6, "x", "167"),
    ],
)
def test_figures_are_short(value, unit, text):
    assert quantity(value, unit) == text


def test_encoders_have_the_spread_of_their_turns():
    # Seconds of three turns: torch 2, 2, 2; ours a fourth, a fifth and a half of them.
    shares = {"fp32": (1, 1, 1), "int8": (4, 5, 2)}
    base, ours = (
        Runner(
            name,
            None,
            23_000_000,
            {kind: [2 / share for share in shares[name]] for kind in ("short", "long", "alone")},
            170_000_000,
            "6.2.0",
        )
        for name in shares
    )
    rows = [row for runner in (base, ours) for row in rows_of(runner, base)]
    made = encoders([*rows, {"name": "int8: peak memory of 9 titles", "value": 1, "unit": "B"}])
    speed = f"1: {SHORT // 2} per second ({SHORT // 2} to {SHORT // 2})"
    assert row(made, "fp32")[:2] == ["fp32 6.2.0", speed]
    assert row(made, "int8")[1:] == ["4 (2 to 5)"] * 3 + ["3.50", "23.0 MB", "170.0 MB"]


def test_a_missed_target_is_marked():
    missed = {"name": "lists: p99", "value": 27.3, "unit": "ms", "bar": 25, "better": "lower"}
    assert row(serving([missed]), "lists")[1:] == ["p99", "27.3 ms", "25 ms: missed"]
    assert spread(missed | {"low": 20, "high": 30.55}) == "27.3 ms (20 to 30.6)"


def test_the_worst_requests_have_a_line_a_route():
    rows = [
        {
            "name": f"POST /v1/rank: {figure}",
            "value": value,
            "unit": unit,
            "bar": 100,
            "better": "lower",
            "with": "a | b: 422",
        }
        for figure, value, unit in (("delay", 21.3, "ms"), ("memory", 0.4, "MB"))
    ]
    made = worst_requests(rows).splitlines()
    assert made[2:] == ["| POST /v1/rank | 21 ms | a \\| b: 422 | 0 MB |  |"]


def test_encoders_have_a_line_and_measurements_a_column() -> None:
    rows = [
        {"name": "shop: A: ndcg", "value": 0.5, "low": 0.4, "high": 0.6, "unit": ""},
        {"name": "shop: B: ndcg", "value": 0.25, "low": 0.2, "high": 0.3, "unit": ""},
        {"name": "B: bytes", "value": 2e6, "unit": "B"},
    ]
    assert by_encoder(rows).splitlines() == [
        "|  | shop, ndcg | bytes |",
        "| --- | --- | --- |",
        "| A | .5000 [.4000, .6000] |  |",
        "| B | .2500 [.2000, .3000] | 2.0 MB |",
    ]
