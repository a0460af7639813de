"""A machine and prices with round numbers, so that plans can be computed by hand."""

from datetime import date

from pennyweight.config.capacity import Workload
from pennyweight.config.prices import ExchangeRate, InstanceType, PriceTable
from pennyweight.planning.encoding_probe import ENCODING_TERMS
from pennyweight.planning.list_shape import LIST_TERMS
from pennyweight.planning.machine_profile import MachineProfile

FLAGS = ("avx2", "avx512f", "avx512_vnni")
DAY = date(2026, 1, 2)


def profile(**changes) -> MachineProfile:
    """A list takes 1 ms beside 1 ns for each byte in 8 bits; a request 1 ms more."""
    lists = dict.fromkeys(LIST_TERMS, 0.0) | {"list": 1e-3, "int8_byte": 1e-9, "float_byte": 1e-9}
    encoding = dict.fromkeys(ENCODING_TERMS, 0.0) | {"matrix_product": 1e-11}
    values = {
        "cpu": "Test",
        "flags": FLAGS,
        "cores": 2,
        "memory_bytes": 8 << 30,
        "measured": "2026-01-01",
        "pennyweight": "0",
        "encoding": {"fp32": encoding, "int8": encoding | {"matrix_product": 2e-12}},
        "thread_speedup": 1.8,
        "token_seconds": {"tokenizer": 1e-6, "static": 2e-6, "tfidf": 1e-6},
        "lists": lists,
        "route_seconds": 5e-4,
        "list_overhead_seconds": 1e-3,
        "event_seconds": 1e-4,
        "base_bytes": 200_000_000,
        "matrix_gflops": 50.0,
        "memory_gigabytes_per_second": 10.0,
        "errors": {"lists": 0.05},
    }
    return MachineProfile(**values | changes)


def instance(name: str, price: float, **changes) -> InstanceType:
    values = {
        "name": name,
        "provider": "Cloud",
        "vcpus": 2,
        "memory_bytes": 4 << 30,
        "cpu": "Test",
        "flags": FLAGS,
        "price_per_month": price,
        "currency": "USD",
        "region": "somewhere",
        "date": DAY,
        "source": "https://example.com",
    }
    return InstanceType(**values | changes)


def prices(*types: InstanceType) -> PriceTable:
    rate = ExchangeRate(
        currency="EUR", other="USD", rate=1.25, date=DAY, source="https://example.com"
    )
    some = (instance("small", 10), instance("large", 40, vcpus=8, memory_bytes=32 << 30))
    return PriceTable(types=types or some, rates=(rate,))


def workload(**changes) -> Workload:
    values = {
        "items": 10_000,
        "mean_tokens": 10.0,
        "users": 5_000,
        "events": 100_000,
        "events_per_day": 1_000,
        "requests_per_second": 50.0,
        "latency_seconds": 0.05,
        "churn_per_day": 0.01,
    }
    return Workload(**values | changes)
