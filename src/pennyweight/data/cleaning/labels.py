"""Columns that stand for event types: 0 and 1, such as clicks, or names of types."""

import re
from collections.abc import Collection

import polars as pl

from pennyweight.data.cleaning.event_types import NO_TYPE, Meaning, sense_of_type
from pennyweight.data.cleaning.machine_rows import is_machine_flag
from pennyweight.data.cleaning.missing import blanked, few_texts
from pennyweight.data.cleaning.negations import is_against, words_of
from pennyweight.data.cleaning.opinion_words import names_opinion
from pennyweight.data.cleaning.vocabulary import Sense, sense_of
from pennyweight.data.cleaning.yes_no import NO, YES
from pennyweight.data.columns import name_key

__all__ = [
    "MAX_TYPES",
    "answer_of",
    "answers_of",
    "flagged",
    "is_deed",
    "is_label",
    "is_mark",
    "is_opinion",
    "is_undoing",
    "is_vote",
    "label_meanings",
    "names_types",
    "opposites",
]

_OPINION = re.compile(
    r"(is|was|has|voted|would)?(like[ds]?|recommend(ed)?(to(a)?friends?)?|buy(it)?again"
    r"|weiterempf(ehlen|ehlung|ohlen)|empfohlen|kept|up|thumbsup|upvoted?|satisfied"
    r"|positive|love[ds]?|swipe(direction|action|type)?)"
)
_OUTCOME = re.compile(
    r"labels?|(is|was|has|did)?(click(ed|s)?|clk|convert(ed)?|conversion|purchase[ds]?|bought|buy"
    r"|order(ed)?|book(ed)?|booking|(fully)?watch(ed)?|view(ed)?|read|open(ed)?|play(ed)?|finish(ed)?"
    r"|(fully)?complete[ds]?|interact(ed|ion)?|install(ed)?|download(ed)?|cart|addtocart|addedtocart"
    r"|favou?rite[ds]?|saved?|follow(ed|s)?|subscribed?|longview|effective|cvr|ctr|ctcvr"
    r"|paid|captured|success(ful)?|succeeded|attended|starred|redeemed|honou?red"
    r"|skip(ped)?|targets?|y|ytrue|truth|groundtruth|outcome|respon(se|ded)|engaged|engagement"
    r"|relevan(t|ce|cy))"
)
# Opinions of which 0 may mean that none was given.
_VOTES = re.compile(
    r"votes?|voted|reactions?|feedback|opinions?|avis|meinung|stimme|voto|opiniao|opinione|reaccion"
    r"|reacao|reazione|reaktion|thumbs?|sentiment|decisions?|choice|verdict|answer|judge?ment"
    r"|entscheidung|antwort|choix|reponse|decisao|eleccion|respuesta|scelta|risposta|keuze|interested"
    r"|evento|ereignis|evenement|aktion|accion|acao|azione|actie"
)
# Marks on an item, which say nothing about the event.
_MARKS = re.compile(r"(is|was|has|did)?(favou?rite[ds]?|saved?|follow(ed|s)?|subscribed?)")
_OPEN = (
    "maybe",
    "perhaps",
    "unsure",
    "not sure",
    "undecided",
    "don't know",
    "neutral",
    "vielleicht",
    "peut-être",
    "quizás",
    "talvez",
)
_DENIAL = re.compile(r"(not|do not|don't|does not|doesn't|would not|wouldn't|never)[\s_-]+(.+)")
_OPPOSITE = re.compile(
    r"(is|was|has|voted)?(dislike[ds]?|hate[ds]?|thumbsdown|downvote[ds]?|down|notinterested"
    r"|unlike[ds]?|negative)"
)
_SIGNS = ("-1", "-1.0", "−1")
_ONES = frozenset(("1", "1.0", "+1", "+1.0", "0", "0.0"))
_SWIPES = {"right": "yes", "up": "yes", "left": "no"}
_SILENT = 0.75  # share of zeros from which on they mean that no opinion was given
# Columns of places and circumstances, whose values may look like types.
_CONTEXT = re.compile(
    r"source|referr|channel|medium|page|screen|device|platform|context|campaign|country|plan|tier"
    r"|status|state|condition|zustand|[eé]tat|estado|categor|genre|title|name|comment|text|review|descri|consent|terms|gdpr|cookie|policy"
)
_TIME_SUFFIX = re.compile(
    r"([_\W](at|on|date|time|timestamp|ts)|(?<=[a-z])(At|On|Date|Time|Timestamp|Ts))$"
)
_IMPRESSIONS = re.compile(r"impres|expos|show|display|render")
MAX_TYPES = 40


def is_opinion(name: str) -> bool:
    """Say whether a column is named after an opinion, such as ``liked``."""
    return bool(_OPINION.fullmatch(name_key(name))) or names_opinion(name) == "positive"


def is_deed(name: str) -> bool:
    """Say whether a column is named after a deed or its outcome, such as ``clicked``."""
    return bool(_OUTCOME.fullmatch(name_key(name))) or is_vote(name)


def is_vote(name: str) -> bool:
    """Say whether a column is named after opinions of either kind, such as ``reaction``."""
    return bool(_VOTES.fullmatch("".join(words_of(name))))


def is_mark(name: str) -> bool:
    """Say whether a column is named after a mark on an item, such as a favorite."""
    return bool(_MARKS.fullmatch(name_key(name)))


def is_label(name: str) -> bool:
    """Say whether a column is named after a deed or an opinion, such as ``is_click``."""
    return is_opinion(name) or is_deed(name)


