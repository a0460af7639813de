"""Components of a blend by id: several of one kind, their settings, and objects."""

import numpy as np
import pytest

import small_shop
from pennyweight.compression.pipeline import compress
from pennyweight.config.budget import Budget
from pennyweight.config.plan import Plan
from pennyweight.encoders.word2vec import Word2VecEncoder
from pennyweight.errors import PlanError
from pennyweight.fitting.pipeline import evaluate, fit
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity

ITEMS, EVENTS = small_shop.items(), small_shop.events()
PLAN = Plan.from_toml("""
[evaluate]
bootstrap = 20

[encoder]
name = "tfidf"
dim = 8

[scorers]
names = ["popularity", "content", "content-2", "nearby", "neighbors"]

[scorers.content-2]
encoder = "word2vec"

[scorers.nearby]
kind = "neighbors"
window = 2
""")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield fit(ITEMS, EVENTS, plan=PLAN)


def test_a_blend_has_several_scorers_of_one_kind(shop):
    components = shop.scorer.components
    assert list(components) == list(PLAN.scorers.names) == list(shop.report.blend)
    kinds = [component.kind for component in components.values()]
    assert kinds == ["popularity", "content", "content", "neighbors", "neighbors"]
    assert components["content"].encoder is None
    assert components["content-2"].encoder.kind == "word2vec"
    assert (components["nearby"].window, components["neighbors"].window) == (2, 10)
    assert {"content.decay", "content-2.decay", "nearby.decay"} <= shop.report.chosen.keys()
    assert set(components) <= shop.report.scorers.keys()


def test_it_is_saved_loaded_and_explained(shop, tmp_path):
    shop.save(tmp_path / "shop")
    loaded = Recommender.load(tmp_path / "shop")
    assert list(loaded.scorer.components) == list(shop.scorer.components)
    assert loaded.plan == shop.plan
    users = [f"u{n}" for n in range(9)]
    mine, theirs = (r.recommend_many(users, k=5, explain=True) for r in (shop, loaded))
    assert mine.equals(theirs)
    reasons = mine["reason"].to_list()
    assert any("tea" in reason or "shares" in reason for reason in reasons)
    texts = loaded.recommend(text="dark tea", k=3)
    assert texts["source"].to_list() == ["text"] * 3


def test_new_items_reach_both_content_scorers(shop):
    texts, n_items = ["tea blend dark"], len(shop.catalog)
    assert list(shop.scorer.encode_texts(texts)) == ["content/text", "content-2/text"]
    grown = shop.scorer.with_items(np.array([n_items], np.int32), texts, n_items + 1)
    for name in ("content", "content-2"):
        scores = grown.components[name].score_texts(texts)[0]
        assert scores[n_items] == pytest.approx(scores.max(), abs=0.02)  # in 8 bits


def test_it_is_compressed(shop):
    child = compress(shop, Budget(max_loss=1.0))
    assert list(child.scorer.components) == list(shop.scorer.components)
    small, original = (recommender.scorer.components["content-2"] for recommender in (child, shop))
    assert small.nbytes < original.nbytes
    assert child.report.frontier.points[0].name == "original"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "[scorers.neighbors]\nwindwo = 5",
            r"unknown key 'windwo'; did you mean 'window'\? Valid",
        ),
        ("[scorers.neighbors]\nwindow = 0.5", r"window = 0\.5: must be a whole number"),
        ("[scorers.neighbors]\nencoder = 'bow'", "neighbors scorer takes no encoder"),
        ("[scorers.content]\nencoder = 'bwo'", "encoder: 'bwo' is not one of"),
        ("[scorers.linaer]\ndecay = 0.5", "scorers.linaer: no scorer of this id is fitted"),
        ("[scorers]\nnmaes = ['content']", r"'scorers\.nmaes'; did you mean 'names'\?"),
        ("[scorers]\nnames = ['mine']", "'mine' is not one of"),
        ("[scorers]\nnames = ['mine']\n[scorers.mine]\nkind = 'contnt'", "did you mean 'content'"),
        ("[scorers.content]\ndecay = [0.5]", r"scorers\.content\.decay = \[0\.5\]"),
    ],
)
def test_unknown_settings_are_refused_before_the_files_are_read(table, message):
    with pytest.raises(PlanError, match=message):
        evaluate("no-items.csv", "no-events.csv", plan=Plan.from_toml(table))


def test_a_whole_number_is_a_number():
    plan = Plan.from_toml("[scorers.neighbors]\nspacing = 1")
    with pytest.raises(Exception, match=r"no-items\.csv"):
        evaluate("no-items.csv", "no-events.csv", plan=plan)
    assert Plan.from_toml(plan.to_toml()) == plan


def test_objects_are_fitted_beside_names():
    encoder = Word2VecEncoder.fit(ITEMS["title"].to_list(), dim=4)
    made = fit(
        ITEMS,
        EVENTS,
        plan=Plan().override({"evaluate.bootstrap": 20}),
        encoder=encoder,
        scorers=["popularity", "content", Neighbors(window=1), Neighbors(window=3), Content()],
    )
    components = made.scorer.components
    assert list(components) == ["popularity", "content", "neighbors", "neighbors-2", "content-2"]
    assert components["content"].encoder is encoder
    assert components["content-2"].encoder is None
    assert [components[n].window for n in ("neighbors", "neighbors-2")] == [1, 3]
    assert made.report.encoder == encoder.name
    assert made.plan.encoder.name == "word2vec"


def test_a_mapping_gives_ids():
    report = evaluate(
        ITEMS,
        EVENTS,
        plan=Plan().override({"evaluate.bootstrap": 20}),
        encoder="tfidf",
        scorers={"all": Popularity(half_life=1.0), "text": "content"},
    )
    assert set(report.blend) == {"all", "text"}
    plan = Plan.from_toml("[scorers.all]\nhalf_life = 2.0")
    with pytest.raises(PlanError, match="is an object"):
        evaluate(ITEMS, EVENTS, plan=plan, scorers={"all": Popularity()})
