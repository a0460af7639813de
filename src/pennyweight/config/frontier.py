"""The quality and cost of smaller versions of a recommender, and the chosen one."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pennyweight.config.budget import Budget, Task
from pennyweight.config.frozen import FrozenModel, VersionedModel
from pennyweight.config.quality import Measurement
from pennyweight.formatting import aligned, count, size

__all__ = ["COLUMNS", "Confirmation", "Frontier", "Point", "TaskQuality", "times"]

Count = Annotated[int, Field(ge=0)]
COLUMNS = (
    "candidate",
    "ndcg@10",
    "relative",
    "content",
    "encoder",
    "vectors",
    "texts/s",
    "ms/text",
    "memory",
)


class TaskQuality(FrozenModel):
    """The quality of a candidate in a task other than lists.

    Attributes
    ----------
    task
        ``search by category``, ``known-item search`` or ``new items``.
    kind
        The task of a budget that it belongs to.
    metric
        ``precision@10``, ``recall@10`` or ``ndcg@10``.
    cases
        Number of queries, or of choices of new items.
    quality
        The mean over the cases.
    relative_quality
        The same divided by the parent's, paired by case.
    """

    task: str
    kind: Task
    metric: str
    cases: Count
    quality: Measurement
    relative_quality: Measurement


class Point(FrozenModel):
    """One measured candidate.

    Attributes
    ----------
    name
        The encoder of the texts, and the format of the vectors.
    steps
        The changes to the parent, in order.
    quality
        NDCG@10 of the blend on the held-out events that its weights were learned from.
    relative_quality
        The same divided by the parent's, paired by user.
    content
        NDCG@10 of the content scorer alone, where there is one.
    encoder_bytes
        All that encodes a text, on disk.
    index_bytes
        The item vectors in memory.
    texts_per_second
        Encoded in batches, by all encoders.
    ms_per_text
        To encode one text alone.
    peak_rss_bytes
        Of a process that loads it, encodes, and recommends.
    tasks
        The quality in other tasks than lists, as far as they could be measured.
    """

    name: str
    steps: tuple[str, ...]
    quality: Measurement
    relative_quality: Measurement
    content: Measurement | None = None
    encoder_bytes: Count
    index_bytes: Count
    texts_per_second: float
    ms_per_text: float
    peak_rss_bytes: Count
    tasks: tuple[TaskQuality, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of encoder and vectors, by which candidates are ordered."""
        return self.encoder_bytes + self.index_bytes

    def excess(self, budget: Budget) -> dict[str, float]:
        """Return limit -> by which share it is passed; empty where the budget is kept."""
        ratios: dict[str, float] = {}
        for name, value in (
            ("max_encoder_bytes", self.encoder_bytes),
            ("max_index_bytes", self.index_bytes),
            ("max_ms_per_text", self.ms_per_text),
            ("memory_bytes", self.peak_rss_bytes),
        ):
            limit = getattr(budget, name)
            if limit is not None:
                ratios[name] = value / limit - 1
        if budget.min_texts_per_second is not None:
            ratios["min_texts_per_second"] = (
                budget.min_texts_per_second / max(self.texts_per_second, 1e-9) - 1
            )
        if budget.max_loss is not None:
            for task, relative in self._held_to(budget).items():
                name = "max_loss" if task == "lists" else f"max_loss of {task}"
                ratios[name] = (1 - budget.max_loss) / max(relative.value, 1e-9) - 1
        return {name: share for name, share in ratios.items() if share > 1e-9}

    def _held_to(self, budget: Budget) -> dict[str, Measurement]:
        """Return the relative quality in each task that a budget holds to its loss."""
        held: dict[str, Measurement] = {}
        if budget.tasks is None or "lists" in budget.tasks:
            held["lists"] = self.relative_quality
        for task in self.tasks:
            if budget.tasks is None or task.kind in budget.tasks:
                held[task.task] = task.relative_quality
        return held

    def beaten_by(self, other: "Point") -> bool:
        """Whether another is no worse in bytes and in every task, and better in one."""
        ours, theirs = self._values(), other._values()
        return theirs != ours and all(b >= a for a, b in zip(ours, theirs, strict=True))

    def _values(self) -> tuple[float, ...]:
        """Return the figure of which more is better."""
        return self.quality.value, -self.nbytes, *(task.quality.value for task in self.tasks)


class Confirmation(FrozenModel):
    """The chosen candidate beside the parent, on test users without influence on the choice.

    `before` and `after` hold metric -> mean; `relative_quality` is the ratio of their NDCG@10,
    paired by user. `tasks` are measured on other queries and choices than those of the points.
    """

    users: Count
    before: dict[str, Measurement]
    after: dict[str, Measurement]
    relative_quality: Measurement
    tasks: tuple[TaskQuality, ...] = ()


