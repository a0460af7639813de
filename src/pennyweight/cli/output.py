"""Output of commands: results on stdout, notes on stderr."""

import json
import shlex
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["command_line", "dump", "note", "ranking", "say"]


def command_line() -> str:
    """Return the command line of this process."""
    return shlex.join(["pennyweight", *sys.argv[1:]])


def say(text: str = "") -> None:
    """Print a result, at once also where it goes into a pipe."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a note on stderr, which is not part of the result."""
    print(text, file=sys.stderr)


def dump(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print a result as JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def ranking(rows: Sequence[dict[str, Any]]) -> str:
    """Return items aligned in columns, each reason on its own line."""
    if not rows:
        return "no item is eligible"
    ids = [_plain(row["item_id"]) for row in rows]
    width = max(map(len, ids))
    title = max(len(_cut(row["title"])) for row in rows)
    lines = []
    for row, name in zip(rows, ids, strict=True):
        cell = _cut(row["title"]).ljust(title)
        mark = "  exploration" if row.get("source") == "exploration" else ""
        lines.append(f"{row['rank']:>3}  {name.ljust(width)}  {cell}  {row['score']:8.3f}{mark}")
        if row.get("reason"):
            lines.append(f"     {row['reason']}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text that moves no cursor: new lines, tabs and escapes written out."""
    return text if text.isprintable() else repr(text)


def _cut(text: str, limit: int = 60) -> str:
    plain = _plain(" ".join(text.split()))
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
