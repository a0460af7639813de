"""A search in any script lists the items it names."""

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.recommender import Recommender
from pennyweight.scorers.content import Content
from small_shop import events


def shop(titles: list[str]) -> Recommender:
    """Return a recommender by content alone, its catalog read as users' files are."""
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    log = events().filter(pl.col("item_id").is_in(items["item_id"].implode()))
    data = read(items, log)
    scorer = Content().fit(data.interactions, data.catalog)
    return Recommender(data.catalog, scorer, data.interactions)


def search(recommender: Recommender, text: str) -> set[str]:
    """Return the titles in which a search finds something."""
    frame = recommender.recommend(text=text, k=50)
    return set(frame.filter(pl.col("score") > 0)["title"])


def test_hindi_words_are_not_cut_at_their_vowel_signs():
    colors = [f"काला {thing}" for thing in ("जूता", "झोला", "कोट", "छाता", "बटुआ")]
    fruit = [f"केला {thing}" for thing in ("शेक", "चिप्स", "रोटी", "मिठाई", "हलवा")]
    recommender = shop(colors + fruit)
    assert search(recommender, "केला") == set(fruit)
    assert search(recommender, "काला") == set(colors)


SHELVES = {
    "Tamil": (["வாழை சாறு", "வாழை பொடி"], ["மாம்பழ சாறு", "மா பொடி"], "வாழை"),
    "Bengali": (["কলা চিপস", "কলা কেক"], ["কাল চিপস", "কালো কেক"], "কলা"),
    "Thai": (["กล้วยหอมทอง", "ขนมกล้วย"], ["สวยงาม", "กลมกล่อม", "มะม่วงสุก", "กาแฟ"], "กล้วย"),
    "Lao": (["ກ້ວຍຫອມ", "ເຂົ້າຕົ້ມກ້ວຍ"], ["ໝາກມ່ວງ", "ກາເຟ"], "ກ້ວຍ"),
    "Khmer": (["ចេកទុំ", "នំចេក"], ["ស្វាយទុំ", "នំដូង"], "ចេក"),
    "Burmese": (["ငှက်ပျောသီး", "ငှက်ပျောကြော်"], ["သရက်သီး", "အာလူးကြော်"], "ငှက်ပျော"),
    "vocalised Arabic": (["مَوْزٌ طَازَج", "عصير موز"], ["مَاءٌ طَازَج", "عصير تفاح"], "موز"),
    "Arabic, points asked for": (["مَوْزٌ طَازَج", "عصير موز"], ["مَاءٌ", "عصير تفاح"], "مَوْز"),
    "Arabic, alef": (["أرز أبيض", "ارز بني"], ["خبز أبيض"], "أرز"),
    "Persian": (["کتاب‌های کودک", "كتاب شعر"], ["دفتر شعر"], "کتاب"),
    "Hebrew": (["בָּנָנָה טרייה", "עוגת בננה"], ["תפוח טרי", "עוגת גבינה"], "בננה"),
    "Turkish": (["İstanbul haritası", "ISTANBUL rehberi"], ["İzmir haritası"], "ıstanbul"),
    "Greek": (["ΚΑΦΕΣ φίλτρου", "Καφές αλεσμένος"], ["ΤΣΑΪ βουνού", "Καφετιέρα"], "καφεσ"),
    "Russian": (["Ёлка живая", "елка искусственная"], ["Палка", "Гирлянда"], "ёлка"),
    "Ukrainian": (["Їжа для котів"], ["Иже єси", "Жито"], "їжа"),
    "Vietnamese, marks left out": (["Phở bò", "Phở gà"], ["Bún bò", "Gà rán"], "pho"),
    "French": (["Café moulu", "CAFÉ en grains"], ["Cafetière", "Thé"], "cafe"),
    "French, the other way": (["Creme brulee", "crème fraîche"], ["Crêpe"], "crème"),
    "German": (["Müller Milch", "MÜLLER Reis"], ["Mühle", "Mulde"], "muller"),
    "German, sharp s": (["Straßenkarte", "STRASSENKARTE"], ["Straße"], "strassenkarte"),
    "Danish": (["Smørrebrød"], ["Smør", "Brød"], "smorrebrod"),
    "Chinese": (["比利时黑巧克力礼盒送女友", "巧克力"], ["亚克力", "克力架", "奶茶"], "巧克力"),
    "Chinese, one character": (["绿茶", "茶杯套装", "茶"], ["咖啡杯", "果汁"], "茶"),
    "Chinese, several words at once": (["草莓", "奶油蛋糕"], ["苹果", "面包"], "草莓蛋糕"),
    "Chinese, a word alone in the catalog": (["茶"], ["咖啡"], "绿茶"),
    "Japanese": (["バナナチップス", "完熟バナナ"], ["バター", "メロンパン", "ナイフ"], "バナナ"),
    "Japanese, half width": (["ｶﾒﾗｹｰｽ", "カメラ用三脚"], ["カメ", "ランプ"], "ｶﾒﾗ"),
    "Japanese, mixed": (["日本酒の本", "日本酒グラス"], ["日本の酒器", "洋酒"], "日本酒"),
    "Korean": (["사과를 담은 상자", "유기농사과"], ["사진과 액자", "효과를 내는 조명"], "사과"),
    "Korean, with a particle": (["사과 주스", "사과즙"], ["포도 주스"], "사과를"),
    "Korean, one syllable": (["책을 위한 등", "책"], ["공책", "연필"], "책"),
    "full width": (["iPhone 12 case", "ＩＰＨＯＮＥ"], ["Galaxy 12 case"], "ｉｐｈｏｎｅ"),
    "Hindi, nukta and digits": (["फ़िल्म १२", "फिल्म 7"], ["फल 12"], "फिल्म"),
    "Amharic": (["የኢትዮጵያ ቡና", "ቡና ሰሪ"], ["ሻይ", "ቡናማ ጫማ"], "ቡና"),
}


@pytest.mark.parametrize("name", SHELVES)
def test_a_search_finds_exactly_the_named_items(name):
    named, others, text = SHELVES[name]
    assert search(shop([*others, *named]), text) == set(named)


def test_a_word_as_it_is_written_comes_before_its_other_spellings():
    recommender = shop(["bạn bè", "bàn gỗ", "ban công", "tủ"])
    titles = recommender.recommend(text="bàn", k=4)["title"].to_list()
    assert titles[0] == "bàn gỗ"
    assert set(titles[:3]) == {"bạn bè", "bàn gỗ", "ban công"}


def test_items_that_come_later_are_found_like_the_others():
    recommender = shop(["苹果汁", "香蕉片", "巧克力"])
    more = read(
        pl.DataFrame({"item_id": ["n"], "title": ["白巧克力棒"]}),
        pl.DataFrame({"user_id": ["u"], "item_id": ["n"]}),
    ).catalog
    assert search(recommender.with_items(more), "巧克力") == {"巧克力", "白巧克力棒"}


def test_a_search_in_latin_letters_is_the_cosine_of_tfidf():
    recommender = shop(["red red shoe", "blue shoe", "red hat"])
    scorer = recommender.scorer
    expected = scorer.vectors.products(scorer.words.transform(["Red red SHOE unknown"]))
    scores = scorer.score_texts(["Red red SHOE unknown"])
    assert scores == pytest.approx(expected, abs=1e-6)
