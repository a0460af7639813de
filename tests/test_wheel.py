"""The README of the package index has links that work outside of the repository."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from hatch_build import ReadmeHook, with_absolute_links, without_links

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "https://example.org/shop"


def test_pictures_and_files_lead_to_the_release() -> None:
    page = "![a chart](docs/a.png) [guide](docs/b.md#keys) [here](#top) [x](https://x.org)"
    assert with_absolute_links(page, SOURCE, "1.2.0") == (
        f"![a chart]({SOURCE}/raw/v1.2.0/docs/a.png) [guide]({SOURCE}/blob/v1.2.0/docs/b.md#keys)"
        " [here](#top) [x](https://x.org)"
    )


def metadata_of(monkeypatch: pytest.MonkeyPatch, source: str) -> dict[str, Any]:
    monkeypatch.setenv("PENNYWEIGHT_SOURCE", source)
    metadata: dict[str, Any] = {"version": "1.2.0"}
    ReadmeHook(str(ROOT), {}).update(metadata)
    assert metadata["readme"]["content-type"] == "text/markdown"
    return metadata


def test_the_metadata_has_no_relative_link(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = metadata_of(monkeypatch, f"{SOURCE}/")
    links = re.findall(r"\]\(([^)]+)\)", metadata["readme"]["text"])
    assert len(links) > 20
    assert not [link for link in links if not link.startswith(("https://", "#"))]
    assert metadata["urls"] == {
        "Source": SOURCE,
        "Documentation": f"{SOURCE}/tree/v1.2.0/docs",
        "Changelog": f"{SOURCE}/blob/v1.2.0/CHANGELOG.md",
    }


def test_without_the_address_of_the_repository_there_are_no_links(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = "![a chart](docs/a.png) [guide](docs/b.md#keys) [here](#top)"
    assert without_links(page) == " guide [here](#top)"
    metadata = metadata_of(monkeypatch, "")
    assert "urls" not in metadata and "](docs" not in metadata["readme"]["text"]
    with pytest.raises(ValueError, match="PENNYWEIGHT_SOURCE is 'host'"):
        metadata_of(monkeypatch, "host")
