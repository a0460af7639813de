"""`recommend --all-users`: a file with a list for every user."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pennyweight.cli.exits import keeping
from pennyweight.cli.output import count, dump, say, size
from pennyweight.cli.places import file_place
from pennyweight.cli.progress import shown

if TYPE_CHECKING:
    from pennyweight.recommender import Recommender

__all__ = ["Asked", "everyone"]


@dataclass(frozen=True)
class Asked:
    """What a list shall be like, as of `Recommender.recommend`."""

    k: int
    filter: str | None
    exclude_seen: bool | None
    diversity: float
    explain: bool


def everyone(
    recommender: "Recommender",
    out: Path,
    events: Path | None,
    asked: Asked,
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Write the lists, resuming what an interrupted run of the same command left."""
    from pennyweight.recommender.export import parts_folder

    place, parts = file_place(out), parts_folder(out)

    def kept() -> str:
        resumes = f"; the same command goes on from {parts}" if any(parts.glob("*-*")) else ""
        return f"{place.kept()}{resumes}"

    began = time.monotonic()
    with keeping(kept), shown(quiet=quiet) as progress:
        users = recommender.export(
            out,
            asked.k,
            events=events,
            columns=recommender.plan.data.columns if recommender.plan else None,
            filter=asked.filter,
            exclude_seen=asked.exclude_seen,
            diversity=asked.diversity,
            explain=asked.explain,
            progress=lambda done, total: progress("recommend", done, total),
        )
    seconds = time.monotonic() - began
    if json:
        dump({"path": str(out), "users": users, "seconds": round(seconds, 3)})
    else:
        nbytes = size(out.stat().st_size)
        say(f"saved {out} ({nbytes}): lists for {count(users, 'user')} in {seconds:.1f} s")
