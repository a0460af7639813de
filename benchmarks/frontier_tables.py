"""Tables of smaller versions of a recommender, from `frontier.py --reports`."""

from collections.abc import Mapping

from pennyweight.config.frontier import COLUMNS, Frontier, Point
from speed_tables import table

__all__ = ["TARGETS", "all_candidates", "smallest"]

# Of the smallest candidate that keeps a share of the quality: name, share, times smaller.
TARGETS = (("vectors at 99 %", 0.99, 12), ("vectors at 97 %", 0.97, 32))


def smallest(frontier: Frontier, min_quality: float) -> Point:
    """Return the candidate with the smallest vectors of at least this relative quality."""
    points = [point for point in frontier.points if point.relative_quality.value >= min_quality]
    return min(points, key=lambda point: point.index_bytes)


def all_candidates(frontiers: Mapping[str, Frontier]) -> str:
    """Return a table a dataset, unbeaten candidates in bold, and one of the targets."""
    parts = []
    for name, frontier in frontiers.items():
        unbeaten = {point.name for point in frontier.unbeaten()}
        rows = [
            [f"**{cells[0]}**" if cells[0] in unbeaten else cells[0], *cells[1:]]
            for cells in frontier.cells()
        ]
        head = f"{name.capitalize()}, {frontier.users:,} validation users:"
        parts += [head, table([name.lower() for name in COLUMNS], rows)]
    lines = []
    for label, min_quality, target in TARGETS:
        cells = []
        for frontier in frontiers.values():
            point = smallest(frontier, min_quality)
            times = frontier.uncompressed.index_bytes / point.index_bytes
            missed = "" if times >= target else ", missed"
            quality = 100 * point.relative_quality.value
            cells.append(f"{times:.1f}{missed} ({quality:.1f} %: {point.name})")
        lines.append([label, str(target), *cells])
    return "\n\n".join([*parts, table(["times smaller than fp32", "target", *frontiers], lines)])
