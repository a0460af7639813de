"""Words and signs for yes and no, in many languages."""

__all__ = ["NO", "YES"]

# Without case.
YES = frozenset(
    "1 1.0 +1 +1.0 true yes y t x on checked ✓ ✔ ☑ ✅ ja j si sí s sim oui o vrai v wahr w да evet"
    " tak ano áno igen kyllä kylla jo ναι כן نعم हाँ 是 真 はい 有 예 네 vero verdadero verdadeiro"
    " waar sant sann".split()
)
NO = frozenset(
    "0 0.0 false no n f off unchecked nein non não nao nee nej nei nie ne нет hayır hayir nem ei"
    " falsch faux falso fałsz falskt onwaar nu όχι לא لا नहीं 否 假 いいえ 無 아니요"
    " 아니오 ✗ ✘ ✕ ❌ ☒ ❎".split()
)
