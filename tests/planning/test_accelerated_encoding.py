"""Encoding on accelerators: the roofline by hand, the price beside that of processors."""

import pytest
from planning_world import instance, prices, profile, workload

from pennyweight.planning.accelerated_encoding import accelerated_text_seconds, fits_accelerator
from pennyweight.planning.accelerators import accelerator
from pennyweight.planning.candidates import ladder
from pennyweight.planning.capacity_planner import Planner
from pennyweight.planning.encoder_shape import shape
from pennyweight.planning.summary import language_model_answer

GPU = {"accelerator": "L4", "accelerators": 1}
MPNET = shape("all-mpnet-base-v2")


def test_the_time_is_that_of_the_roofline():
    l4 = accelerator("L4")
    # 62 tokens and two markers; products bind, at half of the peak, and each layer starts late.
    products = MPNET.operations(64) / (0.5 * l4.half)
    late = MPNET.layers * 1.5e-4 / 256
    states = 64 * MPNET.layers * (6 * MPNET.width + 2 * MPNET.intermediate)
    moved = (2 * MPNET.parameters / 256 + 4 * states) / (0.9 * l4.bandwidth)
    expected = max(products, moved) + late
    assert accelerated_text_seconds(MPNET, 62, "L4") == pytest.approx(expected, rel=0.01)
    assert accelerated_text_seconds(MPNET, 500, "L4") == accelerated_text_seconds(MPNET, 62, "L4")
    two = accelerated_text_seconds(MPNET, 62, "L4", 2)
    assert two == pytest.approx(max(products, moved) / 2 + late, rel=0.01)


def plan(work, **changes):
    table = prices(instance("small", 40), instance("graphics", 300, **GPU | changes))
    candidates = [one for one in ladder(work, [MPNET]) if one.vectors == "int8"]
    return Planner(profile(), table).plan(work, candidates)


def test_encoding_on_an_accelerator_is_a_prediction_beside_that_of_processors():
    result = plan(workload(mean_tokens=62))
    times = {
        (one.instance, one.encoder): (one.encoding_accelerator, one.first_encoding_seconds)
        for one in result.configurations
    }
    name, seconds = times["graphics", "all-mpnet-base-v2, fp32"]
    tokenized = 62e-6 / 1.8  # of a text, on both processors
    expected = max(tokenized, accelerated_text_seconds(MPNET, 62, "L4"))
    assert (name, seconds) == ("L4", pytest.approx(10_000 * expected))
    assert times["small", "all-mpnet-base-v2, fp32"][0] is None
    assert times["small", "all-mpnet-base-v2, fp32"][1] > 10 * seconds
    assert times["graphics", "TF-IDF"] == (None, times["small", "TF-IDF"][1])


def test_the_answer_names_a_cheaper_place_to_encode():
    result = plan(workload(mean_tokens=62))
    chosen = next(o for o in result.configurations if o.transformer and not o.rejection)
    there = next(
        o for o in result.configurations if o.encoder == chosen.encoder and o.encoding_accelerator
    )
    assert there.price_per_million_texts < chosen.price_per_million_texts
    text = language_model_answer(result)
    assert "Encode once on Cloud graphics (L4, predicted from its data sheet) in " in text
    assert f"for {there.price_per_million_texts / 100:,.2f} USD: the time on the machine" in text
    dear = prices(instance("small", 40), instance("graphics", 300_000, **GPU))
    work = workload(mean_tokens=62)
    expensive = Planner(profile(), dear).plan(work, list(ladder(work, [MPNET])))
    assert "Encode once" not in language_model_answer(expensive)


def test_a_model_that_the_accelerator_cannot_hold_is_refused():
    large = shape("Qwen3-Embedding-8B")
    assert not fits_accelerator(large, "T4")  # 15 GB of weights
    assert fits_accelerator(large, "L4")
    work = workload()
    table = prices(instance("graphics", 300, accelerator="T4", accelerators=1))
    result = Planner(profile(), table).plan(work, list(ladder(work, [large])))
    one = next(one for one in result.configurations if one.encoder.startswith("Qwen"))
    assert one.rejection_kind == "too little accelerator memory"
    assert one.rejection.endswith("for the weights in 16 bits; 1 x T4 have 16.0 GB")
