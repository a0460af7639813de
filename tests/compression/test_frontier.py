"""From a fitted recommender to a smaller child and its report."""

import gc
import json
import sys
import tempfile
from pathlib import Path

import pytest

import small_shop
from measured_here import measured_here  # noqa: F401 - a fixture
from pennyweight import demo
from pennyweight.compression.pipeline import cheapest, compress, frontier
from pennyweight.config.budget import Budget
from pennyweight.config.frontier import Frontier
from pennyweight.config.plan import Plan
from pennyweight.config.quality import Measurement
from pennyweight.errors import BudgetError, DataError, PlanError
from pennyweight.fitting.pipeline import fit
from pennyweight.progress.update import ProgressUpdate
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.popularity import Popularity

ITEMS, EVENTS = small_shop.items(), small_shop.events(users=120)
BUDGET = Budget(max_loss=0.5, max_encoder_bytes=200_000)
PLAN = Plan().override({"evaluate.bootstrap": 50, "evaluate.encoder_ablation": False})


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def parent(tiny, module_cache, tmp_path_factory) -> Recommender:
    made = fit(ITEMS, EVENTS, plan=PLAN, encoder=str(tiny))
    made.save(tmp_path_factory.mktemp("parent") / "bundle")
    return made


@pytest.fixture(scope="module")
def measured(parent) -> Frontier:
    return frontier(parent)


def test_every_kind_of_candidate_is_measured(measured):
    names = [point.name for point in measured.points]
    assert names[0] == "original" and names[1] == "original; content int8, tower int8"
    text = "\n".join(names)
    for part in (
        "tokens, int8; content int8",
        "1 layers",
        "half the neurons",
        "static table, int8",
        "TF-IDF; tower int8",
        "tower int2",
        "tower int4",
    ):
        assert part in text, part
    assert len(set(names)) == len(names)


def test_points_are_measured(measured, parent):
    original = measured.uncompressed
    assert original.relative_quality == Measurement(value=1, low=1, high=1)
    assert measured.parent == parent.bundle.sha256 and measured.users > 0
    for point in measured.points:
        assert 0 <= point.quality.low <= point.quality.value <= point.quality.high <= 1
        ratio = point.quality.value / original.quality.value
        assert point.relative_quality.value == pytest.approx(ratio)
        assert point.texts_per_second > 0 and point.ms_per_text > 0
        assert point.peak_rss_bytes > 50e6
    eight = measured.points[1]
    assert eight.index_bytes < original.index_bytes / 2 and eight.steps == (
        "content int8, tower int8",
    )
    by_name = {point.name: point for point in measured.points}
    int8 = next(p for name, p in by_name.items() if "tokens, int8" in name)
    assert int8.encoder_bytes < original.encoder_bytes
    words = next(p for p in measured.points if p.name.startswith("TF-IDF"))
    assert words.encoder_bytes < int8.encoder_bytes


def test_the_parent_stays_as_it_was(measured, parent):
    again = Recommender.load(parent.bundle.path)
    mine, theirs = (r.recommend(history=["i1"], k=5) for r in (parent, again))
    assert mine.equals(theirs)


def test_no_point_beats_an_unbeaten_one(measured):
    unbeaten = measured.unbeaten()
    assert unbeaten and list(unbeaten) == sorted(unbeaten, key=lambda p: p.nbytes)
    for point in unbeaten:
        assert not any(point.beaten_by(other) for other in measured.points)
    beaten = [p for p in measured.points if p not in unbeaten]
    assert all(any(p.beaten_by(q) for q in unbeaten) for p in beaten)


def test_back_from_json(measured):
    assert Frontier.from_json(measured.to_json()) == measured
    assert "of the vectors. It keeps " in measured.sentence()
    assert measured.sentence().endswith(" of new items.")


def test_other_tasks_are_measured_beside_lists(measured):
    (own,) = measured.uncompressed.tasks
    assert (own.task, own.kind, own.metric) == ("new items", "new-items", "ndcg@10")
    assert own.cases >= 30 and own.relative_quality == Measurement(value=1, low=1, high=1)
    for point in measured.points:
        (task,) = point.tasks
        ratio = task.quality.value / own.quality.value
        assert task.relative_quality.value == pytest.approx(ratio)
    assert [notice.split(":")[0] for notice in measured.notices] == ["search is not measured"]
    table = measured.table()
    assert f"new items (ndcg@10, n={own.cases})" in table and measured.notices[0] in table


