"""E-mail addresses, also those spelled out for human readers only."""

import re
from collections.abc import Iterator

from pennyweight.data.detection.columns import ColumnName
from pennyweight.data.detection.text import Detector, Span, is_preceded

__all__ = ["EMAIL"]

_PLAIN = re.compile(
    r"(?<![\w.%+-])[^\W_][\w.%+'-]{0,63}@(?:[\w-]{1,63}\.)+(?P<tld>[^\W\d_]{2,24})(?![\w-])"
    r"|(?<![\w.%+-])_[\w.%+-]{0,63}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}(?![\w-])"
)
_FILES = frozenset(
    "png jpg jpeg gif svg webp avif bmp ico pdf css js mjs ts html htm zip gz mp3 mp4 json xml"
    " csv txt".split()
)
_TLD = (
    r"(?:com|org|net|edu|gov|info|biz|io|co|me|de|at|ch|uk|fr|it|es|pt|nl|be|se|no|dk|fi|pl|cz|ru"
    r"|eu|us|ca|au|nz|jp|cn|in|br|mx|ar|ie|gr|hu|ro|tr|kr|za|app|dev|shop|store|online|email)"
)
_AT_SIGN = r"(?: ?[(\[{<] ?(?:at|@|ät|arroba) ?[)\]}>] ?)"
_DOT_SIGN = r"(?: ?[(\[{<] ?(?:dot|punkt|point|punto|\.) ?[)\]}>] ?)"
_DOT = rf"(?:{_DOT_SIGN}| (?:dot|punkt) |\.)"
_LOCAL = rf"[\w+-]+(?:{_DOT}[\w+-]+){{0,4}}"
# Brackets leave no doubt; so does a space around the sign of an address with its dots.
_BRACKETS = re.compile(
    rf"(?<![\w@.+-]){_LOCAL}{_AT_SIGN}[\w-]+(?:{_DOT}[\w-]+){{0,3}}{_DOT}{_TLD}\b"
    rf"|(?<![\w@.+-])[\w+-]+(?:\.[\w+-]+){{0,3}}@[\w-]+(?:{_DOT}[\w-]+){{0,2}}"
    rf"(?:{_DOT_SIGN}| dot ){_TLD}\b"
    rf"|(?<![\w@.+-])[A-Z][\w+-]*(?:\.[\w+-]+){{0,3}} @ ?[A-Z][\w-]+(?:\.[\w-]+){{0,2}}\.{_TLD}\b",
    re.IGNORECASE,
)
_WORDS = re.compile(
    rf"(?<![\w@.+-])(?P<local>[\w+-]+(?:(?:\.| dot )[\w+-]+){{0,3}}) at "
    rf"[\w-]+(?:(?:\.| (?:dot|punkt) )[\w-]+){{0,2}}(?P<dot>\.| (?:dot|punkt) ){_TLD}\b",
    re.IGNORECASE,
)
_MAIL_WORD = re.compile(
    r"\b(?:e-?mail|mail|contact|write|reach|message|ask for|questions?|address|kontakt|correo"
    r"|inquiries|enquiries)\b[^.!?]{0,12}$",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:^|[:;,.!?(<\"'|-] ?)$")
# Plural nouns, for goods sold "at" a place; not first names in -s.
_PLURAL = re.compile(
    r"(?!(?:alexis|andreas|carlos|charles|chris|denis|dennis|francis|frances|hans|iris|james|jens"
    r"|jonas|klaus|lars|lois|louis|lucas|lukas|marcus|markus|mathias|matthias|nicholas|niels|nils"
    r"|tess|thomas|tobias|travis)$)[a-z]{3,}s",
    re.IGNORECASE,
)
# Words before the "at" of a place, not an address: "available at example dot com".
_NO_NAMES = frozenset(
    "shop available sold look buy visit order us find here now online more it them products"
    " product items item sale sales deals deal discount store price prices only back out stock"
    " free check see read learn download watch listen not also that this these is are was be"
    " stop arrive meet made designed featured seen".split()
)


def _spans(text: str, column: ColumnName) -> Iterator[Span]:
    for match in _PLAIN.finditer(text):
        if (match["tld"] or "").lower() not in _FILES:
            yield match.span()
    if "at" in text.lower() or "@" in text:
        yield from (match.span() for match in _BRACKETS.finditer(text))
        for match in _WORDS.finditer(text):
            if column.kind == "e-mail address" or _names_somebody(match):
                yield match.span()


def _names_somebody(match: re.Match[str]) -> bool:
    local = match["local"]
    if local.lower() in _NO_NAMES or _PLURAL.fullmatch(local):
        return False
    if re.search(r"[\d._+]| dot ", local, re.IGNORECASE):
        return True
    start, text = match.start(), match.string
    # A spelled-out dot hides an address; "accessories at example.com" is none.
    return is_preceded(text, start, _MAIL_WORD) or (
        match["dot"] != "." and local[0].islower() and is_preceded(text, start, _OPENING)
    )


EMAIL = Detector(
    (r"(?i)@|[\(\[\{<] ?(?:at|ät|arroba) ?[\)\]\}>]| at [^ ]+(?: (?:dot|punkt) |\.)",), _spans
)
