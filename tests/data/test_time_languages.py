"""Names of times and ratings, and dates, as they are written in other languages than English."""

from datetime import UTC, datetime

import polars as pl
import pytest

from pennyweight.data.cleaning.rating_names import is_rating_name
from pennyweight.data.cleaning.time_names import OTHER_RANK, TIME_LIKE_RANK, rank
from pennyweight.data.dataset import read
from pennyweight.data.readers.month_names import AmbiguousMonths, month_numbers
from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

EVENTS = (
    "Datum",
    "Bestelldatum",
    "Zeitpunkt",
    "Datum und Uhrzeit",
    "Bestellt am",
    "Rechnungsdatum",
    "horodatage",
    "Date et heure",
    "fecha",
    "fecha_pedido",
    "fecha de compra",
    "data_ora",
    "datum",
    "besteldatum",
    "tijdstip",
    "czas",
    "znacznik_czasu",
    "tarih",
    "sipariş_tarihi",
    "дата",
    "дата заказа",
    "Дата и время",
    "日付",
    "注文日",
    "注文日時",
    "时间",
    "下单时间",
    "订单日期",
    "दिनांक",
    "समय",
    "날짜",
    "주문일",
    "التاريخ",
    "päivämäärä",
    "dátum",
    "købsdato",
)
MAYBE = ("date de commande", "data_ordine", "data acquisto", "data_zakupu", "Stichdatum")
RECORDS = ("Erstellt am", "date_creation", "fecha_creacion", "дата создания", "创建时间")
OTHERS = (
    "Geburtsdatum",
    "Lieferdatum",
    "date de naissance",
    "fecha_entrega",
    "data_nascita",
    "data_urodzenia",
    "дата рождения",
    "生年月日",
    "発売日",
    "更新时间",
    "배송일",
    "出生日期",
)
NONE = ("data", "data_source", "tid", "metadata", "mandat", "Kandidat", "Uhrzeit", "日本", "marca")


@pytest.mark.parametrize(
    ("names", "ranks"),
    [
        (EVENTS, {1, 2}),
        (MAYBE, {TIME_LIKE_RANK}),
        (RECORDS, {4}),
        (OTHERS, {OTHER_RANK}),
        (NONE, {None}),
    ],
    ids=["events", "maybe", "records", "others", "none"],
)
def test_names_of_times(names, ranks):
    assert {name: rank(name) for name in names if rank(name) not in ranks} == {}


def test_english_names_keep_their_rank():
    assert rank("order_estimated_delivery_date") == rank("order_delivered_customer_date") == 6
    names = (
        "u.data",
        "order_data",
        "visit_data",
        "data.order_id",
        "data_order_id",
        "data.row_order",
    )
    assert [name for name in names if rank(name) is not None] == []
    assert rank("purchase_date") == 2 and rank("date_added") == 4


def test_names_of_ratings():
    names = (
        "Bewertung",
        "note",
        "évaluation",
        "puntuación",
        "voto",
        "avaliação",
        "beoordeling",
        "ocena",
        "değerlendirme",
        "оценка",
        "оцінка",
        "評価",
        "レビュー評価",
        "评分",
        "用户评分",
        "평점",
        "별점",
        "रेटिंग",
        "التقييم",
        "βαθμολογία",
        "arvosana",
    )
    assert [name for name in names if not is_rating_name(name)] == []


def log(time: str, values: list[str], **more: list[object]) -> pl.DataFrame:
    n = len(values)
    return pl.DataFrame(
        {
            "user_id": [f"u{k % 3}" for k in range(n)],
            "item_id": [f"i{k % 4}" for k in range(n)],
            time: values,
            **more,
        }
    )


ITEMS = pl.DataFrame({"item_id": [f"i{n}" for n in range(4)], "title": list("abcd")})


