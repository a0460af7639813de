"""`enrich`: phrases about items, by a generative model."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.fit import Items
from pennyweight.cli.options import listed
from pennyweight.cli.output import say
from pennyweight.cli.output_paths import check_folder, file_place
from pennyweight.cli.progress import show_progress
from pennyweight.progress.update import ProgressUpdate

__all__ = ["enrich"]


def enrich(
    items: Items,
    model: Annotated[
        str,
        typer.Option(metavar="GGUF|URL", help="A GGUF file, or a server such as https://host/v1."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON lines, or CSV if the name ends in .csv.")
    ],
    model_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the model at the server.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, metavar="MONEY", help="Most money to spend.")
    ] = None,
    price: Annotated[
        float | None, typer.Option(min=0, metavar="MONEY", help="Price of a million tokens.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Most tokens to pay for.")
    ] = None,
    key_variable: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Environment variable with the key of the server."),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Id column of ITEMS.")
    ] = None,
    text_columns: Annotated[
        str | None, typer.Option(metavar="LIST", help="Text columns of ITEMS, comma-separated.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N items.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads for a GGUF file.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no notes.")] = False,
) -> None:
    """Write keywords, audience and occasions of each item by a generative model."""
    place = file_place(out, items)
    check_folder(out)
    from pennyweight.data.dataset import read_items
    from pennyweight.encoders.token_budget import TokenBudget
    from pennyweight.enrichment.pipeline import enrich as write
    from pennyweight.enrichment.writers import open_writer

    writer = open_writer(
        model,
        model=model_name,
        budget=TokenBudget(max_tokens, budget, price),
        key_variable=key_variable,
        threads=threads,
    )
    columns = None if text_columns is None else listed(text_columns, "--text-columns")
    with keeping(place.outcome), show_progress(quiet=quiet) as progress:
        progress(ProgressUpdate("read"))
        catalog = read_items(items, id_column=id_column, text_columns=columns)
        result = write(
            catalog,
            writer,
            out,
            limit=limit,
            progress=lambda done, total: progress(
                ProgressUpdate("write", stage_share=done / total, share=done / total)
            ),
        )
    if json:
        counts = {n: getattr(result, n) for n in ("written", "cached", "unchanged", "without")}
        figures = counts | {"items": len(result.items), "dropped": dict(result.dropped)}
        say(json_text.dumps(figures | {"tokens": writer.budget.used}, indent=2))
        return
    say(f"{result.summary()}\nsaved {out}; read and edit it, then fit with --enriched {out}")
