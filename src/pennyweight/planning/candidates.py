"""Candidates of a plan: encoders and formats of vectors, with the sizes that costs depend on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import expm1

from pennyweight.config.capacity import Workload
from pennyweight.config.quality import Measurement
from pennyweight.encoders.operators import Precision
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.encoder_shape import WEIGHT_BYTES, EncoderShape, shape
from pennyweight.planning.list_shape import ListShape
from pennyweight.scorers.linear import DENSE_ITEMS
from pennyweight.scorers.neighbors import ENTRIES, PAIRS, Neighbors
from pennyweight.scorers.two_tower_training import default_dim
from pennyweight.vectors.list_work import ListWork
from pennyweight.vectors.quantized_rows import SCANNED, RowFormat

__all__ = ["DEFAULT_ENCODERS", "CandidatesOf", "EncoderCandidate", "ladder"]

DEFAULT_ENCODERS = ("all-MiniLM-L6-v2", "all-mpnet-base-v2")
STATIC_DIM = 256
TOKEN_NAME_BYTES = 15.3  # of a token in a tokenizer's file
# TF-IDF: bytes of a word's name; words by Heaps' law (1978), `a n ** b` of n tokens, the limit.
WORD_BYTES, WORDS, MAX_WORDS = 36, (12.0, 0.6), 2**17
TERM_SHARE = 0.65  # entries of TF-IDF: a token may be rare, or come twice in a text
BITS: dict[RowFormat, int] = {"fp32": 32, "int8": 8, "int4": 4, "int2": 2, "binary": 1}
ENTRY_BYTES = 8  # of a sparse matrix
SUPPORT = 100  # entries of an item in the sparse form of the linear scorer
POSTING_SHARE = 0.01  # of the items that have a word of a usual text
COMPONENTS = 6  # popularity, new items, content, neighbors, tower, linear
TREES = 120


@dataclass(frozen=True)
class EncoderCandidate:
    """An encoder with a format of the item vectors.

    Attributes
    ----------
    encoder
        Its name, with the format of its weights.
    setting
        Name of the encoder in a plan.toml.
    precision
        Of its weights; None without a transformer.
    vectors
        Format of the item vectors; of each scorer where they differ.
    transformer
        Its shape; None for TF-IDF and static tables.
    token_kind
        Its name in the profile's times of a token, without a transformer.
    encoder_bytes, index_bytes
        On disk, and in memory.
    lists
        The work of a list.
    texts_per_second
        In batches, measured on one thread of the profile's machine; None to predict it.
    seconds_alone
        Of one text alone, measured; None to predict it.
    quality
        NDCG@10 relative to the parent, where it was measured.
    """

    encoder: str
    setting: str
    precision: Precision | None
    vectors: str
    transformer: EncoderShape | None
    token_kind: str
    encoder_bytes: int
    index_bytes: int
    lists: ListShape
    texts_per_second: float | None = None
    seconds_alone: float | None = None
    quality: Measurement | None = None

    def text_seconds(self, model: CostModel, tokens: float, *, alone: bool = False) -> float:
        """Return the seconds of one text on one thread, in a batch or alone."""
        if alone and self.seconds_alone is not None:
            return self.seconds_alone / model.speed.scalar
        if self.texts_per_second is not None:
            return 1 / (self.texts_per_second * model.speed.scalar)
        if self.transformer is None or self.precision is None:
            return model.token_seconds(self.token_kind, tokens)
        return model.transformer_seconds(
            self.transformer, self.precision, tokens, batch=1 if alone else None
        )


CandidatesOf = Callable[[Workload], Sequence[EncoderCandidate]]
"""Gives the candidates of a workload."""


def ladder(
    workload: Workload,
    encoders: Sequence[EncoderShape] | None = None,
    formats: Sequence[RowFormat] = ("int8", "fp32"),
) -> Iterator[EncoderCandidate]:
    """Yield TF-IDF, a static table, and each transformer in 8 and in 32 bits, small to large."""
    models = [shape(name) for name in DEFAULT_ENCODERS] if encoders is None else encoders
    for row_format in formats:
        yield _without_transformer(workload, row_format, "tfidf")
        yield _without_transformer(workload, row_format, "static")
        for model in models:
            for precision in ("int8", "fp32"):
                yield _transformer(workload, row_format, model, precision)


def _without_transformer(workload: Workload, row_format: RowFormat, kind: str) -> EncoderCandidate:
    learned = _learned_bytes(workload, row_format)
    if kind == "tfidf":
        tokens = workload.items * workload.mean_tokens
        factor, power = WORDS
        words = min(MAX_WORDS, factor * tokens**power)
        terms = round(TERM_SHARE * tokens)
        share = min(1.0, POSTING_SHARE * workload.history * workload.mean_tokens)
        lists = _lists(workload, row_format, ListWork(postings=round(share * terms)))
        nbytes = round(words * WORD_BYTES) + _table_bytes(workload, round(words), row_format)
        return EncoderCandidate(
            "TF-IDF",
            "tfidf",
            None,
            row_format,
            None,
            "tfidf",
            nbytes,
            terms * ENTRY_BYTES + learned,
            lists,
        )
    vocabulary = shape(DEFAULT_ENCODERS[0]).vocabulary
    own = _bytes(vocabulary, STATIC_DIM, row_format) + _tokenizer_bytes(vocabulary)
    return EncoderCandidate(
        "static table",
        "static",
        None,
        row_format,
        None,
        "static",
        own + _table_bytes(workload, vocabulary, row_format) + _tokenizer_bytes(vocabulary),
        _bytes(workload.items, STATIC_DIM, row_format) + learned,
        _lists(workload, row_format, _dense(workload.items, STATIC_DIM, row_format)),
    )


def _transformer(
    workload: Workload, row_format: RowFormat, model: EncoderShape, precision: Precision
) -> EncoderCandidate:
    table = shape(DEFAULT_ENCODERS[0]).vocabulary  # of the tower, whatever reads the content
    parts = (
        model.parameters * WEIGHT_BYTES[precision],
        _tokenizer_bytes(model.vocabulary),
        4 * model.dim**2,  # whitening
        _table_bytes(workload, table, row_format) + _tokenizer_bytes(table),
    )
    return EncoderCandidate(
        f"{model.name}, {precision}",
        model.name,
        precision,
        row_format,
        model,
        "",
        round(sum(parts)),
        _bytes(workload.items, model.dim, row_format) + _learned_bytes(workload, row_format),
        _lists(workload, row_format, _dense(workload.items, model.dim, row_format)),
    )


def _lists(workload: Workload, row_format: RowFormat, content: ListWork) -> ListShape:
    """Return the shape of the lists of the default blend with some content scorer."""
    items, history = workload.items, workload.history
    rows = _neighbors(workload)
    behavior = ListWork(sparse_entries=round(history * rows))
    if items <= DENSE_ITEMS:
        behavior += ListWork(float_bytes=4 * items * history)
    else:
        behavior += ListWork(sparse_entries=round(history * min(SUPPORT, rows)))
    tower = _dense(items, default_dim(items), row_format)
    return ListShape(items, COMPONENTS, content + tower + behavior, TREES)


def _dense(items: int, width: int, row_format: RowFormat) -> ListWork:
    if row_format == "int8" and items >= SCANNED:
        return ListWork(int8_bytes=items * width)
    if row_format == "fp32":
        return ListWork(float_bytes=4 * items * width)
    return ListWork(widened_values=items * width)


def _neighbors(workload: Workload) -> float:
    """Return the neighbors of an item: different ones among those that its events make known."""
    items = workload.items
    known = items * -expm1(-PAIRS * workload.events / items / items)
    return min(known, Neighbors().keep, max(50, ENTRIES // items))


def _learned_bytes(workload: Workload, row_format: RowFormat) -> int:
    """Return the bytes of vectors and matrices that are learned from events."""
    items, rows = workload.items, _neighbors(workload)
    vectors = 2 * _bytes(items, default_dim(items), row_format)
    dense = items <= DENSE_ITEMS
    linear = 4 * items if dense else ENTRY_BYTES * min(SUPPORT, rows)
    return vectors + round(items * (ENTRY_BYTES * rows + linear))


def _table_bytes(workload: Workload, tokens: int, row_format: RowFormat) -> int:
    """Return the bytes of the tower's table of tokens."""
    return _bytes(tokens, default_dim(workload.items), row_format)


def _tokenizer_bytes(vocabulary: int) -> int:
    return round(TOKEN_NAME_BYTES * vocabulary)


def _bytes(rows: int, width: int, row_format: RowFormat) -> int:
    return rows * width * BITS[row_format] // 8