class Frontier(VersionedModel):
    """Every candidate measured on the same held-out users.

    Attributes
    ----------
    points
        The parent first, then in the order measured.
    users
        Number of validation users that the points are measured on.
    budget, chosen, test
        The budget, the candidate that keeps it, and its result on test users; of `compress`.
    notices
        Sentences on tasks that could not be measured.
    parent
        sha256 of the parent's manifest.
    """

    protocol: str
    users: Count
    seed: Count
    points: tuple[Point, ...]
    budget: Budget | None = None
    chosen: str | None = None
    test: Confirmation | None = None
    notices: tuple[str, ...] = ()
    parent: str | None = None
    seconds: float | None = None
    machine: dict[str, str | int | float | tuple[str, ...]] | None = None
    versions: dict[str, str] | None = None
    created: str | None = None

    @property
    def uncompressed(self) -> Point:
        """The parent, uncompressed."""
        return self.points[0]

    @property
    def choice(self) -> Point | None:
        """The candidate that was chosen."""
        return next((point for point in self.points if point.name == self.chosen), None)

    def unbeaten(self) -> tuple[Point, ...]:
        """Return the points that no other beats, smallest first."""
        points = [p for p in self.points if not any(p.beaten_by(q) for q in self.points)]
        return tuple(sorted(points, key=lambda point: point.nbytes))

    def sentence(self) -> str:
        """Describe quality and savings of the chosen candidate, or the smallest to keep 99 %."""
        point = self.choice
        if point is None:
            keeping = [p for p in self.points if not p.excess(_ONE_PERCENT)]
            point = min(keeping or self.points, key=lambda p: p.nbytes)
        parent, quality = self.uncompressed, (self.test or point).relative_quality
        users = "validation" if self.test is None else "test"
        parts = (
            f"'{point.name}' keeps {_percent(quality)} of the quality on {users} users",
            f"at {_speed(point.texts_per_second, parent.texts_per_second)} encoding speed",
            f"with {_part(point.encoder_bytes, parent.encoder_bytes)} of the encoder",
            f"and {_part(point.index_bytes, parent.index_bytes)} of the vectors",
        )
        return ", ".join(parts[:3]) + " " + parts[3] + "." + self._other_tasks(point)

    def _other_tasks(self, point: Point) -> str:
        """Return a sentence on the tasks besides lists, with a space before it."""
        tasks = point.tasks if self.test is None else self.test.tasks
        if not tasks:
            return ""
        parts = [f"{_percent(task.relative_quality)} of {task.task}" for task in tasks]
        return f" It keeps {_joined(parts)}."

    def cells(self) -> list[tuple[str, ...]]:
        """Return a row of texts a point, in the order of `COLUMNS`."""
        return [
            (
                point.name,
                str(point.quality),
                _percent(point.relative_quality),
                "-" if point.content is None else f"{point.content.value:.4f}".lstrip("0"),
                size(point.encoder_bytes),
                size(point.index_bytes),
                f"{point.texts_per_second:,.0f}",
                f"{point.ms_per_text:.2f}",
                size(point.peak_rss_bytes),
            )
            for point in self.points
        ]

    def table(self) -> str:
        """Return a text table; ``*`` marks unbeaten candidates, ``>`` the choice."""
        unbeaten = {point.name for point in self.unbeaten()}
        marks = [
            ">" if p.name == self.chosen else "*" if p.name in unbeaten else " "
            for p in self.points
        ]
        rows = [COLUMNS, *self.cells()]
        marked = zip([" ", *marks], aligned(rows), strict=True)
        lines = [f"{mark} {line}" for mark, line in marked]
        head = f"{self.protocol}, measured on {count(self.users, 'validation user')}"
        tasks = self.task_rows()
        if len(tasks) > 1:
            lines += ["", "other tasks, relative to the parent:", "", *aligned(tasks)]
        if self.notices:
            lines += ["", *self.notices]
        return "\n".join([head, "", *lines])

    def task_rows(self) -> list[tuple[str, ...]]:
        """Return rows of texts, a head and a row a point: the relative quality of each task."""
        tasks = self.uncompressed.tasks
        if not tasks:
            return []
        head = ("candidate", *(f"{t.task} ({t.metric}, n={t.cases:,})" for t in tasks))
        return [
            head,
            *(
                (point.name, *(_percent(task.relative_quality) for task in point.tasks))
                for point in self.points
            ),
        ]

    def __str__(self) -> str:
        return self.table()


_ONE_PERCENT = Budget(max_loss=0.01)


def _joined(parts: Sequence[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _percent(share: Measurement) -> str:
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f} {100 * share.high:.1f}]"


def times(now: float, before: float) -> str:
    """Format the factor by which a number is larger than another."""
    ratio = now / max(before, 1e-9)
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def _speed(now: float, before: float) -> str:
    return (
        "about the same" if 0.5 <= now / max(before, 1e-9) <= 2 else f"{times(now, before)} the"
    )  # noise


def _part(now: int, before: int) -> str:
    return f"{100 * now / max(before, 1):.0f} %"
