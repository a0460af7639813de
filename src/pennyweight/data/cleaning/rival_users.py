"""Another column that may hold the users: a buyer beside the employee who served them."""

import re
from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option
from pennyweight.errors import DataError

__all__ = ["check_rivals"]

_BUYER = re.compile(
    r"customers?|buyers?|partner|member|reviewer|shopper|patron|subscriber|person|purchaser"
    r"|consumer|guest|contact|student|reader|kunden?|kundin|cliente|klant|klient|kund|acheteur|comprador|acquirente"
)
_BROWSER = re.compile(
    r"e?mail|cookies?|visitor|client|device|browser|fingerprint|anonymous|user|account"
)
_BESIDE = re.compile(
    r"id|ids|no|nr|number|key|code|uuid|guid|hash|unique|email|mail|ref|num|nummer|numero|anonymous"
)
_FAR_MORE = 3  # factor between the numbers of values
_FILLED = 0.5
_MIN_ROWS = 20
_AGENT = r"^(Mozilla|Opera|curl|okhttp|Dalvik|python-requests|Googlebot)\S*/\d"


def check_rivals(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    overrides: Mapping[str, str | None],
    source: str,
    findings: Findings,
) -> None:
    """Ask or note where another column is named like users and has far more values.

    Raises
    ------
    DataError
        A buyer has several users, or the users are programs: each may be an employee.
    """
    if "user" in overrides or frame.height < _MIN_ROWS or frame[roles["user"]].dtype.is_nested():
        return
    user = frame[roles["user"]]
    users = user.drop_nulls().n_unique()
    agents = user.dtype == pl.String and _are_agents(user.drop_nulls())
    for name in frame.columns:
        buyer = _is_named(name, _BUYER)
        if name in roles.values() or not (buyer or _is_named(name, _BROWSER)):
            continue
        rival = frame[name]
        if rival.dtype.is_nested() or rival.dtype.is_float() or rival.dtype == pl.Object:
            continue
        count = rival.drop_nulls().n_unique()
        if rival.is_not_null().mean() < _FILLED or count < _FAR_MORE * users:  # type: ignore[operator]
            continue
        if agents or buyer or not _is_nested(frame, roles["user"], name):
            if count > 0.9 * frame.height and not buyer:  # nearly unique: ids of requests
                continue
            raise DataError(
                f"{source}: {roles['user']!r} has {users:,} values, and {name!r}, which is named "
                f"like users too, {count:,}. Who is the user? {column_option('user', name)}, if "
                f"{roles['user']!r} is an employee, a shop or a program; else "
                f"{column_option('user', roles['user'])}"
            )
        findings.add(
            "events",
            f"{name!r} has {count:,} values, and {roles['user']!r}, which is taken "
            f"for the user, {users:,} (--user-column {name!r} takes the other)",
            frame.height,
            "noted",
        )


def _are_agents(user: pl.Series) -> bool:
    return 2 * int(user.str.contains(_AGENT).sum()) > len(user)


def _is_named(name: str, pattern: re.Pattern[str]) -> bool:
    words = words_of(name)
    return any(pattern.fullmatch(word) for word in words) and all(
        pattern.fullmatch(word) or _BESIDE.fullmatch(word) for word in words
    )


def _is_nested(frame: pl.DataFrame, outer: str, inner: str) -> bool:
    """Say whether each value of a column belongs to one user, as sessions and browsers do."""
    owners = frame.lazy().select(outer=pl.col(outer), inner=pl.col(inner)).drop_nulls()
    groups = owners.group_by("inner").agg(pl.col("outer").n_unique().alias("n")).collect()["n"]
    return bool((groups > 1).mean() <= 0.1)  # type: ignore[operator]
