"""Query strings: no unknown parameter, each of its type and within bounds."""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from pennyweight.serving.http.hints import with_hints
from pennyweight.serving.http.requests import (
    DAY,
    Count,
    Explore,
    FieldText,
    Filter,
    Id,
    Share,
    Weight,
    checked_moment,
    digits,
)

__all__ = [
    "EventsQuery",
    "ExperimentPlanQuery",
    "FeedbackQuery",
    "ItemsExportQuery",
    "ItemsQuery",
    "ListQuery",
    "PageQuery",
    "UsersQuery",
]


class QueryString(BaseModel):
    """Parameters of a query string: none unknown, no NaN."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _has_known_names(cls, value: Any, read: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        try:
            return read(value)
        except ValidationError as error:
            raise with_hints(error, cls.model_fields) from None


class ListQuery(QueryString):
    """Options of a list, in a query string."""

    _numbers = field_validator(
        "k", "diversity", "freshness", "half_life", "explore", mode="before"
    )(digits)

    k: Count = 10
    filter: Filter | None = None
    exclude_seen: bool | None = None
    scenario: Id | None = None
    diversity: Share = 0.0
    explain: bool = False
    freshness: Weight = 0.0
    half_life: Annotated[float, Field(gt=0, le=3_650 * DAY)] = DAY
    fields: FieldText = Field(default_factory=tuple)
    explore: Explore | None = None


class PageQuery(QueryString):
    """A page of a listing, in a query string."""

    _numbers = field_validator("limit", mode="before")(digits)

    limit: Count = 100


class UsersQuery(PageQuery):
    """A page of users."""

    after: Annotated[str, Field(max_length=512)] = ""


class EventsQuery(QueryString):
    """Which events to export, in a query string."""

    _numbers = field_validator("after", mode="before")(digits)

    after: Annotated[int, Field(ge=0, lt=2**63, description="Only events with a higher seq")] = 0
    since: Annotated[
        str | None,
        Field(max_length=64, description="Only events of this time or later"),
        AfterValidator(checked_moment),
    ] = None


class ItemsExportQuery(QueryString):
    """Which items to export, in a query string."""

    after: Annotated[Id | None, Field(description="Only items after this one")] = None


class FeedbackQuery(QueryString):
    """Options of the feedback, in a query string."""

    _numbers = field_validator("window", mode="before")(digits)

    window: Annotated[
        float, Field(gt=0, le=30 * DAY, description="Seconds after a list in which events count")
    ] = 7 * DAY


class ItemsQuery(QueryString):
    """Options of a list that is for no user, in a query string."""

    _numbers = field_validator("k", mode="before")(digits)

    k: Count = 10
    filter: Filter | None = None
    scenario: Id | None = None
    explain: bool = False
    fields: FieldText = Field(default_factory=tuple)


class ExperimentPlanQuery(QueryString):
    """An experiment to plan: its days, and the shares of the bundles other than the control.

    Shares are separated by commas.
    """

    days: Annotated[int, Field(ge=1, le=30)] = 14
    shares: Annotated[str, Field(min_length=1, max_length=200)] = "0.5"
