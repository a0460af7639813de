from dataclasses import replace

import numpy as np

import pennyweight
import small_shop
from pennyweight.data.fingerprint import fingerprint


def test_the_same_data_has_the_same_fingerprint_and_other_data_another():
    items, log = small_shop.items(), small_shop.events()
    data = pennyweight.read(items, log)
    same = fingerprint(data.catalog, data.interactions)
    again = pennyweight.read(items, log)
    assert fingerprint(again.catalog, again.interactions) == same
    texts = pennyweight.read(items.with_columns(title=items["title"] + " anew"), log)
    assert fingerprint(texts.catalog, texts.interactions) == same
    for other in (
        pennyweight.read(items, log.head(log.height - 1)),
        pennyweight.read(items, small_shop.events(seed=1)),
        pennyweight.read(items.head(items.height - 1), log),
    ):
        assert fingerprint(other.catalog, other.interactions) != same


def test_no_events_are_data_too():
    data = pennyweight.read(small_shop.items(), small_shop.events())
    nothing = np.zeros(len(data.interactions), bool)
    empty = data.interactions.where(nothing)
    fingerprints = {fingerprint(data.catalog, log) for log in (empty, data.interactions)}
    assert len(fingerprints) == 2
    assert fingerprint(data.catalog, replace(empty)) in fingerprints
