r"""Words that databases, spreadsheets and programs write for a missing value.

Some of these words mean nothing else (``\N``, ``(not set)``, ``NaN``); others may be a value
(``None``, ``NA``, ``-``), which the rest of the column decides.
"""

import re
import shlex
from collections.abc import Collection, Sequence
from itertools import islice

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning_log import Findings
from pennyweight.errors import in_list

__all__ = [
    "blanked",
    "few_texts",
    "is_missing",
    "is_missing_id",
    "missing_ids",
    "missing_values",
    "note_crowds",
]

# Compared with case: "Nan" and "Null" are names of people.
_SURE = {
    "",
    r"\N",
    "NULL",
    "null",
    "NaN",
    "nan",
    "NAN",
    "-nan",
    "-NaN",
    "NaT",
    "<NA>",
    "<na>",
    "<null>",
    "<NULL>",
    "<none>",
    "<None>",
    "[null]",
    "[NULL]",
    "(null)",
    "(NULL)",
    "(none)",
    "(None)",
    "(not set)",
    "(not provided)",
    "(blank)",
    "(empty)",
    "#N/A",
    "#NA",
    "#N/A N/A",
    "#NULL!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#DIV/0!",
    "#NUM!",
    "1.#QNAN",
    "-1.#IND",
    "1.#IND",
    "-1.#QNAN",
    "undefined",
    "N/A",
    "n/a",
    "NOT SET",
    "not set",
    "\\\\N",
    "''",
    '""',
    "%null%",
    "(no genres listed)",
}
_LIKELY = {
    "None",
    "none",
    "NONE",
    "NA",
    "N.A.",
    "n.a.",
    "Null",
    "Nan",
    "nil",
    "NIL",
    "-",
    "--",
    "---",
    "—",
    "–",
    "?",
    "??",
    ".",
    "Undefined",
    "N/a",
    "missing",
    "MISSING",
}
_VALUES = _LIKELY - {"none", "NONE", "Null", "Nan", "nil", "NIL", "missing", "MISSING"}
# Ids that programs give to all users without one, and that no person has.
_ANONYMOUS = {
    "guest",
    "anonymous",
    "anonymoususer",
    "unknown",
    "nobody",
    "notloggedin",
    "loggedout",
    "visitor",
    "0" * 32,
    "f" * 32,
}
# Such ids, and others that a person may have too.
_CROWD = _ANONYMOUS | {
    "anon",
    "0",
    "public",
    "default",
    "test",
    "user",
    "none",
    "null",
    "nan",
    "na",
    "nil",
    "undefined",
    "missing",
    "",
    "99999",
    "999999",
    "9999",
    "system",
    "admin",
}
_MINUS = ("-", "–")
_BLANK = re.compile(r"[\s\u00a0\u2000-\u200d\u2060\ufeff]*")
_SHARE = 0.05  # share of all events above which a user is hardly one person
_FEW_EVENTS = 20  # a user with fewer events than this stands for one person


def is_missing(text: str) -> bool:
    """Say whether a text is blank or a word that means nothing but a missing value."""
    return text.strip() in _SURE or _BLANK.fullmatch(text) is not None


def blanked(column: pl.Series) -> pl.Series:
    """Return a column with null for blanks and all words for missing values.

    For columns of few words and of numbers, in which none of these words is a value.
    """
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return column
    texts = column.cast(pl.String)
    words = texts.drop_nulls().unique()
    short = words.filter(words.str.len_chars() < 40).to_list()
    missing = [word for word in short if is_missing(word) or word.strip() in _LIKELY]
    if any(word.strip() == "+" for word in short):  # beside it a dash is a minus
        missing = [word for word in missing if word.strip() not in _MINUS]
    if not missing:
        return texts
    return texts.set(texts.is_in(missing).fill_null(False), None)


def few_texts(column: pl.Series, limit: int) -> list[str]:
    """Return the distinct texts of a column, or none if there are more than `limit`."""
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return []
    for part in (column.head(10_000), column):  # most columns of many texts end here
        texts = blanked(part).cast(pl.String).str.strip_chars().drop_nulls().unique()
        if len(texts) > limit:
            return []
    return list(texts.to_list())


def missing_values(column: pl.Series, findings: Findings) -> pl.Series:
    """Return a column of texts with null for words for missing values, and note them.

    ``None``, ``NA``, ``-`` and ``?`` are values where a column of names has them once, and ``NA``
    is one among other codes of two letters.
    """
    words = column.drop_nulls().unique()
    blank = words.filter(words.str.strip_chars() == "").to_list()
    stripped = {word: word.strip() for word in words.to_list() if len(word) < 40}
    certain = [w for w, bare in stripped.items() if w not in blank and is_missing(bare)]
    likely = [w for w, bare in stripped.items() if bare in _VALUES]
    if likely:
        likely = _not_values(column, words, likely)
    missing = column.is_in([*certain, *likely])
    findings.add(
        "items",
        f"{column.name}: a word for a missing value",
        int(missing.sum() or 0),
        "changed",
        map(repr, sorted([*certain, *likely])[:3]),
    )
    return column.set(missing | column.is_in(blank), None)


