import json
import subprocess
import sys
from pathlib import Path

import pytest
from running import FAST, Cli
from small import FAST as FASTEST
from small import shop as small_shop

from pennyweight.cli.options import Options
from pennyweight.config.report import Report
from pennyweight.errors import PlanError
from pennyweight.fitting.encoder_choice import encoder_names
from pennyweight.scorers.registry import SCORERS


def test_the_note_on_rows_adds_up(cli: Cli, tmp_path: Path) -> None:
    ran = cli("evaluate", *small_shop(tmp_path), *FASTEST)
    assert ran.code == 0 and "items: 12 rows read = 12 kept\n" in ran.err


def test_evaluate_prints_a_table(cli: Cli, tmp_path: Path) -> None:
    ran = cli("evaluate", *small_shop(tmp_path), *FASTEST)
    assert ran.code == 0
    assert "blend" in ran.out and "ndcg@10" in ran.out and "cost:" in ran.out
    assert "user = user_id" in ran.err  # notes and stages stay off stdout
    assert "fit content" in ran.err


def test_evaluate_prints_and_writes_the_same_json(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report.json"
    ran = cli("evaluate", *small_shop(tmp_path), *FASTEST, "--json", "--out", out, "--seed", 3)
    report = json.loads(ran.out)
    assert report == json.loads(out.read_text())
    parts = {"popularity", "content", "neighbors"}
    assert set(report["scorers"]) == parts | {"blend", "blend-train-only"}
    assert set(report["scorers"]["blend"]["ndcg@10"]) == {"value", "low", "high"}
    assert {"protocol", "users", "items", "events", "cost"} <= set(report)
    assert report["cost"]["seconds"] and report["cost"]["peak_rss_bytes"] > 0
    assert report["seed"] == 3


def test_quiet_leaves_only_the_result(cli: Cli, tmp_path: Path) -> None:
    ran = cli("evaluate", *small_shop(tmp_path), *FASTEST, "--quiet")
    assert ran.err == ""
    assert "blend" in ran.out


def test_fit_saves_a_bundle_with_its_report(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    ran = cli("fit", *small_shop(tmp_path), "--out", out, *FASTEST, "--json")
    assert ran.code == 0
    report = Report.read(out / "report.json")
    assert json.loads(ran.out) == json.loads(report.to_json())
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["report"] == json.loads(report.to_json())
    files = {name: entry["bytes"] for name, entry in manifest["files"].items()}
    assert report.cost.bundle_bytes == sum(
        size for name, size in files.items() if not name.startswith("report.")
    )
    page = (out / "report.html").read_text()
    assert "<h2>Examples</h2>" in page and "To reproduce it" in page


def test_fit_protects_existing_files(cli: Cli, tmp_path: Path) -> None:
    files, out = small_shop(tmp_path), tmp_path / "bundle"
    assert cli("fit", *files, "--out", out, *FASTEST).code == 0
    before = (out / "manifest.json").read_bytes()
    ran = cli("fit", *files, "--out", out, *FASTEST)
    assert ran.code == 2 and "a bundle is there" in ran.err
    assert "read" not in ran.err.split()  # found before the work
    assert (out / "manifest.json").read_bytes() == before
    assert cli("fit", *files, "--out", out, *FASTEST, "--overwrite").code == 0
    assert cli("fit", *files, "--out", tmp_path, *FASTEST, "--overwrite").code == 2


def test_places_are_checked_before_the_work(cli: Cli, tmp_path: Path) -> None:
    files = small_shop(tmp_path)
    for verb in ("fit", "evaluate"):
        ran = cli(verb, *files, *FASTEST, "--out", files[0] / "inside")
        assert ran.code == 2 and "folder" in ran.err
    assert cli("evaluate", *files, *FASTEST, "--out", tmp_path).code == 2


@pytest.mark.parametrize("verb", ["fit", "evaluate"])
def test_quality_gate(cli: Cli, tmp_path: Path, verb: str) -> None:
    files, out = small_shop(tmp_path), tmp_path / "out"
    ran = cli(
        verb, *files, *FASTEST, "--scorers", "popularity", "--min-ndcg", 1, "--out", out, "--json"
    )
    assert ran.code == 1
    assert "quality gate" in ran.err and "below 1" in ran.err
    assert json.loads(ran.out)["scorers"]["blend"]
    assert out.exists() == (verb == "evaluate")  # a measurement is one; a bad bundle is not kept
    assert cli(verb, *files, *FASTEST, "--min-ndcg", 0, "--out", tmp_path / "other").code == 0


def test_options_reach_the_plan() -> None:
    plan = Options(
        protocol="leave-last-out",
        repeats="include",
        encoder="bow",
        scorers="content, popularity",
        k_core=3,
        text_columns='title,"a, b"',
        user_column="who",
        type_column="",
        max_users=9,
        strict=True,
        seed=5,
    ).to_plan()
    assert plan.evaluate.protocol == "leave-last-out"
    assert plan.evaluate.repeats == "include"
    assert (plan.evaluate.max_users, plan.evaluate.seed) == (9, 5)
    assert plan.encoder.name == "bow"
    assert plan.scorers.names == ("content", "popularity")
    assert (plan.data.k_core, plan.data.strict) == (3, True)
    assert plan.data.text_columns == ("title", "a, b")
    assert plan.data.columns == {"user": "who", "type": ""}
    assert Options(scorers="auto").to_plan().scorers.names == "auto"
    for text, share in (("0.05", 0.05), ("auto", "auto")):
        assert Options(explore=text).to_plan().recommend.explore == share
    with pytest.raises(PlanError, match=r"recommend\.explore = 'often'"):
        Options(explore="often").to_plan()
    with pytest.raises(PlanError, match="--scorers is empty"):
        Options(scorers=" ,").to_plan()


def test_options_override_the_plan_file(cli: Cli, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[data]\ncolumns = {time = "timestamp"}\n[encoder]\nname = "tfidf"\n'
        '[scorers]\nnames = ["content"]\n[evaluate]\nprotocol = "leave-last-out"\nseed = 4\n'
    )
    files = small_shop(tmp_path)
    report = json.loads(cli("evaluate", *files, "--plan", plan, "--seed", 8, "--json").out)
    assert (report["seed"], report["protocol"]) == (8, "leave-last-out")
    assert set(report["scorers"]) == {"content", "blend", "blend-train-only"}


def test_given_split_and_columns(cli: Cli, tmp_path: Path) -> None:
    items, events = small_shop(tmp_path)
    _, *rows = events.read_text().splitlines()
    parts = ["train"] * 6 + ["valid", "test"]
    events.write_text(
        "\n".join(["who,what,at,part_of", *(f"{r},{parts[i % 8]}" for i, r in enumerate(rows))])
    )
    columns = ["--user-column", "who", "--item-column", "what", "--time-column", "at"]
    columns += ["--id-column", "item_id", "--split-column", "part_of", "--protocol", "given-split"]
    report = json.loads(cli("evaluate", items, events, *FASTEST, *columns, "--json").out)
    assert report["protocol"] == "given-split"
    assert report["columns"]["user"] == "who"
    assert report["evaluated_users"] == 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[evaluate]\nprotcol = 'x'\n", "did you mean 'protocol'"),
        ("[evaluate]\nseed = 'x'\n", "evaluate.seed"),
        ("not toml", "not TOML"),
        (None, "cannot be read"),
    ],
)
def test_bad_plan(cli: Cli, tmp_path: Path, text: str | None, message: str) -> None:
    plan = tmp_path / "plan.toml"
    if text is not None:
        plan.write_text(text)
    ran = cli("evaluate", *small_shop(tmp_path), "--plan", plan)
    assert ran.code == 2 and message in ran.err and ran.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ["--no-such-option"],
        ["--protocol", "random"],
        ["--repeats", "maybe"],
        ["--seed", "x"],
        ["--seed", "-1"],
        ["--k-core", "-2"],
        ["--max-users", "0"],
        ["--scorers", "magic"],
        ["--encoder", "no/such/folder"],
        ["--user-column", "nobody"],
        ["--text-columns", "nothing"],
    ],
)
def test_bad_option(cli: Cli, tmp_path: Path, words: list[str]) -> None:
    ran = cli("evaluate", *small_shop(tmp_path), *words)
    assert ran.code == 2
    assert ran.err.strip() and ran.out == ""


