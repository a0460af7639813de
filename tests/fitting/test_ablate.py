"""Where an encoder pays: measured by slice, chosen on validation data."""

import numpy as np
import polars as pl
import pytest

import small_shop
from embedding_server import KEY, embedding_server
from pennyweight.config.ablation_table import AblatedModel, AblationTable
from pennyweight.config.plan import Plan
from pennyweight.errors import DataError, PlanError
from pennyweight.fitting.ablate import ablate
from pennyweight.fitting.ablation_results import SliceValues, route_of, slice_results
from pennyweight.progress.update import ProgressUpdate
from pennyweight.reports import ablation_page
from tiny_bert import write_tiny_bert

PLAN = Plan().override({"evaluate.bootstrap": 50, "evaluate.protocol": "leave-last-out"})
MEASURED = ("seconds", "created", "machine", "versions")


def shop() -> pl.DataFrame:
    """Return 120 items in 12 categories, of which 30 are sold."""
    texts = [f"{small_shop.KINDS[i % 5]} blend no{i} shelf{i % 12}" for i in range(120)]
    column = pl.Series("category", [f"shelf{i % 12}" for i in range(120)])
    return small_shop.items(texts).with_columns(column)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(write_tiny_bert(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def measured(tiny) -> tuple[AblationTable, list[ProgressUpdate]]:
    updates: list[ProgressUpdate] = []
    log = small_shop.events(users=300)
    return ablate(shop(), log, models=[tiny], plan=PLAN, progress=updates.append), updates


def test_every_encoder_is_measured_in_every_slice(measured, tiny):
    table, updates = measured
    names = [model.name for model in table.models]
    assert names[0] == "tfidf" and names[-1] == tiny
    slices = [part.slice for part in table.models[0].validation]
    assert slices == [
        "all lists",
        "no history",
        "history of 1",
        "history of 2 to 3",
        "history of 4 to 10",
        "search by category",
        "new items among all",
        "new items among themselves",
    ]
    for model in table.models:
        assert [part.slice for part in model.validation] == slices
        assert {part.slice for part in model.test} >= {"all lists", *slices[-3:]}
        assert all((part.difference is None) == (model.name == "tfidf") for part in model.test)
        assert model.nbytes > 0 and model.ms_per_list > 0 and model.ms_per_search > 0
    first = {part.slice: part for part in table.models[0].validation}
    assert first["history of 1"].made == first["history of 1"].cases
    assert first["all lists"].traffic == pytest.approx(0.9)
    assert first["search by category"].traffic == pytest.approx(0.1)
    assert first["new items among all"].traffic is None
    assert first["new items among themselves"].quality.value >= (
        first["new items among all"].quality.value
    )
    assert [update.number for update in updates if update.stage == "test"][-1] == updates[-1].stages
    assert table.scorers == ("popularity", "neighbors", "content")


def test_an_empty_history_gives_every_encoder_the_same_list(measured):
    for model in measured[0].models[1:]:
        (part,) = (part for part in model.validation if part.slice == "no history")
        assert part.difference.value == 0 and not part.gains


def test_two_ablations_agree(measured, tiny):
    again = ablate(shop(), small_shop.events(users=300), models=[tiny], plan=PLAN, progress=False)
    for one, other in zip(measured[0].models, again.models, strict=True):
        assert (one.validation, one.test) == (other.validation, other.test)
    assert AblationTable.from_json(again.to_json()) == again


def test_the_page_has_every_slice(measured):
    text = ablation_page(measured[0], commands=["pennyweight ablate a b"])
    assert "Quality on test data" in text and "search by category" in text
    assert measured[0].sentence().replace("'", "&#39;") in text


def test_a_model_at_a_server_is_measured(monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_ENDPOINT_KEY", KEY)
    log = small_shop.events(users=120)
    with embedding_server() as server:
        plan = PLAN.override({"encoder.model": "test-model"})
        table = ablate(shop(), log, models=[server.address], plan=plan, progress=False)
        assert server.requests[-1]["model"] == "test-model"
        with pytest.raises(PlanError, match="name the model at"):
            ablate(shop(), log, models=[server.address], plan=PLAN, progress=False)
    assert table.models[-1].name == server.address
    assert "search by category" in [part.slice for part in table.models[-1].validation]


def test_refused(tiny):
    log = small_shop.events(users=300)
    for options, message in (
        ({"models": [tiny, tiny]}, "named twice"),
        ({"models": [tiny], "search_share": 1.5}, "give a share, 0 to 1"),
        ({"plan": PLAN.override({"scorers.names": ["popularity"]})}, "needs the scorer 'content'"),
        ({"plan": Plan().override({"evaluate.folds": 2})}, "leave folds out"),
    ):
        with pytest.raises(PlanError, match=message):
            ablate(shop(), log, progress=False, **options)
    with pytest.raises(DataError, match="nowhere"):
        ablate(shop(), log, models=["/nowhere"], plan=PLAN, progress=False)


SAMPLING = {"resamples": 200, "rng": 0}
LENGTHS = np.repeat([1, 5], 100)


def slices_of(short: float, long: float, search: float, *, lists: float | None = None):
    """Return slices in which each case has one value but for a little noise."""
    noise = np.random.default_rng(1).normal(0, 0.01, 200)
    everyone = np.where(LENGTHS == 1, short, long) if lists is None else np.full(200, lists)

    def part(name, values, traffic=None, lengths=None):
        return SliceValues(name, "ndcg@10", values, traffic, 0, lengths)

    return [
        part("all lists", everyone + noise, 1.0, LENGTHS),
        part("history of 1", np.full(100, short) + noise[:100], 0.5),
        part("history of 4 to 10", np.full(100, long) + noise[:100], 0.5),
        part("search by category", np.full(100, search) + noise[:100]),
    ]


def route(*others, share: float = 0.2):
    """Return the route for values of models, the first is the reference."""
    values = {name: (parts, parts) for name, parts in zip("abc", others, strict=False)}
    first = others[0]
    models = [
        AblatedModel(
            name=name,
            nbytes=1,
            ms_per_list=1.0 if name == "a" else 3.0,
            ms_per_search=1.0 if name == "a" else 11.0,
            price_per_million=1.0,
            validation=slice_results(parts, first, share, SAMPLING),
        )
        for name, (parts, _) in values.items()
    ]
    return route_of(models, values, share, 1e-3, SAMPLING)


def test_a_model_serves_the_slices_in_which_it_gains():
    words = slices_of(0.2, 0.4, 0.3)
    chosen = route(words, slices_of(0.3, 0.2, 0.6))
    assert chosen.slices == ("history of 1", "search by category")
    assert chosen.traffic == pytest.approx(0.5 * 0.8 + 0.2)
    lists, search = chosen.tasks
    assert lists.route.value == pytest.approx(0.35, abs=0.01)  # .3 for short ones, .4 for long
    assert search.route == search.everywhere
    assert chosen.relative_quality == pytest.approx(0.8 * 0.35 / 0.25 + 0.2, abs=0.02)
    seconds = 0.4 * 3 + 0.4 * 1 + 0.2 * 11
    assert chosen.price == pytest.approx(seconds)
    assert chosen.price_everywhere == pytest.approx(0.8 * 3 + 0.2 * 11)
    assert chosen.price_without == pytest.approx(1.0)


def test_a_model_that_gains_on_all_lists_and_loses_nowhere_serves_all():
    chosen = route(slices_of(0.2, 0.2, 0.3), slices_of(0.3, 0.3, 0.3))
    assert chosen.slices == ("all lists",) and chosen.traffic == pytest.approx(0.8)


def test_the_model_with_the_larger_gain_is_chosen():
    words = slices_of(0.2, 0.2, 0.3)
    assert route(words, slices_of(0.2, 0.2, 0.4), slices_of(0.2, 0.2, 0.6)).model == "c"
    assert route(words, slices_of(0.2, 0.2, 0.3)) is None