def is_undoing(name: str) -> bool:
    """Say whether a column is named after the end of liking, such as ``is_returned``."""
    bare = _TIME_SUFFIX.sub("", _bare(name))
    put_away = [is_against(word) for word in words_of(bare)]
    return sense_of(bare) == "negative" or names_opinion(bare) == "negative" or put_away == [True]


def flagged(column: pl.Series) -> pl.Series | None:
    """Return the rows with a yes in a column of yes and no; None for another column.

    In a column such as ``cancelled_at`` they are the rows with a value, unless most have one, as in
    a log of loans that all came back.
    """
    if _TIME_SUFFIX.search(column.name) or _TIME_SUFFIX.search(column.name.casefold()):
        filled = blanked(column).is_not_null()
        return filled if filled.sum() <= len(filled) / 2 else filled & False
    words = answers_of(column)
    return None if words is None else words.is_in(list(YES)).fill_null(False)


def opposites(columns: Collection[str], name: str) -> list[str]:
    """Return the columns of dislikes beside one of likes, whose 0 is then no dislike."""
    if not is_opinion(name):
        return []
    return [column for column in columns if column != name and _is_opposite(column)]


def _is_opposite(name: str) -> bool:
    return bool(_OPPOSITE.fullmatch(name_key(name))) or names_opinion(name) == "negative"


def label_meanings(
    name: str, values: Collection[str], silent: float = 0.0, *, opposed: bool = False
) -> dict[str, Meaning]:
    """Return the meanings of the values of a column that says whether something happened.

    1 is the deed or opinion of the column's name. 0 is neutral for a deed, such as a click, and the
    opposite for an opinion, such as a like, unless nearly all are 0. -1 is always a dislike. 1 in a
    mark of bots or tests is ignored.

    Parameters
    ----------
    name, values
        The column, and its distinct values as texts.
    silent
        The share of the rows that are 0.
    opposed
        Whether another column has the dislikes.
    """
    lowered = {value.strip().casefold(): value for value in values if value != NO_TYPE}
    if lowered.keys() <= {*_SIGNS, *_ONES} and lowered.keys() & {*_SIGNS}:
        return {
            value: "negative" if low in _SIGNS else "ignore" if low[0] == "0" else 1.0
            for low, value in lowered.items()
        }
    if is_machine_flag(name) and lowered.keys() <= YES | NO:
        bots: dict[str, Meaning] = {v: "ignore" for low, v in lowered.items() if low in YES}
        return {v: bots.get(v, 1.0) for v in lowered.values()}
    opinion, deed = is_opinion(name), is_deed(name)
    answers = {value: answer_of(low, name) for low, value in lowered.items()}
    unknown = [value for value, answer in answers.items() if answer is None]
    if not (opinion or deed or is_undoing(name)) or (
        unknown and (not opinion or len(unknown) == len(answers))
    ):
        return {}
    sense = "positive" if opinion else _sense(_bare(name))
    yes: Meaning = 1.0
    if sense in ("negative", "neutral"):
        yes = "negative" if sense == "negative" else "ignore"
    no: Meaning = 1.0
    if yes == 1.0:
        no = "negative" if opinion and silent < _SILENT and not opposed else "ignore"
    meanings: dict[str, Meaning] = {NO_TYPE: "ignore"} if deed and yes == 1.0 else {}
    answer_meanings: dict[str, Meaning] = {"yes": yes, "no": no, "open": "ignore"}
    return meanings | {
        value: answer_meanings[answer] for value, answer in answers.items() if answer is not None
    }


def answer_of(word: str, name: str) -> str | None:
    """Return whether a value is a yes, a no or open; None where it is no answer.

    The name of the column is a yes, its denial a no: Recommended, Not Recommended.
    """
    if "swipe" in name_key(name) and word in _SWIPES:
        return _SWIPES[word]
    for answer, words in (("yes", YES), ("no", NO), ("open", _OPEN)):
        if word in words:
            return answer
    denied = _DENIAL.fullmatch(word)
    stem = name_key(denied[2] if denied else word)
    if not is_label(stem) or stem[:4] not in name_key(name):
        return None
    return "no" if denied else "yes"


def names_types(column: pl.Series) -> bool:
    """Say whether the values of a column are names of event types, some of them no liking."""
    if _CONTEXT.search(column.name.casefold()):
        return False
    if column.dtype.is_integer():
        low, high = column.min(), column.max()
        return low == -1 and high == 1
    names = few_texts(column, MAX_TYPES)
    if len(names) < 2:
        return False
    if {*names} <= {*_SIGNS, *_ONES}:  # likes and dislikes
        return any(name in _SIGNS for name in names) and not {*names}.isdisjoint(
            ("1", "1.0", "+1", "+1.0")
        )
    senses = [sense_of_type(name) for name in names]
    has_impressions = any(
        sense == "neutral" and _IMPRESSIONS.search(name.casefold())
        for name, sense in zip(names, senses, strict=True)
    )
    unknown = senses.count("unknown")
    clear = unknown == 0 if "negative" not in senses else unknown <= len(senses) / 2
    return ("negative" in senses or has_impressions) and "positive" in senses and clear


def answers_of(column: pl.Series) -> pl.Series | None:
    """Return the values of a column of yes and no as texts, null where empty; else None."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return None
    for part in (column.head(1_000), column):
        words = blanked(part).cast(pl.String).str.strip_chars().str.to_lowercase()
        if not words.drop_nulls().is_in([*YES, *NO, *_SIGNS]).all():
            return None
    return words if words.null_count() < len(words) else None


def _bare(name: str) -> str:
    return re.sub(r"^(is|was|has|did)(?=[_\W]|[A-Z])[_\W]*", "", name)


def _sense(name: str) -> Sense:
    sense = sense_of(name)
    return (names_opinion(name) or sense) if sense in ("unknown", "doubtful") else sense
