"""Ids that differ only in form: leading zeros, ``.0``, spaces, capitals, dashes, Unicode."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

__all__ = ["FORMS", "FormMatches", "canonical", "match_forms", "merge_forms"]

_INVISIBLE = dict.fromkeys(
    [
        0xAD,
        0x061C,
        0x180E,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2065),
        *range(0x2066, 0x206A),
        0xFEFF,
    ]
)
_PLAIN = re.compile("[a-z1-9_][a-z0-9_-]*")
_FLOAT = re.compile(r"([-+]?\d+)(?:\.0+|,00?)")  # 1,000 has a separator of thousands
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,00?\s*")
_ZEROS = re.compile(r"(\s*)([-+]?)0+(?=\w)")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([,.'’ \u00a0\u202f])\d{3})(?:\1\d{3})*")
_FORMULA = re.compile(r'\s*=?"([^"]*)"\s*')
_SEVERAL = re.compile(r"[,;|]")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-")
_SCIENTIFIC = re.compile(r"\s*[-+]?\d(?:[.,]\d+)?[eE]\+?\d{1,2}\s*")


def _without_float(text: str) -> str:
    bare = text.strip()
    return _FLOAT.sub(r"\1", bare) if _FLOAT.fullmatch(bare) else text


def _lists(unknown: Mapping[str, int], known_ids: Collection[str]) -> dict[str, int]:
    """Return the texts that hold several known ids, with the number of their rows.

    Numbers that all end in ``,0`` are decimals: an item 0 would hardly end every list.
    """
    lists = {
        text: rows
        for text, rows in unknown.items()
        if len(parts := _SEVERAL.split(text)) > 1 and all(p.strip() in known_ids for p in parts)
    }
    return {} if all(map(_DECIMAL_COMMA.fullmatch, lists)) else lists


def _without_zeros(text: str) -> str:
    return _ZEROS.sub(r"\1\2", text, count=1) if text[:1] in "0+- " else text


def _without_thousands(text: str) -> str:
    bare = text.strip()
    return re.sub(r"\D", "", bare) if _THOUSANDS.fullmatch(bare) else text


def _without_formula(text: str) -> str:
    match = _FORMULA.fullmatch(text)
    return match[1] if match else text


FORMS: Mapping[str, Callable[[str], str]] = {
    "extra spaces": lambda text: " ".join(text.split()),
    "invisible characters": lambda text: text.translate(_INVISIBLE),
    "a trailing '.0'": lambda text: text if "," in text else _without_float(text),
    "a trailing ',0'": _without_float,
    "leading zeros": _without_zeros,
    "capitals": str.casefold,
    'the formula ="…"': _without_formula,
    "thousands separators": _without_thousands,
    "other dashes than -": lambda text: text.translate(_DASHES),
    "Unicode forms": lambda text: unicodedata.normalize("NFKC", text),
}


def canonical(text: str) -> str:
    """Return an id without the differences that exports, spreadsheets and keyboards make."""
    if _PLAIN.fullmatch(text):  # most ids, and this is quick
        return text
    text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE).translate(_DASHES))
    text = unicodedata.normalize("NFKC", text.casefold()).translate(_DASHES)
    text = " ".join(_without_formula(text).split())
    return _without_zeros(_without_thousands(_without_float(text)))


@dataclass
class FormMatches:
    """Unknown ids that are known ones in another form.

    Attributes
    ----------
    known_id
        Id -> the known id that it agrees with.
    rows
        Form -> how many rows have such an id.
    example
        Form -> the first id and the known one.
    unclear
        Ids that agree with more than one known id, and these.
    scientific
        Rows with ids such as ``1.08775E+08``, whose digits are lost.
    several
        Texts that hold several known ids, and in how many rows.
    """

    known_id: dict[str, str] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    example: dict[str, tuple[str, str]] = field(default_factory=dict)
    unclear: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scientific: int = 0
    several: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of rows that would match."""
        return sum(self.rows.values())

    def remaining(self, applied: bool) -> str:
        """Describe the unknown ids, and the matches of another form unless they were applied."""
        parts = []
        for form, count in [] if applied else self.rows.most_common():
            before, after = self.example[form]
            parts.append(f"{count:,} would agree without {form} (e.g. {before!r} is {after!r})")
        if self.unclear:
            unknown, several = next(iter(self.unclear.items()))
            parts.append(f"{unknown!r} could be {' or '.join(map(repr, several[:3]))}")
        if self.scientific:
            parts.append(
                f"{self.scientific:,} are numbers such as 1.08775E+08, in which a spreadsheet lost "
                "digits: export the ids as text"
            )
        if self.several:
            parts.append(
                f"{sum(self.several.values()):,} hold several ids (e.g. "
                f"{next(iter(self.several))!r}): call the column item_ids to read each as an event"
            )
        return "; ".join(parts)


def match_forms(unknown: Mapping[str, int], known_ids: Collection[str]) -> FormMatches:
    """Find the known ids from which unknown ones differ only in form.

    Parameters
    ----------
    unknown
        Id -> in how many rows it is.
    known_ids
        The ids that they may be. One with another of the same canonical form is left out.
    """
    matches = FormMatches()
    lists = _lists(unknown, known_ids)
    forms = {canonical(text) for text in unknown}
    by_form: dict[str, list[str]] = {}
    for text in known_ids:
        form = canonical(text)
        if form in forms:
            by_form.setdefault(form, []).append(text)
    for text, rows in unknown.items():
        in_list = text in lists and _DECIMAL_COMMA.fullmatch(text)
        candidates = [] if in_list else by_form.get(canonical(text), [])
        if len(candidates) == 1:
            matches.known_id[text] = candidates[0]
            form = _difference(text, candidates[0])
            matches.rows[form] += rows
            matches.example.setdefault(form, (text, candidates[0]))
        elif candidates:
            matches.unclear[text] = tuple(candidates)
        elif _SCIENTIFIC.fullmatch(text):
            matches.scientific += rows
        elif text in lists:
            matches.several[text] = rows
    return matches


def merge_forms(names: Collection[str]) -> dict[str, str]:
    """Return id -> id to use, for ids of which another one differs only in form.

    The first of several is used.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(canonical(name), []).append(name)
    return {name: group[0] for group in groups.values() for name in group[1:]}


def _difference(text: str, candidate: str) -> str:
    """Name the form in which two ids differ, or say that there are several."""
    for form, change in FORMS.items():
        if change(text) == change(candidate):
            return form
    return "differences in several of spaces, zeros, '.0', capitals and Unicode forms"
