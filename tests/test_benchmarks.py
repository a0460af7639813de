"""The benchmarks: imports are installed, absent data is left out, the baselines are right."""

import asyncio
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import small_shop
from baselines import WEIGHTS, LastTransitions, choices, chosen_baselines
from cases import CASES
from load import Load, get, open_loop
from new_items import BatchTimes
from pennyweight.config.capacity import CheckedQuantity
from pennyweight.data.dataset import read
from pennyweight.data.interactions import Histories
from pennyweight.data.split import split
from pennyweight.evaluation.measure import measure
from pennyweight.scorers.popularity import Popularity
from planner import errors_of_predictions
from public_data import SOURCES
from rows import tell
from world import four

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
IN_MAKE = re.findall(r"benchmarks/(\w+)\.py", MAKEFILE.split("\nbench:")[1].split("\n\n")[0])
NEED_DATA = (
    "ablation",
    "quality",
    "export",
    "compression",
    "frontier",
    "encode",
    "tuning",
    "serve",
    "overload",
)


ALL_HELP = """
import importlib, sys
for name in sys.argv[1].split(","):
    sys.argv[1:] = ["--help"]
    try:
        importlib.import_module(name).main()
    except SystemExit as end:
        assert end.code == 0, name
"""


def test_everything_that_a_benchmark_imports_is_installed():
    names = sorted({*IN_MAKE, "tuned_blend", "tuning"})
    process = subprocess.run(
        [sys.executable, "-c", ALL_HELP, ",".join(names)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path_with(FOLDER)},
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("--json") >= len(names)


def path_with(folder: Path) -> str:
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def test_the_target_installs_the_extra_requirements_of_benchmarks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["project"]["dependencies"]) | set(project["dependency-groups"]["bench"])
    names = {re.split(r"[\[<>=]", package)[0].replace("-", "_") for package in packages}
    own = {path.stem for path in FOLDER.glob("*.py")} | {"pennyweight"}
    for name in {*IN_MAKE, *own - {"metrics", "protection", "encode_worker", "pennyweight"}}:
        text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        imports = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
        importable = names | own | set(sys.stdlib_module_names)
        assert [i for i in imports if i not in importable] == [], name
    assert "bench: .venv/.setup-bench" in MAKEFILE and "--group bench" in MAKEFILE


