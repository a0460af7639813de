"""Smaller forms of a language model: how much of its quality as an encoder each keeps.

    python benchmarks/distillation.py --encoder NAME [--student NAME] [--steps N] [--only NAME,…]
                                      [--data DIR] [--json FILE]

The teacher, whitened, encodes the catalog. Its smaller forms are those of `pennyweight frontier`:
in 8 bits, with fewer layers and neurons, as a static table; with `--student` the layers are those
of another model, trained on the teacher's vectors and on events before the validation users'. The
best step is chosen on validation users; NDCG@10 of the content scorer alone and its ratio to the
teacher's are of test users (leave last out, full ranking, history masked).
"""

import argparse
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from pennyweight.compression.encoder_variants import Distil, Distillation, encoder_variants
from pennyweight.compression.held_out import distillation_settings
from pennyweight.data.dataset import read
from pennyweight.data.split import split
from pennyweight.evaluation.bootstrap import bootstrap, bootstrap_ratios
from pennyweight.evaluation.measure import measure
from pennyweight.fitting.pretrained import open_pretrained
from pennyweight.scorers.content import Content
from pennyweight.training.distillation import distilled
from public_data import add_data, present
from rows import tell

DATA = ("beauty", "scientific", "microlens")
BARS = {"int8": 0.995, "layers": 0.99, "static": 0.97, "student": 0.97}
Row = dict[str, object]


def measured(name: str, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of a dataset."""
    folder = options.data / name
    items = next(folder.glob("items.*"))
    dataset = read(items, folder / items.name.replace("items", "events"))
    catalog, parts = dataset.catalog, split(dataset.interactions, protocol="leave-last-out")
    teacher = open_pretrained(options.encoder, precision=options.precision)
    student = None if options.student is None else open_pretrained(options.student).language_model
    train: Distil | None = None
    if options.steps:
        train = partial(
            distilled,
            catalog=catalog,
            settings=distillation_settings(options.steps, seed=0),
            held_out=parts.valid,
        )
    reference: np.ndarray | None = None
    with tempfile.TemporaryDirectory() as place:
        models = Distillation(teacher, student, options.steps)
        for variant in encoder_variants(models, catalog.texts, Path(place), train=train):
            assert variant.encoder is not None
            content = Content.of_vectors(variant.encoder.encode(catalog.texts))
            by_scorer = measure({"content": content}, parts.test, repeats="exclude")
            values = by_scorer["content"].column("ndcg@10")
            title = f"{name}: {teacher.name}: {variant.name}"
            (estimate,) = bootstrap(values[:, None])
            yield _row(f"{title}: content NDCG@10", estimate)
            yield {"name": f"{title}: bytes", "value": variant.encoder.nbytes, "unit": "B"} | {
                "bar": None,
                "better": "lower",
            }
            if reference is None:
                reference = values
                continue
            (ratio,) = bootstrap_ratios(np.column_stack([values, reference]), [(0, 1)])
            yield _row(f"{title}: share of the teacher's", ratio, bar=_bar(variant.name, options))


def _bar(variant: str, options: argparse.Namespace) -> float:
    if "static" in variant:
        return BARS["static"]
    if options.student is not None:
        return BARS["student"]
    return BARS["layers" if "layers" in variant else "int8"]


def _row(name: str, estimate: tuple[float, float, float], bar: float | None = None) -> Row:
    value, low, high = (round(number, 4) for number in estimate)
    row: Row = {"name": name, "value": value, "unit": "", "bar": bar, "better": "higher"}
    return row | {"low": low, "high": high}


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--encoder", required=True, metavar="NAME", help="the teacher")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "int8"))
    parser.add_argument("--student", metavar="NAME", help="model that learns its vectors")
    parser.add_argument("--steps", type=int, default=600, help="training steps; 0 trains nothing")
    parser.add_argument("--only", default="scientific", help=f"by commas: {', '.join(DATA)}")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only.split(","):
        if name not in DATA:
            parser.error(f"{name}: choose from {', '.join(DATA)}")
        if present(options.data, name):
            for row in measured(name, options):
                print(f"  {row['name']} {row['value']}", flush=True)
                rows.append(row)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
