"""Tables of what encoders and the service reached, each figure with its spread."""

from collections.abc import Mapping, Sequence

__all__ = ["encoders", "serving", "worst_requests"]

Row = Mapping[str, object]
WHAT = ("short texts", "long texts", "single texts")
GROUPS = {
    "lists": "lists, 12,101 items",
    "events": "events",
    "publish": "publishing",
    "soak": "mixed load",
    "million items": "a million items, exact",
    "kills": "killed under load",
    "new items": "100,000 new items",
    "publishing killed": "killed while publishing",
    "overload, lists": "lists under overload",
    "overload, events": "events under overload",
}


def quantity(value: object, unit: object) -> str:
    """Return a figure as people read it."""
    number = float(str(value))
    if unit == "B":
        return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
    digits = 0 if number == round(number) or number >= 100 else 1 if number >= 10 else 2
    digits = 3 if unit == "x" and number < 1 else digits
    shown = f"{number:,.{digits}f}".removeprefix("0") if 0 < number < 1 else f"{number:,.{digits}f}"
    return shown + {"1/s": " per second", "x": "", "": ""}.get(str(unit), f" {unit}")


def spread(row: Row) -> str:
    """Return the median, with the least and the most of the turns where there were some."""
    shown = quantity(row["value"], row["unit"])
    if "low" not in row:
        return shown
    low, high = (quantity(row[end], "x" if row["unit"] == "x" else "") for end in ("low", "high"))
    return f"{shown} ({low} to {high})"


def target(row: Row) -> str:
    """Return the target and whether it is reached."""
    if row["bar"] is None:
        return ""
    value, limit = float(str(row["value"])), float(str(row["bar"]))
    reached = value >= limit if row["better"] == "higher" else value <= limit
    return f"{quantity(limit, row['unit'])}{'' if reached else ': missed'}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def encoders(rows: Sequence[Row]) -> str:
    """Return a line an encoder: how many times as fast as the first, and its sizes."""
    named = _by_encoder(rows)
    base = next(iter(named))
    lines = []
    for name, found in named.items():
        times = [found[what if name == base else f"{what}, times {base}"] for what in WHAT]
        missed = target(found[f"{WHAT[0]}, times {base}"])
        version = f" {found[WHAT[0]].get('version', '')}".rstrip() if name == base else ""
        lines.append(
            [
                name + version,
                *("1: " * (name == base) + spread(row) for row in times),
                missed,
                *(quantity(found[size]["value"], "B") for size in ("bytes", "peak memory")),
            ]
        )
    heads = [f"{what}, times {base}" for what in WHAT]
    return table(["", *heads, "target", "size", "peak memory"], lines)


def _by_encoder(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    named: dict[str, dict[str, Row]] = {}
    for row in rows:
        name, _, what = str(row["name"]).partition(": ")
        named.setdefault(name, {})[what] = row
    return {name: found for name, found in named.items() if WHAT[0] in found}


def serving(rows: Sequence[Row]) -> str:
    """Return a line a figure of the service."""
    lines = []
    before = ""
    for row in rows:
        group, _, what = str(row["name"]).partition(": ")
        told = GROUPS.get(group, group)
        lines.append([told if group != before else "", what, spread(row), target(row)])
        before = group
    return table(["", "", "median (minimum to maximum)", "target"], lines)


def worst_requests(rows: Sequence[Row]) -> str:
    """Return a line a route: the longest delay and the most memory, with what was sent."""
    by_route: dict[str, list[Row]] = {}
    for row in rows:
        by_route.setdefault(str(row["name"]).rpartition(": ")[0], []).append(row)
    lines = []
    for route, (delay, memory) in by_route.items():
        shown = [quantity(round(float(str(row["value"]))), row["unit"]) for row in (delay, memory)]
        some = float(str(memory["value"])) >= 1
        lines.append([route, shown[0], _sent(delay), shown[1], _sent(memory) if some else ""])
    head = ["route", "delay of /health/live", "with", "growth of memory", "with"]
    return table(head, lines)


def _sent(row: Row) -> str:
    return str(row["with"]).replace("|", "\\|")
