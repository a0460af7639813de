"""Lists that trees rank again, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from live import service
from test_browse_pages import ids as listed
from test_dashboard import page
from test_preview import preview
from test_served_lists import same

import small_shop
from pennyweight import Recommender
from pennyweight.config.plan import Plan
from pennyweight.fitting import reranking
from pennyweight.fitting.pipeline import fit

PLAN = Plan().override(
    {
        "encoder.name": "tfidf",
        "scorers.names": ["popularity", "content", "neighbors", "tower"],
        "evaluate.protocol": "leave-last-out",
        "evaluate.bootstrap": 50,
        "evaluate.refit": False,
        "rerank.name": "trees",
    }
)
USERS = [f"u{number}" for number in range(40)]


@pytest.fixture(scope="module")
def shop():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reranking, "FEW", replace(reranking.FEW, folds=2, repeats=2))
        patch.setattr(reranking, "MAX_ROUNDS", 15)
        return fit(small_shop.items(), small_shop.events(users=400), plan=PLAN, progress=False)


def test_lists_over_http_are_those_of_python(shop, tmp_path):
    shop.save(tmp_path / "bundle")
    local = Recommender.load(tmp_path / "bundle")
    assert local.scorer.trees is not None
    with service(tmp_path / "bundle", tmp_path / "live") as live:
        for user in USERS[:3]:
            options = {"k": 7, "explain": True}
            expected = local.recommend(user=user, **options)
            assert same(live.get(f"/v1/recommend/{user}", **options), expected)
        with ThreadPoolExecutor(20) as pool:
            batched = list(pool.map(lambda user: live.ids(f"/v1/recommend/{user}"), USERS))
        for user, ids in zip(USERS, batched, strict=True):
            assert ids == local.recommend(user=user)["item_id"].to_list()
        assert live.metric("pennyweight_fallbacks_total") == 0


def test_a_list_without_time_is_that_of_the_blend(shop, tmp_path):
    hurried = Recommender(shop.catalog, shop.scorer, shop.interactions, repeats=shop.repeats)
    hurried.plan = PLAN.override({"rerank.budget_ms": 1e-9})
    hurried.save(tmp_path / "bundle")
    blend = shop.scorer.with_components(shop.scorer.components)
    blend.trees = None
    plain = Recommender(shop.catalog, blend, shop.interactions, repeats=shop.repeats)
    with service(tmp_path / "bundle", tmp_path / "live") as live:
        for user in USERS[:3]:
            expected = plain.recommend(user=user, explain=True)
            assert same(live.get(f"/v1/recommend/{user}", explain=True), expected)
        assert live.metric("pennyweight_fallbacks_total") == 3


def test_a_preview_leaves_the_ranking_stage_out(shop, tmp_path):
    shop.save(tmp_path / "bundle")
    blend = shop.scorer.with_components(shop.scorer.components)
    blend.trees = None
    plain = Recommender(shop.catalog, blend, shop.interactions, repeats=shop.repeats)
    differing = 0
    with service(tmp_path / "bundle", tmp_path / "live") as live:
        for user in USERS[:9]:
            sections = preview(live, user=user, stage_a="off")
            without, ranked = (listed(section, "items") for section in sections)
            assert without == plain.recommend(user=user)["item_id"].to_list()
            assert ranked == live.ids(f"/v1/recommend/{user}")
            differing += ranked != without
        assert "trees rank the best" in page(live, "/dashboard/configuration")
    assert differing
