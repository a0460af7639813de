"""The report of a fitted recommender as files of its bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pennyweight.cli.output import command_line
from pennyweight.reports import Example, ExampleItem, evaluation_page

if TYPE_CHECKING:
    from pennyweight.bundle import Bundle
    from pennyweight.recommender import Recommender

__all__ = ["examples", "save"]

USERS, EVENTS_LISTED, RECOMMENDED = 3, 5, 5


def save(
    recommender: "Recommender",
    out: Path,
    *,
    overwrite: bool,
    command: str | None = None,
    parent: "Bundle | None" = None,
) -> None:
    """Save a bundle with ``report.json`` and ``report.html``; `command` reproduces it."""
    samples = examples(recommender)
    invocation = command_line() if command is None else command

    def extra() -> Mapping[str, bytes]:
        report = recommender.report
        if report is None:
            return {}
        page = evaluation_page(report, examples=samples, commands=[invocation])
        return {"report.json": report.to_json().encode(), "report.html": page.encode()}

    of = None if parent is None else parent.sha256
    recommender.save(out, overwrite=overwrite, parent=of, extra=extra)


def examples(recommender: "Recommender") -> list[Example]:
    """Return the latest events of some users with recommendations for them."""
    log = recommender.interactions
    if log is None or recommender.report is None:
        return []
    rng = np.random.default_rng(recommender.report.seed)
    able = np.flatnonzero(np.diff(log.offsets) >= 2)
    chosen = rng.choice(able, min(USERS, len(able)), replace=False)
    samples = []
    for code in np.sort(chosen).tolist():
        items = log.item[log.offsets[code] : log.offsets[code + 1]][-EVENTS_LISTED:]
        frame = recommender.recommend(user=log.users[code], k=RECOMMENDED, explain=True)
        best = zip(frame["title"], frame["reason"], strict=True)
        samples.append(
            Example(
                tuple(recommender.catalog.title(item) for item in items.tolist()),
                tuple(ExampleItem(title, reason) for title, reason in best),
            )
        )
    return samples
