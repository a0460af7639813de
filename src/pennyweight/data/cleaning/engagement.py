"""The time or share of an item that was watched, read or played; none means no view."""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.event_types import NO_TYPE
from pennyweight.data.cleaning.labels import answers_of, is_deed, is_vote
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning.vocabulary import is_consumption
from pennyweight.data.cleaning.yes_no import NO, YES
from pennyweight.data.columns import name_key

__all__ = ["UNSEEN", "drop_unseen", "engagement_column"]

UNSEEN = "not watched, read or played: ignored"

_FULL_NAMES = re.compile(
    r"dwell|timespent|seconds|completion(rate|ratio|percent(age)?)?|progress(percent|pct)?"
    r"|percentcomplete(d)?|scrolldepth|scrollpercent(age)?|duration(ms|sec|seconds|s|min|minutes)?"
    r"|viewoffset|(watched|played|read|viewed)status|completionstate|playstate|lesedauer|wiedergabedauer|horzeit|horedauer|sehdauer|nutzungsdauer|verweildauer"
)
_DEED = re.compile(
    r"watch(ed|ing)?|active|view(ed|ing|s)?|play(ed|s|ing|back|time)?|playtime|listen(ed|ing)?|read(ing)?"
    r"|stream(ed|ing)?|dwell|engage(d|ment)|spent|attention|consum(ed|ption)|heard|visible"
    r"|wiedergabe|gesehen|gehort|gelesen|visto|vist[oa]s?|visionado|escuchad[oa]|escucha|leid[oa]"
    r"|reproduccion|visionnage|ecoute|lecture|vu|assistid[oa]|ouvid[oa]|ascolto|visione|letto"
    r"|bekeken|geluisterd|gelezen"
)
_MEASURE = re.compile(
    r"time|duration|seconds?|secs?|s|ms|msec|millis|milliseconds?|minutes?|mins?|hours?|h|length|long"
    r"|percent(age)?|pct|perc|ratio|rate|fraction|share|progress|depth|dauer|zeit|sekunden|minuten"
    r"|prozent|tiempo|duracion|segundos|minutos|porcentaje|temps|duree|secondes|pourcentage|tempo"
    r"|duracao|percentual|durata|secondi|tijd|duur|total|sum|in|of|the|content|video|track|song|page"
    r"|article|on|net|actual|real|user|item|event|audio|media|msplayed|playback"
)
_ELSEWHERE = re.compile(
    r"session|visit|average|avg|mean|since|until|to|next|first|last|start(ed)?|end(ed)?|at|date"
    r"|timestamp|ts|count|number|num|views|max|min|full|expected|estimated|remaining|left"
)
_MILLISECONDS = re.compile(r"ms|msec|millis|milliseconds?|msplayed|engagementtimemsec|durationms")
_SECONDS = re.compile(r"seconds?|secs?|s|sekunden|segundos|secondes|secondi|durationsec")
_SHARE = re.compile(
    r"percent(age)?|pct|perc|ratio|rate|fraction|share|prozent|porcentaje|pourcentage|percentual"
    r"|completion\w*|progress\w*|percentcomplete\w*|depth|scroll\w*"
)
# Google Analytics counts the time before an event, often 0 where a page was just opened; the time
# on the last page of a visit, as Matomo has it, too, is not known and 0.
_BEFORE = re.compile(
    r"(.*[._])?(engagement_?time(_?msec)?|time_?on_?page)|actionDetails\..*", re.IGNORECASE
)
_ISO_DURATION = r"^P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$"
_CLOCK = r"^\s*(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)\s*$"
# Previews beside films, as in exports of Netflix.
_PREVIEWS = re.compile(r"(supplemental|promo(tional)?|bonus)videotype|istrailer|ispreview")
_SKIPPED = re.compile(r"(is|was|has|got)?skip(ped)?(track|song|video|item)?")
_COMPLETED = re.compile(r"(is|was|has)?(fully)?(completed?|finished|watchedfully|playedfully)")
_MIN_READ = 0.95  # share of the values that are numbers
_MAX_TINY = 0.5
_EPOCH = 1e8  # a moment in seconds, or more than a day in milliseconds


def engagement_column(
    frame: pl.DataFrame, roles: Mapping[str, str], named: str | None
) -> str | None:
    """Return the column of the time spent on an item, or of the share that was played.

    Parameters
    ----------
    roles, named
        Role -> column; the column known by name, which comes first.
    """
    others = [name for name in frame.columns if name != named and _is_engagement(name)]
    for name in [*([] if named is None else [named]), *others]:
        if name in roles.values() or frame[name].dtype.is_nested():
            continue
        amounts = _amounts(frame[name])
        present = amounts.drop_nulls()
        if amounts.null_count() > (1 - _MIN_READ) * len(amounts) + blanked(
            frame[name]
        ).null_count() or not len(present):
            continue
        varied = present.min() != present.max() and float(present.median() or 0.0) < _EPOCH  # type: ignore[arg-type]
        if varied and not (present < 0).any() and constant_of(frame, name, roles) is None:
            return name
    return None


