"""Tables of what smaller versions of a recommender are worth, of `frontier.py --reports`."""

from collections.abc import Mapping

from pennyweight.config.frontier import COLUMNS, Frontier, Point
from speed_tables import table

__all__ = ["TARGETS", "all_candidates", "smallest"]

# Of the smallest candidate that keeps a share of the quality: name, share, times smaller.
TARGETS = (("vectors at 99 %", 0.99, 12), ("vectors at 97 %", 0.97, 32))


def smallest(found: Frontier, least: float) -> Point:
    """Return the candidate with the smallest vectors that keeps so much of the quality."""
    keeping = [point for point in found.points if point.kept.value >= least]
    return min(keeping, key=lambda point: point.index_bytes)


def all_candidates(frontiers: Mapping[str, Frontier]) -> str:
    """Return a table a dataset, bold what no other candidate beats, and one of the targets."""
    parts = []
    for name, found in frontiers.items():
        unbeaten = {point.name for point in found.unbeaten()}
        rows = [
            [f"**{cells[0]}**" if cells[0] in unbeaten else cells[0], *cells[1:]]
            for cells in found.cells()
        ]
        head = f"{name.capitalize()}, {found.users:,} validation users:"
        parts += [head, table([name.lower() for name in COLUMNS], rows)]
    lines = []
    for label, least, target in TARGETS:
        cells = []
        for found in frontiers.values():
            point = smallest(found, least)
            times = found.whole.index_bytes / point.index_bytes
            missed = "" if times >= target else ", missed"
            cells.append(f"{times:.1f}{missed} ({100 * point.kept.value:.1f} %: {point.name})")
        lines.append([label, str(target), *cells])
    return "\n\n".join([*parts, table(["times smaller than fp32", "target", *frontiers], lines)])
