"""`experiment`: compare bundles on the users of a service."""

import math
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.output import dump, note, say
from pennyweight.cli.platforms import require_posix
from pennyweight.errors import PlanError

__all__ = ["plan", "promote", "shares", "start", "status", "stop"]

DAY = 86_400.0

Live = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder of the service: `serve --data`.")
]
Variants = Annotated[
    list[str],
    typer.Argument(
        metavar="VERSION=SHARE...", help="Bundles and their shares of the users; the control first."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plan(
    data: Live,
    days: Annotated[int, typer.Option(min=1, max=30, help="Days of the experiment.")] = 14,
    shares: Annotated[
        str, typer.Option(metavar="SHARE,...", help="Of the bundles other than the control.")
    ] = "0.5",
    json: Json = False,
) -> None:
    """Say which change an experiment can detect, from the users so far."""
    require_posix(sys.platform)
    from pennyweight.serving.operations import experiment_changes

    planned = experiment_changes.plan(data, days, shares)
    if json:
        dump(planned)
    else:
        say(planned["summary"])


def start(
    data: Live,
    variants: Variants,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A name for it.")] = None,
    days: Annotated[
        float | None, typer.Option(min=0, max=30, help="Days until its planned end.")
    ] = None,
    interleave: Annotated[
        bool,
        typer.Option("--interleave", help="Merge the lists of two bundles for all users."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Serve a bundle even if it has no item of the served one."),
    ] = False,
) -> None:
    """Divide the users between bundles, or interleave the lists of two."""
    require_posix(sys.platform)
    from pennyweight.serving.live.experiments import NewExperiment
    from pennyweight.serving.operations import experiment_changes

    ends = None if days is None else time.time() + days * DAY
    new = NewExperiment(
        experiment_changes.variants_of(_shares(variants)),
        name,
        ends,
        "interleave" if interleave else "split",
    )
    experiment_changes.start(data, new, force=force)
    _tell(data)


def status(data: Live, json: Json = False) -> None:
    """Report the experiment that runs, its outcomes, and those of the past."""
    require_posix(sys.platform)
    from pennyweight.serving.http.experiments import experiment_fields
    from pennyweight.serving.live.experiment import running
    from pennyweight.serving.operations import experiment_changes

    experiments = experiment_changes.experiments_of(data)
    is_running = running(experiments) is not None
    outcomes = experiment_changes.report(data) if is_running else None
    if json:
        rows = [experiment_fields(experiment) for experiment in reversed(experiments)]
        dump({"experiments": rows, "outcomes": outcomes})
        return
    for experiment in reversed(experiments):
        say(experiment.sentence())
        if outcomes is not None and experiment.state == "running":
            for row in outcomes["variants"]:
                acted = f"{row['converted']:,} of {row['users']:,} users acted on a list"
                say(f"  {row['bundle_version']}  {row['share']:.1%}  {acted}")
            say(f"  {outcomes['summary']}")
            for text in outcomes["warnings"]:
                note(f"Warning: {text}")
    if not experiments:
        note(f"{data}: no experiment; start one with `pennyweight experiment start`")


def shares(
    data: Live,
    variants: Variants,
    yes: Annotated[bool, typer.Option("--yes", help="Let users get another bundle.")] = False,
) -> None:
    """Change the shares of the experiment that runs; counting begins again."""
    require_posix(sys.platform)
    from pennyweight.serving.live.experiment import running
    from pennyweight.serving.live.variants import checked_variants
    from pennyweight.serving.operations import experiment_changes

    chosen = _shares(variants)
    experiment = running(experiment_changes.experiments_of(data))
    if experiment is not None and not yes:
        then = experiment.with_shares(checked_variants(experiment_changes.variants_of(chosen)))
        moved = experiment.buckets.moved(then.buckets)
        raise PlanError(
            f"{moved:.1%} of the users would get another bundle, and counting would begin again; "
            "to change the shares, add --yes"
        )
    experiment_changes.change_shares(data, chosen)
    _tell(data)


def stop(data: Live) -> None:
    """Serve the control to all users."""
    require_posix(sys.platform)
    from pennyweight.serving.operations import experiment_changes

    experiment_changes.stop(data)
    _tell(data)


def promote(
    data: Live,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A bundle of the experiment.")],
) -> None:
    """Serve one bundle of the experiment to all users."""
    require_posix(sys.platform)
    from pennyweight.serving.operations import experiment_changes

    experiment_changes.promote(data, version)
    _tell(data)
    note(f"Back to the former bundle: pennyweight rollback {data}")


def _tell(data: Path) -> None:
    from pennyweight.serving.operations.experiment_changes import experiments_of

    say(experiments_of(data)[-1].sentence())


def _shares(texts: list[str]) -> dict[str, float]:
    parsed: dict[str, float] = {}
    for text in texts:
        version, _, share = text.partition("=")
        try:
            value = float(share)
        except ValueError:
            value = math.nan
        if not 0 < value < 1:  # nor NaN
            raise PlanError(
                f"{text!r}: give a bundle and its share, above 0 and below 1, such as "
                "7b206b4208d0=0.5"
            )
        if version in parsed:
            raise PlanError(f"the bundle {version!r} is named twice; name each once")
        parsed[version] = value
    return parsed
