"""Draws the pictures of docs/architecture.md: docs/images/packages.svg and requests.svg.

    python docs/diagrams.py           write them
    python docs/diagrams.py --check   fail if they differ from the code

The packages and their order are those of the import contract in pyproject.toml, their
descriptions are the first lines of their docstrings. Each step of a request names a module, or
a function or class of it.
"""

import ast
import sys
import textwrap
import tomllib
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "pennyweight"
IMAGES = ROOT / "docs" / "images"
WIDTH = 960
MARGIN = 20
GAP = 10
STYLE = """
  svg { font: 13px system-ui, sans-serif; }
  .page { fill: #ffffff; } .box { fill: #eef6f8; stroke: #2f7f92; } .sql { fill: #f8f1e4; stroke: #9a6b15; }
  text { fill: #1b2227; } .name { font-weight: 600; } .small { font-size: 12px; fill: #46535c; }
  .code { font: 12px ui-monospace, monospace; fill: #46535c; } .line { stroke: #46535c; fill: none; }
  .head { fill: #46535c; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #14191d; } .box { fill: #1b2c33; stroke: #57b3c8; } .sql { fill: #332a18; stroke: #d9a441; }
    text { fill: #e8edf0; } .small, .code { fill: #b3c0c8; } .line { stroke: #b3c0c8; } .head { fill: #b3c0c8; }
  }
"""  # noqa: E501


class Step(NamedTuple):
    """One step of a request: its description, and ``module`` or ``module:name`` of the code."""

    text: str
    code: str
    is_sql: bool = False


EVENT = (
    Step(
        "Read the request within limits of size and time",
        "serving.http.bounded_protocol:BoundedProtocol",
    ),
    Step("Check key, scope and rate", "serving.security.guard:Guard"),
    Step("POST /v1/events: validate the body", "serving.http.routes.ingestion:feed_routes"),
    Step("Queue the write", "serving.live.users"),
    Step("Group commit: queued writes share one fsync", "serving.stores.writer:Writer"),
    Step("INSERT INTO events", "serving.stores.sqlite:SQLiteStore.add_events", is_sql=True),
    Step("Drop the cached history of the user", "serving.live.histories:HistoryCache.forget"),
    Step("Answer 200: the event is on disk and counts in the next list", "responses"),
)
LIST = (
    Step("Check key, scope and rate", "serving.security.guard:Guard"),
    Step(
        "GET /v1/recommend/{user_id}: validate the query", "serving.http.routes.lists:list_routes"
    ),
    Step("Choose the bundle that serves this user", "serving.live.traffic_split"),
    Step("Score up to 32 waiting lists in one batch", "serving.live.micro_batching"),
    Step("Look up the history in the cache", "serving.live.histories:HistoryCache.of"),
    Step(
        "On a miss: SELECT FROM events, plus the log of the bundle",
        "serving.stores.sqlite:SQLiteStore.history",
        is_sql=True,
    ),
    Step("Find eligible items: available, filter, candidates", "ranking.retrieval"),
    Step("Score every item with the blend", "ranking.scoring"),
    Step("Apply boosts and exclusions, take the best", "ranking.rules"),
    Step("Diversify the list, if asked", "ranking.diversity"),
    Step("Explain each item, if asked", "ranking.explanations"),
    Step(
        "Log the list: INSERT INTO recommendations",
        "serving.stores.sqlite:SQLiteStore.add_recommendations",
        is_sql=True,
    ),
    Step("Answer 200: items, scores, source, reasons", "responses"),
)


def layers() -> list[list[str]]:
    """Return the packages of each layer of the import contract, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["type"] == "layers")
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def description(name: str) -> str:
    """Return the first line of the docstring of a package or module."""
    path = PACKAGE / name / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{name}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0].rstrip(".")


def picture(title: str, height: int, parts: list[str]) -> str:
    """Return an SVG that is readable in light and dark."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """Return a rectangle."""
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"/>'
    )


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return a line of text."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def arrow(x: float, start: float, end: float) -> str:
    """Return an arrow that points down."""
    return f'<path class="line" marker-end="url(#arrow)" d="M{x:g} {start:g}V{end:g}"/>'


def packages() -> str:
    """Return the picture of the layers."""
    parts: list[str] = []
    y = float(MARGIN)
    for layer in layers():
        width = (WIDTH - 2 * MARGIN - GAP * (len(layer) - 1)) / len(layer)
        wrapped = [textwrap.wrap(description(name), int(width / 6.7)) for name in layer]
        height = 30 + 16 * max(map(len, wrapped))
        for at, (name, lines) in enumerate(zip(layer, wrapped, strict=True)):
            x = MARGIN + at * (width + GAP)
            parts += [box(x, y, width, height), text(x + 12, y + 20, name, "name")]
            parts += [text(x + 12, y + 38 + 16 * n, line, "small") for n, line in enumerate(lines)]
        y += height + GAP
    return picture("The packages: each imports only packages of lower rows", int(y + GAP), parts)


def requests() -> str:
    """Return the picture of the path of an event and of a list."""
    width = (WIDTH - 2 * MARGIN - 40) / 2
    step_height, pitch = 46, 62
    parts: list[str] = []
    for column, (title, steps) in enumerate((("An event", EVENT), ("A list", LIST))):
        x = MARGIN + column * (width + 40)
        parts.append(text(x, 34, title, "name"))
        for at, step in enumerate(steps):
            y = 46 + at * pitch
            parts += [
                box(x, y, width, step_height, "sql" if step.is_sql else "box"),
                text(x + 12, y + 19, step.text, "text"),
                text(x + 12, y + 36, step.code.replace(":", " : "), "code"),
            ]
            if at:
                parts.append(arrow(x + 24, y - pitch + step_height, y - 2))
    height = 46 + max(len(EVENT), len(LIST)) * pitch
    return picture("The path of an event and of a list, from the route to SQL", height, parts)


PICTURES = {"packages.svg": packages, "requests.svg": requests}


def main() -> None:
    """Write the pictures, or compare them."""
    for name, draw in PICTURES.items():
        path, made = IMAGES / name, draw()
        if "--check" not in sys.argv:
            path.write_text(made, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != made:
            sys.exit(f"{path}: not as the code; draw it again: python docs/diagrams.py")


if __name__ == "__main__":
    main()
