"""Forecast of the time and memory of a fit, from the size of the data.

Each number below was measured on catalogs of 3,600 to 200,000 items and logs of 50,000 to
10 million events (`benchmarks/size.py` compares the sums with measurements).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pennyweight.data.input_size import Volume
from pennyweight.fitting.ablation import stage_name
from pennyweight.fitting.search_choice import MAX_ITEMS
from pennyweight.machine.forecast import Forecast
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.two_tower_training import TwoTowerSettings, default_dim

__all__ = ["BLENDED", "MEASURED", "RANKED", "REMEDY", "TUNED", "UserSample", "forecast"]

REMEDY = (
    "leave scorers out (--scorers), narrow the vectors (encoder.dim in the plan), switch the "
    "encoder ablation off (evaluate.encoder_ablation) or raise --k-core"
)
MIB = 1 << 20
PROGRAM = 180 * MIB  # interpreter and libraries
MODEL, MODEL_RETAINED = 300 * MIB, 120 * MIB  # a language model while it loads, and afterwards
VECTOR_BYTES = 3 * 4 * 384  # of an item, where a model of the size of all-MiniLM-L6-v2 encodes it
SEARCH_BYTES = 4 * 256  # of an item, while its vector for the search is made
SEARCH_QUERIES = 3_000  # that the candidates for it are measured on
EVENT_BYTES = 150  # of an event: as read, and in the parts of the split
ITEM_BYTES, TEXT_COPIES = 400, 3  # of an item: ids and attributes; times its text is held
TOKEN_BYTES = 40  # of a token: in the sparse vectors of content and of the tower
CHARACTERS = 6  # of a token
SCRATCH = 420 * MIB  # blocks of scores, and freed blocks that the allocator keeps
SCORE_BYTES = 24  # a score in such blocks
TOKEN_WORK = 4e7  # operations a token, in a model of the size of all-MiniLM-L6-v2
# Seconds whatever the size: imports, the language model, a search for the weights of the blend.
START_SECONDS = {"read": 0.5, "blend": 2.0, "lists and slices": 0.3}
MODEL_SECONDS = 1.5
FINAL = "final "  # with a scorer, the stage that fits it on every event
SCORE_WORK = 2_000.0  # operations that a score takes to be made and ranked
BYTE_WORK = 1e5  # operations a byte of the items: words counted, weighed and reduced
EVENTS_A_USER = 4  # where the number of users is not known
EVENT_WORK = 6e5  # operations an event: reading, sorting, counting neighbors
CHOICES = 22  # times that a user is scored for the choices of the components
TREES_WORK = 7e7  # operations a list: the training of the ranking stage


@dataclass(frozen=True)
class UserSample:
    """Number of users to score: users x items is `scores`, within `min_users` and `max_users`.

    A choice or an interval needs some thousand users, not all of a million, while the work
    grows with users x items.
    """

    min_users: int
    scores: int
    max_users: int | None = None

    def of(self, items: int) -> int:
        """Return the number of users for a catalog of this size."""
        users = max(self.min_users, self.scores // max(1, items))
        return users if self.max_users is None else min(users, self.max_users)


MEASURED = UserSample(2_000, 1_000_000_000)  # unless the plan says how many
TUNED = UserSample(300, 200_000_000, max_users=2_000)  # to tune the settings of a scorer
BLENDED = UserSample(1_000, 600_000_000, max_users=6_000)
RANKED = UserSample(1_000, 1_000_000_000, max_users=20_000)  # to train the ranking stage


Scorers = Mapping[str, Scorer | type[Scorer]]


def forecast(
    data: Volume,
    scorers: Scorers,
    speed: float,
    *,
    dim: int | None = None,
    users: int | None = None,
    model: bool = True,
    encode: bool = False,
    ablation: bool = True,
    search: Literal["none", "table", "model"] = "none",
    refit: bool = True,
    rerank: bool = False,
    final: bool = True,
    folds: int = 1,
    measure: bool = True,
) -> Forecast:
    """Return the memory and the time of a fit, with its stages.

    Parameters
    ----------
    data
        Rows and bytes of the two tables.
    scorers
        Those to fit, by id.
    speed
        Operations a second, see `pennyweight.machine.forecast.speed`.
    dim
        Width of the vectors, where it is given.
    users
        To measure, where it is given.
    model
        Whether a language model is read.
    encode
        Whether it encodes the catalog; otherwise its token table serves.
    ablation
        Whether a blend without it is fitted too.
    search
        Whether a search by text is chosen, and whether a token table encodes the catalog for it, or
        a separate language model.
    refit
        Whether the blend is fitted again on training and validation events.
    rerank
        Whether a ranking stage is trained.
    final
        Whether the blend is fitted once more on every event.
    folds
        How often all but the reading and the final fit is done.
    measure
        Whether the scorers are measured; otherwise all is done once but the refit, the
        measurement and its intervals.
    """
    width = min(dim or default_dim(data.items), TwoTowerSettings.dim)
    folds = folds if measure else 1
    users, twice = _users(data, users, MEASURED), model and ablation
    memory = _memory(data, scorers, width, users, model=model, twice=twice)
    if encode:
        memory["vectors"] = data.items * VECTOR_BYTES
    if search != "none":
        memory["search"] = data.items * SEARCH_BYTES
    searching = _search_work(data, search)
    options = {"twice": twice, "refit": refit, "rerank": rerank, "final": final}
    options["measure"] = measure
    work = _work(data, scorers, width, users, searching, **options)
    work["encode"] = TOKEN_WORK * data.item_bytes / CHARACTERS if encode else 0.0
    seconds = {name: operations / speed for name, operations in work.items()}
    for stage, start in START_SECONDS.items():
        if stage in seconds:
            seconds[stage] += start
    seconds["encode"] += MODEL_SECONDS * model
    if (plain := stage_name("blend", plain=True)) in seconds:
        seconds[plain] += START_SECONDS["blend"] / 2
    groups = {stage: name for name in scorers for stage in _fits(name)}
    stages = [ExpectedStage(name, spent, groups.get(name, "")) for name, spent in seconds.items()]
    fold = [stage for stage in stages[1:] if not stage.name.startswith(FINAL)]
    pooling = [ExpectedStage("intervals", 0.0)] * (folds > 1)
    stages = [stages[0], *fold * folds, *pooling, *stages[1 + len(fold) :]]
    return Forecast(memory, sum(stage.seconds or 0.0 for stage in stages), tuple(stages))


def _memory(
    data: Volume, scorers: Scorers, dim: int, users: int, *, model: bool, twice: bool
) -> dict[str, int]:
    """Return the peak of the memory: while the model loads, or while a scorer learns."""
    items = data.items
    start = {
        "program": PROGRAM,
        "events": data.events * EVENT_BYTES,
        "items": items * ITEM_BYTES + data.item_bytes * TEXT_COPIES,
    }
    reading = {**start, "language model": MODEL * model}
    learning = {
        **start,
        "language model": MODEL_RETAINED * model,
        "words": data.item_bytes // CHARACTERS * TOKEN_BYTES,
        "scores": min(SCRATCH, SCORE_BYTES * items * users),
    }
    needs = {name: scorer.estimate(data, dim) for name, scorer in scorers.items()}
    for name, need in needs.items():
        retained = need.held_bytes * (1 + (twice and _is_fitted_twice(scorers[name])))
        if retained:
            learning[name] = retained
    # They are fitted one after the other.
    largest = max(needs, key=lambda name: needs[name].peak_bytes - needs[name].held_bytes)
    extra = needs[largest].peak_bytes - needs[largest].held_bytes
    if extra > 0:
        learning[largest] = learning.get(largest, 0) + extra
    return max(reading, learning, key=lambda terms: sum(terms.values()))


def _work(
    data: Volume,
    scorers: Scorers,
    dim: int,
    users: int,
    searching: float | None,
    *,
    twice: bool,
    refit: bool,
    rerank: bool,
    final: bool,
    measure: bool,
) -> dict[str, float]:
    """Return the float32 operations of each stage in order, other work in terms of them."""
    scoring = data.items * SCORE_WORK  # of one user
    choices = scoring * CHOICES * _users(data, None, TUNED)
    blending = scoring * len(scorers) * _users(data, None, BLENDED)
    estimates = {name: scorer.estimate(data, dim) for name, scorer in scorers.items()}
    fits = {name: estimate.operations for name, estimate in estimates.items()}
    again = {name: fits[name] * estimate.resumed_share for name, estimate in estimates.items()}
    own = {
        name: fits[name] * _is_fitted_twice(scorer)
        for name, scorer in scorers.items()
        if twice and scorer.evidence != "behavior"
    }
    work = {
        "read": data.events * EVENT_WORK + data.item_bytes * BYTE_WORK,
        "split": 0.0,
        "encode": 0.0,
        **{f"fit {name}": fits[name] + choices / len(fits) for name in fits},
        "blend": blending,
    }
    if own:
        work[stage_name("encode", plain=True)] = 0.0
        for name, operations in own.items():
            work[stage_name(f"fit {name}", plain=True)] = operations + choices / 2 / len(own)
        work |= {stage_name("blend", plain=True): blending / 2, "encoder ablation": 0.0}
    if rerank:
        listed = _users(data, None, RANKED)
        work["ranking stage"] = listed * (scoring * len(scorers) + TREES_WORK)
    if searching is not None:
        work["search"] = searching
    blend, rival = scoring * users, scoring * users * (len(fits) + 1) / 2 * bool(own)
    if refit and measure:
        work["measure before refit"] = blend + rival
        work |= {f"refit {name}": again[name] for name in fits}
    if measure:
        work["measure"] = blend * (len(fits) + 1) + rival * (not refit)
        work |= {"intervals": 0.0, "lists and slices": 0.0}
    return work | {f"{FINAL}{name}": again[name] for name in fits if final}


def _search_work(data: Volume, search: Literal["none", "table", "model"]) -> float | None:
    """Return the operations of the choice of a search by text; None without one."""
    if search == "none":
        return None
    measuring = SEARCH_QUERIES * SCORE_WORK * min(data.items, MAX_ITEMS)
    encoding = TOKEN_WORK * data.item_bytes / CHARACTERS if search == "model" else 0.0
    return measuring + data.item_bytes * BYTE_WORK + encoding


def _fits(name: str) -> Iterator[str]:
    """Yield the stages that fit a scorer."""
    yield stage_name(f"fit {name}", plain=True)
    yield from (f"{stage} {name}" for stage in ("fit", "refit", "final"))


def _is_fitted_twice(scorer: Scorer | type[Scorer]) -> bool:
    """Return whether a blend without the language model has its own scorers."""
    return scorer.evidence == "text and behavior"


def _users(data: Volume, max_users: int | None, users: UserSample) -> int:
    """Return how many users are scored."""
    users_in_data = data.events // EVENTS_A_USER if data.users is None else data.users
    return min(users_in_data, max_users or users.of(data.items))