def test_demo(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("demo", "--readers", 120, *FAST[:2])
    assert ran.code == 0
    for part in (
        "--user",
        "--history",
        "--text",
        "similar",
        "--filter",
        "simulated",
        "Next",
        "items without events: ",
        "nobody has read it",
        "new: chosen by its text",
    ):
        assert part in ran.out
    assert Path("demo-out/bundle/report.html").is_file()
    again = cli("demo", "--readers", 120, *FAST[:2], "--json", "--quiet")
    result = json.loads(again.out)
    assert again.err == ""
    arrival = result["arrival"]
    assert arrival["place"]["rank"] <= 30 and arrival["of"] == 416
    assert 0 < arrival["lists"] < arrival["of_readers"] / 4
    assert len(result["answers"]) == 5 and all(a["items"] for a in result["answers"])
    command = result["answers"][1]["command"].split()
    assert command[0] == "pennyweight"
    repeated = json.loads(cli(*command[1:], "--json").out)
    assert repeated["items"] == result["answers"][1]["items"]  # the printed list


def test_heavy_packages_stay_out(tmp_path: Path) -> None:
    """In a process of its own: the tests of other rooms have loaded them into this one."""
    code = (
        "import sys\nfrom pennyweight.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "print([name for name in ('ray', 'fastapi', 'torch') if name in sys.modules])"
    )
    words = ["evaluate", *map(str, small_shop(tmp_path)), *FASTEST, "--quiet"]
    process = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "[]"


def test_the_help_names_every_scorer_and_encoder(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    help_text = " ".join(cli("fit", "--help").out.split())
    assert f"comma-separated: {', '.join(SCORERS.built_in)}; or auto" in help_text
    assert f"{', '.join(encoder_names())}, a folder" in help_text


def test_no_refit_measures_the_model_of_the_training_events(cli: Cli, tmp_path: Path) -> None:
    plain = json.loads(cli("evaluate", *small_shop(tmp_path), *FASTEST, "--no-refit", "--json").out)
    assert set(plain["fitted_on"].values()) == {"train"}
    both = json.loads(cli("evaluate", *small_shop(tmp_path), *FASTEST, "--json").out)
    assert both["scorers"]["blend-train-only"] == plain["scorers"]["blend"]
    table = cli("evaluate", *small_shop(tmp_path), *FASTEST).out
    assert "blend-train-only  train " in table
    assert "blend-train-only by" not in table  # it is no rival of the blend


def test_no_measure_saves_a_recommender_without_figures(cli: Cli, tmp_path: Path) -> None:
    shop, out = small_shop(tmp_path), tmp_path / "bundle"
    report = json.loads(cli("fit", *shop, *FASTEST, "--out", out, "--no-measure", "--json").out)
    assert report["scorers"] == {} and report["blend"]
    assert (out / "report.html").exists()
    refused = cli("fit", *shop, *FASTEST, "--out", out, "--no-measure", "--min-ndcg", "0.1")
    assert refused.code and "--min-ndcg needs a measurement" in refused.err
