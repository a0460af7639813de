"""A shop in which what follows what is not in the words, and a small model to tune on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

import world
from pennyweight.data.split import HeldOut, split
from pennyweight.training.retrieval import RetrievalSettings
from pennyweight.training.settings import TrainSettings

WORDS = ("red", "shoe", "music", "blue", "手", "机", "壳")
N = 24
# Items are met in circles of eight; one word each, another digit each.
TEXTS = [f"{WORDS[(5 * i) % 7]} {i % 10} {'abc'[i // 10]}" for i in range(N)]
CATALOG = world.catalog(TEXTS)
QUICK = TrainSettings(
    precision="fp32",  # results do not hang on the processor
    layers=None,
    steps=12,
    batch=16,
    every=4,
    learning_rate=3e-3,
    patience=9,
    max_tokens=16,
    chunk_tokens=4096,
    threads=1,
)
QUICK_HEAD = RetrievalSettings(
    steps=12,
    batch=64,
    every=4,
    learning_rate=1e-2,
    patience=9,
    max_tokens=16,
    negatives=8,
    hidden=32,
    threads=1,
)


def quick(objective: str, **changes: object) -> TrainSettings:
    """Return quick settings for an objective."""
    return replace(QUICK_HEAD if objective == "retrieve" else QUICK, **changes)


def held_out() -> HeldOut:
    """Return validation data of users who go round one of three circles."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(1200):
        circle, start = rng.integers(3), rng.integers(8)
        rows.append([int(circle * 8 + (start + step) % 8) for step in range(6)])
    return split(world.events(rows, N), "leave-last-out").valid


HELD_OUT = held_out()


def scalars_of(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the scalars of event files, by name."""
    from tensorboardX.proto.event_pb2 import Event

    scalars: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(path.iterdir()):
        data = file.read_bytes()
        at = 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                scalars.setdefault(value.tag, []).append((event.step, value.simple_value))
    return scalars
