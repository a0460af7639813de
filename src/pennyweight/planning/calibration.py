"""Calibration: the profile of this machine, measured in less than a minute when it is idle."""

import time
from collections.abc import Callable, Iterable
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.operators import Precision
from pennyweight.machine.machine import Machine
from pennyweight.planning.coefficients import fit_coefficients
from pennyweight.planning.encoding_probe import (
    ENCODING_TERMS,
    thread_speedup,
    timed_batches,
)
from pennyweight.planning.list_probe import list_seconds, timed_lists
from pennyweight.planning.list_shape import LIST_TERMS
from pennyweight.planning.machine_profile import MachineProfile
from pennyweight.planning.service_probe import service_cost
from pennyweight.planning.synthetic import synthetic_recommender
from pennyweight.planning.text_probe import token_seconds

__all__ = ["SECONDS", "STAGES", "calibrate"]

SECONDS = {
    "encoding fp32": 14.0,
    "encoding int8": 10.0,
    "tokens": 3.0,
    "lists": 14.0,
    "service": 8.0,
    "memory": 1.0,
}
STAGES = tuple(SECONDS)
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
SERVED_ITEMS = 500
BLOCK = 1 << 25  # float32 values that are read, more than a cache holds
REPEATS = 3

OnStage = Callable[[str], None]


def calibrate(
    *, seed: int = 0, today: str, on_stage: OnStage = lambda name: None
) -> MachineProfile:
    """Measure this machine.

    Encoders of random weights, made-up recommenders and a service on a port of the loopback
    address are timed. Processor time is counted, so that other work counts little; but the
    profile of a busy machine is worse than that of an idle one.

    Parameters
    ----------
    seed
        Of everything that is made up.
    today
        The day, ISO 8601, for the profile.
    on_stage
        Called with the name of each of `STAGES` before it.
    """
    machine = Machine.measure()
    encoding, errors = {}, {}
    for precision in PRECISIONS:
        on_stage(f"encoding {precision}")
        batches = list(timed_batches(precision, seed=seed))
        fitted = _fit([(batch.terms, batch.seconds) for batch in batches])
        encoding[precision] = _named(ENCODING_TERMS, fitted[0])
        errors[f"encoding {precision}"] = fitted[1]
    on_stage("tokens")
    tokens, speedup = token_seconds(seed=seed), thread_speedup(machine.cores, seed=seed)
    on_stage("lists")
    lists = list(timed_lists(seed=seed))
    coefficients, errors["lists"] = _fit([(timed.shape.terms(), timed.seconds) for timed in lists])
    on_stage("service")
    small = synthetic_recommender(SERVED_ITEMS, dense=(64,), sparse_rows=(20, 20), seed=seed)
    service = service_cost(small, seed=seed)
    alone, _ = list_seconds(small, seed=seed)
    on_stage("memory")
    return MachineProfile(
        cpu=machine.cpu,
        flags=machine.flags,
        cores=machine.cores,
        memory_bytes=machine.memory,
        measured=today,
        pennyweight=version("pennyweight"),
        encoding=encoding,
        thread_speedup=speedup,
        token_seconds=tokens,
        lists=_named(LIST_TERMS, coefficients),
        route_seconds=service.route_seconds,
        list_overhead_seconds=max(0.0, service.list_seconds - alone),
        event_seconds=service.event_seconds,
        base_bytes=service.resident_bytes,
        matrix_gflops=_matrix_gflops(),
        memory_gigabytes_per_second=_read_speed(),
        errors=errors,
    )


def _fit(
    measured: Iterable[tuple[NDArray[np.float64], float]],
) -> tuple[NDArray[np.float64], float]:
    """Return coefficients, and the median of the absolute relative errors."""
    terms, seconds = (np.array(values) for values in zip(*measured, strict=True))
    coefficients = fit_coefficients(terms, seconds)
    return coefficients, float(np.median(np.abs(terms @ coefficients / seconds - 1)))


def _named(names: Iterable[str], values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _matrix_gflops() -> float:
    """Return billions of operations a second in products of matrices, by thread used."""
    rng = np.random.default_rng(0)
    left, right = rng.random((768, 768), np.float32), rng.random((768, 768), np.float32)
    spent = _best(lambda: left @ right, 8)
    return 2 * 768**3 / spent / 1e9


def _read_speed() -> float:
    """Return billions of bytes a second that one thread reads from memory."""
    values = np.ones(BLOCK, np.float32)
    return values.nbytes / _best(lambda: values.max(), 1) / 1e9


def _best(call: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(REPEATS + 1):
        began = time.process_time()
        for _ in range(times):
            call()
        spent.append((time.process_time() - began) / times)
    return max(1e-9, min(spent))
