"""`fit` and `evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.exit_codes import GateFailed, keeping
from pennyweight.cli.options import Options, listed, spread
from pennyweight.cli.output import note, say
from pennyweight.cli.output_paths import bundle_place, file_place
from pennyweight.cli.progress import show_progress
from pennyweight.errors import PlanError
from pennyweight.formatting import size
from pennyweight.progress.update import ProgressUpdate

if TYPE_CHECKING:
    from pennyweight.config.report import Report

__all__ = ["evaluate", "fit", "show"]

Items = Annotated[
    Path,
    typer.Argument(
        metavar="ITEMS", help="The item catalog: CSV, TSV, JSON lines or Parquet, also compressed."
    ),
]
Events = Annotated[
    Path, typer.Argument(metavar="EVENTS", help="The event log, in the same formats.")
]


@spread
def fit(
    items: Items,
    events: Events,
    out: Annotated[Path, typer.Option(metavar="BUNDLE", help="Folder for the recommender.")],
    settings: Options,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing bundle.")
    ] = False,
    no_measure: Annotated[
        bool,
        typer.Option(
            "--no-measure",
            help="Leave out the measurement on test users; choices and recommender stay the same.",
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Compress the result within the limits of `compress`, comma-separated: "
            "max_loss=1%,max_encoder_bytes=25MB.",
        ),
    ] = None,
) -> None:
    """Clean the data, fit and measure a recommender, and save it."""
    plan = settings.to_plan()
    if no_measure:
        plan = plan.override({"evaluate.measure": False})
    if settings.min_ndcg is not None and not plan.evaluate.measure:
        raise PlanError(
            "--min-ndcg needs a measurement: leave out --no-measure, and evaluate.measure of the "
            "plan"
        )
    if budget is not None:
        plan = plan.override({f"budget.{name}": limit for name, limit in _limits(budget).items()})
    place = bundle_place(out, overwrite=overwrite)
    from pennyweight.cli.report_files import save
    from pennyweight.fitting.pipeline import fit as learn

    with keeping(place.outcome), show_progress(quiet=settings.quiet) as progress:
        recommender = learn(items, events, plan=plan, progress=progress)
        if not plan.budget.unlimited:
            from pennyweight.compression.pipeline import compress

            recommender = compress(recommender, progress=progress)
        failed = recommender.report and _below(recommender.report, settings.min_ndcg)
        if not failed:
            progress(ProgressUpdate("save"))
            save(recommender, out, overwrite=overwrite)
    if recommender.report is not None:
        show(recommender.report, settings)
    if failed:
        raise GateFailed(f"{failed}; {place.outcome()}")
    if not settings.json:
        nbytes = recommender.bundle.nbytes if recommender.bundle else 0
        say(f"\nsaved {out} ({size(nbytes)}), with a page to look at: {out / 'report.html'}")


@spread
def evaluate(
    items: Items,
    events: Events,
    settings: Options,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as JSON.")
    ] = None,
) -> None:
    """Measure the quality of a recommender without saving one."""
    plan = settings.to_plan()
    place = file_place(out, items, events)
    from pennyweight.fitting.pipeline import evaluate as measure

    with keeping(place.outcome), show_progress(quiet=settings.quiet) as progress:
        report = measure(items, events, plan=plan, progress=progress)
        if out is not None:
            report.write(out)
    show(report, settings)
    failed = _below(report, settings.min_ndcg)
    if failed:
        raise GateFailed(failed)


def _limits(text: str) -> dict[str, object]:
    """Read ``max_loss=1%,max_encoder_bytes=25MB``."""
    from pennyweight.config.budget import Budget

    pairs = [part.partition("=") for part in listed(text, "--budget")]
    bad = [name for name, sign, _ in pairs if not sign]
    if bad or not pairs:
        raise PlanError(f"--budget {text!r}: limits are NAME=VALUE, by commas")
    limits = {name.strip().replace("-", "_"): value.strip() for name, _, value in pairs}
    return Budget.parse(limits).model_dump(exclude_none=True)


def _below(report: "Report", min_ndcg: float | None) -> str | None:
    """Return the message if the NDCG@10 of the blend is below a minimum."""
    if min_ndcg is None:
        return None
    ndcg = report.scorers["blend"]["ndcg@10"].value
    if ndcg >= min_ndcg:
        return None
    return f"quality gate: NDCG@10 of the blend is {ndcg:.4f}, below {min_ndcg:g}"


def show(report: "Report", settings: Options) -> None:
    """Print a report as a table or as JSON."""
    if settings.json:
        say(report.to_json().rstrip())
        return
    if not settings.quiet:
        _note_cleaning(report)
    say(report.table())
    if report.new_items is not None:
        say(f"\n{report.new_items}")
    if report.blend:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in report.blend.items())
        by_length = "; others by length of the history, see the report" if report.routes else ""
        say(f"\nblend: {weights}{by_length}")
    for comparison in report.comparisons or ():
        say(str(comparison))
    if report.encoder_ablation is not None:
        say(f"\n{report.encoder_ablation.sentence()}\n")
    if report.search is not None:
        say(f"\n{report.search.sentence()}\n")
    where = report.where_a_model_pays()
    if where is not None:
        say(f"{where}\n")
    seconds, memory = sum(report.cost.seconds.values()), report.cost.peak_rss_bytes
    say(f"cost: {seconds:.1f} s, {size(memory)} of memory")


def _note_cleaning(report: "Report") -> None:
    """Print the roles of the columns and the results of cleaning."""
    from pennyweight.data.cleaning_log import columns_line, row_counts, rows_line

    note(columns_line(report.columns or {}))
    if report.cleaning is not None:
        for table, n_kept in (("items", report.items), ("events", report.events)):
            note(rows_line(table, row_counts(report.cleaning, table, n_kept)))
    for finding in report.cleaning or ():
        examples = f" (e.g. {'; '.join(finding.examples)})" if finding.examples else ""
        note(f"{finding.table}: {finding.count:,} {finding.action}: {finding.reason}{examples}")
