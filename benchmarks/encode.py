"""Speed, size and memory of our encoders beside sentence-transformers on torch in fp32.

    python benchmarks/encode.py [--model DIR] [--data DIR] [--baseline PYTHON] [--only NAME,…]
                                [--many N] [--json FILE]

Without `--model`, all-MiniLM-L6-v2. Pruned models have a third of the layers and half of the
neurons.

The baseline runs in a separate environment, made by

    python -m venv .venv-baseline
    .venv-baseline/bin/pip install torch==2.13.0 sentence-transformers

Every encoder is a process with the same number of threads; they take turns, so that a busy
moment of the machine meets all of them. Speeds are medians of the turns' ratios, with the least
and the most.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from pennyweight.compression.activations import record_activations
from pennyweight.compression.model import LanguageModel
from pennyweight.compression.pruning import cut_layers, cut_neurons
from pennyweight.compression.vocabulary import cut_vocabulary
from pennyweight.data.dataset import read
from pennyweight.encoders.tokens import load_tokenizer
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import ModelWeights, find_weights
from public_data import add_data, present
from rows import tell

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("encode_worker.py")
BASELINE = "sentence-transformers"
SHORT, LONG, ALONE = 192, 48, 24  # texts a turn
LAYERS, NEURONS = 1 / 3, 1 / 2  # shares; distilled, this keeps the quality (docs/benchmarks.md)
CASES = {  # name: (kind of worker, model)
    BASELINE: (BASELINE, "full"),
    "fp32": ("fp32", "full"),
    "int8": ("int8", "full"),
    "int8 of its tokens": ("int8", "tokens"),
    "pruned fp32": ("fp32", "pruned"),
    "pruned int8": ("int8", "pruned"),
    "static int8": ("static", "tokens"),
}
TARGETS = {"int8": (3.5, 23e6), "pruned int8": (8, 12e6), "static int8": (120, 8e6)}


@dataclass
class Runner:
    """The process of an encoder, with its times and its memory."""

    name: str
    process: subprocess.Popen[str]
    size: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    peak: int = 0
    version: str = ""  # of the package that encodes

    @classmethod
    def start(cls, name: str, python: str, model: Path, threads: int) -> "Runner":
        """Start it and wait until it has loaded."""
        command = [python, str(WORKER), CASES[name][0], str(model), str(threads)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        first = cls._answer(process)
        return cls(name, process, first["bytes"], version=first["version"])

    @staticmethod
    def _answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            sys.exit(f"{' '.join(map(str, process.args))} ended early")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        return answer

    def turn(self, kind: str, request: str) -> None:
        """Encode once and note the time."""
        assert self.process.stdin is not None
        print(request, file=self.process.stdin, flush=True)
        answer = self._answer(self.process)
        self.seconds.setdefault(kind, []).append(answer["seconds"])
        self.peak = max(self.peak, answer["peak"])

    def times_faster(self, than: "Runner", kind: str) -> list[float]:
        """Return the ratio of each turn to the one taken beside it, least first."""
        pairs = zip(than.seconds[kind], self.seconds[kind], strict=True)
        return sorted(theirs / own for theirs, own in pairs)


def texts_of(data: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Return beauty's catalog, and short (unchanged) and long texts (about 130 tokens)."""
    catalogs = [
        read(data / name / "items.csv", data / name / "events.csv").catalog.texts
        for name in ("beauty", "scientific")
    ]
    tokenizer = load_tokenizer(find_weights().folder / "tokenizer.json", max_tokens=256)
    short = catalogs[0][:: len(catalogs[0]) // SHORT][:SHORT]
    counted = ((text, len(tokenizer.encode(text).ids)) for text in catalogs[1])
    long = [text for text, tokens in counted if 110 <= tokens <= 150][:LONG]
    return list(catalogs[0]), {"short": list(short), "long": long, "alone": list(short[:ALONE])}


def prune(weights: ModelWeights, texts: Sequence[str], folder: Path) -> dict[str, ModelWeights]:
    """Cut a model to a catalog's tokens, then to some layers and neurons, without training."""
    model = cut_vocabulary(LanguageModel.of(weights), texts)
    models = {"full": weights, "tokens": model.write(folder / "tokens")}
    layers = model.checkpoint.layers
    model = cut_layers(model, record_activations(model, texts), keep=round(LAYERS * len(layers)))
    neurons = round(NEURONS * len(layers[0].inner.weight))
    model = cut_neurons(model, record_activations(model, texts), keep=neurons)
    return models | {"pruned": model.write(folder / "pruned")}


def agreement(models: Mapping[str, ModelWeights], texts: Sequence[str]) -> float:
    """Return the mean cosine of the pruned model's vectors with those of the full model."""
    folders = (models[name].folder for name in ("full", "pruned"))
    full, cut = (TransformerEncoder.from_pretrained(folder) for folder in folders)
    return float(np.mean((full.encode(texts) * cut.encode(texts)).sum(axis=1)))


def run(
    names: Sequence[str],
    data: Path,
    weights: ModelWeights,
    baseline: str,
    threads: int,
    repeats: int,
) -> list[Runner]:
    """Let the encoders take turns."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        catalog, texts = texts_of(data)
        for kind, lines in texts.items():
            (folder / f"{kind}.json").write_text(json.dumps(lines), encoding="utf-8")
        models = prune(weights, catalog, folder)
        cosine = agreement(models, texts["short"])
        print(f"pruned, untrained: cosine {cosine:.3f} to the full model")
        runners = []
        for name in names:
            python = baseline if name == BASELINE else sys.executable
            runners.append(Runner.start(name, python, models[CASES[name][1]].folder, threads))
        for _ in range(repeats):
            for kind in texts:
                request = f"{'alone ' if kind == 'alone' else ''}{folder / kind}.json"
                for runner in runners:
                    runner.turn(kind, request)
        for runner in runners:
            runner.process.stdin.close()  # type: ignore[union-attr]
            runner.process.wait()
    return runners


def many(data: Path, n: int, threads: int) -> list[dict[str, object]]:
    """Return the peak memory of encoding some titles, int8 and all six layers."""
    catalog, _ = texts_of(data)
    titles = [f"{catalog[i % len(catalog)]} {i}" for i in range(n)]
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "titles.json"
        path.write_text(json.dumps(titles), encoding="utf-8")
        runner = Runner.start("int8", sys.executable, find_weights().folder, threads)
        runner.turn("many", str(path))
        runner.process.stdin.close()  # type: ignore[union-attr]
        runner.process.wait()
    print(
        f"{n:,} titles: {n / runner.seconds['many'][0]:,.0f} per second, {runner.peak / 1e6:.0f} MB"
    )
    return [
        {
            "name": f"int8: peak memory of {n:,} titles",
            "value": runner.peak,
            "unit": "B",
            "bar": 600e6,
            "better": "lower",
        }
    ]


def spread(name: str, values: Sequence[float], unit: str, **more: object) -> dict[str, object]:
    """Return a row with the median over the turns, and the least and the most."""
    ends = {"low": round(min(values), 2), "high": round(max(values), 2)} if len(values) > 1 else {}
    row = {
        "name": name,
        "value": round(median(values), 2),
        "unit": unit,
        "bar": None,
        "better": "higher",
    }
    return row | ends | more


def rows_of(runner: Runner, base: Runner, *, default: bool = True) -> list[dict[str, object]]:
    """Return the rows of one encoder; those of the default model have targets."""
    target, max_bytes = TARGETS.get(runner.name, (None, None)) if default else (None, None)
    rows = []
    for kind, unit, many in (
        ("short texts", "1/s", SHORT),
        ("long texts", "1/s", LONG),
        ("single texts", "ms", ALONE),
    ):
        key = {"short texts": "short", "long texts": "long"}.get(kind, "alone")
        seconds = runner.seconds[key]
        speeds = [many / s if unit == "1/s" else 1000 * s / many for s in seconds]
        better = "higher" if unit == "1/s" else "lower"
        rows.append(
            spread(f"{runner.name}: {kind}", speeds, unit, better=better, version=runner.version)
        )
        ratios = runner.times_faster(base, key)
        rows.append(
            spread(
                f"{runner.name}: {kind}, times {base.name}",
                ratios,
                "x",
                bar=None if key == "alone" else target,
            )
        )
    sizes = (("bytes", runner.size, max_bytes), ("peak memory", runner.peak, None))
    return rows + [
        spread(f"{runner.name}: {name}", [value], "B", bar=limit, better="lower")
        for name, value, limit in sizes
    ]


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of a BERT-type model")
    parser.add_argument("--baseline", type=Path, default=ROOT / ".venv-baseline/bin/python")
    parser.add_argument(
        "--only",
        default=",".join(CASES),
        help="encoders, by commas; the first is the reference of the others",
    )
    parser.add_argument("--many", type=int, metavar="N", help="titles to encode at once, after")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.only.split(",")
    unknown = [name for name in names if name not in CASES]
    if unknown:
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(CASES)}")
    if BASELINE in names and not options.baseline.is_file():
        parser.error(
            f"{options.baseline}: no environment for the baseline; make it with\n"
            "  python -m venv .venv-baseline\n"
            "  .venv-baseline/bin/pip install torch==2.13.0 sentence-transformers\n"
            f"or leave it out: --only {','.join(name for name in CASES if name != BASELINE)}"
        )
    if not all([present(options.data, name) for name in ("beauty", "scientific")]):
        return
    weights = find_weights(options.model)
    python, turns = str(options.baseline), options.repeats
    runners = run(names, options.data, weights, python, options.threads, turns)
    default = options.model is None
    rows = [row for runner in runners for row in rows_of(runner, runners[0], default=default)]
    if options.many:
        rows += many(options.data, options.many, options.threads)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
