"""Columns of opinions or returns that are not read: the user is asked about them."""

import re
import shlex
from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.event_types import (
    is_dislike,
    is_liking,
    least_certain,
    sense_of_type,
)
from pennyweight.data.cleaning.labels import (
    MAX_TYPES,
    answer_of,
    answers_of,
    is_label,
    is_opinion,
    label_meanings,
)
from pennyweight.data.cleaning.missing import blanked, few_texts
from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.order_states import are_codes, is_state_name, state_of
from pennyweight.data.cleaning.rating_names import is_rating_name
from pennyweight.data.cleaning.reversal_columns import undoing_kind
from pennyweight.data.cleaning.signed_numbers import signed_numbers
from pennyweight.data.cleaning.yes_no import NO
from pennyweight.data.columns import column_option, name_key
from pennyweight.errors import DataError, in_list

__all__ = ["ask_about_opinions"]

# Columns of places, such as pages, whose values may be the names of deeds there.
_PLACE = re.compile(
    r"page|screen|url|path|referr|search|query|device|platform|country|region|city|lang|campaign"
    r"|keyword|tags?$|genre|variant|colou?r|size|brand|gender|segment|condition|zustand|[eé]tat$"
)
# Changes of the rows of a table, as a database logs them.
_OPERATION = ("op", "optype", "operation", "operationtype", "dmlop", "cdcoperation", "changetype")
_CHANGES = frozenset("i u d c r insert update delete create read upsert".split())
_VOTE = re.compile(r"vote|thumb|reaction|opinion|feedback|like")
_CODED = re.compile(
    r"(vote|thumbs?|reaction|opinion|feedback|sentiment|like|preference|avis|meinung|voto|reaccion)"
    r"(types?|id|code|values?|kind|nr|typeid|typecode)|thumbs?|reaction"
    r"|(sales?|transaction|txn|trans|doc|document|movement|receipt)(types?|kind|class)(id|code)?"
)
# Columns of document and line types, beside the code of a sale.
_DOCUMENT = re.compile(
    r"(line|order|document|doc|bill|billing|invoice|sales?|transaction|txn|trans|movement|receipt"
    r"|record|voucher|salesdoc\w*|sd)(item)?(doc(ument)?)?(types?|kind|class|cat(egory)?|code)(id|code)?"
    r"|auart|fkart|pstyv|vbtyp|belegart|auftragsart|bewegungsart"
)
_RETURN_CODES = frozenset("r re ret rt rtn rma cr cn cm crn g2 gs rk rok ren rx s1 h k".split())
_SALE_CODES = frozenset("s sa sl sal or ta zor f2 inv in o so p si tan rg a c m".split())
_SIGNS = frozenset(("0", "1", "-1", "0.0", "1.0", "-1.0"))
_MAX_CODES = 12
_VALID = ("valid", "isvalid", "ordervalid")
_RESULT = re.compile(r"(result|outcome|ergebnis|resultat|resultado|risultato|esito|wynik)s?")
_FAILED = re.compile(r"fail(ed|ure|s)?|errors?|lost|miss(ed)?|declined|rejected|aborted")
_ACTION = re.compile(
    r"event|ereignis|[eé]v[eé]nement|acci[oó]n|aktion|a[cç][aã]o|azione|actie|akcj|действ|событ|行为|行動|행동"
)
# Values that are opinions only as a pair: hot or not.
_PAIRS = (
    ("hot", "not"),
    ("hit", "miss"),
    ("smash", "pass"),
    ("keep", "toss"),
    ("yay", "nay"),
    ("yea", "nay"),
    ("aye", "nay"),
    ("win", "lose"),
    ("hot", "cold"),
    ("top", "flop"),
)
_CACHE = re.compile(r"cache|cdn|edge|proxy")
_GESTURE = re.compile(r"direction|gesture|swipe|decision|choice|action|response")
_SWIPES = frozenset(("left", "right"))
_KIND = re.compile(r"categor|class|type|kind|channel")
_CREDIT_NOTES, _INVOICES = ("cn", "cr", "crn", "cm", "crm", "scn"), ("inv", "in", "invoice", "si")
_NO_LIKING = ("negative", "neutral", "doubtful")
_MIN_ROWS = 10  # smallest log in which a column is examined


