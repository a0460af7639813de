import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.config.budget import Budget, parse_bytes, parse_share
from pennyweight.errors import PlanError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("25MB", 25_000_000),
        ("3GiB", 3 << 30),
        ("1.5 kib", 1536),
        (".5gb", 500_000_000),
        ("800", 800),
        ("12B", 12),
        (" 1TB ", 10**12),
        (7, 7),
    ],
)
def test_bytes(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.5 %", 0.005), ("0.02", 0.02)])
def test_shares(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "MB", "25XB", "-3MB", "1%", "1e9", "3 iB", "1,000"])
def test_no_size(text):
    with pytest.raises(PlanError, match="is not a size; write 25MB"):
        parse_bytes(text)


@given(st.integers(0, 2**50))
def test_bytes_round_trip(n):
    assert parse_bytes(str(n)) == n
    assert parse_bytes(f"{n}KiB") == n << 10


def test_budget():
    budget = Budget.parse({"max_encoder_bytes": "25MB", "max_loss": "1%", "max_ms_per_text": 2})
    assert budget == Budget(max_encoder_bytes=25_000_000, max_loss=0.01, max_ms_per_text=2.0)
    assert budget.memory_bytes is None
    assert Budget.parse({}) == Budget()
    assert budget.tasks is None


@pytest.mark.parametrize("value", ["lists,search", "lists + search", ["lists", "search"]])
def test_tasks(value):
    budget = Budget.parse({"tasks": value})
    assert budget.tasks == ("lists", "search")
    assert budget.unlimited and not Budget.parse({"tasks": value, "max_loss": "1%"}).unlimited


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"max_encoder_byte": 3}, "did you mean 'max_encoder_bytes'"),
        ({"max_encoder_bytes": "25XB"}, "'25XB' is not a size"),
        ({"tasks": "lists,serach"}, "'serach' is not one of .*; did you mean 'search'"),
        ({"tasks": "lists,lists"}, "each once"),
        ({"tasks": []}, "one task or more"),
        ({"max_loss": "150%"}, "must be 1 or less"),
        ({"memory_bytes": 0}, "must be above 0"),
        ({"max_ms_per_text": float("nan")}, "finite"),
    ],
)
def test_refusals(values, match):
    with pytest.raises(PlanError, match=match):
        Budget.parse(values)
