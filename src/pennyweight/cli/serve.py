"""`serve`: a bundle, live over HTTP."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.platforms import require_posix

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine
    from pennyweight.serving.log_queue import LogQueue

__all__ = ["serve"]


def serve(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="BUNDLE", help="A saved recommender; by default the last one served."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for live data; beside the bundle by default."),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to bind; other than loopback needs keys."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="N", help="Port; 0 for a free one.")
    ] = 8000,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keys file of `pennyweight keys create`.")
    ] = None,
    rate: Annotated[
        float,
        typer.Option(min=0, metavar="N", help="Requests per second of each key; 0: no limit."),
    ] = 0.0,
    workers: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Worker threads that micro-batch scoring requests."),
    ] = 1,
    remote_queries: Annotated[
        str | None,
        typer.Option(
            metavar="HOST",
            help="Let the bundle's encoder ask this server for the vectors of searches and new "
            "items.",
        ),
    ] = None,
    query_timeout: Annotated[
        float,
        typer.Option(
            min=0.01, max=10, metavar="SECONDS", help="How long a search waits for that server."
        ),
    ] = 0.3,
    log: Annotated[bool, typer.Option("--log", help="Log each request as a line of JSON.")] = False,
    trusted_proxies: Annotated[
        str,
        typer.Option(metavar="CIDR,…", help="Proxies with trusted X-Forwarded-For and -Proto."),
    ] = "",
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Path of the service at a proxy.")
    ] = "",
    refit_every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Refit in the background, such as every 24h."),
    ] = None,
    refit_at: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="Local time of the refits.")
    ] = None,
    refit_full_every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Refit fully this often, such as every 7d."),
    ] = None,
    refit_publish_if: Annotated[
        str, typer.Option(metavar="CONDITION", help="better, not-worse or always.")
    ] = "not-worse",
    refit_memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Most memory of a refit; by default half of all."),
    ] = None,
    refit_keep: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Delete the oldest bundles of refits but N; by default 5."
        ),
    ] = None,
) -> None:
    """Serve a bundle over HTTP until Ctrl-C: lists, events, items, a dashboard."""
    import logging

    from pennyweight.errors import PlanError

    require_posix(sys.platform)
    from pennyweight.cli.refit_times import refit_times
    from pennyweight.serving import run
    from pennyweight.serving.http.proxies import Proxies, read_networks, read_root_path
    from pennyweight.serving.live.engine import Limits
    from pennyweight.serving.live_folder import STORE
    from pennyweight.serving.log_queue import LogQueue
    from pennyweight.serving.logs import dropped_line, json_lines

    if data is None:
        if bundle is None:
            raise PlanError("name a bundle, or with --data a folder that was served from before")
        if (bundle / STORE).is_file():
            raise PlanError(
                f"{bundle}: is the folder of a service; serve what it has with --data {bundle}"
            )
        data = bundle.absolute().with_name(bundle.absolute().name + ".live")
    proxies = Proxies(read_networks(trusted_proxies), read_root_path(root_path))
    refits = refit_times(
        refit_every, refit_at, refit_full_every, refit_publish_if, refit_memory, refit_keep
    )
    level = logging.INFO if log else logging.WARNING
    # The reader of stdout or stderr may stop, and the service goes on.
    with LogQueue(sys.stdout) as out, LogQueue(sys.stderr, notice=dropped_line) as lines:
        settings = run.ServiceSettings(
            data=data,
            bundle=bundle,
            host=host,
            port=port,
            keys=keys,
            rate=rate,
            log=lines if log else None,
            limits=Limits(threads=workers),
            query_host=remote_queries,
            query_timeout=query_timeout,
            proxies=proxies,
            refits=refits,
        )
        with json_lines(lines, level=level):
            run.serve(settings, on_ready=lambda at, engine: _tell(at, engine, out, lines))


def _tell(address: str, engine: "Engine", out: "LogQueue", lines: "LogQueue") -> None:
    served = ", ".join(
        variant.version
        if variant.share == 1
        else f"{variant.version} for {variant.share:.0%} of users"
        for variant in engine.traffic.split.variants
    )
    items = len(engine.traffic.split.primary.catalog)
    out.write(f"{address} serves {served}: {items:,} items\n")
    lines.write(f"Dashboard: {address}/, API: {address}/docs; Ctrl-C stops\n")