def ask_about_opinions(
    frame: pl.DataFrame, roles: Mapping[str, str], overrides: Mapping[str, str | None], source: str
) -> None:
    """Stop where a column that is not read says the opposite of liking in some rows.

    Such columns lie beside types of which none speaks against an item, as ``liked`` beside a single
    ``watch``, or have names such as ``category`` with values ``sale`` and ``refund``.

    Raises
    ------
    DataError
        A column may hold the opinions of users.
    """
    if "type" in overrides or frame.height < _MIN_ROWS:
        return
    _ask_about_codes(frame, roles, source)
    _ask_about_valid(frame, roles, source)
    has_opinions = _speaks_against(frame, roles)
    for name in frame.columns:
        if name in roles.values() or frame[name].dtype.is_nested() or _is_place(name):
            continue
        if (
            undoing_kind(name)
            or is_state_name(name)
            or not (against := _negative_values(frame, name, roles))
        ):
            continue
        if has_opinions and not (against := [value for value in against if is_dislike(value)]):
            continue
        if "status" in overrides and all(state_of(value) == "undone" for value in against):
            continue  # the caller decided about returns
        if constant_of(frame, name, roles) or _are_explained(frame, name, against, roles):
            continue
        raise DataError(_question(name, least_certain(against), roles.get("type"), source))


def _ask_about_codes(frame: pl.DataFrame, roles: Mapping[str, str], source: str) -> None:
    """Stop where votes or reactions are numbers, such as 1 to 3, of which one may be a dislike."""
    for name in frame.columns:
        joined = "".join(words_of(name))
        typed = _DOCUMENT.fullmatch(joined) is not None
        if name in roles.values() or not (typed or _CODED.fullmatch(joined)):
            continue
        if not are_codes(frame[name]) or constant_of(frame, name, roles):
            continue
        texts = blanked(frame[name]).cast(pl.String).str.strip_chars().drop_nulls()
        numbers = texts.str.contains(r"^-?\d+(\.0+)?$").all()
        codes = texts.value_counts(sort=True)[name].to_list()
        opinions = _VOTE.search(name.casefold()) is not None
        if (opinions and not numbers) or {*codes} <= _SIGNS or len(codes) > _MAX_CODES:
            continue
        rarest = codes[-1]
        if typed and not _CODED.fullmatch(joined):
            returned = [code for code in codes if code.casefold() in _RETURN_CODES]
            if not returned or not any(code.casefold() in _SALE_CODES for code in codes):
                continue
            rarest = returned[-1]
        raise DataError(
            f"{source}: column {name!r} has the codes {', '.join(map(repr, sorted(codes)))}; which "
            f"of them say the opposite of liking or take a purchase back? Say so with "
            f"--type-column {shlex.quote(name)} --event-types {rarest}=negative if that is "
            f"{rarest!r}, columns={{'type': {name!r}}}, event_types={{{rarest!r}: 'negative'}}; if "
            f"they are ratings, --weight-column {shlex.quote(name)}; if they say nothing, "
            f"{column_option('type', roles.get('type'))}"
        )


def _ask_about_valid(frame: pl.DataFrame, roles: Mapping[str, str], source: str) -> None:
    """Stop where a column says whether orders are valid, and no column that is read does."""
    orders = [n for n in frame.columns if not {"order", "quantity", "qty"}.isdisjoint(words_of(n))]
    for name in frame.columns:
        if name in roles.values() or name_key(name) not in _VALID or not orders:
            continue
        answers = answers_of(frame[name])
        if answers is None or answers.n_unique() < 2 or constant_of(frame, name, roles):
            continue
        no = next((word for word in answers.unique().sort().to_list() if word in NO), None)
        if no is not None and "status" not in roles:
            raise DataError(
                f"{source}: column {name!r} says {no!r} in {int((answers == no).sum()):,} rows: "
                "are these orders that were not paid or were canceled? If so, --type-column "
                f"{name} --event-types {no}=ignore, columns={{'type': {name!r}}}, "
                f"event_types={{{no!r}: 'ignore'}}; if not, "
                f"{column_option('type', roles.get('type'))}"
            )


def _question(name: str, value: str, types: str | None, source: str) -> str:
    option, argument = "", ""
    if sense_of_type(value) in ("unknown", "doubtful") and not is_opinion(name):
        option = f" --event-types {shlex.quote(in_list(value) + '=negative')}"
        argument = f", event_types={{{value!r}: 'negative'}}"
    signed = value.rstrip("0").rstrip(".") in ("-1", "−1")
    pieces = f" if it is a number of pieces, {column_option('quantity', name)};" if signed else ""
    context = "" if types is None else f", beside the event types in {types!r},"
    return (
        f"{source}: column {name!r}{context} has values such as {value!r}, which may say the "
        f"opposite of liking. If so, --type-column {shlex.quote(name)}{option}, "
        f"columns={{'type': {name!r}}}{argument};{pieces} if it says nothing of the items, "
        f"{column_option('type', types)}"
    )


def _is_place(name: str) -> bool:
    return _PLACE.search(name.casefold()) is not None


def _speaks_against(frame: pl.DataFrame, roles: Mapping[str, str]) -> bool:
    """Say whether the types that are read include negative ones already."""
    if "type" not in roles:
        return False
    column = frame[roles["type"]]
    if column.dtype.is_nested():
        return True
    names = blanked(column).cast(pl.String).drop_nulls().unique().to_list()
    meanings = label_meanings(column.name, names)
    if len(names) > MAX_TYPES or "negative" in meanings.values() or is_label(column.name):
        return True
    return any(sense_of_type(name) in ("negative", "doubtful") for name in names)