def drop_unseen(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    rows: Rows,
    kind: np.typing.NDArray[np.uint8],
    kinds: tuple[str, ...],
    *,
    taken_back: Mask,
) -> None:
    """Drop views of no duration, and those marked as skipped or not completed.

    Rows that are taken back, bool (n_rows,), stay: they speak against their item.
    """
    unseen = np.zeros(frame.height, bool)
    label = "type" in roles and is_deed(roles["type"]) and not is_vote(roles["type"])
    is_view = np.array([label or name == NO_TYPE or is_consumption(name) for name in kinds])[kind]
    is_view &= ~taken_back
    if "engagement" in roles:
        name = roles["engagement"]
        amounts = _amounts(frame[name])
        threshold, words = _threshold(frame[name])
        if (amounts <= threshold).mean() > _MAX_TINY:  # type: ignore[operator]
            threshold, words = 0.0, "0"  # the unit is another
        none = (amounts <= threshold).fill_null(False).to_numpy() & is_view
        if not none[rows.alive & is_view].all():
            rows.findings.add(
                "events",
                f"{name!r} of {words} is taken for no view (--engagement-column '' "
                "counts these rows)",
                int((none & rows.alive).sum()),
                "noted",
            )
            unseen |= none
    if "type" in roles:
        unseen |= _not_finished(frame, roles, rows) & is_view
    unseen |= _previews(frame, roles, rows) & is_view
    rows.drop(UNSEEN, unseen)


def _not_finished(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows) -> Mask:
    """Return the rows that a column such as ``skipped`` or ``completed`` marks as cut short."""
    unseen = np.zeros(frame.height, bool)
    for name in frame.columns:
        key = name_key(name)
        skipped, completed = _SKIPPED.fullmatch(key), _COMPLETED.fullmatch(key)
        if name in roles.values() or not (skipped or completed):
            continue
        answers = answers_of(frame[name])
        if answers is None or constant_of(frame, name, roles) is not None:
            continue
        cut = answers.is_in(list(YES if skipped else NO)).fill_null(False).to_numpy()
        if not cut.all():
            rows.findings.add(
                "events",
                f"{name!r} says that an item was "
                f"{'skipped' if skipped else 'not completed'}: no view",
                int((cut & rows.alive).sum()),
                "noted",
            )
            unseen |= cut
    return unseen


def _previews(frame: pl.DataFrame, roles: Mapping[str, str], rows: Rows) -> Mask:
    """Return the rows of trailers of an item, which are no views of the item itself."""
    unseen = np.zeros(frame.height, bool)
    for name in frame.columns:
        if name in roles.values() or not _PREVIEWS.fullmatch(name_key(name)):
            continue
        values = blanked(frame[name]).cast(pl.String).str.to_lowercase().str.strip_chars()
        previewed = (values.is_not_null() & ~values.is_in(list(NO))).to_numpy()
        if not previewed.all():
            rows.findings.add(
                "events",
                f"{name!r} says that a preview was shown: no view",
                int((previewed & rows.alive).sum()),
                "noted",
            )
            unseen |= previewed
    return unseen


def _is_engagement(name: str) -> bool:
    words = words_of(name.rpartition(".")[2])
    if _BEFORE.fullmatch(name) or any(map(_ELSEWHERE.fullmatch, words)):
        return False
    if _FULL_NAMES.fullmatch("".join(words)):
        return True
    deeds = [word for word in words if _DEED.fullmatch(word)]
    measures = [word for word in words if _MEASURE.fullmatch(word)]
    joined = "".join(words) in ("watchtime", "playtime", "viewtime", "listentime", "readtime")
    return joined or (bool(deeds) and bool(measures) and len({*deeds, *measures}) == len({*words}))


def _amounts(column: pl.Series) -> pl.Series:
    """Return times and shares as numbers; 00:01:30 and PT1M30S in seconds."""
    amounts = column.cast(pl.Float64, strict=False)
    if column.dtype != pl.String:
        return amounts
    text = blanked(column).str.strip_chars()
    parts = text.str.extract_groups(_CLOCK).struct.unnest().cast(pl.Float64, strict=False)
    hours, minutes, seconds = (parts[name] for name in parts.columns)
    clock = hours.fill_null(0.0) * 3_600 + minutes * 60 + seconds
    if text.str.contains(r"^P[T\d]").any():
        fields = text.str.extract_groups(_ISO_DURATION).struct.unnest().cast(pl.Float64)
        days, hours, minutes, seconds = (fields[name].fill_null(0.0) for name in fields.columns)
        lasting = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
        clock = clock.fill_null(lasting.set(~text.str.contains(_ISO_DURATION), None))
    plain = text.str.replace(r"\s*(%|s|sec|ms|min|h)\.?$", "").str.replace(",", ".")
    return amounts.fill_null(clock).fill_null(plain.cast(pl.Float64, strict=False))


def _threshold(column: pl.Series) -> tuple[float, str]:
    """Return the amount up to which an item counts as not watched, and its name in a message."""
    words = words_of(column.name.rpartition(".")[2])
    if any(map(_SHARE.fullmatch, words)) or _SHARE.fullmatch("".join(words)):
        in_percent = float(_amounts(column).max() or 0.0) > 1.5  # type: ignore[arg-type]
        return (1.0 if in_percent else 0.01), "1 % or less"
    if any(map(_MILLISECONDS.fullmatch, words)) or "".join(words).endswith("ms"):
        return 999.0, "less than a second"
    clock = column.dtype == pl.String and bool(column.str.contains(":").any())
    if clock or any(map(_SECONDS.fullmatch, words)):
        return 0.999, "less than a second"
    return 0.0, "0"