def _not_values(column: pl.Series, words: pl.Series, likely: list[str]) -> list[str]:
    """Return the words that could be values and stand for missing ones in this column."""
    counts = dict(column.value_counts().iter_rows())
    if 2 * len(words) > len(column) - column.null_count():  # most values occur once: names
        likely = [word for word in likely if counts[word] > 1]
    others = words.filter(~words.is_in(likely))
    codes = others.str.contains(r"^\s*[A-Z]{2}\s*$").sum()
    return [word for word in likely if word.strip() != "NA" or 2 * codes <= len(others)]


def missing_ids(
    ids: pl.Series, extra: Collection[str] | None, known_ids: Collection[str] = ()
) -> tuple[pl.Series, dict[str, int]]:
    """Return ids with null for words for missing values, and the count of each word.

    Parameters
    ----------
    ids
        Ids as strings.
    extra
        More ids that stand for missing ones; empty, no word does.
    known_ids
        Ids that exist, whatever they look like: those of the catalog.
    """
    if extra is not None and not extra:
        return ids, {}
    names = ids.drop_nulls().unique()
    extra_words = {word.strip() for word in extra or ()}
    missing, likely = [], []
    for name in (names if extra_words else names.filter(names.str.len_chars() < 40)).to_list():
        bare = name.strip()
        if bare in extra_words or (is_missing(bare) and (not bare or name not in known_ids)):
            missing.append(name)
        elif bare in _LIKELY and name not in known_ids:
            likely.append(name)
    if likely:
        missing += _not_ids(names, [*missing, *likely], likely)
    if not missing:
        return ids, {}
    out = ids.is_in(missing)
    counts = dict(ids.filter(out).value_counts(sort=True).iter_rows())
    return ids.set(out, None), counts


def is_missing_id(name: str, extra: Collection[str] | None, known_ids: Collection[str]) -> bool:
    """Say whether one id stands for a missing one, by the rules of `missing_ids`.

    Parameters
    ----------
    name
        The id.
    extra
        More ids that stand for missing ones; empty, no word does.
    known_ids
        Ids of the same kind that exist.
    """
    bare = name.strip()
    if (extra is not None and not extra) or name in known_ids:
        return False
    if is_missing(bare) or bare in {word.strip() for word in extra or ()}:
        return True
    return bare in _LIKELY and _have_digits(
        pl.Series([*islice(known_ids, 10_000)], dtype=pl.String)
    )


def _not_ids(names: pl.Series, words: list[str], likely: list[str]) -> list[str]:
    """Return the words if all other ids have a digit: none of these is a nickname."""
    others = names.filter(~names.is_in(words))
    return likely if _have_digits(others) else []


def _have_digits(ids: pl.Series) -> bool:
    return len(ids) > 0 and bool(ids.str.contains(r"\d").mean() >= 0.95)  # type: ignore[operator]


def note_crowds(names: Sequence[str], counts: NDArray[np.int64], findings: Findings) -> None:
    """Note users with more events than one person has: an id that stands for many people.

    Parameters
    ----------
    names
        Ids of users.
    counts
        Their events, int64 (n_users,).
    """
    if len(counts) == 1 and counts[0] >= _FEW_EVENTS:
        findings.add(
            "events",
            f"user {names[0]!r} alone has 100 % of all events (the median is "
            f"{counts[0]:g}): no list can be personal. If another column holds the users, "
            "choose it with --user-column NAME, columns={'user': NAME}",
            int(counts[0]),
            "noted",
        )
    if len(counts) < 5:
        return
    order = np.argsort(-counts, kind="stable")
    ranked, total, usual = counts[order], int(counts.sum()), float(np.median(counts))
    steps = [
        i
        for i in range(1, min(6, len(counts)))
        if ranked[i - 1] >= 4 * ranked[i] and ranked[i - 1] >= _SHARE * total
    ]
    suspects = set(order[: max(steps, default=0)].tolist())
    ids = pl.Series(names, dtype=pl.String)
    bare = ids.str.replace_all(r"[\W_]+", "").str.to_lowercase()
    crowds = (bare.is_in(list(_CROWD)) | (ids == "-1")).to_numpy()
    suspects |= set(np.flatnonzero(crowds & (counts >= max(3 * usual, 0.02 * total))).tolist())
    anonymous = np.flatnonzero(bare.is_in(list(_ANONYMOUS)).to_numpy() & (counts > 1))
    _note_likely_crowds(anonymous.tolist(), names, counts, suspects, findings)
    for code in sorted(suspects, key=lambda code: -counts[code]):
        share = counts[code] / total
        if counts[code] < _FEW_EVENTS:
            continue
        name = names[code]
        findings.add(
            "events",
            f"user {name!r} alone has {100 * share:.0f} % of all events (the "
            f"median is {usual:g}): if this id stands for many people, drop it with "
            f"--missing-ids {shlex.quote(in_list(name))}, missing_ids=[{name!r}]",
            int(counts[code]),
            "noted",
        )


def _note_likely_crowds(
    anonymous: Sequence[int],
    names: Sequence[str],
    counts: NDArray[np.int64],
    suspects: set[int],
    findings: Findings,
) -> None:
    """Note users such as ``guest`` that are no names of people, whatever their events."""
    for code in anonymous:
        if code in suspects and counts[code] >= _FEW_EVENTS:
            continue  # noted with its share
        name = names[code]
        findings.add(
            "events",
            f"user {name!r} counts as one person: if this id stands for many people, drop it with "
            f"--missing-ids {shlex.quote(in_list(name))}, missing_ids=[{name!r}]",
            int(counts[code]),
            "noted",
        )
