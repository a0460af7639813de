"""The plan: all settings of a fit, in one TOML file."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import ConfigDict, Field, ValidationError

from pennyweight.config.budget import Budget
from pennyweight.config.frozen import FrozenModel, refusal
from pennyweight.errors import PlanError, did_you_mean

__all__ = [
    "DataPlan",
    "DeploymentPlan",
    "EncoderPlan",
    "EvaluatePlan",
    "Plan",
    "RecommendPlan",
    "RerankChoice",
    "RerankPlan",
    "ScorersPlan",
    "SearchPlan",
]

Positive = Annotated[int, Field(ge=1)]
Phrases = Literal["keywords", "audience", "occasions"]
Meaning = (
    Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["negative", "ignore"]
)  # of an event type


class DataPlan(FrozenModel):
    """How the two files are read; None detects the setting in the files."""

    text_columns: tuple[str, ...] | None = None
    k_core: Annotated[int, Field(ge=0)] = 0
    strict: bool = False
    mask_personal: bool = False
    normalize_ids: bool = False
    missing_ids: tuple[str, ...] | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    event_types: dict[str, Meaning] = Field(default_factory=dict)
    min_rating: Annotated[float, Field(allow_inf_nan=False)] | None = None
    time_format: Annotated[str, Field(min_length=1)] | None = None
    row_order: Literal["oldest-first", "newest-first"] | None = None
    max_dropped: Annotated[float, Field(ge=0, le=1)] = 0.5
    enriched: Annotated[str, Field(min_length=1)] | None = None
    enriched_fields: tuple[Phrases, ...] | None = None


class EncoderPlan(FrozenModel):
    """Which language model reads the texts, and how small it is made."""

    name: Annotated[str, Field(min_length=1)] = "auto"
    dim: Positive | None = None
    precision: Literal["fp32", "int8"] = "fp32"
    max_tokens: Annotated[int, Field(ge=3)] | None = None  # two of them are markers
    query_prefix: str | None = None
    document_prefix: str | None = None
    model: Annotated[str, Field(min_length=1)] | None = None  # at a server
    key_variable: str | None = None
    request_timeout: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    budget_tokens: Annotated[int, Field(ge=0)] | None = None
    budget_money: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    token_price: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @property
    def has_prefix(self) -> bool:
        """Whether a prompt of the model is overridden."""
        return self.query_prefix is not None or self.document_prefix is not None

    def of_name(self, name: str) -> "EncoderPlan":
        """Return the plan of another encoder; the prompts are this one's alone."""
        changes: dict[str, str | None] = {"name": name}
        if name != self.name:
            changes |= {"query_prefix": None, "document_prefix": None, "model": None}
        return self.model_copy(update=changes)


class ScorersPlan(FrozenModel):
    """Which scorers are fitted and blended, by id, and in a table for each id its settings."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, Any]] = Field(init=False)

    names: Literal["auto"] | Annotated[tuple[str, ...], Field(min_length=1)] = "auto"

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The tables of settings, by the id of the scorer."""
        return self.__pydantic_extra__


RerankChoice = Literal["auto", "trees", "none"]


class RerankPlan(FrozenModel):
    """Whether trees rank the best items of a list again, and how long they may take."""

    name: RerankChoice = "auto"
    budget_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None  # of a batch

    @property
    def seconds(self) -> float | None:
        """The budget in seconds."""
        return None if self.budget_ms is None else self.budget_ms / 1_000


class SearchPlan(FrozenModel):
    """Which encoder searches by text, besides BM25."""

    encoder: Annotated[str, Field(min_length=1)] = "auto"
    query_prefix: str | None = None
    document_prefix: str | None = None

    @property
    def has_prefix(self) -> bool:
        """Whether a prompt of the model is overridden."""
        return self.query_prefix is not None or self.document_prefix is not None


