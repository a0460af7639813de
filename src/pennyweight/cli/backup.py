"""`backup`, `restore` and `check`: copies of the folder of a service."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.exit_codes import GateFailed
from pennyweight.cli.output import note, say
from pennyweight.cli.output_paths import check_folder as check_writable
from pennyweight.cli.platforms import require_posix
from pennyweight.cli.progress import show_progress
from pennyweight.formatting import count, size

__all__ = ["backup", "check", "restore"]

Live = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder of the service: `serve --data`.")
]


def backup(
    data: Live,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="New folder for the backup.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the result.")] = False,
) -> None:
    """Copy a service's store and bundles, also while it runs, and check the copy."""
    check_writable(out)
    require_posix(sys.platform)
    from pennyweight.serving.operations.backup import back_up

    with show_progress(quiet=quiet) as progress:
        summary = back_up(data, out, progress=progress)
    say(f"saved {out}: {_contents(summary.counts, summary.bundles)} ({size(summary.nbytes)})")


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="A folder that `backup` wrote.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the service.")],
) -> None:
    """Make the folder of a service from a backup, checked before it is used."""
    check_writable(to)
    require_posix(sys.platform)
    from pennyweight.serving.operations.backup import restore as write

    summary = write(source, to)
    say(f"restored {to}: {_contents(summary.counts, summary.bundles)}")
    note(f"It is the state of {summary.created}. Erase again the users erased since then.")
    note(f"Then: pennyweight serve --data {to}")


def check(
    data: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The folder of a service, or one that `backup` wrote."),
    ],
) -> None:
    """Check the store and every file of the bundles, also while the service runs."""
    require_posix(sys.platform)
    from pennyweight.serving.operations.backup import check_backup, is_backup
    from pennyweight.serving.operations.checking import check_folder

    if is_backup(data):
        backup = check_backup(data)
        _check_faults(data, backup.faults, "use another backup")
        summary = backup.summary
        assert summary is not None  # else there is a fault
        say(
            f"{data}: whole backup of {summary.created}: "
            f"{_contents(summary.counts, summary.bundles)}"
        )
        return
    state = check_folder(data)
    counts = {"events": state.events, "items": state.items, "recommendations": state.lists}
    for version, nbytes in state.bundles.items():
        share = state.served.get(version)
        served = "" if share is None else f", serves {share:.0%} of the users"
        say(f"bundle {version}: whole ({size(nbytes)}){served}")
    _check_faults(data, state.faults)
    say(f"{data}: the folder of a service, whole: {_contents(counts, state.bundles)}")


def _check_faults(folder: Path, faults: Sequence[str], remedy: str = "") -> None:
    """Print faults; `GateFailed` if there are any."""
    for fault in faults:
        say(f"fault: {fault}")
    if faults:
        raise GateFailed(f"{folder}: {count(len(faults), 'fault')}{remedy and '; ' + remedy}")


def _contents(counts: Mapping[str, int], bundles: Mapping[str, object]) -> str:
    return ", ".join(
        (
            count(counts["events"], "event"),
            count(counts["items"], "changed item"),
            count(counts["recommendations"], "list"),
            count(len(bundles), "bundle"),
        )
    )
