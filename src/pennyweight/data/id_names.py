"""Names of ids in many trades and languages, which the values have to confirm."""

import re

from pennyweight.data.plain_text import folded, spaced

__all__ = ["id_like", "may_be_item", "may_be_user"]

_ITEMS = (
    "job|recipe|app|application|anime|manga|course|venue|game|episode|podcast|listing|property|"
    "hotel|restaurant|place|poi|post|photo|image|picture|paper|playlist|album|show|program|"
    "programme|offer|ad|beer|wine|dish|meal|lesson|lecture|exercise|quiz|question|story|"
    "stream|channel|series|film|vacancy|position|deal|coupon|tool|model|dataset|repo|"
    "repository|package|plant|room|car|vehicle|house|item|product|goods|good|merchandise|style|"
    "variant|material|matnr|menu|service|article|book|movie|song|track|video|"
    "artikel|produkt|produkte|ware|buch|kurs|stelle|anzeige|angebot|rezept|"
    "produit|livre|cours|annonce|offre|recette|emploi|"
    "producto|articulo|libro|curso|anuncio|oferta|receta|empleo|pelicula|"
    "prodotto|articolo|corso|annuncio|offerta|ricetta|produto|artigo|livro|"
    "boek|cursus|vacature|towar|przedmiot|ksiazka|zbozi|vyrobek|tovar|"
    "vare|vara|produkti|tuote|tuotteen|urun|termek|cikk|товар|товара|продукт|продукта|артикул|"
    "προιον|προιοντος"
)
_USERS = (
    "user|customer|client|buyer|shopper|account|subscriber|viewer|reader|listener|student|learner|"
    "player|profile|consumer|purchaser|patron|cust|kunnr|applicant|donor|"
    "kunde|kunden|kundin|nutzer|benutzer|teilnehmer|mitglied|kaufer|"
    "acheteur|utilisateur|membre|abonne|cliente|clientes|comprador|usuario|miembro|socio|"
    "utente|acquirente|membro|utilizador|klient|klienta|uzytkownik|uzytkownika|kupujacy|"
    "zakaznik|zakaznika|uzivatel|klant|gebruiker|koper|kund|kundens|anvandare|bruker|kunder|bruger|"
    "asiakas|asiakkaan|kayttaja|musteri|kullanici|ugyfel|vevo|felhasznalo|cumparator|"
    "клиент|клиента|покупатель|покупателя|пользователь|пользователя|πελατης|πελατη|χρηστης"
)
_IDS = (
    "id|ids|no|nr|num|number|code|key|uuid|guid|ref|sku|"
    "nummer|numer|numero|n|kod|codigo|codice|cislo|номер|код|ид|kodu|numarasi"
)
_BESIDE = re.compile(rf"{_IDS}|de|du|del|della|do|da|van|der|the|el|la|le")
_NUMBER_HAN = "id|コード|番号|编号|編號|号|code|번호"


_ITEM = re.compile(folded(_ITEMS))
_USER = re.compile(folded(_USERS))
_GLUED = re.compile(rf"(?:{_IDS})?(?P<noun>.+?)s?(?:{_IDS})?")
_HAN_ITEM = re.compile(
    folded(f"(商品|产品|產品|製品|アイテム|物品|상품|제품|아이템)({_NUMBER_HAN})?")
)
_HAN_USER = re.compile(
    folded(
        "(用户|用戶|客户|客戶|顾客|顧客|会员|會員|会員|ユーザー|ユーザ|買家|买家|고객|사용자|회원)"
        f"({_NUMBER_HAN})?"
    )
)


def may_be_item(name: str) -> bool:
    """Say whether a name is that of an item or its id: ``job_id``, ``Artikelnummer``, ``商品``."""
    return _is_of(name, _ITEM, _HAN_ITEM)


def may_be_user(name: str) -> bool:
    """Say whether a name is that of a user or his or her id: ``Kundennummer``, ``id_cliente``."""
    return _is_of(name, _USER, _HAN_USER)


def id_like(name: str) -> bool:
    """Say whether a name is that of some id."""
    words = _words(name)
    return bool(words) and (
        any(re.fullmatch(_IDS, word) for word in (words[0], words[-1]))
        or may_be_item(name)
        or may_be_user(name)
    )


def _is_of(name: str, noun: re.Pattern[str], han: re.Pattern[str]) -> bool:
    words = _words(name)
    if han.fullmatch("".join(words)):
        return True
    nouns = [word for word in words if not _BESIDE.fullmatch(word)]
    if len(nouns) != 1:
        return False
    if noun.fullmatch(nouns[0]):
        return True
    glued = _GLUED.fullmatch(nouns[0])
    stem = glued["noun"] if glued is not None else ""
    return noun.fullmatch(stem) is not None


def _words(name: str) -> list[str]:
    """Return the words of a name, in small letters without accents."""
    return re.findall(r"[^\W_]+", folded(spaced(name)))
