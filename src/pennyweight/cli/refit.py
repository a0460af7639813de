"""`refit`: live events and items go into a new bundle, which is published if it holds up."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.exit_codes import GateFailed, keeping
from pennyweight.cli.output import say
from pennyweight.cli.output_paths import bundle_place
from pennyweight.cli.platforms import require_posix
from pennyweight.cli.progress import show_progress
from pennyweight.errors import PlanError
from pennyweight.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pennyweight.serving.operations.refit import RefitResult
    from pennyweight.serving.operations.refit_settings import PublishIf

__all__ = ["refit"]


class _Condition(StrEnum):
    BETTER = "better"
    NOT_WORSE = "not-worse"
    ALWAYS = "always"
    NEVER = "never"


CONDITIONS: "Mapping[_Condition, PublishIf]" = {
    _Condition.BETTER: "better",
    _Condition.NOT_WORSE: "not-worse",
    _Condition.ALWAYS: "always",
    _Condition.NEVER: "not-worse",
}


def refit(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of the service: `serve --data`.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Save the new bundle here too.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full/--warm",
            help="Measure and choose anew, or go on from the served bundle with its choices.",
        ),
    ] = False,
    publish_if: Annotated[
        _Condition, typer.Option(metavar="CONDITION", help="better, not-worse, always or never.")
    ] = _Condition.NOT_WORSE,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a bundle that is there.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the result.")] = False,
) -> None:
    """Fit a new bundle to the data of a service, judge it on the newest events, publish it."""
    if publish_if is _Condition.NEVER and out is None:
        raise PlanError("--publish-if never makes a bundle for --out; name one")
    place = None if out is None else bundle_place(out, overwrite=overwrite)
    require_posix(sys.platform)
    from pennyweight.serving.live.bundles import save_copy
    from pennyweight.serving.operations.bundle_changes import check_may_publish, publish
    from pennyweight.serving.operations.refit import Refit

    if publish_if is not _Condition.NEVER:
        check_may_publish(data)

    def deliver(result: "RefitResult") -> bool:
        if result.bundle is None:
            return False
        if out is not None:
            save_copy(result.bundle, out, overwrite=overwrite)
        if not result.may_publish or publish_if is _Condition.NEVER:
            return False
        publish(data, result.bundle, actor="refit")
        return True

    def outcome() -> str:
        saved = "" if place is None else f"{place.outcome()}; "
        return f"{saved}{data} serves what it served; the same command goes on with the refit"

    condition = CONDITIONS[publish_if]
    job = Refit(data, mode="full" if full else "warm", publish_if=condition)
    with keeping(outcome), show_progress(quiet=quiet) as progress:
        result = job.run(deliver, keep=out is not None, progress=progress)
    say(result.sentence())
    if out is not None and result.bundle is not None:
        say(f"saved {out}")
    if publish_if is not _Condition.NEVER or result.bundle is None:
        _check_published(result, condition, made=out is not None)


def _check_published(result: "RefitResult", condition: str, *, made: bool) -> None:
    """Say that a bundle is published; `GateFailed` if its publication was asked for and refused."""
    if result.judgement is None:
        if made:
            raise GateFailed("no bundle was made")
        return
    if not result.may_publish:
        reason = "an experiment runs" if result.is_split else f"the condition is {condition}"
        raise GateFailed(f"not published: {reason}")
    say(f"published; {duration(result.seconds)}")
