"""Request bodies: no unknown field, each of its type and within bounds."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from pennyweight.data.cleaning.vocabulary import sense_of
from pennyweight.data.times import SMALLEST_DATE
from pennyweight.ranking.exploration import MAX_EXPLORE
from pennyweight.serving.http.bounds import AtMost, Attributes, check_names
from pennyweight.serving.http.hints import with_hints
from pennyweight.serving.http.problems import WAY
from pennyweight.serving.live.variants import MAX_VARIANTS

__all__ = [
    "MAX_EVENTS",
    "MAX_ITEMS",
    "BundleBody",
    "EventBatch",
    "EventBody",
    "Events",
    "HistoryEvent",
    "ItemBatch",
    "ItemBody",
    "ItemChange",
    "Kind",
    "ListOptions",
    "Moment",
    "NewItem",
    "PlainText",
    "RankBody",
    "RequestBody",
    "SearchBody",
    "SessionBody",
    "TrafficSplitBody",
    "UserListOptions",
    "VariantBody",
    "moment",
    "moment_of_text",
]

MAX_ITEMS = 1_000  # in a list, and in a batch
MAX_EVENTS = 1_000
MAX_IMPRESSIONS = 200  # items of an event
MAX_BATCH_ITEMS = 10_000  # items of all events of a batch
MAX_BOOSTS = 20
MAX_FIELDS = 100
FIELDS = "Columns of the catalog that each item gets as attributes"
DAY = 86_400.0
EXACT = 2.0**53  # from here on not every whole number is a float
YEAR_1, YEAR_10_000 = -62_135_596_800, 253_402_300_800  # epoch seconds


NUMBER = re.compile(r"\d+(?:\.\d*)?")
_CONTROL = re.compile("[\x00-\x1f\ud800-\udfff]")


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("holds control characters or is not Unicode")
    return text


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; give words, or ask /v1/recommend for a list without a search")
    return text


def _as_text(value: object) -> object:
    """Return a whole number as its digits, as files are read too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be text or a whole number")
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError("must be text or a whole number")
        if abs(value) >= EXACT:
            raise ValueError("is too large for a number with a point, which is rounded; send text")
        value = int(value)
    return str(value)


def digits(value: object) -> object:
    """Refuse numbers of Python alone, such as ``1_0``."""
    if isinstance(value, str) and "_" in value:
        raise ValueError("must be a number")
    return value


def _dated(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be epoch seconds, or a time in ISO 8601")
    moment(value)
    return value


def _named_fields(value: object) -> object:
    """Return the names in a query string, which are separated by commas."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        return value
    return tuple(name for text in texts for part in text.split(",") if (name := part.strip()))


Kind = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain)]
Id = Annotated[
    str,
    Field(min_length=1, max_length=512),
    BeforeValidator(_as_text),
    AfterValidator(_plain),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 512}, {"type": "integer"}]}
    ),
]
Text = Annotated[
    str,
    Field(min_length=1, max_length=4_000),
    AfterValidator(_plain),
    AfterValidator(_with_words),
]
Filter = Annotated[str, Field(min_length=1, max_length=2_000)]
FieldName = Annotated[str, Field(min_length=1, max_length=512)]
FieldNames = Annotated[list[FieldName], AtMost(MAX_FIELDS), Field(description=FIELDS)]
# In a query string: names separated by commas.
FieldText = Annotated[
    tuple[FieldName, ...],
    Field(max_length=MAX_FIELDS),
    BeforeValidator(_named_fields),
    WithJsonSchema({"type": "string", "description": f"{FIELDS}, separated by commas"}),
]
Count = Annotated[int, Field(ge=1, le=MAX_ITEMS)]
Share = Annotated[float, Field(ge=0, le=1)]
Explore = Annotated[
    float,
    Field(ge=0, le=MAX_EXPLORE, description="Largest share of the positions for new items"),
]
Weight = Annotated[float, Field(ge=-1_000, le=1_000)]
# Null counts as absent, as for a timestamp.
EventWeight = Annotated[
    float,
    Field(ge=-1_000, le=1_000),
    BeforeValidator(lambda value: 1.0 if value is None else value),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": -1_000, "maximum": 1_000}, {"type": "null"}]}
    ),
]
EventType = Annotated[
    str,
    Field(min_length=1, max_length=64),
    BeforeValidator(lambda value: "view" if value is None else value),
    AfterValidator(_plain),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 64}, {"type": "null"}]}
    ),
]
Moment = Annotated[
    float | str,
    BeforeValidator(_dated),
    Field(description="Epoch seconds, or ISO 8601; UTC without a zone"),
]


def moment(value: float | str) -> float:
    """Return epoch seconds; `ValueError` if the value is no time."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is no ISO 8601 time such as 2026-01-31T12:00:00Z") from None
        seconds = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
        if not YEAR_1 <= seconds < YEAR_10_000:  # a zone leads beyond the years there are
            raise ValueError("lies before the year 1 or after the year 9999 in UTC")
        return seconds
    if not SMALLEST_DATE <= value < 1e11:
        raise ValueError("is no time in epoch seconds")
    return float(value)


def moment_of_text(text: str) -> float:
    """Return epoch seconds, from their digits or from ISO 8601; `ValueError` for another text."""
    return moment(float(text) if NUMBER.fullmatch(text) else text)


def checked_moment(text: str | None) -> str | None:
    if text is not None:
        moment_of_text(text)
    return text


PlainText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]


