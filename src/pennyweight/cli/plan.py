"""`plan`: the machines that a recommender needs, and their price."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.exit_codes import GateFailed
from pennyweight.cli.output import command_line, dump, note, say
from pennyweight.cli.output_paths import file_place
from pennyweight.errors import PlanError

if TYPE_CHECKING:
    from pennyweight.planning.candidates import CandidatesOf
    from pennyweight.planning.encoder_shape import EncoderShape
    from pennyweight.planning.machine_profile import MachineProfile
    from pennyweight.recommender.recommender import Recommender

__all__ = ["plan"]


def plan(
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="[BUNDLE]", help="A saved recommender, for its sizes."),
    ] = None,
    items: Annotated[str, typer.Option(metavar="N", help="Items, such as 20k or 1M.")] = "",
    mean_tokens: Annotated[
        float | None, typer.Option(metavar="N", min=1, help="Tokens of a usual text.")
    ] = None,
    users: Annotated[str, typer.Option(metavar="N", help="Users, such as 50k.")] = "",
    events: Annotated[str, typer.Option(metavar="N", help="Events of the log.")] = "",
    events_per_day: Annotated[
        str, typer.Option(metavar="N", help="Later events, such as 20k/day.")
    ] = "",
    rps: Annotated[
        str, typer.Option(metavar="RATE", help="Lists at the peak, such as 40/s.")
    ] = "10/s",
    peak_to_mean: Annotated[
        float, typer.Option(min=1, help="The rate at the peak relative to the mean of a day.")
    ] = 3.0,
    p95: Annotated[
        str, typer.Option(metavar="TIME", help="Latency that 95 % must keep, such as 50ms.")
    ] = "50ms",
    churn: Annotated[
        str, typer.Option(metavar="SHARE", help="New or changed items, such as 5%/day.")
    ] = "0%/day",
    search_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of requests with a text.")
    ] = 0.0,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Transformer to plan with, by name, or config.json of one; repeatable.",
        ),
    ] = None,
    frontier: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON of `frontier` for the BUNDLE: plan with its candidates and their quality.",
        ),
    ] = None,
    max_loss: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="The most of the quality to lose, such as 1%."),
    ] = None,
    budget_per_month: Annotated[
        float | None, typer.Option(min=0.01, help="The most that all machines may cost.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Of all prices, such as USD or EUR.")] = "USD",
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your prices, beside the built-in table.")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option(help="Only machines of this one; repeatable.")
    ] = None,
    spares: Annotated[int, typer.Option(min=0, help="Machines that replace one that fails.")] = 1,
    machine: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Profile of `calibrate`; by default that of this one."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Use the profile of another machine.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the cheapest one as a plan.toml.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare predictions of the BUNDLE with measurements."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which machines a recommender needs and what they cost, before they are rented."""
    from pennyweight.planning.capacity_planner import Planner, planned
    from pennyweight.planning.prices import read_prices
    from pennyweight.planning.summary import (
        answer,
        language_model_answer,
        plan_lines,
        what_if,
    )
    from pennyweight.planning.workloads import plan_toml, workload_of
    from pennyweight.recommender.recommender import Recommender
    from pennyweight.storage.files import write_atomic

    for path in (out, html):
        file_place(path)
    if check:
        _check(bundle, _profile(machine, force=force), json=json)
        return
    recommender = None if bundle is None else Recommender.load(bundle)
    workload = workload_of(
        _sizes(recommender, items, mean_tokens, users, events),
        events_per_day=events_per_day,
        rps=rps,
        peak_to_mean=peak_to_mean,
        p95=p95,
        churn=churn,
        search_share=search_share,
    )
    profile = _profile(machine, force=force)
    planner = Planner(
        profile,
        read_prices(prices),
        currency=currency,
        spares=spares,
        budget_per_month=budget_per_month,
        providers=tuple(provider or ()),
        max_loss=_max_loss(max_loss, frontier),
    )
    candidates = None
    if frontier is not None:
        if encoder:
            raise PlanError("--frontier has its own encoders: leave out --encoder")
        candidates = _candidates(frontier, recommender, profile)
    shapes = [_shape(name) for name in encoder or ()]
    result = planned(planner, workload, shapes, candidates=candidates)
    if html is not None:
        from pennyweight.reports import capacity_page

        sentences = [answer(result), language_model_answer(result), *what_if(result)]
        page = capacity_page(result, sentences, commands=[command_line()])
        write_atomic(html, page.encode())
    if out is not None:
        write_atomic(out, plan_toml(result).encode())
    say(result.to_json() if json else "\n".join(plan_lines(result)))
    if result.best is None:
        raise GateFailed("no configuration does; see the reasons above")


