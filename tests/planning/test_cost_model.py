"""Times and sizes by the cost model, computed by hand."""

import numpy as np
import pytest
from planning_world import profile, workload

from pennyweight.planning.core_speed import CoreSpeed
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.encoder_shape import shape
from pennyweight.planning.encoding_probe import ENCODING_TERMS, encoding_terms, timed_batches
from pennyweight.planning.list_shape import LIST_TERMS, ListShape
from pennyweight.vectors.list_work import ListWork

SHAPE = ListShape(1_000, 2, ListWork(int8_bytes=4_000_000))


def test_a_list_is_the_sum_of_its_terms():
    model = CostModel(profile())
    assert len(SHAPE.terms()) == len(LIST_TERMS)
    assert model.scoring_seconds(SHAPE) == pytest.approx(1e-3 + 4e-3)
    assert model.list_seconds(SHAPE) == pytest.approx(6e-3)
    # Products of vectors run beside each other, the rest of a list does not.
    assert model.serial_seconds(SHAPE) == pytest.approx(2e-3)


def test_a_process_makes_as_many_lists_at_once_as_python_lets_it():
    assert CostModel(profile(), threads=8).servers(SHAPE) == 3
    assert CostModel(profile(), threads=2).servers(SHAPE) == 2
    assert CostModel(profile(), threads=8).servers(ListShape(1_000)) == 1


def test_a_slower_core_takes_longer():
    fast, slow = CostModel(profile()), CostModel(profile(), CoreSpeed(0.5, 0.5, 0.5, 0.5))
    assert slow.list_seconds(SHAPE) == pytest.approx(2 * fast.list_seconds(SHAPE))
    assert slow.token_seconds("static", 10) == pytest.approx(4e-5)
    model = shape("all-MiniLM-L6-v2")
    text = slow.transformer_seconds(model, "int8", 20)
    assert text == pytest.approx(2 * fast.transformer_seconds(model, "int8", 20))


def test_each_kind_of_work_has_its_speed():
    model = CostModel(profile(), CoreSpeed(1, 2, 4, 8))
    assert model.list_seconds(SHAPE) == pytest.approx(2e-3 + 4e-3 / 8)
    small, base = shape("all-MiniLM-L6-v2"), CostModel(profile())
    for precision, factor in (("fp32", 2), ("int8", 4)):
        tokens = base.token_seconds("tokenizer", 20)
        fast = model.transformer_seconds(small, precision, 20) - tokens
        assert factor * fast == pytest.approx(
            base.transformer_seconds(small, precision, 20) - tokens
        )


def test_encoding_counts_operations_of_the_tokens_that_are_read():
    model, small = CostModel(profile()), shape("all-MiniLM-L6-v2")
    products = small.operations(22) - 4 * small.layers * small.width * 22**2
    expected = products * 1e-11 + 20 * 1e-6
    assert model.transformer_seconds(small, "fp32", 20) == pytest.approx(expected)
    # An encoder reads 64 tokens at most; the tokenizer reads all.
    long = model.transformer_seconds(small, "fp32", 1_000)
    longest = model.transformer_seconds(small, "fp32", 62)
    assert long - longest == pytest.approx((1_000 - 62) * 1e-6)


def test_the_terms_of_a_batch_grow_with_its_texts():
    small = shape("all-MiniLM-L6-v2")
    one, ten = (
        dict(zip(ENCODING_TERMS, encoding_terms(small, n, 16, "int8"), strict=True))
        for n in (1, 10)
    )
    for name in ("matrix_product", "attention", "activation"):
        assert ten[name] == pytest.approx(10 * one[name])
    for name in ("batch", "layer", "weight_byte"):
        assert ten[name] == one[name] > 0
    assert one["weight_byte"] == 6 * small.layer_parameters


def test_threads_speed_up_encoding_as_they_did_on_the_measured_machine():
    assert CostModel(profile(), threads=2).thread_speedup == pytest.approx(1.8)
    assert CostModel(profile(), threads=4).thread_speedup == pytest.approx(3.4)
    assert CostModel(profile(cores=1, thread_speedup=1.0), threads=2).thread_speedup == 2


def test_memory_grows_with_each_part():
    model, base = CostModel(profile()), workload()
    least = model.resident_bytes(base, 0, 0)
    assert least > 200_000_000
    assert model.resident_bytes(base, 1_000, 0) == least + 1_000
    assert model.resident_bytes(base, 0, 1_000) == least + 1_100
    for name in ("items", "events", "users"):
        more = base.model_copy(update={name: 2 * getattr(base, name)})
        assert model.resident_bytes(more, 0, 0) > least


def test_a_batch_of_random_weights_is_timed():
    batch = next(timed_batches("int8"))
    assert batch.seconds > 0
    assert np.isfinite(batch.terms).all()
