"""Names of time columns in languages other than English."""

import re
import unicodedata

__all__ = ["foreign_kind"]

# Names of the date or time itself; compounds end with those of the second set.
_TIMES = frozenset(
    "datum data dato fecha date tarih tarihi дата дату дати время czas zaman zamani "
    "ημερομηνια التاريخ تاريخ दिनांक तारीख तिथि समय paivamaara paiva kuupaev datums tanggal "
    "zeitpunkt zeitstempel tijdstip tijdstempel tidpunkt tidspunkt tidsstampel tidsstempel "
    "horodatage horodate momento datuma datumi datumu".split()
)
_ENDINGS = (
    "datum",
    "dato",
    "zeitpunkt",
    "zeitstempel",
    "tijdstip",
    "paiva",
    "tidpunkt",
    "日付",
    "日時",
    "年月日",
    "日期",
    "时间",
    "時間",
    "时刻",
    "날짜",
    "일시",
    "일자",
    "시간",
    "タイムスタンプ",
    "时间戳",
    "日",
    "일",
)
_STAMPS = frozenset(
    {"marcadetiempo", "marcatemporal", "znacznikczasu", "zamandamgasi", "меткавремени"}
)
_MONTHS = frozenset("monat mese mois mes maand miesiac mesic месяц місяць kuukausi maned".split())
_ENGLISH = frozenset({"data", "date"})
_IDS = frozenset("id ids no nr num number code key type source".split())
_BETWEEN = re.compile(r"[\s_.,:;/()'’\"\[\]-]+")
_CLOCKS = frozenset("uhrzeit zeit hora heure ora orario tijd godzina saat saati час tid".split())
_STOP = frozenset(
    "de del della delle dello dell da do di d la le l el il lo des du der den dem die das van von "
    "w z na o i y e a og och und et en u по и в і та am le on kl of mit".split()
)
_EVENT = (
    "bestel kauf rechnung beleg buchung transak transac verkauf auftrag ereignis klick "
    "bewert ausleih besuch order ordre commande achat vente factur evenement visit clic emprunt "
    "pedido compra venta venda orden evento prestamo ordine acquisto vendita fattur aankoop "
    "verkoop gebeurtenis zakup zamowien sprzedaz faktur zdarzen wypozyczen siparis satin alma alis "
    "satis islem fatura olay заказ покупк продаж транзакц событ просмотр операц замовлен купівл "
    "objednav nakup prodej udalost kop kjop kob salg forsalj bestall bestill tilaus osto tapahtum "
    "rendeles vasarlas tranzakc comand comenz cumpar achizit tranzact παραγγελ αγορα طلب شراء "
    "ऑर्डर खरीद 注文 購入 购买 購買 订单 訂單 下单 下單 交易 点击 點擊 事件 구매 주문 거래 클릭"
).split()
_RECORD = (
    "erstell angelegt anlage creation cree creado creacion creazione creato criacao criado "
    "aangemaakt aanmaak utworz dodani dodano olustur создан створен vytvor skapad oprett opprett "
    "luotu letrehoz crear eklen добавл 创建 創建 作成 登録 생성 등록"
).split()
_OTHER = (
    "geburt geboren erschein veroffentlich liefer versand versend registr anmeld ablauf anderung "
    "geandert aktualis zahlung bezahl gultig storn ruckgab naissance livraison expedition "
    "inscription modif maj paiement sortie parution peremption nacimiento entrega envio registro "
    "actualiz pago lanzamiento publicac vencimiento caducidad alta nascita consegna spedizione "
    "iscrizione aggiornament pagamento uscita scadenza nascimento cadastro atualizac lancamento "
    "validade geboorte lever verzend wijzig betaal verval geldig urodzen dostaw wysyl rejestr "
    "aktualiz platnos premier waznos dogum teslim kargo kayit guncel odeme cikis bitis рожден "
    "доставк отправк регистрац измен обновлен оплат выход окончан релиз публикац народжен оновлен "
    "narozen doruc odesl fodelse fodsel levering leverans syntyma toimitus szulet szallit naster "
    "livrar γεννησ παραδοσ ميلاد تسليم जन्म 生 誕 出生 发布 發布 発売 配送 发货 發貨 出荷 更新 修改 "
    "到期 有効 注册 会員 過期 支付 출시 배송 수정 가입 생일 휴일 曜 祝 休 平 毎 每"
).split()
_PARTICIPLES = ("am", "op", "le", "el", "il", "den")  # bestellt am, besteld op, commandé le


def foreign_kind(name: str) -> str | None:
    """Return the kind of moment that a name in another language means.

    ``"time"`` (``Datum``, ``fecha_hora``, ``日時``), ``"event"`` (``Bestelldatum``, ``注文日``),
    ``"record"``, ``"other"``, or ``"unknown"`` (``Stichdatum``); None for other names and for
    English ones.
    """
    words = [word for word in _BETWEEN.split(_plain(name)) if word]
    if "".join(words) in _STAMPS:
        return "time"
    if len(words) == 1 and words[0] in _MONTHS:
        return "event"
    rest, times = _without_times(words)
    if not times:
        is_deed = len(words) == 2 and words[1] in _PARTICIPLES  # bestellt am, besteld op
        return _kind(words[:1], None) if is_deed else None
    if times <= _ENGLISH:  # words of other things in English
        return _of_english_word(name, words, rest)
    return _kind(rest, "unknown") if rest else "time"


def _of_english_word(name: str, words: list[str], rest: list[str]) -> str | None:
    """Return the kind of ``data_ordine`` or ``date de commande``; None for ``order_data``."""
    if "." in name or words[0] not in _ENGLISH or _IDS & {*words} or len(words) > 4:
        return None
    if not rest:
        return "time" if _CLOCKS & {*words} else None
    kind = _kind(rest, None)
    return "unknown" if kind == "event" else kind


def _without_times(words: list[str]) -> tuple[list[str], set[str]]:
    """Return the words that mean no time, and those that do; compounds are split."""
    rest, times = [], set()
    for word in words:
        ending = next((e for e in _ENDINGS if word.endswith(e) and word != e), "")
        if word in _TIMES or word in _ENDINGS[:-2]:
            times.add(word)
        elif ending:
            times.add(ending)
            rest.append(word.removesuffix(ending))
        elif word not in _STOP and word not in _CLOCKS:
            rest.append(word)
    return rest, times


def _kind(rest: list[str], unknown: str | None) -> str | None:
    if not rest:
        return "time" if unknown is None else unknown
    for kind, stems in (("other", _OTHER), ("record", _RECORD), ("event", _EVENT)):
        if any(_holds(word, stem) for word in rest for stem in stems):
            return kind
    return unknown


def _holds(word: str, stem: str) -> bool:
    within = len(stem) > 3 or not stem.isascii()
    return stem in word if within else word.startswith(stem)


def _plain(name: str) -> str:
    """Return a name in lower case without accents, its words separated; other letters stay."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("ı", "i")
    lower = spaced.replace("ø", "o").replace("Ø", "O").casefold()
    parts = unicodedata.normalize("NFD", lower)
    bare = "".join(letter for letter in parts if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", bare)
