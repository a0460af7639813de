"""Words of a text in any script: one tokenizer for search, TF-IDF, reasons and checks.

Two levels. A *word* is the unit of comparison of texts: normalized (NFKC), case-folded (also the
Turkish dotted and dotless i), without marks that writers leave out at will. Its *fold* is what
a search looks up: without accents as well, so that ``cafe`` finds ``café``.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import regex

from pennyweight.errors import BundleError

__all__ = [
    "TOKENIZER",
    "ScriptRun",
    "clusters",
    "fold",
    "has_word",
    "is_dense",
    "is_hangul",
    "is_ideograph",
    "normalize",
    "runs",
    "words",
    "words_by",
]

TOKENIZER = 2  # raise it whenever a text may give other words: bundles say which made theirs

# Scripts whose words are not separated by spaces, and Hangul, whose words inflect at the end.
_EAST = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}ー々〆"
_SOUTH_EAST = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Tham}\p{Tai_Le}\p{New_Tai_Lue}"
_DENSE = rf"[[{_EAST}{_SOUTH_EAST}]&&[\p{{L}}\p{{M}}]]"
_FLAGS = regex.V1

# None begins after an underscore, or a long line of them would take quadratic time.
_ASCII_WORD = re.compile(r"(?<!_)_*[^\W_]\w*", re.ASCII)
_WORD = regex.compile(
    rf"({_DENSE}[{_DENSE}\p{{M}}]*)"
    rf"|(?<!_)_*[[\p{{L}}\p{{N}}]--{_DENSE}][[\w\p{{N}}\p{{M}}]--{_DENSE}]*",
    _FLAGS,
)
_SPACED_WORD = regex.compile(r"(?<!_)_*[\p{L}\p{N}][\w\p{N}\p{M}]*", _FLAGS)
_IS_DENSE = regex.compile(_DENSE, _FLAGS)
_IS_HAN = regex.compile(r"\p{Han}", _FLAGS)
_IS_HANGUL = regex.compile(r"\p{Hangul}", _FLAGS)
_CLUSTER = regex.compile(r"\X", _FLAGS)
_LEGIBLE = regex.compile(
    rf"{_DENSE}|[\p{{L}}\p{{N}}].*?[\p{{L}}\p{{N}}\p{{M}}]", _FLAGS | regex.DOTALL
)

# Fast paths for most texts; the classes of `re` are faster than those of `regex`.
_LATIN = "\0-\u024f\u2010-\u2027\u2030-\u205e\u20ac\u2122\u2600-\u27bf\U0001f300-\U0001faff"
_NOT_LATIN = re.compile(f"[^{_LATIN}\u200d\ufe0f]")
_LATIN_WORD = re.compile(r"(?<!_)_*[^\W_]\w*")
_MAY_BE_DENSE = re.compile(  # blocks that have all letters of the dense scripts, and more
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u1950-\u1aaf\u2e80-\ud7ff\uf900-\uffff"
    "\U00011000-\U0003ffff]"
)
_BARE_EAST = re.compile("[\u3005\u3007\u3041-\u3096\u30a1-\u30fe\u3400-\u9fff\uac00-\ud7a3]+")

_TRADEMARKS = str.maketrans(dict.fromkeys("™℠", " "))  # NFKC would glue "tm" to the name
_IGNORABLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Me}]", _FLAGS)
# A zero-width non-joiner parts a Persian word from its ending, elsewhere it only shapes letters.
_PARTING = regex.compile(r"(?<=\p{Arabic})\u200c+(?=\p{Arabic})", _FLAGS)
# Marks left out at will: vowel points and tatweel (Arabic), points (Hebrew), stress (Cyrillic),
# tonos and dialytika (Greek, where capitals have none), the dot that folding İ leaves behind.
_OPTIONAL = regex.compile(
    r"[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]"
    r"|[\p{Hebrew}&&\p{Mn}]|(?<=\p{Cyrillic})[\u0300\u0301]|(?<=i)\u0307",
    _FLAGS,
)
_GREEK = regex.compile(r"[\p{Greek}&&\p{L}]", _FLAGS)
_GREEK_MARKS = regex.compile(r"(?<=\p{Greek}[\u0300-\u036f]*)[\u0300-\u036f]+", _FLAGS)
_VARIANTS = str.maketrans(
    {
        "ı": "i",
        "ё": "е",
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ک": "ك",
        "ة": "ه",
        "ۀ": "ه",
    }
)
_OTHER_DIGIT = regex.compile(r"[\p{Nd}--[0-9]]", _FLAGS)
_UNUSUAL = re.compile(  # outside of blocks where none of the above has anything to do
    "[^\0-\xac\xae-\u0130\u0132-\u024f\u0900-\u0965\u0970-\u09e5\u09f0-\u0a65\u0a70-\u0ae5\u0af0-\u0b65"
    "\u0b70-\u0be5\u0bf0-\u0c65\u0c70-\u0ce5\u0cf0-\u0d65\u0d70-\u0de5\u0df0-\u0e4f\u0e5a-\u0ecf"
    "\u1100-\u115e\u1161-\u11ff\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2100-\u2bff\u3000-\u3163"
    "\u3165-\ua4cf\uac00-\ud7a3\uff00-\uff9f\U0001f000-\U0001faff\U00020000-\U0003134f]"
)

_ACCENT = regex.compile(r"(?<![иуі])[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]+|\u093c", _FLAGS)
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "\u0901": "\u0902",
    }
)

# The first tokenizer, for the bundles that were made with it.
_CJK_1 = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD_1 = re.compile(rf"[{_CJK_1}]+|[^\W{_CJK_1}]+")
_HAS_CJK_1 = re.compile(f"[{_CJK_1}]")


@dataclass(frozen=True)
class ScriptRun:
    """A run of letters, marks and digits of a text.

    Attributes
    ----------
    surface
        The text as written.
    units
        The word itself, or the clusters of a script without spaces.
    dense
        Whether it is of such a script, so that its words are pairs of neighboring units.
    """

    surface: str
    units: tuple[str, ...]
    dense: bool

    @property
    def words(self) -> list[str]:
        """The words that `words` makes of it."""
        return _pairs(self.units) if self.dense else list(self.units)


def normalize(text: str) -> str:
    """Return a text in the form in which its words are compared, in lower case."""
    if text.isascii():
        return text.lower()
    if not _NOT_LATIN.search(text):
        return _normal_latin(text)
    text = unicodedata.normalize("NFKC", text.translate(_TRADEMARKS)).casefold()
    if not _UNUSUAL.search(text):
        return unicodedata.normalize("NFKC", text)
    text = _IGNORABLE.sub("", _PARTING.sub(" ", text))
    if _GREEK.search(text):
        text = _GREEK_MARKS.sub("", unicodedata.normalize("NFD", text))
    text = _OPTIONAL.sub("", text)
    text = unicodedata.normalize("NFKC", text).translate(_VARIANTS)
    return str(_OTHER_DIGIT.sub(lambda match: str(unicodedata.digit(match[0], match[0])), text))


def _normal_latin(text: str) -> str:
    for mark in "\xad\u200d\ufe0f":
        text = text.replace(mark, "")
    text = unicodedata.normalize("NFKC", text.replace("™", " ")).casefold()
    text = text.replace("i\u0307", "i").replace("ı", "i")
    return unicodedata.normalize("NFKC", text)  # folding parts letters such as ǰ


def words(text: str) -> list[str]:
    """Return the words of a text, in order: runs of letters, marks, digits and underscores.

    A run of a script without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) or of Hangul
    gives its overlapping pairs of grapheme clusters, the usual index unit there (Nie et al.
    2000), or itself if it is one cluster. Every word has a letter or a digit.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    if not _NOT_LATIN.search(text):
        return _LATIN_WORD.findall(_normal_latin(text))
    text = normalize(text)
    if not _MAY_BE_DENSE.search(text):
        return list(_SPACED_WORD.findall(text))
    out: list[str] = []
    for match in _WORD.finditer(text):
        dense = match[1]
        if dense is None:
            out.append(match[0])
        else:
            out += _pairs(dense if _BARE_EAST.fullmatch(dense) else clusters(dense))
    return out


