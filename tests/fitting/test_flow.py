"""`evaluate` and `fit` as a whole: their reports, and the data they must not read."""

import json

import numpy as np
import polars as pl
import pytest

import small_shop
from pennyweight import demo
from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.data.dataset import read
from pennyweight.data.split import split
from pennyweight.errors import DataError, PlanError, UnknownUserWarning
from pennyweight.evaluation.metrics import metric_names
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.search_choice import open_search_encoder
from pennyweight.progress.update import ProgressUpdate
from pennyweight.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from tiny_bert import write_tiny_bert

DEFAULT = {"popularity", "content", "neighbors", "linear", "tower", "blend", "blend-train-only"}
BOOKS = demo.books()
READERS = demo.readers(readers=300)
# Without the descriptions, which are most of the words and so of the time.
SHOP_PLAN = Plan.from_toml('data.text_columns = ["title", "author", "subjects"]')
ITEMS = small_shop.items()
EVENTS = small_shop.events()
QUICK = {"encoder": "tfidf", "scorers": ["popularity", "content", "neighbors"]}


def numbers(report: Report) -> dict:
    """Return the measurements and choices, without those that depend on the clock."""
    return report.model_dump(include={"scorers", "blend", "chosen", "evaluated_users"})


@pytest.fixture(scope="module")
def shop() -> Recommender:
    return fit(BOOKS, READERS, plan=SHOP_PLAN, encoder="tfidf", seed=3)


@pytest.fixture(scope="module")
def shop_report(shop) -> Report:
    assert shop.report is not None
    return shop.report


@pytest.fixture(scope="module")
def small() -> Report:
    return evaluate(ITEMS, EVENTS, **QUICK)


def check(report: Report) -> None:
    """Hold a report to what every report promises."""
    assert "blend" in report.scorers
    for measured in report.scorers.values():
        assert set(measured) == set(metric_names())
        for value in measured.values():
            assert 0 <= value.low <= value.value + 1e-9 <= value.high + 2e-9 <= 1 + 3e-9
    rivals = {"blend", "blend-train-only", "blend-with-model", "blend-without-model"}
    assert set(report.blend or {}) == set(report.scorers) - rivals
    assert all(np.isfinite(list((report.blend or {}).values())))


def test_the_demo_shop_with_every_default(shop_report):
    check(shop_report)
    assert set(shop_report.scorers) == DEFAULT | {"novelty"}
    assert shop_report.protocol == "global-time"
    assert (shop_report.users, shop_report.items) == (300, BOOKS.height)
    assert shop_report.events == READERS.height
    assert set(shop_report.chosen or {}) == {
        "content.decay",
        "neighbors.decay",
        "linear.decay",
        "tower.decay",
        "tower.epochs",
    }
    ndcg = {name: metrics["ndcg@10"].value for name, metrics in shop_report.scorers.items()}
    chance = 10 / BOOKS.height
    assert shop_report.scorers["blend"]["hit_rate@10"].value > 3 * chance
    assert ndcg["blend"] > ndcg["content"]


def test_the_json_is_that_of_the_issue(shop_report, tmp_path):
    shop_report.write(tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"protocol", "users", "items", "events", "scorers", "cost"} <= report.keys()
    assert set(report["scorers"]["blend"]["ndcg@10"]) == {"value", "low", "high"}
    assert {"seconds", "peak_rss_bytes", "bundle_bytes"} <= report["cost"].keys()
    assert report["cost"]["peak_rss_bytes"] > 10_000_000
    for metric in ("recall", "ndcg", "mrr", "hit_rate"):
        for k in (5, 10, 20, 50):
            assert f"{metric}@{k}" in report["scorers"]["popularity"]
    assert Report.read(tmp_path / "report.json") == shop_report


