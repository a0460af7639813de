"""`demo`: fit, recommend, explain and compress on the built-in shop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from pennyweight.cli.demo_capacity import plan_larger_shop
from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.output import dump, ranking, say
from pennyweight.cli.output_paths import bundle_place
from pennyweight.cli.progress import show_progress
from pennyweight.formatting import size
from pennyweight.progress.update import ProgressUpdate, ShowProgress

if TYPE_CHECKING:
    from pennyweight.config.frontier import Frontier
    from pennyweight.config.report import Report
    from pennyweight.recommender import Recommender

__all__ = ["demo"]

BOOK, LIKED = "dracula", ("frankenstein", "the-time-machine")
WISH = "a detective follows clues through foggy London"
FILTER = "year < 1800"
FITTING = ("the-invisible-man", "the-first-men-in-the-moon", "the-time-machine")
LATER = "the-food-of-the-gods"
LATER_BOOK = {  # one that the shop does not have
    "title": "The Food of the Gods",
    "author": "H. G. Wells",
    "year": 1904,
    "subjects": ["science", "ethics", "future", "satire"],
    "language_of_origin": "English",
    "description": "Two men of science make a powder under which living things grow without end. "
    "Wasps, rats and then children become giants, and the small people of England have to choose "
    "how to live with them.",
}
LISTED = 10


class Arrival(NamedTuple):
    """A book that arrives after the fit: its place in one list, and the lists that contain it."""

    place: dict[str, Any]
    of: int
    lists: int
    of_readers: int

    def __str__(self) -> str:
        return (
            f"{LATER_BOOK['title']} by {LATER_BOOK['author']} arrives, and nobody has read it. Who "
            f"read {', '.join(FITTING)} finds it at place {self.place['rank']} of {self.of}:\n"
            f"{ranking([self.place])}\n"
            f"It is in the first {LISTED} of {self.lists:,} of {self.of_readers:,} readers."
        )


def demo(
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the files and the bundle.")
    ] = Path("demo-out"),
    readers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of simulated readers.")
    ] = 3000,
    encoder: Annotated[str | None, typer.Option(metavar="NAME|DIR", help="As for fit.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Fit, explain, compress and plan on the built-in bookshop; needs no network."""
    bundle = folder / "bundle"
    place = bundle_place(bundle, overwrite=True)
    from pennyweight import demo as shop
    from pennyweight.cli.report_files import save
    from pennyweight.fitting.pipeline import fit

    with keeping(place.outcome):
        with show_progress(quiet=quiet) as progress:
            progress(ProgressUpdate("write the shop"))
            items, events = shop.write(folder, readers=readers)
            recommender = fit(items, events, encoder=encoder, progress=progress)
            command = f"pennyweight fit {items} {events} --out {bundle}"
            command += f" --encoder {encoder}" if encoder else ""
            progress(ProgressUpdate("save"))
            save(recommender, bundle, overwrite=True, command=command)
            answers, arrival = _example_lists(recommender, bundle), _add_book(recommender)
        report = recommender.report
        if report is not None and not json:
            _tell_fit(report, command, bundle, answers, arrival)
        with show_progress(quiet=quiet) as progress:
            frontier_result = _measure_frontier(
                recommender, bundle, folder / "frontier.html", encoder, progress
            )
            progress(ProgressUpdate("plan a larger shop"))
            larger = plan_larger_shop(recommender, frontier_result[1], folder)
    if report is None:
        return
    if json:
        lists = [{"command": line, "items": rows} for line, rows in answers]
        plain, frontier = (
            v.model_dump(mode="json", exclude_none=True) for v in (report, frontier_result[1])
        )
        dump(
            {
                "bundle": str(bundle),
                "report": plain,
                "answers": lists,
                "arrival": arrival._asdict(),
                "frontier": frontier,
                "plan": {"command": larger.command, "answer": larger.answer},
            }
        )
    else:
        _tell_smaller(*frontier_result)
        say(f"\nA hundred times the shop:\n\n$ {larger.command}\n{larger.answer}")
        _tell_next(bundle, larger.page)