def runs(text: str) -> Iterator[ScriptRun]:
    """Yield the runs of a normalized text."""
    for match in _WORD.finditer(text):
        dense = match[1] is not None
        yield ScriptRun(match[0], clusters(match[0]) if dense else (match[0],), dense)


def clusters(run: str) -> tuple[str, ...]:
    """Return the grapheme clusters of a text: letters with their marks."""
    return tuple(run if _BARE_EAST.fullmatch(run) else _CLUSTER.findall(run))


def _pairs(units: str | tuple[str, ...]) -> list[str]:
    if len(units) < 2:
        return list(units)
    if isinstance(units, str):
        return [units[i : i + 2] for i in range(len(units) - 1)]
    return [a + b for a, b in pairwise(units)]


def fold(word: str) -> str:
    """Return a word without accents, for searches.

    Marks stay that make another letter: vowel signs of Indic scripts and Thai, kana, the Cyrillic
    й, ї and ў.
    """
    if word.isascii():
        return word
    bare = _ACCENT.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


def is_dense(word: str) -> bool:
    """Say whether a word begins in a script whose words are pairs of clusters."""
    return _IS_DENSE.match(word) is not None


def is_hangul(unit: str) -> bool:
    """Say whether a cluster is a Korean syllable."""
    return _IS_HANGUL.match(unit) is not None


def is_ideograph(unit: str) -> bool:
    """Say whether a cluster is a Chinese character, which can be a word alone."""
    return _IS_HAN.match(unit) is not None


def has_word(text: str) -> bool:
    """Say whether a text has a word: two letters or digits, or one of a script without spaces."""
    return _LEGIBLE.search(text) is not None


def words_by(tokenizer: int) -> Callable[[str], list[str]]:
    """Return the tokenizer function of a version.

    Raises
    ------
    BundleError
        The version is a later one than this.
    """
    if tokenizer == TOKENIZER:
        return words
    if tokenizer == 1:
        return _words_1
    raise BundleError(
        f"the vocabulary was made by version {tokenizer} of the tokenizer, and this pennyweight "
        f"has versions 1 to {TOKENIZER}; fit again, or upgrade pennyweight"
    )


def _words_1(text: str) -> list[str]:
    matches = _WORD_1.findall(text.lower())
    if not _HAS_CJK_1.search(text):
        return matches
    out: list[str] = []
    for run in matches:
        if len(run) > 1 and _HAS_CJK_1.match(run):
            out.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            out.append(run)
    return out