def test_stages_are_timed(shop_report):
    seconds = shop_report.cost.seconds
    fits = {f"fit {name}" for name in shop_report.blend}
    final = {f"final {name}" for name in shop_report.blend}
    refits = {f"refit {name}" for name in shop_report.blend}
    assert set(seconds) == {
        "read",
        "split",
        "encode",
        *fits,
        "blend",
        "ranking stage",
        "measure before refit",
        *refits,
        "measure",
        "intervals",
        "lists and slices",
        *final,
    }
    assert all(spent >= 0 for spent in seconds.values())


def test_fit_measures_what_evaluate_measures(shop):
    measured = evaluate(ITEMS, EVENTS, encoder="tfidf", seed=3)
    fitted = fit(ITEMS, EVENTS, encoder="tfidf", seed=3)
    assert numbers(fitted.report) == numbers(measured)
    assert not any(stage.startswith("final") for stage in measured.cost.seconds)
    assert shop.plan == SHOP_PLAN.override({"encoder.name": "tfidf", "evaluate.seed": 3})


def test_fit_learns_from_every_event(shop):
    data = read(BOOKS, READERS)
    log = data.interactions
    assert len(shop.interactions) == len(log)
    assert isinstance(shop.scorer, Blend)
    parts = shop.scorer.components
    everything = Popularity().fit(log, data.catalog).level
    np.testing.assert_array_equal(parts["popularity"].level, everything)
    before = split(log, "global-time").test.before
    assert not np.array_equal(Popularity().fit(before, data.catalog).level, everything)
    neighbors = Neighbors(decay=parts["neighbors"].decay).fit(log, data.catalog)
    assert (neighbors.matrix != parts["neighbors"].matrix).nnz == 0
    assert {n: round(w, 4) for n, w in shop.scorer.weights.items()} == shop.report.blend
    assert parts["tower"].epochs == shop.report.chosen["tower.epochs"]


def test_a_fitted_recommender_survives_saving(shop, tmp_path):
    shop.save(tmp_path / "bundle")
    loaded = Recommender.load(tmp_path / "bundle")
    assert loaded.recommend(user="reader-0001").equals(shop.recommend(user="reader-0001"))
    with pytest.warns(UnknownUserWarning, match="nobody"):
        assert loaded.recommend(user="nobody").equals(shop.recommend(user="nobody"))
    assert shop.recommend(user="reader-0001").height == 10
    assert numbers(loaded.report) == numbers(shop.report)
    assert loaded.plan == shop.plan


def test_a_seed_decides_everything():
    small = [evaluate(ITEMS, EVENTS, encoder="tfidf", seed=seed) for seed in (1, 1, 2)]
    assert numbers(small[0]) == numbers(small[1])
    assert numbers(small[0]) != numbers(small[2])
    assert [report.seed for report in small] == [1, 1, 2]


@pytest.mark.parametrize("protocol", ["leave-last-out", "global-time", "given-split"])
def test_every_protocol(protocol):
    report = evaluate(ITEMS, EVENTS, encoder="tfidf", protocol=protocol)
    check(report)
    assert report.protocol == protocol
    # Novelty can only tell where time is cut.
    novelty = set() if protocol == "leave-last-out" else {"novelty"}
    assert set(report.scorers) == DEFAULT | novelty
    if protocol != "global-time":
        assert report.evaluated_users == small_shop.N_USERS


def test_the_protocol_follows_the_times(small):
    assert small.protocol == "global-time"
    positions = EVENTS.with_columns(pl.int_range(pl.len()).over("user_id").alias("timestamp"))
    assert evaluate(ITEMS, positions, **QUICK).protocol == "leave-last-out"
    with pytest.raises(DataError, match="needs dates"):
        evaluate(ITEMS, positions, protocol="global-time", **QUICK)
    with pytest.raises(DataError, match="split"):
        evaluate(ITEMS, EVENTS.drop("split"), protocol="given-split", **QUICK)