@pytest.fixture(scope="module")
def child(parent) -> Recommender:
    return compress(parent, BUDGET)


def test_the_child_keeps_the_budget_and_serves(parent, child, tmp_path):
    report, budget = child.report.frontier, BUDGET
    chosen = report.choice
    assert not chosen.excess(budget) and report.budget == budget
    cheaper = [p for p in report.points if p.nbytes < chosen.nbytes]
    assert all(p.excess(budget) for p in cheaper)
    assert report.test.users > 0 and set(report.test.before) == set(report.test.after)
    assert child.report.scorers["blend"] == report.test.after
    assert child.report.encoder_ablation is None
    assert child.report.fitted_on == dict.fromkeys(child.report.scorers, "train+validation")
    child.save(tmp_path / "child", parent=parent.bundle.sha256)
    back = Recommender.load(tmp_path / "child")
    assert back.bundle.manifest.parent == parent.bundle.sha256
    assert back.report.frontier.chosen == chosen.name
    frame = back.recommend(history=["i1", "i6"], k=3, explain=True)
    assert frame.equals(child.recommend(history=["i1", "i6"], k=3, explain=True))
    assert back.recommend(text="dark tea", k=3).height == 3


@pytest.mark.slow
def test_a_child_that_reads_with_a_cut_model(parent, tmp_path, monkeypatch):
    def chosen(points, budget):
        return next(point for point in points if "half the neurons" in point.name)

    monkeypatch.setattr(sys.modules[compress.__module__], "cheapest", chosen)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small = compress(parent)
    expected = small.recommend(text="dark tea", k=3)
    small.save(tmp_path / "child")
    assert list(tmp_path.glob("pennyweight-*"))
    del small
    gc.collect()
    assert not list(tmp_path.glob("pennyweight-*"))
    back = Recommender.load(tmp_path / "child")
    assert back.recommend(text="dark tea", k=3).equals(expected)
    weights = tmp_path / "child/scorer/content/encoder/encoder/tiny/config.json"
    assert json.loads(weights.read_text())["num_hidden_layers"] == 1


def test_nothing_fits(measured):
    with pytest.raises(BudgetError, match=r"nearest, '.+', misses max_encoder_bytes by \d+"):
        cheapest(measured.points, Budget(max_encoder_bytes=10))
    smallest = cheapest(measured.points, Budget())
    assert smallest.nbytes == min(point.nbytes for point in measured.points)
    best = max(point.relative_quality.value for point in measured.points)
    choice = cheapest(measured.points, Budget(max_loss=max(0.0, 1 - best)))
    assert choice.relative_quality.value >= min(1, best)


