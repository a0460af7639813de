"""Predictions of the planner beside measurements, on work that its calibration has not seen.

    python benchmarks/planner.py [--machine FILE] [--only NAME,…] [--seconds N] [--json FILE]

Calibrates first, or reads the profile of this machine. ``encoding``: real and made-up encoders,
other batches, lengths and shapes. ``lists``: made-up recommenders of other sizes, widths and
formats, and the demo shop. ``service``: lists asked of a service at 30, 50 and 70 % of its
predicted rate, and its memory. ``bytes``: the encoder, the vectors and the matrices of the demo
shop. Processor time is counted for encoding and lists; latencies are by the clock and need an idle
machine. An error below the spread of repeated measurements is none.
"""

import argparse
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from pennyweight import Plan, demo, fit
from pennyweight.config.capacity import CheckedQuantity
from pennyweight.planning.calibration import calibrate
from pennyweight.planning.machine_profile import MachineProfile
from planner_encoding import encoding
from planner_lists import lists, sizes
from planner_service import service
from rows import tell

# Highest median of the absolute relative errors by group, percent.
BARS = {
    "encoding": 7.0,
    "lists": 7.0,
    "p50": 10.0,
    "p95": 12.0,
    "p99": 12.0,
    "memory": 10.0,
    "bytes": 1.0,
}
READERS = 1_000  # of the demo shop
PARTS = ("encoding", "lists", "service", "bytes")


def measured(
    names: Collection[str], profile: MachineProfile, seconds: float
) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield the quantities of some parts, each with its group."""
    if "encoding" in names:
        yield from encoding(profile)
    if set(names) == {"encoding"}:
        return
    with tempfile.TemporaryDirectory() as temporary:
        bundle = Path(temporary) / "shop"
        plan = Plan().override({"evaluate.encoder_ablation": False})
        shop = fit(demo.books(), demo.readers(readers=READERS), plan=plan)
        shop.save(bundle)
        if "lists" in names:
            yield from lists(profile, shop)
        if "service" in names:
            yield from service(profile, shop, seconds)
        if "bytes" in names:
            yield from sizes(bundle, shop)


def errors_of_predictions(checked: Iterable[tuple[str, CheckedQuantity]]) -> list[dict[str, Any]]:
    """Return a row for each error, and the median of each group with its bar."""
    rows: list[dict[str, Any]] = []
    errors: dict[str, list[float]] = {}
    for group, one in checked:
        errors.setdefault(group, []).append(abs(one.error))
        spread = "" if one.spread is None else f", spread {one.spread:.1%}"
        print(
            f"{group}: {one.name}: predicted {one.predicted:.4g}, measured {one.measured:.4g} "
            f"{one.unit}, error {one.error:+.1%}{spread}",
            flush=True,
        )
        rows.append(
            {
                "name": f"{group}: {one.name}, error",
                "value": round(100 * abs(one.error), 1),
                "unit": "%",
                "bar": None,
                "better": "lower",
                "predicted": one.predicted,
                "measured": one.measured,
                "spread": one.spread,
            }
        )
    for group, values in errors.items():
        rows.append(
            {
                "name": f"{group}: median error of {len(values)}",
                "value": round(100 * median(values), 1),
                "unit": "%",
                "bar": BARS[group],
                "better": "lower",
                "turns": len(values),
            }
        )
    return rows


def main() -> None:
    """Calibrate, measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machine", type=Path, help="profile of this machine; else it is measured")
    parser.add_argument("--only", default=",".join(PARTS), help=f"by commas: {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load of the service")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name]
    if unknown := set(names) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    today = datetime.now(UTC).date().isoformat()
    if options.machine is None:
        profile = calibrate(today=today, on_stage=lambda name: print(f"calibrate: {name}"))
    else:
        profile = MachineProfile.from_toml(options.machine)
    print(json.dumps({"fit": {name: round(error, 3) for name, error in profile.errors.items()}}))
    tell(errors_of_predictions(measured(names, profile, options.seconds)), options.json)


if __name__ == "__main__":
    main()