def test_repeats_can_be_included():
    again = pl.concat([EVENTS, EVENTS.with_columns(pl.col("timestamp") + 401 * 86_400)])
    reports = {
        repeats: evaluate(ITEMS, again, repeats=repeats, protocol="leave-last-out", **QUICK)
        for repeats in ("exclude", "include")
    }
    everything = evaluate(ITEMS, again, repeats="include", encoder="tfidf")
    assert set(everything.scorers) == DEFAULT | {"novelty", "repeat-consumption"}
    for repeats, report in reports.items():
        check(report)
        assert report.repeats == repeats
    # Everybody's last event repeats an earlier one.
    assert all(m["recall@20"].value == 0 for m in reports["exclude"].scorers.values())
    assert reports["include"].scorers["blend"]["recall@10"].value > 0.5
    fitted = fit(ITEMS, again, repeats="include", protocol="leave-last-out", **QUICK)
    assert fitted.repeats == "include"
    assert fitted.scorer.repeats == "include"


@pytest.mark.parametrize(
    ("scorers", "expected"),
    [
        (["neighbors"], {"neighbors"}),
        ("popularity, content", {"popularity", "content"}),
        (("linear", "linear"), {"linear"}),
        (["novelty", "tower"], {"novelty", "tower"}),
    ],
)
def test_scorers_can_be_chosen(scorers, expected):
    report = evaluate(ITEMS, EVENTS, encoder="tfidf", scorers=scorers, protocol="leave-last-out")
    check(report)
    assert set(report.scorers) == expected | {"blend", "blend-train-only"}


def test_a_blend_of_one_scorer_ranks_as_that_scorer():
    report = evaluate(ITEMS, EVENTS, encoder="tfidf", scorers=["neighbors"])
    assert (report.blend or {})["neighbors"] > 0
    assert report.scorers["blend"] == report.scorers["neighbors"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scorers": ["popularity", "oracle"]}, "'oracle' is not one of popularity"),
        ({"scorers": []}, "scorers.names"),
        ({"protocol": "leave-two-out"}, "evaluate.protocol"),
        ({"repeats": "sometimes"}, "evaluate.repeats"),
        ({"seed": -1}, "evaluate.seed"),
    ],
)
def test_settings_that_cannot_be_used(options, message):
    with pytest.raises(PlanError, match=message):
        evaluate(ITEMS, EVENTS, **{"encoder": "tfidf", **options})
    with pytest.raises(PlanError, match=message):
        fit(ITEMS, EVENTS, **{"encoder": "tfidf", **options})


def test_arguments_override_the_plan():
    plan = Plan.from_toml(
        '[encoder]\nname = "tfidf"\n[scorers]\nnames = ["linear"]\n'
        '[evaluate]\nprotocol = "leave-last-out"\nseed = 5\nbootstrap = 20\nmax_users = 7'
    )
    report = evaluate(ITEMS, EVENTS, plan=plan)
    assert (report.protocol, report.seed, report.evaluated_users) == ("leave-last-out", 5, 7)
    assert set(report.scorers) == {"linear", "blend", "blend-train-only"}
    other = evaluate(ITEMS, EVENTS, plan=plan, scorers=["popularity"], seed=6)
    assert (set(other.scorers), other.seed) == ({"popularity", "blend", "blend-train-only"}, 6)


def test_nobody_to_validate_on():
    two = small_shop.events(shortest=2, longest=2)
    report = evaluate(ITEMS, two, encoder="tfidf", protocol="leave-last-out")
    check(report)
    assert set(report.scorers) == DEFAULT - {"blend-train-only"}
    assert all(weight > 0 for weight in report.blend.values())
    recommender = fit(ITEMS, two, protocol="leave-last-out", **QUICK)
    assert recommender.recommend(user="u0").height == 10


def log_of(*histories: str) -> pl.DataFrame:
    rows = [
        (f"u{user}", f"i{item}", small_shop.START + place * 86_400 + user)
        for user, history in enumerate(histories)
        for place, item in enumerate(history.split())
    ]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