@pytest.mark.parametrize("name", NEED_DATA)
def test_absent_data_is_left_out_with_a_word_on_where_it_comes_from(
    name, tmp_path, monkeypatch, capsys
):
    words = ["--only", "lists,events"] if name == "serve" else []
    words += ["--only", "int8"] if name == "encode" else []
    monkeypatch.setenv("PENNYWEIGHT_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
    importlib.import_module(name).main()
    out = capsys.readouterr().out
    assert f"beauty: not in {tmp_path}; left out. It is made of {SOURCES['beauty']}" in out
    assert "PENNYWEIGHT_DATA" in out and "--data" in out


def test_no_benchmark_looks_outside_of_the_repository():
    for path in FOLDER.glob("*.py"):
        assert "ROOT.parent" not in path.read_text(encoding="utf-8"), path.name


def test_the_cases_are_of_datasets_whose_source_is_told():
    assert {case.data for case in CASES} == set(SOURCES)
    assert len({case.name for case in CASES}) == len(CASES)


def test_transitions_by_hand():
    interactions, catalog = four()
    history = Histories.of([[0, 1], [3], []])
    graph = LastTransitions(1).fit(interactions, catalog)
    # a -> b twice of 2, b -> c twice of 2, c -> a, d -> a; a 4, b 3, c 2, d 1 events.
    np.testing.assert_allclose(graph.score(history).round(3), [[0, 0, 1, 0], [1, 0, 0, 0], [0] * 4])
    assert np.argsort(-graph.score(history)[2]).tolist() == [0, 1, 2, 3]
    two = LastTransitions(2).fit(interactions, catalog).score(history).round(3)
    np.testing.assert_allclose(two[0], [0, 0.5, 1, 0])


def test_baselines_choose_on_validation_and_learn_from_the_training_events():
    data = read(small_shop.items(), small_shop.events())
    parted = split(data.interactions, "leave-last-out")
    baselines = chosen_baselines(parted, data.catalog, repeats="exclude", seed=0)
    assert list(baselines) == [
        "popularity",
        "transitions, last item",
        "transitions, last two items",
        "TF-IDF",
        "EASE + TF-IDF",
        "transitions + TF-IDF",
    ]
    valid = measure(baselines, parted.valid, repeats="exclude")
    ease = baselines["EASE + TF-IDF"]
    best = valid["EASE + TF-IDF"].column("ndcg@10").mean()
    for weight in WEIGHTS:
        ease.weights = {"content": weight, "linear": 1 - weight}
        other = measure({"one": ease}, parted.valid, repeats="exclude")["one"]
        assert other.column("ndcg@10").mean() <= best + 1e-12
    assert "content.decay" in choices(ease) and "linear.penalty" in choices(ease)
    level = Popularity().fit(parted.train, data.catalog).level
    np.testing.assert_array_equal(baselines["popularity"].level, level)


@pytest.mark.parametrize(
    ("at", "rates"),
    [
        ([2.0], [50]),
        ([1.0, 3.0, 4.0, 8.0], [25, 12.5, 25, 6.25]),  # fewer batches than tenths
        (list(range(1, 21)), [5] * 10),
        ([1.0] + [float(n) for n in range(2, 12)], [100 / 11] * 9 + [100 / 11]),
    ],
)
def test_the_pace_of_new_items_is_told_also_of_few_batches(at, rates):
    assert BatchTimes(at).rates(100) == pytest.approx(rates)


def test_a_row_shows_its_spread(capsys):
    row = {"name": "lists", "value": 2, "unit": "1/s", "bar": None, "better": "higher"}
    tell([row, row | {"low": 1, "high": 3}], None)
    plain, spread = capsys.readouterr().out.splitlines()
    assert "(1 to 3)" in spread and "(" not in plain


def test_a_row_shows_and_writes_its_bar(capsys, tmp_path):
    row = {"name": "lists", "value": 2, "unit": "1/s", "bar": 3, "better": "higher"}
    tell([row], tmp_path / "rows.json")
    assert "(target 3)" in capsys.readouterr().out
    assert json.loads((tmp_path / "rows.json").read_text()) == {"rows": [row]}


def test_errors_of_predictions_have_their_median_and_its_bar(capsys):
    checked = [
        ("lists", CheckedQuantity(name=name, unit="s", predicted=p, measured=2.0, spread=0.5))
        for name, p in (("a", 2.2), ("b", 1.9), ("c", 3.0))
    ]
    rows = errors_of_predictions(checked)
    assert [row["value"] for row in rows] == [10.0, 5.0, 50.0, 10.0]
    assert [row["bar"] for row in rows] == [None, None, None, 7.0]
    assert rows[-1]["name"] == "lists: median error of 3"
    assert "predicted 1.9, measured 2 s, error -5.0%, spread 50.0%" in capsys.readouterr().out


def test_requests_are_due_at_given_times():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    arrived: list[float] = []
    ended: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(end := asyncio.Event())
        while await reader.read(1_000):
            arrived.append(asyncio.get_running_loop().time())
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        end.set()

    async def both() -> Load:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        requests = itertools.repeat(get("/"))
        load = await open_loop(port, requests, rate=1, seconds=9, times=[0.0, 0.01, 0.2])
        await asyncio.gather(*(end.wait() for end in ended))
        server.close()
        await server.wait_closed()
        return load

    load = asyncio.run(both())
    assert load.good == len(arrived) == 3
    assert arrived[2] - arrived[0] >= 0.15
