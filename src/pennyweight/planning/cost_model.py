"""The cost model: seconds and bytes of encoders, lists and services, from a machine's profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.capacity import Workload
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.tokens import BATCH_TOKENS, READ_TOKENS
from pennyweight.planning.core_speed import CoreSpeed
from pennyweight.planning.encoder_shape import EncoderShape
from pennyweight.planning.encoding_probe import ENCODING_TERMS, encoding_terms
from pennyweight.planning.list_shape import LIST_TERMS, ListShape
from pennyweight.planning.machine_profile import MachineProfile

__all__ = ["CostModel"]

# Bytes of memory that the service holds besides vectors and matrices (docs/method-planning.md).
ITEM_BYTES, TOKEN_BYTES = 420, 5
EVENT_BYTES, USER_BYTES = 30, 110
SESSION_SHARE = 1.1  # of an encoder's file, once its graph is prepared
PRODUCT, WEIGHTS = "matrix_product", "weight_byte"  # of a batch
BYTE_TERMS = ("int8_byte", "float_byte")  # of a list: bound by memory


@dataclass(frozen=True)
class CostModel:
    """Predicts times and sizes on a machine.

    Attributes
    ----------
    profile
        Of a machine that was measured.
    speed
        Of a core of the machine, relative to one of the profile.
    threads
        Virtual processors of the machine.
    """

    profile: MachineProfile
    speed: CoreSpeed = field(default_factory=CoreSpeed)
    threads: int = 1

    @property
    def thread_speedup(self) -> float:
        """Speed of encoding on all threads, relative to one."""
        measured, cores = self.profile.thread_speedup, self.profile.cores
        share = 1.0 if cores == 1 else min(1.0, max(0.0, (measured - 1) / (cores - 1)))
        return 1 + share * (self.threads - 1)

    def transformer_seconds(
        self, shape: EncoderShape, precision: Precision, tokens: float, *, batch: int | None = None
    ) -> float:
        """Return the seconds of one text on one thread.

        Parameters
        ----------
        shape, precision
            Of the encoder.
        tokens
            Tokens of the text; more than an encoder reads are cut off.
        batch
            Texts that are encoded together; by default as many as a catalog's batches have.
        """
        read = round(max(3, min(tokens + 2, READ_TOKENS, shape.max_tokens)))
        texts = batch or max(1, BATCH_TOKENS // read)
        terms = encoding_terms(shape, texts, read, precision)
        speeds = {PRODUCT: self.speed.products(precision), WEIGHTS: self.speed.memory}
        batch_seconds = self._sum(self.profile.encoding[precision], ENCODING_TERMS, terms, speeds)
        return batch_seconds / texts + self.token_seconds("tokenizer", tokens)

    def token_seconds(self, kind: str, tokens: float) -> float:
        """Return the seconds of a text in a tokenizer, a static table or TF-IDF, on one thread."""
        return float(self.profile.token_seconds[kind] * tokens / self.speed.scalar)

    def scoring_seconds(self, shape: ListShape) -> float:
        """Return the processor seconds of the scores of a list."""
        speeds = dict.fromkeys(BYTE_TERMS, self.speed.memory)
        return self._sum(self.profile.lists, LIST_TERMS, shape.terms(), speeds)

    def list_seconds(self, shape: ListShape) -> float:
        """Return the processor seconds of a request for a list."""
        return self.scoring_seconds(shape) + self.profile.list_overhead_seconds / self.speed.scalar

    def serial_seconds(self, shape: ListShape) -> float:
        """Return the part of `list_seconds` that one process does one list after the other.

        Python runs one thread at a time; products of vectors leave the others to run.
        """
        terms = dict(zip(LIST_TERMS, shape.terms(), strict=True))
        parallel = sum(self.profile.lists[name] * terms[name] for name in BYTE_TERMS)
        return float(max(1e-9, self.list_seconds(shape) - parallel / self.speed.memory))

    def servers(self, shape: ListShape) -> int:
        """Return how many lists a process makes at once at most, at least 1."""
        share = self.list_seconds(shape) / self.serial_seconds(shape)
        return max(1, min(self.threads, int(share)))

    def resident_bytes(self, workload: Workload, index_bytes: int, encoder_bytes: int) -> int:
        """Return the memory of the service."""
        text = workload.mean_tokens * TOKEN_BYTES
        parts = (
            self.profile.base_bytes,
            workload.items * (ITEM_BYTES + text),
            workload.events * EVENT_BYTES,
            workload.users * USER_BYTES,
            index_bytes,
            encoder_bytes * SESSION_SHARE,
        )
        return round(float(np.sum(parts)))

    def _sum(
        self,
        seconds: Mapping[str, float],
        names: Sequence[str],
        factors: NDArray[np.float64],
        speeds: Mapping[str, float],
    ) -> float:
        """Return the seconds of some terms together; others than those of `speeds` are scalar."""
        terms = zip(names, factors, strict=True)
        return float(
            sum(seconds[name] * x / speeds.get(name, self.speed.scalar) for name, x in terms)
        )
