"""`bundles`, `publish` and `rollback`: the bundles of a service."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.output import dump, note, say
from pennyweight.cli.platforms import require_posix
from pennyweight.formatting import count

__all__ = ["bundles", "publish", "rollback"]

Live = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder of the service: `serve --data`.")
]


def bundles(
    data: Live,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="First delete the oldest until N are left; not those that serve or are for a "
            "rollback.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the bundles of a service, and which of them are served."""
    require_posix(sys.platform)
    from pennyweight.serving.operations.bundle_changes import listed_bundles, prune
    from pennyweight.serving.operations.refit_settings import is_refit

    if keep is not None:
        dropped = prune(data, keep)
        note(
            f"deleted {count(len(dropped), 'bundle')}{': ' if dropped else ''}{', '.join(dropped)}"
        )
    listed = listed_bundles(data)
    rows = [
        {
            "bundle_version": stored.version,
            "added": datetime.fromtimestamp(stored.added, UTC).isoformat(timespec="seconds"),
            "share": listed.served.get(stored.version, 0.0),
            "previous": stored.version in listed.previous,
            "source": stored.source,
            "source_exists": Path(stored.source).exists(),
            "refit": is_refit(stored, data),
        }
        for stored in listed.stored
    ]
    if json:
        dump(rows)
        return
    for row in rows:
        served = f"serves {row['share']:.0%}" if row["share"] else ""
        state = served or ("for rollback" if row["previous"] else "")
        gone = "" if row["source_exists"] else " (no longer there)"
        source = "refit" if row["refit"] else f"{row['source']}{gone}"
        say(f"{row['bundle_version']}  {row['added']}  {state:<12}  {source}".rstrip())


def publish(
    data: Live,
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A saved recommender.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Serve it even if it has no item of the served bundle."),
    ] = False,
) -> None:
    """Copy a bundle to a service and serve it, also while the service runs."""
    require_posix(sys.platform)
    from pennyweight.serving.operations.bundle_changes import publish as serve

    _tell(data, serve(data, bundle, force=force))


def rollback(data: Live) -> None:
    """Serve the previous bundle again, also while the service runs."""
    require_posix(sys.platform)
    from pennyweight.serving.operations.bundle_changes import roll_back

    _tell(data, roll_back(data))


def _tell(data: Path, notes: Sequence[str]) -> None:
    from pennyweight.serving.operations.bundle_changes import listed_bundles

    listed = listed_bundles(data)
    say(f"{data} serves {' and '.join(listed.served)}")
    for text in notes:
        note(f"Note: {text}")
    if listed.previous:
        note(f"Back to {' and '.join(listed.previous)}: pennyweight rollback {data}")
