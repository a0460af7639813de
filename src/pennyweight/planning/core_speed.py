"""The speed of a core of a machine that was not measured, from its instructions."""

from dataclasses import dataclass

from pennyweight.config.prices import InstanceType
from pennyweight.encoders.operators import Precision
from pennyweight.planning.accelerators import core_family
from pennyweight.planning.machine_profile import MachineProfile

__all__ = ["CoreSpeed", "core_speed"]

SHARED = 0.8  # of a core that other customers use too


@dataclass(frozen=True)
class CoreSpeed:
    """The speed of a core relative to one of the measured machine, by kind of work.

    Attributes
    ----------
    scalar
        Of Python and all else that is no product of matrices.
    fp32, int8
        Of products of matrices.
    memory
        Of reading from memory.
    """

    scalar: float = 1.0
    fp32: float = 1.0
    int8: float = 1.0
    memory: float = 1.0

    def products(self, precision: Precision) -> float:
        """Return the speed of products of matrices in a precision."""
        return self.int8 if precision == "int8" else self.fp32


def core_speed(profile: MachineProfile, instance: InstanceType) -> CoreSpeed:
    """Return the speed of a core of a machine relative to one of the measured machine.

    Operations in a cycle and bandwidth are those of the family of the processor; the clocks count
    as equal.
    """
    ours, theirs = core_family(profile.flags), core_family(instance.flags)
    free = SHARED if instance.shared else 1.0
    return CoreSpeed(
        scalar=free,
        fp32=free * theirs.peak("fp32", 1) / ours.peak("fp32", 1),
        int8=free * theirs.peak("int8", 1) / ours.peak("int8", 1),
        memory=free * theirs.bandwidth / ours.bandwidth,
    )