class RequestBody(BaseModel):
    """JSON as it comes in: no unknown field, no text for a number, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _has_known_names(cls, value: Any, read: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        check_names(value, len(cls.model_fields))
        try:
            return read(value)
        except ValidationError as error:
            raise with_hints(error, cls.model_fields) from None


class BoostBody(RequestBody):
    """A filter, and the number that is added to the scores of matching items (log-odds)."""

    filter: Filter
    weight: Weight


class ListOptions(RequestBody):
    """Options of a list."""

    k: Count = 10
    filter: Filter | None = None
    boost: Annotated[list[BoostBody], AtMost(MAX_BOOSTS)] = []
    exclude_seen: bool | None = None
    scenario: Id | None = None
    diversity: Share = 0.0
    explain: bool = False
    freshness: Weight = 0.0
    half_life: Annotated[float, Field(gt=0, le=3_650 * DAY)] = DAY
    fields: FieldNames = []


class UserListOptions(ListOptions):
    """Options of a list by the history of a user or a session."""

    explore: Explore | None = None


class HistoryEvent(RequestBody):
    """An event of a session."""

    item_id: Id
    weight: EventWeight = 1.0
    event_type: EventType = "view"


class SessionBody(UserListOptions):
    """A list for a session, which is not stored, or for a user."""

    user_id: Id | None = None
    items: Annotated[list[Id], AtMost(MAX_ITEMS)] = []
    events: Annotated[list[HistoryEvent], AtMost(MAX_ITEMS)] = []
    text: Text | None = None
    session: Annotated[Id | None, Field(description="Keeps a session with one bundle")] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.user_id is not None) + bool(self.items) + bool(self.events) > 1:
            raise ValueError("give one of user_id, items and events")
        if self.explore and self.text is not None:
            raise ValueError("explore is for lists by history; with a text leave it out")
        return self


class SearchBody(ListOptions):
    """A search query; with a user, personalized."""

    query: Text
    user_id: Id | None = None


class RankBody(RequestBody):
    """Given items to rank for a user, a history or a text."""

    candidates: Annotated[list[Id], Field(min_length=1), AtMost(MAX_ITEMS)]
    user_id: Id | None = None
    items: Annotated[list[Id], AtMost(MAX_ITEMS)] = []
    text: Text | None = None
    explain: bool = False
    scenario: Id | None = None
    fields: FieldNames = []

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.user_id is not None and self.items:
            raise ValueError("give user_id or items, not both")
        return self


class EventBody(RequestBody):
    """An action of a user on an item, or an impression of several."""

    user_id: Id
    item_id: Id | None = None
    items: Annotated[list[Id], AtMost(MAX_IMPRESSIONS)] = []
    event_type: EventType = "view"
    timestamp: Moment | None = None
    weight: EventWeight = 1.0
    event_id: Id | None = None
    recommendation_id: Id | None = None

    @model_validator(mode="after")
    def _has_items(self) -> Self:
        if (self.item_id is None) == (not self.items):
            raise ValueError("give item_id, or for an impression items")
        if self.items and sense_of(self.event_type) != "neutral":
            raise ValueError('several items are for an event_type such as "impression" only')
        return self

    @property
    def item_ids(self) -> list[str]:
        """All items of the event."""
        return self.items if self.item_id is None else [self.item_id]


class EventBatch(RequestBody):
    """Several events, stored all or none."""

    events: Annotated[list[EventBody], Field(min_length=1), AtMost(MAX_EVENTS)]

    @model_validator(mode="before")
    @classmethod
    def _has_few_items(cls, value: Any) -> Any:  # noqa: ANN401
        events = value.get("events") if isinstance(value, dict) else None
        if isinstance(events, list) and len(events) <= MAX_EVENTS:
            lists = (event.get("items") for event in events if isinstance(event, dict))
            n = sum(len(items) for items in lists if isinstance(items, list))
            if n > MAX_BATCH_ITEMS:
                raise ValueError(f"its events have {n:,} items; {MAX_BATCH_ITEMS:,} at most")
        return value


def _form(value: object) -> str:
    """Return which of the bodies for events a value is meant to be."""
    several = (isinstance(value, Mapping) and "events" in value) or isinstance(value, EventBatch)
    return WAY + ("several" if several else "one")


Events = Annotated[
    Annotated[EventBody, Tag(WAY + "one")] | Annotated[EventBatch, Tag(WAY + "several")],
    Discriminator(_form),
]


class ItemBody(RequestBody):
    """A new version of an item."""

    attributes: Attributes = {}
    available: Annotated[
        bool | None, Field(description="By default from the attributes, otherwise true")
    ] = None
    published: Annotated[Moment | None, Field(description="Publication time")] = None


class ItemChange(RequestBody):
    """Changes of an item; a null attribute is removed."""

    attributes: Attributes = {}
    available: bool | None = None
    published: Moment | None = None


class NewItem(ItemBody):
    """An item of a batch."""

    item_id: Id


class ItemBatch(RequestBody):
    """Several items, stored all or none."""

    items: Annotated[list[NewItem], Field(min_length=1), AtMost(MAX_ITEMS)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({item.item_id for item in self.items}) < len(self.items):
            raise ValueError("an item_id occurs twice")
        return self


class BundleBody(RequestBody):
    """A bundle in a directory of the server."""

    path: Annotated[str, Field(min_length=1, max_length=4_096), AfterValidator(_plain)]
    publish: bool = True
    force: bool = False


class VariantBody(RequestBody):
    """A bundle and its share of the users."""

    bundle_version: Id
    share: Share = 1.0


class TrafficSplitBody(RequestBody):
    """A bundle for all users, or the shares of an experiment."""

    variants: Annotated[list[VariantBody], Field(min_length=1), AtMost(MAX_VARIANTS)]
    force: bool = False
