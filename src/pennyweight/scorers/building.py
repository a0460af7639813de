"""The context that scorers are built in: the encoders of the catalog, and other scorers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.protocol import Encoder, TableEncoder
from pennyweight.scorers.protocol import Scorer

__all__ = ["BuildContext"]


@dataclass(frozen=True)
class BuildContext:
    """Inputs that a scorer may need besides its settings.

    Attributes
    ----------
    encoder
        Gives dense vectors of texts; None for sparse TF-IDF.
    table
        Token table to train from; None where no text has a word.
    repeats
        Whether items of a history may be recommended again.
    seed
        Of every random draw.
    built
        Components that are there already, by id.
    seen_events
        Where scorers are resumed: how many events of each history they learned from, int64
        (n_users,); None where this is not known.
    trainers
        Kind -> factory of the trainer, where that needs an extra.
    """

    encoder: Encoder | None = None
    table: TableEncoder | None = None
    repeats: bool = False
    seed: int = 0
    built: Mapping[str, Scorer] = field(default_factory=dict)
    seen_events: NDArray[np.int64] | None = None
    trainers: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
