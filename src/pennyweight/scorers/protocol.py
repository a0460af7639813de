"""The protocol of scorers: their methods, and their description of themselves to callers."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence, Set
from inspect import Parameter, signature
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.input_size import Volume
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.encoders.protocol import Encoder
from pennyweight.errors import PlanError
from pennyweight.scorers.attribution import Attribution
from pennyweight.scorers.item_vectors import ItemVectors, TextVectors
from pennyweight.scorers.resources import ResourceEstimate
from pennyweight.vectors.list_work import ListWork
from pennyweight.vectors.quantized_rows import RowFormat

if TYPE_CHECKING:
    from pennyweight.scorers.building import BuildContext
    from pennyweight.scorers.ranking_trees import RankingTrees
    from pennyweight.scorers.search import WordSearch
    from pennyweight.scorers.text_search import TextSearch

__all__ = ["Evidence", "Progress", "Quality", "Scale", "Scorer", "Setting"]

Scale = Literal["relative", "log-odds"]
Evidence = Literal["text", "behavior", "text and behavior"]
Setting = bool | int | float | str
Progress = Callable[[int, int], None]
"""Called with (steps done, total steps)."""
Quality = Callable[["Scorer"], float]
"""How well a scorer ranks held-out items; higher is better."""


class Scorer(Protocol):
    """Maps histories to scores over all items; knows no users.

    A scorer is a subclass that defines `kind`, `fit`, `score`, `save` and `load`. Everything else
    has a default: that of a scorer that learns from events alone, cannot be tuned, and knows
    nothing of an item that is added after the fit. A batch of histories is scored as a whole, so
    callers bound memory by the size of the batch: (len(histories), n_items) float32 is the only
    dense array that leaves.

    Attributes
    ----------
    kind
        The implementation, such as ``neighbors``: its name in the registry, in plans and in
        bundles. Several components of a blend may be of one kind; they differ in their ids.
    scale
        How a blend reads the scores. ``relative``: not negative, meaningful only against the best
        item of the same history. ``log-odds``: differences mean the same for every history.
    default_weight
        Weight in a blend without held-out choices; None for that of its scale.
    evidence
        Basis of the scores.
    is_personal
        Whether the history makes a difference.
    is_fallback
        Whether the scores rank items for an unknown user. Such a component may
        have a negative weight in a blend.
    lifts_new_items
        Whether the scores only distinguish items without events from the others, so a blend may
        lift these.
    scores_texts
        Whether `score_texts` works.
    takes_encoder
        Whether `with_encoder` works.
    learns_item_vectors
        Whether `item_vectors` are there after a fit.
    needs_item_vectors
        Whether it starts from `item_vectors` of another component, and so is built after these.
    encoder
        The encoder of its texts, where it has one.
    search
        Of a blend: scores free texts in place of the components.
    routes
        Of a blend: events of a history from which on other weights count -> these, by component.
    trees
        Of a blend: the trees that rank the best items again, where there are some.
    """

    kind: str
    scale: Scale = "relative"
    default_weight: float | None = None
    evidence: Evidence = "behavior"
    is_personal: bool = True
    is_fallback: bool = False
    lifts_new_items: bool = False
    scores_texts: bool = False
    takes_encoder: bool = False
    learns_item_vectors: bool = False
    needs_item_vectors: bool = False
    encoder: Encoder | None = None
    search: "TextSearch | None" = None
    routes: Mapping[int, Mapping[str, float]] = MappingProxyType({})
    trees: "RankingTrees | None" = None
    # Parameters of the constructor that no plan may set.
    not_settings: ClassVar[tuple[str, ...]] = ()

    # Fitting

    @abstractmethod
    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Learn from events; forgets an earlier fit; returns self."""
        ...

    def fit_best(
        self,
        interactions: Interactions,
        catalog: Catalog,
        quality: Quality | None,
        *,
        progress: Progress | None = None,
    ) -> Self:
        """Fit, and choose by `quality` when to stop; None trains to the end."""
        return self.fit(interactions, catalog, progress=progress)

    def ignore_new_items(self) -> None:
        """Treat items without events like others.

        Called after a fit where events were not held out by time: then an item may be without
        events only because all of its events are held out.
        """
        return

    @classmethod
    def estimate(cls, size: Volume, dim: int) -> ResourceEstimate:
        """Estimate the resources of a fit, for data of a size and vectors of a width."""
        return ResourceEstimate()

    # Settings

    @classmethod
    def setting_defaults(cls) -> dict[str, Setting]:
        """Return the settings that a plan may give and their defaults.

        They are the keyword-only parameters of the constructor, kept in attributes of the same
        names.
        """
        parameters = signature(cls).parameters.values()
        return {
            parameter.name: parameter.default
            for parameter in parameters
            if parameter.kind is Parameter.KEYWORD_ONLY and parameter.name not in cls.not_settings
        }

    def setting_values(self) -> dict[str, Setting]:
        """Return the settings it has."""
        return {name: getattr(self, name) for name in self.setting_defaults()}

    def tunable(self) -> Mapping[str, Sequence[float]]:
        """Return settings that may change after a fit without another, and values to try."""
        return {}

    def choices(self) -> dict[str, float]:
        """Return the values chosen on validation data, by setting."""
        return {name: getattr(self, name) for name in self.tunable()}

    def choose(self, setting: str, value: float) -> None:
        """Set one of `choices`."""
        setattr(self, setting, value)

    @classmethod
    def can_be_built(cls, context: "BuildContext") -> bool:
        """Return whether there is all that `build` needs."""
        return True

    @classmethod
    def build(cls, settings: Mapping[str, Setting], context: "BuildContext") -> "Scorer":
        """Return an unfitted scorer of some settings."""
        return cls(**settings)

    def rebuilt(self, context: "BuildContext") -> "Scorer":
        """Return an unfitted scorer with the settings and choices of this one."""
        other = self.build(self.setting_values(), context)
        for setting, value in self.choices().items():
            other.choose(setting, value)
        return other

    def resumed(self, codes: NDArray[np.int32], context: "BuildContext") -> "Scorer":
        """Return a scorer whose next fit goes on from the state of this one.

        It has the settings and choices of this one. By default this one itself, whose fit begins
        anew; otherwise this one stays as it is.

        Parameters
        ----------
        codes
            The code here of each item of the next fit, -1 for a new one, int32 (n_items,).
        context
            Has the components that are fitted before this one, and the trainers.
        """
        return self

    # Scoring

    @abstractmethod
    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return scores, float32 (len(histories), n_items), higher is better, finite."""
        ...

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return scores for free texts, float32 (len(texts), n_items), finite."""
        raise PlanError(f"the scorer {self.kind!r} does not read texts; fit with a content scorer")

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the contribution of each event of one history to the scores of some items.

        float32 (len(codes), n_events): by default, the score's loss without the event. All
        zero for a scorer that ignores histories.
        """
        n_events = len(history.item)
        if not self.is_personal or not n_events:
            return np.zeros((len(codes), n_events), np.float32)
        events = np.arange(n_events)
        without = Histories.joined([history.where(events != event) for event in events.tolist()])
        loss = self.score(history)[:, codes] - self.score(without)[:, codes]
        return np.ascontiguousarray(loss.T, np.float32)

    def attribute(self, histories: Histories) -> tuple[NDArray[np.float32], list[Attribution]]:
        """Return the scores, as of `score`, and the attribution of each history.

        For scores that are explained: a blend then scores a history once only.
        """
        rows = range(len(histories))
        return self.score(histories), [
            Attribution(self, histories.block(row, row + 1)) for row in rows
        ]

    @property
    def components(self) -> "Mapping[str, Scorer]":
        """The scorers that this one blends, by id; of any other, itself."""
        return {self.kind: self}

    @property
    def component_weights(self) -> Mapping[str, float]:
        """The weight of each component of a blend."""
        return {}

    def with_components(self, components: "Mapping[str, Scorer]") -> "Scorer":
        """Return a blend of other components with the weights of this one."""
        raise TypeError(f"{self.kind} blends no others")

    def with_search(self, search: "TextSearch | None") -> "Scorer":
        """Return this scorer with another search; None to search with the components."""
        if search is None:
            return self
        raise TypeError(f"{self.kind} has no place for a search; give it to a blend")

    def component_shares(
        self, history: Histories, codes: NDArray[np.int32]
    ) -> Mapping[str, NDArray[np.float32]]:
        """Return each component's share in the scores of some items, float32 (len(codes),)."""
        return {}

    def shared_terms(self, code: int, other: int, *, limit: int = 3) -> list[str]:
        """Return the words that two items share, the most distinctive first."""
        return []

    # Items

    def with_items(self, codes: NDArray[np.int32], texts: Sequence[str], n_items: int) -> "Scorer":
        """Return a scorer that also has items which are new or whose text has changed.

        This one stays unchanged; both share the unchanged parts. An item whose text changes keeps
        the parameters learned from behavior.

        Parameters
        ----------
        codes
            The items, each once, int32 (m,).
        texts
            Their texts.
        n_items
            Total number of items; codes of old items are below the earlier number.
        """
        return self.with_vectors(codes, self.encode_texts(texts), n_items)

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Return the vectors of texts, which can be kept so that no text is encoded again.

        Each text is encoded by itself, whatever stands beside it. Nothing for a scorer that
        reads no texts.
        """
        return {}

    def without_vector(self, vectors: TextVectors) -> Set[int]:
        """Return which of some texts an encoder at a server gave no vector, by `encode_texts`."""
        return frozenset()

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "Scorer":
        """Return a scorer that also has some items, by the `encode_texts` of their texts.

        By default new items are zero. Parameters are those of `with_items`.
        """
        from pennyweight.scorers.growth import GrownScorer  # a scorer itself

        return GrownScorer(self, self.score(Histories.of([[]])).shape[1], n_items)

    @property
    def text_vectors(self) -> ItemVectors | None:
        """One vector an item, of its text, for the similarity of items."""
        return None

    @property
    def pair_vectors(self) -> tuple[ItemVectors, ItemVectors] | None:
        """Vectors of items as recommended and as events, whose products are similarities."""
        return None

    def term_matrix(self) -> sparse.csr_matrix | None:
        """Return the items' TF-IDF vectors, float32 csr (n_items, n_words), where it has them."""
        return None

    def word_search(self) -> "WordSearch | None":
        """Return a search by the words of these vectors; None for a scorer without any."""
        return None

    @property
    def item_vectors(self) -> NDArray[np.float32]:
        """Vectors of items learned from events, float32 (n_items, dim)."""
        raise TypeError(f"{self.kind} learns no item vectors")

    # Encoder, size and formats of vectors

    @property
    def uses_encoder(self) -> bool:
        """Whether another encoder would give other scores."""
        return self.encoder is not None

    def with_encoder(self, encoder: Encoder | None) -> "Scorer":
        """Return an unfitted scorer with another encoder of texts; None for TF-IDF."""
        raise TypeError(f"{self.kind} takes no other encoder")

    def encoder_nbytes(self, folder: Path) -> int:
        """Return the bytes of the text encoder of this scorer as saved to a folder."""
        files = (folder / "encoder").rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file())

    @property
    def vector_nbytes(self) -> int:
        """Bytes of the item vectors in memory."""
        return 0

    @property
    def nbytes(self) -> int:
        """Bytes in memory of all that was learned."""
        return self.vector_nbytes

    def list_work(self, n_events: int) -> ListWork:
        """Return the data that the scores of one history of some events read."""
        vectors = self.text_vectors
        return ListWork() if vectors is None else vectors.list_work(n_events)

    @property
    def vector_width(self) -> int | None:
        """Width of the vectors that `quantized` keeps in fewer bits; None where it has none."""
        return None

    def quantized(self, row_format: RowFormat, *, width: int, texts: Sequence[str]) -> "Scorer":
        """Return a scorer with its vectors in another format.

        Parameters
        ----------
        row_format
            ``fp32`` changes nothing.
        width
            Components of the vectors to keep, those along which the items differ most; a scorer
            whose vectors were learned from events keeps all.
        texts
            Those of the items.
        """
        return self

    # Persistence

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted state into a folder, without pickle."""
        ...

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote; `BundleError` when it is missing or altered."""
        ...

    def check(self) -> None:
        """Raise `ValueError` where arrays do not fit together, which products would not notice."""
        for value in vars(self).values():
            matrix = value if sparse.issparse(value) else getattr(value, "matrix", None)
            if isinstance(matrix, sparse.csr_matrix):
                matrix.check_format(full_check=True)