class EvaluatePlan(FrozenModel):
    """How the result is measured."""

    protocol: Literal["leave-last-out", "global-time", "given-split"] | None = None
    repeats: Literal["exclude", "include"] | None = None  # as the held-out choices say
    bootstrap: Annotated[int, Field(ge=2)] = 1_000  # one draw has no interval
    max_users: Positive | None = None
    folds: Annotated[int, Field(ge=1, le=5)] = 1
    refit: bool = True
    measure: bool = True  # `fit` alone; `evaluate` always measures
    item_attribute: str | None = None
    user_attribute: str | None = None
    encoder_ablation: bool = True
    core_hour_price: Annotated[float, Field(ge=0)] = 0.04
    seed: Annotated[int, Field(ge=0)] = 0


class RecommendPlan(FrozenModel):
    """Defaults of recommendation lists."""

    k: Positive = 10
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    explore: Annotated[float, Field(ge=0, le=0.5)] | Literal["auto"] = 0.0


class DeploymentPlan(FrozenModel):
    """The machines of a service, and the load that they are planned for.

    `pennyweight plan` writes it, `pennyweight simulate` reads it; a fit ignores it.
    """

    instance: Annotated[str, Field(min_length=1)]  # type of the machine, as the price table has it
    replicas: Positive
    servers: Positive = 1  # lists that a replica makes at once
    requests_per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # at the peak
    latency_objective_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # of 95 %
    service_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # mean, of a list
    service_scv: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    replica_start_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 30.0
    price_per_month: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None  # of one
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"


class Plan(FrozenModel):
    """The settings of a fit; every key has a default, so ``Plan()`` is a plan.

    Each key is described in ``docs/plan-toml.md``.
    """

    data: DataPlan = DataPlan()
    encoder: EncoderPlan = EncoderPlan()
    scorers: ScorersPlan = ScorersPlan()
    rerank: RerankPlan = RerankPlan()
    search: SearchPlan = SearchPlan()
    evaluate: EvaluatePlan = EvaluatePlan()
    recommend: RecommendPlan = RecommendPlan()
    budget: Budget = Budget()
    deployment: DeploymentPlan | None = None

    @classmethod
    def from_toml(cls, source: Path | str) -> "Plan":
        """Read a plan from a file (a `Path`) or from TOML text (a `str`).

        Raises
        ------
        PlanError
            When it is not TOML, a key is unknown (the message names the nearest valid
            one) or a value is of the wrong type or out of range.
        """
        name, text = "plan", str(source)
        hint = "; a str is read as TOML text, wrap the name of a file in Path"
        if isinstance(source, Path):
            name, hint = str(source), ""
            try:
                text = source.read_text(encoding="utf-8-sig")
            except OSError as error:
                raise PlanError(f"{source}: cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise PlanError(f"{source}: cannot be read as UTF-8: {error.reason}") from error
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PlanError(f"{name}: not TOML: {error}{hint}") from error
        return cls.from_table(table, source=name)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, source: str = "plan") -> "Plan":
        """Make a plan of nested mappings; errors as in `from_toml`."""
        _check_scorers(table.get("scorers"), source)
        try:
            # By way of JSON, since strict checking of Python values refuses lists as tuples.
            return cls.model_validate_json(json.dumps(table, default=str), strict=True)
        except ValidationError as error:
            raise PlanError(refusal(error, cls, source)) from None

    def override(self, given: Mapping[str, Any]) -> "Plan":
        """Return the plan with some keys replaced, such as ``{"encoder.name": "tfidf"}``.

        Keys whose value is None stay unchanged; `PlanError` for unknown keys and bad values.
        """
        table = self.model_dump(exclude_none=True)
        for key, value in given.items():
            if value is not None:
                section, _, name = key.partition(".")
                table.setdefault(section, {})[name] = value
        return Plan.from_table(table, source="settings")

    def to_toml(self) -> str:
        """Return the plan as TOML with every key that has a value, defaults too."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


def _check_scorers(table: object, source: str) -> None:
    """Refuse keys of the scorers that are neither `names` nor a table of settings."""
    valid = ScorersPlan.model_fields
    for key, value in table.items() if isinstance(table, Mapping) else ():
        if key not in valid and not isinstance(value, Mapping):
            raise PlanError(
                f"{source}: unknown key 'scorers.{key}'{did_you_mean(key, valid)} Valid here: "
                f"{', '.join(valid)}, and a table [scorers.ID] with the settings of each scorer"
            )
