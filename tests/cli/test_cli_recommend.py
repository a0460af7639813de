import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from running import Cli
from small import FAST, write
from small import events as small_events
from small import items as small_items
from small import shop as small_shop

from pennyweight import demo


def ids(text: str) -> list[str]:
    return [row["item_id"] for row in json.loads(text)["items"]]


def test_recommend_for_a_user(cli: Cli, bundle: Path) -> None:
    ran = cli("recommend", bundle, "--user", "reader-0063", "-k", 3, "--explain")
    assert ran.code == 0 and ran.err == ""
    assert "  1  " in ran.out and "  3  " in ran.out and "because of" in ran.out
    result = json.loads(cli("recommend", bundle, "--user", "reader-0063", "--json").out)
    assert result["source"] == "history"
    assert len(result["items"]) == 10
    assert set(result["items"][0]) == {"rank", "item_id", "title", "score"}


def test_recommend_for_a_history_and_a_text(cli: Cli, bundle: Path) -> None:
    plain = cli("recommend", bundle, "--history", "emma,dracula", "--json").out
    assert not {"emma", "dracula"} & set(ids(plain))
    with_history = cli(
        "recommend", bundle, "--history", "emma,dracula", "--include-seen", "-k", 415, "--json"
    ).out
    assert {"emma", "dracula"} < set(ids(with_history))
    text = json.loads(cli("recommend", bundle, "--text", "a whale at sea", "--json").out)
    assert text["source"] == "text"
    assert "moby-dick" in [row["item_id"] for row in text["items"]]
    spaced = cli("recommend", bundle, "--history", "emma, dracula", "--json").out
    assert ids(spaced) == ids(plain)
    both = cli("recommend", bundle, "--history", "emma", "--text", "a whale", "--json").out
    assert json.loads(both)["source"] == "history and text"


def test_filter_and_diversity(cli: Cli, bundle: Path) -> None:
    year = dict(demo.books().select("item_id", "year").iter_rows())
    words = ("recommend", bundle, "--history", "emma", "--json")
    assert all(year[i] < 1800 for i in ids(cli(*words, "--filter", "year < 1800").out))
    assert ids(cli(*words).out) != ids(cli(*words, "--diversity", 0.8).out)
    none = cli("recommend", bundle, "--history", "emma", "--filter", "year > 3000")
    assert none.code == 0 and "no item" in none.out


def test_exploration_marks_its_items(cli: Cli, bundle: Path) -> None:
    words = ("recommend", bundle, "--user", "reader-0063", "--explore", 0.5)
    plain = cli("recommend", bundle, "--user", "reader-0063", "--json").out
    explored = json.loads(cli(*words, "--json").out)
    assert explored["source"] == "history"
    marked = [row["item_id"] for row in explored["items"] if row.get("source") == "exploration"]
    assert 0 < len(marked) <= 5 and not set(marked) & set(ids(plain))
    ran = cli(*words, "--explain")
    assert ran.out.count("  exploration\n") == ran.out.count("new item, listed to") == len(marked)
    refused = cli(*words[:-1], 0.7)
    assert refused.code == 2 and "0.5 (half of the positions)" in refused.err


def test_an_unknown_user_gets_popular_items(cli: Cli, bundle: Path) -> None:
    ran = cli("recommend", bundle, "--user", "nobody 🦉", "-k", 2)
    assert ran.code == 0 and "user 'nobody 🦉' is unknown: the most popular items" in ran.err
    none = cli("recommend", bundle, "--user", "nobody", "--filter", "year > 3000")
    assert none.out == "no item is eligible\n" and none.err == ""
    assert json.loads(cli("recommend", bundle, "--history", "", "--json").out)["source"] == (
        "popularity"
    )


def test_similar(cli: Cli, bundle: Path) -> None:
    ran = cli("similar", bundle, "emma", "-k", 4, "--explain", "--filter", "year < 1900")
    assert ran.code == 0 and "  4  " in ran.out
    assert "emma" not in ids(cli("similar", bundle, "emma", "--json").out)


