"""Names and values of columns that say which items may be recommended."""

import re

from pennyweight.data.plain_text import plain

__all__ = [
    "AMOUNTS",
    "CHANNEL_STATE",
    "CLEAR",
    "CLEAR_NOT",
    "CLOSED",
    "DOUBTFUL",
    "FILLERS",
    "HIDING",
    "HIDING_PHRASE",
    "NO",
    "NO_SITES",
    "NUMBERED_SITE",
    "OFFLINE",
    "ONLINE",
    "OPEN_FOR",
    "PIECES",
    "PUBLISHED_AT",
    "REMOVED_AT",
    "SITES",
    "STATES",
    "STOCK",
    "VAGUE",
    "VAGUE_NOT",
    "WORDED",
    "YES",
]


def _folded(words: str) -> set[str]:
    return {plain(word) for word in words.split("|")}


def _names(names: str) -> set[str]:
    return {plain(name) for name in names.split()}


# Names are compared in lower case without punctuation and accents. A column with a clear name
# must be readable; one with a vague name is used only where all its values can be read.
CLEAR = {
    "available",
    "isavailable",
    "availability",
    "instock",
    "isinstock",
    "stockstatus",
    "inventorystatus",
    "availabilitystatus",
    "availableforsale",
    "issellable",
    "buyable",
    "isbuyable",
    "purchasable",
}
CLEAR_NOT = {
    "hidden",
    "ishidden",
    "soldout",
    "issoldout",
    "outofstock",
    "isoutofstock",
    "unavailable",
    "isunavailable",
    "discontinued",
    "isdiscontinued",
    "notavailable",
}
VAGUE = {
    "stock",
    "stocklevel",
    "stockquantity",
    "stockqty",
    "instockquantity",
    "inventory",
    "inventoryquantity",
    "inventoryqty",
    "inventorylevel",
    "availablequantity",
    "availableqty",
    "quantityavailable",
    "qtyavailable",
    "quantityinstock",
    "qtyinstock",
    "onhand",
    "quantityonhand",
    "unitsinstock",
    "active",
    "isactive",
    "status",
    "productstatus",
    "itemstatus",
    "listingstatus",
    "poststatus",
    "publicationstatus",
    "publishstatus",
    "workflowstate",
    "workflowstatus",
    "moderationstate",
    "moderationstatus",
    "reviewstatus",
    "articlestatus",
    "contentstatus",
    "privacystatus",
    "lifecyclestatus",
    "state",
    "itemstate",
    "productstate",
    "publicationstate",
    "ispublic",
    "productonline",
    "qty",
    "quantity",
    "statut",
    "estado",
    "stato",
    "published",
    "ispublished",
    "enabled",
    "isenabled",
    "visible",
    "isvisible",
    "visibility",
    "isonline",
    "online",
    "sellable",
    "isforsale",
    "forsale",
    "verfugbar",
    "verfugbarkeit",
    "lieferbar",
    "lieferbarkeit",
    "auflager",
    "vorratig",
    "aktiv",
    "lagerbestand",
    "lagermenge",
    "lagerstatus",
    "bestand",
    "disponible",
    "disponibilidad",
    "existencias",
    "enstock",
    "activo",
    "disponibilite",
    "quantitedisponible",
    "actif",
    "disponibile",
    "disponibilita",
    "giacenza",
    "disponivel",
    "disponibilidade",
    "estoque",
    "emestoque",
    "ativo",
    "beschikbaar",
    "beschikbaarheid",
    "opvoorraad",
    "voorraad",
    "leverbaar",
    "dostepny",
    "dostepnosc",
    "stanmagazynowy",
    "наличие",
    "вналичии",
    "остаток",
    "在庫",
    "在庫数",
    "库存",
    "stok",
    "lager",
    "lagersaldo",
} | _names(
    "catalogvisibility visibilityincatalog lieferstatus lagerstand tillganglig tillganglighet "
    "lagerstatus ilager palager tilgjengelig tilgangelig saatavilla saatavuus varastossa skladem "
    "dostupnost stoktavar stokdurumu mevcut raktaron доступность доступен 状态 商品状态 上架状态 "
    "在庫状況 재고 재고여부 판매상태 διαθεσιμοτητα διαθεσιμο المخزون متوفر "
    # may be ordered
    "saleok oktosell salable saleable issalable issaleable orderable isorderable canorder "
    "canbeordered canbuy cansell canbesold allowpurchase allowpurchases purchasesallowed "
    "allowbuying allowsales bookable isbookable reservable bestellbar kaufbar kauflich "
    "verkaufbar buchbar commandable achetable vendable comprable vendible pedible acquistabile "
    "ordinabile vendibile vendavel compravel bestelbaar koopbaar verkoopbaar 販売可 販売可否 可售 "
    # may be shown
    "recommendable isrecommendable canrecommend recommendationenabled showinrecommendations "
    "playable isplayable streamable isstreamable "
    "includeinrecommendations live islive listed islisted sichtbar sichtbarkeit anzeigen visibile "
    "visibilita visivel visibilite zichtbaar zichtbaarheid widoczny widocznosc synlig synlighet "
    "видимый видимость видимости publicado publie pubblicato gepubliceerd opublikowany "
    "veroffentlicht publicerad publicerat опубликовано опубликован 公開 公开 公開状態 公開区分 "
    "공개 공개여부 表示 表示区分 掲載 "
    # in use, open
    "activa activee active attivo attiva actief aktywny aktywna aktivni aktywne aktiivinen aktif "
    "активен активно активный activ ενεργο 活性 有効 启用 激活 활성 사용여부 open isopen "
    "geoffnet aberto aperto abierto ouvert operational isoperational businessstatus "
    "operationalstatus operatingstatus openstatus "
    # of the life of a product, and of its sale
    "lifecycle lifecyclestage lifecyclestate productlifecycle plmstatus plmstate salesstatus "
    "sellingstatus saleability availabilitytype voorraadstatus"
)
VAGUE_NOT = {
    "deleted",
    "isdeleted",
    "archived",
    "isarchived",
    "disabled",
    "isdisabled",
    "removed",
    "isremoved",
    "inactive",
    "isinactive",
    "isdraft",
    "draft",
    "retired",
    "isretired",
    "blocked",
    "isblocked",
    "unlisted",
    "isunlisted",
    "ausverkauft",
    "vergriffen",
    "geloscht",
    "archiviert",
    "agotado",
    "eliminado",
    "epuise",
    "supprime",
    "esaurito",
    "esgotado",
    "uitverkocht",
} | _names(
    "banned isbanned private isprivate suspended issuspended donotrecommend dontrecommend "
    "excludefromrecommendations excludefromrecommendation oos isoos blacklisted isblacklisted "
    "obsolete isobsolete eol iseol endoflife withdrawn iswithdrawn recalled isrecalled delisted "
    "isdelisted unpublished isunpublished invisible isinvisible deactivated isdeactivated "
    "phasedout takendown gesperrt istgesperrt versteckt ausgeblendet deaktiviert bloqueado "
    "suspendido oculto inactivo bloque masque inactif bloccato nascosto inattivo bloqueado "
    "inativo geblokkeerd verborgen niedostepny скрыт скрыто vyprodano nedostupne slutsald "
    "udsolgt utsolgt loppuunmyyty tukendi 售罄 下架 売り切れ 품절 "
    "closed isclosed permanentlyclosed ispermanentlyclosed closedpermanently temporarilyclosed "
    "istemporarilyclosed closeddown outofbusiness geschlossen ferme chiuso cerrado fechado "
    "gesloten zamkniety закрыт закрыто 閉店 "
    "geoblocked isgeoblocked georestricted regionblocked regionlocked countryblocked takedown "
    "istakedown takedownflag dmca dmcatakedown "
    "deletionflag deleteflag deletionindicator deletionmark deletionmarker markedfordeletion "
    "flaggedfordeletion markfordeletion tobedeleted lvorm loekz loschvormerkung loschkennzeichen "
    "loschkz geloscht gelöschtkz auslauf auslaufartikel auslaufmodell istauslaufartikel "
    "auslaufend finserie findeserie descatalogado fueradecatalogo fuoriproduzione foradelinha "
    "uitlopend wycofany wycofane снятспроизводства 廃番 廃盤 生産終了 販売終了 非公開 非表示 "
    "停产 단종 salesblocked salesblock verkaufssperre filled isfilled positionfilled"
)
# A single word of these reverses the meaning of a chosen name: ``banned_in_shop``, ``no_index``.
HIDING = re.compile(
    r"hidden|hide|soldout|unavailable|unsellable|unsaleable|unbuyable|unapproved|discontinued|delet(ed|e)|archived?|disabled?|removed?|"
    r"inactive|drafts?|retired|blocked|unlisted|delisted|banned|ban|private|suspended|"
    r"suspension|oos|eol|obsolete|withdrawn|recalled|unpublished|invisible|deactivated|expired|"
    r"ended|noindex|norecommend|exclude[ds]?|exclusion|blacklist(ed)?|blocklist(ed)?|flagged|"
    r"reported|takedown|quarantined?|spam|embargo(ed)?|rejected|restricted|forbidden|prohibited|"
    r"closed|skip|suppress(ed)?|ignored?|ausverkauft|vergriffen|geloscht|archiviert|"
    r"gesperrt|sperre|versteckt|ausgeblendet|deaktiviert|agotado|eliminado|bloqueado|oculto|"
    r"epuise|supprime|bloque|masque|esaurito|bloccato|nascosto|esgotado|uitverkocht|geblokkeerd|"
    r"verborgen|售罄|下架"
)
# True or false in words; as numbers these may count, such as the pieces sold.
WORDED = {"expired", "isexpired", "sold", "issold", "ended", "isended"}
# Names with another common meaning: live streams, doors that are open now, forms filled in. They
# are used where at most half of the items would not be available.
DOUBTFUL = {"live", "islive", "open", "isopen", "filled", "isfilled", "dmca"}
# Words beside a known name that leave its meaning: ``Product Visible?``, ``deleted_flag``.
FILLERS = re.compile(
    r"is|ist|est|es|e|has|currently|still|product|products|item|items|article|artikel|produkt|"
    r"producto|produit|prodotto|produto|variant|listing|sku|offer|business|book|video|track|song|"
    r"movie|game|app|job|course|recipe|venue|flag|flg|yn|indicator|kennzeichen|商品"
)
STATES = re.compile("s?(status|state|stato|estado|statut|stav|zustand|状態|状态|狀態|区分)$")
# ``enrollment_open``: as long as people may take part.
OPEN_FOR = re.compile(
    r"(enroll?ments?|registrations?|applications?|bookings?|orders?|ordering|signups?|sales?|"
    r"admissions?|reservations?|anmeldung|inscriptions?|inscripcion(es)?|iscrizioni)(is|are)?open|"
    r"openfor(enroll?ment|registration|applications?|bookings?|orders?|sales?|business)"
)
# ``available_online`` and ``available_in_store``: one of several channels is enough.
CHANNEL_STATE = re.compile(
    r"available|availability|sellable|salable|saleable|orderable|purchasable|buyable|visible|"
    r"active|enabled|published|verfugbar|lieferbar|bestellbar|disponible|disponibile|disponivel"
)
ONLINE = re.compile(
    r"online|web|website|webshop|onlineshop|app|shop|ecommerce|ecom|ligne|internet|linea"
)
OFFLINE = re.compile(
    r"store|stores|instore|offline|retail|pos|filiale|filialen|markt|magasin|tienda|negozio|loja|"
    r"marketplace|wholesale|b2b|b2c"
)
# A time, or any value but false, means that the item was removed.
REMOVED_AT = re.compile(
    r"(deleted|archived|removed|discontinued|unpublished|deactivated|disabled|retired|soldout|"
    r"closed|filled|withdrawn|suspended|banned|blocked|"
    r"delisted|geloscht|eliminado|supprime)(at|on|date|time|timestamp|am|en|le)|"
    r"(date|time)(deleted|archived|removed|discontinued|unpublished|deactivated)|deletiondate"
)
# Pieces: names of these words alone, such as ``total_stock`` and ``availableUnits``.
STOCK = re.compile(
    r"(?=.*(stock|inventory|onhand|(available|remaining|sellable)(units|pieces|items|qty|quantity)|"
    r"(units|pieces|items|qty|quantity)(available|remaining|left)))"
    r"(variant|product|item|total|current|free|net|available|remaining|left|sellable|qty|quantity|"
    r"units?|count|level|amount|pieces|items|in|on|hand|stock|inventory)+"
)
# Words that, with another one, name the stock of one place: ``stock_berlin``.
SITES = re.compile(
    r"stock|inventory|lager|stok|bestand|lagerbestand|voorraad|existencias|estoque|giacenza|magazyn|остаток|"
    r"在庫|库存|qty|quantity|onhand"
)
NUMBERED_SITE = re.compile(rf"({SITES.pattern}|wh|warehouse)\d{{1,3}}")  # ``stock_1``
# Words of such names that are no place.
NO_SITES = re.compile(
    r"is|has|code|id|ids|symbol|ticker|sku|key|no|nr|num|number|price|prices|cost|value|min|max|"
    r"minimum|maximum|safety|reorder|threshold|alert|limit|reserved|reserve|incoming|inbound|"
    r"ordered|order|committed|sold|date|days|age|turnover|rate|ratio|pct|percent|share|status|type|"
    r"name|location|warehouse|change|target|capacity|exchange|market|option|options|managed?|low|"
    r"policy|per|pack|packs|package|box|case|carton|pallet|bundle|unit|units|set|sets|break|tier|moq|"
    r"returned|refunded|cancelled|canceled|shipped|delivered|purchased?|needed|required|allowed|"
    r"discount|cart|wishlist|likes|views|reviews|photos|images|ratings|votes|comments|downloads|"
    r"players|pages|songs|tracks|seasons|episodes|total|day|daily|weekly|monthly|tracker|tracks?|flag|of|out|last|next|by|management|backorders?|photo|image|url|\d+|year|week|month|mindest|soll"
)
HIDING_PHRASE = re.compile("outofstock|endoflife|phasedout|takendown|soldout")
PUBLISHED_AT = {"publishedat", "publishedon", "datepublished"}
PIECES = re.compile(
    "stock|inventory|quantity|qty|onhand|bestand|menge|lager|verfugbar|dispon|existencias|giacenza|"
    "quantite|estoque|voorraad|stan|наличи|остаток|在庫|库存|stok|beschikbaar|dostep|units|pieces|"
    "items(available|remaining|left)|skladem|المخزون|" + plain("재고")
)

