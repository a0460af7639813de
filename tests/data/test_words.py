import re
import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from pennyweight.data import words as module
from pennyweight.data.words import TOKENIZER, clusters, fold, has_word, normalize, words, words_by
from pennyweight.errors import BundleError

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
CASED = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x4FF, categories=("L", "N", "Z", "P")),
    max_size=30,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red SHOE, size-44 x_1 ___", ["red", "shoe", "size", "44", "x_1"]),
        ("don't l'eau 3.5", ["don", "t", "l", "eau", "3", "5"]),
        ("काला केला, 12 केले।", ["काला", "केला", "12", "केले"]),  # Hindi
        ("தமிழ் வாழைப்பழம்", ["தமிழ்", "வாழைப்பழம்"]),  # Tamil
        ("বাংলা ভাষা", ["বাংলা", "ভাষা"]),  # Bengali
        ("మామిడి పండు", ["మామిడి", "పండు"]),  # Telugu
        ("བོད་སྐད", ["བོད", "སྐད"]),  # Tibetan: a mark between syllables
        ("ክፍል ቡና", ["ክፍል", "ቡና"]),  # Amharic
        ("ծիրան հյութ", ["ծիրան", "հյութ"]),  # Armenian
        ("Дом, Ёлка и йод", ["дом", "елка", "и", "йод"]),  # Russian
        ("за́мок", ["замок"]),  # the stress is a reader's aid
        ("ΚΑΦΕΣ καφές Καφέσ", ["καφεσ"] * 3),  # Greek
        ("İstanbul ISTANBUL ıstanbul istanbul", ["istanbul"] * 4),  # Turkish
        ("Straße STRASSE", ["strasse"] * 2),  # German
        ("Phở bò", ["phở", "bò"]),  # Vietnamese
        ("مُحَمَّد محمد كتـــاب أحمد احمد", ["محمد", "محمد", "كتاب", "احمد", "احمد"]),  # Arabic
        ("کتاب‌ها كتاب", ["كتاب", "ها", "كتاب"]),  # Persian: the non-joiner parts the ending
        ("שָׁלוֹם שלום", ["שלום", "שלום"]),  # Hebrew
        ("手机壳 透明case", ["手机", "机壳", "透明", "case"]),
        ("猫 カメラ ｶﾒﾗ", ["猫", "カメ", "メラ", "カメ", "メラ"]),
        ("사과를", ["사과", "과를"]),
        ("กล้วย", ["กล้", "ล้ว", "วย"]),  # marks stay on their letters
        ("ກ້ວຍ", ["ກ້ວ", "ວຍ"]),
        ("ចេក", ["ចេក"]),
        ("Ｆｕｌｌ１２ ﬁn x² Lego™ naïve", ["full12", "fin", "x2", "lego", "naïve"]),
        ("१२ ٣٤", ["12", "34"]),
        ("क्‍ष क्ष", ["क्ष"] * 2),  # a joiner shapes letters, no more
        ("so\u00adft zero\u200bwidth", ["soft", "zerowidth"]),
        ("🎉 !! 👩‍👩‍👧 ❤️ 👍🏽", []),
        ("1️⃣", ["1"]),
    ],
)
def test_words_of_many_scripts(text, expected):
    assert words(text) == expected
    assert words(unicodedata.normalize("NFD", text)) == expected


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("café", "cafe"),
        ("müller", "muller"),
        ("phở", "pho"),
        ("đặc", "dac"),
        ("smørrebrød", "smorrebrod"),
        ("œuvre", "oeuvre"),
        ("łódź", "lodz"),
        ("फ़िल्म", "फिल्म"),
        ("चाँद", "चांद"),
        # here a mark makes another letter
        ("йод", "йод"),
        ("їжа", "їжа"),
        ("केला", "केला"),
        ("กล้", "กล้"),
        ("ガ", "ガ"),
    ],
)
def test_folds(written, folded):
    assert fold(written) == unicodedata.normalize("NFC", folded)


@given(TEXT)
def test_every_word_has_a_letter_or_digit_whatever_the_text(text):
    for word in words(text):
        assert regex.search(r"[\p{L}\p{N}]", word)
        assert word == normalize(word)
        assert fold(fold(word)) == fold(word)


@given(TEXT)
def test_canonically_equal_texts_have_the_same_words(text):
    for form in ("NFC", "NFD"):
        assert words(unicodedata.normalize(form, text)) == words(text)


@given(CASED)
@example("ǰ")
def test_case_makes_no_difference(text):
    assert words(text.upper()) == words(text) == words(text.lower())


@given(st.text(st.characters(max_codepoint=0x2BFF), max_size=30))
def test_the_short_ways_give_the_same_words(text):
    assert words(text + " \u0c05")[:-1] == words(text)  # a Telugu letter bars them


def test_nothing_of_the_long_way_is_left_out_by_the_blocks():
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    special = regex.compile(
        r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Me}\p{Greek}\p{Arabic}\p{Hebrew}\p{Cyrillic}ı"
        r"[\p{Nd}--[0-9]]]",
        regex.V1,
    )
    # Compatibility forms are replaced before the blocks are examined.
    stable = [c for c in special.findall(everything) if unicodedata.normalize("NFKC", c) == c]
    assert [hex(ord(c)) for c in stable if not module._UNUSUAL.search(c)] == []
    dense = regex.findall(module._DENSE, everything, regex.V1)
    assert [hex(ord(c)) for c in dense if not module._MAY_BE_DENSE.search(c)] == []
    bare = re.findall(module._BARE_EAST.pattern.rstrip("+"), everything)
    assert [c for c in bare if regex.match(r"\p{M}", c)] == []


def test_clusters_are_grapheme_clusters():
    assert clusters("กล้วย") == ("ก", "ล้", "ว", "ย")
    assert clusters("カメラ") == ("カ", "メ", "ラ")


@pytest.mark.parametrize("text", ["茶", "차", "का", "42", "ab", "a b", "x1", "กา", "é è"])
def test_texts_with_a_word(text):
    assert has_word(text)


@pytest.mark.parametrize("text", ["", "a", "é", "_ _", "🎉!", "1", "-", "___a"])
def test_texts_without_a_word(text):
    assert not has_word(text)


def test_the_first_tokenizer_still_reads_its_bundles():
    assert words_by(TOKENIZER) is words
    assert words_by(1)("केला 手机壳 Straße") == ["क", "ल", "手机", "机壳", "straße"]
    with pytest.raises(BundleError, match="upgrade pennyweight"):
        words_by(TOKENIZER + 1)
