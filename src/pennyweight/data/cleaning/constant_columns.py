"""Columns that describe users or items, and not single events."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning_log import Findings

__all__ = ["constant_of", "note_if_constant"]

_ODD = 0.05  # share of users or items that may have several values all the same
_EVIDENCE = 6.0  # users or items that should have several values if shuffled


def constant_of(frame: pl.DataFrame, column: str, roles: Mapping[str, str]) -> str | None:
    """Return ``user`` or ``item`` where each has one value of a column, as an attribute has.

    Chance does that too where nearly all rows have one value or few rows share a user. So the users
    with several values must be far fewer than they would be with shuffled values.
    """
    if frame[column].dtype.is_nested() or frame[column].dtype == pl.Object:
        return None
    values = frame.lazy().select(
        value=pl.col(column), user=pl.col(roles["user"]), item=pl.col(roles["item"])
    )
    values = values.filter(pl.col("value").is_not_null())
    counts = values.group_by("value").len().collect()["len"].cast(pl.Float64)
    shares = (counts / max(1.0, float(counts.sum()))).to_numpy()
    for role in ("user", "item"):
        groups = (
            values.drop_nulls(role)
            .group_by(role)
            .agg(pl.len().alias("n"), pl.col("value").n_unique().alias("values"))
            .filter(pl.col("n") > 1)
            .group_by("n")
            .agg(pl.len().alias("groups"), (pl.col("values") > 1).sum().alias("varied"))
            .collect()
        )
        total, varied = int(groups["groups"].sum()), int(groups["varied"].sum())
        expected = sum(
            number * (1.0 - float((shares**size).sum()))
            for size, number in groups.select("n", "groups").iter_rows()
        )
        if expected >= _EVIDENCE and varied <= min(_ODD * total, 0.1 * expected):
            return role
    return None


def note_if_constant(
    frame: pl.DataFrame,
    name: str,
    roles: Mapping[str, str],
    findings: Findings,
    use: str,
    option: str,
) -> bool:
    """Say whether a column has one value a user or an item; if so, note that it is not used."""
    role = constant_of(frame, name, roles)
    if role is not None:
        findings.add(
            "events",
            f"{name!r} has one value {'a user' if role == 'user' else 'an item'}: "
            f"not used as the {use} ({option} {name!r} does)",
            frame.height,
            "noted",
        )
    return role is not None
