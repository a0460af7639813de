"""`frontier`, `compress` and `fit --budget`."""

import json
from pathlib import Path

import pytest
from running import Cli
from small import shop as small_shop

from html_page import Page
from measured_here import measured_here  # noqa: F401 - a fixture
from pennyweight.cli.main import main
from tiny_bert import write_tiny_bert

FAST = ("--scorers", "content,neighbors,tower", "--quiet")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TF-IDF recommender, which has few candidates."""
    folder = tmp_path_factory.mktemp("parent")
    words = ("fit", *small_shop(folder), "--encoder", "tfidf", "--out", folder / "shop", *FAST)
    with pytest.raises(SystemExit) as exit:
        main([str(word) for word in words])
    assert not exit.value.code
    return folder / "shop"


def test_the_parent_is_not_its_own_child(cli: Cli, parent: Path) -> None:
    ran = cli("compress", parent, "--out", parent / ".", "--overwrite", "--quiet")
    assert ran.code == 2 and "the parent, which stays as it is" in ran.err


def test_look_then_choose(cli: Cli, tmp_path: Path, parent: Path, model: Path) -> None:
    page = tmp_path / "frontier.html"
    ran = cli("frontier", parent, "--html", page, "--quiet")
    assert ran.code == 0, ran.err
    assert "original; tower int8" in ran.out and "of the quality" in ran.out
    assert Page(page.read_text("utf-8")).of("svg")
    child = tmp_path / "child"
    words = ("compress", parent, "--out", child, "--max-loss", "90%", "--max-encoder-bytes", "1MB")
    ran = cli(*words, "--encoder", model, "--quiet")
    assert ran.code == 0, ran.err
    assert "static table, int8; content int8" in ran.out
    assert f"saved {child}" in ran.out and "test users: NDCG@10" in ran.out
    manifest = json.loads((child / "manifest.json").read_text())
    assert manifest["parent"] and manifest["report"]["frontier"]["chosen"]
    assert "Smaller versions" in (child / "report.html").read_text("utf-8")
    assert cli("recommend", child, "--user", "u1", "-k", 3).code == 0
    again = cli(*words, "--quiet")
    assert again.code == 2 and "--overwrite" in again.err


def test_fit_with_a_budget(cli: Cli, tmp_path: Path) -> None:
    files, out = small_shop(tmp_path), tmp_path / "small"
    words = ("fit", *files, "--encoder", "tfidf", "--out", out, *FAST)
    ran = cli(*words, "--budget", "max-loss=90%,max_index_bytes=100kB")
    assert ran.code == 0, ran.err
    report = json.loads((out / "report.json").read_text())
    assert report["frontier"]["budget"] == {"max_index_bytes": 100_000, "max_loss": 0.9}
    for bad, message in (
        ("max_loss", "NAME=VALUE"),
        ("max_los=1%", "max_loss"),
        ("max_loss=much", "is not a share"),
    ):
        ran = cli(*words, "--overwrite", "--budget", bad)
        assert ran.code == 2 and message in ran.err, ran.err


def test_nothing_fits_and_nothing_is_lost(cli: Cli, tmp_path: Path, parent: Path) -> None:
    out = tmp_path / "child"
    ran = cli("compress", parent, "--out", out, "--max-encoder-bytes", "10", "--json", "--quiet")
    assert ran.code == 2 and "the nearest" in ran.err and "max_encoder_bytes" in ran.err
    assert not out.exists()


def test_bad_input(cli: Cli, tmp_path: Path, parent: Path) -> None:
    out = ("--out", tmp_path / "child", "--quiet")
    for words, message in (
        ((tmp_path / "none", *out), "none"),
        ((parent, *out, "--max-loss", "lots"), "not a share"),
        ((parent, *out, "--max-encoder-bytes", "3 parsecs"), "not a size"),
        ((parent, *out, "--max-ms-per-text", "0"), "max_ms_per_text"),
        ((parent, *out, "--encoder", tmp_path / "nowhere"), "nowhere"),
    ):
        ran = cli("compress", *words)
        assert ran.code == 2 and message in ran.err, ran.err
    assert not (tmp_path / "child").exists()
