"""The speed of a core of a machine that was not measured, from its instructions."""

from pennyweight.config.prices import InstanceType
from pennyweight.planning.machine_profile import MachineProfile

__all__ = ["core_speed"]

# Speed in float32 and in 8 bits together relative to a core with AVX-512 and VNNI.
VECTORS = {"amx": 1.1, "avx512_vnni": 1.0, "avx_vnni": 0.9, "avx512f": 0.7, "avx2": 0.55}
WITHOUT = 0.35
SHARED = 0.8  # of a core that other customers use too


def core_speed(profile: MachineProfile, instance: InstanceType) -> float:
    """Return the speed of a thread of a machine relative to one of the measured machine."""
    speed = _speed(instance.flags) / _speed(profile.flags)
    return speed * (SHARED if instance.shared else 1.0)


def _speed(flags: tuple[str, ...]) -> float:
    return max((VECTORS[flag] for flag in flags if flag in VECTORS), default=WITHOUT)
