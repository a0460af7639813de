"""`recommend --all-users`: a file with a list for every user."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pennyweight.cli.exit_codes import keeping
from pennyweight.cli.output import dump, say
from pennyweight.cli.output_paths import file_place
from pennyweight.cli.progress import shown
from pennyweight.formatting import size

if TYPE_CHECKING:
    from pennyweight.config.plan import DataPlan
    from pennyweight.recommender import Recommender

__all__ = ["everyone"]


def everyone(
    recommender: "Recommender",
    out: Path,
    events: Path | None,
    data: "DataPlan",
    wish: dict[str, Any],
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Write lists as `wish`, by arguments of `Recommender.recommend`, says.

    Events are read as `data` says.
    """
    from pennyweight.recommender.export import parts_folder

    place, parts = file_place(out, *([events] if events else [])), parts_folder(out)

    def kept() -> str:
        resumes = f"; the same command goes on from {parts}" if any(parts.glob("*-*")) else ""
        return f"{place.kept()}{resumes}"

    began = time.monotonic()
    with keeping(kept), shown(quiet=quiet) as progress:
        users = recommender.export(
            out,
            events=events,
            **(_reading(data) if events else {}),
            progress=lambda done, total: progress("recommend", done, total),
            **wish,
        )
    seconds = time.monotonic() - began
    if json:
        dump({"path": str(out), "users": users, "seconds": round(seconds, 3)})
    else:
        nbytes = size(out.stat().st_size)
        say(f"saved {out} ({nbytes}) in {seconds:.1f} s; users: {users:,}")


def _reading(data: "DataPlan") -> dict[str, Any]:
    """Return how events are read, as `Recommender.export` takes it."""
    from pennyweight.data.dataset import EventReading

    return {name: getattr(data, name) for name in ("columns", *EventReading.__annotations__)}
