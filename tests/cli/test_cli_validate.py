import json
from pathlib import Path

from running import FAST, Cli
from small import events, items, write
from small import shop as small_shop


def test_the_demo_shop_has_no_leak_and_no_warning(cli: Cli, shop: tuple[Path, Path]) -> None:
    ran = cli("validate", *shop, "--strict", *FAST)
    assert ran.code == 0
    assert "protocol: global-time" in ran.out and "warning" not in ran.out
    assert "leaks" in ran.err  # the stage
    assert "expects to take about" in ran.err
    quiet = cli("validate", *shop, "--quiet", *FAST)
    assert (quiet.err, quiet.out) == ("", ran.out)


def test_json_and_a_page(cli: Cli, shop: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    ran = cli("validate", *shop, "--json", "--html", page, *FAST, "--protocol", "leave-last-out")
    report = json.loads(ran.out)
    assert report["facts"]["items"] == 415 and len(report["periods"]) == 12
    assert {"area", "kind", "severity", "message", "count", "of", "remedy"} <= set(
        report["findings"][0]
    )
    text = page.read_text(encoding="utf-8")
    assert "Events over time" in text and "://" not in text and "<script" not in text
    assert report["findings"][0]["message"][1:] in text


def test_the_columns_and_rows_are_stated_as_by_evaluate(cli: Cli, tmp_path: Path) -> None:
    files = small_shop(
        tmp_path, [*items(), items()[0] | {"title": "another title"}, {"title": "no id"}]
    )
    page = tmp_path / "page.html"
    lines = cli("validate", *files, *FAST, "--html", page).out.splitlines()
    columns = next(line for line in lines if line.startswith("columns: "))
    assert {"user = user_id", "item = item_id"} <= set(
        columns.removeprefix("columns: ").split(", ")
    )
    n = len(items())
    rows = [line for line in lines if "rows read" in line]
    assert rows[0] == f"items: {n + 2} rows read = {n} kept + 2 dropped"
    assert rows[1].startswith(f"events: {len(events())} rows read = ")
    evaluated = cli("evaluate", *files, *FAST).err.splitlines()
    assert [columns, *rows] == [line for line in evaluated if line in (columns, *rows)]
    assert "Rows of the tables" in page.read_text(encoding="utf-8")


def test_strict_makes_a_leak_an_error(cli: Cli, shop: tuple[Path, Path]) -> None:
    words = ("validate", *shop, "--protocol", "leave-last-out", *FAST)
    assert cli(*words).code == 0
    ran = cli(*words, "--strict")
    assert ran.code == 1
    assert "future-of-others" in ran.out and "strict: 1 leak found: future-of-others" in ran.err


def test_masking_is_checked_by_validating_again(cli: Cli, tmp_path: Path) -> None:
    rows = [row | {"title": f"{row['title']}, ask me@home.org"} for row in items()]
    files = small_shop(tmp_path, rows)
    plain = cli("validate", *files, *FAST, "--quiet").out
    assert "[personal-text]" in plain and "me@home.org" not in plain
    masked = cli("validate", *files, *FAST, "--quiet", "--mask-personal").out
    assert "[personal-text]" not in masked
    bundle = tmp_path / "bundle"
    ran = cli(
        "fit",
        *files,
        "--out",
        bundle,
        "--mask-personal",
        "--encoder",
        "tfidf",
        "--scorers",
        "content,popularity",
    )
    assert ran.code == 0 and "personal data masked" in ran.err
    saved = b"".join(path.read_bytes() for path in bundle.rglob("*") if path.is_file())
    assert b"home.org" not in saved
    assert "[e-mail address]" in cli("recommend", bundle, "--user", "u1").out


def test_bad_input(cli: Cli, tmp_path: Path) -> None:
    files = small_shop(tmp_path)
    assert cli("validate", *files, "--html", tmp_path).code == 2
    assert cli("validate", *files, "--scorers", "content").code == 2  # learns nothing
    ran = cli("validate", *files, "--protocol", "given-split", *FAST)
    assert ran.code == 2 and "--split-column" in ran.err
    single = write(tmp_path / "one.csv", events(1, 12)[:1])
    ran = cli("validate", files[0], single, *FAST, "--quiet")
    assert ran.code == 0 and "none possible" in ran.out
