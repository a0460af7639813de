"""Names of columns that hold ratings."""

import re

__all__ = ["has_true_zeros", "is_grade", "is_rating_name", "is_relevance", "rating_rank"]

# In English and more than twenty other languages.
_SURE = frozenset(
    "rating ratings star stars overall satisfaction csat nps sentiment relevance relevancy "
    "bewertung bewertungen sterne etoiles étoiles puntuacion puntuación puntaje valoracion "
    "valoración calificacion calificación estrellas avaliacao avaliação pontuacao pontuação "
    "estrelas valutazione punteggio stelle beoordeling waardering sterren cijfer ocena hodnoceni "
    "évaluation notation gwiazdki değerlendirme yıldız балл баллы звезды звёзды оцінка bedømmelse "
    "arvosana értékelés βαθμολογία रेटिंग تقييم التقييم 별점 评价 評價 星级 打分 星 点数 "
    "hodnocení betyg vurdering puan оценка рейтинг 评分 評分 評価 평점 likert enjoyment".split()
)
# Ratings alone or with words of `_BESIDE`: conversion_rate is none.
_VAGUE = frozenset(
    "rate rated score scores grade grades note nota notas mark marks voto votacion opinion "
    "interest interesse interes liking evaluation evaluacion preference points punkte "
    "feedback".split()
)
_PERSONAL = frozenset(
    "my your user given own customer reviewer client member personal mine".split()
)
_BESIDE = _PERSONAL | frozenset(
    "review feedback value level movie film book item product game track song album series anime "
    "recipe beer wine restaurant hotel course star rating satisfaction sentiment".split()
)
_WITHIN = ("評価", "评分", "評分", "평점", "별점", "星级", "打分")  # also beside other signs
_OTHERS = frozenset(
    "imdb tmdb metacritic goodreads rottentomatoes tomatometer critic critics".split()
)
_NEVER = re.compile(
    r"avg|average|mean|median|counts?|num(ber)?|no|nr|total|sum|ids?|dates?|day|at|on|time|ts"
    r"|timestamp|texts?|title|types?|source|content|parental|age|mpaa|esrb|pegi|maturity"
    r"|community|global|public|pred(icted|iction)?|expected|max|min|scale|system|energy|credit"
    r"|risk|std|deviation|variance|bayesian|weighted|rank|votes?|before|after|prev(ious)?|last"
    r"|durchschnitt\w*|anzahl|moyenne|promedio|media|gemiddelde"
)


def _words(name: str) -> list[str]:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", re.sub(r":\w+$", "", name))
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word for word in words if not word.isdigit()]


def rating_rank(name: str) -> int | None:
    """Return how well a name fits the ratings of events; None: not at all.

    0: names of a user's or an overall rating; 1: other names.
    """
    words = _words(name)
    is_personal = not _PERSONAL.isdisjoint(words)
    if any(_NEVER.fullmatch(word) for word in words) or (_OTHERS & {*words} and not is_personal):
        return None
    is_certain = any(word in _SURE for word in (*words, name.strip().casefold()))
    is_certain |= any(word in name for word in _WITHIN)
    vague = any(word in _VAGUE for word in words)
    if not (is_certain or (vague and all(word in _VAGUE or word in _BESIDE for word in words))):
        return None
    return 0 if is_personal or "overall" in words else 1


def is_rating_name(name: str) -> bool:
    """Say whether a column is named like the ratings of events."""
    return rating_rank(name) is not None


def is_relevance(name: str) -> bool:
    """Say whether a column is named after grades of relevance: any above 0 is relevant."""
    return not {"relevance", "relevancy"}.isdisjoint(_words(name))


def has_true_zeros(name: str) -> bool:
    """Say whether 0 is an answer in such a column, as for the likelihood to recommend."""
    return is_relevance(name) or not {"nps", "sentiment", "csat"}.isdisjoint(_words(name))


def is_grade(name: str) -> bool:
    """Say whether a column is named like grades at school, of which 1 may be the best."""
    return not {"grade", "grades", "note", "nota", "mark", "marks"}.isdisjoint(_words(name))
