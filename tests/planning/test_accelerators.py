import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.errors import DataError
from pennyweight.machine.machine import Machine
from pennyweight.planning.accelerators import accelerator, accelerators, core_family, roofline
from pennyweight.planning.prices import read_prices

SIZES = st.floats(1e3, 1e18)


def test_peaks_by_hand():
    made = accelerator("l4")
    assert (made.name, made.memory_bytes, made.bandwidth) == ("L4", 24 * 10**9, 300e9)
    assert made.peak("bf16") == made.peak("fp16") == 121e12
    assert (made.peak("fp32"), made.peak("int8"), made.watts) == (30.3e12, 242e12, 72)


def test_the_longer_of_arithmetic_and_memory_is_the_time():
    made = accelerator("L4")
    assert made.seconds(242e12, 0, "int8") == 1
    assert made.seconds(0, 600e9, "int8") == 2
    assert made.seconds(121e12, 600e9, "bf16") == 2  # they overlap


@given(SIZES, SIZES, SIZES, SIZES)
def test_the_roofline_is_above_neither_of_its_lines(operations, nbytes, peak, bandwidth):
    seconds = roofline(operations, nbytes, peak=peak, bandwidth=bandwidth)
    assert operations / seconds <= peak * (1 + 1e-12)
    assert nbytes / seconds <= bandwidth * (1 + 1e-12)
    twice = roofline(2 * operations, 2 * nbytes, peak=peak, bandwidth=bandwidth)
    assert twice == pytest.approx(2 * seconds)


def test_published_peaks_are_plausible():
    for made in accelerators().values():
        assert made.source.startswith("https://")
        assert 1.9 <= made.int8 / made.half <= 2.1, made.name
        assert made.fp32 is None or made.fp32 < made.half
        assert 10e9 <= made.memory_bytes <= 200e9
        assert 10 <= made.half / made.bandwidth <= 450, made.name  # operations a byte


def test_every_priced_accelerator_has_peaks():
    kinds = [kind for kind in read_prices().types if kind.accelerator is not None]
    assert len(kinds) >= 10
    for kind in kinds:
        assert accelerator(kind.accelerator).memory_bytes > 0


@pytest.mark.parametrize(
    "flags, name, int8",
    [
        (("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx", "bf16"), "amx", 2048),
        (
            ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "bf16"),
            "avx512_vnni, avx_vnni and bf16",
            256,
        ),
        (("avx2", "avx512f", "avx512_vnni", "bf16"), "avx512_vnni and bf16", 128),
        (("avx512_vnni", "avx2", "avx512f"), "avx512_vnni", 256),
        (("avx2", "avx512f"), "avx512f", 85),
        (("avx2", "avx_vnni"), "avx_vnni", 128),
        (("avx2",), "avx2", 64),
        ((), "others", 64),
    ],
)
def test_the_family_of_a_processor_is_by_its_flags(flags, name, int8):
    family = core_family(flags)
    assert family.name == name
    assert family.peak("int8", 2, 3e9) == int8 * 2 * 3e9
    assert family.half >= family.fp32
    assert 1e9 <= family.bandwidth <= 20e9


def test_this_machine_has_a_family():
    assert core_family(Machine.measure().flags).peak("fp32", 1) > 0


def test_names_and_formats_that_are_unknown_are_refused():
    with pytest.raises(DataError, match=r"accelerator 'H101' .*; did you mean 'H100'"):
        accelerator("H101")
    with pytest.raises(ValueError, match=r"format 'int4'; did you mean 'int8'"):
        accelerator("T4").peak("int4")
    with pytest.raises(ValueError, match="TPU-v5e has no published peak in fp32"):
        accelerator("TPU-v5e").peak("fp32")
