"""Held-out events on which candidates are measured."""

import numpy as np
import polars as pl
import pytest

from pennyweight.compression.held_out import HeldOutFit
from pennyweight.fitting import fit
from pennyweight.fitting.stages import Stages


@pytest.mark.parametrize("protocol", ["leave-last-out", "global-time"])
def test_items_whose_only_events_were_held_out_are_not_new(protocol):
    rng = np.random.default_rng(0)
    items = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(60)],
            "title": [f"{('red', 'blue')[i % 2]} thing w{i % 7}" for i in range(60)],
        }
    )
    rows = [
        (f"u{u}", f"i{2 * i + u % 2}", 1_700_000_000 + 3_600 * (40 * at + u))
        for u in range(40)
        for at, i in enumerate(rng.permutation(20)[:6])
    ]
    rows += [(f"u{u}", f"i{40 + u % 20}", 1_700_000_000 + 10**6 + u) for u in range(40)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    recommender = fit(items, events, encoder="tfidf", protocol=protocol)
    assert "novelty" in recommender.scorer.components
    trial = HeldOutFit(recommender, Stages(None))
    new = trial.components["novelty"].new
    assert (np.bincount(trial._split.valid.before.item, minlength=60) == 0).any()
    assert new.any() == (protocol == "global-time")
