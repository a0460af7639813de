"""The cost of generated texts on own machines and at an endpoint."""

from datetime import date
from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel

__all__ = ["GenerationCost"]

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class GenerationCost(FrozenModel):
    """A language model on own machines beside the same traffic at an endpoint.

    Attributes
    ----------
    model, weights
        Name of the model, and the format of its weights.
    machine, endpoint
        Names of the instance type and of the endpoint.
    texts_per_month, prompt_tokens, generated_tokens
        The traffic, and the mean tokens of a text.
    batch
        Texts that a machine works on together.
    seconds
        From the prompts of a full batch to its last tokens.
    texts_per_second
        Of one machine at full load.
    machines
        Number of machines for the traffic, spares included.
    own_per_month, endpoint_per_month
        Cost in `currency`.
    own_per_million
        Cost of a million generated texts on a machine at its planned load.
    endpoint_per_million
        Cost of a million texts at the endpoint.
    break_even
        Texts a month from which own machines cost no more; None where they always cost more.
    always_from
        Texts a month above which own machines never cost more; a further machine can make them
        dearer for a while between the two.
    kwh_per_month
        Most energy of the accelerators in a month, all at full power; None where their power is
        unknown.
    currency, priced, endpoint_priced
        Currency of the amounts, and the days of the prices.
    predicted
        Whether the times are from data sheets and not measured.
    """

    model: str
    weights: str
    machine: str
    endpoint: str
    texts_per_month: Annotated[float, Field(ge=0)]
    prompt_tokens: Count
    generated_tokens: Count
    batch: Annotated[int, Field(ge=1)]
    seconds: Positive
    texts_per_second: Positive
    machines: Count
    own_per_month: Annotated[float, Field(ge=0)]
    endpoint_per_month: Annotated[float, Field(ge=0)]
    own_per_million: Positive
    endpoint_per_million: Positive
    break_even: float | None = None
    always_from: float | None = None
    kwh_per_month: Annotated[float, Field(ge=0)] | None = None
    currency: str
    priced: date
    endpoint_priced: date
    predicted: bool = True

    def sentence(self) -> str:
        """Describe the cheaper of the two and the break-even traffic."""
        own = f"{self.machines:,} x {self.machine} at {self.own_per_month:,.2f} {self.currency}"
        other = f"{self.endpoint} at {self.endpoint_per_month:,.2f} {self.currency}"
        cheap, dear = own, other
        if self.endpoint_per_month < self.own_per_month:
            cheap, dear = other, own
        start = (
            f"For {self.texts_per_month:,.0f} texts a month {cheap} costs no more than {dear} "
            f"(prices of {self.priced.isoformat()} and {self.endpoint_priced.isoformat()})."
        )
        if self.break_even is None:
            return f"{start} Own machines cost more at any traffic."
        return f"{start} Own machines pay from {self.break_even:,.0f} texts a month."
