"""`validate`: faults in the data, before any training."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.exit_codes import GateFailed, keeping
from pennyweight.cli.fit import Events, Items
from pennyweight.cli.options import READING, Options, spread
from pennyweight.cli.output import say
from pennyweight.cli.output_paths import file_place
from pennyweight.cli.progress import show_progress
from pennyweight.formatting import count
from pennyweight.progress.update import ProgressUpdate

__all__ = ["validate"]


@functools.partial(spread, only=READING)
def validate(
    items: Items,
    events: Events,
    settings: Options,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as a page.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if there is a leak.")
    ] = False,
) -> None:
    """Report faults, personal data and leaks in the data; no training."""
    plan = settings.to_plan()
    place = file_place(html)
    from pennyweight.data.dataset import read_planned
    from pennyweight.data.input_size import volume
    from pennyweight.encoders.tokens import READ_TOKENS
    from pennyweight.machine.forecast import speed
    from pennyweight.reports import validation_page
    from pennyweight.storage.files import write_atomic
    from pennyweight.validation.forecast import REMEDY, forecast
    from pennyweight.validation.validate import validate as check
    from pennyweight.validation.vocabulary import find_tokenizer

    find_tokenizer(plan.encoder.name)  # a missing encoder fails before the data is read
    with keeping(place.outcome), show_progress(quiet=settings.quiet) as progress:
        forecast(volume(items, events), speed()).state(REMEDY)
        progress(ProgressUpdate("read"))
        data = read_planned(items, events, plan.data, seed=plan.evaluate.seed)
        report = check(
            data,
            protocol=plan.evaluate.protocol,
            encoder=plan.encoder.name,
            max_tokens=plan.encoder.max_tokens or READ_TOKENS,
            seed=plan.evaluate.seed,
            progress=progress,
        )
        if html is not None:
            write_atomic(html, validation_page(report, source=(items.name, events.name)).encode())
    say(report.model_dump_json(indent=2) if settings.json else report.table())
    leaks = report.leaks()
    if strict and leaks:
        kinds = ", ".join(dict.fromkeys(leak.kind for leak in leaks))
        raise GateFailed(f"strict: {count(len(leaks), 'leak')} found: {kinds}")