@pytest.mark.parametrize(
    ("texts", "log"),
    [
        (None, log_of("0 1 2 3 4")),  # one user
        (None, log_of("0 1")),  # one user, nothing to validate on
        (["only one"], log_of("0 0 0", "0 0")),  # one item
        (["only one"], log_of("0 0 0 0")),
        (["the same"] * 6, log_of("0 1 2", "3 4 5", "0 2 4")),
        ([""] * 6, log_of("0 1 2", "3 4 5", "0 2 4")),
        (["", "tea", "", "", "", "coffee"], log_of("0 1 2", "3 4 5", "0 2 4")),
    ],
)
@pytest.mark.parametrize("protocol", ["leave-last-out", "global-time"])
def test_almost_no_data(texts, log, protocol):
    recommender = fit(small_shop.items(texts), log, encoder="tfidf", protocol=protocol)
    check(recommender.report)
    assert recommender.recommend(user="u0", exclude_seen=False).height >= 1


def test_every_user_has_one_event():
    with pytest.raises(DataError, match="every user has one event"):
        evaluate(ITEMS, log_of("0", "1", "2"), protocol="leave-last-out", **QUICK)


def test_texts_without_a_word_leave_the_tower_out():
    blank = small_shop.items([""] * small_shop.N_ITEMS)
    report = evaluate(blank, EVENTS, encoder="tfidf", protocol="leave-last-out")
    assert set(report.scorers) == DEFAULT - {"tower"}
    with pytest.raises(DataError, match="needs texts with words"):
        evaluate(blank, EVENTS, encoder="tfidf", scorers=["tower"])


def test_frames_of_pandas_paths_and_datasets_are_all_the_same(small, tmp_path):
    frames = evaluate(ITEMS.to_pandas(), EVENTS.to_pandas(), **QUICK)
    assert numbers(frames) == numbers(small)
    ITEMS.write_csv(tmp_path / "items.csv")
    EVENTS.write_csv(tmp_path / "events.csv")
    paths = evaluate(tmp_path / "items.csv", str(tmp_path / "events.csv"), **QUICK)
    assert numbers(paths) == numbers(small)
    assert numbers(evaluate(read(ITEMS, EVENTS), **QUICK)) == numbers(small)
    with pytest.raises(DataError, match="a catalog and an event log"):
        evaluate(ITEMS, **QUICK)


def test_frames_are_not_changed():
    items, events = ITEMS.to_pandas(), EVENTS.to_pandas()
    fit(items, events, **QUICK)
    assert items.equals(ITEMS.to_pandas())
    assert events.equals(EVENTS.to_pandas())


def with_other_tests(protocol: str, seed: int) -> pl.DataFrame:
    """Return the events with other items where the protocol tests, and nowhere else."""
    rng = np.random.default_rng(seed)
    newest = {
        "leave-last-out": pl.col("timestamp") == pl.col("timestamp").max().over("user_id"),
        "global-time": pl.col("timestamp") >= pl.col("timestamp").quantile(0.9, "linear"),
        "given-split": pl.col("split") == "test",
    }[protocol]
    drawn = [f"i{i}" for i in rng.integers(small_shop.N_ITEMS, size=EVENTS.height)]
    return EVENTS.with_columns(
        pl.when(newest).then(pl.Series(drawn)).otherwise(pl.col("item_id")).alias("item_id")
    )


@pytest.mark.parametrize("protocol", ["leave-last-out", "global-time", "given-split"])
def test_no_choice_depends_on_the_test(protocol):
    names = ["popularity", "content", "neighbors", "linear", "tower", "novelty"]
    if protocol == "leave-last-out":
        names.remove("novelty")
    settings = {"encoder": "tfidf", "scorers": names, "protocol": protocol}
    base = evaluate(ITEMS, EVENTS, **settings)
    for seed in (1, 2):
        other = evaluate(ITEMS, with_other_tests(protocol, seed), **settings)
        assert other.blend == base.blend
        assert other.chosen == base.chosen
        assert other.evaluated_users == base.evaluated_users
        assert other.scorers["blend"] != base.scorers["blend"]


def test_choices_depend_on_the_validation():
    moved = EVENTS.with_columns(
        pl.when(pl.col("split") == "valid")
        .then(pl.lit("i7"))
        .otherwise(pl.col("item_id"))
        .alias("item_id")
    )
    base = evaluate(ITEMS, EVENTS, protocol="given-split", **QUICK)
    assert evaluate(ITEMS, moved, protocol="given-split", **QUICK).blend != base.blend


