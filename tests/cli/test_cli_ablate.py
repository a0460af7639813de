"""`ablate`: the tables, the page, and refusals."""

import json
from pathlib import Path

from running import Cli
from small import shop as small_shop

from html_page import Page
from tiny_bert import write_tiny_bert


def test_tables_json_and_page(cli: Cli, tmp_path: Path) -> None:
    files, page = small_shop(tmp_path), tmp_path / "ablation.html"
    words = ("ablate", *files, "--models", write_tiny_bert(tmp_path / "tiny"), "--quiet")
    ran = cli(*words, "--html", page, "--core-hour-price", "0.1")
    assert ran.code == 0, ran.err
    assert "all lists" in ran.out and "price of a million lists" in ran.out
    assert f"page: {page}" in ran.out
    assert Page(page.read_text("utf-8")).of("svg")
    ran = cli(*words, "--json", "--search-share", "0")
    table = json.loads(ran.out)
    assert table["core_hour_price"] == 0.04 and table["search_share"] == 0
    assert table["models"][0]["name"] == "tfidf"


def test_bad_input(cli: Cli, tmp_path: Path) -> None:
    files = small_shop(tmp_path)
    for words, message in (
        (("--models", "a,a"), "named twice"),
        (("--search-share", "2"), "search-share"),
        (("--models", tmp_path / "nowhere"), "nowhere"),
        (("--scorers", "popularity"), "needs the scorer 'content'"),
    ):
        ran = cli("ablate", *files, *words, "--quiet")
        assert ran.code == 2 and message in ran.err, ran.err
