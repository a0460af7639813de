import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.data.personal import has_luhn, mask, mask_column

EVENTS = {"user_id": ["u", "u", "v"], "item_id": ["a", "b", "a"], "timestamp": [1, 2, 1]}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to jane.doe+x@mail.example.co.uk.", "write to [e-mail address]."),
        ("+49 151 12345678", "[phone number]"),
        ("call (415) 555-2671 now", "call [phone number] now"),
        ("Tel.: 030/1234567", "Tel.: [phone number]"),
        ("Call us at 415-555-2671.", "Call us at [phone number]."),
        ("4111 1111 1111 1111", "[card number]"),
        ("3782-822463-10005", "[card number]"),
        ("my visa 4111111111111111", "my visa [card number]"),
        ("GB82 WEST 1234 5698 7654 32", "[IBAN]"),
        ("pay to DE89370400440532013000.", "pay to [IBAN]."),
        ("from 81.2.69.142", "from [IP address]"),
        ("http://81.2.69.142/x", "http://[IP address]/x"),
        ("2001:4860:4860::8888", "[IP address]"),
        ("a@b.org, c@d.org", "[e-mail address], [e-mail address]"),
    ],
)
def test_personal_data_is_masked(text, masked):
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "part 415-555-2671",  # no word, no international form
        "model 123456789012",
        "4006381333931",  # EAN-13
        "4111111111111111",  # passes Luhn, as one number in ten does
        "4111 1111 1111 1112",  # does not
        "9999 9999 9999 9995",  # no issuer
        "DE89370400440532013001",  # mod 97
        "AB12 3456 7890 1234",  # no country
        "v1.20.30.40",
        "firmware 81.20.69.142",
        "paragraph 1.2.3.4",
        "192.168.10.10",  # private
        "999.20.30.40",
        "12:30:45, std::abc, a::b, 00:1A:2B:3C:4D:5E",
        "lens +1.00 +2.00 +2.50",
        "+100 mAh, call of duty 4, iphone 12 128 256, phone 11 64 GB 2020",
        "follow @home, 3 @ 5.00, a@b",
        "ISBN 978-3-16-148410-0, isbn 0-306-40615-2",
        "2020-01-31 2021 2022 2023",
    ],
)
def test_codes_and_numbers_are_left_alone(text):
    assert mask(text) == text


def test_luhn_knows_the_example_of_the_standard():
    assert has_luhn("79927398713")
    assert not any(has_luhn(f"7992739871{d}") for d in "012456789")


def test_lists_are_masked_and_gaps_stay():
    lists = pl.Series("tags", [["a@b.com", "c"], [], None, ["d", None]])
    masked, changed = mask_column(lists)
    assert masked.to_list() == [["[e-mail address]", "c"], [], None, ["d", None]]
    assert changed == 1
    assert mask_column(pl.Series("year", [1, 2]))[1] == 0


def test_reading_masks_texts_and_attributes_when_asked():
    items = {
        "item_id": ["a", "b"],
        "title": ["Ask me: me@home.org", "Boot"],
        "tags": [["x@y.de"], ["leather"]],
        "contact": ["+49 151 12345678", None],
    }
    plain = read(pl.DataFrame(items), pl.DataFrame(EVENTS))
    assert "me@home.org" in plain.catalog.texts[0]
    masked = read(pl.DataFrame(items), pl.DataFrame(EVENTS), mask_personal=True)
    assert "@" not in "".join(masked.catalog.texts)
    assert masked.catalog.attributes.row(0) == (
        "Ask me: [e-mail address]",
        ["[e-mail address]"],
        "[phone number]",
    )
    assert masked.catalog.attributes.row(1) == plain.catalog.attributes.row(1)
    assert masked.log.count("personal data masked") == 3


def test_a_duplicate_in_another_part_of_the_split_has_a_count_of_its_own():
    events = {
        "user_id": ["u", "u", "u", "v", "v"],
        "item_id": ["a", "a", "a", "b", "b"],
        "timestamp": [1, 1, 1, 2, 3],
        "split": ["train", "test", "train", "train", "test"],
    }
    log = read(
        pl.DataFrame({"item_id": ["a", "b"], "title": ["x y", "z w"]}), pl.DataFrame(events)
    ).log
    assert log.count("another part of the split") == 1
    assert log.count("duplicate (same user") == 1
    assert log.rows_kept["events"] == 3
