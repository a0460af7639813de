"""Tuning of the default language model and of its static student, on validation data.

    python benchmarks/tuning.py [--only NAME,…] [--steps N] [--layers N] [--json FILE]

NDCG@10 of the content scorer (cosine of an item's vector with the decayed history) over
validation users, and the seconds of processor time that the training took, measurements
included. Test data is not looked at, except with --users-of test.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from pennyweight.data.dataset import Dataset, read
from pennyweight.data.split import HeldOut, split
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.static import StaticEncoder, distil
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.evaluation.bootstrap import bootstrap
from pennyweight.evaluation.measure import measure
from pennyweight.fitting.tune import choose_settings, sample
from pennyweight.progress.update import ProgressUpdate, ShowProgress
from pennyweight.scorers.content import Content
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings
from pennyweight.training.retrieval import RetrievalSettings
from pennyweight.training.settings import TrainSettings
from pennyweight.training.static import fit_table
from pennyweight.training.tune import OBJECTIVES, Objective, tune
from pennyweight.vectors.unit_rows import unit_rows
from public_data import add_data, present
from rows import tell

NAMES = (*OBJECTIVES, "static", "whitened", "tokens", "matryoshka", "pair-latency")
WIDTHS = (32, 64, 128)
CANDIDATES, LISTS, NEWEST, PAIR_TOKENS, TITLE = 30, 40, 10, 128, 80
TOKENS = (32, 48, 64, 128, 256)
Row = dict[str, object]


def quality(vectors: np.ndarray, valid: HeldOut) -> float:
    results = measure({"content": Content.of_vectors(vectors)}, valid, repeats="exclude")
    return float(results["content"].column("ndcg@10").mean())


@contextmanager
def clocked(name: str, rows: list[Row]) -> Iterator[None]:
    """Add a row with the processor time that a block takes."""
    began = time.process_time()
    yield
    seconds = round(time.process_time() - began)
    rows.append(
        {
            "name": f"{name}: time",
            "value": seconds,
            "unit": "cpu s",
            "bar": None,
            "better": "lower",
        }
    )


def of_quality(name: str, value: float, target: float | None = None) -> Row:
    return {
        "name": f"{name}: ndcg@10",
        "value": round(value, 4),
        "unit": "",
        "bar": target,
        "better": "higher",
    }


def progress_of(name: str) -> ShowProgress:
    last = 0.0

    def progress(update: ProgressUpdate) -> None:
        nonlocal last
        if time.monotonic() - last > 60:
            last = time.monotonic()
            print(f"  {name}: {update}", flush=True)

    return progress


def tuned(
    objective: Objective, data: Dataset, valid: HeldOut, settings: TrainSettings
) -> list[Row]:
    rows: list[Row] = []
    layers = "all layers" if settings.layers is None else f"last {settings.layers} layers"
    name = f"{objective}, {layers}, {settings.steps} steps"
    with tempfile.TemporaryDirectory() as folder, clocked(name, rows):
        points = tune(
            find_weights(),
            data.catalog,
            valid,
            folder,
            settings,
            objective=objective,
            progress=progress_of(name),
        ).measurements
    for step, value in points:
        rows.append(of_quality(f"{name}: step {step}", value))
    best = max(value for _, value in points)
    rows.append(of_quality(f"{name}: best", best, round(1.3 * points[0][1], 4)))
    return rows


def retrieve(
    data: Dataset,
    trial: HeldOut,
    valid: HeldOut,
    settings: RetrievalSettings,
    teacher: Path | None,
) -> list[Row]:
    """Train a head; rank the users of a trial with the decay that suits the validation users."""
    rows: list[Row] = []
    name = f"retrieve, {settings.steps} steps"
    model = find_weights(teacher)
    with tempfile.TemporaryDirectory() as folder:
        with clocked(name, rows):
            result = tune(model, data.catalog, valid, folder, settings, progress=progress_of(name))
        encoder = TransformerEncoder.from_pretrained(result.weights.folder)
        trained = Content.of_vectors(encoder.encode(data.catalog.texts))
    rows += [of_quality(f"{name}: step {step}", value) for step, value in result.measurements]
    before = TransformerEncoder.from_pretrained(teacher)
    vectors = encode_cached(before, data.catalog.texts)
    white = ProjectedEncoder.of_vectors(before, vectors, dim=before.dim).project(vectors)
    scorers = {"model, whitened": Content.of_vectors(white), name: trained}
    for scorer in scorers.values():
        choose_settings(scorer, valid, "exclude")
    measured = measure(scorers, trial, repeats="exclude")
    columns = {label: measured[label].column("ndcg@10") for label in scorers}
    for label, column in columns.items():
        rows += of_interval(f"{label}, decay {scorers[label].decay:g}", column)
    return rows + of_interval(f"{name}: gain", np.subtract(*reversed(columns.values())))


def of_interval(name: str, values: np.ndarray) -> list[Row]:
    estimate = bootstrap(values[:, None], rng=0)[0]
    ends = {"": estimate.value, ", low": estimate.low, ", high": estimate.high}
    return [of_quality(f"{name}{end}", value) for end, value in ends.items()]


def static(data: Dataset, valid: HeldOut, teacher: Path | None) -> list[Row]:
    """Compare tables before and after the tower's training, with and without a teacher."""
    rows: list[Row] = []
    texts, dim = data.catalog.texts, TwoTowerSettings.dim
    plain = distil(TransformerEncoder.from_pretrained(), dim=dim).weighted(texts)
    vectors = TransformerEncoder.from_pretrained(teacher).encode(texts)
    rows.append(of_quality("static: its teacher", quality(vectors, valid)))
    tables: dict[str, tuple[float, StaticEncoder]] = {}
    for ridge in (0.1, 1.0, 10.0):
        name = f"fitted to its teacher, ridge {ridge:g}"
        with clocked(f"static: {name}", rows):
            table = fit_table(plain, texts, vectors, ridge=ridge)
        tables[name] = quality(table.encode(texts), valid), table
        rows.append(of_quality(f"static: {name}", tables[name][0]))
    best_fit = max(tables, key=lambda name: tables[name][0])
    rows.append(of_quality("static: distilled", quality(plain.encode(texts), valid)))
    for name, table in (("distilled", plain), (best_fit, tables[best_fit][1])):
        tower = TwoTower(table, TwoTowerSettings(dim=dim))
        best = [0.0, 0.0]

        def on_epoch(_: int, tower: TwoTower = tower, best: list[float] = best) -> bool:
            best[0] = max(best[0], quality(tower.tuned.encode(texts), valid))
            best[1] = max(best[1], quality(tower.item_vectors, valid))
            return False

        with clocked(f"static: {name}, tower", rows):
            tower.fit(valid.before, data.catalog, on_epoch=on_epoch)
        rows.append(of_quality(f"static: {name}, tower, table", best[0]))
        rows.append(of_quality(f"static: {name}, tower, items", best[1]))
    return rows


