"""The check of phrases, and the files of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import small_shop
import world
from pennyweight.cli.options import Options
from pennyweight.config.plan import Plan
from pennyweight.data.dataset import read_planned
from pennyweight.data.enriched import EnrichedItem, joined, read_enriched, write_enriched
from pennyweight.data.phrases import FIELDS, MAX_CHARACTERS, MAX_PHRASES, check_phrases
from pennyweight.errors import DataError, PlanError
from pennyweight.fitting import fit


@pytest.mark.parametrize(
    "phrase",
    [
        "running shoe",
        "men's boots",
        "R&B",
        "C++",
        "3/4 sleeve",
        "100% cotton",
        "草莓蛋糕",
        "naïve art",
    ],
)
def test_short_phrases_pass(phrase):
    checked = check_phrases({"keywords": [phrase]})
    assert checked.fields == {"keywords": (phrase,)} and not checked.dropped


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("http://evil.example", "an address"),
        ("visit evil.example", "an address"),
        ("www evil", "an address"),
        ("me@example.org", "an address"),
        ("bit.ly/x", "an address"),
        ("call 0800 123 4567", "a long number"),
        ("one two three four five six", "too long"),
        ("x" * (MAX_CHARACTERS + 1), "too long"),
        ("<script>", "no plain phrase"),
        ("buy now!", "no plain phrase"),
        ("say: yes", "no plain phrase"),
        ("a\u202eb", "no plain phrase"),
        ("{{item}}", "no plain phrase"),
        ("42", "no plain phrase"),
        ("  ", "empty"),
        (7, "no text"),
        (None, "no text"),
        (["nested"], "no text"),
    ],
)
def test_other_entries_are_dropped_with_the_reason(phrase, reason):
    checked = check_phrases({"keywords": [phrase, "shoe"]})
    assert checked.fields == {"keywords": ("shoe",)} and checked.dropped == {reason: 1}


def test_keys_counts_and_repeats_are_bounded():
    checked = check_phrases(
        {
            "keywords": [f"word {chr(97 + i)}" for i in range(12)],
            "audience": "men, women, Men",
            "occasions": {"a": "b"},
            "price": 3,
        }
    )
    assert [len(checked.fields.get(name, ())) for name in FIELDS] == [8, 2, 0]
    assert checked.dropped == {"too many": 4, "repeated": 1, "no list": 1, "unexpected key": 1}
    assert check_phrases(["a"]).dropped == {"no JSON object": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), JSON) | JSON)
def test_whatever_the_answer_the_phrases_are_bounded_and_pass_again(answer):
    checked = check_phrases(answer)
    for name, phrases in checked.fields.items():
        assert 1 <= len(phrases) <= MAX_PHRASES[name]
        assert all(len(p) <= MAX_CHARACTERS and "://" not in p and p.isprintable() for p in phrases)
    again = check_phrases({name: list(phrases) for name, phrases in checked.fields.items()})
    assert again.fields == checked.fields and not again.dropped


ITEMS = {
    "a": EnrichedItem({"keywords": ("red shoe", "R&B"), "audience": ("men",)}, "abc"),
    'b,"1"': EnrichedItem({}, "def"),
    "c": EnrichedItem({"occasions": ("草莓蛋糕",)}),
}


@pytest.mark.parametrize("name", ["file.csv", "file.jsonl"])
def test_a_file_is_read_as_it_was_written(tmp_path, name):
    write_enriched(tmp_path / name, ITEMS)
    assert read_enriched(tmp_path / name) == ITEMS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"item_id": "a", "keywords": ["x.example"]}\n', "line 1: an address"),
        ("a.jsonl", '{"item_id": "a", "price": 3}\n', "line 1: unexpected key"),
        ("a.jsonl", '{"item_id": "a"}\n\n{"item_id": "a"}\n', "line 3: .* there already"),
        ("a.jsonl", '{"item_id": 3}\n', "must be a text"),
        ("a.jsonl", '["a"]\n', "no JSON object"),
        ("a.jsonl", '{"item_id": "a"', "line 1: not JSON"),
        ("a.csv", "item_id,keywords\na,b,c\n", "more or fewer cells"),
        ("a.csv", "name,keywords\na,b\n", "must be a text"),
        ("a.csv", 'item_id,keywords\na,"b\n', "a.csv"),
        ("a.csv", b"item_id\n\xff\n", "UTF-8"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_enriched(path)


def test_phrases_are_joined_to_the_texts(tmp_path):
    catalog = world.catalog(["red shoe", "", "hat"])
    path = tmp_path / "e.jsonl"
    lines = [
        {"item_id": "item-0", "keywords": ["sneaker"], "audience": ["men"]},
        {"item_id": "item-1", "occasions": ["party"]},
        {"item_id": "gone", "keywords": ["old"]},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert joined(catalog, path).texts == ("red shoe sneaker, men", "party", "hat")
    assert joined(catalog, path, ["keywords"]).texts == ("red shoe sneaker", "", "hat")
    path.write_text(json.dumps(lines[2]))
    with pytest.raises(DataError, match="another catalog"):
        joined(catalog, path)


def test_the_plan_and_the_option_name_the_file(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("item_id,keywords,audience\ni0,sencha,adults\n")
    options = Options(enriched=path, enriched_fields="keywords")
    plan = options.over(Plan())
    texts = read_planned(small_shop.items(), small_shop.events(), plan.data).catalog.texts
    assert texts[0] == "tea blend mild no0 sencha"
    with pytest.raises(PlanError, match="enriched_fields"):
        Plan().override({"data.enriched_fields": ["price"]})


def test_fit_learns_from_the_phrases_and_the_report_says_so(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("item_id,keywords,audience\ni0,sencha,adults\n")
    plan = Plan().override({"data.enriched": str(path), "data.enriched_fields": ["keywords"]})
    items, events = small_shop.items(), small_shop.events()
    made = fit(items, events, plan=plan, encoder="tfidf", scorers=["content"])
    assert f"the item texts end with the phrases (keywords) of {path}" in made.report.notices
    assert made.recommend(text="sencha", k=1)["item_id"][0] == "i0"
