"""`recommend --all-users` and `similar --all-items`: a file with a list for each."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.output import dump, say
from pennyweight.cli.output_paths import file_place
from pennyweight.cli.progress import show_progress
from pennyweight.formatting import size
from pennyweight.progress.tracker import ProgressTracker

if TYPE_CHECKING:
    from pennyweight.config.plan import DataPlan
    from pennyweight.recommender import Recommender

__all__ = ["lists_for_all_items", "lists_for_all_users"]


def lists_for_all_users(
    recommender: "Recommender",
    out: Path,
    events: Path | None,
    data: "DataPlan",
    arguments: dict[str, Any],
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Write the lists of all users; `arguments` are those of `Recommender.recommend`.

    Events are read as `data` says.
    """

    def write(progress: Callable[[int, int], None]) -> int:
        reading = _reading(data) if events else {}
        return recommender.export(out, events=events, progress=progress, **reading, **arguments)

    _export(out, [events] if events else [], "users", write, json=json, quiet=quiet)


def lists_for_all_items(
    recommender: "Recommender", out: Path, arguments: dict[str, Any], *, json: bool, quiet: bool
) -> None:
    """Write the similar items of all items; `arguments` are those of `Recommender.similar`."""

    def write(progress: Callable[[int, int], None]) -> int:
        return recommender.export_similar(out, progress=progress, **arguments)

    _export(out, [], "items", write, json=json, quiet=quiet)


def _export(
    out: Path,
    inputs: Sequence[Path],
    nouns: str,
    write: Callable[[Callable[[int, int], None]], int],
    *,
    json: bool,
    quiet: bool,
) -> None:
    from pennyweight.recommender.export import parts_folder

    place, parts = file_place(out, *inputs), parts_folder(out)

    def outcome() -> str:
        resumes = f"; the same command goes on from {parts}" if any(parts.glob("*-*")) else ""
        return f"{place.outcome()}{resumes}"

    began = time.monotonic()
    with keeping(outcome), show_progress(quiet=quiet) as progress:
        tracker = ProgressTracker(progress)
        lists = write(lambda completed, total: tracker("recommend", completed, total))
    seconds = time.monotonic() - began
    if json:
        dump({"path": str(out), nouns: lists, "seconds": round(seconds, 3)})
    else:
        nbytes = size(out.stat().st_size)
        say(f"saved {out} ({nbytes}) in {seconds:.1f} s; {nouns}: {lists:,}")


def _reading(data: "DataPlan") -> dict[str, Any]:
    """Return how events are read, as `Recommender.export` takes it."""
    from pennyweight.data.dataset import EventReading

    return {name: getattr(data, name) for name in ("columns", *EventReading.__annotations__)}
