"""The options that `fit`, `evaluate` and the plan have in common, declared once."""

import csv
import functools
import inspect
import re
from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from pennyweight.config.column_roles import COLUMN_ROLES, EVENT_ROLES
from pennyweight.errors import PlanError
from pennyweight.scorers.registry import SCORERS

if TYPE_CHECKING:
    from pennyweight.config.plan import Plan

__all__ = ["EVENTS", "READING", "Options", "listed", "meanings", "spread"]

Protocol = Literal["leave-last-out", "global-time", "given-split"]
# The options of a command that reads data and learns nothing.
READING = (
    "plan",
    "protocol",
    "encoder",
    "text_columns",
    "mask_personal",
    "event_types",
    "min_rating",
    "normalize_ids",
    "missing_ids",
    "time_format",
    "row_order",
    "max_dropped",
    "seed",
    "json",
    "quiet",
    *(f"{role}_column" for role in COLUMN_ROLES),
)
# Those that say how an event log is read by a bundle that is there.
EVENTS = (
    "event_types",
    "normalize_ids",
    "missing_ids",
    "time_format",
    "row_order",
    "max_dropped",
    *(f"{role}_column" for role in EVENT_ROLES if role != "split"),
)


def _column(role: str, help_text: str) -> Any:  # noqa: ANN401 - what typer calls an option
    return typer.Option(f"--{role}-column", metavar="NAME", help=help_text)


