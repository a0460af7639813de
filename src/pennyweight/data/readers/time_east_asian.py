"""Chinese, Japanese and Korean dates and times of day, written in common signs."""

import re

import polars as pl

__all__ = ["plain_signs"]

_MARKS = r"[年년時时点點시]|[上下]午|午[前後]|오[전후]|[(（][月火水木金土日]"
_WEEKDAY = (
    r"\s*(?:[(（][月火水木金土日一二三四五六월화수목금토일](?:曜日?|요일)?[)）]"
    r"|(?:星期|周|週)[一二三四五六日天]|[月火水木金土日]曜日?|[월화수목금토일]요일)"
)
_MORNING, _EVENING = r"(?:上午|午前|오전|早上|凌晨)", r"(?:下午|午後|오후|晚上)"
_CLOCK = r"(\d{1,2}:\d{2}(?::\d{2})?)"
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925}  # the year before the first
_ERA = re.compile(r"(令和|平成|昭和)\s*(元|\d{1,2})\s*年")


def plain_signs(text: pl.Series) -> pl.Series:
    """Return ``2024年3月5日(火) 午後3時20分`` as ``2024-3-5 3:20 PM``; other texts unchanged."""
    sample = text.drop_nulls().head(1_000)
    if not sample.str.contains(_MARKS).any():
        return text
    if sample.str.contains("|".join(_ERAS)).any():
        text = pl.Series(text.name, [t and _ERA.sub(_year, t) for t in text.to_list()], pl.String)
    return (
        text.str.replace(_WEEKDAY, "")
        .str.replace(r"(\d{4})\s*[年년]\s*(\d)", "$1-$2")
        .str.replace(r"(\d)\s*[月월]\s*(\d)", "$1-$2")
        .str.replace(r"(\d)\s*[日일月월]", "$1 ")
        .str.replace(
            r"(\d{1,2})\s*[時时点點시]\s*(\d{1,2})\s*[分분]\s*(\d{1,2})\s*[秒초]", "$1:$2:$3"
        )
        .str.replace(r"(\d{1,2})\s*[時时点點시]\s*(\d{1,2})\s*[分분]", "$1:$2")
        .str.replace(r"(\d{1,2})\s*[時时点點시]", "$1:00")
        .str.replace(rf"{_MORNING}\s*{_CLOCK}", " $1 AM")
        .str.replace(rf"{_EVENING}\s*{_CLOCK}", " $1 PM")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def _year(match: re.Match[str]) -> str:
    number = 1 if match[2] == "元" else int(match[2])
    return f"{_ERAS[match[1]] + number}年"
