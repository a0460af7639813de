"""`calibrate`: measure this machine for the planning of capacity."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.output import dump, say
from pennyweight.cli.progress import show_progress
from pennyweight.formatting import duration, size
from pennyweight.progress.tracker import ExpectedStage, ProgressTracker

__all__ = ["calibrate"]


def calibrate(
    out: Annotated[
        Path | None,
        typer.Option(help="File for the profile; by default machine.toml in the cache folder."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is made up.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the speed of this machine in encoding and in lists, in about a minute.

    `pennyweight plan` reads the profile. A busy machine gives a worse one.
    """
    from pennyweight.planning.calibration import SECONDS, STAGES
    from pennyweight.planning.calibration import calibrate as measure
    from pennyweight.planning.machine_profile import default_profile

    path = out or default_profile()
    today = datetime.now(UTC).date().isoformat()
    with show_progress(quiet=quiet) as show:
        tracker = ProgressTracker(show)
        tracker.expect(ExpectedStage(name, SECONDS[name]) for name in STAGES)
        profile = measure(seed=seed, today=today, on_stage=tracker)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile.to_toml(path)
    if json:
        dump(profile.model_dump(mode="json"))
        return
    flags = ", ".join(profile.flags) or "none of note"
    say(
        f"{profile.cpu}, {profile.cores} cores, {size(profile.memory_bytes)}; instructions: {flags}"
    )
    say(f"products of matrices  {profile.matrix_gflops:.0f} billion operations a second a core")
    say(f"reading from memory   {profile.memory_gigabytes_per_second:.1f} GB a second a core")
    say(f"a list, without its scores  {duration(profile.list_overhead_seconds)} of processor time")
    worst = max(profile.errors.values())
    say(f"the times that were measured differ from the formula by {worst:.0%} at the median")
    say(f"profile               {path}")
