"""Names and values of columns that say which items may be recommended."""

import re
import unicodedata

__all__ = [
    "AMOUNTS",
    "CLEAR",
    "CLEAR_NOT",
    "GONE_AT",
    "NO",
    "PIECES",
    "PUBLISHED_AT",
    "VAGUE",
    "VAGUE_NOT",
    "WORDED",
    "YES",
    "plain",
]


def plain(text: str) -> str:
    """Return a text in small letters without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _folded(words: str) -> set[str]:
    return {plain(word) for word in words.split("|")}


# Names are compared in lower case without punctuation and accents. A column with a clear name
# must be readable; one with a vague name is used only where all its values can be read.
CLEAR = {
    "available", "isavailable", "availability", "instock", "isinstock", "stockstatus",
    "inventorystatus", "availabilitystatus", "availableforsale", "issellable", "buyable",
    "isbuyable", "purchasable",
}  # fmt: skip
CLEAR_NOT = {
    "hidden", "ishidden", "soldout", "issoldout", "outofstock", "isoutofstock", "unavailable",
    "isunavailable", "discontinued", "isdiscontinued", "notavailable",
}  # fmt: skip
VAGUE = {
    "stock", "stocklevel", "stockquantity", "stockqty", "instockquantity", "inventory",
    "inventoryquantity", "inventoryqty", "inventorylevel", "availablequantity", "availableqty",
    "quantityavailable", "qtyavailable", "quantityinstock", "qtyinstock", "onhand",
    "quantityonhand", "unitsinstock", "active", "isactive", "status", "productstatus", "itemstatus",
    "listingstatus", "poststatus", "publicationstatus", "publishstatus", "workflowstate",
    "workflowstatus", "moderationstate", "moderationstatus", "reviewstatus", "articlestatus",
    "contentstatus", "privacystatus", "lifecyclestatus", "state", "itemstate", "productstate",
    "publicationstate", "ispublic", "productonline", "qty", "quantity", "statut", "estado", "stato",
    "published", "ispublished", "enabled", "isenabled", "visible", "isvisible",
    "visibility", "isonline", "online", "sellable", "isforsale", "forsale",
    "verfugbar", "verfugbarkeit", "lieferbar", "lieferbarkeit", "auflager", "vorratig", "aktiv",
    "lagerbestand", "lagermenge", "lagerstatus", "bestand", "disponible", "disponibilidad",
    "existencias", "enstock", "activo", "disponibilite", "quantitedisponible", "actif",
    "disponibile", "disponibilita", "giacenza", "disponivel", "disponibilidade", "estoque",
    "emestoque", "ativo", "beschikbaar", "beschikbaarheid", "opvoorraad", "voorraad", "leverbaar",
    "dostepny", "dostepnosc", "stanmagazynowy", "наличие", "вналичии", "остаток", "在庫", "在庫数",
    "库存", "stok", "lager", "lagersaldo",
}  # fmt: skip
VAGUE_NOT = {
    "deleted", "isdeleted", "archived", "isarchived", "disabled", "isdisabled", "removed",
    "isremoved", "inactive", "isinactive", "isdraft", "draft", "retired", "isretired", "blocked",
    "isblocked", "unlisted", "isunlisted", "ausverkauft", "vergriffen", "geloscht", "archiviert",
    "agotado", "eliminado", "epuise", "supprime", "esaurito", "esgotado", "uitverkocht",
}  # fmt: skip
# True or false in words; as numbers these may count, such as the pieces sold.
WORDED = {"expired", "isexpired", "sold", "issold", "ended", "isended"}
# A time, or anything that is not false, means that the item is gone.
GONE_AT = re.compile(
    r"(deleted|archived|removed|discontinued|unpublished|deactivated|disabled|retired|soldout|"
    r"delisted|geloscht|eliminado|supprime)(at|on|date|time|timestamp|am|en|le)|"
    r"(date|time)(deleted|archived|removed|discontinued|unpublished|deactivated)|deletiondate"
)
PUBLISHED_AT = {"publishedat", "publishedon", "datepublished"}
PIECES = re.compile(
    "stock|inventory|quantity|qty|onhand|bestand|menge|lager|verfugbar|dispon|existencias|giacenza|"
    "quantite|estoque|voorraad|stan|наличи|остаток|在庫|库存|stok|beschikbaar|dostep"
)

YES = _folded(
    "true|yes|y|t|on|ja|oui|sí|si|sim|да|是|有货|有|はい|available|in stock|instock|preorder|"
    "pre order|presale|pre sale|"
    "backorder|back order|backordered|on backorder|limited|limited availability|"
    "limited stock|low stock|low|few left|in store only|instoreonly|online only|onlineonly|"
    "made to order|madetoorder|limitedavailability|available on backorder|active|activated|live|"
    "published|publish|enabled|visible|public|for sale|on sale|listed|catalog search|"
    "catalog and search|catalog, search|search|catalog|"
    "normal|approved|online|released|in print|current|"
    "disponible|en stock|verfügbar|lieferbar|auf lager|disponibile|"
    "disponível|в наличии|在庫あり|available for order|available to order|available for purchase|"
    "available for pre order|ready to ship|sofort verfügbar|sofort lieferbar|vorrätig|aktiv|"
    "veröffentlicht|en existencia|hay existencias|con stock|activo|publicado|actif|publié|"
    "en magasin|attivo|pubblicato|em estoque|ativo|op voorraad|beschikbaar|leverbaar|"
    "dostępny|dostępne|w magazynie|tak|доступен|есть|есть в наличии|есть в продаже|tillgänglig|"
    "i lager|på lager"
)
NO = _folded(
    "false|no|n|f|off|nein|non|não|нет|否|无货|無|缺货|いいえ|unavailable|not available|"
    "out of stock|outofstock|"
    "out|oos|sold out|soldout|not in stock|no stock|none in stock|empty|discontinued|"
    "inactive|deactivated|draft|archived|unpublished|hidden|disabled|deleted|removed|private|"
    "not for sale|unlisted|ended|expired|retired|suspended|withdrawn|blocked|rejected|pending|"
    "temporarily unavailable|currently unavailable|temporarily out of stock|delisted|invisible|"
    "not visible|not visible individually|not published|offline|reserved|"
    "trash|trashed|future|auto draft|inherit|scheduled|coming soon|unreleased|"
    "not released|not yet released|retracted|embargoed|in review|under review|in moderation|"
    "pending review|needs review|awaiting review|awaiting approval|to be published|unapproved|"
    "not approved|declined|out of print|eol|end of life|obsolete|phased out|taken down|takedown|"
    "banned|spam|superseded|revoked|recalled|no longer available|not active|paused|on hold|"
    "closed|corbeille|planifié|en attente|papelera|programado|pendiente|"
    "cestino|programmato|papierkorb|geplant|"
    "agotado|épuisé|indisponible|en rupture|"
    "en rupture de stock|rupture de stock|ausverkauft|nicht verfügbar|nicht lieferbar|"
    "nicht auf lager|esaurito|esgotado|no disponible|нет в наличии|在庫なし|売り切れ|"
    "品切れ|sold|mark as sold|marked as sold|nicht vorrätig|vergriffen|inaktiv|entwurf|archiviert|"
    "gelöscht|sin existencias|sin stock|fuera de stock|inactivo|borrador|archivado|inactif|"
    "brouillon|archivé|non disponible|pas disponible|non disponibile|inattivo|bozza|sem estoque|"
    "fora de estoque|indisponível|inativo|rascunho|niet op voorraad|niet beschikbaar|"
    "niet leverbaar|uitverkocht|nee|niedostępny|niedostępne|brak|brak w magazynie|nie|"
    "недоступен|распродано|slutsåld|ej i lager|ikke på lager"
)
AMOUNTS = {"none", "NONE", "nil", "NIL"}  # no value, or no piece
