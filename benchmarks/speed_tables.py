"""Tables of the speed of encoders and of the service, each figure with its spread."""

from collections.abc import Mapping, Sequence

__all__ = ["encoders", "quantity", "serving", "table", "worst_requests"]

Row = Mapping[str, object]
LENGTHS = ("short texts", "long texts", "single texts")
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
    text = f"{number:,.{digits}f}".removeprefix("0") if 0 < number < 1 else f"{number:,.{digits}f}"
    return text + {"1/s": " per second", "x": "", "": ""}.get(str(unit), f" {unit}")


def spread(row: Row) -> str:
    """Return the median, with the least and the most of the turns where there were some."""
    text = quantity(row["value"], row["unit"])
    if "low" not in row:
        return text
    low, high = (quantity(row[end], "x" if row["unit"] == "x" else "") for end in ("low", "high"))
    return f"{text} ({low} to {high})"


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
    for name, figures in named.items():
        times = [
            figures[length if name == base else f"{length}, times {base}"] for length in LENGTHS
        ]
        missed = target(figures[f"{LENGTHS[0]}, times {base}"])
        version = f" {figures[LENGTHS[0]].get('version', '')}".rstrip() if name == base else ""
        lines.append(
            [
                name + version,
                *("1: " * (name == base) + spread(row) for row in times),
                missed,
                *(quantity(figures[size]["value"], "B") for size in ("bytes", "peak memory")),
            ]
        )
    heads = [f"{length}, times {base}" for length in LENGTHS]
    return table(["", *heads, "target", "size", "peak memory"], lines)


def _by_encoder(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    named: dict[str, dict[str, Row]] = {}
    for row in rows:
        name, _, figure = str(row["name"]).partition(": ")
        named.setdefault(name, {})[figure] = row
    return {name: figures for name, figures in named.items() if LENGTHS[0] in figures}


def serving(rows: Sequence[Row]) -> str:
    """Return a line a figure of the service."""
    lines = []
    before = ""
    for row in rows:
        group, _, figure = str(row["name"]).partition(": ")
        title = GROUPS.get(group, group)
        lines.append([title if group != before else "", figure, spread(row), target(row)])
        before = group
    return table(["", "", "median (minimum to maximum)", "target"], lines)


def worst_requests(rows: Sequence[Row]) -> str:
    """Return a line a route: the longest delay and the most memory, with their requests."""
    by_route: dict[str, list[Row]] = {}
    for row in rows:
        by_route.setdefault(str(row["name"]).rpartition(": ")[0], []).append(row)
    lines = []
    for route, (delay, memory) in by_route.items():
        peaks = [quantity(round(float(str(row["value"]))), row["unit"]) for row in (delay, memory)]
        is_visible = float(str(memory["value"])) >= 1
        lines.append([route, peaks[0], _sent(delay), peaks[1], _sent(memory) if is_visible else ""])
    head = ["route", "delay of /health/live", "with", "growth of memory", "with"]
    return table(head, lines)


def _sent(row: Row) -> str:
    return str(row["with"]).replace("|", "\\|")
