"""A shop so small that a fit takes no time, to be spoilt."""

import csv
from pathlib import Path

START, DAY = 1_700_000_000, 86_400
WORDS = "red green blue warm cold soft hard tall short plain".split()
FAST = ("--encoder", "tfidf", "--scorers", "popularity,content,neighbors")


def items(n: int = 12) -> list[dict[str, object]]:
    """Return items whose texts differ."""
    return [
        {"item_id": f"i{k}", "title": f"{WORDS[k % 10]} {WORDS[(3 * k + 1) % 10]} thing number {k}"}
        for k in range(n)
    ]


def events(n_users: int = 30, n_items: int = 12) -> list[dict[str, object]]:
    """Return eight events a user, one a day, users a little apart."""
    return [
        {
            "user_id": f"u{u}",
            "item_id": f"i{(u + 5 * k) % n_items}",
            "timestamp": START + u * 3600 + k * DAY,
        }
        for u in range(n_users)
        for k in range(8)
    ]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def shop(
    folder: Path,
    item_rows: list[dict[str, object]] | None = None,
    event_rows: list[dict[str, object]] | None = None,
) -> tuple[Path, Path]:
    """Write both files; the defaults are the tables above."""
    return (
        write(folder / "items.csv", item_rows or items()),
        write(folder / "events.csv", event_rows or events()),
    )
