"""Names of time columns, ranked by how close they come to the moment of the event."""

import re

from pennyweight.data.cleaning.time_words import foreign_kind

__all__ = [
    "DAY_RANK",
    "OTHER_RANK",
    "POSITION_NAMES",
    "RANKS",
    "SYSTEM_RANK",
    "TIME_LIKE_RANK",
    "clock_claim",
    "is_amount_name",
    "is_duration_name",
    "is_id_name",
    "is_minute_name",
    "is_period_name",
    "is_position_name",
    "may_be_position",
    "rank",
]

# The first two win over all others. Then times of the event, days of the event, times at which
# the event was recorded, received or stored, and those of other moments of the same row.
RANKS: tuple[tuple[str, ...], ...] = (
    ("timestamp", "datetime"),
    (
        "time",
        "date",
        "ts",
        "unix_review_time",
        "event_time",
        "t",
        "dt",
        "when",
        "at",
        "tstamp",
        "date_time",
        "event_timestamp",
        "event_datetime",
        "event_ts",
        "event_at",
        "time_stamp",
        "timestamp_ms",
        "unix_time",
        "unix_timestamp",
        "unixtime",
        "epoch",
        "epoch_time",
        "order_timestamp",
        "order_datetime",
        "order_time",
        "order_ts",
        "ordered_at",
        "order_purchase_timestamp",
        "purchase_time",
        "purchase_timestamp",
        "purchased_at",
        "transaction_time",
        "transaction_timestamp",
        "transaction_datetime",
        "trans_time",
        "viewed_at",
        "view_time",
        "watched_at",
        "played_at",
        "listened_at",
        "read_at",
        "rated_at",
        "reviewed_at",
        "review_timestamp",
        "clicked_at",
        "click_time",
        "bought_at",
        "action_time",
        "action_timestamp",
        "interaction_time",
        "interaction_timestamp",
        "interacted_at",
        "activity_time",
        "visit_time",
        "visited_at",
        "request_time",
        "log_time",
        "server_time",
        "derived_tstamp",
        "occurred_at",
        "happened_at",
        "performed_at",
        "time_utc",
        "rating_timestamp",
        "rating_time",
        "start_time",
        "started_at",
        "checkout_time",
        "impression_time",
        "moment",
        "instant",
    ),
    (
        "event_date",
        "order_date",
        "purchase_date",
        "transaction_date",
        "trans_date",
        "invoice_date",
        "t_dat",
        "review_date",
        "review_time",
        "sale_date",
        "sales_date",
        "rating_date",
        "visit_date",
        "view_date",
        "watch_date",
        "click_date",
        "activity_date",
        "interaction_date",
        "action_date",
        "checkout_date",
        "loan_date",
        "rental_date",
        "booking_date",
        "listen_date",
        "play_date",
        "read_date",
        "day",
        "calendar_date",
        "event_day",
        "order_day",
        "date_of_purchase",
        "month",
        "year_month",
        "yearmonth",
        "yyyymm",
        "order_month",
        "event_month",
        "invoice_month",
    ),
    (
        # names that end like a time, which only their values can confirm: see `rank`
    ),
    (
        "created_at",
        "creation_timestamp",
        "created",
        "create_time",
        "created_time",
        "created_date",
        "creation_date",
        "creation_time",
        "created_on",
        "date_created",
        "create_date",
        "timestamp_created",
        "added_at",
        "date_added",
        "added_on",
        "submitted_at",
        "posted_at",
        "logged_at",
        "recorded_at",
        "reg_date",
        "dvce_created_tstamp",
        "collector_tstamp",
        "original_timestamp",
        "client_time",
        "client_timestamp",
        "session_start",
    ),
    (
        "sent_at",
        "received_at",
        "received",
        "processed_at",
        "server_timestamp",
        "server_received",
        "updated_at",
        "updated",
        "update_time",
        "date_updated",
        "last_updated",
        "modified_at",
        "modified",
        "last_modified",
        "loaded_at",
        "load_time",
        "load_tstamp",
        "etl_tstamp",
        "etl_time",
        "ingested_at",
        "ingestion_time",
        "inserted_at",
        "insert_time",
        "imported_at",
        "exported_at",
        "synced_at",
        "uuid_ts",
        "kafka_timestamp",
        "partition_date",
        "ds",
        "paid_at",
        "payment_date",
        "approved_at",
        "order_approved_at",
        "fulfilled_at",
        "shipped_at",
        "ship_date",
        "shipping_date",
        "delivered_at",
        "delivery_date",
        "completed_at",
        "end_time",
        "ended_at",
        "finished_at",
    ),
)
POSITION_NAMES = (
    "position",
    "pos",
    "rank",
    "row",
    "row_number",
    "row_num",
    "rownum",
    "rn",
    "index",
    "idx",
    "sequence",
    "sequence_number",
    "sequence_id",
    "seq",
    "seq_no",
    "seq_id",
    "step",
    "order",
    "order_number",
    "order_no",
    "n",
    "nr",
    "no",
    "number",
    "event_number",
    "visit_number",
    "add_to_cart_order",
    "line",
    "line_number",
    "event_index",
    "event_order",
    "ordinal",
)
# Other moments of a user, an item or an order than that of the event.
_OTHER = frozenset(
    "birth birthday dob born age release released published publish publication expiry expires "
    "expiration expire due valid until signup registered registration joined join member "
    "deleted delete updated update modified loaded load ingested etl synced shipped shipping "
    "delivery delivered estimated promised cancelled canceled paid payment approved fulfilled "
    "refunded last next previous prev first end ended completed launch launched".split()
)
_TIME_WORDS = frozenset("date time timestamp datetime at on ts tstamp dt dat day stamp".split())
_CLOCKS = frozenset(
    "time clock hour uhrzeit zeit hora horario heure ora orario tijd godzina czas saat saati час "
    "время tid klokkeslæt klo ώρα 時刻 時間 时间 时刻 시간 시각".split()
)
# Words beside a time of day: of events, of places, and of durations.
_OF_EVENTS = frozenset(
    "of day the local utc gmt start event order ordered purchase purchased transaction trans "
    "invoice sale sales checkout view viewed click clicked visit action activity interaction "
    "review rating play played watch watched listen listened read log server request booking "
    "rental loan 24h hh mm ss hhmm hhmmss".split()
)
_MINUTES = frozenset("minute minutes min mins mm minuten minuto minuti".split())
_PERIODS = frozenset(
    "week weeks wk yearweek isoweek yyyyww kw kalenderwoche woche semaine semana settimana неделя "
    "period season quarter qtr trimester semester halfyear year yr jahr année año".split()
)
# Words beside a period: a part of it, a duration, or another thing.
_NO_PERIODS = frozenset(
    "day days weekday per old hours price pass ticket trial grace return billing".split()
)
_LASTING = frozenset("play played watch watched listen listened read view viewed".split())
_AMOUNTS = frozenset(
    "plays playcount playcounts listens streams views clicks hits visits count counts "
    "cnt downloads purchases orders likes votes frequency freq popularity score amount price "
    "total revenue spend spent sum sales quantity qty units hours minutes playtime duration "
    "percent share probability".split()
)
_NO_CLOCKS = frozenset(
    "run running runtime duration total spent dwell wait waiting prep preparation cook cooking "
    "delivery elapsed avg average min max session length reading response load zone timezone "
    "number count opening closing per".split()
)
_UNITS = re.compile(r"[\s_.-]+(utc|gmt|ms|millis|us|s|sec|secs|seconds|unix|epoch|iso|iso8601)$")
_ID = re.compile(
    r"(^|[\s_.-])(ids?|no|nr|number|code|key|sku|ean|upc|isbn|asin|phone|zip|hash|session|token|"
    r"invoice|order|orders?id|basket|cart|user|customer|item|product|price|amount|total)$|"
    r"[a-z](Id|ID|No|Nr|Number|Code|Key)$"
)
_COUNTED = frozenset(
    "timestamp datetime time date ts t tstamp eventtime eventtimestamp eventts unixtime epoch "
    "unixtimestamp unixreviewtime when at datetime createdat instant timestampms".split()
)
_RANK_OF = {
    "".join(re.findall(r"[^\W_]+", name)): place
    for place in reversed(range(len(RANKS)))
    for name in RANKS[place]
}
DAY_RANK, TIME_LIKE_RANK, SYSTEM_RANK, OTHER_RANK = 2, 3, 5, 6
_FOREIGN = {
    "time": 1,
    "event": DAY_RANK,
    "unknown": TIME_LIKE_RANK,
    "record": 4,
    "other": OTHER_RANK,
}


