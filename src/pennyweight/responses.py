"""Responses, as the API documents them; the routes write the JSON themselves."""

from pydantic import BaseModel, ConfigDict, JsonValue

__all__ = [
    "AuditLog",
    "BundleOverview",
    "CatalogItem",
    "Consent",
    "DetectableChange",
    "Erasure",
    "EventsStored",
    "ExperimentHistory",
    "ExperimentStatus",
    "Explanation",
    "ExportedEvent",
    "Health",
    "ItemList",
    "ItemStored",
    "ItemsStored",
    "OutcomeReport",
    "Problem",
    "ServiceStatus",
    "ServiceVersion",
    "SharesChange",
    "UserExport",
    "UserListing",
]


class ResponseModel(BaseModel):
    """JSON as it goes out; a client ignores fields of a later version."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})


class ListItem(ResponseModel):
    """An item of a list; with `reason` and `attributes` if requested.

    A new item that is in the list for exploration has the `source` exploration.
    """

    item_id: str
    score: float
    source: str | None = None
    reason: str | None = None
    attributes: dict[str, JsonValue] | None = None


class ItemList(ResponseModel):
    """Items, best first; `source` is their basis, `unknown` are ids outside the catalog."""

    recommendation_id: str
    bundle_version: str
    took_ms: float
    source: str
    items: list[ListItem]
    unknown: list[str] = []


class ItemExplanation(ResponseModel):
    """The reason for a recommended item."""

    item_id: str
    score: float
    text: str
    kind: str
    component: str | None
    because: list[dict[str, JsonValue]]
    shared: list[str]


class Explanation(ResponseModel):
    """The reasons for the items of a list."""

    recommendation_id: str
    bundle_version: str
    timestamp: float
    scenario: str | None
    source: str
    note: str | None
    items: list[ItemExplanation]


class EventsStored(ResponseModel):
    """Stored events: new ones, duplicates, and unknown items.

    `erased` counts events of users who were erased, which are dropped: do not send them again.
    An event type whose name says nothing counts with weight 1.
    """

    accepted: int
    duplicates: int
    erased: int
    event_ids: list[str]
    unknown_items: list[str]
    unknown_event_types: list[str]


class ExportedEvent(ResponseModel):
    """A live event; `seq` is its place in the order of arrival."""

    user_id: str
    item_id: str
    event_type: str
    timestamp: float
    weight: float
    event_id: str
    recommendation_id: str | None
    seq: int


class CatalogItem(ResponseModel):
    """The current state of an item."""

    item_id: str
    attributes: dict[str, JsonValue]
    available: bool
    published: float | None


class ItemStored(ResponseModel):
    """A stored item, and whether it can be recommended already."""

    item_id: str
    recommendable: bool


class ItemsStored(ResponseModel):
    """Stored items."""

    accepted: int
    recommendable: int


class UserEvent(ResponseModel):
    """A stored event of a user."""

    event_id: str | None
    item_id: str
    event_type: str
    timestamp: float
    weight: float
    recommendation_id: str | None
    source: str


class PastRecommendation(ResponseModel):
    """A list given to a user."""

    recommendation_id: str
    user_id: str
    timestamp: float
    bundle_version: str
    scenario: str | None
    source: str
    items: list[ListItem]


class UserExport(ResponseModel):
    """All data about a user; none after an erasure, until /v1/consents."""

    user_id: str
    erased: bool
    events: list[UserEvent]
    recommendations: list[PastRecommendation]
    trained_on: list[dict[str, str]]


class UserListing(ResponseModel):
    """Users with live events, in order; `next` continues after the last."""

    users: list[str]
    next: str | None


class Erasure(ResponseModel):
    """The erased data of a user, and the bundles trained with it."""

    user_id: str
    events: int
    recommendations: int
    bundle_events: int
    trained_on: list[dict[str, str]]


class Consent(ResponseModel):
    """Whether the user was erased before."""

    user_id: str
    erased_before: bool


class BundleShare(ResponseModel):
    """A bundle and its share of the users."""

    bundle_version: str
    share: float


class BundleStatus(ResponseModel):
    """An available bundle; `notes` describe problems."""

    bundle_version: str
    source: str
    added: float
    share: float
    items: int | None
    created: str | None
    notes: list[str]


class BundleOverview(ResponseModel):
    """The bundles, those that `rollback` would serve, and notes for operators."""

    bundles: list[BundleStatus]
    previous: list[BundleShare]
    notes: list[str]


class ExperimentStatus(ResponseModel):
    """An experiment: the control first; times are epoch seconds.

    `state` is running, stopped or promoted, and `promoted` the bundle that all users got then.
    """

    name: str
    kind: str
    state: str
    variants: list[BundleShare]
    started: float
    started_by: str
    ends: float | None
    ended: float | None
    ended_by: str | None
    promoted: str | None


class ExperimentHistory(ResponseModel):
    """The experiments, the newest first."""

    experiments: list[ExperimentStatus]


class DetectableChange(ResponseModel):
    """What an experiment can detect: `detectable` is a relative change (0.1 for 10 %).

    `users` are those to expect; `rate` is that of the `recent_days`.
    """

    days: int
    users: float
    detectable: float | None
    rate: float | None
    recent_users: int
    recent_days: int
    summary: str


class SharesChange(ExperimentStatus):
    """An experiment with other shares, and the share of users who got another bundle."""

    moved: float


class ListOutcome(ResponseModel):
    """The outcomes of the lists of a bundle; `rate` is events per list.

    `meaning` is positive, negative or neutral: dislikes and impressions are no success. A
    bundle without any events has an empty type.
    """

    bundle_version: str
    event_type: str
    meaning: str
    lists: int
    events: int
    users: int
    rate: float


class IntervalValue(ResponseModel):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class HeavyUser(ResponseModel):
    """A user with a large share of the events of a bundle."""

    user_id: str
    events: int
    share: float


class BundleOutcome(ResponseModel):
    """The outcomes of the users of a bundle: users with a list, and users who acted on one.

    `events` are positive, name a list of the user and came within the window after it;
    `converted` users have at least one. `rate` is their share.
    """

    bundle_version: str
    share: float
    users: int
    lists: int
    converted: int
    events: int
    rate: IntervalValue | None
    events_per_user: IntervalValue | None
    heaviest_user: HeavyUser | None


class OutcomeContrast(ResponseModel):
    """A bundle compared with the control: by how much more users act on a list (0.1 for 10 %).

    The interval holds at all looks together; `decided` if it excludes zero. `p` is adjusted for
    the number of comparisons.
    """

    control: str
    bundle_version: str
    lift: IntervalValue
    p: float
    decided: bool


class InterleavingPreference(ResponseModel):
    """Users who acted more on items of the bundle (wins), of the control (losses), or equally.

    `share` is wins by wins and losses, with an interval that holds at all looks together.
    """

    control: str
    bundle_version: str
    wins: int
    losses: int
    ties: int
    share: IntervalValue | None
    p: float | None
    decided: bool


class OutcomeReport(ResponseModel):
    """The outcomes of lists since `since`, the last change of shares.

    `outcomes` counts by bundle and event type, `variants` by user, the control of an experiment
    first. `sample_ratio_p` tests that the users divide as the shares say.
    """

    outcomes: list[ListOutcome]
    since: float
    window: float
    variants: list[BundleOutcome]
    contrasts: list[OutcomeContrast]
    preference: InterleavingPreference | None
    sample_ratio_p: float | None
    crossed_users: int
    summary: str
    warnings: list[str]


class AuditEntry(ResponseModel):
    """An action of an administrator."""

    timestamp: float
    actor: str
    action: str
    detail: str


class AuditLog(ResponseModel):
    """Actions of administrators, newest first."""

    entries: list[AuditEntry]


class Health(ResponseModel):
    """The status of the service, with the reason for limitations.

    `notes` are sentences for the operator.
    """

    status: str
    reason: str | None = None
    notes: list[str] = []


class TaskStatus(ResponseModel):
    """A task of the service: `encoding` of items, `refit`, `backup` (or an export) or `import`.

    `state` is running, idle, or stopped for a refit that died, which the next one goes on with.
    While it runs, `stage` is the current one, `number` of `stages`, `share` the part of the task
    that is done, and `seconds_left` the estimated time to its end; null where unknown. `waiting`
    counts items to encode. `outcome` and `ended` are of the last run: published, not-published,
    nothing-new, saved or failed.
    """

    task: str
    state: str
    began: float | None
    stage: str | None
    number: int | None
    stages: int | None
    share: float | None
    seconds_left: float | None
    waiting: int
    outcome: str | None
    ended: float | None


class ServiceStatus(ResponseModel):
    """The state of the service; times are epoch seconds.

    `event_seq` is the place of the last event in the order of arrival, `newest_event` the latest
    time of an event, and `bundle_created` that of the bundle of most users. `is_writable` is
    false if the disk takes no more.
    """

    timestamp: float
    store_bytes: int
    bundle_bytes: int
    free_bytes: int
    disk_bytes: int
    event_seq: int
    newest_event: float | None
    items: int
    bundle_created: float
    is_writable: bool
    notes: list[str]
    tasks: list[TaskStatus]


class ServiceVersion(ResponseModel):
    """The version of the package."""

    pennyweight: str
    bundle_versions: list[str]


class Problem(ResponseModel):
    """A problem with a request (RFC 9457)."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[dict[str, JsonValue]] = []
