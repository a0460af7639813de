"""Words in many languages for returns and cancellations, failures and denials."""

import re
from typing import Literal

from pennyweight.data.plain_text import folded, spaced

__all__ = [
    "denial_of",
    "is_against",
    "is_failure",
    "is_loan",
    "is_negator",
    "is_return",
    "is_undone",
    "words_of",
]

# Full words, compared without case and accents.
_UNDONE = re.compile(
    r"cancell?(ed|ation)?|refund(s|ed)?|return(s|ed)?|rto|charge(d)?back(s)?|revers(ed|al)"
    r"|credit(note|memo|invoice)s?|credit(nota|factuur)|kreditn?(ota|faktura)|notecredit|dobropis"
    r"|avoirs?|stornorechnung|rechnungskorrektur|gutschriften|korekta|korygujac[aey]"
    r"|stornovan[aeoy]?|zrusen[aeoyi]?|zrusenie|vracen[aeoyi]?|vraten[aeoyi]?|vratka"
    r"|anulowan(ie|i|o)|zwroty|zwrocono|stornier(t|ung)|storno|retour(e|en|niert|nee?s?)?|(ruck)?erstatt(et|ung)|widerruf(en)?"
    r"|ruck(gabe|sendung)|zuruck(gegeben|gesendet|geschickt)|gutschrift"
    r"|annule(e|es|s)?|annulation|rembourse(e|es|s|ment)?|cancelad[oa]s?|cancelacion|anulad[oa]s?"
    r"|devuelt[oa]s?|devolucion(es)?|devolvid[oa]s?|devolucao|reembols(ad[oa]s?|o)"
    r"|estorn(ad[oa]s?|o)|cancelamento|annullat[oaie]|annullamento|rimbors(at[oa]|o)|reso|resi"
    r"|geannuleerd|geretourneerd|terugbetaald|teruggestuurd|annulering|terugbetaling"
    r"|zwrot|zwrocon[aey]|anulowan[aey]|retur(nerad|neret|nert)?|avbruten|annulleret|palautus"
    r"|palautettu|peruttu|iade|iptal|возврат|возвращен[оа]?|отмен[аен]?|отменен[оа]?"
    r"|(已|被)?(退货|退貨|退款|取消)(完成|成功|済み?|完了)?|(返品|返金|キャンセル)(済み?|完了)?"
    r"|annullera(d|t|de)|makulera(d|t|de)|avbokad|avbokat|avbestilt|refundera(d|t|de)|refunder(et|t|ad)"
    r"|aterbetal(d|t|ning)|tilbagebetalt|tilbakebetalt|returnert|kansellert|annullert|peruutettu"
    r"|hyvitetty|torolve|torolt|visszakuld(ve|ott|es)|visszaterit(ve|es)|visszavonva|visszaru"
    r"|lemond(va|ott)|sztorno(zva|zott)?|anulat(a|e)?|returnat(a|e)?|rambursat(a|e)?|restituit(a|e)?"
    r"|otkazan[oai]?|ponisten[oai]?|vracen[oai]?|storniran[oai]?|preklican[oai]?|povrnjen[oai]?"
    r"|refundiran[oai]?|tuhistatud|tagastatud|atcelts|atgriezts|atsaukta|atsauktas|grazinta|grazintas"
    r"|анулиран[ао]?|анульован[оаи]?|аннулирован[оаы]?|върнат[ао]?|скасован[оаи]?|повернен[оаи]?"
    r"|повернуто|сторно|ακυρω(θηκε|μεν[ηοα]|ση|θεισα)|επιστρ(αφηκε|αφη|οφη|αμμεν[ηοα])|επεστραφη"
    r"|(di)?batal(kan)?|dikembalikan|pengembalian|dipulangkan|בוטל[הו]?|מבוטל[ת]?|הוחזר[הו]?|זוכה"
    r"|(订单|訂單|交易|注文|주문|결제)(已|被)?(退货|退貨|退款|取消|キャンセル|취소|환불)(完了|완료|됨)?"
    r"|退货退款|退貨退款|退款退货|取り消し|取消し"
    r"|(반품|환불|취소)(완료|됨|처리)?|ملغي|ملغى|ملغاة|الغاء|مرتجع|مسترد|مسترجع|rma"
)
_FAILED = re.compile(
    r"fail(ed|ure)?|declined?|void(ed)?|expired?|unpaid|denied|reject(ed|ion)?|abandon(ed)?"
    r"|fehlgeschlagen|abgelehnt|abgebrochen|refusee?s?|echouee?s?|expiree?s?"
    r"|rechazad[oa]s?|fallid[oa]s?|impagad[oa]s?|recusad[oa]s?|rifiutat[oaie]|fallit[oaie]"
    r"|geweigerd|mislukt|odrzucon[aey]"
)
_AGAINST = re.compile(
    r"entfernt|entfernen|geloscht|loschung|ausgeblendet|gemeldet|blockiert|abgewahlt|abbestell(t|ung)"
    r"|gekundigt|kundigung|miss?fallen|ablehnung|reklamation|abneigung|verworfen"
    r"|supprimee?s?|suppression|retiree?s?|masquee?s?|signalee?s?|bloquee?s?|deteste|desabonnement"
    r"|eliminad[oa]s?|quitad[oa]s?|ocult(o|ad[oa])s?|bloquead[oa]s?|denunciad[oa]s?|removid[oa]s?"
    r"|rechazo|odio|excluid[oa]s?|rimoss[oaie]|nascost[oaie]|bloccat[oaie]|segnalat[oaie]"
    r"|usuniecie|usuniet[aeyo]|usunieto|usunal|odstranen[aeoyi]?|odebran[aeoyi]?|reklamac(ja|je|e)"
    r"|odstranenie|rezygnacja|ukryt[aeoy]|zablokowan[aeoy]|verwijderd|verborgen|geblokkeerd|afgewezen|удален[оа]?|скрыт[оа]?"
    r"|ausblenden|blockieren|ablehnen|masquer|signaler|bloquer|supprimer|retirer|rejeter|ocultar"
    r"|bloquear|eliminar|quitar|rechazar|remover|excluir|descartar|denunciar|nascond(i|ere)"
    r"|rimuov(i|ere)|blocca(re)?|segnala(re)?|rifiuta(re)?|verbergen|verwijderen|blokkeren|ukryj"
    r"|usun(ac)?|zablokuj|odrzuc|скрыть|удалить|заблокировать|пожаловаться|gizle|kaldir|engelle"
    r"|dolj|skjul|fjern"
    r"|rtn|rtrn|ret|rtv|rma|rfnd|cxl|cncl|canc|[rxcdn]"
)
_ABBREVIATED = 4
_NEGATORS = re.compile(
    r"not|no|non|never|un|without|nicht|kein(e|en|er)?|nie|niemals|ohne|ne|pas|jamais|aucune?|sin|nunca|ningun[oa]?|nao|senza"
    r"|niet|geen|nooit|ikke|inte|aldrig|nem|не|нет|без|никогда"
)
_LOAN = re.compile(
    r"loan(s|ed)?|lend|lent|lending|borrow(ed|er|ing|s)?|rent(ed|al|als|s|ing)?|hire[ds]?"
    r"|ausleih(e|en|datum)?|ausgeliehen|leihe|leihdatum|entliehen|verleih|pret|emprunt|alquiler"
    r"|prestamo|prestito|noleggio|emprestimo|huur|uitleen|overdue"
)
_RETURN = re.compile(
    r"return(s|ed)?|retour.*|zuruck.*|ruckgabe|rucksendung|devol.*|devuel.*|reso|resi"
)
# "creditnote" in one word: a note alone is none, and a credit card pays.
_CREDIT = re.compile(r"(?<![^\W_])credit[\W_]+(note|memo|invoice)")
_NOTE = re.compile(r"(?<![^\W_])not[ae]([\W_]+d[ei])?[\W_]+credito?(?![^\W_])")
_HAN = re.compile(
    "[不没沒未无無非勿退]|取消|差评|屏蔽|举报|删除|隐藏|拉黑|非表示|削除|通報|숨기|삭제|차단|신고|ない|しない|않|안함|싫"
)