def _plain(name: str) -> str:
    name = re.sub(r":(token|float)$", "", name.strip())
    name = re.sub(r"\s*[(\[].*?[)\]]\s*$", "", name)  # Timestamp (UTC)
    return _UNITS.sub("", name.lower()) if name.lower() not in ("s", "ms") else name


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", spaced.lower())


def rank(name: str) -> int | None:
    """Return the rank of a name, 0 the best; None for one that is no name of a time."""
    for form in (name, _plain(name)):
        exact = _RANK_OF.get("".join(re.findall(r"[^\W_]+", form.lower())))
        if exact is not None:
            return exact
    words = _words(_plain(name))
    kind = foreign_kind(_plain(name))
    if kind is not None:
        return OTHER_RANK if _OTHER.intersection(words) else _FOREIGN[kind]
    if len(words) > 1 and (words[-1] in _TIME_WORDS or words[0] in ("date", "time", "timestamp")):
        return OTHER_RANK if _OTHER.intersection(words) else TIME_LIKE_RANK
    return None


def is_position_name(name: str) -> bool:
    """Say whether a name is that of a row's position."""
    return "_".join(_words(name)) in POSITION_NAMES


def may_be_position(name: str) -> bool:
    """Say whether a column of this name may hold positions, not days or seconds."""
    return "".join(_words(_plain(name))) in _COUNTED


def clock_claim(name: str, day: str) -> bool | None:
    """Say whether a column is the time of day beside a day: surely, perhaps, or not (None).

    Beside ``order_date``, ``time`` and ``order_time`` may be; ``delivery_time`` is of something
    else, and ``watch_time`` a duration as often as not, which the values decide.
    """
    words = {*_words(name)}
    if not words & _CLOCKS:
        return None
    if words & _NO_CLOCKS:
        return False
    return not words - _CLOCKS - _OF_EVENTS - {*_words(day)}


def is_duration_name(name: str) -> bool:
    """Say whether a column of this name holds durations rather than times of day."""
    return bool(_LASTING & {*_words(name)})


def is_amount_name(name: str) -> bool:
    """Say whether a name is that of a count or a sum, by which logs are sorted."""
    return bool(_AMOUNTS & {*_words(name)})


def is_period_name(name: str) -> bool:
    """Say whether a name is that of a week, a season or another long period."""
    words = {*_words(name)}
    return bool(_PERIODS & words) and not words & (_NO_PERIODS | _OTHER)


def is_minute_name(name: str) -> bool:
    """Say whether a name is that of the minute of an hour."""
    words = {*_words(name)}
    return bool(_MINUTES & words) and not words - _MINUTES - _OF_EVENTS


def is_id_name(name: str) -> bool:
    """Say whether a name is that of an id, a code, or an amount."""
    return bool(_ID.search(name) or _ID.search(name.lower()))
