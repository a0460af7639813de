"""The result of capacity planning: a workload, and what each configuration needs and costs."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel, VersionedModel
from pennyweight.config.quality import Measurement

__all__ = ["CapacityPlan", "CheckedQuantity", "PlannedConfiguration", "Workload"]

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class Workload(FrozenModel):
    """The size of a catalog and the load of its service.

    Attributes
    ----------
    items
        Of the catalog.
    mean_tokens
        Tokens of a usual text.
    users, events
        Of the event log at the start.
    events_per_day
        Later ones.
    requests_per_second
        Lists at the peak.
    peak_to_mean
        The rate at the peak, relative to that of a whole day.
    arrival_scv
        Squared coefficient of variation of the times between requests; 1 for independent ones.
    latency_seconds
        That 95 % of the requests must keep.
    churn_per_day
        Share of the items that are new or change their text on a day.
    search_share
        Share of the requests that have a text, which must be encoded at once.
    history
        Events of a user that a list reads.
    """

    items: Annotated[int, Field(ge=1)]
    mean_tokens: Annotated[float, Field(ge=1)]
    users: Count
    events: Count
    events_per_day: Amount
    requests_per_second: Positive
    peak_to_mean: Annotated[float, Field(ge=1)] = 3.0
    arrival_scv: Amount = 1.0
    latency_seconds: Positive
    churn_per_day: Annotated[float, Field(ge=0, le=1)] = 0.0
    search_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    history: Annotated[int, Field(ge=0)] = 20

    @property
    def lists_per_month(self) -> float:
        """Lists of 30.4 days at the mean rate."""
        return self.requests_per_second / self.peak_to_mean * 365 / 12 * 86_400

    def times(self, *, items: int = 1, requests: int = 1) -> "Workload":
        """Return a workload with some times the items, users and events, or the requests."""
        return self.model_copy(
            update={
                "items": self.items * items,
                "users": self.users * items,
                "events": self.events * items,
                "events_per_day": self.events_per_day * items,
                "requests_per_second": self.requests_per_second * requests,
            }
        )


class PlannedConfiguration(FrozenModel):
    """One way to serve a workload: its needs, its cost, and the reason against it, if there is one.

    Attributes
    ----------
    encoder
        Of the texts, with the format of its weights.
    setting, precision
        Name and precision of the encoder in a plan.toml; no precision without a transformer.
    vectors
        Format of the item vectors.
    instance, provider
        The machine.
    vcpus, accelerator
        Of the machine.
    replicas, spare_replicas
        Machines for the peak, and those that replace one that fails.
    servers
        Lists that a machine makes at once.
    encoder_bytes, index_bytes, resident_bytes
        Of the encoder on disk, of the item vectors, and of the whole process.
    encoding_accelerator
        On which the texts are encoded, by its data sheet; None for the processor.
    first_encoding_seconds, daily_encoding_seconds
        Of the whole catalog on one machine, and of the items of a day.
    training_seconds
        Of a whole fit on one machine.
    service_seconds
        Of a list without waiting.
    lists_per_second
        The highest rate of one machine within the objective.
    p50, p95, p99
        Latencies at the peak, in seconds; None where the load is too high.
    utilization
        Of a machine at the peak.
    price_per_month
        Of all machines, spares included.
    price_per_million_lists, price_per_million_texts
        Of lists at the mean rate; of texts that are encoded.
    watts
        Of all machines at the mean load.
    quality
        NDCG@10 relative to the uncompressed recommender, where a frontier was measured.
    bottleneck
        The resource that is used up first: ``processor``, ``memory bandwidth`` or ``memory``.
    rejection_kind, rejection
        The limit that it does not keep, in two words, and by how much; None if it does.
    """

    encoder: str
    setting: str
    precision: str | None = None
    vectors: str
    instance: str
    provider: str
    vcpus: int
    accelerator: str | None = None
    replicas: Count
    spare_replicas: Count
    servers: Annotated[int, Field(ge=1)]
    encoder_bytes: Count
    index_bytes: Count
    resident_bytes: Count
    encoding_accelerator: str | None = None
    first_encoding_seconds: Amount
    daily_encoding_seconds: Amount
    training_seconds: Amount
    service_seconds: Positive
    lists_per_second: Amount
    p50: Positive | None = None
    p95: Positive | None = None
    p99: Positive | None = None
    utilization: Amount
    price_per_month: Amount
    price_per_million_lists: Amount
    price_per_million_texts: Amount
    watts: Amount
    quality: Measurement | None = None
    bottleneck: str
    rejection_kind: str | None = None
    rejection: str | None = None

    @property
    def transformer(self) -> bool:
        """Whether a transformer encodes the texts."""
        return self.precision is not None

    @property
    def name(self) -> str:
        """Encoder, vectors and machine in one line."""
        machines = self.replicas + self.spare_replicas
        return (
            f"{self.encoder}, {self.vectors} vectors, {machines} x {self.provider} {self.instance}"
        )


class CheckedQuantity(FrozenModel):
    """A quantity as it was predicted and as it was measured.

    Attributes
    ----------
    name, unit
        Of the quantity; ``s`` or ``bytes``.
    predicted, measured
        Its values.
    spread
        Of repeated measurements, relative to their median; None for a single one. An error below
        it is none.
    """

    name: str
    unit: str
    predicted: Amount
    measured: Positive
    spread: Amount | None = None

    @property
    def error(self) -> float:
        """The prediction relative to the measurement, less 1."""
        return self.predicted / self.measured - 1


class CapacityPlan(VersionedModel):
    """All configurations for a workload, the cheapest that does first.

    Attributes
    ----------
    workload
        The workload.
    currency
        Of all prices.
    prices_of
        Day of the oldest price in use, ISO 8601.
    profile
        The machine whose measured times the plan rests on, and its day.
    budget_per_month
        The most that the machines may cost; None without a limit.
    configurations
        Those that do by their price, then the rejected ones.
    scaled
        What ten times the items, and ten times the requests, would cost, by name; None where no
        configuration does.
    notes
        Assumptions.
    """

    workload: Workload
    currency: str
    prices_of: str
    profile: str
    budget_per_month: Positive | None = None
    configurations: tuple[PlannedConfiguration, ...]
    scaled: dict[str, PlannedConfiguration | None] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> PlannedConfiguration | None:
        """The cheapest configuration that does; None where none does."""
        first = self.configurations[0]
        return None if first.rejection else first

    @property
    def front(self) -> tuple[PlannedConfiguration, ...]:
        """Those that do and that no other one beats in both price and quality."""
        front: list[PlannedConfiguration] = []
        for one in self.configurations:
            if one.rejection is None and all(_quality(one) > _quality(other) for other in front):
                front.append(one)
        return tuple(front)


def _quality(configuration: PlannedConfiguration) -> float:
    return 0.0 if configuration.quality is None else configuration.quality.value
