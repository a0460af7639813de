"""The encoder ablation where the truth is known: texts that only a language model understands."""

import numpy as np
import polars as pl
import pytest

from pennyweight.config.plan import Plan
from pennyweight.config.report import BEFORE_REFIT
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.ablation import WITH, WITHOUT

TOPICS = (
    "dog cat horse cow sheep goat pig rabbit hamster donkey pony puppy kitten lamb",
    "apple pear peach plum cherry grape banana mango lemon orange melon apricot kiwi berry",
    "guitar piano violin trumpet drum flute cello harp saxophone clarinet banjo organ oboe tuba",
    "truck car bus van tractor motorcycle bicycle train tram taxi lorry scooter wagon jeep",
    "doctor nurse hospital surgeon clinic patient medicine pharmacy vaccine therapy fever "
    "surgery illness disease",
    "planet star moon galaxy comet asteroid orbit rocket astronaut telescope mars venus jupiter "
    "saturn",
    "river lake ocean sea beach island harbor wave shore coast bay lagoon reef tide",
    "shirt trousers dress skirt jacket coat sweater hat scarf gloves boots shoes socks belt",
)
A_TOPIC, USERS, DAY = 14, 400, 86_400
START = 1_700_000_000
SCORERS = ["popularity", "content", "neighbors", "tower"]


def shop(*, understood: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return items of one word each, and readers who keep to a topic and like new items.

    No word occurs twice, so words cannot be matched: that a kitten is like a puppy is known to
    a language model alone. Where texts are not `understood`, words are dealt at random.
    """
    rng = np.random.default_rng(0)
    words = np.array([topic.split() for topic in TOPICS]).ravel()
    if not understood:
        rng.shuffle(words)
    n = len(words)
    topic, place = np.arange(n) // A_TOPIC, np.arange(n) % A_TOPIC
    launch = np.where(place < 8, 0, 40 + 10 * (place - 8) + rng.integers(10, size=n))
    rows = []
    for user in range(USERS):
        likes = rng.integers(len(TOPICS))
        for day in np.sort(rng.integers(1, 100, size=8)):
            out = np.flatnonzero((topic == likes) & (launch < day))
            weight = np.where(launch[out] > day - 12, 6.0, 1.0)
            item = rng.choice(out, p=weight / weight.sum())
            rows.append((f"u{user}", f"i{item}", START + int(day) * DAY + user))
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    return pl.DataFrame({"item_id": [f"i{i}" for i in range(n)], "title": words}), events


@pytest.fixture(scope="module")
def understood():
    # Without trees, which would be in the row of the blend, but not in the ablation.
    return fit(*shop(understood=True), scorers=SCORERS, rerank="none")


@pytest.fixture(scope="module")
def meaningless():
    return fit(*shop(understood=False), scorers=SCORERS)


def test_a_model_that_understands_the_texts_is_kept(understood):
    report = understood.report
    ablation = report.encoder_ablation
    assert ablation.keep
    assert {"all users", "new items"} <= {group.group for group in ablation.test if group.better}
    assert report.encoder == ablation.encoder == "static-all-MiniLM-L6-v2-256"
    ndcg = {name: metrics["ndcg@10"].value for name, metrics in report.scorers.items()}
    difference = ablation.test[0].difference
    assert difference.value == pytest.approx(ndcg[BEFORE_REFIT] - ndcg[WITHOUT])
    assert difference.low > 0
    assert "keep it" in ablation.sentence()


def test_the_report_names_the_lists_that_a_model_pays_for(understood, meaningless):
    slices = understood.report.encoder_ablation.slices
    assert slices[0].slice == "all lists" and slices[0].traffic == 1 and slices[0].gains
    assert sum(part.traffic for part in slices[1:]) <= 1
    assert "pays for all lists" in understood.report.where_a_model_pays()
    assert "not shown to pay" in meaningless.report.where_a_model_pays()


def test_a_model_that_adds_nothing_is_left_out(meaningless):
    report = meaningless.report
    ablation = report.encoder_ablation
    assert not ablation.keep
    assert ablation.followed
    assert report.encoder == ablation.baseline == "tfidf"
    assert WITH in report.scorers
    assert meaningless.scorer.components["tower"].tuned.kind == "lexical"
    assert "it was left out" in ablation.sentence()


def test_a_rejected_blend_is_not_fitted_again(understood, meaningless):
    for report, rival in ((understood.report, WITHOUT), (meaningless.report, WITH)):
        assert report.fitted_on[rival] == report.fitted_on[BEFORE_REFIT] == "train"
        assert report.fitted_on["blend"] == "train+validation"
        assert not {rival, BEFORE_REFIT} & {entry.other for entry in report.comparisons}
        refits = [stage for stage in report.cost.seconds if stage.startswith(("refit", "final"))]
        assert refits and not any("without model" in stage for stage in refits)


def test_costs_of_the_two_blends(understood):
    ablation = understood.report.encoder_ablation
    for price in (ablation.with_model, ablation.without_model):
        assert price.nbytes > 0
        assert price.fit_seconds > 0
        assert price.seconds_per_million > 0
        assert price.price_per_million > 0
    # A table over all pieces of words is larger than one over the words of the catalog.
    assert ablation.with_model.nbytes > ablation.without_model.nbytes


def test_a_named_encoder_is_kept_against_the_advice():
    report = evaluate(*shop(understood=False), scorers=SCORERS, encoder="static")
    assert report.encoder == "static-all-MiniLM-L6-v2-256"
    assert not report.encoder_ablation.keep
    assert not report.encoder_ablation.followed
    assert WITHOUT in report.scorers
    assert "leave it out (--encoder auto does)" in report.encoder_ablation.sentence()


@pytest.mark.parametrize(
    "plan",
    [
        Plan().override({"evaluate.encoder_ablation": False}),
        Plan().override({"encoder.name": "tfidf"}),
        Plan().override({"scorers.names": ["popularity", "content"]}),
    ],
)
def test_no_gate_where_there_is_nothing_to_compare(plan):
    report = evaluate(*shop(understood=True), plan=plan)
    assert report.encoder_ablation is None
    assert not {WITH, WITHOUT} & set(report.scorers)