def _measure_frontier(
    recommender: "Recommender",
    bundle: Path,
    page: Path,
    encoder: str | None,
    progress: ShowProgress,
) -> tuple[str, "Frontier"]:
    """Return the command line that measures smaller versions, and its result."""
    from pennyweight.compression.pipeline import frontier
    from pennyweight.encoders.weights import find_weights
    from pennyweight.errors import DataError
    from pennyweight.reports import frontier_page
    from pennyweight.storage.files import write_atomic

    model = "minilm" if encoder is None else None
    try:
        find_weights()
    except DataError:  # none installed: compress the bundle's own encoder only
        model = None
    measured = frontier(recommender, model=model, progress=progress)
    command = f"pennyweight frontier {bundle}{' --encoder minilm' if model else ''} --html {page}"
    write_atomic(page, frontier_page(measured, commands=[command]).encode())
    return command, measured


def _example_lists(
    recommender: "Recommender", bundle: Path
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return command lines, each with the items that it gives."""
    user = str(recommender.interactions.users[0]) if recommender.interactions else ""
    ask = recommender.recommend
    answers = (
        (f"recommend {bundle} --user {user} -k 5 --explain", ask(user=user, k=5, explain=True)),
        (
            f"recommend {bundle} --history {','.join(LIKED)} -k 5 --explain",
            ask(history=LIKED, k=5, explain=True),
        ),
        (f"recommend {bundle} --text '{WISH}' -k 5 --explain", ask(text=WISH, k=5, explain=True)),
        (f"similar {bundle} {BOOK} -k 5 --explain", recommender.similar(BOOK, 5, explain=True)),
        (
            f"recommend {bundle} --history {','.join(LIKED)} -k 5 --filter '{FILTER}'",
            ask(history=LIKED, k=5, filter=FILTER),
        ),
    )
    lines = [(f"pennyweight {command}", frame) for command, frame in answers]
    return [(line, frame.drop("source", strict=False).to_dicts()) for line, frame in lines]


def _add_book(recommender: "Recommender") -> Arrival:
    """Add a book that is found by its text alone."""
    from pennyweight.data.documents import documents

    grown = recommender.with_items(documents({LATER: LATER_BOOK}, recommender.catalog))
    of = len(grown.catalog)
    places = grown.recommend(history=FITTING, k=of, explain=True).to_dicts()
    lists = grown.recommend_many(k=LISTED)
    return Arrival(
        place=next(row for row in places if row["item_id"] == LATER),
        of=of,
        lists=int((lists["item_id"] == LATER).sum()),
        of_readers=lists["user_id"].n_unique(),
    )


def _tell_fit(
    report: "Report",
    command: str,
    bundle: Path,
    answers: list[tuple[str, list[dict[str, Any]]]],
    arrival: Arrival,
) -> None:
    """Print the first part, at once: the second one takes as long again."""
    say("A bookshop: real books, simulated readers.\n")
    say(f"$ {command}")
    say(report.table())
    say(f"\n{report.new_items}")
    if report.encoder_ablation is not None:
        say(f"\n{report.encoder_ablation.sentence()}")
    say(f"\nsaved {bundle} ({size(report.cost.bundle_bytes)})")
    for line, rows in answers:
        say(f"\n$ {line}")
        say(ranking(rows))
    say(f"\n{arrival}")


def _tell_smaller(command: str, frontier: "Frontier") -> None:
    say(f"\n$ {command}")
    say(frontier.table())
    say(f"\n{frontier.sentence()}")


def _tell_next(bundle: Path, plan_page: Path) -> None:
    say("\nNext: open the pages in a browser, then bring your own two files")
    say(f"  {bundle / 'report.html'}")
    say(f"  {plan_page}")
    say(f"  pennyweight compress {bundle} --out small --max-loss 1%")
    say("  pennyweight fit ITEMS EVENTS --out BUNDLE")
    say("  pennyweight doctor")
