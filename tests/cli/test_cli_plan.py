"""`plan`: sizes in words, a bundle, prices, the chosen plan, the page."""

import json
import shutil

import pytest
from planning_world import profile

from pennyweight.cli.demo_capacity import plan_larger_shop
from pennyweight.config.capacity import CapacityPlan, Workload
from pennyweight.config.frontier import Frontier, Point
from pennyweight.config.plan import Plan
from pennyweight.config.quality import Measurement
from pennyweight.machine.machine import Machine
from pennyweight.planning.candidates import ladder
from pennyweight.planning.machine_profile import (
    default_profile,
    reference_profile,
    usable_profile,
)
from pennyweight.planning.workloads import sizes_of
from pennyweight.recommender.recommender import Recommender

SIZES = ("--items", "10k", "--mean-tokens", "16", "--users", "20k", "--events", "200k")


@pytest.fixture
def machine(tmp_path):
    """The profile of a machine that has the name of this one."""
    here, path = Machine.measure(), tmp_path / "machine.toml"
    profile(cpu=here.cpu, flags=here.flags, cores=here.cores).to_toml(path)
    return path


def test_sizes_in_words_give_a_price_and_the_way_there(cli, machine, tmp_path):
    page, chosen = tmp_path / "plan.html", tmp_path / "plan.toml"
    words = (*SIZES, "--rps", "40/s", "--p95", "50ms", "--churn", "5%/day", "--machine", machine)
    run = cli("plan", *words, "--budget-per-month", 200, "--out", chosen, "--html", page)
    assert run.code == 0
    assert "USD per month serve 10,000 items, 40 lists per second at the peak" in run.out
    assert "configurations rejected: over the budget" in run.out
    assert "10 times the requests: " in run.out
    deployment = Plan.from_toml(chosen).deployment
    assert deployment.requests_per_second == 40
    assert deployment.price_per_month * deployment.replicas <= 200
    assert "<h1>Machines and their price</h1>" in page.read_text()
    assert "pennyweight" in page.read_text()


def test_json_is_the_plan(cli, machine):
    run = cli("plan", *SIZES, "--machine", machine, "--json")
    plan = CapacityPlan.from_json(run.out)
    assert plan.workload.items == 10_000
    assert plan.best is not None


def test_a_bundle_has_its_own_sizes(cli, machine, bundle):
    run = cli("plan", bundle, "--machine", machine, "--json")
    workload = json.loads(run.out)["workload"]
    assert workload["items"] == 415
    assert 5 < workload["mean_tokens"] < 200
    assert workload["events"] > 1_000
    run = cli("plan", bundle, "--items", "1M", "--machine", machine, "--json")
    assert json.loads(run.out)["workload"]["items"] == 1_000_000


