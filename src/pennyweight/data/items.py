"""From an items table to a `Catalog`: one text an item, typed attributes."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.availability import (
    availability_columns,
    note_availability,
    readable_columns,
)
from pennyweight.data.cleaning.lists import list_values, text_lists
from pennyweight.data.cleaning.missing import blanked, is_missing, missing_ids, missing_values
from pennyweight.data.cleaning.numbers import is_numeric, numbers
from pennyweight.data.cleaning.repeated_items import merge_repeated
from pennyweight.data.cleaning.variants import (
    mechanical_columns,
    read_variants,
    share_availability,
)
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import bare, column_list
from pennyweight.data.ids import Ids
from pennyweight.data.tables import id_strings
from pennyweight.data.text_cleaning import MAX_CHARS, clean_text, flatten, plain_words
from pennyweight.data.titles import is_title
from pennyweight.data.words import has_word
from pennyweight.errors import DataError, did_you_mean

__all__ = ["build_catalog", "choose_text_columns", "clean_items", "is_description"]

_NAMES = ("title", "name", "item_name", "product_name", "headline")
_LAST = (
    "description",
    "desc",
    "abstract",
    "body",
    "text",
    "content",
    "plot",
    "overview",
    "summary",
    "features",
    "feature",
    "details",
    "review",
    "lyrics",
)
_WORDS = (
    "categories",
    "category",
    "tags",
    "tag",
    "genres",
    "genre",
    "brand",
    "author",
    "authors",
    "artist",
    "subcategory",
    "topics",
    "keywords",
)
_NOT_TEXT = re.compile(
    r"(^|_)(id|ids|url|urls|uri|link|links|image|images|img|imgs|photo|photos|picture|thumbnail|"
    r"video|videos|asin|isbn|ean|upc|sku|uuid|hash|date|time|timestamp|datetime|at|lang|language|"
    r"also_buy|also_view|bought_together|split)$"
)
_LINK = r"(?i)^(https?://|www\.)|\.(jpe?g|png|gif|webp|svg|mp4)$"
_DATE = r"^\d{4}-\d{2}-\d{2}"
_BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")
_FLAGS = {
    "true",
    "false",
    "yes",
    "no",
    "y",
    "n",
    "t",
    "f",
    "on",
    "off",
    "ja",
    "nein",
    "oui",
    "non",
    "sí",
    "si",
    "sì",
    "sim",
    "não",
    "nao",
    "nee",
    "tak",
    "nie",
    "да",
    "нет",
    "wahr",
    "falsch",
    "vrai",
    "faux",
    "vero",
    "falso",
    "verdadero",
    "verdadeiro",
    "waar",
    "onwaar",
    "prawda",
    "fałsz",
    "истина",
    "ложь",
    "var",
    "yok",
    "あり",
    "なし",
    "nej",
    "nei",
    "kyllä",
    "ei",
    "ano",
    "ne",
    "evet",
    "hayır",
    "igen",
    "nem",
    "是",
    "否",
    "有",
    "无",
}
_SAMPLE = 2_000
# Two letters that UTF-8's bytes of one of another language, or of a quote, are in Windows-1252.
_MOJIBAKE = re.compile(
    "Ã[\x80-\xbf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
    "|â€[\u2122\u0153\u02dc\x9d\u201c\u201d\u00a6]"
)


def build_catalog(
    frame: pl.DataFrame,
    id_column: str,
    *,
    text_columns: Sequence[str] | None,
    findings: Findings,
    source: str,
    max_chars: int = MAX_CHARS,
    available: str | None = None,
    missing: Sequence[str] | None = None,
    now: float | None = None,
) -> Catalog:
    """Clean an items table.

    Parameters
    ----------
    available
        The column that says which items are available, ``""`` for none; by default the
        columns with such names.
    missing
        More ids that stand for missing ones; empty, no word does.
    now
        Epoch seconds after which a date lies in the future; by default the time of day.

    Raises
    ------
    DataError
        When no row has an id, `text_columns` names a column that is not there, or a column
        of availability cannot be read.
    """
    ids, words = missing_ids(id_strings(frame[id_column], source), missing)
    findings.add("items", "missing item id", ids.null_count(), "dropped", map(repr, words))
    has_id = ids.is_not_null()
    ids, frame = ids.filter(has_id), frame.drop(id_column).filter(has_id)
    if not len(ids):
        raise DataError(f"{source}: column {id_column!r} has no id in any row")
    if len({bare(name) for name in frame.columns}) == frame.width:
        frame = frame.rename(bare)
    now = time.time() if now is None else now
    frame = read_variants(frame)
    availability, ignored = availability_columns(frame, available, source=source, now=now)
    frame = share_availability(frame, ids, availability, findings)
    frame, ids = merge_repeated(frame, ids, findings), ids.unique(maintain_order=True)
    states = {*availability, *(readable_columns(frame) if available is not None else ())}
    states |= {*mechanical_columns(frame.columns)}
    candidates = frame if text_columns is not None else frame.drop(states)
    chosen = choose_text_columns(candidates, text_columns, source)
    catalog = clean_items(Ids(ids.to_list(), "items"), frame, chosen, findings, max_chars)
    catalog = replace(catalog, availability=availability)
    note_availability(
        catalog.attributes,
        availability,
        ignored,
        findings,
        source=source,
        now=now if available is None else None,
    )
    _note_texts(list(catalog.texts), ids, findings)
    return catalog


def clean_items(
    ids: Ids,
    frame: pl.DataFrame,
    text_columns: tuple[str, ...],
    findings: Findings,
    max_chars: int = MAX_CHARS,
    *,
    infer: bool = True,
) -> Catalog:
    """Return items with cleaned attributes and texts made of some of the columns.

    With `infer`, columns of texts become numbers, booleans or lists where they hold these.
    """
    texts: list[pl.Series] = []
    columns: list[pl.Series] = []
    for column in frame.iter_columns():
        attribute, text = _clean_column(
            column, column.name in text_columns, findings, max_chars, infer
        )
        columns.append(attribute)
        if text is not None:
            texts.append(text)
    texts.sort(key=lambda text: text_columns.index(text.name))
    joined = tuple(_join(texts, len(ids)))
    return Catalog(ids, joined, pl.DataFrame(columns), text_columns)


def _clean_column(
    column: pl.Series, is_text: bool, findings: Findings, max_chars: int, infer: bool
) -> tuple[pl.Series, pl.Series | None]:
    """Return the attribute, and the plain words of a text column."""
    name, dtype = column.name, column.dtype
    if dtype.is_nested() and not _is_vector(dtype):
        leaves = [None if v is None else list(dict.fromkeys(flatten(v))) for v in column.to_list()]
        long_lists = sum(any(len(t) > max_chars for t in v) for v in leaves if v)
        findings.add(
            "items", f"{name}: text cut to {max_chars:,} characters", long_lists, "changed"
        )
        parts = [
            None if v is None else [_clean(t, max_chars) for t in v if not is_missing(t)]
            for v in leaves
        ]
        attribute = text_lists(name, parts)
        if not is_text:
            return attribute, None
        mark = " " if name.lower() in _LAST else ", "
        return attribute, pl.Series(name, [mark.join(p or ())[:max_chars] for p in parts])
    if not isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return column, column.cast(pl.String, strict=False).fill_null("") if is_text else None
    if infer and not is_text and (typed := _typed(column.cast(pl.String), findings)) is not None:
        return typed, None
    raw = missing_values(column.cast(pl.String), findings)
    long = raw.str.len_chars() > max_chars
    lengths = [f"{n:,} characters" for n in raw.filter(long).str.len_chars().head(3)]
    reason = f"{name}: text cut to {max_chars:,} characters"
    findings.add("items", reason, int(long.sum() or 0), "changed", lengths)
    clean = [None if t is None else _clean(t, max_chars) for t in raw.to_list()]
    attribute = pl.Series(name, clean, dtype=pl.String)
    findings.add(
        "items",
        f"{name}: markup, entities or odd spaces cleaned",
        int((~long & (attribute != raw)).sum() or 0),
        "changed",
    )
    path = name.lower() not in _NAMES + _LAST
    lists = list_values(attribute) if path and infer else None
    if lists is not None:
        findings.add(
            "items",
            f"{name}: read as lists",
            len(lists) - lists.null_count(),
            "changed",
            [f"{text!r} is {value}" for text, value in _listed(attribute, lists)],
        )
    if not is_text:
        return attribute if lists is None else lists, None
    words = ["" if not t else plain_words(t, path=path, max_chars=max_chars) for t in clean]
    return attribute if lists is None else lists, pl.Series(name, words)


def _listed(texts: pl.Series, lists: pl.Series) -> list[tuple[str, list[str]]]:
    """Return the first text that holds a list of several values, and this list."""
    rows = pl.DataFrame({"text": texts, "list": lists})
    return list(rows.filter(pl.col("list").list.len() > 1).head(1).iter_rows())


def _clean(text: str, max_chars: int) -> str:
    if text.startswith(("http://", "https://")) and " " not in text:
        return text  # "&copy=1" in a link is no entity
    return clean_text(text, max_chars)


def _typed(raw: pl.Series, findings: Findings) -> pl.Series | None:
    """Return a string column as booleans or numbers; None where it holds neither.

    Beside these, each word that may stand for a missing value does.
    """
    text = blanked(raw)
    if text.null_count() == len(text):
        return None
    truth = text.str.strip_chars().is_in(_BOOLEANS).all()
    typed = (
        text.str.strip_chars().str.to_lowercase() == "true" if truth else numbers(text, findings)
    )
    if typed is not None:
        words = raw.filter(text.is_null() & raw.is_not_null() & (raw.str.strip_chars() != ""))
        findings.add(
            "items",
            f"{raw.name}: a word for a missing value",
            len(words),
            "changed",
            map(repr, words.unique().sort().head(3)),
        )
    return typed


def choose_text_columns(
    frame: pl.DataFrame, requested: Sequence[str] | None, source: str
) -> tuple[str, ...]:
    """Return the columns to make texts of: the requested ones, or all that hold words."""
    if isinstance(requested, str):
        raise DataError(
            f"text_columns takes a list of names, not one string: write [{requested!r}]"
        )
    if requested is not None:
        unknown = [name for name in requested if name not in frame.columns]
        if unknown:
            suggestion = did_you_mean(unknown[0], frame.columns)
            raise DataError(
                f"{source}: no text column {unknown[0]!r}; there are "
                f"{column_list(frame.columns)}{suggestion}"
            )
        for name in requested:
            if _is_vector(frame[name].dtype):
                raise DataError(f"{source}: column {name!r} holds {frame[name].dtype}, not text")
        return tuple(dict.fromkeys(requested))
    names = [column.name for column in frame.iter_columns() if _is_text(column)]
    return tuple(sorted(names, key=_rank))  # sorted is stable: file order within a rank


def is_description(column: str) -> bool:
    """Say whether a column is named like a description of an item: ``Description``, ``body``."""
    return column.lower() in _LAST


def _rank(column: str) -> int:
    name = column.lower()
    if name in _NAMES:
        return 0
    return 1 if is_title(column) else 4 if is_description(name) else 2 if name in _WORDS else 3


def _is_vector(dtype: pl.DataType) -> bool:
    return dtype.is_nested() and "String" not in str(dtype)


def _is_text(column: pl.Series) -> bool:
    """Say whether a column holds words, not ids, links, dates or numbers: by name and a sample."""
    if _is_vector(column.dtype):
        return False
    if column.dtype.is_nested():
        text = pl.Series(
            [t for v in column.head(_SAMPLE).to_list() for t in flatten(v)], dtype=pl.String
        )
    elif isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum):
        text = blanked(column).drop_nulls().head(_SAMPLE).cast(pl.String)
    else:
        return False
    if column.name.lower() in _NAMES + _LAST + _WORDS:
        return True
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.name).lower()
    if not len(text) or _NOT_TEXT.search(snake):
        return False
    wordless = ~text.str.contains(r"\p{L}") | text.str.contains(_LINK) | text.str.contains(_DATE)
    if float(wordless.sum()) > 0.5 * len(text):
        return False
    if text.str.strip_chars().str.to_lowercase().is_in(_FLAGS).all() or is_numeric(text):
        return False
    code = ~text.str.contains(r"\s") & text.str.contains(r"\d")
    return not (float(code.sum()) > 0.9 * len(text) and text.n_unique() > 0.9 * len(text))


def _join(texts: Sequence[pl.Series], n: int) -> list[str]:
    joined = [""] * n
    for text in texts:
        for code, part in enumerate(text.to_list()):
            if part:
                before = joined[code]
                mark = "" if not before else " " if before[-1] in ".!?。！？" else ". "
                joined[code] = before + mark + part
    return joined


def _note_texts(texts: list[str], ids: pl.Series, findings: Findings) -> None:
    """Note texts from which nothing can be learned."""
    empty = [i for i, text in enumerate(texts) if not has_word(text)]
    findings.add(
        "items",
        "text has fewer than two letters or digits",
        len(empty),
        "noted",
        [f"{ids[i]!r}: {texts[i]!r}" for i in empty[:3]],
    )
    broken = [i for i, text in enumerate(texts) if _MOJIBAKE.search(text)]
    findings.add(
        "items",
        "text looks like UTF-8 that was read as Latin-1: export it again as UTF-8",
        len(broken),
        "noted",
        [repr(texts[i][:60]) for i in broken[:3]],
    )
    if len(texts) > 1 and len(set(texts)) == 1 and texts[0]:
        findings.add("items", "all items have the same text", len(texts), "noted", [repr(texts[0])])
