"""Where each encoder pays: quality by slice, cost, and the requests to spend it on."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel, VersionedModel
from pennyweight.config.quality import Measurement
from pennyweight.config.reranking import signed
from pennyweight.formatting import aligned, count, size

__all__ = [
    "ALL_LISTS",
    "LENGTHS",
    "LENGTH_NAMES",
    "AblatedModel",
    "AblatedSlice",
    "AblationTable",
    "ModelRoute",
    "RoutedTask",
    "joined",
    "paying",
]

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SIGNIFICANCE = 0.05
ALL_LISTS = "all lists"
# Slices of lists: name, shortest and longest history.
LENGTHS = (
    ("no history", 0, 0),
    ("history of 1", 1, 1),
    ("history of 2 to 3", 2, 3),
    ("history of 4 to 10", 4, 10),
    ("history of 11 and more", 11, 1 << 31),
)
LENGTH_NAMES = tuple(name for name, *_ in LENGTHS)


class AblatedSlice(FrozenModel):
    """The quality of an encoder for some requests.

    Attributes
    ----------
    slice
        Such as ``all lists``, ``history of 1``, ``search by category``, ``new items among all``.
    metric
        ``ndcg@10``, ``precision@10`` or ``recall@10``.
    cases
        Number of users, queries or choices.
    made
        How many of them were made: by cutting histories, hiding items, or from the catalog.
    traffic
        Share of the requests; None for slices of items rather than of requests.
    quality
        The mean over the cases.
    difference
        The same less that of the first encoder, paired by case; None for the first encoder.
    p_holm
        Of a paired bootstrap test that there is no difference, corrected for the number of slices.
    """

    slice: str
    metric: str
    cases: Count
    made: Count = 0
    traffic: Share | None = None
    quality: Measurement
    difference: Measurement | None = None
    p_holm: float | None = None

    @property
    def gains(self) -> bool:
        """Whether a gain over the first encoder is shown at 5 %."""
        gain, p = self.difference, self.p_holm
        return gain is not None and p is not None and gain.value > 0 and p <= SIGNIFICANCE

    @property
    def loses(self) -> bool:
        """Whether the interval of the difference is below zero."""
        return self.difference is not None and self.difference.high < 0

    def cell(self) -> str:
        """Return the quality, with the difference and its interval where there is one."""
        text = f"{self.quality.value:.4f}".replace("0.", ".", 1)
        return text if self.difference is None else f"{text} {signed(self.difference)}"


class AblatedModel(FrozenModel):
    """One encoder in all slices.

    Attributes
    ----------
    name
        The first is TF-IDF.
    nbytes
        Of the encoder on disk and the item vectors in memory.
    ms_per_list, ms_per_search
        Time of a core group for one request, in batches; None where no search was measured.
    price_per_million
        Of a million lists.
    validation, test
        The slices on the data of the choice, and on other users, queries and items.
    """

    name: str
    nbytes: Count
    ms_per_list: float
    ms_per_search: float | None = None
    price_per_million: float
    validation: tuple[AblatedSlice, ...]
    test: tuple[AblatedSlice, ...] = ()


class RoutedTask(FrozenModel):
    """A kind of request on test data: without the model, by the route, and with it everywhere."""

    task: str
    metric: str
    traffic: Share
    without: Measurement
    route: Measurement
    everywhere: Measurement


class ModelRoute(FrozenModel):
    """An encoder for some requests only, chosen on validation data.

    Attributes
    ----------
    model
        Its name.
    slices
        The requests that it serves.
    items
        Slices of new items in which a gain is shown, too.
    traffic
        Share of all requests that it serves.
    tasks
        The quality on test data by kind of request.
    relative_quality
        Quality of the route divided by that of the model everywhere, weighted by traffic.
    price, price_everywhere, price_without
        Of a million requests by the route, with the model everywhere and without it.
    """

    model: str
    slices: tuple[str, ...]
    items: tuple[str, ...] = ()
    traffic: Share
    tasks: tuple[RoutedTask, ...]
    relative_quality: float
    price: float
    price_everywhere: float
    price_without: float


class AblationTable(VersionedModel):
    """Encoders in the same blend, on the same requests; the first is TF-IDF.

    Attributes
    ----------
    scorers
        The components of the blend; content has the encoder.
    route
        The encoder and the requests that it pays for; None where no gain is shown.
    search_share
        Assumed share of searches among the requests.
    core_hour_price
        Price of a core for an hour.
    notices
        Sentences on slices that could not be measured.
    """

    protocol: str
    users: Count
    items: Count
    seed: Count
    scorers: tuple[str, ...]
    models: tuple[AblatedModel, ...]
    route: ModelRoute | None = None
    search_share: Share
    core_hour_price: float
    notices: tuple[str, ...] = ()
    seconds: float | None = None
    machine: dict[str, str | int | float | tuple[str, ...]] | None = None
    versions: dict[str, str] | None = None
    created: str | None = None

    def sentence(self) -> str:
        """Return where a model pays, its gain on test data and its cost."""
        route = self.route
        if route is None:
            return f"No model is shown to pay for any request: use {self.models[0].name}."
        paying = (*route.slices, *route.items)
        (model,) = (model for model in self.models if model.name == route.model)
        gains = [
            f"{signed(part.difference)} {part.metric} for {part.slice}"
            for part in model.test
            if part.difference is not None and part.slice in paying
        ]
        extra = route.price - route.price_without
        compared = f"{abs(extra):.3f} {'more' if extra >= 0 else 'less'}"
        return (
            f"The model {route.model} pays for {100 * route.traffic:.0f} % of your traffic "
            f"({joined(paying)}); on test data: {'; '.join(gains)}. A million requests cost "
            f"{route.price:.3f}, {compared} than with {self.models[0].name}; with "
            f"{route.model} for all they cost {route.price_everywhere:.3f}."
        )

    def rows(self, *, test: bool) -> list[tuple[str, ...]]:
        """Return a head and a row of texts a slice, a column an encoder."""
        tables = [model.test if test else model.validation for model in self.models]
        if not tables[0]:
            return []
        head = ("slice", "metric", "cases", *(model.name for model in self.models))
        return [
            head,
            *(
                (
                    parts[0].slice,
                    parts[0].metric,
                    f"{parts[0].cases:,}" + (" made" if parts[0].made else ""),
                    *(part.cell() + (" *" if part.gains else "") for part in parts),
                )
                for parts in zip(*tables, strict=True)
            ),
        ]

    def cost_rows(self) -> list[tuple[str, ...]]:
        """Return a head and a row of texts an encoder: time, price and size."""
        head = ("encoder", "ms a list", "ms a search", "price of a million lists", "size")
        return [
            head,
            *(
                (
                    model.name,
                    f"{model.ms_per_list:.3f}",
                    "-" if model.ms_per_search is None else f"{model.ms_per_search:.3f}",
                    f"{model.price_per_million:.3f}",
                    size(model.nbytes),
                )
                for model in self.models
            ),
        ]

    def table(self) -> str:
        """Return text tables of quality and cost; ``*`` marks gains shown on validation."""
        lines = [
            f"{self.protocol}, {count(self.users, 'validation user')}; blend of "
            f"{', '.join(self.scorers)}; * a gain over {self.models[0].name} is shown at 5 %",
            "",
            *aligned(self.rows(test=False)),
        ]
        if self.models[0].test:
            lines += ["", "on test data:", "", *aligned(self.rows(test=True))]
        lines += ["", *aligned(self.cost_rows())]
        if self.notices:
            lines += ["", *self.notices]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()


def paying(slices: Sequence[AblatedSlice]) -> tuple[str, ...]:
    """Return the slices of requests that a model pays for.

    All lists where it gains on all of them and loses for no length of the history; otherwise the
    lengths for which it gains. Searches stand for themselves.
    """
    requests = [part for part in slices if part.traffic is not None]
    lists = [part for part in requests if part.slice in LENGTH_NAMES]
    others = [part for part in requests if part.slice not in (ALL_LISTS, *LENGTH_NAMES)]
    searches = tuple(part.slice for part in others if part.gains)
    overall = next(part for part in requests if part.slice == ALL_LISTS)
    if overall.gains and not any(part.loses for part in lists):
        return (ALL_LISTS, *searches)
    return (*(part.slice for part in lists if part.gains), *searches)


def joined(parts: Sequence[str]) -> str:
    """Return parts as an enumeration."""
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last