def test_a_kill_in_any_stage_leaves_no_trace(parent, tmp_path, monkeypatch):
    place, temp = parent.bundle.path, tmp_path / "temp"
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    temp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    stages: list[str] = []

    def progress(update: ProgressUpdate) -> None:
        stages.append(update.stage)
        if update.stage == "measure candidate 3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress(parent, progress=progress)
    assert {"read", "learn tower", "measure candidate 1"} <= set(stages)
    assert not list(temp.iterdir())
    assert before == {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_words_alone_and_a_model_beside_them(tiny, module_cache):
    parent = fit(ITEMS, EVENTS, plan=PLAN, encoder="tfidf", scorers=["content", "neighbors"])
    parent.plan = PLAN.override({"budget.max_loss": 0.9, "budget.max_encoder_bytes": "1MB"})
    report = compress(parent).report.frontier
    assert [p.name for p in report.points] == ["original"]
    assert report.budget.max_encoder_bytes == 1_000_000  # the plan's


@pytest.mark.slow
def test_a_model_beside_words(tiny, module_cache):
    parent = fit(ITEMS, EVENTS, plan=PLAN, encoder="tfidf", scorers=["content", "neighbors"])
    measured = frontier(parent, model=str(tiny))
    assert any(point.name.startswith("static table") for point in measured.points)


@pytest.mark.slow
def test_cut_models_are_trained_where_steps_are_given(tiny, module_cache):
    pytest.importorskip("torch", reason="training needs the extra train")
    parent = fit(ITEMS, EVENTS, plan=PLAN, encoder=str(tiny), scorers=["content"])
    stages: list[str] = []
    measured = frontier(parent, distil=4, progress=lambda update: stages.append(update.stage))
    trained = [point for point in measured.points if "distilled" in point.steps]
    assert trained and all("1 layers, half the neurons, distilled" in p.name for p in trained)
    assert "train" in stages


@pytest.fixture(scope="module")
def decoder(tmp_path_factory) -> Path:
    pytest.importorskip("xllamacpp", reason="GGUF files need the extra gguf")
    pytest.importorskip("gguf", reason="the file is written by gguf")
    from tiny_gguf import write_tiny_gguf

    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.mark.slow
def test_a_student_learns_the_vectors_of_a_decoder(tiny, decoder, module_cache):
    pytest.importorskip("torch", reason="training needs the extra train")
    parent = fit(ITEMS, EVENTS, plan=PLAN, encoder="tfidf", scorers=["content"])
    measured = frontier(parent, model=str(decoder), student=str(tiny), distil=4)
    learned = [point for point in measured.points if "distilled" in point.steps]
    assert {point.steps[0] for point in learned} == {"tiny", "1 layers"}
    assert all("aligned to the full model" in point.steps for point in learned)
    assert any(point.name.startswith("static table") for point in measured.points)


def test_a_student_is_refused(parent, tiny, decoder):
    with pytest.raises(PlanError, match="add --distil 600"):
        frontier(parent, student=str(tiny))
    with pytest.raises(PlanError, match="give a BERT-type model, such as minilm"):
        frontier(parent, student=str(decoder), distil=4)
    with pytest.raises(PlanError, match="cannot be pruned; give a student"):
        frontier(parent, model=str(decoder))
    without = fit(ITEMS, EVENTS, plan=PLAN, encoder="tfidf", scorers=["content"])
    with pytest.raises(PlanError, match="no language model for the student"):
        frontier(without, student=str(tiny), distil=4)


@pytest.fixture(scope="module")
def books(shared_cache) -> Recommender:
    plan = PLAN.override({"search.encoder": "static"})
    scorers = ["popularity", "content"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(shared_cache))
        return fit(
            demo.books(), demo.readers(readers=80), plan=plan, encoder="tfidf", scorers=scorers
        )


@pytest.mark.weights
def test_a_search_is_not_lost_without_a_word(books):
    report = compress(books).report.frontier
    points = {point.name: point for point in report.points}
    cheapest_lists = points["original, search with TF-IDF"]
    assert cheapest_lists.relative_quality.value == 1
    assert cheapest_lists.nbytes < points["original"].nbytes
    lost = {task.task: task.relative_quality.value for task in cheapest_lists.tasks}
    assert lost["search by category"] < 0.99
    assert report.chosen == "original"
    assert "max_loss of search by category" in cheapest_lists.excess(report.budget)
    assert {task.task for task in report.test.tasks} >= {"search by category", "known-item search"}
    assert "of search by category" in report.sentence()


@pytest.mark.weights
def test_a_search_is_given_up_where_lists_alone_are_named(books):
    child = compress(books, Budget(tasks=("lists",)))
    report = child.report.frontier
    assert report.budget == Budget(max_loss=0.01, tasks=("lists",))
    assert report.chosen == "original, search with TF-IDF" and child.scorer.search is None
    assert report.uncompressed.tasks == ()


def test_refused(parent, tiny):
    with pytest.raises(DataError, match="compress what `fit` has made"):
        frontier(Recommender(parent.catalog, Popularity().fit(parent.interactions, parent.catalog)))
    without = Recommender(parent.catalog, parent.scorer)
    with pytest.raises(DataError, match="keeps no events"):
        frontier(without)
    with pytest.raises(DataError, match=r"neither categories nor descriptions.*--tasks"):
        frontier(parent, tasks=["search"])
    with pytest.raises(PlanError, match="'serach' is not one of lists, search"):
        frontier(parent, tasks=["serach"])
    neighbors = fit(ITEMS, EVENTS, plan=PLAN, encoder="tfidf", scorers=["neighbors"])
    with pytest.raises(DataError, match="no content scorer"):
        frontier(neighbors, model=str(tiny))


def test_two_searches_find_the_same(child, measured):
    for point, other in zip(measured.points, child.report.frontier.points, strict=True):
        for name in ("name", "quality", "relative_quality", "index_bytes", "tasks"):
            assert getattr(point, name) == getattr(other, name)
        assert point.texts_per_second > 0 < other.texts_per_second