def test_similar_items_of_all_items(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "similar.csv"
    ran = cli("similar", bundle, "--all-items", "--out", out, "-k", 2, "--quiet")
    assert ran.code == 0 and "items: " in ran.out
    rows = pl.read_csv(out).filter(pl.col("item_id") == "emma")
    assert rows["similar_item_id"].to_list() == ids(
        cli("similar", bundle, "emma", "-k", 2, "--json").out
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recommend", "BUNDLE"], "--user"),
        (["recommend", "BUNDLE", "--user", "a", "--history", "emma"], "not both"),
        (["recommend", "BUNDLE", "--history", "emna"], "'emma'"),
        (["recommend", "BUNDLE", "--history", "emma\ndracula"], "not a list by commas"),
        (["recommend", "BUNDLE", "--history", 'emma,"dracula'], "not a list by commas"),
        (["recommend", "BUNDLE", "--text", " "], "empty"),
        (["recommend", "BUNDLE", "--text", "x", "-k", "0"], "1 or more"),
        (["recommend", "BUNDLE", "--text", "x", "--diversity", "2"], "diversity"),
        (["recommend", "BUNDLE", "--text", "x", "--filter", "import os"], ""),
        (["recommend", "BUNDLE", "--text", "x", "--filter", "color == 'red'"], "color"),
        (["recommend", "nowhere", "--text", "x"], "no such bundle"),
        (["recommend", "BUNDLE", "--text", "\udcff"], "UTF-8"),
        (["similar", "BUNDLE"], "ITEM"),
        (["similar", "BUNDLE", "emma", "--all-items"], "--out"),
        (["similar", "BUNDLE", "--all-items"], "--out"),
        (["similar", "BUNDLE", "emna"], "'emma'"),
        (["similar", "BUNDLE", "emma", "--deep"], "--deep"),
        (["no-such-command"], "no-such-command"),
        ([], ""),
    ],
)
def test_bad_questions(cli: Cli, bundle: Path, words: list[str], message: str) -> None:
    ran = cli(*(bundle if word == "BUNDLE" else word for word in words))
    assert ran.code == 2
    assert message in ran.err + (ran.out if not words else "")
    assert words == [] or ran.out == ""


def test_damaged_bundle(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(bundle, broken)
    file = broken / "scorer" / "blend.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    ran = cli("recommend", broken, "--text", "whale")
    assert ran.code == 2 and "blend.safetensors" in ran.err


def test_plan_says_how_many(cli: Cli, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[recommend]\nk = 3\n[encoder]\nname = "tfidf"\n[scorers]\nnames=["content"]')
    assert (
        cli("fit", *small_shop(tmp_path), "--out", tmp_path / "b", "--plan", plan, "--quiet").code
        == 0
    )
    assert len(ids(cli("recommend", tmp_path / "b", "--text", "red thing", "--json").out)) == 3
    assert len(ids(cli("similar", tmp_path / "b", "i1", "--json").out)) == 3


def test_doctor(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran = cli("doctor")
    assert ran.code == 0
    for part in ("processor", "cores", "memory", "model", "extra"):
        assert part in ran.out
    report = json.loads(cli("doctor", "--json").out)
    assert report["machine"]["cores"] >= 1
    assert report["extras"]["pandas"]["remedy"] == 'pip install "pennyweight[pandas]"'
    monkeypatch.setenv("PENNYWEIGHT_MODEL", str(tmp_path))
    missing = json.loads(cli("doctor", "--json").out)["language_model"]
    assert missing["found"] is False and missing["remedy"]


def test_version(cli: Cli) -> None:
    assert cli("--version").out.startswith("pennyweight 0.")


@pytest.fixture
def odd_bundle(cli: Cli, tmp_path: Path) -> Path:
    """Return a bundle whose ids hold commas or begin with a dash."""

    def odd(name: str) -> str:
        number = int(name[1:])
        return f"Cup, Air {number}" if number % 2 else f"-{number}"

    items = [row | {"item_id": odd(str(row["item_id"]))} for row in small_items()]
    events = [row | {"item_id": odd(str(row["item_id"]))} for row in small_events()]
    files = write(tmp_path / "items.csv", items), write(tmp_path / "events.csv", events)
    assert cli("fit", *files, *FAST, "--out", tmp_path / "b", "--quiet").code == 0
    return tmp_path / "b"


def test_ids_with_commas_and_dashes(cli: Cli, odd_bundle: Path) -> None:
    words = ("recommend", odd_bundle, "--json")
    right = ids(cli(*words, "--history", '"Cup, Air 1",-4').out)
    assert not {"Cup, Air 1", "-4"} & set(right)
    assert ids(cli(*words, "--history", "Cup, Air 1", "--history", "-4").out) == right
    assert ids(cli(*words, "--history", "Cup, Air 1,-4").out) == right
    assert ids(cli(*words, "--history=-4").out) == ids(cli(*words, "--history", "-4").out)
    plain = ids(cli("similar", odd_bundle, "-4", "-k", 3, "--json").out)
    assert len(plain) == 3
    assert ids(cli("similar", odd_bundle, "-k", 3, "--json", "--", "-4").out) == plain
    assert len(ids(cli("similar", odd_bundle, "Cup, Air 3", "--json").out)) == 10
    ran = cli("similar", odd_bundle, "-4", "--filtre", "x")
    assert ran.code == 2 and "--filtre" in ran.err
