"""`recommend` and `similar`: questions to a saved recommender."""

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pennyweight.cli.options import EVENTS, Options, listed, spread
from pennyweight.cli.output import dump, note, ranking, say
from pennyweight.cli.recommend_all import lists_for_all_items, lists_for_all_users
from pennyweight.errors import PlanError, UnknownUserWarning

if TYPE_CHECKING:
    from polars import DataFrame

    from pennyweight.data.ids import Ids
    from pennyweight.recommender import Recommender

__all__ = ["ids_of", "recommend", "similar"]

BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A saved recommender.")]
Count = Annotated[
    int | None, typer.Option("-k", metavar="N", help="Number of items; 10, or that of the plan.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Give reasons.")]
FilterText = Annotated[
    str | None,
    typer.Option("--filter", metavar="EXPR", help="Condition on attributes: 'year < 1900'."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@functools.partial(spread, only=EVENTS)
def recommend(
    bundle: BundlePath,
    user: Annotated[str | None, typer.Option(metavar="ID", help="A user of the event log.")] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID,ID,…",
            help='Items, oldest first; one with a comma in "quotes". May be repeated.',
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="A search query.")] = None,
    k: Count = None,
    explain: Explain = False,
    filter: FilterText = None,
    diversity: Annotated[
        float | None, typer.Option(metavar="X", help="0: relevance only, 1: maximum diversity.")
    ] = None,
    explore: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Largest share of the positions for exploration of new items."
        ),
    ] = None,
    exclude_seen: Annotated[
        bool | None,
        typer.Option("--exclude-seen/--include-seen", help="Exclude items of the history."),
    ] = None,
    all_users: Annotated[
        bool, typer.Option("--all-users", help="Lists for all users; needs --out.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Output of --all-users: .parquet, .csv or .jsonl."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Event log with other histories than the bundle's."),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    *,
    settings: Options,
) -> None:
    """Recommend items for a user, a history or a text, or for all users in a file."""
    from pennyweight.config.plan import Plan
    from pennyweight.recommender.frames import EXPLORATION

    is_single = user is not None or history is not None or text is not None
    if is_single == all_users:
        raise PlanError(
            "give --user ID, --history ID,ID,… or --text WORDS, or --all-users for all of them"
        )
    if all_users != (out is not None) or (events is not None and not all_users):
        raise PlanError("--all-users and --out FILE go together; --events needs both")
    if events is None and settings.events_options:
        raise PlanError(
            f"{', '.join(settings.events_options)}: how --events FILE is read; without "
            "it leave this out"
        )
    recommender = _load(bundle)
    base_plan = recommender.plan or Plan()
    plan = base_plan.recommend
    arguments: dict[str, Any] = {
        "k": plan.k if k is None else k,
        "filter": filter,
        "exclude_seen": exclude_seen,
        "diversity": plan.diversity if diversity is None else diversity,
        "explore": explore,
        "explain": explain,
    }
    if out is not None:
        data = settings.over(base_plan).data
        lists_for_all_users(recommender, out, events, data, arguments, json=json, quiet=quiet)
        return
    items = None if history is None else ids_of(history, recommender.catalog.ids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownUserWarning)  # a note says it below
        frame = recommender.recommend(user=user, history=items, text=text, **arguments)
    sources = [source for source in frame["source"] if source != EXPLORATION]
    if sources:
        source = sources[0]
    else:  # no item is eligible, so that no row says it
        source = recommender.source(user=user, history=items, text=text)
    if json:
        dump({"source": source, "items": _items(frame)})
        return
    if frame.height:
        _note_source(recommender, user, text, source)
    say(ranking(frame.to_dicts()))


def _items(frame: "DataFrame") -> list[dict[str, Any]]:
    """Return the items of a list; only explored ones have a source, the others that of the list."""
    from pennyweight.recommender.frames import EXPLORATION

    rows = frame.to_dicts()
    for row in rows:
        if row["source"] != EXPLORATION:
            del row["source"]
    return rows


def _note_source(
    recommender: "Recommender", user: str | None, text: str | None, source: str
) -> None:
    """Print a note if a list does not use all of the request."""
    from pennyweight.ranking.query import suggestion

    log = recommender.interactions
    unknown = user is not None and log is not None and user not in log.users
    if source == "negative events":
        note(f"user {user!r} has negative events alone: the most popular of the other items")
    elif source == "popularity" or unknown:
        missing = "no history or text" if text is None else "no word of the text is known"
        reason = f"user {user!r} is unknown" if unknown else missing
        by = "the most popular items" if source == "popularity" else "items by the text alone"
        hint = (
            suggestion(log.users, user) if log is not None and user is not None and unknown else ""
        )
        note(f"{reason}: {by}{hint}")


def similar(
    bundle: BundlePath,
    item: Annotated[
        str | None, typer.Argument(metavar="ITEM", help="Id of an item.", show_default=False)
    ] = None,
    k: Count = None,
    explain: Explain = False,
    filter: FilterText = None,
    all_items: Annotated[
        bool, typer.Option("--all-items", help="Lists for all items; needs --out.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Output of --all-items: .parquet, .csv or .jsonl."),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """List similar items of an item, or of all items in a file."""
    if (item is not None) == all_items or all_items != (out is not None):
        raise PlanError("give an ITEM, or --all-items and --out FILE for every item")
    recommender = _load(bundle)
    defaults = recommender.plan.recommend if recommender.plan else None
    count = k if k is not None else defaults.k if defaults else 10
    arguments = {"k": count, "filter": filter, "explain": explain}
    if out is not None:
        lists_for_all_items(recommender, out, arguments, json=json, quiet=quiet)
        return
    assert item is not None
    frame = recommender.similar(item, count, filter=filter, explain=explain)
    sources = frame["source"].unique().to_list()
    if json:
        dump({"item_id": item, "items": frame.drop("source").to_dicts()})
        return
    if sources == ["popularity"]:
        note(f"of {item!r} there is neither an event nor a word of another item: the most popular")
    say(ranking(frame.to_dicts()))


def _load(path: Path) -> "Recommender":
    from pennyweight.recommender import Recommender

    return Recommender.load(path)


def ids_of(texts: Sequence[str], known_ids: "Ids") -> list[str]:
    """Return the ids of lists by commas; one that holds a comma may stand alone or in quotes."""
    return [item for text in texts for item in _ids(text, known_ids)]


def _ids(text: str, known_ids: "Ids") -> list[str]:
    if text in known_ids:
        return [text]
    parts = listed(text, "--history")
    if all(part in known_ids for part in parts):
        return parts
    joined = _joined(text.split(","), known_ids)
    return joined[0] if len(joined) == 1 else parts


def _joined(pieces: Sequence[str], known_ids: "Ids") -> list[list[str]]:
    """Return the ways, two at most, to read pieces between commas as known ids."""
    ways: list[list[list[str]]] = [[[]], *([] for _ in pieces)]
    for stop in range(1, len(pieces) + 1):
        for start in range(stop):
            item = ",".join(pieces[start:stop]).strip()
            if ways[start] and item in known_ids:
                ways[stop] += [[*way, item] for way in ways[start]]
        ways[stop] = ways[stop][:2]
    return ways[-1]