def whitened(data: Dataset, valid: HeldOut, teacher: Path | None) -> list[Row]:
    """Compare a model's vectors, raw and whitened, and static tables fitted to each."""
    texts, model = data.catalog.texts, TransformerEncoder.from_pretrained(teacher)
    vectors = encode_cached(model, texts)
    white = ProjectedEncoder.of_vectors(model, vectors, dim=model.dim).project(vectors)
    rows = [
        of_quality("model", quality(vectors, valid)),
        of_quality("model, whitened", quality(white, valid)),
    ]
    table = distil(model, dim=TwoTowerSettings.dim).weighted(texts)
    for name, target in (("model", vectors), ("model, whitened", white)):
        static = fit_table(table, texts, target)
        encoded = static.encode(texts)
        again = ProjectedEncoder.of_vectors(static, encoded, dim=static.dim).project(encoded)
        rows.append(of_quality(f"static table of {name}", quality(encoded, valid)))
        rows.append(of_quality(f"static table of {name}, whitened", quality(again, valid)))
    return rows


def tokens(data: Dataset, valid: HeldOut, teacher: Path | None) -> list[Row]:
    """Compare texts cut to fewer and to more tokens."""
    rows: list[Row] = []
    texts = data.catalog.texts
    for max_tokens in TOKENS:
        model = TransformerEncoder.from_pretrained(teacher, precision="int8", max_tokens=max_tokens)
        with clocked(f"{max_tokens} tokens", rows):
            vectors = model.encode(texts)
        white = ProjectedEncoder.of_vectors(model, vectors, dim=model.dim).project(vectors)
        rows.append(of_quality(f"{max_tokens} tokens", quality(vectors, valid)))
        rows.append(of_quality(f"{max_tokens} tokens, whitened", quality(white, valid)))
    return rows


