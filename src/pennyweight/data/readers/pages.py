"""Paged answers of APIs: pages are joined, and missing ones are named."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["are_pages", "may_be_pages", "missing_pages", "plain_edges"]

_NEXT = frozenset(
    "next nextpage nexturl nexthref nextpageurl nextlink odatanextlink nextpagetoken nextcursor "
    "nexttoken continuationtoken hasmore hasnext hasnextpage morepages".split()
)
_TOTALS = frozenset(
    "total totalsize totalcount totalresults totalelements totalitems totalhits totalrecords "
    "totalrows count numfound".split()
)
_PAGES = frozenset("lastpage totalpages pagecount numpages".split())
_PLACES = frozenset(
    "page currentpage pagenumber offset limit pagesize perpage cursor links meta metadata paging "
    "pagination pageinfo hits".split()
)
_ITEMIZED = frozenset({"id", "_id"})
_DEEPEST = 3


def may_be_pages(names: Sequence[str]) -> bool:
    """Say whether rows with these columns may be pages: no column is of a record."""
    keys = {_key(name) for name in names}
    return len(names) == 1 or bool(keys & (_NEXT | _PLACES) and not keys & _ITEMIZED)


def are_pages(values: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether each of several objects may be a page."""
    return len(values) > 1 and all(may_be_pages(list(value)) for value in values)


def missing_pages(pages: Sequence[Mapping[str, Any]], n_rows: int) -> str:
    """Return the sign that more pages exist, "" without one.

    Parameters
    ----------
    pages
        In the order of the file: the last one says whether more follow.
    n_rows
        Records on all of them.
    """
    if not pages:
        return ""
    for key, value in _fields(pages[-1], _DEEPEST):
        kind = _key(key)
        if kind in _NEXT and value not in (None, "", False, 0, "false", [], {}):
            return f"{key!r} is {_excerpt(value)}"
        if kind in _TOTALS and isinstance(value, Mapping):
            value = value.get("value")  # as Elasticsearch counts
        if (kind == "done" and value is False) or (
            kind == "offset" and isinstance(value, str) and not value.isdecimal()
        ):  # of Salesforce, of Airtable
            return f"{key!r} is {_excerpt(value)}"
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if (kind in _TOTALS and value > n_rows) or (kind in _PAGES and value > len(pages)):
            return f"{key!r} is {value:,}"
    return ""


def plain_edges(value: Any) -> Any:  # noqa: ANN401
    """Return a parsed value with GraphQL edges replaced by lists of nodes."""
    if isinstance(value, list):
        return [plain_edges(part) for part in value]
    if not isinstance(value, dict):
        return value
    edges = value.get("edges")
    if isinstance(edges, list) and all(isinstance(e, dict) and "node" in e for e in edges):
        return [plain_edges(edge["node"]) for edge in edges]
    if isinstance(value.get("nodes"), list) and value.keys() <= {"nodes", "pageInfo", "totalCount"}:
        return plain_edges(value["nodes"])
    return {key: plain_edges(part) for key, part in value.items()}


def _fields(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an object and of nested objects, but not of lists."""
    for key, part in value.items():
        yield key, part
        if isinstance(part, Mapping) and depth:
            yield from _fields(part, depth - 1)


def _key(name: str) -> str:
    return name.lower() if name in _ITEMIZED else re.sub(r"[\W_]+", "", name).lower()


def _excerpt(value: Any) -> str:  # noqa: ANN401
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
