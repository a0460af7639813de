"""The planner: every candidate on every machine, priced, and the reasons against some."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from pennyweight.config.capacity import CapacityPlan, PlannedConfiguration, Workload
from pennyweight.config.prices import HOURS_PER_MONTH, InstanceType, PriceTable
from pennyweight.data.input_size import Volume
from pennyweight.errors import PlanError
from pennyweight.formatting import duration, size
from pennyweight.planning.accelerated_encoding import accelerated_text_seconds, fits_accelerator
from pennyweight.planning.accelerators import accelerator
from pennyweight.planning.candidates import CandidatesOf, EncoderCandidate, ladder
from pennyweight.planning.core_speed import core_speed
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.encoder_shape import EncoderShape
from pennyweight.planning.list_queue import ListQueue
from pennyweight.planning.machine_profile import MachineProfile
from pennyweight.scorers.registry import scorer_type
from pennyweight.scorers.two_tower_training import default_dim

__all__ = ["Planner", "planned"]

MEMORY_SHARE = 0.8  # of a machine that the service may fill
LOSES = "loses more than"
LEARNED = ("neighbors", "tower", "linear")
FITS = 3  # of each scorer in a fit: to choose, to measure, and the final one
IDLE_WATTS, BUSY_WATTS, OVERHEAD = 0.74, 3.5, 1.135  # a vCPU; of the data center
BYTES_PER_CHARACTER = 1.1
SCALED = {
    "10 times the items and events": {"items": 10},
    "10 times the requests": {"requests": 10},
}
NOTES = (
    "Times of machines other than the calibrated one are scaled by their instructions.",
    "Times of encoding on accelerators are predicted from their data sheets, in 16 bits.",
    "Prices are without storage, traffic and tax.",
)
CHARACTERS = 4.5  # of a token
SEARCH_TOKENS = 6.0  # of a search
DAY = 86_400.0


@dataclass(frozen=True)
class Planner:
    """Prices configurations for workloads.

    Attributes
    ----------
    profile
        The measured machine that all times rest on.
    prices
        Types of machines.
    currency
        Of the prices of the plan.
    spares
        Machines besides those that the peak needs.
    budget_per_month
        The most that all machines may cost; None without a limit.
    providers
        Only machines of these; empty for all.
    max_loss
        The most of the quality that a configuration may lose, where its quality was measured; None
        without a limit.
    """

    profile: MachineProfile
    prices: PriceTable
    currency: str = "USD"
    spares: int = 1
    budget_per_month: float | None = None
    providers: tuple[str, ...] = ()
    max_loss: float | None = None

    def plan(self, workload: Workload, candidates: Sequence[EncoderCandidate]) -> CapacityPlan:
        """Return all configurations, the cheapest that does first, rejected ones last."""
        configurations = [
            self._configuration(workload, candidate, instance)
            for candidate in candidates
            for instance in self._instances()
        ]
        return CapacityPlan(
            workload=workload,
            currency=self.currency,
            prices_of=min(instance.date for instance in self._instances()).isoformat(),
            profile=f"{self.profile.cpu}, {self.profile.cores} cores, {self.profile.measured}",
            budget_per_month=self.budget_per_month,
            configurations=tuple(sorted(configurations, key=_rank)),
        )

    def _instances(self) -> list[InstanceType]:
        """Return the machines to choose from; `PlanError` where there is none."""
        types = self.prices.cheapest_first(self.currency)
        chosen = [one for one in types if not self.providers or one.provider in self.providers]
        if not chosen:
            names = ", ".join(sorted({one.provider for one in types}))
            raise PlanError(
                f"no machine of {', '.join(self.providers)}; the price table has {names}"
            )
        return chosen

    def _configuration(
        self, workload: Workload, candidate: EncoderCandidate, instance: InstanceType
    ) -> PlannedConfiguration:
        model = CostModel(self.profile, core_speed(self.profile, instance), instance.vcpus)
        seconds = self._service_seconds(model, workload, candidate)
        servers = model.servers(candidate.lists)
        queue = ListQueue.of(
            servers,
            seconds,
            scoring_seconds=model.scoring_seconds(candidate.lists),
            arrival_scv=workload.arrival_scv,
        )
        rate = queue.highest_rate(workload.latency_seconds)
        replicas = ceil(workload.requests_per_second / rate) if rate else 0
        share = workload.requests_per_second / max(1, replicas)
        load = share / queue.capacity
        quantiles = queue.latencies(share) if rate else (None,) * 3
        accelerated = self._accelerated(workload, candidate, instance)
        texts = candidate.text_seconds(model, workload.mean_tokens) / model.thread_speedup
        if accelerated:
            tokenized = model.token_seconds("tokenizer", workload.mean_tokens)
            texts = max(accelerated, tokenized / model.thread_speedup)
        machines = replicas + self.spares if rate else 0
        price = self.prices.monthly_price(instance, self.currency)
        resident = model.resident_bytes(workload, candidate.index_bytes, candidate.encoder_bytes)
        mean_load = load / workload.peak_to_mean
        watts = IDLE_WATTS + mean_load * (BUSY_WATTS - IDLE_WATTS)
        planned = PlannedConfiguration(
            encoder=candidate.encoder,
            setting=candidate.setting,
            precision=candidate.precision,
            vectors=candidate.vectors,
            instance=instance.name,
            provider=instance.provider,
            vcpus=instance.vcpus,
            accelerator=instance.accelerator,
            replicas=replicas,
            spare_replicas=machines - replicas,
            servers=servers,
            encoder_bytes=candidate.encoder_bytes,
            index_bytes=candidate.index_bytes,
            resident_bytes=resident,
            encoding_accelerator=instance.accelerator if accelerated else None,
            first_encoding_seconds=texts * workload.items,
            daily_encoding_seconds=texts * workload.items * workload.churn_per_day,
            training_seconds=self._training_seconds(workload, model),
            service_seconds=seconds,
            lists_per_second=rate,
            p50=quantiles[0],
            p95=quantiles[1],
            p99=quantiles[2],
            utilization=load,
            price_per_month=machines * price,
            price_per_million_lists=1e6 * machines * price / workload.lists_per_month,
            price_per_million_texts=1e6 * texts / 3_600 * price / HOURS_PER_MONTH,
            watts=machines * instance.vcpus * watts * OVERHEAD,
            quality=candidate.quality,
            bottleneck=_bottleneck(model, candidate, resident, instance),
        )
        kind, reason = self._rejection(planned, workload, candidate, instance)
        return planned.model_copy(update={"rejection_kind": kind, "rejection": reason})

    def _accelerated(
        self, workload: Workload, candidate: EncoderCandidate, instance: InstanceType
    ) -> float | None:
        """Return the seconds of a text on the accelerators; None without any, or a transformer."""
        if candidate.transformer is None or instance.accelerator is None:
            return None
        return accelerated_text_seconds(
            candidate.transformer, workload.mean_tokens, instance.accelerator, instance.accelerators
        )

    def _service_seconds(
        self, model: CostModel, workload: Workload, candidate: EncoderCandidate
    ) -> float:
        """Return the mean seconds of a request, searches with their encoding included."""
        search = candidate.text_seconds(model, SEARCH_TOKENS, alone=True) * workload.search_share
        return model.list_seconds(candidate.lists) + search

    def _training_seconds(self, workload: Workload, model: CostModel) -> float:
        """Return the seconds of a whole fit, as the forecast of `fit` counts its operations."""
        nbytes = round(workload.items * workload.mean_tokens * CHARACTERS * BYTES_PER_CHARACTER)
        data = Volume(items=workload.items, events=workload.events, item_bytes=nbytes)
        width = default_dim(workload.items)
        operations = sum(scorer_type(name).estimate(data, width).operations for name in LEARNED)
        speed = 1e9 * self.profile.matrix_gflops * model.speed.fp32 * model.thread_speedup
        return FITS * operations / speed

    def _rejection(
        self,
        planned: PlannedConfiguration,
        workload: Workload,
        candidate: EncoderCandidate,
        instance: InstanceType,
    ) -> tuple[str, str] | tuple[None, None]:
        """Return the limit that a configuration does not keep, and by how much."""
        shape, kind = candidate.transformer, instance.accelerator
        if shape and kind and not fits_accelerator(shape, kind, instance.accelerators):
            return "too little accelerator memory", (
                f"needs {size(round(shape.weight_bytes('bf16')))} for the weights in 16 bits; "
                f"{instance.accelerators} x {kind} have {size(_accelerator_bytes(instance))}"
            )
        room, budget = MEMORY_SHARE * instance.memory_bytes, self.budget_per_month
        if planned.resident_bytes > room:
            return "too little memory", (
                f"needs {size(planned.resident_bytes)} of memory; {MEMORY_SHARE:.0%} of the "
                f"machine's {size(instance.memory_bytes)} are {size(round(room))}"
            )
        if not planned.lists_per_second:
            alone = ListQueue(planned.servers, 1.0).latencies(0.0)[1]
            return "too slow", (
                f"takes {duration(planned.service_seconds)} a list without waiting, and more than "
                f"{duration(alone * planned.service_seconds)} for one in twenty; 95 % must be "
                f"within {duration(workload.latency_seconds)}"
            )
        loss = 0.0 if planned.quality is None else 1 - planned.quality.value
        if self.max_loss is not None and loss > self.max_loss:
            return f"{LOSES} {self.max_loss:.1%} of the quality", (
                f"loses {loss:.1%} of the quality; {self.max_loss:.1%} are the limit"
            )
        if budget is not None and planned.price_per_month > budget:
            over = planned.price_per_month - budget
            return "over the budget", (
                f"costs {planned.price_per_month:,.2f} {self.currency} per month, {over:,.2f} more "
                f"than the budget"
            )
        if planned.daily_encoding_seconds > DAY:
            spent = duration(planned.daily_encoding_seconds)
            return "too slow to encode", f"takes {spent} to encode the items of a day"
        return None, None


def planned(
    planner: Planner,
    workload: Workload,
    encoders: Sequence[EncoderShape] = (),
    *,
    candidates: CandidatesOf | None = None,
) -> CapacityPlan:
    """Return the plan of a workload, with the prices of ten times its size.

    Parameters
    ----------
    planner
        With profile and prices.
    workload
        To plan for.
    encoders
        Transformers to plan with; by default small and large sentence encoders.
    candidates
        Gives the candidates of a workload in place of `ladder`, such as `measured_candidates`.
    """
    models = list(encoders) or None
    candidates = candidates or (lambda work: list(ladder(work, models)))
    plan = planner.plan(workload, candidates(workload))
    scaled = {}
    for name, factors in SCALED.items():
        larger = workload.times(**factors)
        scaled[name] = planner.plan(larger, candidates(larger)).best
    return plan.model_copy(update={"scaled": scaled, "notes": NOTES})


def _accelerator_bytes(instance: InstanceType) -> int:
    """Return the bytes of memory of all accelerators of a machine."""
    if instance.accelerator is None:
        return 0
    return instance.accelerators * accelerator(instance.accelerator).memory_bytes


def _bottleneck(
    model: CostModel, candidate: EncoderCandidate, resident: int, instance: InstanceType
) -> str:
    if resident > MEMORY_SHARE * instance.memory_bytes:
        return "memory"
    share = model.serial_seconds(candidate.lists) / model.list_seconds(candidate.lists)
    return "processor" if share > 1 / 2 else "memory bandwidth"


def _rank(configuration: PlannedConfiguration) -> tuple[object, ...]:
    """Return the sort key: those that do by price, then the near misses."""
    quality, kind = configuration.quality, configuration.rejection_kind
    priced = kind is None or kind == "over the budget" or kind.startswith(LOSES)
    return (
        kind is not None,
        not priced,
        configuration.price_per_month if priced else configuration.service_seconds,
        0.0 if quality is None else -quality.value,
        configuration.daily_encoding_seconds,
        configuration.resident_bytes,
        configuration.name,
    )
