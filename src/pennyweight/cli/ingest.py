"""`ingest`: events of a file or a pipe into a running service."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.output import note, say
from pennyweight.cli.output_paths import file_place
from pennyweight.cli.platforms import require_posix
from pennyweight.errors import DataError, PlanError

__all__ = ["ingest"]

KEY_VARIABLE = "PENNYWEIGHT_KEY"
PATIENCE = 60.0  # seconds of an outage; a file that is followed waits for ever


def _column(role: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{role}-column", metavar="NAME", help=f"Column of the {role}."
    )
    return option


def ingest(
    service: Annotated[
        str,
        typer.Argument(metavar="DIR|URL", help="The folder of a running service, or its address."),
    ],
    events: Annotated[
        str, typer.Argument(metavar="FILE|-", help="CSV or JSON lines; - for standard input.")
    ],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on as the file grows, also after its rotation.")
    ] = False,
    offsets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to note how far it came. Default: FILE.offset.json."
        ),
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where refused rows go. Default: FILE.refused.jsonl."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first row that is refused.")
    ] = False,
    event_type: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE",
            help="Type of events without one. Default: rating where the weights are ratings, "
            "otherwise view.",
        ),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="How times are written, as for fit. Default: epochs and ISO 8601.",
        ),
    ] = None,
    user_column: Annotated[str | None, _column("user")] = None,
    item_column: Annotated[str | None, _column("item")] = None,
    time_column: Annotated[str | None, _column("time")] = None,
    weight_column: Annotated[str | None, _column("weight")] = None,
    type_column: Annotated[str | None, _column("type")] = None,
) -> None:
    """Send events of a file or a pipe to a running service, each once."""
    is_pipe = events == "-"
    if is_pipe and (follow or offsets is not None):
        raise PlanError("--follow and --offsets are for files; a pipe is read to its end")
    path = Path(events)
    source = Path("stdin") if is_pipe else path
    state_file = None if is_pipe else offsets or path.with_name(f"{path.name}.offset.json")
    refused = refused or source.with_name(f"{source.name}.refused.jsonl")
    file_place(refused, *(() if is_pipe else (path,)))
    file_place(state_file, *(() if is_pipe else (path,)))
    columns = {
        "user": user_column,
        "item": item_column,
        "time": time_column,
        "weight": weight_column,
        "type": type_column,
    }
    from pennyweight.client import AccessError, Client, Retries
    from pennyweight.ingestion.checkpoint import RefusedRows, SentUpTo
    from pennyweight.ingestion.ingest import Ingestion
    from pennyweight.ingestion.mapping import EventMapping

    overrides = {role: name for role, name in columns.items() if name is not None}
    mapping = EventMapping(str(events), overrides, time_format, event_type)
    patience = float("inf") if follow else PATIENCE
    with Client(
        _address(service), key=os.environ.get(KEY_VARIABLE), retries=Retries(patience=patience)
    ) as client:
        state = SentUpTo() if state_file is None else SentUpTo.read(state_file)
        aside = RefusedRows(refused, None if is_pipe else state.refused_bytes)
        ingestion = Ingestion(client, mapping, aside, strict, note, state, state_file)
        goes_on = "" if is_pipe else "; the same command goes on from there"
        try:
            with keeping(lambda: f"{ingestion.counts.sentence()}{goes_on}"):
                if is_pipe:
                    ingestion.pipe(sys.stdin.buffer)
                else:
                    ingestion.file(path, follow=follow)
        except AccessError as error:
            raise PlanError(f"{error}; set {KEY_VARIABLE} to a key with the scope events") from None
    counts = ingestion.counts
    say(counts.sentence())
    if counts.refused:
        note(f"{refused}: the refused rows, with reasons")
    if counts.refused == counts.read > 0:
        raise DataError(f"{events}: every row was refused; see {refused}")


def _address(service: str) -> str:
    """Return the address of a service that is named by it or by its folder."""
    if service.startswith(("http://", "https://")):
        return service
    require_posix(sys.platform)
    from pennyweight.serving.live_folder import check_live_folder, running_service

    folder = Path(service)
    check_live_folder(folder)
    address = running_service(folder)
    if address is None:
        raise DataError(
            f"{folder}: no service runs there; start it: pennyweight serve --data {folder}"
        )
    return address
