"""Scorers and encoders of another package: fitted by name, saved, loaded, served."""

import sys

import pytest
from live import service

import extension_blocks
import pennyweight
import small_shop
from pennyweight.config.plan import Plan
from pennyweight.encoders.registry import ENCODERS, register_encoder
from pennyweight.errors import BundleError, PennyweightError, PlanError
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.registry import SCORERS, register_scorer, scorer_type

NAMES = ("transitions", "hashed")


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    extension_blocks.install(folder)
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in NAMES:
        sys.modules.pop(name, None)


def test_names_are_found_and_nothing_is_imported_before(package):
    assert "transitions" in SCORERS.names() and "hashed" in ENCODERS.names()
    assert not sys.modules.keys() & set(NAMES)
    assert scorer_type("transitions").kind == "transitions"
    assert "transitions" in sys.modules and "hashed" not in sys.modules
    with pytest.raises(PlanError, match="did you mean 'transitions'"):
        scorer_type("transition")


def test_they_are_fitted_saved_loaded_and_served(package, tmp_path):
    plan = Plan.from_toml("[scorers.transitions]\nsmoothing = 2.0\n[evaluate]\nbootstrap = 20")
    scorers = ["popularity", "content", "transitions"]
    made = pennyweight.fit(
        small_shop.items(), small_shop.events(), plan=plan, encoder="hashed", scorers=scorers
    )
    assert made.report.encoder == "hashed"
    assert made.report.chosen["transitions.smoothing"] in (0.1, 1.0, 10.0)
    made.save(tmp_path / "bundle")
    loaded = Recommender.load(tmp_path / "bundle")
    assert loaded.scorer.components["content"].encoder.kind == "hashed"
    ours, theirs = (r.recommend(history=["i3", "i8"], k=4) for r in (made, loaded))
    assert ours.equals(theirs)
    assert loaded.recommend(history=["i3"], k=1, explain=True)["reason"][0]
    with service(tmp_path / "bundle", tmp_path / "live") as live:
        assert live.ids("/v1/recommend/u1", k=3)
        body = {"attributes": {"title": "tea blend dark no99"}}
        assert live.http.put("/v1/items/new", json=body).status_code == 200
        assert "new" in live.ids("/v1/recommend/u1", k=100)


def test_a_bundle_of_a_package_that_is_gone_names_it(package, tmp_path, monkeypatch):
    made = pennyweight.fit(
        small_shop.items(),
        small_shop.events(),
        encoder="tfidf",
        scorers=["popularity", "transitions"],
    )
    made.save(tmp_path / "bundle")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(package)])
    with pytest.raises(BundleError, match="scorer 'transitions' is not known here; install"):
        Recommender.load(tmp_path / "bundle")


def test_a_class_that_cannot_be_imported_is_named(package):
    (package / "transitions.py").write_text("import a_package_that_is_not_there\n")
    with pytest.raises(PennyweightError, match=r"transitions:Transitions.*a_package_that"):
        scorer_type("transitions")


def test_a_class_is_registered_for_one_process(package, monkeypatch):
    import transitions

    monkeypatch.setattr(SCORERS, "_added", {})
    monkeypatch.setattr(ENCODERS, "_added", {})

    class Mine(transitions.Transitions):
        kind = "mine"

    assert register_scorer(Mine) is Mine is scorer_type("mine")
    with pytest.raises(PennyweightError, match="'popularity' is built in"):
        register_scorer(scorer_type("popularity"))
    import hashed

    assert register_encoder(hashed.HashedWords) is ENCODERS.find("hashed")
