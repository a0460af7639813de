"""`serve`: a bundle, live over HTTP."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.output import note, say

if TYPE_CHECKING:
    from pennyweight.serve.engine.engine import Engine

__all__ = ["serve"]


def serve(
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="BUNDLE", help="What `pennyweight fit` saved; or what was last."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="What must not be lost; beside the bundle by default."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Another than loopback needs keys.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="N", help="0 takes a free one.")
    ] = 8000,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keys made by `pennyweight keys create`.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0, metavar="N", help="Requests a second of each key; 0: any.")
    ] = 0.0,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Threads that score.")] = 1,
    log: Annotated[bool, typer.Option("--log", help="A line of JSON for each request.")] = False,
) -> None:
    """Serve a bundle over HTTP until Ctrl-C: lists, events, items, a dashboard."""
    import logging

    from pennyweight.errors import PlanError
    from pennyweight.serve import run
    from pennyweight.serve.engine.engine import Limits
    from pennyweight.serve.logs import json_lines

    if data is None:
        if bundle is None:
            raise PlanError("name a bundle, or with --data a folder that was served from before")
        data = bundle.absolute().with_name(bundle.absolute().name + ".live")
    settings = run.Settings(
        data=data,
        bundle=bundle,
        host=host,
        port=port,
        keys=keys,
        rate=rate,
        log=sys.stderr if log else None,
        limits=Limits(threads=workers),
    )
    with json_lines(sys.stderr, level=logging.INFO if log else logging.WARNING):
        run.serve(settings, on_ready=_tell)


def _tell(address: str, engine: "Engine") -> None:
    served = ", ".join(
        arm.version if arm.share == 1 else f"{arm.version} for {arm.share:.0%} of users"
        for arm in engine.arms.arms
    )
    say(f"{address} serves {served}: {len(engine.arms.first.catalog):,} items")
    note(f"Dashboard: {address}/, API: {address}/docs; Ctrl-C stops")
    sys.stdout.flush()