def test_your_own_prices(cli, machine, tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(
        'replace = true\n[[provider]]\nname = "Cellar"\nregion = "here"\ncurrency = "USD"\n'
        'date = 2026-11-01\nsource = "own"\n[[provider.types]]\nname = "box"\nvcpus = 4\n'
        'memory_gib = 16\ncpu = "Own"\nflags = ["avx2"]\nprice_per_month = 3.0\n'
    )
    run = cli("plan", *SIZES, "--machine", machine, "--prices", path, "--spares", 0)
    assert "3.00 USD per month" in run.out
    assert "Cellar box" in run.out


def test_predictions_stand_beside_measurements(cli, machine, bundle):
    run = cli("plan", bundle, "--check", "--machine", machine, "--json")
    rows = {row["name"]: row for row in json.loads(run.out)}
    assert set(rows) == {"scores of a list", "request for a list", "memory of the service"}
    for row in rows.values():
        assert row["error"] == pytest.approx(row["predicted"] / row["measured"] - 1)
    assert cli("plan", bundle, "--check", "--machine", machine).out.startswith("quantity ")


def test_without_a_way_the_nearest_miss_is_named(cli, machine):
    run = cli("plan", *SIZES, "--machine", machine, "--p95", "1ms")
    assert run.code == 1
    assert "No configuration does for 10,000 items" in run.out
    assert "95 % must be within 1 ms" in run.out
    run = cli("plan", *SIZES, "--machine", machine, "--budget-per-month", 1)
    assert "more than the budget" in run.out
    assert run.code == 1


def test_the_profile_of_another_machine_is_refused(cli, tmp_path):
    path = tmp_path / "machine.toml"
    profile(cpu="Other").to_toml(path)
    run = cli("plan", *SIZES, "--machine", path)
    assert run.code == 2
    assert "is the profile of another machine (processor Other in the profile" in run.err
    assert cli("plan", *SIZES, "--machine", path, "--force").code == 0


def test_without_a_profile_the_reference_machine_is_named(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path))
    run = cli("plan", *SIZES)
    assert run.code == 0
    assert "this machine is not calibrated" in run.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the size of the data is unknown: give --items, --mean-tokens, --users, --events"),
        ((*SIZES, "--p95", "50"), "'50' has no unit"),
        ((*SIZES, "--rps", "many"), "'many' is not a rate"),
        ((*SIZES, "--encoder", "no-such-model"), "no-such-model"),
        ((*SIZES, "--encoder", "none.json"), "none.json: cannot be read as JSON"),
        ((*SIZES, "--provider", "Nobody"), "no machine of Nobody"),
        ((*SIZES, "--currency", "XYZ"), "no rate between"),
        ((*SIZES, "--prices", "none.toml"), "none.toml"),
        (("--check",), "--check measures a saved recommender"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(cli, machine, words, message):
    run = cli("plan", *words, "--machine", machine)
    assert run.code == 2
    assert message in run.err


def test_a_config_of_a_model_that_nobody_has(cli, machine, tmp_path):
    config = tmp_path / "giant" / "config.json"
    config.parent.mkdir()
    config.write_text(
        json.dumps(
            {
                "model_type": "llama",
                "hidden_size": 4096,
                "intermediate_size": 14336,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "vocab_size": 128256,
                "max_position_embeddings": 8192,
            }
        )
    )
    run = cli("plan", *SIZES, "--machine", machine, "--encoder", config, "--json")
    plan = CapacityPlan.from_json(run.out)
    giant = [one for one in plan.configurations if one.encoder == "giant, int8"]
    assert min(one.encoder_bytes for one in giant) > 7_000_000_000
    assert any(one.rejection_kind == "too little memory" for one in giant)


def two_points() -> Frontier:
    """The original, and a smaller one that loses 3 %."""
    share = Measurement(value=0.97, low=0.95, high=0.99)
    whole = share.model_copy(update={"value": 1.0})
    original = Point(
        name="original",
        steps=(),
        quality=share,
        relative_quality=whole,
        encoder_bytes=20_000_000,
        index_bytes=4_000_000,
        texts_per_second=400,
        ms_per_text=6,
        peak_rss_bytes=400_000_000,
    )
    changes = {"name": "static table, int8; content int8", "relative_quality": share}
    points = (original, original.model_copy(update=changes))
    return Frontier(protocol="leave-last-out", users=9, seed=0, points=points)


def test_a_frontier_ties_the_price_to_quality(cli, machine, bundle, tmp_path):
    path = tmp_path / "frontier.json"
    path.write_text(two_points().to_json())
    words = ("plan", bundle, "--machine", machine)
    run = cli(*words, "--frontier", path, "--max-loss", "1%")
    assert run.code == 0, run.err
    assert "with 100.0% of the uncompressed quality" in run.out
    assert "rejected: loses more than 1.0% of the quality" in run.out
    for extra, message in (
        (("--max-loss", "1%"), "--max-loss needs measured quality: give --frontier FILE"),
        (("--frontier", path, "--max-loss", "much"), "'much' is not a share"),
        (("--frontier", tmp_path / "none"), "none: cannot be read"),
        (("--frontier", machine), "machine.toml"),
        (("--frontier", path, "--encoder", "all-mpnet-base-v2"), "leave out --encoder"),
    ):
        run = cli(*words, *extra)
        assert run.code == 2
        assert message in run.err
    run = cli("plan", *SIZES, "--machine", machine, "--frontier", path)
    assert "give this BUNDLE" in run.err


def test_the_demo_ends_with_a_plan_for_a_larger_shop(cli, bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path))
    shutil.copytree(bundle, tmp_path / "bundle")
    larger = plan_larger_shop(Recommender.load(tmp_path / "bundle"), two_points(), tmp_path)
    assert "USD per month serve 41,500 items, 100 lists per second" in larger.answer
    assert "with 100.0% of the uncompressed quality" in larger.answer
    assert "Price against quality" in larger.page.read_text()
    run = cli(*larger.command.split()[1:])
    assert run.out.startswith(larger.answer), "the command that is shown gives the same answer"


def test_the_profile_is_that_of_this_machine_or_the_reference(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path))
    here = Machine.measure()
    assert usable_profile() == reference_profile()
    profile(cpu="Other").to_toml(default_profile())
    assert usable_profile() == reference_profile()
    own = profile(cpu=here.cpu, flags=here.flags, cores=here.cores)
    own.to_toml(default_profile())
    assert usable_profile() == own


def test_the_bytes_of_a_candidate_are_those_of_a_fit(bundle):
    recommender = Recommender.load(bundle)
    components = recommender.scorer.components
    encoders = sum(c.encoder_nbytes(bundle / "scorer" / n) for n, c in components.items())
    index = sum(
        c.nbytes if c.vector_width is None else c.vector_nbytes for c in components.values()
    )
    work = Workload(
        **sizes_of(recommender), events_per_day=0, requests_per_second=1, latency_seconds=1
    )
    like = next(o for o in ladder(work) if (o.encoder, o.vectors) == ("TF-IDF", "fp32"))
    assert like.encoder_bytes == pytest.approx(encoders, rel=0.05)
    assert like.index_bytes == pytest.approx(index, rel=0.1)
