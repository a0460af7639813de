"""`playground`: the demo shop, served to simulated readers and to a person in a browser."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.ingest import KEY_VARIABLE
from pennyweight.cli.output import note, say
from pennyweight.cli.output_paths import check_folder
from pennyweight.cli.platforms import require_posix
from pennyweight.cli.progress import show_progress
from pennyweight.errors import DataError, PlanError
from pennyweight.progress.update import ProgressUpdate

if TYPE_CHECKING:
    import polars as pl

__all__ = ["playground"]

SETTINGS, BUNDLE, RIVAL, LIVE = "playground.json", "bundle", "popular", "live"


def playground(
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the bundles and the live data.")
    ] = Path("playground"),
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="N", help="Port; 0 for a free one.")
    ] = 8000,
    readers: Annotated[
        int, typer.Option(metavar="N", min=50, help="Number of simulated readers.")
    ] = 1_000,
    rate: Annotated[
        float, typer.Option(metavar="N", min=0.01, max=100, help="Events per second, on average.")
    ] = 2.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the readers.")] = 7,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.01, help="Stop after this time; by default at Ctrl-C."),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to bind; other than loopback needs keys."),
    ] = "127.0.0.1",
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keys file; PENNYWEIGHT_KEY has an admin key of it."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the shop in a browser.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Serve the built-in bookshop to simulated readers; you enter it in a browser."""
    key = os.environ.get(KEY_VARIABLE)
    if keys is not None and key is None:
        raise PlanError(f"--keys: set {KEY_VARIABLE} to a key with the scope admin for the readers")
    check_folder(folder)
    require_posix(sys.platform)
    from pennyweight import demo
    from pennyweight.serving import run
    from pennyweight.serving.playground.session import PlaygroundSession
    from pennyweight.serving.security.hosts import check_binding

    check_binding(host, has_keys=keys is not None)
    books, log = demo.books(), demo.readers(readers=readers, seed=seed)
    _make(folder, books, log, {"readers": readers, "seed": seed}, quiet=quiet)
    session = PlaygroundSession(
        books,
        log,
        readers=readers,
        seed=seed,
        rate=rate,
        rival=folder / RIVAL,
        key=key,
        seconds=None if minutes is None else 60 * minutes,
        browse=browser,
        tell=note,
    )
    live = folder / LIVE
    bundle = None if (live / "store.sqlite").exists() else folder / BUNDLE
    settings = run.ServiceSettings(
        data=live, bundle=bundle, host=host, port=port, keys=keys, storefront=True
    )
    stopping, threads = threading.Event(), list[threading.Thread]()

    def ready(address: str, engine: object) -> None:
        say(f"Shop: {address}/playground, dashboard: {address}/; Ctrl-C stops")
        # All addresses are no address to ask.
        local = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        threads.append(session.begin(local, stopping))

    try:
        run.serve(settings, on_ready=ready)
    finally:
        stopping.set()
        for thread in threads:
            thread.join(timeout=30)


def _make(
    folder: Path,
    books: "pl.DataFrame",
    log: "pl.DataFrame",
    settings: dict[str, int],
    *,
    quiet: bool,
) -> None:
    """Fit the bundles of a playground, unless an earlier run did."""
    path = folder / SETTINGS
    if path.exists():
        if json.loads(path.read_bytes()) != settings:
            raise DataError(
                f"{folder}: has a playground of other readers ({path.read_text()}); name another "
                "--folder, or delete this one"
            )
        return
    from pennyweight.cli.report_files import save
    from pennyweight.fitting.pipeline import fit
    from pennyweight.storage.files import write_atomic

    folder.mkdir(parents=True, exist_ok=True)
    with show_progress(quiet=quiet) as progress:
        recommender = fit(books, log, progress=progress)
        progress(ProgressUpdate("fit the rival"))
        popular = fit(books, log, scorers=["popularity"], encoder="tfidf", progress=False)
    save(recommender, folder / BUNDLE, overwrite=True, command="pennyweight playground")
    save(popular, folder / RIVAL, overwrite=True, command="pennyweight playground")
    write_atomic(path, json.dumps(settings).encode())
