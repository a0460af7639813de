import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.words import words
from pennyweight.ranking import word_forms as legible_module
from pennyweight.ranking.word_forms import legible, matched


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("Red shoe", "A red SHOE for you", ["red", "shoe"]),
        ("cafe", "Café moulu", ["café"]),
        ("istanbul", "İSTANBUL", ["istanbul"]),
        ("שלום", "שָׁלוֹם עולם", ["שָׁלוֹם"]),  # as the text writes it, points and all
        ("ёлка", "Новая Ёлка", ["ёлка"]),
        ("केला", "केला शेक", ["केला"]),
        ("巧克力", "比利时黑巧克力礼盒", ["巧克力"]),
        ("茶", "绿茶杯", ["茶"]),
        ("사과를", "유기농 사과 주스", ["사과"]),
        ("กล้วย", "ขนมกล้วย", ["กล้วย"]),
        ("バナナ", "ﾊﾞﾅﾅ", ["バナナ"]),
    ],
)
def test_words_that_match_are_shown_as_the_text_writes_them(query, text, expected):
    assert legible(matched(query, text), text) == expected


def test_a_part_of_a_word_is_not_shown():
    assert legible(["ース", "สว"], "オレンジジュース และสวย") == []
    assert legible(["汉字", "words"], "汉字 and words") == ["汉字", "words"]


def test_common_pairs_join_others_and_are_not_named_alone():
    pairs = words("红色运动鞋")
    assert legible(pairs, "红色运动鞋 男款", {"红色", "运动"}) == ["红色运动鞋"]
    assert legible(words("运动"), "运动鞋", {"运动"}) == []
    assert legible(words("รองเท้าวิ่ง"), "รองเท้าวิ่งสีแดง", set(words("รองเท้า"))) == ["รองเท้าวิ่ง"]
    assert legible(["the", "shoe"], "the shoe", {"the"}) == ["shoe"]
    assert legible(["the", "chaussée"], "the Chaussée", {"the"}) == ["chaussée"]


def test_long_pieces_are_cut():
    text = "适合户外运动的防水透气登山鞋男款"
    assert legible(words(text), text) == ["适合户外运动的防水透气登…"]


@given(st.text(max_size=40), st.text(max_size=40))
def test_pieces_are_there_in_the_text(first, second):
    for text in (first, second):
        forms = legible(words(first), text)
        assert all(forms)
        assert len(set(forms)) == len(forms)
    matched(first, second)


def test_a_query_is_read_once_for_all_items(monkeypatch):
    read = []
    monkeypatch.setattr(legible_module, "words", lambda text: read.append(text) or words(text))
    query = "teas that nobody asked for before"
    for i in range(50):
        assert matched(query, f"tea no{i} for two") == ["for"]
    assert read.count(query) == 1
