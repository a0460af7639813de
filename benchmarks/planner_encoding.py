"""The encoding part of `planner.py`."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from statistics import median

import numpy as np

from pennyweight import demo
from pennyweight.config.capacity import CheckedQuantity
from pennyweight.encoders.graph import build_graph
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.tokens import tokenize
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.errors import DataError
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.encoder_shape import shape
from pennyweight.planning.encoding_probe import bert_shape, random_checkpoint
from pennyweight.planning.machine_profile import MachineProfile

MODEL = "all-MiniLM-L6-v2"
TOKENS, ALONE = 8_192, 24  # tokens of the texts in batches; texts one by one
# Layers, width, heads, inner width: MiniLM pruned to half its layers and neurons, and others.
SHAPES = ((3, 384, 12, 768), (4, 768, 12, 3_072), (6, 256, 8, 1_024))
BATCHES = ((1, 24), (4, 48), (24, 40))  # texts, and tokens of each
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
ROUNDS, SECONDS = 5, 0.25


def encoding(profile: MachineProfile) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield texts per second on one thread, predicted and measured."""
    model = CostModel(profile)
    for precision in PRECISIONS:
        yield from _installed(model, precision)
    for layers, width, heads, inner in SHAPES:
        for precision in PRECISIONS:
            yield from _made_up(model, precision, (layers, width, heads, inner))


def _installed(model: CostModel, precision: Precision) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield the figures of the installed language model on titles and on descriptions."""
    try:
        encoder = TransformerEncoder.from_pretrained(precision=precision, threads=1)
    except DataError as error:
        print(f"{MODEL}: left out: {error}")
        return
    books = demo.books()
    for kind, column in (("titles", "title"), ("descriptions", "description")):
        texts = books[column].to_list()
        lengths = [len(row) for row in tokenize(encoder.tokenizer, texts, special=False)]
        tokens = float(np.mean(lengths))
        # As many as fill several batches, each with texts of one length, as in a catalog.
        many = list(islice(cycle(texts), round(TOKENS / (tokens + 2))))
        usual = sorted(range(len(texts)), key=lambda i: abs(lengths[i] - tokens))
        for alone in (False, True):
            some = [texts[i] for i in usual[:ALONE]] if alone else many

            def run(some: list[str] = some, alone: bool = alone) -> None:
                for block in ([text] for text in some) if alone else [some]:
                    encoder.encode(block)

            predicted = model.transformer_seconds(
                shape(MODEL), precision, tokens, batch=1 if alone else None
            )
            how = "one by one" if alone else "in batches"
            name = f"{MODEL} {precision}, {kind} {how}"
            yield "encoding", _rate(name, predicted, run, len(some))


def _made_up(
    model: CostModel, precision: Precision, sizes: tuple[int, int, int, int]
) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield the figures of a model of random weights."""
    rng = np.random.default_rng(1)
    bert = bert_shape(*sizes)
    session = build_graph(random_checkpoint(bert, rng), precision=precision).session(1)
    for texts, tokens in BATCHES:
        ids = rng.integers(0, bert.vocabulary, (texts, tokens)).astype(np.int32)
        feed = {"ids": ids, "mask": np.ones_like(ids)}
        own = tokens - 2  # besides the first and the last one
        seconds = model.transformer_seconds(bert, precision, own, batch=texts)
        seconds -= model.token_seconds("tokenizer", own)
        name = f"{bert.name}, {precision}, {texts} x {tokens} tokens"
        yield "encoding", _rate(name, seconds, partial(session.run, ["unit"], feed), texts)


def _rate(name: str, seconds: float, run: Callable[[], object], texts: int) -> CheckedQuantity:
    """Return texts per second of processor time, the median of some rounds."""
    run()
    rounds = []
    for _ in range(ROUNDS):
        began, times = time.process_time(), 0
        while time.process_time() - began < SECONDS:
            run()
            times += 1
        rounds.append(texts * times / (time.process_time() - began))
    middle = median(rounds)
    return CheckedQuantity(
        name=name,
        unit="texts/s",
        predicted=1 / seconds,
        measured=middle,
        spread=(max(rounds) - min(rounds)) / middle,
    )
