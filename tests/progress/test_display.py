"""Where the progress of a call is displayed, with real terminals and kernels."""

import io
import os
import pty
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import small_shop
from pennyweight import evaluate, fit
from pennyweight.compression.pipeline import compress, frontier
from pennyweight.config.plan import Plan
from pennyweight.data.dataset import read
from pennyweight.progress.update import ProgressUpdate
from pennyweight.validation.validate import validate

QUICK = {"encoder": "tfidf", "scorers": ["popularity", "content"]}
TESTS = Path(__file__).parents[1]
CALL = """
import small_shop
from pennyweight import evaluate
report = evaluate(small_shop.items(), small_shop.events(), encoder="tfidf", scorers=["content"]{})
"""


def in_terminal(code: str) -> tuple[str, str]:
    """Run Python with standard error on a terminal; return standard output and error."""
    main, side = pty.openpty()
    environment = {
        **os.environ,
        "TERM": "xterm",
        "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=side, env=environment
    )
    os.close(side)
    shown = b""
    while True:
        try:
            block = os.read(main, 4096)
        except OSError:  # Linux reports the end so
            break
        if not block:
            break
        shown += block
    os.close(main)
    assert process.stdout is not None
    out = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait() == 0, shown.decode()
    return out, shown.decode()


def in_kernel(code: str) -> list[dict]:
    """Run a cell in an IPython kernel; return its outputs."""
    nbclient = pytest.importorskip("nbclient", reason="kernels are run by nbclient; make setup-dev")
    nbformat = pytest.importorskip("nbformat")
    path = f"import sys; sys.path[:0] = {[str(TESTS), *sys.path]!r}"
    cells = [nbformat.v4.new_code_cell(source) for source in (path, code)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", extra_arguments=["--log-level=40"]
    ).execute()
    return notebook.cells[1].outputs


def test_a_terminal_has_a_bar_on_standard_error_alone():
    out, err = in_terminal(CALL.format(""))
    assert out == ""
    stages = re.findall(r" ?(\d+)/(\d+) (read|encode|fit content|measure)", err)
    assert stages and {int(stage[1]) for stage in stages} <= set(range(5, 20))
    assert re.search(r"\d+%", err)


def test_a_terminal_stays_empty_without_progress():
    assert in_terminal(CALL.format(", progress=False")) == ("", "")


def test_text_that_a_scorer_prints_stays_on_standard_output():
    code = """
import small_shop
from pennyweight import evaluate
from pennyweight.scorers.popularity import Popularity
class Loud(Popularity):
    def fit(self, *args, **options):
        print("fitting")
        return super().fit(*args, **options)
evaluate(small_shop.items(), small_shop.events(), encoder="tfidf", scorers=[Loud()])
"""
    out, err = in_terminal(code)
    assert set(out.split()) == {"fitting"} and "fitting" not in err


def test_a_notebook_has_one_bar_that_is_replaced():
    outputs = in_kernel(CALL.format(""))
    assert [output.output_type for output in outputs] == ["display_data"]
    (output,) = outputs
    assert re.fullmatch(r"\d+ stages in [\d.]+ m?s", output.data["text/plain"])
    assert "pennyweight-progress" in output.data["text/html"]
    assert "<progress" not in output.data["text/html"]


def test_a_notebook_shows_each_stage_on_the_way():
    code = """
from IPython import get_ipython
hub, shown = get_ipython().display_pub, []
publish = hub.publish
def record(data, *args, **options):
    shown.append((options.get("update", False), data["text/html"]))
    publish(data, *args, **options)
hub.publish = record
{}
hub.publish = publish
print([update for update, _ in shown].count(False))
print(sum("<progress" in html and "/" in html for _, html in shown))
"""
    printed = in_kernel(code.format(CALL.format("")))[-1].text.split()
    assert int(printed[0]) == 1 and int(printed[1]) >= len(
        evaluate(
            small_shop.items(), small_shop.events(), encoder="tfidf", scorers=["content"]
        ).cost.seconds
    )


def test_a_notebook_stays_empty_without_progress():
    assert in_kernel(CALL.format(", progress=False")) == []


def test_a_failure_in_a_notebook_names_the_stage():
    code = """
from pennyweight.progress.display import tracked
try:
    with tracked(True) as tracker:
        tracker("fit tower")
        raise ValueError
except ValueError:
    pass
"""
    (output,) = in_kernel(code)
    assert re.fullmatch(r"stopped in fit tower after [\d.]+ ms", output.data["text/plain"])


def test_pipes_and_scripts_get_nothing():
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        evaluate(small_shop.items(), small_shop.events(), **QUICK)
    assert (out.getvalue(), err.getvalue()) == ("", "")


@pytest.mark.parametrize("progress", ["yes", 1])
def test_other_values_are_refused(progress):
    with pytest.raises(TypeError, match=r"progress is a (str|int); give True, False or a function"):
        validate(read(small_shop.items(), small_shop.events()), encoder="tfidf", progress=progress)


def test_validate_counts_its_stages():
    updates: list[ProgressUpdate] = []
    data = read(small_shop.items(), small_shop.events())
    validate(data, encoder="tfidf", progress=updates.append)
    assert [(update.number, update.stages) for update in updates] == [(n, 5) for n in range(1, 6)]
    assert updates[-1].stage == "leaks" and updates[0].share < updates[-1].share


def test_compression_expects_its_candidates():
    plan = Plan().override({"budget.max_loss": 0.9})
    shop, scorers = (small_shop.items(), small_shop.events()), ["content", "tower"]
    parent = fit(*shop, plan=plan, encoder="tfidf", scorers=scorers, progress=False)
    updates: list[ProgressUpdate] = []
    measured = frontier(parent, progress=updates.append)
    last = updates[-1]
    assert last.stage == f"measure candidate {len(measured.points)}"
    assert (last.number, last.seconds_left is None) == (last.stages, False)
    updates.clear()
    compress(parent, progress=updates.append)
    last = updates[-1]
    assert (last.stage, last.number, last.seconds_left is None) == ("test", last.stages, False)
