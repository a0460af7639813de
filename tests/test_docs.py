"""Examples of the docs run, and every command and option is documented."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import extension_blocks
from pennyweight.cli import app as cli_app
from pennyweight.data import personal
from pennyweight.validation import findings

ROOT = Path(__file__).resolve().parents[1]
READERS = re.compile(r"\breaders=\d+")
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_blocks(page: Path, folder: Path) -> int:
    """Run a page's bash and python blocks in order, in one folder; return how many.

    Shops have fewer readers than on the page, so that fits are quicker.
    """
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONWARNINGS": "error",
    }
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for kind, text in blocks:
        text = READERS.sub("readers=100", text)
        command = (
            ["bash", "-euo", "pipefail", "-c", text]
            if kind == "bash"
            else [sys.executable, "-c", text]
        )
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{page.name}:\n{text}\n{done.stdout}\n{done.stderr}"
    return len(blocks)


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("README.md", 1),
        ("docs/tutorial.md", 10),
        ("docs/guide-validation.md", 3),
        ("docs/guide-privacy.md", 1),
        ("docs/guide-notebooks.md", 5),
        pytest.param("docs/guide-compression.md", 1, marks=pytest.mark.slow),
    ],
)
def test_the_blocks_of_a_page_run(page, least, tmp_path):
    assert run_blocks(ROOT / page, tmp_path) >= least


def test_the_blocks_of_the_data_guide_run_on_any_two_files(tmp_path):
    (tmp_path / "items.csv").write_text("item_id,title\na,red shoe\nb,blue hat\n")
    rows = [f"u{user},{item},{day}\n" for user in range(3) for day, item in enumerate("ab")]
    (tmp_path / "events.csv").write_text("user_id,item_id,position\n" + "".join(rows))
    assert run_blocks(ROOT / "docs/guide-data.md", tmp_path) >= 1


def test_the_package_of_the_page_on_extending_is_fitted(tmp_path, monkeypatch):
    extension_blocks.install(tmp_path)
    path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    assert run_blocks(ROOT / "docs/extending.md", tmp_path) >= 5


def test_the_notebook_runs_and_its_outputs_are_of_its_source():
    pytest.importorskip("nbclient", reason="the notebook is run by nbclient; make setup-dev")
    pytest.importorskip("ipykernel", reason="the notebook is run by ipykernel; make setup-dev")
    command = [sys.executable, ROOT / "docs/execute.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the commands of a group, those of its groups as ``keys create``."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def test_every_command_and_option_is_in_the_reference():
    page = (ROOT / "docs/reference-cli.md").read_text(encoding="utf-8")
    for name, command in commands(typer.main.get_command(cli_app.app)):
        assert f"## {name}\n" in page
        section = page.split(f"## {name}\n")[1].split("\n## ")[0]
        missing = [o for p in command.params for o in p.opts if o[0] == "-" and o not in section]
        assert not missing, f"{name}: {missing}"


def test_the_reference_of_the_routes_is_as_the_service():
    command = [sys.executable, ROOT / "docs/routes.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_finding_and_kind_of_personal_data_is_in_the_guides():
    guide = (ROOT / "docs/guide-validation.md").read_text(encoding="utf-8")
    assert [kind for kind in findings.KINDS if f"`{kind}`" not in guide] == []
    page = (ROOT / "docs/guide-privacy.md").read_text(encoding="utf-8")
    assert [kind for kind in personal.KINDS if f"| {kind} |" not in page] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in plain}


def test_links_between_pages_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\(([^)]+)", page.read_text(encoding="utf-8"))
        if "://" not in link
    ]
    assert len(links) > 100
    for page, link in links:
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"
