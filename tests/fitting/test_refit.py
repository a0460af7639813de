"""Results with and without a refit, beside the same steps done one by one."""

from itertools import takewhile

import numpy as np
import pytest

import small_shop
from pennyweight.config.plan import Plan
from pennyweight.config.report import BEFORE_REFIT, Report
from pennyweight.data.dataset import read
from pennyweight.data.split import split
from pennyweight.evaluation.measure import measure
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.job import Job
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.reports import evaluation_page
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.building import BuildContext
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity

ITEMS, EVENTS = small_shop.items(), small_shop.events()
SCORERS = ["popularity", "content", "neighbors"]
QUICK = {"encoder": "tfidf", "scorers": SCORERS, "protocol": "leave-last-out"}


@pytest.fixture(scope="module")
def both() -> tuple[Report, Report]:
    return evaluate(ITEMS, EVENTS, **QUICK), evaluate(ITEMS, EVENTS, refit=False, **QUICK)


def values(report: Report, name: str) -> dict[str, float]:
    return {metric: mean.value for metric, mean in report.scorers[name].items()}


@pytest.mark.parametrize("protocol", ["leave-last-out", "global-time", "given-split"])
def test_not_refitted_is_fitted_on_training_events_and_asked_with_whole_histories(protocol):
    data = read(ITEMS, EVENTS)
    plan = Plan().override(
        {
            "encoder.name": "tfidf",
            "scorers.names": SCORERS,
            "evaluate.protocol": protocol,
            "evaluate.refit": False,
        }
    )
    job = Job(data, None, plan, ProgressTracker(), final=False)
    report = job.measure()
    parted = split(data.interactions, protocol)
    # Each history at the test ends with the validation event of its user.
    histories = parted.test.histories
    assert len(parted.test.before) > len(parted.train)
    assert histories.length.sum() == sum(
        (parted.test.before.user == user).sum() for user in parted.test.users
    )
    chosen = report.chosen or {}
    parts = {
        "popularity": Popularity().fit(parted.train, data.catalog),
        "content": Content(decay=chosen["content.decay"]).fit(parted.train, data.catalog),
        "neighbors": Neighbors(decay=chosen["neighbors.decay"]).fit(parted.train, data.catalog),
    }
    by_hand = Blend(parts, weights=job.blend.weights, routes=job.blend.routes)
    results = measure({**parts, "blend": by_hand}, parted.test, repeats="exclude")
    for name, per_user in results.items():
        assert values(report, name) == pytest.approx(
            {metric: per_user.column(metric).mean() for metric in per_user.names}
        )


def test_the_blend_before_the_refit_is_beside_the_refitted_one(both):
    refitted, plain = both
    assert values(refitted, BEFORE_REFIT) == values(plain, "blend")
    assert refitted.blend == plain.blend
    assert values(refitted, "blend") != values(plain, "blend")
    assert set(refitted.scorers) == {*SCORERS, "blend", BEFORE_REFIT}
    assert set(plain.scorers) == {*SCORERS, "blend"}
    assert refitted.fitted_on == dict.fromkeys([*SCORERS, "blend"], "train+validation") | {
        BEFORE_REFIT: "train"
    }
    assert set((plain.fitted_on or {}).values()) == {"train"}
    assert not any("refit" in stage for stage in plain.cost.seconds)
    assert "measure before refit" in refitted.cost.seconds


def test_every_form_of_a_report_names_the_events_of_each_fit(both):
    refitted, plain = both
    lines = refitted.table().splitlines()
    assert lines[2].split()[:3] == ["scorer", "fitted", "on"]
    cells = {line.split()[0]: line.split()[1] for line in takewhile(bool, lines[3:])}
    assert cells == refitted.fitted_on
    assert "train+validation" in refitted._repr_html_()
    sentence = f"{BEFORE_REFIT} is the blend fitted on training events only"
    assert sentence in evaluation_page(refitted)
    assert BEFORE_REFIT not in evaluation_page(plain)
    assert "<td>train</td>" in evaluation_page(plain)


def test_a_refit_goes_on_from_the_vectors_of_the_training_events():
    data = read(ITEMS, EVENTS)
    given = {"encoder.name": "tfidf", "scorers.names": ["tower"]}
    plan = Plan().override(given | {"evaluate.protocol": "leave-last-out"})
    job = Job(data, None, plan, ProgressTracker(), final=True)
    report = job.measure()
    parted, tower = split(data.interactions, "leave-last-out"), job.blend.components["tower"]
    codes = np.arange(len(data.catalog), dtype=np.int32)
    seen = np.bincount(parted.train.user, minlength=len(data.interactions.users))
    context = BuildContext(seen_events=seen)
    names = {"tower": parted.test.before, "final": data.interactions}
    by_hand = {
        name: tower.resumed(codes, context).fit(log, data.catalog) for name, log in names.items()
    }
    results = measure({"tower": by_hand["tower"]}, parted.test, repeats="exclude")["tower"]
    assert values(report, "tower") == pytest.approx(
        {metric: results.column(metric).mean() for metric in results.names}
    )
    final = job.refit(report).scorer.components["tower"]
    np.testing.assert_array_equal(final.item_vectors, by_hand["final"].item_vectors)
    assert final.choices() == tower.choices()


def test_a_recommender_knows_every_event_whatever_was_measured():
    given = QUICK | {"scorers": [*SCORERS, "tower"]}
    refitted, plain = (fit(ITEMS, EVENTS, refit=refit, **given) for refit in (True, False))
    for user in ("u0", "u7"):
        assert plain.recommend(user=user).equals(refitted.recommend(user=user))
    assert plain.plan.evaluate.refit is False
    assert "final neighbors" in plain.report.cost.seconds
    level = Popularity().fit(plain.interactions, plain.catalog).level
    np.testing.assert_array_equal(plain.scorer.components["popularity"].level, level)


def test_without_a_measurement_the_recommender_is_the_same():
    given = QUICK | {"scorers": [*SCORERS, "tower"]}
    measured, plain = (fit(ITEMS, EVENTS, measure=measure, **given) for measure in (True, False))
    assert plain.report.blend == measured.report.blend
    assert plain.report.chosen == measured.report.chosen
    for user in ("u0", "u7"):
        assert plain.recommend(user=user).equals(measured.recommend(user=user))
    stages = list(plain.report.cost.seconds)
    assert stages[:3] == ["read", "split", "encode"]
    assert not [name for name in stages if name.startswith(("refit", "measure", "intervals"))]
    assert plain.report.scorers == {} and plain.report.fitted_on is None
    assert "was not measured" in plain.report.table()
    assert "was not measured" in evaluation_page(plain.report)
    plan = plain.plan
    assert not plan.evaluate.measure
    assert evaluate(ITEMS, EVENTS, plan=plan.override({"scorers.names": ["popularity"]})).scorers


def test_without_validation_events_there_is_one_row():
    two = small_shop.events(shortest=2, longest=2)
    report = evaluate(ITEMS, two, **QUICK)
    assert BEFORE_REFIT not in report.scorers
    assert set((report.fitted_on or {}).values()) == {"train"}
    assert not any("refit" in stage for stage in report.cost.seconds)


def test_a_language_model_left_out_is_measured_without_a_refit_too():
    report = evaluate(ITEMS, EVENTS, protocol="leave-last-out", refit=False)
    rival = {"blend-with-model", "blend-without-model"} & set(report.scorers)
    assert bool(rival) == (report.encoder_ablation is not None)
    assert set((report.fitted_on or {}).values()) == {"train"}
