"""`export`: the items and events of a service, as files to fit from."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.output import note, say
from pennyweight.cli.output_paths import file_place
from pennyweight.cli.platforms import require_posix
from pennyweight.errors import PlanError

__all__ = ["export"]


def export(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of the service: `serve --data`.")
    ],
    items: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Output file of the items: .csv, .jsonl or .parquet."),
    ],
    events: Annotated[
        Path, typer.Option(metavar="FILE", help="Output file of the events, in the same formats.")
    ],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only events from this time on: ISO 8601 or epoch seconds."
        ),
    ] = None,
) -> None:
    """Write the items and events of a service to files, for the next fit."""
    file_place(items)
    file_place(events, items)
    require_posix(sys.platform)
    from pennyweight.serving.export import export as write

    result = write(data, items, events, since=None if since is None else _moment(since))
    say(
        f"saved {items}: {result.items:,} items, and {events}: {result.events:,} events, of the "
        f"bundle {result.version} and of later changes up to event {result.position.seq:,}"
    )
    if result.skipped:
        note(
            f"{len(result.skipped):,} items were left out, whose columns are not those of the "
            f"catalog, such as {', '.join(result.skipped[:3])}"
        )
    if since is not None:
        note(f"{events}: events before {since} were left out, so no position is noted beside it")
    options = "".join(f" {option}" for option in result.options)
    note(f"Then: pennyweight fit {items} {events} --out BUNDLE{options}")


def _moment(text: str) -> float:
    from pennyweight.serving.http.requests import moment_of_text

    try:
        return moment_of_text(text)
    except ValueError as error:
        raise PlanError(f"--since {text!r} {error}") from None
