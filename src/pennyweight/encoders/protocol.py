"""The protocol of encoders: their methods, and their description of themselves to callers."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.encoders.prompts import NO_PROMPTS, Prompts
from pennyweight.errors import PlanError
from pennyweight.vectors.quantized_rows import QuantizedRows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from pennyweight.encoders.endpoint import EndpointEncoder
    from pennyweight.encoders.tokens import TokenLists
    from pennyweight.encoders.weights import ModelWeights

__all__ = ["Encoder", "LanguageModelEncoder", "Progress", "TableEncoder"]

Progress = Callable[[int, int], None]
"""Called with (texts done, texts in total)."""


class Encoder(Protocol):
    """Turns texts into vectors.

    Every encoder returns float32 of shape (len(texts), dim), rows of unit length (an
    empty or wholly unknown text gives a zero row), the same vector for a text whatever
    its neighbors in the batch, and (0, dim) for no texts.

    An encoder is a subclass that defines `kind`, `dim`, `fingerprint`, `encode`, `save` and
    `load`; one that `fit` is to choose by name defines `fit` too.

    Attributes
    ----------
    kind
        The implementation, such as ``static``: its name in the registry and in bundles.
    block
        Texts that `encode_cached` gives to `encode` at a time.
    """

    kind: str
    block: int = 4096

    @property
    def name(self) -> str:
        """Kind and settings in a word, such as ``tfidf`` or ``all-MiniLM-L6-v2``."""
        return self.kind

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of the vectors."""
        ...

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash over weights and settings: equal fingerprints encode a text alike."""
        ...

    @classmethod
    def fit(cls, texts: Sequence[str], *, dim: int) -> Self:
        """Learn from a catalog's texts.

        Parameters
        ----------
        dim
            Width of the vectors; fewer where the texts have not the rank for it.
        """
        raise PlanError(f"encoder: {cls.kind!r} does not learn from texts; give an encoder object")

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of item texts, float32 (len(texts), dim)."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of search texts, float32 (len(texts), dim); by default `encode`'s."""
        return self.encode(texts)

    @property
    def prompts(self) -> Prompts:
        """The texts that are put before queries and documents; by default none."""
        return NO_PROMPTS

    def with_prompts(self, prompts: Prompts) -> "Encoder":
        """Return an encoder with these prompts in place of its own."""
        raise PlanError(f"encoder: {self.name!r} puts no prompts before texts")

    def has_known_word(self, text: str) -> bool:
        """Return whether a word of a text is known, as far as the encoder can tell."""
        return True

    @property
    def language_model(self) -> "LanguageModelEncoder | None":
        """The language model that gives the vectors, or those that they are made from."""
        return None

    @property
    def remote(self) -> "EndpointEncoder | None":
        """The encoder that asks a server for the vectors, where one does."""
        return None

    @property
    def token_table(self) -> "TableEncoder | None":
        """Itself, where its vectors come from a table of tokens, which can be trained."""
        return None

    @property
    def trained_for_lists(self) -> bool:
        """Whether its vectors were trained on users' choices, so that whitening harms them."""
        return False

    @property
    def facts(self) -> Mapping[str, str | int]:
        """Family, layers, precision and the like, by name, for people to read."""
        return {}

    @property
    def nbytes(self) -> int:
        """Bytes of the files that `save` writes."""
        with TemporaryDirectory() as folder:
            self.save(Path(folder))
            return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())

    def projected(self, axes: NDArray[np.float32]) -> "Encoder":
        """Return an encoder whose vectors are ``unit(encode(texts) @ axes)``, (dim, width)."""
        from pennyweight.encoders.projected import ProjectedEncoder  # an encoder itself

        return ProjectedEncoder(self, axes)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that `load` needs into a folder, without pickle."""
        ...

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote; `BundleError` when it is missing or altered."""
        ...


class LanguageModelEncoder(Encoder, Protocol):
    """An encoder that runs a language model on tokens; a static table can be distilled from it.

    Attributes
    ----------
    tokenizer
        Cuts texts at `max_tokens`; its ids are the model's.
    max_tokens
        Tokens of a text that the model reads, markers included.
    weights
        The checkpoint that pruning and training start from; None where the model can only run.
    """

    tokenizer: "Tokenizer"
    max_tokens: int
    weights: "ModelWeights | None"

    @property
    def language_model(self) -> "LanguageModelEncoder":
        """Itself."""
        return self

    def has_known_word(self, text: str) -> bool:
        """Return whether a word of a text is whole, or in few pieces, to the tokenizer."""
        from pennyweight.encoders.tokens import has_known_word  # other encoders have no tokens

        return has_known_word(self.tokenizer, text)

    @abstractmethod
    def pool(self, ids: "TokenLists", *, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return pooled vectors of token sequences, not scaled, float32 (len(ids), dim)."""
        ...


class TableEncoder(Encoder, Protocol):
    """An encoder whose vectors are ``unit(bag(texts) @ table)``, so that it can be trained.

    Attributes
    ----------
    packed
        The table as it is held.
    """

    packed: QuantizedRows

    @property
    def token_table(self) -> "TableEncoder":
        """Itself."""
        return self

    @property
    @abstractmethod
    def table(self) -> NDArray[np.float32]:
        """One vector a token or word, float32 (vocabulary, dim)."""
        ...

    @abstractmethod
    def bag(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return the weight of each token in each text, float32 csr (n, vocabulary)."""
        ...

    @abstractmethod
    def with_table(self, table: NDArray[np.float32] | QuantizedRows, *, name: str) -> Self:
        """Return an encoder with another table; the rest is shared."""
        ...

    def pruned(self, texts: Sequence[str]) -> Self:
        """Return an encoder with only the rows that texts need, where others can be left out.

        These texts keep their vectors.
        """
        return self
