"""A search in any script lists what it names."""

import polars as pl

from pennyweight.data.dataset import read
from pennyweight.recommender import Recommender
from pennyweight.score.content import Content
from small_shop import events


def shop(titles: list[str]) -> Recommender:
    """Return a recommender by content alone, its catalogue read as users' files are."""
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    known = events().filter(pl.col("item_id").is_in(items["item_id"].implode()))
    data = read(items, known)
    scorer = Content().fit(data.interactions, data.catalog)
    return Recommender(data.catalog, scorer, data.interactions)


def search(recommender: Recommender, text: str) -> set[str]:
    """Return the titles in which a search finds something."""
    found = recommender.recommend(text=text, k=50)
    return set(found.filter(pl.col("score") > 0)["title"])


def test_hindi_words_are_not_cut_at_their_vowel_signs():
    colours = [f"काला {thing}" for thing in ("जूता", "झोला", "कोट", "छाता", "बटुआ")]
    fruit = [f"केला {thing}" for thing in ("शेक", "चिप्स", "रोटी", "मिठाई", "हलवा")]
    recommender = shop(colours + fruit)
    assert search(recommender, "केला") == set(fruit)
    assert search(recommender, "काला") == set(colours)