def test_progress_tells_each_stage_and_how_far_it_is():
    updates: list[ProgressUpdate] = []
    recommender = fit(ITEMS, EVENTS, encoder="tfidf", progress=updates.append)
    order = list(dict.fromkeys(update.stage for update in updates))
    assert order == list(recommender.report.cost.seconds)
    assert [order.index(update.stage) + 1 for update in updates] == [u.number for u in updates]
    measured = [u.stage_share for u in updates if u.stage == "measure" and u.stage_share]
    assert measured[-1] == 1 and measured == sorted(measured)
    shares = [update.share for update in updates]
    assert shares == sorted(shares) and 0 <= shares[0] <= shares[-1] <= 1


def test_the_stages_and_the_time_left_are_expected_from_the_start(tmp_path):
    model = write_tiny_bert(tmp_path)
    updates: list[ProgressUpdate] = []
    scorers = ["popularity", "content", "tower"]
    given = {"encoder": str(model), "scorers": scorers, "progress": updates.append}
    report = fit(ITEMS, EVENTS, **given).report
    assert report.encoder_ablation is not None
    assert {update.stages for update in updates} == {len(report.cost.seconds)}
    known = [update.seconds_left is not None for update in updates]
    assert known == sorted(known)  # from some update on
    assert updates[-1].seconds_left < 1


def test_a_stop_from_outside_passes_through():
    def stop(update: ProgressUpdate) -> None:
        if update.stage == "blend":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(ITEMS, EVENTS, progress=stop, **QUICK)


def test_cleaning_and_columns_are_reported():
    dirty = pl.concat([EVENTS, EVENTS.head(3), EVENTS.head(2).with_columns(item_id=pl.lit("gone"))])
    report = evaluate(ITEMS, dirty, **QUICK)
    counts = {entry.reason: entry.count for entry in report.cleaning}
    assert counts["item is not in the catalog"] == 2
    assert counts["duplicate (same user, item, time and type)"] == 3
    assert report.events == EVENTS.height
    assert report.columns["user"] == "user_id"
    assert report.columns["text"] == "title"
    assert {"pennyweight", "numpy", "python"} <= report.versions.keys()
    assert report.machine["cores"] >= 1


def test_a_language_model_from_a_folder(tmp_path):
    folder = write_tiny_bert(tmp_path / "tiny")
    report = evaluate(
        ITEMS, EVENTS, encoder=str(folder), scorers=["content", "tower"], protocol="leave-last-out"
    )
    check(report)
    assert "tiny" in report.encoder
    assert set(report.scorers) == {
        "content",
        "tower",
        "blend",
        "blend-train-only",
        "blend-without-model",
    }


def test_vectors_of_a_language_model_are_whitened_and_saved_so(tmp_path):
    folder = write_tiny_bert(tmp_path / "tiny")
    plan = Plan().override({"evaluate.encoder_ablation": False})
    made = fit(ITEMS, EVENTS, plan=plan, encoder=str(folder), scorers=["content"])
    assert made.scorer.components["content"].encoder.kind == "projected"
    made.save(tmp_path / "bundle")
    again = Recommender.load(tmp_path / "bundle")
    request = {"text": "red", "k": 3}
    assert again.recommend(**request).equals(made.recommend(**request))


def test_prompts_of_the_plan_are_reported_and_searched_with(tmp_path):
    folder = write_tiny_bert(tmp_path / "e5-small-tiny")
    plan = Plan().override({"evaluate.encoder_ablation": False, "encoder.query_prefix": "blue "})
    made = fit(ITEMS, EVENTS, plan=plan, encoder=str(folder), scorers=["content"])
    (notice,) = (n for n in made.report.notices if "before" in n)
    assert "'passage: ' before item texts and 'blue ' before search texts" in notice
    made.save(tmp_path / "bundle")
    encoder = Recommender.load(tmp_path / "bundle").scorer.components["content"].encoder
    assert (encoder.prompts.query, encoder.prompts.document) == ("blue ", "passage: ")
    planned = plan.override({"encoder.name": str(folder)})
    search = open_search_encoder(str(folder), planned)
    assert search.prompts == encoder.prompts


