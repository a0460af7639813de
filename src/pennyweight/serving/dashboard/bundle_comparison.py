"""Quality of several bundles: side by side where it was measured on the same data, else apart."""

from collections.abc import Hashable, Sequence
from html import escape

from pennyweight.formatting import count
from pennyweight.serving.dashboard.bundles import BundleDescription

__all__ = ["are_comparable", "quality_apart"]

WHY = (
    "These figures of NDCG@10 were measured on different data, or in different ways. They do not "
    "say which bundle is better; let two bundles share the users, or evaluate them on the same "
    "events."
)


def are_comparable(found: Sequence[BundleDescription]) -> bool:
    """Return whether all bundles whose quality is known had it measured on the same data."""
    return len(_groups(found)) < 2


def quality_apart(found: Sequence[BundleDescription]) -> str:
    """Return the quality of bundles that are not comparable, in groups that are; else nothing."""
    groups = _groups(found)
    if len(groups) < 2:
        return ""
    parts = []
    for number, group in enumerate(groups, 1):
        report = group[0].report
        said = "" if report is None else report.summary()
        rows = "".join(
            f"<div><dt>{escape(one.version)}</dt><dd>{escape(str(one.quality))}</dd></div>"
            for one in group
        )
        head = f"<h4>Data {number}: {escape(said)}</h4>"
        parts.append(f'<section>{head}<dl class="apart">{rows}</dl></section>')
    sets = count(len(groups), "set")
    return (
        f'<h3>Quality, {sets} of data</h3><p class="note">{WHY}</p>'
        f'<div class="sets">{"".join(parts)}</div>'
    )


def _groups(found: Sequence[BundleDescription]) -> list[list[BundleDescription]]:
    groups: dict[Hashable, list[BundleDescription]] = {}
    for one in found:
        if one.quality is not None:
            groups.setdefault(one.measured_on, []).append(one)
    return list(groups.values())
