"""`frontier` and `compress`: smaller versions of a saved recommender."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.output import command_line, say
from pennyweight.cli.output_paths import bundle_place, file_place
from pennyweight.cli.progress import show_progress
from pennyweight.errors import PlanError
from pennyweight.formatting import size
from pennyweight.progress.update import ProgressUpdate

if TYPE_CHECKING:
    from pennyweight.config.frontier import Frontier

__all__ = ["compress", "frontier", "show_frontier"]

Source = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A saved recommender.")]
Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|DIR",
        help="Language model for the candidates: minilm, a folder or an id; by default the one "
        "of the content scorer, if any.",
    ),
]
Distil = Annotated[
    int,
    typer.Option(
        metavar="STEPS",
        min=0,
        help="Training steps of pruned models on the vectors of the full model; "
        "needs the extra train.",
    ),
]
Student = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|DIR",
        help="Smaller language model that learns the vectors of the full one and is pruned in its "
        "place; for GGUF files and other models that cannot be pruned. Needs --distil.",
    ),
]
Tasks = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Tasks to measure and to hold to the maximum loss: lists, search, new-items; by "
        "default all that the recommender serves.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


def frontier(
    bundle: Source,
    encoder: Encoder = None,
    distil: Distil = 0,
    student: Student = None,
    tasks: Tasks = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with the chart.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure smaller versions of a recommender: quality, bytes, speed, memory."""
    place = file_place(html)
    from pennyweight.config.budget import Budget

    names = Budget.parse({} if tasks is None else {"tasks": tasks}).tasks
    from pennyweight.compression.pipeline import frontier as measure
    from pennyweight.recommender import Recommender
    from pennyweight.reports import frontier_page
    from pennyweight.storage.files import write_atomic

    with keeping(place.outcome), show_progress(quiet=quiet) as progress:
        progress(ProgressUpdate("load"))
        parent = Recommender.load(bundle)
        result = measure(
            parent,
            model=encoder,
            distil=distil,
            student=student,
            tasks=names,
            progress=progress,
        )
        if html is not None:
            write_atomic(html, frontier_page(result, commands=[command_line()]).encode())
    show_frontier(result, json=json)
    if html is not None and not json:
        say(f"\npage: {html}")


def compress(
    bundle: Source,
    out: Annotated[Path, typer.Option(metavar="CHILD", help="Folder for the smaller version.")],
    max_loss: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Maximum loss in each task; 1% without a budget."),
    ] = None,
    max_encoder_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Size of the encoders on disk: 25MB.")
    ] = None,
    max_index_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Size of the item vectors in memory.")
    ] = None,
    max_ms_per_text: Annotated[
        float | None, typer.Option(metavar="MS", help="Milliseconds to encode one text.")
    ] = None,
    min_texts_per_second: Annotated[
        float | None, typer.Option(metavar="N", help="Texts per second in batches.")
    ] = None,
    memory_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory of a serving process.")
    ] = None,
    encoder: Encoder = None,
    distil: Distil = 0,
    student: Student = None,
    tasks: Tasks = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing bundle.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Save the cheapest version of a recommender within a budget; keep the parent."""
    from pennyweight.config.budget import Budget

    limits = {
        "max_loss": max_loss,
        "max_encoder_bytes": max_encoder_bytes,
        "max_index_bytes": max_index_bytes,
        "max_ms_per_text": max_ms_per_text,
        "min_texts_per_second": min_texts_per_second,
        "memory_bytes": memory_bytes,
        "tasks": tasks,
    }
    budget = Budget.parse({name: value for name, value in limits.items() if value is not None})
    if out.resolve() == bundle.resolve():
        raise PlanError(f"--out {out}: the parent, which stays as it is; name another folder")
    place = bundle_place(out, overwrite=overwrite)
    from pennyweight.cli.report_files import save
    from pennyweight.compression.pipeline import compress as shrink
    from pennyweight.recommender import Recommender

    with keeping(place.outcome), show_progress(quiet=quiet) as progress:
        progress(ProgressUpdate("load"))
        parent = Recommender.load(bundle)
        target = None if budget == Budget() else budget
        child = shrink(
            parent, target, model=encoder, distil=distil, student=student, progress=progress
        )
        progress(ProgressUpdate("save"))
        save(child, out, overwrite=overwrite, parent=parent.bundle)
    result = child.report.frontier if child.report else None
    if result is not None:
        show_frontier(result, json=json)
    if not json and child.bundle is not None and parent.bundle is not None:
        say(f"\nsaved {out} ({size(child.bundle.nbytes)}; the parent {size(parent.bundle.nbytes)})")


def show_frontier(result: "Frontier", *, json: bool) -> None:
    """Print the table of a frontier and its sentence."""
    if json:
        say(result.to_json().rstrip())
        return
    say(result.table())
    say(f"\n{result.sentence()}")
    if result.test is not None:
        before, after = result.test.before["ndcg@10"], result.test.after["ndcg@10"]
        say(f"on {result.test.users:,} test users: NDCG@10 {after}, the parent {before}")