def pair_latency(data: Dataset, valid: HeldOut, teacher: Path | None) -> list[Row]:
    """Time a model on a list as a pair classifier would read it: a history and an item a text."""
    rows: list[Row] = []
    texts, histories = data.catalog.texts, valid.histories
    model = TransformerEncoder.from_pretrained(
        teacher, precision="int8", max_tokens=PAIR_TOKENS, threads=1
    )
    items = np.random.default_rng(0).integers(len(texts), size=(len(histories), CANDIDATES))
    seconds = []
    for row in range(LISTS + 1):
        start, stop = histories.offsets[row : row + 2]
        history = " ".join(
            texts[code][:TITLE] for code in histories.item[start:stop][::-1][:NEWEST]
        )
        pairs = [f"{texts[code][:TITLE]} {history}" for code in items[row]]
        began = time.process_time()
        model.encode(pairs)
        seconds.append(time.process_time() - began)
    for name, share in (("median", 50), ("p95", 95)):
        value = round(
            1e3 * float(np.percentile(seconds[1:], share)), 1
        )  # the first opens the graph
        label = f"{CANDIDATES} pairs of at most {PAIR_TOKENS} tokens, int8: {name}"
        rows.append({"name": label, "value": value, "unit": "cpu ms", "bar": 30, "better": "lower"})
    return rows


def matryoshka(data: Dataset, valid: HeldOut, settings: TrainSettings) -> list[Row]:
    """Compare fewer components of a model tuned as usual, and one whose leading ones learn too."""
    rows: list[Row] = []
    texts = data.catalog.texts
    for name, widths in (("tuned", ()), ("tuned, matryoshka", WIDTHS)):
        with tempfile.TemporaryDirectory() as folder:
            widened = replace(settings, matryoshka=widths)
            made = tune(
                find_weights(),
                data.catalog,
                valid,
                folder,
                widened,
                objective="targets",
                progress=progress_of(name),
            ).weights
            model = TransformerEncoder.from_pretrained(made.folder)
            vectors = model.encode(texts)
        rows.append(of_quality(f"{name}: all components", quality(vectors, valid)))
        for width in (*WIDTHS, model.dim):
            part = ProjectedEncoder.of_vectors(model, vectors, dim=width).project(vectors)
            rows.append(of_quality(f"{name}: {width} principal, whitened", quality(part, valid)))
        for width in WIDTHS:
            part = unit_rows(vectors[:, :width])
            rows.append(of_quality(f"{name}: {width} leading", quality(part, valid)))
    return rows


OF_TEACHER = {
    "static": static,
    "whitened": whitened,
    "tokens": tokens,
    "pair-latency": pair_latency,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--dataset", default="beauty", help="its folder there")
    parser.add_argument("--only", default=",".join(NAMES), help="by commas")
    parser.add_argument("--users", type=int, default=3000, help="validation users")
    parser.add_argument("--users-of", choices=("valid", "test"), default="valid", help="retrieve")
    parser.add_argument("--steps", type=int, help="of the objective by default")
    parser.add_argument("--every", type=int, help="of the objective by default")
    parser.add_argument("--threads", type=int, help="of training")
    parser.add_argument("--layers", type=int, default=TrainSettings.layers, help="0 for all")
    parser.add_argument("--rate", type=float, help="of the objective by default")
    parser.add_argument("--teacher", type=Path, help="model to begin with; the default model")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if not present(options.data, options.dataset):
        return
    folder = options.data / options.dataset
    items, events = (next(folder.glob(f"{name}.*")) for name in ("items", "events"))
    data = read(items, events)
    parts = split(data.interactions, "leave-last-out")
    valid = sample(parts.valid, options.users, np.random.default_rng(0))
    given = {
        "steps": options.steps,
        "every": options.every,
        "learning_rate": options.rate,
        "threads": options.threads,
    }
    given = {name: value for name, value in given.items() if value is not None}
    settings = TrainSettings(**given, layers=options.layers or None)
    rows: list[Row] = []
    for name in options.only.split(","):
        if name in OF_TEACHER:
            rows += OF_TEACHER[name](data, valid, options.teacher)
        elif name == "retrieve":
            trial = parts.test if options.users_of == "test" else valid
            retrieval = RetrievalSettings(**given)
            rows += retrieve(data, trial, valid, retrieval, options.teacher)
        elif name == "matryoshka":
            rows += matryoshka(data, valid, settings)
        else:
            rows += tuned(name, data, valid, settings)
        tell(rows, options.json)


if __name__ == "__main__":
    main()
