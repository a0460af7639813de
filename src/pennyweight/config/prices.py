"""Types of machines with their prices, and the rates between currencies."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from pennyweight.config.frozen import FrozenModel
from pennyweight.errors import PlanError, did_you_mean

__all__ = ["HOURS_PER_MONTH", "EndpointPrice", "ExchangeRate", "InstanceType", "PriceTable"]

HOURS_PER_MONTH = 730  # of the large clouds' monthly estimates: 365 * 24 / 12

Text = Annotated[str, Field(min_length=1)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Amount = Annotated[float, Field(gt=0)]


class InstanceType(FrozenModel):
    """A machine that can be rented.

    Attributes
    ----------
    name, provider
        Such as ``c7i.xlarge`` of ``AWS``.
    vcpus
        Number of virtual processors.
    threads_per_core
        Virtual processors that share a core.
    shared
        Whether other customers may use the same cores, so that its speed varies.
    memory_bytes
        Memory in bytes.
    cpu
        The processor by its maker's name.
    flags
        Those of `pennyweight.machine.machine.Machine` that it has.
    accelerator, accelerators
        Kind and number of the accelerators; None and 0 for a machine without one.
    price_per_month
        For 730 hours on demand, without tax, storage and traffic.
    currency
        Of the price, by ISO 4217.
    region
        Where the price holds.
    date, source
        Day and address of the price.
    """

    name: Text
    provider: Text
    vcpus: Annotated[int, Field(ge=1)]
    threads_per_core: Annotated[int, Field(ge=1, le=2)] = 2
    shared: bool = False
    memory_bytes: Annotated[int, Field(ge=1)]
    cpu: Text
    flags: tuple[Text, ...] = ()
    accelerator: Text | None = None
    accelerators: Annotated[int, Field(ge=0)] = 0
    price_per_month: Amount
    currency: Currency
    region: Text
    date: date
    source: Text

    @model_validator(mode="after")
    def _check_accelerators(self) -> Self:
        if (self.accelerator is None) != (self.accelerators == 0):
            raise ValueError(
                f"{self.name}: accelerator {self.accelerator!r} with accelerators = "
                f"{self.accelerators}; give the kind and a number above 0, or neither"
            )
        return self

    @property
    def cores(self) -> float:
        """Number of cores."""
        return self.vcpus / self.threads_per_core

    @property
    def price_per_hour(self) -> float:
        """The price of a month by its 730 hours."""
        return self.price_per_month / HOURS_PER_MONTH

    @property
    def label(self) -> str:
        """The price with its currency, day, place and provider."""
        return (
            f"{self.price_per_month:,.2f} {self.currency} per month ({self.provider} "
            f"{self.name}, {self.region}, {self.date.isoformat()})"
        )


class EndpointPrice(FrozenModel):
    """The price of the tokens of a language model at an endpoint.

    Attributes
    ----------
    name
        Name of the model and its endpoint.
    input_per_million, output_per_million
        Price of a million tokens read and generated.
    currency
        Of the price, by ISO 4217.
    date, source
        Day and address of the price.
    """

    name: Text
    input_per_million: Annotated[float, Field(ge=0)]
    output_per_million: Annotated[float, Field(ge=0)]
    currency: Currency
    date: date
    source: Text

    @model_validator(mode="after")
    def _check_price(self) -> Self:
        if self.input_per_million == self.output_per_million == 0:
            raise ValueError(f"{self.name}: a price of 0 for all tokens; give the endpoint's price")
        return self

    def cost(self, read: float, generated: float) -> float:
        """Return the price of some tokens read and some generated."""
        return (self.input_per_million * read + self.output_per_million * generated) / 1e6


class ExchangeRate(FrozenModel):
    """The value of a currency in another.

    Attributes
    ----------
    currency, other
        One unit of `currency` is worth `rate` units of `other`.
    rate
        The value.
    date, source
        Day and address of the rate.
    """

    currency: Currency
    other: Currency
    rate: Amount
    date: date
    source: Text


class PriceTable(FrozenModel):
    """Types of machines with prices, and rates to compare prices in different currencies.

    Attributes
    ----------
    types
        The types, in the order of the file.
    endpoints
        Endpoints of language models; the built-in table has none.
    rates
        One for each pair of currencies, in either direction.
    """

    types: tuple[InstanceType, ...]
    endpoints: tuple[EndpointPrice, ...] = ()
    rates: tuple[ExchangeRate, ...] = ()

    def find(self, name: str, provider: str | None = None) -> InstanceType:
        """Return a type by its name, and by its provider where two have that name.

        Raises
        ------
        PlanError
            No type has the name, or several have.
        """
        found = [one for one in self.types if one.name == name and provider in (None, one.provider)]
        if len(found) == 1:
            return found[0]
        if found:
            where = ", ".join(f"{one.provider} {one.region}" for one in found)
            raise PlanError(f"{name!r} is the name of several types: {where}; give the provider")
        names = dict.fromkeys(one.name for one in self.types)
        raise PlanError(f"the price table has no type {name!r}{did_you_mean(name, names)}")

    def endpoint(self, name: str) -> EndpointPrice:
        """Return an endpoint by its name; `PlanError` when there is none."""
        found = next((one for one in self.endpoints if one.name == name), None)
        if found is None:
            known = [one.name for one in self.endpoints]
            raise PlanError(
                f"the price table has no endpoint {name!r}{did_you_mean(name, known)} Add "
                "[[endpoint]] with its price to the price file"
            )
        return found

    def exchange(self, amount: float, currency: str, other: str) -> float:
        """Return an amount in another currency.

        Raises
        ------
        PlanError
            The table has no rate between the two.
        """
        if currency == other:
            return amount
        for rate in self.rates:
            if (rate.currency, rate.other) == (currency, other):
                return amount * rate.rate
            if (rate.currency, rate.other) == (other, currency):
                return amount / rate.rate
        raise PlanError(
            f"the price table has no rate between {currency} and {other}; add [[rate]] with "
            f'currency = "{currency}", other = "{other}", rate, date and source to the price file'
        )

    def monthly_price(self, kind: InstanceType, currency: str) -> float:
        """Return the price of a type per month in a currency; `PlanError` without a rate."""
        return self.exchange(kind.price_per_month, kind.currency, currency)

    def cheapest_first(self, currency: str) -> tuple[InstanceType, ...]:
        """Return the types by their price in a currency; `PlanError` without a rate."""
        return tuple(sorted(self.types, key=lambda kind: self.monthly_price(kind, currency)))

    def replaced_by(self, other: Self) -> Self:
        """Return the table with the content of another added, or in the place of its like."""
        types = {_key(kind): kind for kind in (*self.types, *other.types)}
        endpoints = {one.name: one for one in (*self.endpoints, *other.endpoints)}
        rates = {frozenset((r.currency, r.other)): r for r in (*self.rates, *other.rates)}
        return type(self)(
            types=tuple(types.values()),
            endpoints=tuple(endpoints.values()),
            rates=tuple(rates.values()),
        )


def _key(kind: InstanceType) -> tuple[str, str, str]:
    return kind.provider, kind.region, kind.name
