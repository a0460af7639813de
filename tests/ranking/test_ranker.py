"""One path from requests to lists."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pennyweight.data.interactions import Histories
from pennyweight.errors import DataError
from pennyweight.ranking.query import NO_QUERY, Query, item_query
from pennyweight.ranking.request import Boost, RankingRequest
from pennyweight.ranking.stages import RankingBatch
from pennyweight.recommender import Recommender
from pennyweight.scorers.popularity import Popularity
from shop import IDS, catalog, interactions, shop

SHOP = shop()
ANN = Query(Histories.of([[0, 1]]))


def ids(request: RankingRequest) -> list[str]:
    return [IDS[code] for code in SHOP.ranker.rank([request])[0].codes]


def test_requests_together_are_ranked_as_alone():
    requests = [
        RankingRequest(ANN, 3),
        RankingRequest(NO_QUERY, 8, "year > 1850", explain=True),
        RankingRequest(replace(ANN, text="whale"), 2, diversity=0.5),
        RankingRequest(item_query(np.array([7], np.int32)), 4),
        RankingRequest(replace(ANN, turned_down=np.array([2], np.int32)), unknown=("x",)),
    ]
    together = SHOP.ranker.rank(requests)
    for request, ranked in zip(requests, together, strict=True):
        alone = SHOP.ranker.rank([request])[0]
        np.testing.assert_array_equal(ranked.codes, alone.codes)
        np.testing.assert_allclose(ranked.scores, alone.scores, rtol=1e-6)
        assert (ranked.source, ranked.reasons) == (alone.source, alone.reasons)
        assert ranked.unknown == request.unknown
        assert (ranked.reasons is not None) == request.explain


def test_the_rules():
    assert ids(RankingRequest(ANN, 8, candidates=np.array([0, 2, 5], np.int32))) == [
        "a/b",
        "dracula",
    ]
    every = RankingRequest(ANN, 8, exclude_seen=False)
    assert sorted(ids(every)) == sorted(IDS)
    boosted = replace(every, boosts=(Boost("year > 1900", 50.0), Boost("year > 1903", 50.0)))
    assert ids(boosted)[:2] == ["new whale", "../up"]
    plain, more = SHOP.ranker.rank([every, boosted])
    scores = dict(zip(plain.codes.tolist(), plain.scores.tolist(), strict=True))
    for code, score in zip(more.codes.tolist(), more.scores.tolist(), strict=True):
        bonus = {4: 50, 7: 100}.get(code, 0)
        assert score == pytest.approx(scores[code] + bonus, abs=1e-4)
    bonus = np.zeros(8, np.float32)
    bonus[5] = 99
    assert ids(replace(every, bonus=bonus))[0] == "dracula"


def test_a_filter_that_cannot_be_read_costs_no_other_list():
    bad = RankingRequest(ANN, 3, "prize < 3")
    good = RankingRequest(ANN, 3)
    boosted = replace(good, boosts=(Boost("colour == 3", 1.0),))
    first, second, third, fourth = SHOP.ranker.rank_each([bad, good, boosted, good])
    assert isinstance(first, DataError) and isinstance(third, DataError)
    expected = SHOP.ranker.rank([good])[0].codes.tolist()
    assert second.codes.tolist() == fourth.codes.tolist() == expected
    with pytest.raises(DataError, match="did you mean"):
        SHOP.ranker.rank([good, bad])
    assert SHOP.ranker.rank([]) == []


def test_a_re_ranker_is_one_more_stage():
    def by_title(batch: RankingBatch) -> None:
        batch.codes = [
            np.array(sorted(codes, key=lambda code: SHOP.catalog.title(int(code))), np.int32)
            for codes in batch.codes
        ]

    request = RankingRequest(ANN, 3, explain=True)
    plain = SHOP.ranker.rank([request])[0]
    ranker = replace(SHOP.ranker, rerankers=(by_title,))
    ranked = ranker.rank([request])[0]
    titles = [SHOP.catalog.title(code) for code in ranked.codes.tolist()]
    assert titles == sorted(titles) and set(ranked.codes) == set(plain.codes)
    reasons = dict(zip(plain.codes.tolist(), plain.reasons, strict=True))
    assert ranked.reasons == tuple(reasons[code] for code in ranked.codes.tolist())


def test_ranking_leaves_the_scorer_as_it_is():
    popular = Recommender(catalog(), Popularity().fit(interactions(), catalog()), interactions())
    first = popular.recommend(user="ann", filter='brand == "X"')
    assert popular.recommend(user="bob", k=8).height == 5
    assert popular.recommend(user="ann", filter='brand == "X"').equals(first)


@pytest.mark.parametrize(
    "call",
    [
        lambda shop: shop.recommend(user="ann", explain=True),
        lambda shop: shop.recommend(user="ann", text="whale", explain=True, diversity=0.5),
        lambda shop: shop.recommend_many(["ann", "bob"], explain=True),
        lambda shop: shop.similar("dracula", explain=True),
        lambda shop: shop.explain("dracula", user="ann"),
        lambda shop: shop.recommend(user="ann", filter="year > 1850"),
    ],
)
def test_a_query_is_scored_once(call, monkeypatch):
    shop_ = shop()
    calls: Counter[str] = Counter()
    for name, component in shop_.scorer.components.items():
        for method in ("score", "score_texts"):
            real = getattr(component, method)

            def counting(*args, key=f"{name} {method}", real=real):
                calls[key] += 1
                return real(*args)

            monkeypatch.setattr(component, method, counting)
    assert call(shop_) is not None
    assert calls and set(calls.values()) == {1}
