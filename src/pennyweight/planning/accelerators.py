"""Published peaks of accelerators and processors, and the time of a kernel by the roofline."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pennyweight.errors import DataError, did_you_mean

__all__ = ["Accelerator", "CoreFamily", "accelerator", "accelerators", "core_family", "roofline"]

_TABLE = Path(__file__).with_name("accelerators.toml")
DEFAULT_CLOCK = 2.5e9  # Hz of all cores under vector instructions, where none is given
# Formats of values -> the peak that holds for their products.
_PEAKS = {"fp32": "fp32", "fp16": "half", "bf16": "half", "int8": "int8"}


@dataclass(frozen=True)
class Accelerator:
    """An accelerator by its data sheet; what a program reaches is less.

    Attributes
    ----------
    name
        Such as ``L4``.
    fp32, half, int8
        Operations a second of dense matrix products, in 32 bits, in 16 bits, and in integers of
        8 bits; None where no number is published.
    memory_bytes
        Bytes of its memory.
    bandwidth
        Bytes a second of its memory.
    watts
        Power at full load; None where no number is published.
    source
        Address of the numbers.
    """

    name: str
    fp32: float | None
    half: float
    int8: float
    memory_bytes: int
    bandwidth: float
    watts: float | None
    source: str

    def peak(self, dtype: str) -> float:
        """Return the operations a second in a format: ``fp32``, ``fp16``, ``bf16`` or ``int8``.

        Raises
        ------
        ValueError
            The format is unknown, or the accelerator has no published peak in it.
        """
        value = _peak(self, dtype)
        if value is None:
            raise ValueError(f"{self.name} has no published peak in {dtype}; plan with bf16")
        return value

    def seconds(self, operations: float, nbytes: float, dtype: str) -> float:
        """Return the least time of some operations that move some bytes of its memory."""
        return roofline(operations, nbytes, peak=self.peak(dtype), bandwidth=self.bandwidth)


@dataclass(frozen=True)
class CoreFamily:
    """Cores of processors with the same vector instructions, by their manuals.

    Attributes
    ----------
    name
        The features that the family is named by.
    flags
        Features that a machine of the family has.
    fp32, half, int8
        Operations in a cycle of a core; without instructions for 16 bits as in 32 bits.
    bandwidth
        Bytes a second of memory for each core, while all cores of the processor read.
    example
        The processor that the bandwidth is of.
    source
        Address of the manual.
    """

    name: str
    flags: frozenset[str]
    fp32: float
    half: float
    int8: float
    bandwidth: float
    example: str
    source: str

    def peak(self, dtype: str, cores: float, clock: float = DEFAULT_CLOCK) -> float:
        """Return the operations a second of some cores.

        Parameters
        ----------
        dtype
            ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        cores
            Number of cores; two threads of one core are one.
        clock
            Cycles a second.

        Raises
        ------
        ValueError
            The format is unknown.
        """
        return float(_peak(self, dtype) or 0) * cores * clock


def roofline(operations: float, nbytes: float, *, peak: float, bandwidth: float) -> float:
    """Return the least seconds of a kernel: the longer of its arithmetic and its memory traffic.

    Parameters
    ----------
    operations
        Number of operations.
    nbytes
        Bytes read and written.
    peak
        Operations a second.
    bandwidth
        Bytes a second.

    Notes
    -----
    Williams, Waterman and Patterson 2009, "Roofline". It is a lower limit.
    """
    return max(operations / peak, nbytes / bandwidth)


@cache
def accelerators() -> Mapping[str, Accelerator]:
    """Return the accelerators of the table: name -> peaks."""
    return {
        name: Accelerator(
            name=name,
            fp32=entry["fp32"] * 1e12 if "fp32" in entry else None,
            half=entry["half"] * 1e12,
            int8=entry["int8"] * 1e12,
            memory_bytes=round(entry["memory"] * 1e9),
            bandwidth=entry["bandwidth"] * 1e9,
            watts=entry.get("watts"),
            source=entry["source"],
        )
        for name, entry in _table()["accelerator"].items()
    }


def accelerator(name: str) -> Accelerator:
    """Return an accelerator by its name; upper and lower case are the same.

    Raises
    ------
    DataError
        The table has none of this name.
    """
    table = accelerators()
    names = {known.lower(): known for known in table}
    if name.lower() not in names:
        raise DataError(
            f"accelerator {name!r} has no published peaks here{did_you_mean(name, table)} "
            f"Known are {', '.join(table)}"
        )
    return table[names[name.lower()]]


def core_family(flags: Collection[str]) -> CoreFamily:
    """Return the family of a processor by its flags, as `Machine` names them."""
    present = set(flags)
    return next(family for family in _core_families() if family.flags <= present)


@cache
def _core_families() -> tuple[CoreFamily, ...]:
    return tuple(
        CoreFamily(
            name=entry["name"],
            flags=frozenset(entry["flags"]),
            fp32=entry["fp32"],
            half=entry["half"],
            int8=entry["int8"],
            bandwidth=entry["bandwidth"] * 1e9,
            example=entry["example"],
            source=entry["source"],
        )
        for entry in _table()["cpu"]
    )


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def _peak(peaks: Accelerator | CoreFamily, dtype: str) -> float | None:
    if dtype not in _PEAKS:
        raise ValueError(
            f"format {dtype!r}{did_you_mean(dtype, _PEAKS)} One of {', '.join(_PEAKS)}"
        )
    values = {"fp32": peaks.fp32, "half": peaks.half, "int8": peaks.int8}
    return values[_PEAKS[dtype]]
