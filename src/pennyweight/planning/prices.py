"""Prices of machines from a table in TOML: the built-in one, and a user's own."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from pennyweight.config.frozen import FrozenModel, refusal
from pennyweight.config.prices import (
    HOURS_PER_MONTH,
    EndpointPrice,
    ExchangeRate,
    InstanceType,
    PriceTable,
)
from pennyweight.errors import DataError, PlanError
from pennyweight.planning.accelerators import accelerator

__all__ = ["read_prices"]

_TABLE = Path(__file__).with_name("prices.toml")
_GIB = 2**30

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]


class _Type(FrozenModel):
    """A line of a price file."""

    name: Text
    vcpus: Annotated[int, Field(ge=1)]
    threads_per_core: Annotated[int, Field(ge=1, le=2)] = 2
    shared: bool = False
    memory_gib: Positive
    cpu: Text
    flags: tuple[Text, ...] = ()
    accelerator: Text | None = None
    accelerators: Annotated[int, Field(ge=0)] = 0
    price_per_hour: Positive | None = None
    price_per_month: Positive | None = None

    @model_validator(mode="after")
    def _check_price(self) -> Self:
        if (self.price_per_hour is None) == (self.price_per_month is None):
            raise ValueError(f"{self.name}: give price_per_hour or price_per_month, one of the two")
        return self

    @property
    def monthly(self) -> float:
        """The price of 730 hours."""
        if self.price_per_month is not None:
            return self.price_per_month
        assert self.price_per_hour is not None  # one of the two is checked
        return self.price_per_hour * HOURS_PER_MONTH


class _Provider(FrozenModel):
    """The prices of one provider in one region."""

    name: Text
    region: Text
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    date: date
    source: Text
    types: Annotated[tuple[_Type, ...], Field(min_length=1)]

    def priced(self) -> Iterable[InstanceType]:
        """Yield the types with all that is said of their provider."""
        for line in self.types:
            yield InstanceType(
                name=line.name,
                provider=self.name,
                vcpus=line.vcpus,
                threads_per_core=line.threads_per_core,
                shared=line.shared,
                memory_bytes=round(line.memory_gib * _GIB),
                cpu=line.cpu,
                flags=line.flags,
                accelerator=line.accelerator,
                accelerators=line.accelerators,
                price_per_month=round(line.monthly, 4),
                currency=self.currency,
                region=self.region,
                date=self.date,
                source=self.source,
            )


class _File(FrozenModel):
    """A price file; `replace` leaves out the built-in table."""

    replace: bool = False
    provider: tuple[_Provider, ...] = ()
    endpoint: tuple[EndpointPrice, ...] = ()
    rate: tuple[ExchangeRate, ...] = ()


def read_prices(path: Path | None = None) -> PriceTable:
    """Read the built-in prices and, over them, those of a file.

    Parameters
    ----------
    path
        A TOML file of the same form. Its types are added to the built-in ones, or replace those
        with the same name, provider and region; with ``replace = true`` they are all there is.

    Raises
    ------
    PlanError
        The file cannot be read or is not TOML, a key is unknown or missing, a price is not
        positive, a type is named twice, or an accelerator has no name or number.
    """
    table, _ = _read(_TABLE)
    if path is None:
        return table
    own, alone = _read(path)
    return own if alone else table.replaced_by(own)


def _read(path: Path) -> tuple[PriceTable, bool]:
    """Return the prices of a file, and whether they replace the built-in ones."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: cannot be read as UTF-8: {error.reason}") from error
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{path}: not TOML: {error}") from error
    try:
        # By way of JSON, in which a list may become a tuple and a date is text.
        file = _File.model_validate_json(json.dumps(table, default=str), strict=True)
        types = tuple(kind for provider in file.provider for kind in provider.priced())
    except ValidationError as error:
        raise PlanError(refusal(error, _File, str(path))) from None
    if not (types or file.endpoint or file.rate):
        raise PlanError(
            f"{path}: has neither [[provider]] with types nor [[endpoint]] nor [[rate]]"
        )
    _check(path, types, file)
    return PriceTable(types=types, endpoints=file.endpoint, rates=file.rate), file.replace


def _check(path: Path, types: Iterable[InstanceType], file: _File) -> None:
    """Refuse names that stand twice, and accelerators without published peaks."""
    names = [" ".join((kind.provider, kind.region, kind.name)) for kind in types]
    names += [f"endpoint {one.name}" for one in file.endpoint]
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise PlanError(f"{path}: {', '.join(twice)}: named twice; keep one price of each")
    for kind in types:
        if kind.accelerator is not None:
            try:
                accelerator(kind.accelerator)
            except DataError as error:
                raise PlanError(f"{path}: {kind.name}: {error}") from None
