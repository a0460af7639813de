"""The texts of a catalog as tokens, each distinct one once."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.tokens import load_tokenizer, special_ids, tokenize
from pennyweight.encoders.weights import ModelWeights

__all__ = ["Texts"]

Codes = NDArray[np.int64]


class Texts:
    """Distinct token sequences; items that read alike share one.

    Attributes
    ----------
    ids
        Token ids of each distinct text, cut at `max_tokens`.
    of_item
        The text of each item, int64 (n_items,); -1 where no token is known, so that
        there is nothing to learn from it.
    """

    def __init__(self, weights: ModelWeights, texts: Sequence[str], *, max_tokens: int) -> None:
        tokenizer = load_tokenizer(weights.folder / "tokenizer.json", max_tokens=max_tokens)
        special = frozenset(special_ids(tokenizer).tolist())
        prompt = weights.prompts.document
        codes: dict[tuple[int, ...], int] = {}
        self.of_item = np.full(len(texts), -1, np.int64)
        for item, row in enumerate(tokenize(tokenizer, texts, special=True, prompt=prompt)):
            if not special.issuperset(row):
                self.of_item[item] = codes.setdefault(tuple(row), len(codes))
        self.ids = [np.array(row, np.int64) for row in codes]
        self.length = np.array([len(row) for row in self.ids], np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def first_items(self) -> Codes:
        """Return one item of each text, int64 (len(self),)."""
        with_text = np.flatnonzero(self.of_item >= 0)
        return with_text[np.unique(self.of_item[with_text], return_index=True)[1]]

    def chunks(self, rows: Codes, tokens: int) -> Iterator[Codes]:
        """Yield positions in `rows`, texts of like length together, within a token budget."""
        order = np.argsort(-self.length[rows], kind="stable")
        start = 0
        while start < len(order):
            size = max(1, tokens // int(self.length[rows[order[start]]]))
            yield order[start : start + size]
            start += size

    def padded(self, rows: Codes) -> tuple[Codes, NDArray[np.bool_]]:
        """Return token ids and which of them are not padding, both (len(rows), tokens)."""
        length = self.length[rows]
        mask = np.arange(length.max()) < length[:, None]
        ids = np.zeros(mask.shape, np.int64)
        ids[mask] = np.concatenate([self.ids[row] for row in rows])
        return ids, mask
