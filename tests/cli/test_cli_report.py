import shutil
from pathlib import Path

import pytest
from running import Cli

from pennyweight.recommender import Recommender


def test_the_page_of_a_bundle_is_the_one_in_it(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    page = (bundle / "report.html").read_bytes()
    assert cli("report", bundle).out == f"{bundle / 'report.html'}\n"
    out = tmp_path / "new folder" / "page.html"
    assert cli("report", bundle, "--out", out).out == f"{out}\n"
    assert out.read_bytes() == page


def test_a_report_in_json_gets_its_page_beside_it(
    cli: Cli, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(bundle / "report.json", tmp_path / "mine.json")
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)  # or the test would need a browser
    assert cli("report", tmp_path / "mine.json", "--open").out == f"{tmp_path / 'mine.html'}\n"
    assert opened == [(tmp_path / "mine.html").as_uri()]
    page = (tmp_path / "mine.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and "neighbors" in page and "://" not in page


def test_a_bundle_saved_from_python_gets_a_page_where_asked(
    cli: Cli, bundle: Path, tmp_path: Path
) -> None:
    recommender = Recommender.load(bundle)
    recommender.save(tmp_path / "bare")
    ran = cli("report", tmp_path / "bare")
    assert ran.code == 2 and "--out" in ran.err
    assert cli("report", tmp_path / "bare", "--out", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Recommendation report" in page and "Examples" in page
    recommender.report = None
    recommender.save(tmp_path / "unmeasured")
    ran = cli("report", tmp_path / "unmeasured", "--out", tmp_path / "page.html")
    assert ran.code == 2 and "nothing was measured" in ran.err


def test_other_files_are_no_reports(cli: Cli, tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    shutil.copy(bundle / "report.json", tmp_path / "report.html")
    for words, message in (
        ((tmp_path / "list.json",), "list.json"),
        ((tmp_path / "nowhere",), "no such bundle"),
        ((tmp_path,), "it is no bundle"),
        ((tmp_path / "report.html",), "is read, so it cannot be written"),
        ((bundle, "--out", tmp_path), "is a directory"),
    ):
        ran = cli("report", *words)
        assert (ran.code, ran.out) == (2, "") and message in ran.err
    assert (tmp_path / "report.html").read_bytes() == (bundle / "report.json").read_bytes()