def _negative_values(frame: pl.DataFrame, name: str, roles: Mapping[str, str]) -> list[str]:
    """Return the values that speak against an item, if the column as a whole holds opinions."""
    column = frame[name]
    if (column.dtype.is_numeric() or column.dtype == pl.Boolean) and is_opinion(name):
        column = column.cast(pl.String)
    values = few_texts(column, MAX_TYPES)
    blank = blanked(column).null_count() > 0
    if not values or len(values) + blank < 2:
        return []
    if _GESTURE.search(name.casefold()) and _SWIPES <= {
        value.casefold() for value in values
    } <= _SWIPES | {"up", "down", "super"}:
        return [value for value in values if value.casefold() == "left"]
    if answers := _opinions(column, name, values, roles) or _pair_opinion(values, name):
        return answers
    if name_key(name) in _OPERATION and {value.casefold() for value in values} <= _CHANGES:
        return [value for value in values if value.casefold() in ("d", "delete")]
    senses = {value: _sense(value) for value in values}
    unknown = sum(sense == "unknown" for sense in senses.values())
    against = [value for value, sense in senses.items() if sense == "negative"]
    if _RESULT.fullmatch("".join(words_of(name))):
        failed = [value for value in values if any(map(_FAILED.fullmatch, words_of(value)))]
        against += [value for value in failed if value not in against]
        return against if len(against) < len(values) else []
    action = _ACTION.search(name.casefold()) is not None
    if action or any(is_liking(value) for value in values):
        against += [value for value, sense in senses.items() if sense == "doubtful"]
    if all(re.fullmatch(r"[-+]?[\d.]+", value) for value in values):
        return against if _VOTE.search(name.casefold()) and len(values) == len(against) else []
    if _KIND.search(name.casefold()):
        against += [value for value in values if _is_credit_note(value, values)]
        short = [value for value in against if len(words_of(value)) <= 2]
        return short or (against if 2 * unknown <= len(values) else [])
    is_understood = action or 2 * unknown <= len(values)
    return against if is_understood else [value for value in against if is_dislike(value)]


def _opinions(
    column: pl.Series, name: str, values: list[str], roles: Mapping[str, str]
) -> list[str]:
    """Return the denials in a column such as ``liked``, unless ratings say the same."""
    rated = "weight" in roles and is_rating_name(roles["weight"])
    if "type" not in roles or rated or not is_opinion(name):
        return []
    answers = {value: answer_of(value.casefold(), name) for value in values}
    if not {"yes", "no"} <= set(answers.values()):
        return []
    silent = float(column.str.to_lowercase().is_in(["0", "0.0", "false"]).mean() or 0.0)  # type: ignore[arg-type]
    meanings = label_meanings(name, values, silent)
    return [value for value, meaning in meanings.items() if meaning == "negative"]


def _pair_opinion(values: list[str], name: str) -> list[str]:
    """Return the second value of a pair such as hot and not, unless it is about a cache."""
    texts = {value.casefold() for value in values}
    pair = next((pair for pair in _PAIRS if set(pair) == texts), None)
    if pair is None or _CACHE.search(name.casefold()):
        return []
    return [value for value in values if value.casefold() == pair[1]]


def _is_credit_note(value: str, values: list[str]) -> bool:
    """Say whether a value is short for a credit note, beside one short for an invoice."""
    others = {other.casefold() for other in values}
    return value.casefold() in _CREDIT_NOTES and not others.isdisjoint(_INVOICES)


def _sense(value: str) -> str:
    if state_of(value) == "undone":
        return "negative"
    return sense_of_type(value)


def _are_explained(
    frame: pl.DataFrame, name: str, against: list[str], roles: Mapping[str, str]
) -> bool:
    """Say whether quantity or type already make the rows returns or no liking."""
    rows = frame[name].cast(pl.String).str.strip_chars().is_in(against).fill_null(False)
    if "type" in roles and not frame[roles["type"]].dtype.is_nested():
        types = blanked(frame[roles["type"]]).cast(pl.String).str.strip_chars()
        meanings = label_meanings(roles["type"], types.drop_nulls().unique().to_list())
        row_types = types.filter(rows).fill_null("").unique().to_list()
        if all(
            isinstance(meanings.get(t), str) or sense_of_type(t) in _NO_LIKING for t in row_types
        ):
            return True
    if "quantity" not in roles or frame[roles["quantity"]].dtype.is_nested():
        return False
    below = (signed_numbers(frame[roles["quantity"]]) < 0).fill_null(False)
    return bool(rows.any()) and not (rows & ~below).any()