@dataclass(frozen=True)
class Options:
    """Options of the user; None where the plan or the data decide."""

    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="Split into training, validation and test events. Default: global-time for dates, "
            "if most test users then have a history; otherwise leave-last-out."
        ),
    ] = None
    repeats: Annotated[
        Literal["exclude", "include"] | None,
        typer.Option(
            help="Whether to recommend items of the history again. Default: include if most test "
            "events repeat it."
        ),
    ] = None
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="auto, static, minilm, tfidf, bow, word2vec, a folder, a GGUF file, a Hugging "
            "Face id or an OpenAI-compatible server such as https://host/v1.",
        ),
    ] = None
    encoder_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the model at the server.")
    ] = None
    encoder_budget: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Limit of a paid encoder: tokens=2000000, or money=5,price=0.02 with the price "
            "of a million tokens.",
        ),
    ] = None
    query_prefix: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Prompt before search texts, for a transformer. Default: the model's own.",
        ),
    ] = None
    document_prefix: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Prompt before item texts; '' for none."),
    ] = None
    search_encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="Encoder of the search by text: static, minilm, a folder or a Hugging Face id; "
            "none for TF-IDF. Default: static, if it finds more than TF-IDF.",
        ),
    ] = None
    scorers: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help=f"Scorers to blend, comma-separated: {', '.join(SCORERS.built_in)}; or auto.",
        ),
    ] = None
    rerank: Annotated[
        Literal["auto", "trees", "none"] | None,
        typer.Option(
            help="Rank the best items of each list again by gradient-boosted trees: where they "
            "gain on validation (the default), always, or never."
        ),
    ] = None
    rerank_budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time for ranking the lists of a batch again, such as 20ms; unlimited by "
            "default.",
        ),
    ] = None
    explore: Annotated[
        str | None,
        typer.Option(
            metavar="X|auto",
            help="Largest share of the positions for exploration of new items, 0 by default; auto: "
            "the largest that loses at most 1 % of NDCG@10 on validation.",
        ),
    ] = None
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as TOML; options override it.")
    ] = None
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers; 0 by default.")] = (
        None
    )
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at rows that cleaning would drop.")
    ] = False
    mask_personal: Annotated[
        bool,
        typer.Option(
            "--mask-personal", help="Mask personal data in items: e-mail addresses, phones …"
        ),
    ] = False
    normalize_ids: Annotated[
        bool,
        typer.Option(
            "--normalize-ids",
            help="Treat ids as equal that differ only in zeros, '.0', spaces or capitals.",
        ),
    ] = False
    missing_ids: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="More ids that mean a missing user or item: guest,0; '' for none.",
        ),
    ] = None
    max_dropped: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Stop if one cause drops more than this share of rows; 0.5 by default, 1: never.",
        ),
    ] = None
    k_core: Annotated[
        int | None,
        typer.Option(metavar="N", help="Keep users and items with at least N events."),
    ] = None
    text_columns: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Text columns of ITEMS, comma-separated."),
    ] = None
    enriched: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Phrases of `enrich`, joined to the texts of ITEMS."),
    ] = None
    enriched_fields: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Of these: keywords, audience, occasions. Default: all."),
    ] = None
    id_column: Annotated[str | None, _column("id", "Id column of ITEMS.")] = None
    available_column: Annotated[
        str | None, _column("available", "Availability column of ITEMS; '' for none.")
    ] = None
    user_column: Annotated[str | None, _column("user", "User column of EVENTS.")] = None
    item_column: Annotated[str | None, _column("item", "Item column of EVENTS.")] = None
    time_column: Annotated[str | None, _column("time", "Time column of EVENTS; '' for none.")] = (
        None
    )
    time_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="Format of times: '%d/%m/%Y %H:%M', day-first, month-first, epoch-ms, excel …",
        ),
    ] = None
    row_order: Annotated[
        Literal["oldest-first", "newest-first"] | None,
        typer.Option(help="Order of the rows of EVENTS without times."),
    ] = None
    weight_column: Annotated[
        str | None, _column("weight", "Weight column of EVENTS; '' for none.")
    ] = None
    type_column: Annotated[
        str | None, _column("type", "Event type column of EVENTS; '' for none.")
    ] = None
    split_column: Annotated[
        str | None, _column("split", "Column with train, valid, test; '' for none.")
    ] = None
    quantity_column: Annotated[
        str | None,
        _column("quantity", "Column with quantities, negative for returns; '' for none."),
    ] = None
    status_column: Annotated[
        str | None, _column("status", "Column with the state of the order; '' for none.")
    ] = None
    order_column: Annotated[
        str | None, _column("order", "Column with the order number, C1 cancels 1; '' for none.")
    ] = None
    engagement_column: Annotated[
        str | None, _column("engagement", "… with the time or share watched; '' for none.")
    ] = None
    event_types: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Meaning of event types, comma-separated: a weight, negative or ignore; "
            "buy=3,dislike=negative,seen=ignore.",
        ),
    ] = None
    min_rating: Annotated[
        float | None,
        typer.Option(metavar="X", help="Lowest positive rating; 0: all ratings are positive."),
    ] = None
    max_users: Annotated[
        int | None, typer.Option(metavar="N", help="Measure on at most N users.")
    ] = None
    no_refit: Annotated[
        bool,
        typer.Option(
            "--no-refit",
            help="Measure scorers fitted on training events alone, like published models.",
        ),
    ] = False
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=5,
            help="Cut time N times and measure after each cut; for global-time.",
        ),
    ] = None
    item_attribute: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of ITEMS for exposure and calibration by group. Default: a column of "
            "categories.",
        ),
    ] = None
    user_attribute: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of EVENTS for quality by user group.",
        ),
    ] = None
    min_ndcg: Annotated[
        float | None,
        typer.Option(
            metavar="X", min=0, max=1, help="Exit with 1 if NDCG@10 of the blend is below X."
        ),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no notes.")] = False

    def to_plan(self) -> "Plan":
        """Return the plan of the file, or the default one, with the options over it."""
        from pennyweight.config.plan import Plan

        return self.over(Plan() if self.plan is None else Plan.from_toml(self.plan))

    @property
    def events_options(self) -> list[str]:
        """Options of `EVENTS` that were given."""
        names = [name for name in EVENTS if getattr(self, name) not in (None, False)]
        return [f"--{name.replace('_', '-')}" for name in names]

    def over(self, plan: "Plan") -> "Plan":
        """Return a plan with the options over it."""
        columns = {
            role: name
            for role in COLUMN_ROLES
            if (name := getattr(self, f"{role}_column")) is not None
        }
        return plan.override(
            {
                "evaluate.protocol": self.protocol,
                "evaluate.repeats": self.repeats,
                "evaluate.seed": self.seed,
                "evaluate.max_users": self.max_users,
                "evaluate.refit": False if self.no_refit else None,
                "evaluate.folds": self.folds,
                "evaluate.item_attribute": self.item_attribute,
                "evaluate.user_attribute": self.user_attribute,
                "encoder.name": self.encoder,
                "encoder.model": self.encoder_model,
                **_budget(self.encoder_budget),
                "encoder.query_prefix": self.query_prefix,
                "encoder.document_prefix": self.document_prefix,
                "search.encoder": self.search_encoder,
                "scorers.names": self._scorers(),
                "rerank.name": self.rerank,
                "rerank.budget_ms": _milliseconds(self.rerank_budget),
                "recommend.explore": _share(self.explore),
                "data.strict": self.strict or None,
                "data.mask_personal": self.mask_personal or None,
                "data.normalize_ids": self.normalize_ids or None,
                "data.missing_ids": self._missing(),
                "data.max_dropped": self.max_dropped,
                "data.k_core": self.k_core,
                "data.text_columns": _names(self.text_columns, "--text-columns"),
                "data.enriched": None if self.enriched is None else str(self.enriched),
                "data.enriched_fields": _names(self.enriched_fields, "--enriched-fields"),
                "data.time_format": self.time_format,
                "data.row_order": self.row_order,
                "data.columns": {**plan.data.columns, **columns} or None,
                "data.event_types": {**plan.data.event_types, **meanings(self.event_types)} or None,
                "data.min_rating": self.min_rating,
            }
        )

    def _missing(self) -> list[str] | None:
        if self.missing_ids is None:
            return None
        return [word.strip() for word in listed(self.missing_ids, "--missing-ids")]

    def _scorers(self) -> list[str] | str | None:
        names = _names(self.scorers, "--scorers")
        return "auto" if names == ["auto"] else names


BUDGET = {"tokens": "budget_tokens", "money": "budget_money", "price": "token_price"}


def _budget(text: str | None) -> dict[str, float | int]:
    """Read ``money=5,price=0.02``."""
    limits: dict[str, float | int] = {}
    for part in listed(text or "", "--encoder-budget"):
        name, _, value = part.partition("=")
        try:
            key = BUDGET[name.strip()]
            limits[f"encoder.{key}"] = int(value) if name.strip() == "tokens" else float(value)
        except (KeyError, ValueError):
            raise PlanError(
                f"--encoder-budget {text!r}: limits are tokens=N, money=X and price=X, the price "
                "of a million tokens, by commas"
            ) from None
    if text is not None and not {"encoder.budget_tokens", "encoder.budget_money"} & limits.keys():
        raise PlanError(
            f"--encoder-budget {text!r} sets no limit: give tokens=N, or money=X,price=X"
        )
    return limits


def _names(text: str | None, option: str) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in listed(text, option) if name.strip()]
    if not names:
        raise PlanError(f"{option} is empty; name at least one, or leave it out")
    return names


