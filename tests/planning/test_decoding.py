from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.errors import BudgetError, DataError
from pennyweight.planning.decoding import (
    Decoder,
    DecoderMachine,
    fastest_batch,
    generation_seconds,
    largest_batch,
    prefill_seconds,
    step_seconds,
)
from pennyweight.planning.encoder_shape import shape
from pennyweight.planning.prices import read_prices

LLAMA = Decoder(shape("Llama-3.1-8B"))
GEMMA = Decoder(shape("gemma-3-270m"))
FAST = DecoderMachine("fast", peak=1e15, bandwidth=1e12, memory_bytes=80e9)


def test_one_text_is_generated_at_the_speed_of_the_memory():
    read = 2 * (8_030_261_248 - 128_256 * 4096)  # all weights but the table of the embeddings
    assert LLAMA.read_bytes == read
    assert step_seconds(LLAMA, FAST, 1000) == (read + 1000 * 131_072) / 1e12


def test_a_tied_table_is_read_for_the_scores():
    assert GEMMA.read_bytes == GEMMA.weight_bytes == 2 * 268_098_176


def test_a_long_prompt_is_read_at_the_speed_of_the_arithmetic():
    operations = LLAMA.shape.operations(4000) + 2 * 128_256 * 4096
    assert prefill_seconds(LLAMA, FAST, 4000) == operations / 1e15
    assert prefill_seconds(LLAMA, FAST, 4000, 3) == pytest.approx(3 * operations / 1e15)


def test_layers_take_time_besides():
    slow = replace(FAST, layer_seconds=1e-3)
    more = step_seconds(LLAMA, slow, 10) - step_seconds(LLAMA, FAST, 10)
    assert more == pytest.approx(32e-3)


def test_a_generation_is_its_prompt_and_its_steps():
    steps = sum(step_seconds(LLAMA, FAST, context, 2) for context in range(100, 148))
    whole = prefill_seconds(LLAMA, FAST, 100, 2) + steps
    assert generation_seconds(LLAMA, FAST, 100, 48, 2) == pytest.approx(whole, rel=1e-3)
    assert generation_seconds(LLAMA, FAST, 100, 0) == prefill_seconds(LLAMA, FAST, 100)
    assert generation_seconds(LLAMA, FAST, 0, 1) == step_seconds(LLAMA, FAST, 0)


def test_the_cache_fills_the_memory_beside_the_weights():
    batch = largest_batch(LLAMA, FAST, 2000)
    used = LLAMA.weight_bytes + batch * LLAMA.cache_bytes(2000)
    assert used <= 0.9 * 80e9 < used + LLAMA.cache_bytes(2000)
    assert largest_batch(replace(LLAMA, cache="int8"), FAST, 2000) in (2 * batch, 2 * batch + 1)


def test_smaller_weights_fit_where_larger_ones_do_not():
    card = DecoderMachine.of_accelerator("T4")
    with pytest.raises(
        BudgetError, match=r"Llama-3.1-8B in bf16 needs 18\.0 GB .* T4 has 16\.0 GB"
    ):
        largest_batch(LLAMA, card, 1000)
    assert largest_batch(replace(LLAMA, weights="int4"), card, 1000) > 10


@given(
    st.integers(1, 3000), st.integers(1, 500), st.integers(1, 64), st.sampled_from(["bf16", "int4"])
)
def test_a_larger_batch_is_slower_and_its_texts_are_faster(prompt, generated, batch, weights):
    decoder = replace(LLAMA, weights=weights)
    one = generation_seconds(decoder, FAST, prompt, generated, batch)
    two = generation_seconds(decoder, FAST, prompt, generated, 2 * batch)
    assert one <= two * (1 + 1e-12)
    assert 2 * batch / two >= batch / one * (1 - 1e-12)


def test_the_batch_is_the_fastest_within_the_objective():
    free, seconds = fastest_batch(LLAMA, FAST, 200, 100)
    assert free == largest_batch(LLAMA, FAST, 300)
    batch, within = fastest_batch(LLAMA, FAST, 200, 100, objective=2)
    assert within <= 2 < seconds and batch / within < free / seconds
    assert generation_seconds(LLAMA, FAST, 200, 100, 2 * batch) > 2
    with pytest.raises(
        BudgetError, match=r"takes .* s for 200 tokens and 100 generated, more than"
    ):
        fastest_batch(LLAMA, FAST, 200, 100, objective=0.1)


def test_machines_of_instance_types():
    table = read_prices()
    card = DecoderMachine.of_instance(table.find("g6.xlarge"))
    assert card == replace(DecoderMachine.of_accelerator("L4"), name="AWS g6.xlarge")
    assert (card.peak, card.bandwidth, card.memory_bytes) == (0.5 * 121e12, 0.9 * 300e9, 24e9)
    eight = DecoderMachine.of_instance(table.find("p4d.24xlarge"))
    assert eight.bandwidth == pytest.approx(8 * 0.9 * 1555e9)
    cores = DecoderMachine.of_instance(table.find("c7i.xlarge"))
    assert cores.peak == 0.5 * 2048 * 2 * 2.5e9  # AMX, two cores, 2.5 GHz
    assert cores.memory_bytes == 8 * 2**30
    with pytest.raises(DataError, match="no published peaks"):
        DecoderMachine.of_accelerator("B9000")


def test_absurd_numbers_are_refused():
    with pytest.raises(ValueError, match="0 accelerators"):
        DecoderMachine.of_accelerator("L4", 0)
    with pytest.raises(ValueError, match="batch of 0"):
        generation_seconds(LLAMA, FAST, 1, 1, 0)
