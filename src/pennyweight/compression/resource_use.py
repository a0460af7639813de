"""The speed and memory of encoding with a saved recommender, in a separate process."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from pennyweight.config.frozen import FrozenModel
from pennyweight.errors import PennyweightError
from pennyweight.machine.machine import peak_rss
from pennyweight.recommender.recommender import Recommender

__all__ = ["ResourceUse", "measure_resource_use"]

TEXTS, ALONE, SECONDS = 128, 16, 0.5
HEAVY = ("torch", "transformers")


class ResourceUse(FrozenModel):
    """Texts a second in batches, milliseconds for one alone, and the peak of memory."""

    texts_per_second: float
    ms_per_text: float
    peak_rss_bytes: int


def measure_resource_use(bundle: Path) -> ResourceUse:
    """Load a bundle in a new process, encode some of its texts and recommend for one.

    Raises
    ------
    PennyweightError
        The process failed, or needed a package that serving does without.
    """
    command = [sys.executable, "-m", __name__, str(bundle)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise PennyweightError(f"{bundle}: cannot be served: {process.stderr.strip()[-2_000:]}")
    return ResourceUse.model_validate_json(process.stdout)


def _measured(bundle: Path) -> ResourceUse:
    recommender = Recommender.load(bundle, verify=False)
    texts = recommender.catalog.texts
    encoding = recommender.scorer if recommender.scorer.scores_texts else None
    sample = [texts[int(i)] for i in np.linspace(0, len(texts) - 1, min(TEXTS, len(texts)))]

    def seconds(block: Sequence[str]) -> float:
        began = time.perf_counter()
        if encoding is not None:
            encoding.encode_texts(block)
        return time.perf_counter() - began

    seconds(sample[:8])  # sessions are built, pages come in
    batches = [seconds(sample)]
    while sum(batches) < SECONDS and len(batches) < 50:
        batches.append(seconds(sample))
    single = [seconds([text]) for text in sample[:: max(1, len(sample) // ALONE)]]
    recommender.recommend(history=[recommender.catalog.ids[0]])
    loaded = [name for name in HEAVY if name in sys.modules]
    if loaded:
        raise PennyweightError(f"serving has imported {', '.join(loaded)}")
    rate = len(sample) / max(median(batches), 1e-9) if encoding else 0.0
    return ResourceUse(
        texts_per_second=round(rate, 1),
        ms_per_text=round(1_000 * median(single), 4),
        peak_rss_bytes=peak_rss(),
    )


if __name__ == "__main__":
    print(_measured(Path(sys.argv[1])).model_dump_json())  # noqa: T201 - read by `measure_resource_use`
