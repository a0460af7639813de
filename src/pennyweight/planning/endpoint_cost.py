"""Tokens at an endpoint against own machines: cost of a month and break-even traffic."""

from dataclasses import dataclass
from math import ceil

from pennyweight.config.generation_cost import GenerationCost
from pennyweight.config.prices import HOURS_PER_MONTH, EndpointPrice, InstanceType, PriceTable
from pennyweight.planning.decoding import Decoder, DecoderMachine, fastest_batch

__all__ = ["BreakEven", "Generation", "break_even", "generation_cost"]

_SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600.0
_UTILIZATION = 0.7  # of a machine: bursts need room


@dataclass(frozen=True)
class Generation:
    """Texts that a language model generates.

    Attributes
    ----------
    texts_per_month
        Number of texts in a month.
    prompt_tokens, generated_tokens
        Mean tokens of a prompt, and of what is generated after it.
    share
        Share of the texts that the language model handles, such as that of the requests for
        which it pays.
    """

    texts_per_month: float
    prompt_tokens: int
    generated_tokens: int
    share: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and self.texts_per_month >= 0):
            raise ValueError(
                f"{self.texts_per_month:g} texts a month, a share of {self.share:g}; the number "
                "must be 0 or more and the share from 0 to 1"
            )
        if self.prompt_tokens < 1 or self.generated_tokens < 0:
            raise ValueError(
                f"{self.prompt_tokens} tokens of a prompt and {self.generated_tokens} generated; "
                "a prompt has 1 token or more"
            )

    @property
    def texts(self) -> float:
        """Texts a month that the language model handles."""
        return self.texts_per_month * self.share


@dataclass(frozen=True)
class BreakEven:
    """The traffic at which own machines cost no more than an endpoint.

    Attributes
    ----------
    start
        The least number of texts a month.
    always
        The number above which own machines never cost more: where a further machine is needed,
        they may cost more again below it.
    """

    start: float
    always: float


def break_even(
    machine_price: float, capacity: float, text_price: float, *, spares: int = 0
) -> BreakEven | None:
    """Return the break-even traffic, or None where own machines never cost less.

    Parameters
    ----------
    machine_price
        Price of a machine in a month.
    capacity
        Texts that a machine handles in a month.
    text_price
        Price of a text at the endpoint, in the same currency.
    spares
        Machines besides those that the traffic needs.

    Notes
    -----
    `n` texts need ``k = ceil(n / capacity)`` machines, so own machines cost ``(k + spares) *
    machine_price`` and the endpoint ``n * text_price``.
    """
    saved = capacity * text_price - machine_price  # by a full machine
    if saved <= 0:
        return None
    first = max(1, ceil(spares * machine_price / saved))
    start = (first + spares) * machine_price / text_price
    # The last number of machines that cost more when the last of them has hardly any texts.
    dear = ceil((spares * machine_price + capacity * text_price) / saved) - 1
    return BreakEven(start, min((dear + spares) * machine_price / text_price, dear * capacity))


def generation_cost(
    decoder: Decoder,
    generation: Generation,
    kind: InstanceType,
    endpoint: EndpointPrice,
    prices: PriceTable,
    *,
    currency: str | None = None,
    machine: DecoderMachine | None = None,
    objective: float | None = None,
    utilization: float = _UTILIZATION,
    spares: int = 0,
) -> GenerationCost:
    """Compare a language model on own machines with an endpoint.

    Parameters
    ----------
    decoder
        The model and the format of its weights.
    generation
        The traffic.
    kind
        Type of the own machines.
    endpoint
        The endpoint.
    prices
        Where rates between currencies are.
    currency
        Of the result; that of the instance type by default.
    machine
        Measured speed of such a machine; by default from the data sheet of `kind`.
    objective
        Most seconds of a batch; None for no limit.
    utilization
        Share of its highest rate that a machine is planned for, above 0 and at most 1.
    spares
        Machines besides those that the traffic needs.

    Raises
    ------
    BudgetError
        The model does not fit into the memory or within the objective.
    PlanError
        There is no rate between the currencies.
    ValueError
        The utilization or the number of spares is out of range.
    """
    if not 0 < utilization <= 1 or spares < 0:
        raise ValueError(
            f"utilization {utilization:g} and {spares} spares; the utilization must be above 0 "
            "and at most 1, the spares 0 or more"
        )
    machine = machine or DecoderMachine.of_instance(kind)
    prompt, generated = generation.prompt_tokens, generation.generated_tokens
    batch, seconds = fastest_batch(decoder, machine, prompt, generated, objective=objective)
    rate = batch / seconds
    capacity = rate * utilization * _SECONDS_PER_MONTH
    currency = currency or kind.currency
    price = prices.monthly_price(kind, currency)
    each = prices.exchange(endpoint.cost(prompt, generated), endpoint.currency, currency)
    machines = ceil(generation.texts / capacity) + spares if generation.texts else 0
    even = break_even(price, capacity, each, spares=spares)
    return GenerationCost(
        model=decoder.shape.name,
        weights=decoder.weights,
        machine=f"{kind.provider} {kind.name}",
        endpoint=endpoint.name,
        texts_per_month=generation.texts,
        prompt_tokens=prompt,
        generated_tokens=generated,
        batch=batch,
        seconds=seconds,
        texts_per_second=rate,
        machines=machines,
        own_per_month=machines * price,
        endpoint_per_month=generation.texts * each,
        own_per_million=price / capacity * 1e6,
        endpoint_per_million=each * 1e6,
        break_even=None if even is None else even.start,
        always_from=None if even is None else even.always,
        kwh_per_month=_energy(machine, machines),
        currency=currency,
        priced=kind.date,
        endpoint_priced=endpoint.date,
        predicted=machine.predicted,
    )


def _energy(machine: DecoderMachine, number: int) -> float | None:
    if machine.watts is None:
        return None
    return number * machine.watts * HOURS_PER_MONTH / 1000
