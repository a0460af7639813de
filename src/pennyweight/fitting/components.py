"""From the names in a plan to scorers and their encoders."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.plan import EncoderPlan
from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import Protocol
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder, TableEncoder
from pennyweight.encoders.static import distil
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.tuned import TwoTowerSettings, default_dim
from pennyweight.encoders.weights import OF_DEFAULT, may_be_model
from pennyweight.encoders.word2vec import Word2VecEncoder
from pennyweight.errors import DataError, PlanError, did_you_mean
from pennyweight.evaluation.ranking import Repeats
from pennyweight.scorers.blend import KINDS
from pennyweight.scorers.content import Content
from pennyweight.scorers.linear import Linear
from pennyweight.scorers.neighbours import Neighbours
from pennyweight.scorers.popularity import Novelty, Popularity
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.repeat_consumption import RepeatConsumption
from pennyweight.scorers.sequence import Sequence as SequenceScorer
from pennyweight.scorers.sequence import SequenceSettings
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.validation.language import MUCH, unread

__all__ = [
    "BY_TIME",
    "OF_WORDS",
    "Encoders",
    "build_parts",
    "check_encoder",
    "choose_encoders",
    "scorer_names",
]

_log = logging.getLogger(__name__)

DEFAULT = ("popularity", "content", "neighbours", "tower")
OF_WORDS = ("tfidf", "bow", "word2vec")  # encoders that need no language model
ENCODERS = (*OF_DEFAULT, *OF_WORDS)
BY_TIME = ("global-time", "given-split")


@dataclass(frozen=True)
class Encoders:
    """Which encoder serves which scorer.

    Attributes
    ----------
    content
        Dense vectors for content, or None for sparse TF-IDF.
    table
        The token table that the tower starts from, or None where no text has a word.
    name
        What to call the choice in a report.
    model
        Whether a language model is behind it.
    """

    content: Encoder | None
    table: TableEncoder | None
    name: str
    model: bool = False

    def without_model(self, catalog: Catalog) -> "Encoders":
        """Return the encoders that do best without the language model: the catalog's words."""
        dim = self.table.dim if self.table is not None else default_dim(len(catalog))
        return Encoders(None, _lexical(catalog, dim), "tfidf")

    def serve(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the scorers that these encoders make a difference to."""
        served = ("tower", "sequence", *(("content",) if self.content is not None else ()))
        return tuple(name for name in names if name in served)


def scorer_names(
    names: Sequence[str] | str, protocol: Protocol, repeats: Repeats
) -> tuple[str, ...]:
    """Return the scorers to fit; `PlanError` for an unknown name.

    By default popularity, content, neighbours and tower; novelty where the protocol cuts
    by time (see `Novelty`), and again where items may be recommended again.
    """
    if isinstance(names, str):
        by_time = ("novelty",) if protocol in BY_TIME else ()
        return (*DEFAULT, *by_time, *(("again",) if repeats == "include" else ()))
    for name in names:
        if name not in KINDS:
            raise PlanError(f"scorers: {name!r} is not one of {', '.join(KINDS)}"
                            f"{did_you_mean(name, KINDS)}")  # fmt: skip
    return tuple(dict.fromkeys(names))


def check_encoder(name: str) -> None:
    """Raise `PlanError` where no encoder can have the name."""
    if name not in ENCODERS and not may_be_model(name):
        raise PlanError(f"encoder: {name!r} is not one of {', '.join(ENCODERS)}, no folder and no "
                        f"model id (owner/name){did_you_mean(name, ENCODERS)}")  # fmt: skip


def choose_encoders(
    plan: EncoderPlan,
    catalog: Catalog,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Encoders:
    """Return the encoders a plan names.

    ``auto`` and ``static`` distil the token table of the language model; ``auto`` falls
    back on words of the catalog where no weights are installed, and says so. ``tfidf``,
    ``bow`` and ``word2vec`` need no language model. ``minilm``, a folder or a Hugging Face
    id encode the content with the transformer itself, whitened (see `ProjectedEncoder`), and
    the table is distilled from it.
    """
    width = plan.dim or default_dim(len(catalog))
    if plan.name in OF_WORDS:
        dense: Encoder | None = None
        if plan.name == "word2vec":
            dense = Word2VecEncoder.fit(catalog.texts, dim=width)
        return Encoders(dense, _lexical(catalog, width), plan.name)
    model = None if plan.name in OF_DEFAULT else plan.name
    try:
        transformer = TransformerEncoder.load(
            model,
            precision=plan.precision,
            threads=threads,
            max_tokens=plan.max_tokens or READ_TOKENS,
        )
    except DataError as error:
        if plan.name != "auto":
            raise
        _log.warning("no language model: %s; the words of the catalog serve instead", error)
        return Encoders(None, _lexical(catalog, width), "tfidf (no language model installed)")
    if plan.name in OF_DEFAULT and (found := unread(catalog.texts)).share >= MUCH:
        _log.warning("%s; use --encoder tfidf (encoder='tfidf'), which reads every script, or name "
                     "the folder of a multilingual model (--encoder FOLDER)", found)  # fmt: skip
    table = distil(transformer, dim=min(width, transformer.dim), progress=progress)
    if plan.name in ("auto", "static"):
        return Encoders(None, table, table.name, model=True)
    vectors = encode_cached(transformer, catalog.texts, progress=progress)
    whitened = ProjectedEncoder.fit(transformer, vectors, dim=transformer.dim)
    return Encoders(whitened, table, transformer.name, model=True)


def _lexical(catalog: Catalog, dim: int) -> TableEncoder | None:
    try:
        return LexicalEncoder.fit(catalog.texts, dim=dim)
    except DataError:  # no text has a word
        return None


def build_parts(
    names: Sequence[str], encoders: Encoders, *, repeats: Repeats, seed: int
) -> dict[str, Scorer]:
    """Return the scorers, not yet fitted, by name and in the order they are to be fitted.

    The sequence scorer starts from the item vectors of the tower: the one among the parts,
    which comes before it, or one of its own that it fits first.

    Raises
    ------
    MissingExtraError
        The sequence scorer is asked for and torch is not installed.
    """
    makers: dict[str, Callable[[], Scorer]] = {
        "popularity": Popularity,
        "novelty": Novelty,
        "again": RepeatConsumption,
        "content": lambda: Content(encoders.content),
        "neighbours": Neighbours,
        "linear": Linear,
    }
    if encoders.table is not None:
        table = encoders.table
        settings = TwoTowerSettings(
            dim=min(TwoTowerSettings.dim, table.dim), repeats=repeats == "include"
        )
        tower = TwoTower(table, settings, seed=seed)
        makers["tower"] = lambda: tower
        makers["sequence"] = lambda: _sequence(tower, "tower" in names, settings.repeats)
    ordered = sorted(names, key="sequence".__eq__)
    parts = {name: makers[name]() for name in ordered if name in makers}
    if not parts:
        raise DataError("no scorer can be fitted: the tower needs texts with words in them")
    return parts


def _sequence(tower: TwoTower, fitted_before: bool, repeats: bool) -> SequenceScorer:
    from pennyweight.training.sequence import train_sequence  # needs the extra

    def vectors_of(interactions: Interactions, catalog: Catalog) -> NDArray[np.float32]:
        if not fitted_before:
            tower.fit(interactions, catalog)
        return tower.item_vectors

    settings = SequenceSettings(repeats=repeats)
    # One thread: the steps are small, and on busy cores threads that wait for each other cost more.
    return SequenceScorer(vectors_of, train_sequence, settings, seed=tower.seed, threads=1)
