from datetime import date

import pytest

from pennyweight.config.prices import InstanceType, PriceTable
from pennyweight.errors import PlanError
from pennyweight.planning.prices import read_prices

OWN = """
[[provider]]
name = "Cellar"
region = "basement"
currency = "CHF"
date = 2026-01-31
source = "invoice 17"

[[provider.types]]
name = "old-server"
vcpus = 8
memory_gib = 7.5
cpu = "Intel Xeon E5"
flags = ["avx2"]
price_per_month = 40
"""
RATE = """
[[rate]]
currency = "CHF"
other = "USD"
rate = 1.25
date = 2026-01-31
source = "bank"
"""


@pytest.fixture(scope="module")
def table():
    return read_prices()


@pytest.fixture
def price_file(tmp_path):
    def write(text):
        path = tmp_path / "prices.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_built_in_price_has_a_day_a_source_and_a_currency(table):
    providers = {kind.provider for kind in table.types}
    assert {"AWS", "Google Cloud", "Azure", "Hetzner", "Scaleway"} <= providers
    for kind in table.types:
        assert kind.source.startswith("https://"), kind.name
        assert date(2024, 1, 1) <= kind.date
        assert table.monthly_price(kind, "USD") > 0  # a rate for each currency
        # Between the prices of small shared machines and of the largest with accelerators.
        assert 1 <= table.monthly_price(kind, "USD") / kind.vcpus <= 500, kind.name
        assert 1 <= kind.memory_bytes / 2**30 / kind.vcpus <= 16, kind.name


def test_each_provider_has_machines_with_and_without_accelerators(table):
    for provider in ("AWS", "Google Cloud", "Azure"):
        kinds = [kind for kind in table.types if kind.provider == provider]
        assert {kind.accelerator is None for kind in kinds} == {True, False}


def test_prices_by_hand(table):
    kind = table.find("c7i.xlarge")
    assert kind.price_per_month == pytest.approx(0.1785 * 730)
    assert kind.price_per_hour == pytest.approx(0.1785)
    assert (kind.memory_bytes, kind.cores) == (8 * 2**30, 2)
    assert kind.label == "130.31 USD per month (AWS c7i.xlarge, us-east-1, 2026-07-20)"
    small = table.find("cx23")  # 7.13 with 19 % tax
    assert small.price_per_month == 5.99
    assert table.monthly_price(small, "USD") == pytest.approx(5.99 * 1.1567)
    assert table.exchange(table.exchange(3.0, "USD", "EUR"), "EUR", "USD") == pytest.approx(3.0)


def test_types_are_ordered_by_price_in_one_currency(table):
    prices = [table.monthly_price(kind, "EUR") for kind in table.cheapest_first("EUR")]
    assert prices == sorted(prices) and len(prices) == len(table.types)


def test_a_file_adds_to_the_table(price_file, table):
    own = read_prices(price_file(OWN + RATE))
    assert len(own.types) == len(table.types) + 1
    kind = own.find("old-server")
    assert (kind.memory_bytes, kind.price_per_month) == (round(7.5 * 2**30), 40)
    assert own.monthly_price(kind, "USD") == 50
    assert own.find("c7i.xlarge") == table.find("c7i.xlarge")


def test_a_file_replaces_a_type_of_the_table(price_file, table):
    text = OWN.replace("Cellar", "Hetzner").replace("basement", "eu").replace("old-server", "cx23")
    own = read_prices(price_file(text.replace("CHF", "EUR")))
    assert len(own.types) == len(table.types)
    assert (own.find("cx23").price_per_month, own.find("cx23").source) == (40, "invoice 17")


