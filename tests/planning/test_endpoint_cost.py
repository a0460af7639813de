from datetime import date
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.config.generation_cost import GenerationCost
from pennyweight.config.prices import EndpointPrice
from pennyweight.errors import BudgetError
from pennyweight.planning.decoding import Decoder, DecoderMachine
from pennyweight.planning.encoder_shape import shape
from pennyweight.planning.endpoint_cost import Generation, break_even, generation_cost
from pennyweight.planning.prices import read_prices

ENDPOINT = EndpointPrice(
    name="small model",
    input_per_million=0.1,
    output_per_million=0.4,
    currency="USD",
    date=date(2026, 11, 1),
    source="https://example.com",
)
MONTH = 730 * 3600


@pytest.fixture(scope="module")
def table():
    return read_prices()


def own_cost(texts, price, capacity, spares):
    return (ceil(texts / capacity) + spares) * price


def test_break_even_by_hand():
    # A machine costs what 60 texts cost and handles 100.
    even = break_even(60, 100, 1)
    assert (even.start, even.always) == (60, 120)  # 2 machines cost 120
    assert own_cost(110, 60, 100, 0) > 110 and own_cost(121, 60, 100, 0) < 121
    # With a spare: two machines at 120 cost more than 100 texts; three at 180 pay from 180.
    spared = break_even(60, 100, 1, spares=1)
    assert (spared.start, spared.always) == (180, 240)
    assert break_even(100, 100, 1) is None


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 20), st.integers(0, 3))
def test_break_even_parts_the_traffic_that_pays(price, capacity, text, spares):
    even = break_even(price, capacity, text, spares=spares)
    texts = np.arange(1, 3000) * capacity / 17  # up to 176 machines
    own = (np.ceil(texts / capacity) + spares) * price
    if even is None:
        assert np.all(own >= texts * text * (1 - 1e-12))
        return
    assert even.start <= even.always
    before = texts < even.start * (1 - 1e-9)
    assert np.all(own[before] > texts[before] * text)
    above = texts > even.always * (1 + 1e-9)
    assert np.all(own[above] <= texts[above] * text * (1 + 1e-9))
    # At the start both cost the same, and hardly below `always` own machines cost no less.
    assert own_cost(even.start, price, capacity, spares) == pytest.approx(even.start * text)
    below = even.always * (1 - 1e-9)
    assert own_cost(below, price, capacity, spares) >= below * text


def test_a_month_by_hand(table):
    machine = DecoderMachine("made", peak=1e30, bandwidth=1e12, memory_bytes=24e9, predicted=False)
    decoder = Decoder(shape("gemma-3-270m"))
    kind = table.find("g6.xlarge")
    cost = generation_cost(
        decoder,
        Generation(10e6, 500, 1),
        kind,
        ENDPOINT,
        table,
        machine=machine,
        utilization=0.5,
    )
    # Memory alone: the weights twice, the cache of each text once when read and once when used.
    texts = cost.batch
    cached = decoder.cache_bytes(500)
    assert cost.seconds == pytest.approx((2 * 536_196_352 + 2 * texts * cached) / 1e12, rel=1e-3)
    capacity = texts / cost.seconds * 0.5 * MONTH
    assert cost.machines == ceil(10e6 / capacity) == 1
    assert cost.own_per_month == pytest.approx(0.8048 * 730)
    assert cost.endpoint_per_month == pytest.approx(10e6 * (500 * 0.1 + 0.4) / 1e6)
    assert cost.own_per_million == pytest.approx(cost.own_per_month / capacity * 1e6)
    assert cost.break_even == pytest.approx(0.8048 * 730 / 50.4e-6)
    assert not cost.predicted


def test_the_sentence_names_prices_days_and_break_even(table):
    decoder = Decoder(shape("gemma-3-1b-it"))
    kind = table.find("g6.xlarge")
    many = generation_cost(decoder, Generation(50e6, 300, 50), kind, ENDPOINT, table)
    assert many.predicted
    assert many.sentence() == (
        "For 50,000,000 texts a month 1 x AWS g6.xlarge at 587.50 USD costs no more than small "
        "model at 2,500.00 USD (prices of 2026-07-20 and 2026-11-01). Own machines pay from "
        "11,750,080 texts a month."
    )
    few = generation_cost(decoder, Generation(50e6, 300, 50, share=0.1), kind, ENDPOINT, table)
    assert few.texts_per_month == 5e6
    assert few.sentence().startswith(
        "For 5,000,000 texts a month small model at 250.00 USD costs no more than 1 x AWS g6.xlarge"
    )
    assert GenerationCost.from_json(many.to_json()) == many


def test_amounts_are_in_the_currency_asked_for(table):
    decoder = Decoder(shape("gemma-3-270m"), weights="int8")
    kind = table.find("cax31")
    cost = generation_cost(decoder, Generation(1e5, 200, 20), kind, ENDPOINT, table)
    assert (cost.currency, cost.own_per_month, cost.kwh_per_month) == ("EUR", 21.49, None)
    dollars = generation_cost(
        decoder, Generation(1e5, 200, 20), kind, ENDPOINT, table, currency="USD"
    )
    assert dollars.own_per_month == pytest.approx(21.49 * 1.1567)
    assert dollars.break_even == pytest.approx(cost.break_even)


def test_spares_and_no_traffic(table):
    decoder, kind = Decoder(shape("gemma-3-270m")), table.find("g4dn.xlarge")
    one, two = (
        generation_cost(decoder, Generation(1e6, 100, 10), kind, ENDPOINT, table, spares=spares)
        for spares in (0, 1)
    )
    assert two.machines == one.machines + 1
    assert two.kwh_per_month == pytest.approx(two.machines * 70 * 730 / 1000)
    none = generation_cost(decoder, Generation(0, 100, 10), kind, ENDPOINT, table)
    assert (none.machines, none.own_per_month, none.endpoint_per_month) == (0, 0, 0)


def test_what_cannot_be_is_refused(table):
    kind = table.find("cx23")
    with pytest.raises(BudgetError, match="Hetzner cx23 has"):
        generation_cost(Decoder(shape("Llama-3.1-8B")), Generation(1, 10, 1), kind, ENDPOINT, table)
    with pytest.raises(ValueError, match="share of 2"):
        Generation(1, 10, 1, share=2)
    with pytest.raises(ValueError, match="a prompt has 1 token or more"):
        Generation(1, 0, 1)
    with pytest.raises(ValueError, match="utilization 0 and 0 spares"):
        generation_cost(
            Decoder(shape("gemma-3-270m")),
            Generation(1, 10, 1),
            kind,
            ENDPOINT,
            table,
            utilization=0,
        )