def _max_loss(share: str | None, frontier: Path | None) -> float | None:
    """Return the most of the quality to lose; refuse it where no quality is known."""
    if share is None:
        return None
    if frontier is None:
        raise PlanError("--max-loss needs measured quality: give --frontier FILE")
    from pennyweight.config.budget import Budget

    return Budget.parse({"max_loss": share}).max_loss


def _candidates(
    path: Path, recommender: "Recommender | None", profile: "MachineProfile"
) -> "CandidatesOf":
    """Return the points of a frontier as candidates."""
    from pennyweight.config.frontier import Frontier
    from pennyweight.planning.measured_candidates import measured_candidates

    if recommender is None:
        raise PlanError("--frontier was measured on a saved recommender: give this BUNDLE")
    try:
        text = path.read_bytes()
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
    measured = Frontier.from_json(text, source=str(path))
    return measured_candidates(measured, recommender, profile)


def _check(bundle: Path | None, profile: "MachineProfile", *, json: bool) -> None:
    """Print predicted and measured values of a bundle."""
    from pennyweight.formatting import aligned, duration, size
    from pennyweight.planning.prediction_check import check_predictions

    if bundle is None:
        raise PlanError("--check measures a saved recommender: give a BUNDLE")
    rows = check_predictions(bundle, profile)
    if json:
        dump([row.model_dump(mode="json") | {"error": row.error} for row in rows])
        return
    head = ("quantity", "predicted", "measured", "error", "spread")
    cells = [
        (
            row.name,
            *(
                duration(value) if row.unit == "s" else size(round(value))
                for value in (row.predicted, row.measured)
            ),
            f"{row.error:+.0%}",
            "-" if row.spread is None else f"{row.spread:.0%}",
        )
        for row in rows
    ]
    say("\n".join(aligned([head, *cells])))


def _sizes(
    recommender: "Recommender | None",
    items: str,
    mean_tokens: float | None,
    users: str,
    events: str,
) -> dict[str, float]:
    """Return the sizes of a bundle, or those given; those given replace those of a bundle."""
    from pennyweight.planning.units import parse_count
    from pennyweight.planning.workloads import sizes_of

    sizes: dict[str, float] = {} if recommender is None else sizes_of(recommender)
    for name, text in (("items", items), ("users", users), ("events", events)):
        if text:
            sizes[name] = parse_count(text)
    if mean_tokens is not None:
        sizes["mean_tokens"] = mean_tokens
    missing = [name for name in ("items", "mean_tokens", "users", "events") if name not in sizes]
    if missing:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise PlanError(f"the size of the data is unknown: give {words}, or a BUNDLE")
    return sizes


def _profile(path: Path | None, *, force: bool) -> "MachineProfile":
    """Return the profile of a file, or that of this machine; refuse that of another one."""
    from pennyweight.machine.machine import Machine
    from pennyweight.planning.machine_profile import (
        MachineProfile,
        default_profile,
        reference_profile,
    )

    given = path or default_profile()
    if path is None and not given.exists():
        note(
            "this machine is not calibrated: the times are those of the reference machine; run "
            "`pennyweight calibrate`"
        )
        return reference_profile()
    profile = MachineProfile.from_toml(given)
    differences = profile.differences(Machine.measure())
    if differences and not force:
        raise PlanError(
            f"{given}: is the profile of another machine ({'; '.join(differences)}); run "
            "`pennyweight calibrate` here, or use it with --force"
        )
    return profile


def _shape(name: str) -> "EncoderShape":
    """Return the shape of a model of the table, or of a config.json."""
    import json

    from pennyweight.planning.encoder_shape import EncoderShape, shape

    path = Path(name)
    if path.suffix != ".json":
        return shape(name)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: cannot be read as JSON: {error}") from error
    return EncoderShape.from_config(config, path.parent.name or "model", source=str(path))
