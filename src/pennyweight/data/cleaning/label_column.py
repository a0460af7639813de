"""The column that stands for event types where none is named like one."""

import re
from collections.abc import Collection, Mapping

import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of, note_if_constant
from pennyweight.data.cleaning.event_types import is_vague, least_certain
from pennyweight.data.cleaning.labels import (
    MAX_TYPES,
    answer_of,
    answers_of,
    is_deed,
    is_label,
    is_mark,
    is_opinion,
    is_undoing,
    is_vote,
    names_types,
)
from pennyweight.data.cleaning.machine_rows import is_machine_flag
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.rating_names import is_rating_name
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option, has_role
from pennyweight.errors import DataError

__all__ = ["label_column"]

# Columns in which up and down, or good and bad, are opinions.
_OPINIONS = re.compile(
    r"vot|thumb|react|r[eé]acti|opinion|opini|feedback|like|lik|sentiment|avis|meinung|stimme|event|evento"
    r"|evenement|ereignis|acci[oó]n|aktion|a[cç][aã]o|azione|actie|verdict|judg|urteil|smiley|emoji|bewert"
    r"|valora|avalia|satisf|zufrieden|swipe|response|rating|rated|taste|prefer|mood|label|signal"
)
_PAGE = re.compile("page|url|referr|screen|path")  # page views are events themselves
_MIN_ROWS = 20  # smallest log in which a column is examined


def label_column(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    source: str,
    findings: Findings,
    *,
    excluded: Collection[str] = (),
) -> str | None:
    """Return the column that stands for event types where none is named like one, or None.

    A column of 0 and 1 such as ``clicked``, or one whose values are names of types, among them one
    that is no liking. A column with a single value a user or an item is none, nor are the
    `excluded` ones.

    Raises
    ------
    DataError
        Several columns could be it, or 0 may mean two things.
    """
    free = [name for name in frame.columns if name not in {*roles.values(), *excluded}]
    labels = [name for name in free if is_label(name) and _is_binary(frame[name], name)]
    labels = [name for name in labels if not _is_attribute(frame, name, roles, findings)]
    marks = [name for name in labels if is_mark(name)]
    viewed = any(_PAGE.search(name.casefold()) for name in free)
    if marks and (has_role(frame.columns, "quantity") or (viewed and labels == marks)):
        labels = [name for name in labels if name not in marks]
        _note_marks(frame, marks, source, findings)
    if len(labels) > 1:
        raise DataError(
            f"{source}: the columns {', '.join(map(repr, labels[:6]))} each say with 0 and 1 "
            f"whether something happened. Choose the one that counts with "
            f"{column_option('type', labels[0])}; --type-column '' counts every row"
        )
    if not labels and not marks:
        labels = [name for name in free if names_types(frame[name])]
        labels = [name for name in labels if not _is_attribute(frame, name, roles, findings)]
    if len(labels) > 1:
        raise DataError(
            f"{source}: by their values the columns {', '.join(map(repr, labels[:6]))} could each "
            f"hold the types of the events. Choose one with {column_option('type', labels[0])}; "
            "--type-column '' counts every row as liking"
        )
    if labels and not is_label(labels[0]):
        _ask_about_vague(frame[labels[0]], source)
    if not labels and not marks:
        _note_unused(frame, [name for name in free if name not in roles.values()], roles, findings)
    return labels[0] if labels else None


def _ask_about_vague(column: pl.Series, source: str) -> None:
    """Stop where words such as up and down or good and bad may be of anything."""
    if _OPINIONS.search(column.name.casefold()) or is_rating_name(column.name):
        return
    values = blanked(column).cast(pl.String).drop_nulls().unique().to_list()
    if all(map(is_vague, values)):
        example = least_certain(values)
        signed = example.rstrip("0").rstrip(".") in ("-1", "−1")
        pieces = f"if it is a number of pieces, {column_option('quantity', column.name)}; "
        raise DataError(
            f"{source}: column {column.name!r} has values such as {example!r}, which "
            f"may say the opposite of liking. If so, {column_option('type', column.name)}; "
            f"{pieces if signed else ''}if it says nothing of the items, "
            f"{column_option('type', None)}"
        )


def _note_unused(
    frame: pl.DataFrame, free: list[str], roles: Mapping[str, str], findings: Findings
) -> None:
    """Note the only other column if it is of 0 and 1: 0 may mean that nothing happened."""
    if (
        len(free) != 1
        or frame.height < _MIN_ROWS
        or is_undoing(free[0])
        or is_machine_flag(free[0])
    ):
        return
    words = answers_of(frame[free[0]])
    if words is None or words.n_unique() < 2 or constant_of(frame, free[0], roles):
        return
    findings.add(
        "events",
        f"{free[0]!r} is not used: if 0 in it says that there was no event, use "
        f"--type-column {free[0]!r}",
        frame.height,
        "noted",
    )


def _is_attribute(
    frame: pl.DataFrame, name: str, roles: Mapping[str, str], findings: Findings
) -> bool:
    return note_if_constant(frame, name, roles, findings, "types of the events", "--type-column")


def _note_marks(frame: pl.DataFrame, names: list[str], source: str, findings: Findings) -> None:
    """Note that marks such as a favorite change no orders; ask about other events."""
    first = names[0]
    if not has_role(frame.columns, "quantity"):
        raise DataError(
            f"{source}: column {first!r} marks with 0 and 1 the choices of users: do the rows of 0 "
            f"count too, such as views? Then {column_option('type', None)}; if they do not, "
            f"{column_option('type', first)}"
        )
    findings.add(
        "events",
        f"{', '.join(map(repr, names))}: marks of ordered items; not used "
        f"(--type-column {first!r} counts only rows that say yes)",
        frame.height,
        "noted",
    )


def _is_binary(column: pl.Series, name: str) -> bool:
    words = answers_of(column)
    if words is None:
        return _are_answers(column, name)
    distinct = words.drop_nulls().n_unique()
    # An empty cell says that there was no click, but not that there was a dislike.
    return distinct > 1 or (words.null_count() > 0 and is_deed(name) and not is_vote(name))


def _are_answers(column: pl.Series, name: str) -> bool:
    """Say whether texts are yes, no and perhaps, or the name of the column and its denial.

    An opinion may have other answers, such as ``probably not``.
    """
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    texts = blanked(column).cast(pl.String).drop_nulls().unique()
    if len(texts) > MAX_TYPES:
        return False
    answers = {answer_of(text.strip().casefold(), name) for text in texts.to_list()}
    if (
        texts.str.contains(r"^\s*\d+(\.0)?\s*$").all()
        and texts.str.contains("[2-9]|1.*[1-9]").any()
    ):
        return False  # the number of likes
    if is_opinion(name) and 3 <= len(texts) <= min(12, len(column) / 3):
        return not answers.isdisjoint({"yes", "no"})
    return {"yes", "no"} <= answers <= {"yes", "no", "open"}