def _milliseconds(text: str | None) -> float | None:
    """Read ``20ms`` or ``0.5s``."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", text)
    value = float(match[1]) * (1_000 if match[2] == "s" else 1) if match else 0.0
    if value <= 0:
        raise PlanError(f"--rerank-budget {text!r}: a time above 0 with its unit, 20ms or 0.5s")
    return value


def _share(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text  # auto; the plan refuses any other word


def meanings(text: str | None) -> dict[str, float | str]:
    """Read ``purchase=3,view=1,dislike=negative``."""
    result: dict[str, float | str] = {}
    # A quoted type, "no, thanks"=negative, is one part as much as "no, thanks=negative".
    text = re.sub(r'(^|,)\s*"((?:[^"]|"")*)"\s*=\s*([^,"]+)', r'\1"\2=\3"', text or "")
    for part in listed(text, "--event-types"):
        name, sign, value = (piece.strip() for piece in part.rpartition("="))
        try:
            meaning = value if value in ("negative", "ignore") else float(value)
        except ValueError:
            meaning = "?"
        if not (sign and name) or meaning == "?":
            raise PlanError(
                f"--event-types: {part!r} is not TYPE=MEANING; a meaning is a weight "
                "above 0, negative or ignore, such as purchase=3 or "
                "dislike=negative; a type with a comma stands in quotes: "
                "'\"no, thanks=negative\"'"
            )
        result[name] = meaning
    return result


def listed(text: str, option: str) -> list[str]:
    """Return the parts of a list by commas; one that holds a comma is written in quotes."""
    try:
        return next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise PlanError(
            f"{option} {text!r}: not a list by commas ({error}); a name with a comma, "
            'quote or new line in it stands in "quotes"'
        ) from None


def spread(
    command: Callable[..., None], *, only: Collection[str] | None = None
) -> Callable[..., None]:
    """Give a command whose last parameter is `settings` the options of `Options` instead.

    With `only`, these alone; the others keep their defaults.
    """
    hints = get_type_hints(Options, include_extras=True)
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(Options)
        if only is None or field.name in only
    ]
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.name != "settings"
    ]
    names = [option.name for option in options]

    @functools.wraps(command)
    def spreading(**values: Any) -> None:  # noqa: ANN401 - what typer parsed
        command(settings=Options(**{name: values.pop(name) for name in names}), **values)

    spreading.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    spreading.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
    return spreading
