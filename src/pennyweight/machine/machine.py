"""Memory, cores and other resources of this machine, or of the container of this process."""

import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import psutil

__all__ = [
    "Machine",
    "available_memory",
    "matrix_threads",
    "peak_rss",
    "release_memory",
    "resident_memory",
    "total_memory",
    "usable_cores",
]

ROOT = Path("/")
FLAGS = {
    "avx2": "avx2",
    "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "amx": "amx_int8",
    "bf16": "avx512_bf16",
}


@dataclass(frozen=True)
class Machine:
    """A machine, as this process sees it.

    Attributes
    ----------
    cpu
        Model name of the processor.
    flags
        Those of avx2, avx512f, avx512_vnni, avx_vnni, amx and bf16 that it has.
    cores
        Cores this process may use.
    memory
        Bytes this process may use, if it were alone.
    """

    cpu: str
    flags: tuple[str, ...]
    cores: int
    memory: int

    @classmethod
    def measure(cls, root: Path = ROOT) -> "Machine":
        """Look at the machine; `root` is where ``proc`` and ``sys`` are mounted."""
        info = _fields(root / "proc/cpuinfo")
        present = set(info.get("flags", "").split())
        flags = tuple(name for name, flag in FLAGS.items() if flag in present)
        cpu = info.get("model name", "unknown")
        return cls(cpu, flags, usable_cores(root), total_memory(root))


def usable_cores(root: Path = ROOT) -> int:
    """Return how many cores this process may keep busy: its affinity and cgroup quota."""
    cores = _affinity()
    for text in _cgroup(root, "", "cpu.max"):
        quota, _, period = text.partition(" ")
        if quota != "max":
            cores = min(cores, ceil(int(quota) / int(period or 100_000)))
    for quota, period in zip(
        _cgroup(root, "cpu", "cpu.cfs_quota_us"),
        _cgroup(root, "cpu", "cpu.cfs_period_us"),
        strict=False,
    ):
        if int(quota) > 0:
            cores = min(cores, ceil(int(quota) / int(period)))
    return max(1, cores)


def matrix_threads() -> int:
    """Return the threads for matrix products: the usable cores, or fewer where a variable says so.

    The variables are those that OpenBLAS and OpenMP read themselves, ``OPENBLAS_NUM_THREADS`` and
    ``OMP_NUM_THREADS``.
    """
    named = [os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]
    limits = [int(text) for text in named if text.isdecimal() and int(text)]
    return min([usable_cores(), *limits])


def total_memory(root: Path = ROOT) -> int:
    """Return the bytes of memory of this machine or, where lower, of this container."""
    return min([_meminfo(root, "MemTotal"), *(limit for limit, _ in _limits(root))])


def available_memory(root: Path = ROOT) -> int:
    """Return the bytes this process can still take without swapping or being killed."""
    free = [limit - used for limit, used in _limits(root)]
    return max(0, min([_meminfo(root, "MemAvailable"), *free]))


def peak_rss(root: Path = ROOT) -> int:
    """Return the most resident memory this process has had, in bytes."""
    value = _fields(root / "proc/self/status").get("VmHWM", "")
    if value:
        return int(value.split()[0]) * 1024
    return _highest_resident()


def resident_memory(root: Path = ROOT) -> int:
    """Return the memory this process has now, in bytes."""
    value = _fields(root / "proc/self/status").get("VmRSS", "")
    return int(value.split()[0]) * 1024 if value else int(psutil.Process().memory_info().rss)


def _affinity() -> int:
    """Return the cores that this process may run on; macOS and Windows tell of all alone."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _highest_resident() -> int:
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def _fields(path: Path) -> dict[str, str]:
    """Read ``name: value`` lines, the first of each name."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in reversed(lines))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _meminfo(root: Path, name: str) -> int:
    value = _fields(root / "proc/meminfo").get(name)
    if value is not None:
        return int(value.split()[0]) * 1024
    memory = psutil.virtual_memory()
    return int(memory.total if name == "MemTotal" else memory.available)


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Yield (limit, used) of each memory cgroup; caches the kernel can drop are not used."""
    for controller, limit, usage, inactive in (
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        for folder in _folders(root, controller):
            bound, used = _read(folder / limit), _read(folder / usage)
            if bound and used and bound != "max":
                stat = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
                yield int(bound), max(0, int(used) - int(stat.get(inactive, 0)))


def _cgroup(root: Path, controller: str, name: str) -> Iterator[str]:
    for folder in _folders(root, controller):
        text = _read(folder / name)
        if text:
            yield text


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield this process's cgroup folder and its parents; controller "" is version 2.

    In a container the path may name a folder of the host, so missing ones are skipped.
    """
    mount = root / "sys/fs/cgroup" / controller
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            own = Path(path.lstrip("/"))
            yield from (mount / part for part in (own, *own.parents) if (mount / part).is_dir())


def release_memory() -> bool:
    """Return freed memory to the system; return whether the C library could.

    glibc keeps freed memory between blocks in use; where large blocks come and go for minutes,
    that doubles the memory of the process.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library
        return False
    return bool(trim(0))
