"""The forecast of time and memory of a fit."""

import logging
from dataclasses import replace

import polars as pl
import pytest

import small_shop
from pennyweight.data.dataset import read
from pennyweight.data.input_size import Volume, volume
from pennyweight.errors import BudgetError
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.components import DEFAULT
from pennyweight.fitting.forecast import MODEL, MODEL_SECONDS, START_SECONDS, forecast
from pennyweight.machine import forecast as hardware
from pennyweight.scorers.registry import scorer_type

SHOP = Volume(items=50_000, events=1_000_000, item_bytes=10_000_000)
FAST = 1e11


def types(names):
    return {name: scorer_type(name) for name in names}


def memory(data: Volume = SHOP, scorers=DEFAULT, **options) -> int:
    return forecast(data, types(scorers), FAST, **options).rss_bytes


def seconds(data: Volume = SHOP, scorers=DEFAULT, **options) -> float:
    return forecast(data, types(scorers), FAST, **options).seconds


def test_what_costs_more_is_expected_to():
    bigger = [replace(SHOP, **{name: 3 * getattr(SHOP, name)}) for name in ("items", "events")]
    assert all(memory(data) > memory() and seconds(data) > seconds() for data in bigger)
    assert memory(model=False) < memory(ablation=False) < memory()
    assert seconds(ablation=False) < seconds() < seconds(encode=True)
    assert seconds(final=False) < seconds()
    assert seconds(measure=False) < seconds(refit=False) < seconds()
    assert seconds(users=100) < seconds()
    assert memory(scorers=["content"]) < memory(scorers=["content", "tower"])
    assert memory(dim=64) < memory()
    slow = forecast(SHOP, types(DEFAULT), FAST / 2).seconds
    # The blend without the language model starts quicker by a half.
    start = sum(START_SECONDS.values()) + MODEL_SECONDS + START_SECONDS["blend"] / 2
    assert slow - start == pytest.approx(2 * (seconds() - start))
    assert seconds(model=False) < seconds(ablation=False) - MODEL_SECONDS / 2


def test_a_tower_holds_arrays_of_its_vectors():
    terms = forecast(SHOP, types(DEFAULT), FAST).memory
    assert terms["tower"] == 12 * 4 * 50_000 * 256
    many = replace(SHOP, items=1_000_000)
    assert forecast(many, types(DEFAULT), FAST).memory["tower"] == 12 * 4 * 1_000_000 * 128
    both = forecast(SHOP, types([*DEFAULT, "sequence"]), FAST, ablation=False).memory
    assert both["tower"] + both["sequence"] == terms["tower"]


def test_the_dense_autoencoder_is_a_matrix_of_items_by_items():
    small = replace(SHOP, items=2_000)
    assert forecast(small, types(["linear"]), FAST).memory["linear"] == 3 * 4 * 2_000**2


def test_the_sparse_autoencoder_counts_pairs_up_to_a_limit():
    weights = 2 * 800 * SHOP.items
    terms = forecast(SHOP, types(["linear"]), FAST).memory
    assert terms["linear"] == weights + 16 * min(20 * SHOP.events, 60_000_000)
    many = replace(SHOP, events=100 * SHOP.events)
    assert forecast(many, types(["linear"]), FAST).memory["linear"] == weights + 16 * 60_000_000


def test_a_small_fit_needs_most_while_it_reads_the_model():
    small = Volume(items=50, events=300, item_bytes=5_000)
    assert forecast(small, types(DEFAULT), FAST).memory["language model"] == MODEL
    assert forecast(SHOP, types(DEFAULT), FAST).memory["language model"] < MODEL


def test_folds_repeat_all_but_the_reading_and_the_final_fit():
    once = forecast(SHOP, types(DEFAULT), FAST)
    thrice = forecast(SHOP, types(DEFAULT), FAST, folds=3)
    apart = {stage.name: stage.seconds for stage in once.stages}
    kept = sum(spent for name, spent in apart.items() if name == "read" or name.startswith("final"))
    assert thrice.seconds == pytest.approx(kept + 3 * (once.seconds - kept))
    assert thrice.memory == once.memory
    assert once.seconds == pytest.approx(sum(apart.values()))


def test_a_fit_that_cannot_fit_stops_before_it_reads(monkeypatch):
    monkeypatch.setattr(hardware, "available_memory", lambda: 0)
    monkeypatch.setattr(hardware, "resident_memory", lambda: 100 << 20)
    stages = []
    with pytest.raises(BudgetError, match=r"needs about 0\.\d GiB .*program 0\.18.*0\.1 GiB are"):
        evaluate(
            small_shop.items(),
            small_shop.events(),
            encoder="tfidf",
            progress=stages.append,
        )
    assert not stages


def test_the_forecast_is_logged_and_reported(caplog):
    with caplog.at_level(logging.INFO, logger="pennyweight.forecast"):
        report = fit(small_shop.items(), small_shop.events(), encoder="tfidf").report
    assert "expects to take about" in caplog.text
    assert report.cost.expected_rss_bytes > 180 << 20
    assert report.cost.expected_seconds > 0


def test_volume_of_data_already_read():
    data = read(small_shop.items(), small_shop.events())
    size = volume(data, None)
    assert (size.items, size.events) == (len(data.catalog), len(data.interactions))
    assert size.item_bytes >= sum(map(len, data.catalog.texts))
    assert volume(pl.DataFrame({"a": ["x"] * 9}), None).items == 9
