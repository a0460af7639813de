"""`ablate`: for which requests a language model pays."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.options import READING, Options, listed, spread
from pennyweight.cli.output import command_line, say
from pennyweight.cli.output_paths import file_place
from pennyweight.cli.progress import show_progress

__all__ = ["ablate"]

OPTIONS = (
    *(name for name in READING if name != "encoder"),
    "encoder_model",
    "encoder_budget",
    "scorers",
    "repeats",
    "max_users",
)


@functools.partial(spread, only=OPTIONS)
def ablate(
    items: Annotated[Path, typer.Argument(metavar="ITEMS", help="The item catalog.")],
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="The event log.")],
    settings: Options,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Encoders besides tfidf, static and minilm, by commas: folders, ids, GGUF files, "
            "servers.",
        ),
    ] = None,
    search_share: Annotated[
        float,
        typer.Option(
            metavar="SHARE", min=0, max=1, help="Assumed share of searches among the requests."
        ),
    ] = 0.1,
    core_hour_price: Annotated[
        float | None,
        typer.Option(metavar="PRICE", min=0, help="Price of a core for an hour; 0.04 by default."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables as a page.")
    ] = None,
) -> None:
    """Measure for which requests a language model pays, and at what cost."""
    plan = settings.to_plan().override({"evaluate.core_hour_price": core_hour_price})
    named = [name.strip() for name in listed(models or "", "--models")]
    place = file_place(html, items, events)
    from pennyweight.fitting.ablate import ablate as measure
    from pennyweight.reports import ablation_page
    from pennyweight.storage.files import write_atomic

    with keeping(place.outcome), show_progress(quiet=settings.quiet) as progress:
        result = measure(
            items, events, models=named, plan=plan, search_share=search_share, progress=progress
        )
        if html is not None:
            write_atomic(html, ablation_page(result, commands=[command_line()]).encode())
    if settings.json:
        say(result.to_json().rstrip())
        return
    say(result.table())
    say(f"\n{result.sentence()}")
    if html is not None:
        say(f"\npage: {html}")
