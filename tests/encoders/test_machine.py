import os

import pytest

from pennyweight.machine.machine import (
    Machine,
    available_memory,
    matrix_threads,
    peak_rss,
    release_memory,
    total_memory,
    usable_cores,
)

GIB = 2**30


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    write(tmp_path, "proc/meminfo", f"MemTotal: {16 * 2**20} kB\nMemAvailable: {12 * 2**20} kB\n")
    write(
        tmp_path,
        "proc/cpuinfo",
        "model name\t: Some CPU\nflags\t\t: fpu avx2 avx512_vnni\n\nmodel name\t: second\n",
    )
    write(tmp_path, "proc/self/cgroup", "0::/a/b\n4:memory:/m\n2:cpu,cpuacct:/c\n")
    return tmp_path


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_limits(root):
    machine = Machine.measure(root)
    assert machine == Machine("Some CPU", ("avx2", "avx512_vnni"), 8, 16 * GIB)
    assert available_memory(root) == 12 * GIB


def test_version_2_limits_of_self_and_parents(root):
    write(root, "sys/fs/cgroup/a/b/cpu.max", "max 100000\n")
    write(root, "sys/fs/cgroup/a/cpu.max", "250000 100000\n")
    write(root, "sys/fs/cgroup/a/b/memory.max", f"{4 * GIB}\n")
    write(root, "sys/fs/cgroup/a/b/memory.current", f"{3 * GIB}\n")
    write(root, "sys/fs/cgroup/a/b/memory.stat", f"anon 5\ninactive_file {GIB}\n")
    write(root, "sys/fs/cgroup/a/memory.max", "max\n")
    write(root, "sys/fs/cgroup/a/memory.current", "7\n")
    assert usable_cores(root) == 3
    assert total_memory(root) == 4 * GIB
    assert available_memory(root) == 2 * GIB


def test_version_1_limits_mounted_at_the_root(root):
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n")
    write(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    write(root, "sys/fs/cgroup/memory/m/memory.limit_in_bytes", f"{2 * GIB}\n")
    write(root, "sys/fs/cgroup/memory/m/memory.usage_in_bytes", f"{GIB}\n")
    write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", f"{GIB}\n")
    assert usable_cores(root) == 1
    assert total_memory(root) == 2 * GIB
    assert available_memory(root) == GIB


def test_no_quota(root):
    write(root, "sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "-1\n")
    write(root, "sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n")
    assert usable_cores(root) == 8


@pytest.mark.parametrize(
    ("openblas", "openmp", "threads"),
    [("", "", 8), ("2", "", 2), ("", "3", 3), ("6", "4", 4), ("64", "", 8), ("0", "many", 8)],
)
def test_matrix_products_take_the_cores_or_the_threads_that_a_variable_names(
    monkeypatch, openblas, openmp, threads
):
    monkeypatch.setattr("pennyweight.machine.machine.usable_cores", lambda: 8)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", openblas)
    monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    assert matrix_threads() == threads


def test_peak(tmp_path):
    write(tmp_path, "proc/self/status", "Name: x\nVmHWM:\t  2048 kB\n")
    assert peak_rss(tmp_path) == 2 * 2**20
    assert peak_rss(tmp_path / "none") > 2**20


def test_this_machine():
    machine = Machine.measure()
    assert machine.cores >= 1
    assert 0 < available_memory() <= machine.memory == total_memory()
    assert peak_rss() < machine.memory


def test_where_there_is_no_proc(tmp_path):
    assert total_memory(tmp_path) > 0
    assert Machine.measure(tmp_path).cpu == "unknown"


def test_memory_is_given_back_where_the_c_library_can(monkeypatch):
    assert release_memory() in (True, False)

    def none(name: object) -> object:
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", none)
    assert not release_memory()