def words_of(name: str) -> list[str]:
    """Return the words of a name, without case and accents; ``RefundPending`` has two."""
    text = _NOTE.sub("notecredit", folded(spaced(name)))
    return re.findall(r"[^\W_]+", _CREDIT.sub(r"credit\1", text))


def is_undone(word: str) -> bool:
    """Say whether a word names a return, a refund or a cancellation."""
    return _UNDONE.fullmatch(word) is not None or _UNDONE.fullmatch(_umlauts(word)) is not None


def is_against(word: str) -> bool:
    """Say whether a word of another language than English means a removal or a rejection."""
    match = _AGAINST.fullmatch(word) or _AGAINST.fullmatch(_umlauts(word))
    return match is not None and len(word) > _ABBREVIATED


def _umlauts(word: str) -> str:
    """Return a word with umlauts as base letters, also those written as two: rueckgabe."""
    return re.sub("([aou])e", r"\1", word)


def is_failure(word: str) -> bool:
    """Say whether a word means that something did not come about."""
    return _FAILED.fullmatch(word) is not None


def is_negator(word: str) -> bool:
    """Say whether a word denies those beside it."""
    return _NEGATORS.fullmatch(word) is not None


def is_loan(word: str) -> bool:
    """Say whether a word is about lending, where everything comes back in the end."""
    return _LOAN.fullmatch(word) is not None


def is_return(name: str) -> bool:
    """Say whether a name is about an item that comes back, not about money or an end."""
    undone = [word for word in words_of(name) if is_undone(word) or _RETURN.fullmatch(word)]
    return bool(undone) and all(_RETURN.fullmatch(word) for word in undone)


def denial_of(name: str) -> Literal["negative", "doubtful", "unknown"]:
    """Return whether a name in another language may be a denial.

    A return or cancellation is negative; any other word of denial, such as ``nicht gekauft``, and
    an abbreviation such as ``RTN`` or ``R``, is doubtful.
    """
    words = words_of(name)
    single = len(words) == 1
    doubts = [
        word
        for word in words
        if is_failure(word)
        or is_negator(word)
        or _HAN.search(word)
        or (_AGAINST.fullmatch(word) and (len(word) > 1 or single))
    ]
    undone = [word for word in words if is_undone(word)]
    if undone and all(word in undone for word in doubts):
        return "negative"
    return "doubtful" if doubts else "unknown"