YES = _folded(
    "true|yes|y|t|on|ja|oui|sí|si|sim|да|是|有货|有|はい|available|in stock|instock|preorder|"
    "pre order|presale|pre sale|onbackorder|allow backorders|sur commande|auf bestellung|"
    "bajo pedido|por encargo|su ordinazione|sob encomenda|op bestelling|na zamówienie|под заказ|"
    "special order|on demand|beställningsvara|取り寄せ|お取り寄せ|予約受付中|预订|預購|"
    "operational|open|opened|now open|in operation|buyable|sellable|orderable|salable|saleable|"
    "sofort|sofort versandfertig|immediate|immediately|immediately available|"
    "in production|mature|running|shown|displayed|"
    "geöffnet|offen|ouvert|abierto|aperto|aberto|otwarte|открыто|sichtbar|bestellbar|visibile|"
    "actief|zichtbaar|aktywny|aktywne|aktivní|активен|активно|активный|aktif|"
    "公開|公開中|公开|已公开|공개|表示|表示中|掲載中|有効|启用|販売可|可售|"
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
    "i lager|på lager|"
    # true and yes as spreadsheets and people of many languages write them
    "wahr|vrai|vero|verdadero|verdadeiro|waar|prawda|pravda|истина|sant|tosi|igaz|doğru|真|j|s|o|"
    "kyllä|ano|áno|evet|igen|ναι|예|네|نعم|✓|✔|☑|✅|○|◯|"
    "var|あり|有り|有貨|있음|재고 있음|재고있음|판매중|上架|已上架|在售|现货|販売中|"
    "skladem|dostupné|dostupný|διαθέσιμο|tilgjengelig|tilgængelig|saatavilla|varastossa|"
    "stokta|stokta var|mevcut|raktáron"
)
PLAIN_NO = _folded(
    "false|no|n|f|off|nein|non|não|нет|否|無|いいえ|out|empty|nee|nie|brak|"
    "falsch|faux|falso|onwaar|fałsz|nepravda|ложь|falskt|falsk|epätosi|hamis|yanlış|yanliş|假|"
    "ei|ne|nej|nei|hayır|hayir|nem|όχι|아니요|아니오|لا|✗|✘|☒|☐|❌|×|yok|なし|無し|없음"
)
# Words for unavailable items, with no meaning in other yes-no columns.
CLOSED = _folded(
    "无货|缺货|unavailable|not available|out of stock|outofstock|"
    "closed permanently|permanently closed|closed temporarily|temporarily closed|closed down|"
    "out of business|not operational|incomplete|edit|staging|suppressed|detail page removed|"
    "listing removed|search suppressed|out of production|not in production|end of sale|"
    "end of sales|end of support|sunset|decommissioned|terminated|cancelled product|"
    "not salable|not saleable|not sellable|not orderable|geo blocked|"
    "verkauft|vendu|vendido|vendida|venduto|verkocht|sprzedane|sprzedany|prodáno|såld|solgt|продано|"
    "продан|已售|已售出|売却済|成約済|판매완료|"
    "geschlossen|dauerhaft geschlossen|fermé|cerrado|chiuso|fechado|gesloten|zamknięte|закрыто|"
    "nicht sichtbar|versteckt|ausgeblendet|gesperrt|abgekündigt|auslaufartikel|eingestellt|"
    "bloqué|masqué|supprimé|bloqueado|oculto|eliminado|descatalogado|bloccato|nascosto|eliminato|"
    "geblokkeerd|verborgen|verwijderd|inactief|niet actief|gearchiveerd|ukryty|ukryte|nieaktywny|"
    "nieaktywne|zablokowany|wycofany|wycofane|wyprzedane|скрыт|скрыто|удален|удалён|удалено|"
    "заблокирован|неактивен|неактивно|снят с производства|снято с производства|архив|в архиве|"
    "inaktiv|inaktiva|inaktivt|neaktivní|pasif|pasiv|"
    "非公開|非公开|未公开|비공개|非表示|廃番|廃盤|生産終了|取扱終了|停产|停售|已删除|已下线|단종|무효|停用|禁用|"
    "oos|sold out|soldout|not in stock|no stock|none in stock|discontinued|"
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
    "niet leverbaar|uitverkocht|niedostępny|niedostępne|brak w magazynie|"
    "недоступен|распродано|slutsåld|ej i lager|ikke på lager|"
    "품절|재고 없음|재고없음|판매중지|下架|已下架|售罄|断货|缺貨|販売終了|"
    "není skladem|vyprodáno|nedostupné|nedostupný|εξαντλημένο|μη διαθέσιμο|udsolgt|utsolgt|"
    "ikke tilgængelig|ikke tilgjengelig|ej tillgänglig|inte tillgänglig|slut i lager|"
    "loppu|loppuunmyyty|ei saatavilla|tükendi|stokta yok|elfogyott|nincs raktáron"
)
NO = PLAIN_NO | CLOSED
AMOUNTS = {"none", "NONE", "nil", "NIL"}  # no value, or no piece
