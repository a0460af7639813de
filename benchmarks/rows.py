"""Output of the results of a benchmark, as text and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["tell"]


def tell(rows: Sequence[Mapping[str, object]], path: Path | None) -> None:
    """Print a line a row, and write all of them as JSON where there is a path."""
    for row in rows:
        target = "" if row["bar"] is None else f" (target {row['bar']})"
        between = f" ({row['low']} to {row['high']})" if "low" in row else ""
        print(f"{row['name']:<50} {row['value']:>10} {row['unit']:<4}{between}{target}")
    if path:
        path.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