def test_prompts_of_the_search_are_its_own(tmp_path):
    folder = write_tiny_bert(tmp_path / "e5-small-tiny")
    given = {"search.query_prefix": "red ", "search.encoder": str(folder)}
    plan = Plan().override(given | {"encoder.name": "tfidf"})
    made = fit(ITEMS, EVENTS, plan=plan, scorers=["content"])
    (notice,) = (n for n in made.report.notices if "before" in n)
    assert "'passage: ' before item texts and 'red ' before search texts" in notice
    made.save(tmp_path / "bundle")
    encoder = Recommender.load(tmp_path / "bundle").scorer.search.embeddings.encoder
    assert (encoder.prompts.query, encoder.prompts.document) == ("red ", "passage: ")
    both = plan.override({"encoder.name": str(folder), "encoder.document_prefix": "item: "})
    search = open_search_encoder(str(folder), both)
    assert (search.prompts.query, search.prompts.document) == ("red ", "item: ")


@pytest.mark.parametrize("encoder", ["none", "static"])
def test_prompts_of_a_search_without_them_are_refused(encoder):
    plan = Plan().override({"search.query_prefix": "query: ", "search.encoder": encoder})
    with pytest.raises(PlanError, match=r"search\.query_prefix.*name a transformer"):
        evaluate(ITEMS, EVENTS, plan=plan, encoder="tfidf")


@pytest.mark.parametrize(
    ("key", "value"), [("model", "x"), ("budget_tokens", 5), ("key_variable", "A_API_KEY")]
)
def test_settings_of_a_server_are_refused_for_other_encoders(key, value):
    plan = Plan().override({f"encoder.{key}": value})
    for encoder in ("auto", "tfidf", "minilm"):
        with pytest.raises(PlanError, match=rf"encoder\.{key}: for an encoder at a server"):
            evaluate(ITEMS, EVENTS, plan=plan, encoder=encoder)


def test_prompts_for_an_encoder_without_them_are_refused():
    plan = Plan().override({"encoder.query_prefix": "query: "})
    for name in ("tfidf", "static", "auto", "word2vec"):
        with pytest.raises(PlanError, match="puts no prompts"):
            evaluate(ITEMS, EVENTS, plan=plan, encoder=name)


def test_a_budget_without_a_ranking_stage_is_refused():
    plan = Plan().override({"rerank.name": "none", "rerank.budget_ms": 20})
    with pytest.raises(PlanError, match=r"rerank\.budget_ms: .*--rerank auto"):
        evaluate(ITEMS, EVENTS, plan=plan, encoder="tfidf")


def test_fit_and_evaluate_take_the_arguments_of_read():
    events = (
        small_shop.events()
        .rename({"user_id": "client"})
        .with_columns(
            pl.when(pl.int_range(pl.len()) % 7 == 0)
            .then(pl.lit("guest"))
            .otherwise("client")
            .alias("client")
        )
    )
    reading = {"columns": {"user": "client", "split": None}, "missing_ids": ["guest"]}
    options = {"encoder": "tfidf", "scorers": ["popularity"]}
    fitted = fit(small_shop.items(), events, **options, **reading)
    assert "guest" not in fitted.interactions.users
    assert fitted.plan.data.columns == {"user": "client", "split": ""}
    assert evaluate(small_shop.items(), events, **options, **reading).users
    with pytest.raises(TypeError, match="no argument 'missing_id'; did you mean 'missing_ids'"):
        fit(small_shop.items(), events, missing_id=["guest"])
    data = read(small_shop.items(), events, **reading)
    with pytest.raises(PlanError, match=r"read already: give columns, missing_ids to read\(\)"):
        fit(data, **options, **reading)
