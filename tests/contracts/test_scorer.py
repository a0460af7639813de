"""What every scorer promises, over every scorer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import extension_blocks
import world
from pennyweight.compression.vector_formats import EIGHT_BITS, STORAGES, VectorFormat
from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.errors import BundleError, PlanError
from pennyweight.evaluation.measure import measure
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.building import BuildContext
from pennyweight.scorers.content import Content
from pennyweight.scorers.linear import Linear
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Novelty, Popularity
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.registry import scorer_type
from pennyweight.scorers.repeat_consumption import RepeatConsumption
from pennyweight.scorers.sequence import Sequence, SequenceSettings
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings

BOARD, CATALOG = world.checkerboard()
N = len(CATALOG)
ENCODER = LexicalEncoder.fit(CATALOG.texts, dim=8)
TRAINING = TwoTowerSettings(
    dim=8, epochs=12, batch=16, negatives=8, temperature=0.2, learning_rate=0.05
)
HISTORIES = world.odd_histories(N)


def tower(seed: int = 0) -> TwoTower:
    return TwoTower(ENCODER, TRAINING, seed=seed)


def sequence() -> Sequence:
    pytest.importorskip("torch")
    from pennyweight.training.sequence import train_sequence

    settings = SequenceSettings(
        dim=8, epochs=12, batch=16, negatives=8, temperature=0.2, learning_rate=0.05, dropout=0.0
    )
    return Sequence(lambda events, catalog: ENCODER.encode(catalog.texts), train_sequence, settings)


@dataclass
class Quantized:
    """A scorer whose vectors are quantized once it is fitted."""

    scorer: Content | TwoTower
    storage: VectorFormat

    def fit(self, interactions: Interactions, catalog: Catalog) -> Scorer:
        fitted = self.scorer.fit(interactions, catalog)
        return self.storage.quantize({"it": fitted}, catalog.texts)["it"]


def blend() -> Blend:
    parts = {"popularity": Popularity(), "content": Content(), "linear": Linear(), "tower": tower()}
    return Blend(parts, {"popularity": -0.5, "content": 0.0, "linear": 3.0, "tower": 0.4})


@dataclass(frozen=True)
class Kind:
    """A scorer to test, and its expected properties."""

    make: Callable[[], Scorer]
    solves: bool = True  # the checkerboard world
    additive: bool = True  # contributions sum to the score, where it is above zero
    ignores_histories: bool = field(default=False)
    compressed: bool = False  # made small after a fit; a fit gives whole vectors again


BY_ITEM = {"solves": False, "additive": False, "ignores_histories": True}
SCORERS: dict[str, Kind] = {
    "popularity": Kind(Popularity, **BY_ITEM),
    "novelty": Kind(Novelty, **BY_ITEM),
    "repeat-consumption": Kind(RepeatConsumption, solves=False),
    "content": Kind(Content),
    "content-dense": Kind(lambda: Content(ENCODER)),
    "content-int8": Kind(lambda: Quantized(Content(ENCODER), EIGHT_BITS), compressed=True),
    "content-signs": Kind(
        lambda: Quantized(Content(ENCODER), STORAGES[-1]), solves=False, compressed=True
    ),
    "neighbors": Kind(Neighbors),
    "neighbors-few": Kind(lambda: Neighbors(keep=4, window=2)),
    "linear": Kind(Linear),
    "linear-sparse": Kind(lambda: Linear(dense_items=0)),
    "tower": Kind(tower),
    "tower-int8": Kind(lambda: Quantized(tower(), EIGHT_BITS), compressed=True),
    "sequence": Kind(sequence, additive=False),
    "blend": Kind(blend, additive=False),
    "transitions": Kind(extension_blocks.class_of("transitions"), additive=False),
}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def fitted(own_cache) -> dict[str, Scorer]:
    return {name: kind.make().fit(BOARD.before, CATALOG) for name, kind in SCORERS.items()}


@pytest.fixture(params=SCORERS)
def name(request) -> str:
    return request.param


@pytest.fixture
def scorer(fitted, name) -> Scorer:
    return fitted[name]


def alone(scorer: Scorer, histories: Histories) -> np.ndarray:
    """Return the scores of histories that were handed over one by one."""
    return np.vstack([scorer.score(histories.block(i, i + 1)) for i in range(len(histories))])


def close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_name_and_scale(scorer):
    registered = scorer.kind not in ("blend", "transitions")
    assert not registered or type(scorer) is scorer_type(scorer.kind)
    assert scorer.scale in ("relative", "log-odds")


def test_scores_are_finite_float32(scorer):
    scores = scorer.score(HISTORIES)
    assert scores.shape == (len(HISTORIES), N)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert scores.flags.writeable  # callers mask items in place


def test_an_empty_batch(scorer):
    scores = scorer.score(Histories.of([]))
    assert scores.shape == (0, N)
    assert scores.dtype == np.float32


def test_a_history_does_not_see_its_batch(scorer):
    together = scorer.score(HISTORIES)
    close(together, alone(scorer, HISTORIES))
    order = [3, 0, 5, 1, 4, 2]
    close(scorer.score(HISTORIES.take(order)), together[order])


def test_a_resumed_fit_still_knows_the_world_and_the_new_items(name):
    kind = SCORERS[name]
    parent = kind.make().fit(BOARD.before, CATALOG)
    choices, settings = parent.choices(), parent.setting_values()
    # Two items more, and the old ones in another order.
    order = np.random.default_rng(0).permutation(N).astype(np.int32)
    codes = np.concatenate([order, [-1, -1]]).astype(np.int32)
    names = [CATALOG.ids[code] for code in order.tolist()] + ["new-1", "new-2"]
    texts = [CATALOG.texts[code] for code in order.tolist()] + ["something else", ""]
    catalog = Catalog(Ids(names, "items"), tuple(texts))
    where = np.argsort(order).astype(np.int32)
    log = replace(BOARD.before, item=where[BOARD.before.item], n_items=N + 2)
    fitted = parent.resumed(codes, BuildContext()).fit(log, catalog)
    assert fitted.choices() == choices
    assert fitted.setting_values() == settings
    scores = fitted.score(replace(HISTORIES, item=where[HISTORIES.item]))
    assert scores.shape == (len(HISTORIES), N + 2) and np.isfinite(scores).all()
    if kind.solves:
        held_out = replace(
            BOARD,
            histories=replace(BOARD.histories, item=where[BOARD.histories.item]),
            targets=where[BOARD.targets],
            before=log,
        )
        ranks = measure({"it": fitted}, held_out, repeats="exclude")["it"].ranks
        assert (ranks == 0).mean() > 0.9


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(st.integers(0, N - 1), max_size=60), min_size=1, max_size=5))
def test_any_histories_at_all(scorer, rows):
    histories = Histories.of(rows)
    scores = scorer.score(histories)
    assert scores.shape == (len(rows), N)
    assert np.isfinite(scores).all()
    close(scores, alone(scorer, histories))


@pytest.mark.parametrize("weight", [0.0, -1.0, 1e-20, 1e6])
def test_any_weight_gives_a_usable_score(scorer, weight):
    histories = Histories.of([[0, 2, 4], [1, 5]], [[weight] * 3, [1.0, weight]])
    scores = scorer.score(histories)
    assert np.isfinite(scores).all()
    if scorer.scale == "relative":
        assert (scores >= 0).all()


def test_scores_without_a_history_are_the_same_for_everyone(scorer, name):
    scores = scorer.score(HISTORIES)
    np.testing.assert_array_equal(scores[0], scores[5])
    if SCORERS[name].ignores_histories:
        np.testing.assert_array_equal(scores, np.broadcast_to(scores[0], scores.shape))
    elif name != "blend":
        assert not scores[0].any()


def test_scoring_changes_nothing(scorer):
    histories = world.read_only(world.odd_histories(N))
    first = scorer.score(histories)
    first[:] = 7  # the result belongs to the caller
    again = scorer.score(histories)
    assert not np.array_equal(first, again)
    np.testing.assert_array_equal(again, scorer.score(HISTORIES))


def test_fitting_writes_to_none_of_its_inputs(name, fitted):
    board, catalog = world.checkerboard()
    scorer = SCORERS[name].make().fit(world.read_only(board.before), catalog)
    np.testing.assert_array_equal(scorer.score(HISTORIES), fitted[name].score(HISTORIES))


UNCOMPRESSED = [name for name, kind in SCORERS.items() if not kind.compressed]


@pytest.mark.parametrize("name", UNCOMPRESSED)
def test_fit_returns_itself_and_repeats_itself(name, fitted):
    scorer = SCORERS[name].make()
    assert scorer.fit(BOARD.before, CATALOG) is scorer
    np.testing.assert_array_equal(scorer.score(HISTORIES), fitted[name].score(HISTORIES))


@pytest.mark.parametrize("name", UNCOMPRESSED)
def test_a_refit_is_a_fresh_fit(name, fitted):
    log, catalog = world.four()
    scorer = SCORERS[name].make().fit(BOARD.before, CATALOG)
    scorer.fit(log, catalog)
    fresh = SCORERS[name].make().fit(log, catalog)
    np.testing.assert_array_equal(
        scorer.score(log.histories), fresh.score(log.histories), strict=True
    )
    scorer.fit(BOARD.before, CATALOG)
    np.testing.assert_array_equal(scorer.score(HISTORIES), fitted[name].score(HISTORIES))


def test_saved_and_loaded_scores_are_identical(scorer, tmp_path):
    scorer.save(tmp_path)
    loaded = type(scorer).load(tmp_path)
    np.testing.assert_array_equal(loaded.score(HISTORIES), scorer.score(HISTORIES))
    history, codes = HISTORIES.block(4, 5), np.arange(N, dtype=np.int32)
    np.testing.assert_array_equal(
        loaded.contributions(history, codes), scorer.contributions(history, codes)
    )
    if scorer.scores_texts:
        texts = ["an even thing", "odd number7", "never heard", ""]
        np.testing.assert_array_equal(loaded.score_texts(texts), scorer.score_texts(texts))
    again = tmp_path / "again"
    loaded.save(again)
    files = sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert files
    for file in files:
        assert (again / file).read_bytes() == (tmp_path / file).read_bytes()


def test_a_missing_or_altered_file_is_refused(scorer, tmp_path):
    with pytest.raises(BundleError, match="missing"):
        type(scorer).load(tmp_path)
    scorer.save(tmp_path)
    path = next(tmp_path.glob("*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BundleError):
        type(scorer).load(tmp_path)


def test_nothing_is_pickled(scorer, tmp_path):
    scorer.save(tmp_path)
    kinds = {p.suffix for p in tmp_path.rglob("*") if p.is_file()}
    assert kinds <= {".safetensors", ".json"}


def test_contributions_have_a_row_an_item_and_a_column_an_event(scorer, name):
    codes = np.array([3, 0, 17], np.int32)
    for i in range(len(HISTORIES)):
        history = HISTORIES.block(i, i + 1)
        contributions = scorer.contributions(history, codes)
        assert contributions.shape == (3, len(history.item))
        assert contributions.dtype == np.float32
        assert np.isfinite(contributions).all()
        if SCORERS[name].ignores_histories:
            assert not contributions.any()
    assert scorer.contributions(HISTORIES.block(4, 5), codes[:0]).shape == (0, 5)


@pytest.mark.parametrize("name", [name for name, kind in SCORERS.items() if kind.additive])
def test_contributions_sum_to_the_score(fitted, name):
    scorer = fitted[name]
    codes = np.arange(N, dtype=np.int32)
    compared = 0
    for histories in (HISTORIES, BOARD.histories):
        for i in range(len(histories)):
            history = histories.block(i, i + 1)
            score = scorer.score(history)[0]
            total = scorer.contributions(history, codes).sum(axis=1)
            nonzero = score != 0  # zero is where a score was cut off from below
            np.testing.assert_allclose(total[nonzero], score[nonzero], rtol=1e-4, atol=1e-4)
            assert (total[~nonzero] <= 1e-4).all()
            compared += int(nonzero.sum())
    assert compared > 50


def test_contributions_of_a_blend_add_up_except_for_parts_without_events(fitted):
    scorer = fitted["blend"]
    codes = np.arange(N, dtype=np.int32)
    for i in (1, 4):
        history = HISTORIES.block(i, i + 1)
        base = fitted["popularity"].score(history)[0] * scorer.weights["popularity"]
        total = scorer.contributions(history, codes).sum(axis=1) + base
        linear = fitted["linear"].score(history)[0] > 0
        np.testing.assert_allclose(
            total[linear], scorer.score(history)[0][linear], rtol=1e-4, atol=1e-4
        )


def test_the_checkerboard_world(fitted):
    for name, kind in SCORERS.items():
        result = measure({name: fitted[name]}, BOARD, repeats="exclude")[name]
        solved = bool((result.ranks == 0).all())
        assert solved == kind.solves, f"{name}: ranks {result.ranks}"


def test_items_without_events_are_scored(name):
    rows = [[i for i in row if i < N - 4] for row in ([0, 2, 4, 6], [1, 3, 5], [8, 10, 0, 2])]
    log = world.events(rows, N)
    scorer = SCORERS[name].make().fit(log, CATALOG)
    scores = scorer.score(log.histories)
    assert scores.shape == (3, N)
    assert np.isfinite(scores).all()
    assert np.isfinite(scorer.score(Histories.of([[N - 1]]))).all()


SMALL = {
    "one item": ([[0, 0], [0]], ["even thing"]),
    "one user": ([[0, 1, 2, 0]], ["even thing", "odd thing", "odd number3"]),
    "one user, one item, one event": ([[0]], ["even"]),
    "nobody has two events": ([[0], [1], [0]], ["even thing", "odd thing"]),
    "a user without events": ([[], [0, 1], []], ["even thing", "odd thing"]),
    "no event": ([], ["even thing", "odd thing"]),
    "all texts empty": ([[0, 1], [1, 2, 0]], ["", "", ""]),
    "one text empty": ([[0, 1], [1, 2, 0]], ["even thing", "", "odd thing"]),
    "all texts equal": ([[0, 1], [1, 2, 0]], ["even thing"] * 3),
    "unknown words": ([[0, 1], [1, 2, 0]], ["ωμέγα", "🎉", "手机壳"]),
    "the same item again and again": ([[0] * 70, [0, 1]], ["even thing", "odd thing"]),
}


@pytest.mark.parametrize("case", SMALL)
def test_small_and_odd_worlds(name, case, tmp_path):
    rows, texts = SMALL[case]
    log, catalog = world.events(rows, len(texts)), world.catalog(texts)
    scorer = SCORERS[name].make().fit(log, catalog)
    histories = Histories.of([[], [0], list(range(len(texts)))])
    scores = scorer.score(histories)
    assert scores.shape == (3, len(texts))
    assert np.isfinite(scores).all()
    contributions = scorer.contributions(histories.block(2, 3), np.array([0], np.int32))
    assert contributions.shape == (1, len(texts))
    scorer.save(tmp_path)
    np.testing.assert_array_equal(type(scorer).load(tmp_path).score(histories), scores)


def test_texts_are_scored_without_events():
    log = world.events([], N)
    for name in ("content", "content-dense", "tower", "blend"):
        scorer = SCORERS[name].make().fit(log, CATALOG)
        assert scorer.scores_texts
        scores = scorer.score_texts(["even", "odd", ""])
        assert scores.shape == (3, N)
        assert scores.dtype == np.float32
        assert scores[0, ::2].min() > scores[0, 1::2].max()
        assert scores[1, 1::2].min() > scores[1, ::2].max()
        assert scorer.score_texts([]).shape == (0, N)


def test_new_items_leave_the_others_as_they_were(scorer, name):
    codes = np.array([N, N + 1], np.int32)
    grown = scorer.with_items(codes, ["even thing", "odd thing"], N + 2)
    scores = grown.score(HISTORIES)
    assert scores.shape == (len(HISTORIES), N + 2)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    history, every = HISTORIES.block(4, 5), np.arange(N + 2, dtype=np.int32)
    added = grown.contributions(history, every)
    assert added.shape == (N + 2, len(history.item))
    if name != "blend":  # there the best item may be a new one, and all are measured by it
        close(scores[:, :N], scorer.score(HISTORIES))
        close(added[:N], scorer.contributions(history, every[:N]))
    assert scorer.score(HISTORIES).shape == (len(HISTORIES), N)


def test_new_items_count_in_histories(scorer, name):
    grown = scorer.with_items(np.array([N], np.int32), ["even thing"], N + 1)
    scores = grown.score(Histories.of([[N], [0, N, 2], []]))
    assert scores.shape == (3, N + 1)
    assert np.isfinite(scores).all()
    if scorer.scores_texts and SCORERS[name].solves:
        assert scores[0, 0:N:2].mean() > scores[0, 1:N:2].mean()
        assert scores[1, N] > scores[1, 1:N:2].max()  # and it can be recommended


@pytest.mark.parametrize("name", ["content", "content-dense", "content-int8", "tower", "blend"])
def test_items_added_one_by_one_are_as_added_together(fitted, name):
    scorer = fitted[name]
    together = scorer.with_items(np.arange(N, N + 3, dtype=np.int32), ["even", "odd", ""], N + 3)
    first = scorer.with_items(np.array([N], np.int32), ["odd"], N + 1)
    second = first.with_items(np.array([N + 1], np.int32), ["odd"], N + 2)
    third = second.with_items(np.array([N + 2, N], np.int32), ["", "even"], N + 3)
    histories = Histories.of([[0, 2], [N, 1], [N + 2], []])
    close(third.score(histories), together.score(histories))
    close(third.score_texts(["even"]), together.score_texts(["even"]))


@pytest.mark.parametrize("name", ["content", "content-dense", "tower"])
def test_a_changed_text_moves_what_reads(fitted, name):
    other = CATALOG.texts[1]
    changed = fitted[name].with_items(np.array([0], np.int32), [other], N)
    before, after = (s.score_texts([other])[0] for s in (fitted[name], changed))
    assert after[0] > before[0]
    close(after[1:], before[1:])


@pytest.mark.parametrize(
    "name", sorted(SCORERS.keys() - {"popularity", "novelty", "repeat-consumption"})
)
def test_items_that_were_added_live_are_not_saved(fitted, name, tmp_path):
    grown = fitted[name].with_items(np.array([N], np.int32), ["even thing"], N + 1)
    with pytest.raises(PlanError, match="added live"):
        grown.save(tmp_path)


def test_the_seed_of_a_tower_decides(fitted):
    other = tower(seed=1).fit(BOARD.before, CATALOG)
    assert not np.array_equal(other.score(HISTORIES), fitted["tower"].score(HISTORIES))


@pytest.mark.parametrize(
    "name", sorted(SCORERS.keys() - {"tower", "tower-int8", "sequence", "blend"})
)
def test_the_order_of_users_does_not_matter(name, fitted):
    order = np.random.default_rng(0).permutation(N)
    rows = [BOARD.histories.block(u, u + 1).item.tolist() for u in order]
    scorer = SCORERS[name].make().fit(world.events(rows, N), CATALOG)
    close(scorer.score(HISTORIES), fitted[name].score(HISTORIES))


def test_weights_of_training_events_do_not_break_a_fit(name):
    n = len(BOARD.before)
    log = replace(BOARD.before, weight=np.linspace(0, 1e4, n).astype(np.float32))
    assert np.isfinite(SCORERS[name].make().fit(log, CATALOG).score(HISTORIES)).all()
