"""A fingerprint of data: the same for the same items and events."""

import hashlib

import numpy as np

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions

__all__ = ["fingerprint"]


def fingerprint(catalog: Catalog, interactions: Interactions) -> str:
    """Return a 128-bit BLAKE2b digest in hex of the item ids and of the events.

    Texts and attributes of items are left out, so that a recommender with better texts is measured
    on the same data. So are the ids of users.
    """
    state = hashlib.blake2b(digest_size=16)
    for item in catalog.ids:
        state.update(item.encode("utf-8", "surrogatepass") + b"\0")
    for name in ("user", "item", "time", "split"):
        column = np.ascontiguousarray(getattr(interactions, name))
        state.update(f"{name}{column.dtype}{column.shape}".encode())
        state.update(column.view(np.uint8).data)
    return state.hexdigest()
