"""Times relative to the export: ``3 days ago``, ``gestern``, ``vor 2 Tagen``."""

import re

import numpy as np
import polars as pl

__all__ = ["NEWEST_FIRST", "OLDEST_FIRST", "relative_order"]

NEWEST_FIRST, OLDEST_FIRST = "newest-first", "oldest-first"
_DAY = 86_400.0
# The beginnings of units in many languages.
_UNITS = {
    "s sec sek seg сек 秒 초 saniye secondi": 1.0,
    "m min мин хв 分 분 dakika dk": 60.0,
    "h hour hr hora heure stunde std uur ora ore god saat час 小时 小時 時間 시간 घंटे tim": 3_600.0,
    "d day tag jour día dia giorn dag dni dzień gün дн ден день 天 日 일 दिन": _DAY,
    "w week woche semaine semana settiman tydz tygod hafta недел тиж 周 週 주 veck uge": 7 * _DAY,
    "mo month monat mois mes mês maand miesi ay месяц міс 个月 個月 か月 ヶ月 月 개월 महीने": 30
    * _DAY,
    "y year jahr an año ano anni jaar rok lat yıl год лет рок 年 년 साल år": 365 * _DAY,
}
_UNIT_OF = sorted(
    ((begin, seconds) for names, seconds in _UNITS.items() for begin in names.split()),
    key=lambda pair: -len(pair[0]),
)
_WORDS = {
    **dict.fromkeys(
        (
            "now",
            "just now",
            "jetzt",
            "gerade eben",
            "maintenant",
            "ahora",
            "ora",
            "nu",
            "teraz",
            "şimdi",
            "сейчас",
            "刚刚",
            "たった今",
            "방금",
        ),
        0.0,
    ),
    **dict.fromkeys(
        (
            "today",
            "heute",
            "aujourd'hui",
            "hoy",
            "hoje",
            "oggi",
            "vandaag",
            "dzisiaj",
            "dziś",
            "bugün",
            "сегодня",
            "今天",
            "今日",
            "오늘",
            "आज",
        ),
        _DAY / 2,
    ),
    **dict.fromkeys(
        (
            "yesterday",
            "gestern",
            "hier",
            "ayer",
            "ontem",
            "ieri",
            "gisteren",
            "wczoraj",
            "dün",
            "вчера",
            "вчора",
            "昨天",
            "昨日",
            "어제",
        ),
        _DAY,
    ),
    **dict.fromkeys(
        (
            "vorgestern",
            "avant-hier",
            "anteayer",
            "anteontem",
            "l'altro ieri",
            "eergisteren",
            "przedwczoraj",
            "позавчера",
            "前天",
            "一昨日",
        ),
        2 * _DAY,
    ),
    "last week": 7 * _DAY,
    "last month": 30 * _DAY,
    "last year": 365 * _DAY,
}
_AGO = re.compile(
    r"^(?:vor|il y a|hace|há|ha|for)?\s*(?P<n>\d+|an?|one|une?|eine[mr]?|un[ao]?|uma?|een)?\s*"
    r"(?P<unit>[^\W\d_]+)\.?\s*(?P<ago>ago|fa|atrás|geleden|temu|önce|назад|тому|sedan|siden|"
    r"पहले|前|之前|전|back)?$"
)
_MARK = re.compile(r"^(?:vor|il y a|hace|há)\s")
_MIN_SHARE = 0.9


def relative_order(texts: pl.Series, *, short: bool = True) -> str | None:
    """Return the order of rows with relative times: newest first, oldest first, or neither ("").

    None where less than nine tenths of the texts are such times; ``5d`` is one where `short`.
    """
    sample = texts.drop_nulls().head(10_000)
    ages = np.array(
        [_age(text.strip().lower(), short) for text in sample.to_list()], dtype=np.float64
    )
    valid = ages[np.isfinite(ages)]
    if len(valid) < _MIN_SHARE * len(sample) or not len(valid):
        return None
    steps = np.diff(valid)
    up, down = int((steps > 0).sum()), int((steps < 0).sum())
    if up + down and min(up, down) <= 0.05 * (up + down):
        return NEWEST_FIRST if up > down else OLDEST_FIRST
    return ""


def _age(text: str, short: bool) -> float:
    """Return how many seconds ago a text is, NaN for other texts."""
    if text in _WORDS:
        return _WORDS[text]
    match = _AGO.match(text)
    if match is None:
        return float("nan")
    unit = match["unit"]
    ago = match["ago"] or next((end for end in ("前", "전") if unit.endswith(end)), "")
    number = int(match["n"]) if (match["n"] or "").isdecimal() else 1
    is_short = short and match["n"] is not None and len(unit) <= 2 and unit.isascii()
    if not (ago or _MARK.match(text) or is_short):
        return float("nan")
    seconds = next((size for begin, size in _UNIT_OF if unit.startswith(begin)), float("nan"))
    return seconds * number