@pytest.mark.parametrize(
    ("day", "other", "values"),
    [
        ("Bestelldatum", "Lieferdatum", ("{}. März 2024", "{}. April 2024")),
        ("fecha de compra", "fecha de entrega", ("{} de marzo de 2024", "{} de abril de 2024")),
        ("date de commande", "date de livraison", ("{} mars 2024", "{} avr. 2024")),
        ("data_ordine", "data_consegna", ("{} marzo 2024", "{} aprile 2024")),
        ("data zamówienia", "data_dostawy", ("{} marca 2024 r.", "{} kwietnia 2024 r.")),
        ("дата заказа", "дата доставки", ("{} марта 2024 г.", "{} апреля 2024 г.")),
        ("注文日", "配送日", ("2024年3月{}日(火)", "2024年4月{}日(木)")),
    ],
)
def test_the_day_of_the_order_wins_over_that_of_the_delivery(day, other, values):
    ordered = [values[0].format(n + 1) for n in range(12)]
    delivered = [values[1].format(12 - n) for n in range(12)]
    data = read(ITEMS, log(other, delivered).with_columns(pl.Series(day, ordered)))
    assert data.columns.events["time"] == day
    times = sorted(data.interactions.time.tolist())
    assert times == [datetime(2024, 3, n + 1, tzinfo=UTC).timestamp() for n in range(12)]


def test_a_clock_beside_a_day():
    day = [f"{n + 1:02}.03.2024" for n in range(12)]
    frame = log("Datum", day).with_columns(
        pl.Series("Uhrzeit", [f"1{n % 10}:30" for n in range(12)])
    )
    data = read(ITEMS, frame)
    assert data.columns.events["clock"] == "Uhrzeit"
    assert (data.interactions.time % 86_400 > 36_000).all()


MARCH_5 = datetime(2024, 3, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "5. März 2024",
        "5 mars 2024",
        "mardi 5 mars 2024",
        "5 de marzo de 2024",
        "5 marzo 2024",
        "5 de março de 2024",
        "5 maart 2024",
        "5 marca 2024",
        "5 Mart 2024",
        "вторник, 5 марта 2024 г.",
        "5 березня 2024",
        "5. března 2024",
        "2024. március 5.",
        "5. maaliskuuta 2024",
        "5 martie 2024",
        "5 Μαρτίου 2024",
        "5 مارس 2024",
        "٥ مارس ٢٠٢٤",
        "5 मार्च 2024",
        "५ मार्च २०२४",
        "2024年3月5日",
        "2024年3月5日(火)",
        "2024年3月5日 星期二",
        "２０２４年３月５日",
        "令和6年3月5日",
        "2024년 3월 5일 화요일",
    ],
)
def test_dates_of_many_languages(text):
    assert parse_times(pl.Series("t", [text]), "f.csv").values.tolist() == [MARCH_5]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2024年3月5日 15時20分", 15),
        ("2024年3月5日 15时20分30秒", 15),
        ("2024/3/5 下午3:20", 15),
        ("2024-03-05 上午 10:20", 10),
        ("2024年3月5日 午後3時20分", 15),
        ("2024. 3. 5. 오후 3:20", 15),
    ],
)
def test_clocks_of_east_asia(text, hour):
    text = text.replace(". ", "-", 2).replace(". ", " ")
    seconds = parse_times(pl.Series("t", [text]), "f.csv").values[0]
    assert (seconds - MARCH_5) // 60 == hour * 60 + 20


def test_months_are_read_by_the_language_of_the_column():
    assert month_numbers(["lip", "sie", "gru"]) == {"lip": 7, "sie": 8, "gru": 12}
    assert month_numbers(["lipnja", "listopada"]) == {"lipnja": 6, "listopada": 10}
    assert month_numbers(["lipca", "listopada"]) == {"lipca": 7, "listopada": 11}
    assert month_numbers(["marraskuuta", "joulukuuta"]) == {"marraskuuta": 11, "joulukuuta": 12}
    assert month_numbers(["mar", "dienstag"]) == {"mar": 3}
    with pytest.raises(AmbiguousMonths, match=r"'listopada' is month 1[01] in"):
        month_numbers(["listopada"])
    column = pl.Series("t", ["3. lipnja 2024", "4. listopada 2024"])
    times = parse_times(column, "f.csv", time_format="%d. %B %Y").values
    assert times.tolist() == parse_times(column, "f.csv").values.tolist()
    assert datetime.fromtimestamp(times[0], UTC).month == 6
    column = pl.Series("t", ["3. listopada 2024", "4. listopada 2024"])
    with pytest.raises(DataError, match=r"'listopada' is month 1"):
        parse_times(column, "f.csv", time_format="%d. %B %Y")
    with pytest.raises(DataError, match=r"can be read in two ways: 'listopada'.*Write them as num"):
        parse_times(column, "f.csv")
