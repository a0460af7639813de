"""Words in many languages for liking, disliking, and having no opinion."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from pennyweight.data.cleaning.negations import is_negator, is_undone, words_of

__all__ = ["Opinion", "is_adjective", "names_opinion", "opinion_of"]

Opinion = Literal["positive", "negative", "neutral"]

_MAX_WORDS = 7  # longest opinion; more words are a sentence of a review
# Full words, compared without case and accents. Verbs also name columns of likes.
_LIKES = re.compile(
    r"like[ds]?|love[ds]?|enjoy(ed)?|prefer(red|s)?|gefall(t|en)|gefaellt|gefiel|gemocht|mag|liebe|geliebt"
    r"|(j)?aim(e|es|er|ee?)|adoree?|kiffe|gust(a|o|an|ado)|encant(a|o|an|ado)"
    r"|gost(o|ei|ou|amos)|curt(o|ir|i|iu|ida|idas|ido)|ador(o|ei)|amei|piac(e|iono|iut[oaie])"
    r"|leuk|vindikleuk|lubi(e|ie)|podoba|uwielbiam|lib(i|ilo)|paci|milujem?"
    r"|нравит(ся|ь)|понравил(ся|ось|ась|ись)|лаик|люблю|подоба[єе]ться|сподобал(ося|ась)"
    r"|begen(dim|di|iyorum|i|me)?|begenildi|seviyorum|sevdim|gilla(r|de|t)?|likt?e|liker"
    r"|synes|tykk(aan|asin|aa)|pid(an|in)|tetsz(ik|ett)|suka|menyukai|thich"
    r"|αρεσ(ει|ε|ουν)|אהבתי|אוהב(ת)?|יעגבני"
)
_ENGLISH = re.compile(
    r"like[ds]?|love[ds]?|enjoy(ed)?|prefer(red|s)?|dislike[ds]?|hate[ds]?|avoid(ed|s)?"
)
_GOOD = re.compile(
    r"good|useful|helpful|yum(my)?|tasty|delicious|lecker|promoters?|nutzlich|hilfreich|utile?s?|"
    r"positi(v|ve|ves|ver|vo|va|f|fs|ef|vt|vny|vni|vne)|pozytywn[ayei]+|pozitivn[aiey]+|olumlu|положительн\w*"
    r"|позитивн\w*|gut(er|e|es)?|toll|klasse|super|empfohlen|empfehle|empfehlenswert"
    r"|bon(ne)?s?|bien|genial|recommand(e|ee|es)|favorable|buen[oa]?|recom(iendo|endado|endo)"
    r"|bo[am]|otim[oa]|buon[oa]|bello|consigli(o|ato)|goed|geweldig|aanbevolen|dobr[eyao]|polecam"
    r"|doporucuji|хорошо|отлично|рекомендую|iyi|guzel|hyva|bagus|godt?|bra|fresh|haha|wow"
)
_DISLIKES = re.compile(
    r"dislike[ds]?|hate[ds]?|avoid(ed|s)?|missfallt|missfiel|missfallen|hasse|deteste?(s|r|e|i)?|degoute"
    r"|deplait|disgusta|odio|ode?i(o|ei)|desagrada|descurti[ru]?|haat|nienawidze|nielubie|nelib(i|ilo)"
    r"|nepaci|nesnasim|дизлаик|ненавижу|begenme(dim|di|me|mek)|begenmiyorum|sevm(iyorum|edim)"
    r"|ogilla(r|de)?|misliker|inhoan|benci|σιχαινομαι|שונא(ת)?"
)
_BAD = re.compile(
    r"bad|useless|unhelpful|yuck(y)?|disgusting|eklig|detractors?|nutzlos|unnutz|inutile?s?|"
    r"negati(v|ve|ves|ver|vo|va|f|fs|ef|vt|vny|vni|vne)|negatywn[ayei]+|negativn[aiey]+|olumsuz|отрицательн\w*"
    r"|негативн\w*|schlecht(er|e|es)?|mies|furchtbar|langweilig|uninteressant|mauvaise?s?|nul(le)?"
    r"|horrible|terrible|pessim[oa]|mal[oa]|ruim|cattiv[oa]|brutt[oa]|slecht|zl[eyao]|slab[eyao]"
    r"|spatn[ey]|плохо|ужасно|kotu|huono|rossz|buruk|dalig[t]?|darlig|rotten"
)
_NEUTRAL = re.compile(
    r"neutral(e|er|es)?|neutr[eo]s?|neutraal|neutraln[yeai]|неитральн\w*|meh|egal|indifferent(e|es)?"
    r"|indiferente|whatever|shrug|mittel(massig)?|gemischt|mixed|unentschieden|undecided|unsure"
    r"|moyen(ne)?|notr|neutralny|onverschillig|egale|abstain(ed)?|enthaltung|soso|wayne|bof"
)
_PHRASES = frozenset(
    "so so|either way|me da igual|da igual|geht so|comme ci comme ca|so la la|je ne sais pas"
    "|no se|nao sei|non so|weiss nicht|weiss ich nicht|ich weiss nicht|ist mir egal|dont know"
    "|don t know|i don t know|not sure|не знаю|без разницы|все равно|так себе|no reaction"
    "|tanto faz|c est egal|ca m est egal|weet niet|nie wiem|nevim|ni fu ni fa|no vote".split("|")
)
_VIEWS = re.compile(
    r"opinion(s|es)?|meinung(en)?|avis|preference|preferencia|preferenza|opiniao|opinione|mening"
    r"|zdanie|nazor|мнения|мнение|reaction|reaktion|reaccion|vote|stimme"
)
# Words beside an adjective of an opinion: very good, not so bad.
_BESIDE = re.compile(
    r"very|so|too|t|d|s|this|them|these|much|all|at|you|we|user|they|did|do|does|rather|really|quite|that|it|was|is|the|a|i|find|sehr|ganz|gar|richtig|zu|ich|das|es|ist|war"
    r"|fand|finde|tres|assez|trop|c|est|etait|vraiment|muy|bastante|demasiado|esta|me|parece|parecio"
    r"|muito|e|um|molto|troppo|era|zeer|erg|heel|vind|ik|het|bardzo|velmi|очень|это|cok|mycket|det"
    r"|meget|om|veldig|tosi|nagyon|foarte|sangat|not|experience|review|feedback|rating|vote|opinion|opinie"
    r"|bewertung|avis|meinung|sentiment|tres|pas|du|tout|nada|nicht|mi|ha|j|on|highly|strongly|synes"
)
# The end of an opinion is none: dislike_removed.
_ENDED = re.compile(
    r"un|undo(ne)?|remov(e|ed|al)|delet(e|ed|ion)|revok(e|ed)|clear(ed)?|withdr\w*|retract\w*"
)
_DENIALS = re.compile(
    r"degil|sans|sem|zonder|bez|inte|ikke|ei|en|nem|nu|δεν|δε|khong|chua|tidak|tak|kurang|לא|dont|didnt|doesnt|don"
    r"|didn|doesn"
)
_THUMBS = re.compile(r"thumbs?|daumen|pouces?|pulgar(es)?|polegar|pollice|duim(en)?|kciuk|tumme")
_UP = re.compile(r"up|hoch|oben|haut|leve|arriba|cima|su|omhoog|gore|upp|joinha|para")
_DOWN = re.compile(r"down|runter|unten|bas|baisse|abajo|baixo|giu|omlaag|dol|ner|baja")
# Scripts without spaces, or whose marks are letters: pieces of the text.
_LIKED_TEXT = re.compile(
    "喜欢|喜歡|喜爱|点赞|點讚|赞|讚|好评|好評|推荐|推薦|满意|好き|いいね|良い|よい|よく|高評価|おすすめ|気に入"
    "|좋아요|좋아|좋음|마음에|추천|ถูกใจ|ชอบ|पसंद|अच्छा|أعجب|يعجب|اعجب|أحب|احب|إعجاب|خوب|پسند"
)
_DISLIKED_TEXT = re.compile(
    "讨厌|討厭|踩|差评|差評|反感|倒赞|嫌い|きらい|低評価|悪い|싫어|싫음|별로|비추천|나쁨|नापसंद|बुरा|أكره|اكره"
)
_DENIED_TEXT = re.compile(
    "[不没沒未非勿]|ない|なかった|ません|않|안 |못|ไม่|नहीं|(^|\\s)(لا|لم|ما|لن)\\s|ن[مپ]ی?\\s?پسند"
)
_NEUTRAL_TEXT = re.compile(
    "中立|一般|普通|无所谓|無所謂|どちらでもない|ふつう|보통|중립|그저 그|เฉย|तटस्थ|محايد"
    "|😐|😑|😶|🤷"
)


@lru_cache(maxsize=4_096)
def opinion_of(name: str) -> Opinion | None:
    """Return the opinion in a text: ``no me gusta`` is negative; None without one.

    A denied like and a dislike are negative; a denied dislike is no opinion.
    """
    text = unicodedata.normalize("NFKC", name.replace("’", "'").casefold())
    words = words_of(name.replace("’", "'"))
    if not words or not any("a" <= c <= "z" for c in "".join(words)):
        written = _opinion_in_text(text)
        if written is not None:
            return written
    if not 0 < len(words) <= _MAX_WORDS:
        return None
    if " ".join(words) in _PHRASES:
        return "neutral"
    return _opinion_of_words(words)


def is_adjective(name: str) -> bool:
    """Say whether a text calls something good or bad, perhaps not the item."""
    words = words_of(name)
    return bool(words) and _verbs(words) is None and any(_adjectives(words))


def names_opinion(name: str) -> Opinion | None:
    """Return the opinion that a column is named after: ``me_gusta`` likes, ``odio`` dislikes.

    Adjectives, such as ``good``, name columns of other things.
    """
    words = words_of(name)
    verbs = [w for w in words if _LIKES.fullmatch(w) or _DISLIKES.fullmatch(w)]
    return opinion_of(name) if verbs and not {*verbs} <= {"mag", "leuk", "gusto"} else None


def _opinion_in_text(text: str) -> Opinion | None:
    if _NEUTRAL_TEXT.search(text):
        return "neutral"
    if _DISLIKED_TEXT.search(text):
        return None if _DENIED_TEXT.search(text) else "negative"
    if _LIKED_TEXT.search(text):
        return "negative" if _DENIED_TEXT.search(text) else "positive"
    return None


def _opinion_of_words(words: list[str]) -> Opinion | None:
    """Return the opinion of words together: a denial reverses a liking."""
    denied = any(is_negator(word) or _DENIALS.fullmatch(word) for word in words)
    if any(_THUMBS.fullmatch(word) for word in words):
        down = any(_DOWN.fullmatch(word) for word in words)
        up = any(_UP.fullmatch(word) for word in words)
        return None if up == down or denied else "negative" if down else "positive"
    if any(_NEUTRAL.fullmatch(word) for word in words):
        return "neutral" if len(words) == 1 or not denied else None
    if denied and any(_VIEWS.fullmatch(word) for word in words):
        return "neutral"
    if any(_ENDED.fullmatch(word) or is_undone(word) for word in words):
        return None
    against, liked = _verbs(words) or _adjectives(words)
    if against:
        return None if denied or liked else "negative"
    if not liked:
        return None
    return "negative" if denied else "positive"


def _verbs(words: list[str]) -> tuple[bool, bool] | None:
    verbs = [word for word in words if _ENGLISH.fullmatch(word)]
    if verbs and not _plain([word for word in words if word not in verbs]):
        return None  # hate crime, love story
    against = any(_DISLIKES.fullmatch(word) for word in words)
    liked = any(_LIKES.fullmatch(word) for word in words)
    liked |= words[-1] == "place" and words[-2:-1] in (["mi"], ["imi"])
    return (against, liked) if against or liked else None


def _adjectives(words: list[str]) -> tuple[bool, bool]:
    """Return whether words call something bad, or good, and mean nothing else."""
    against = [word for word in words if _BAD.fullmatch(word)]
    liked = [word for word in words if _GOOD.fullmatch(word)]
    plain = _plain([word for word in words if word not in against and word not in liked])
    return plain and bool(against), plain and bool(liked)


def _plain(words: list[str]) -> bool:
    """Say whether words may stand beside an opinion and mean nothing else."""
    return all(
        _BESIDE.fullmatch(word) or is_negator(word) or _DENIALS.fullmatch(word) for word in words
    )