def test_a_file_replaces_the_whole_table(price_file):
    own = read_prices(price_file("replace = true\n" + OWN))
    assert [kind.name for kind in own.types] == ["old-server"]
    with pytest.raises(PlanError, match=r"no rate between CHF and USD; add \[\[rate\]\]"):
        own.cheapest_first("USD")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("vcpus = 8", "", r"provider\.0\.types\.0\.vcpus = .*: is missing"),
        ("vcpus = 8", "vcpus = 0", r"provider\.0\.types\.0\.vcpus = 0: must be 1 or more"),
        ("vcpus = 8", "vcpu = 8", r"unknown key 'provider\.0\.types\.0\.vcpu'"),
        ("price_per_month = 40", "", r"give price_per_hour or price_per_month, one of the two"),
        ("price_per_month = 40", "price_per_month = 4\nprice_per_hour = 1", r"one of the two"),
        ("price_per_month = 40", "price_per_month = 0", r"price_per_month = 0: must be above 0"),
        ("price_per_month = 40", "price_per_month = nan", r"price_per_month"),
        (
            "price_per_month = 40",
            'price_per_month = "40"',
            r"price_per_month = '40': must be a",
        ),
        ('currency = "CHF"', 'currency = "francs"', r"provider\.0\.currency = 'francs'"),
        ("date = 2026-01-31", "", r"provider\.0\.date = .*: is missing"),
        ('source = "invoice 17"', "", r"provider\.0\.source = .*: is missing"),
        ('flags = ["avx2"]', 'accelerator = "T4"', r"accelerator 'T4' with accelerators = 0; give"),
        ('flags = ["avx2"]', "accelerators = 2", r"accelerator None with accelerators = 2; give"),
        (
            'flags = ["avx2"]',
            'accelerator = "L5"\naccelerators = 1',
            r"old-server: accelerator 'L5' has no published peaks here. Known are T4",
        ),
        ("[[provider]]", "[[provider", r"not TOML"),
    ],
)
def test_a_file_with_gaps_is_refused(price_file, old, new, message):
    assert old in OWN
    path = price_file(OWN.replace(old, new))
    with pytest.raises(PlanError, match=message) as refused:
        read_prices(path)
    assert str(refused.value).startswith(f"{path}: ")


ENDPOINT = """
[[endpoint]]
name = "small model"
input_per_million = 0.5
output_per_million = 2
currency = "USD"
date = 2026-01-31
source = "https://example.com"
"""


def test_endpoints_are_read_from_a_file(price_file, table):
    own = read_prices(price_file(ENDPOINT))
    assert len(own.types) == len(table.types)
    assert own.endpoint("small model").cost(3_000_000, 500_000) == 3 * 0.5 + 0.5 * 2
    with pytest.raises(PlanError, match=r"no endpoint 'smal model'; did you mean 'small model'"):
        own.endpoint("smal model")
    free = ENDPOINT.replace("0.5", "0").replace("= 2\n", "= 0\n")
    with pytest.raises(PlanError, match="a price of 0 for all tokens"):
        read_prices(price_file(free))


def test_a_type_named_twice_is_refused(price_file):
    with pytest.raises(PlanError, match="Cellar basement old-server: named twice"):
        read_prices(price_file(OWN + OWN))


def test_a_file_without_prices_is_refused(price_file, tmp_path):
    with pytest.raises(PlanError, match=r"has neither \[\[provider\]\] with types nor"):
        read_prices(price_file("replace = true"))
    with pytest.raises(PlanError, match="cannot be read"):
        read_prices(tmp_path / "none.toml")


def test_names_are_looked_up(table):
    with pytest.raises(PlanError, match=r"no type 'c7i.xlrge'; did you mean 'c7i\.xlarge'"):
        table.find("c7i.xlrge")
    kind = table.find("cx23")
    both = PriceTable(types=(kind, kind.model_copy(update={"provider": "Other"})))
    with pytest.raises(PlanError, match="the name of several types: Hetzner eu, Other eu"):
        both.find("cx23")
    assert both.find("cx23", "Other").provider == "Other"


def test_a_type_is_read_back_from_json(table):
    kind = table.find("g6.xlarge")
    assert InstanceType.from_json(kind.to_json()) == kind
    assert PriceTable.from_json(table.to_json()) == table
