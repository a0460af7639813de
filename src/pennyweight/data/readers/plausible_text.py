"""The plausibility of a text in some encoding, by the places of its letters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

__all__ = ["plausibility"]

# The letters beyond ASCII of languages in Latin script.
_LATIN = tuple(
    map(
        frozenset,
        (
            "àâæçéèêëîïôœùûüÿ",
            "äöüß",
            "áéíñóúüïàèòç",
            "ãõáâàçéêíóôúü",
            "àèéìíîòóùú",
            "æøåéäöó",
            "åäöéšž",
            "ëïéèêöüáóíç",
            "áðéíóúýþæö",
            "ąćęłńóśźż",
            "áčďéěíňóřšťúůýžäĺľôŕ",
            "áéíóöőúüű",
            "čćđšž",
            "ăâîșțşţ",
            "çğıöşüâîû",
            "ąčęėįšųūž",
            "āčēģīķļņšūž",
            "äõöüšž",
        ),
    )
)
_WESTERN, _OF_SEVERAL = frozenset("").union(*_LATIN[:8]), 0.95  # names of many countries
# The most frequent letters of other scripts.
_FREQUENT = {
    "CYRILLIC": frozenset("оеаинтслрвіыдкмпу"),
    "GREEK": frozenset("αοιετνσηρςκπμλάέίόή"),
    "HEBREW": frozenset("יוהלאתרבמשנםן"),
    "ARABIC": frozenset("ابتدرسلمنوهيةع"),
    "THAI": frozenset("านรอกเงมยลวดทสหปบค่้ีิัะ"),
}
_MOSTLY = 0.75
_SIGNS = frozenset("€£¥§©®™°²³µ¼½¾×÷±¬¦Ω≤≥≈«»„“”‚‘’–—…•·¡¿ªº¹‹›†‡‰´¨№\xa0\xad")
_WITHIN, _BEFORE = frozenset("’‘'´·-–—®™\xad\xa0"), frozenset("‚„¿¡£")
_ACCENTED, _WEIGHT = 0.75, 3  # largest share of accents in a word; weight of a misplaced letter
# First bytes of the characters of each East Asian encoding that are in common use.
_COMMON = {
    "gb18030": (0xB0, 0xD7),
    "big5": (0xA4, 0xC6),
    "cp932": (0x88, 0x97),
    "euc_jp": (0xB0, 0xCF),
}
_KANA = 0.1  # share of kana in a Japanese text


def plausibility(lines: Sequence[str], codec: str) -> float:
    """Return the share of non-ASCII letters and signs in plausible places.

    Parameters
    ----------
    lines
        The lines beyond ASCII, as the encoding reads them.
    codec
        Its name in Python.
    """
    beyond = [letter for line in lines for letter in line if letter > "\x7f"]
    if any(unicodedata.category(letter) in ("Cc", "Co", "Cn") for letter in beyond):
        return 0.0
    if codec in _COMMON or codec == "cp949":
        return _east_asian(beyond, codec)
    letters = Counter(low for c in beyond if _is_letter(c) for low in c.lower()[:1])
    n_signs = len(beyond) - letters.total()
    bad = sum(
        _is_misplaced(*neighborhood) for line in lines for neighborhood in _neighborhoods(line)
    )
    bad += sum(map(_excess_accents, lines))
    return (_usual_letters(letters) + n_signs - _WEIGHT * bad) / max(1, len(beyond))


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" and character not in _SIGNS


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _usual_letters(letters: Counter[str]) -> float:
    """Return how many letters suit one language; in other scripts all, if most are usual."""
    scripts = Counter(_script(letter) for letter in letters.elements())
    if not scripts:
        return 0.0
    script, _ = scripts.most_common(1)[0]
    if script in _FREQUENT:
        frequent = sum(letters[letter] for letter in _FREQUENT[script])
        return min(float(scripts[script]), frequent / _MOSTLY)
    if script != "LATIN":
        return 0.0
    single = max(sum(letters[letter] for letter in alphabet) for alphabet in _LATIN)
    several = sum(letters[letter] for letter in _WESTERN)
    return max(float(single), _OF_SEVERAL * several)


def _neighborhoods(line: str) -> Iterator[tuple[str, str, str]]:
    """Yield each non-ASCII character between its neighbors."""
    padded = f" {line} "
    for match in re.finditer(r"[^\x00-\x7f]", line):
        at = match.start() + 1
        yield padded[at - 1], padded[at], padded[at + 1]


def _is_misplaced(before: str, character: str, after: str) -> bool:
    """Say whether a letter or sign is in an implausible place."""
    if not _is_letter(character):
        inside = _is_letter(before) and _is_letter(after) and character not in _WITHIN
        leads = character in _BEFORE and _is_letter(before)
        return character not in _SIGNS or inside or leads
    if before.isdecimal() or after.isdecimal():
        return True
    if (before.islower() and character.isupper()) or (character.islower() and after.isupper()):
        return True
    if unicodedata.category(character)[0] == "M":  # of the letter before it
        return _script(before) != _script(character)
    neighbors = [other for other in (before, after) if unicodedata.category(other)[0] == "L"]
    return any(_script(other) != _script(character) for other in neighbors)


def _excess_accents(line: str) -> int:
    """Count the letters of Latin words in which most letters have accents."""
    count = 0
    for word in re.findall(r"[^\W\d_]{4,}", line):
        beyond = sum(letter > "\x7f" for letter in word)
        if beyond > _ACCENTED * len(word) and _script(word[0]) == "LATIN":
            count += beyond
    return count


def _east_asian(beyond: Sequence[str], codec: str) -> float:
    """Return the share of characters in common use."""
    kana = hangul = common = 0
    for character in beyond:
        name = unicodedata.name(character, "")
        is_sign = unicodedata.category(character)[0] in "PSZN" or name.startswith("FULLWIDTH")
        if name.startswith(("HIRAGANA", "KATAKANA")):
            kana += 1
        elif name.startswith("HANGUL SYLLABLE"):
            hangul += len(character.encode("euc_kr", "ignore")) == 2
        elif is_sign:
            common += 1
        elif codec in _COMMON:
            low, high = _COMMON[codec]
            code = character.encode(codec)
            trail = 0xA1 if codec in ("gb18030", "euc_jp") else 0x40
            common += len(code) == 2 and low <= code[0] <= high and code[1] >= trail
    if codec == "cp949":
        return (hangul + common) / len(beyond)
    if codec in ("cp932", "euc_jp"):
        return (kana + common) / len(beyond) if kana >= _KANA * len(beyond) else 0.0
    return common / len(beyond)
