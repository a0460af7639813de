"""Which bundle a user gets, and who moves when shares change."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.errors import PlanError
from pennyweight.serving.live.variants import BUCKETS, Buckets, Variant, checked_variants

USERS = [f"user {i}" for i in range(4_000)]


def variants(*shares: float) -> tuple[Variant, ...]:
    return tuple(Variant("abcdefgh"[i], share) for i, share in enumerate(shares))


def assigned(buckets: Buckets) -> dict[str, str]:
    return {user: buckets.version_of(user) for user in USERS}


def test_users_divide_as_the_shares_say():
    owners = list(assigned(Buckets.of(variants(0.5, 0.3, 0.2), "salt")).values())
    for version, share in (("a", 0.5), ("b", 0.3), ("c", 0.2)):
        sigma = math.sqrt(share * (1 - share) * len(USERS))
        assert abs(owners.count(version) - share * len(USERS)) < 4 * sigma


def test_with_another_salt_users_mix():
    old, new = (assigned(Buckets.of(variants(0.5, 0.5), salt)) for salt in ("one", "two"))
    stay = sum(old[user] == new[user] for user in USERS)
    assert abs(stay - len(USERS) / 2) < 4 * math.sqrt(len(USERS) / 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0.5, 0.3, 0.2), (0.6, 0.3, 0.1)),
        ((0.9, 0.1), (0.5, 0.5)),
        ((0.25, 0.25, 0.5), (0.5, 0.4, 0.1)),
    ],
)
def test_as_few_users_as_possible_move(before, after):
    old = Buckets.of(variants(*before), "salt")
    new = old.with_shares(variants(*after))
    least = sum(max(0.0, y - x) for x, y in zip(before, after, strict=True))
    assert old.moved(new) == pytest.approx(least)
    was, now = assigned(old), assigned(new)
    growing = {"abc"[i] for i, (x, y) in enumerate(zip(before, after, strict=True)) if y > x}
    moved = [user for user in USERS if was[user] != now[user]]
    assert {now[user] for user in moved} == growing
    assert not {was[user] for user in moved} & growing  # nor from a bundle whose share is the same
    unchanged = {"abc"[i] for i, (x, y) in enumerate(zip(before, after, strict=True)) if x == y}
    assert not {was[user] for user in moved} & unchanged


shares = st.lists(st.integers(1, 1_000), min_size=2, max_size=8)


@given(st.lists(shares, min_size=1, max_size=4))
def test_every_bucket_has_one_owner_after_any_changes(changes):
    n = min(map(len, changes))
    splits = [variants(*(x / sum(row[:n]) for x in row[:n])) for row in changes]
    buckets = Buckets.of(splits[0], "salt")
    for split in splits[1:]:
        buckets = buckets.with_shares(split)
    assert buckets.stops[-1] == BUCKETS and list(buckets.stops) == sorted(set(buckets.stops))
    for variant in splits[-1]:
        assert buckets.sizes()[variant.version] == pytest.approx(variant.share * BUCKETS, abs=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (variants(1.0), "2 to 8"),
        (variants(*[1 / 9] * 8), "add up to 1"),
        (variants(0.5, 0.4), "add up to 1"),
        (variants(1.5, -0.5), "a share of -0.5"),
        (variants(1.0, 0.0), "at least 0.001"),
        ((Variant("a", 0.5), Variant("b", 0.25), Variant("b", 0.25)), "'b' is named twice"),
        (variants(float("nan"), 0.5), "add up to 1"),
    ],
)
def test_variants_that_cannot_share_the_users(wrong, message):
    with pytest.raises(PlanError, match=message):
        checked_variants(wrong)


def test_a_split_without_a_salt_assigns_users_as_before():
    # Earlier versions hashed the id alone and compared it with the share of the first bundle.
    from hashlib import blake2b

    buckets = Buckets.of(variants(0.7, 0.3), "")
    for user in USERS:
        point = int.from_bytes(blake2b(user.encode(), digest_size=8).digest(), "big") / 2**64
        assert buckets.version_of(user) == ("a" if point < 0.7 else "b")
