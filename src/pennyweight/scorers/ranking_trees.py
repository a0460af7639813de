"""Gradient-boosted trees that rank the best items of a blend again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.errors import BundleError
from pennyweight.scorers.attribution import Attribution, ComponentScores
from pennyweight.scorers.candidate_features import NO_CANDIDATE, CandidateFeatures
from pennyweight.scorers.protocol import Scorer
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.storage.files import digest
from pennyweight.vectors.tree_ensemble import TreeEnsemble

__all__ = ["RANKING", "RankingTrees", "RescoredAttribution", "blend_digest", "catalog_digest"]

FILE = "trees.safetensors"
RANKING = "ranking"  # the share of features that belong to no component

Float = NDArray[np.float32]
Codes = NDArray[np.int32]


class Margins(NamedTuple):
    """The additions of trees to the scores of candidates, and the features they use.

    Attributes
    ----------
    margins
        Log-odds of each candidate, float32 (n, depth); zero after the last of a list.
    features
        By list, float32 (its candidates, n_features).
    """

    margins: Float
    features: list[Float]


@dataclass(frozen=True, eq=False)
class RankingTrees:
    """Trees whose sum is added to the blend's score (log-odds) of the best items of a list.

    Attributes
    ----------
    features
        Computes the features.
    ensemble
        The trees.
    depth
        How many of the best items are ranked again.
    blend, catalog
        Digests of the blend and of the item ids that they were trained with.
    """

    features: CandidateFeatures
    ensemble: TreeEnsemble
    depth: int
    blend: str
    catalog: str

    @property
    def nbytes(self) -> int:
        """Bytes of the trees."""
        return self.ensemble.nbytes

    def fits(self, blend: Scorer) -> bool:
        """Return whether a blend has the components and the weights of the training."""
        same = CandidateFeatures.of(blend.components) == self.features
        return same and blend_digest(blend, self.features.components) == self.blend

    def margins(
        self,
        blend: Scorer,
        scored: Mapping[str, ComponentScores],
        at: Sequence[int],
        histories: Histories,
        codes: Codes,
    ) -> Margins:
        """Return the additions to the scores of candidates.

        Parameters
        ----------
        blend
            A blend that they fit.
        scored, at
            The scores of its components for a batch, and the row in it of each list.
        histories
            The history of each list.
        codes
            The candidates of each list, as of `padded`.
        """
        rows = self.features.rows(blend.components, scored, at, histories, codes)
        present = codes != NO_CANDIDATE
        margins = np.zeros(codes.shape, np.float32)
        margins[present] = self.ensemble.predict(rows)
        return Margins(margins, np.split(rows, np.cumsum(present.sum(axis=1))[:-1]))

    def shares(self, features: Float) -> dict[str, Float]:
        """Return the share of each component in the margins of candidates, float32 (n,)."""
        shares: dict[str, Float] = {}
        for owner, column in zip(
            self.features.owners, self.ensemble.contributions(features).T, strict=True
        ):
            name = owner if owner in self.features.components else RANKING
            shares[name] = shares.get(name, np.zeros(len(features), np.float32)) + column
        return shares

    def save(self, folder: Path) -> None:
        """Write ``trees.safetensors``."""
        settings = {
            "components": list(self.features.components),
            "compared": list(self.features.compared),
            "fallbacks": list(self.features.fallbacks),
            "features": list(self.features.owners),
            "depth": self.depth,
            "blend": self.blend,
            "catalog": self.catalog,
        }
        write_arrays(folder / FILE, self.ensemble.arrays(), settings)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read the file that `save` wrote, if there is one."""
        if not (folder / FILE).exists():
            return None
        arrays, settings = read_arrays(folder / FILE)
        names = (tuple(settings[key]) for key in ("components", "compared", "fallbacks"))
        features = CandidateFeatures(*names)
        if settings.get("features") != list(features.owners):
            raise BundleError(
                f"{folder / FILE}: the trees are of other features than this version computes; "
                "fit again"
            )
        ensemble = TreeEnsemble(**arrays, n_features=len(features.owners))
        trees = cls(
            features, ensemble, int(settings["depth"]), settings["blend"], settings["catalog"]
        )
        trees.check()
        return trees

    def check(self) -> None:
        """Raise `ValueError` where the arrays are not trees."""
        if self.depth < 1:
            raise ValueError(f"the trees rank {self.depth} items")
        self.ensemble.check()

    def check_catalog(self, catalog: str) -> None:
        """Raise `BundleError` where they were trained with other items."""
        if self.catalog != catalog:
            raise BundleError(
                "the ranking stage was trained with other items than the catalog has; fit again"
            )


class RescoredAttribution(Attribution):
    """An attribution of scores to which trees have added.

    Parameters
    ----------
    inner
        That of the scores before.
    codes
        The candidates, int32 (n,).
    shares
        The share of each component in the addition, float32 (n,).
    """

    def __init__(self, inner: Attribution, codes: Codes, shares: Mapping[str, Float]) -> None:
        super().__init__(inner.scorer, inner.history)
        self._inner, self._shares = inner, shares
        self._place = {code: at for at, code in enumerate(codes.tolist())}

    def contributions(self, codes: Codes) -> Float:
        """Return the contribution of each event to the score before."""
        return self._inner.contributions(codes)

    def component_shares(self, codes: Codes) -> Mapping[str, Float]:
        """Return the share of each component in the scores, that of the trees included."""
        shares = {name: share.copy() for name, share in self._inner.component_shares(codes).items()}
        places = [self._place.get(code) for code in codes.tolist()]
        rescored = np.flatnonzero([place is not None for place in places])
        at = np.array([place for place in places if place is not None], np.int64)
        for name, share in self._shares.items():
            total = shares.setdefault(name, np.zeros(len(codes), np.float32))
            total[rescored] += share[at]
        return shares


def blend_digest(blend: Scorer, components: Sequence[str]) -> str:
    """Return a digest of the kinds and the weights of some components of a blend."""
    sets = {0: blend.component_weights, **blend.routes}
    parts = [
        f"{name} {blend.components[name].kind} "
        + " ".join(f"{length}:{weights[name]!r}" for length, weights in sets.items())
        for name in components
        if name in blend.components
    ]
    return digest("\n".join(parts))


def catalog_digest(ids: Iterable[str]) -> str:
    """Return a digest of item ids in their order."""
    return digest("\0".join(ids))
