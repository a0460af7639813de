"""The report of a fit, beyond the means."""

import numpy as np
import polars as pl
import pytest

from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.data.dataset import read
from pennyweight.errors import DataError, PlanError
from pennyweight.fitting import evaluate
from small_shop import events, items


def plan(**keys):
    settings = {"encoder.name": "tfidf", "scorers.names": ["popularity", "content", "neighbors"]}
    return Plan().override(settings | {f"evaluate.{key}": value for key, value in keys.items()})


@pytest.fixture(scope="module")
def shop():
    log = events()
    country = [("FR", "DE")[int(user[1:]) % 2] for user in log["user_id"]]
    kinds = items()["title"].str.split(" ").list.first()
    return items().with_columns(category=kinds), log.with_columns(country=pl.Series(country))


def test_the_whole_report(shop):
    report = evaluate(*shop, plan=plan(user_attribute="country"))
    assert Report.from_json(report.to_json()) == report
    assert report.lists.k == 10
    assert report.lists.categories == report.exposure.attribute == "category"
    assert set(report.lists.scorers) == set(report.scorers)
    for lists in report.lists.scorers.values():
        assert set(lists) == {
            "novelty",
            "diversity",
            "serendipity",
            "miscalibration",
            "popularity",
            "popularity_lift",
        }
    assert {entry.by for entry in report.slices} == {
        "history length",
        "target popularity",
        "country",
    }
    overall = report.scorers["blend"]["ndcg@10"].value
    for by in ("history length", "country"):
        parts = [entry for entry in report.slices if entry.by == by]
        users = sum(entry.users for entry in parts)
        assert users == report.evaluated_users
        mean = sum(entry.users * entry.ndcg["blend"].value for entry in parts) / users
        assert mean == pytest.approx(overall)
    assert [entry.other for entry in report.comparisons] == ["popularity", "content", "neighbors"]
    for entry in report.comparisons:
        less = overall - report.scorers[entry.other]["ndcg@10"].value
        assert entry.difference.value == pytest.approx(less)
    for scorer in report.scorers:
        total = sum(group.scorers[scorer].value for group in report.exposure.groups)
        assert total == pytest.approx(1)
    again = evaluate(*shop, plan=plan(user_attribute="country"))
    parts_compared = ("slices", "comparisons", "lists", "exposure")
    assert [getattr(again, key) for key in parts_compared] == [
        getattr(report, key) for key in parts_compared
    ]


def test_another_item_attribute_and_none(shop):
    catalog, log = shop
    price = catalog.with_columns(price=pl.Series(np.arange(30) * 1.5))
    report = evaluate(price, log, plan=plan(item_attribute="price"))
    assert report.exposure.attribute == "price"
    assert len(report.exposure.groups) == 4
    bare = evaluate(items(), log, plan=plan())
    assert bare.exposure is None
    assert "miscalibration" not in bare.lists.scorers["blend"]


def test_bad_attributes_are_named_before_the_work(shop):
    with pytest.raises(PlanError, match=r"--item-attribute.*'color'.*'title', 'category'"):
        evaluate(*shop, plan=plan(item_attribute="color"))
    with pytest.raises(DataError, match=r"no 'age', asked for as the user attribute"):
        evaluate(*shop, plan=plan(user_attribute="age"))
    with pytest.raises(PlanError, match=r"read\(\.\.\., user_attribute='country'\)"):
        evaluate(read(*shop), plan=plan(user_attribute="country"))
