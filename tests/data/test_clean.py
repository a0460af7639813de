import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data import text_cleaning
from pennyweight.data.text_cleaning import clean_text, flatten, plain_words

PIECES = st.sampled_from(
    [
        "&amp;",
        "&amp;amp;lt;",
        "&#0;",
        "&nbsp;",
        "&lt;",
        "<b>",
        "</p>",
        "<br/>",
        "<!--",
        "-->",
        "<",
        ">",
        "\x07",
        "\u200b",
        "é",
        "e\u0301",
        "👩‍🚀",
        " ",
    ]
)
TEXT = st.lists(PIECES | st.text(st.characters(codec="utf-8"), max_size=5), max_size=30).map(
    "".join
)


@given(TEXT, st.integers(1, 50))
def test_cleaning_is_idempotent_bounded_and_composed(text, max_chars):
    clean = clean_text(text, max_chars)
    assert clean_text(clean, max_chars) == clean
    assert len(clean) <= max_chars
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == " ".join(clean.split())


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Healing &amp; Repair", "Healing & Repair"),
        ("Tom &amp;amp; Jerry &amp;lt;3", "Tom & Jerry <3"),
        ("<p>One<br/>two</p> <a href='x'>three</a><!-- no -->", "One two three"),
        ("<script>var a = '<b>';</script>seen", "seen"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("a < b and c > d, x<y and z>w, I <3 you", "a < b and c > d, x<y and z>w, I <3 you"),
        ("tab\tnew\nline\x00\x1f  end ", "tab new line end"),
        ("soft\u00adhyphen zero\u200bwidth\ufeff", "softhyphen zerowidth"),
        ("cafe\u0301 落日森林 👩‍🚀🎈", "café 落日森林 👩‍🚀🎈"),
        ("100% &nbsp; wool", "100% wool"),
        ("", ""),
    ],
)
def test_cleaning(text, clean):
    assert clean_text(text) == clean


def test_ten_megabytes_are_cut_quickly():
    assert clean_text("<i>&amp;amp;word</i> " * 500_000, 100) == "&word " * 16 + "&wor"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Beauty > Skin Care > Hands", "Beauty, Skin Care, Hands"),
        ("punk|punk rock|rock", "punk, punk rock, rock"),
        ('["Beauty", "Skin Care", "Beauty"]', "Beauty, Skin Care"),
        ("[['Beauty', 'Skin\\d'], ['Hair']]", "Beauty, Skin\\d, Hair"),
        ('{"id": 3, "name": "Action"}', "Action"),
        ("[Pack of 3]", "[Pack of 3]"),
        ("(1+1)", "(1+1)"),
        ("plain", "plain"),
        ("|", ""),
    ],
)
def test_paths_and_literals_become_words(text, words):
    assert plain_words(text, path=True) == words


def test_titles_keep_their_bars():
    assert plain_words("Episode 1 | Dan", path=False) == "Episode 1 | Dan"


def test_flatten_takes_strings_only():
    assert list(flatten([["a", None], {"id": 1, "name": "b"}, ("c",)])) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!-- a <!-- b --> c", "c"),
        ("<!-- a", "<!-- a"),
        ("<!-- a <script> b </script> --> c <style> d </style> e", "c e"),
        ("<script> <!-- a </script> b --> c", "b --> c"),
        ("<script> a", "a"),
        ("<SCRIPT x=1> a </script > b <style> c </script> d", "b c d"),
        ("<x a=1 b=2> c <x > d", "c <x > d"),
        ("&#" + "9" * 5_000 + "; a", "\ufffd a"),
        ("&#x" + "f" * 5_000 + "; a", "\ufffd a"),
    ],
)
def test_markup_without_an_end_is_text(text, expected):
    assert clean_text(text) == expected


@pytest.mark.parametrize("kind", ["<!--", "<script>", "<style>", "<!--<script>"])
def test_what_ends_nowhere_is_looked_for_once(kind, monkeypatch):
    looked = []
    ends = {
        name: SimpleNamespace(search=lambda *at, name=name: looked.append(name))
        for name in text_cleaning._ENDS
    }
    monkeypatch.setattr(text_cleaning, "_ENDS", ends)
    text_cleaning._without_markup(kind * 5_000)
    assert len(looked) == kind.count("<")


def test_marks_without_end_on_one_letter_are_cut():
    assert clean_text("e\u0301" + "\u0316\u0301" * 100) == "\u00e9" + "\u0316" * 15 + "\u0301" * 14
    letters = ("a" + "\u0323\u0307" * 5 + " ") * 50
    assert clean_text(letters) == unicodedata.normalize("NFC", letters).strip()
    assert clean_text("\U0001f600" * 100) == "\U0001f600" * 100
