"""The README of the package index has links that work outside of the repository."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from hatch_build import ReadmeHook, with_absolute_links

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "https://example.org/shop"


def test_pictures_and_files_lead_to_the_release() -> None:
    page = "![a chart](docs/a.png) [guide](docs/b.md#keys) [here](#top) [x](https://x.org)"
    assert with_absolute_links(page, SOURCE, "1.2.0") == (
        f"![a chart]({SOURCE}/raw/v1.2.0/docs/a.png) [guide]({SOURCE}/blob/v1.2.0/docs/b.md#keys)"
        " [here](#top) [x](https://x.org)"
    )


def test_the_metadata_has_no_relative_link() -> None:
    metadata = {"urls": {"Source": SOURCE}, "version": "1.2.0"}
    ReadmeHook(str(ROOT), {}).update(metadata)
    readme = metadata["readme"]
    assert readme["content-type"] == "text/markdown"
    links = re.findall(r"\]\(([^)]+)\)", readme["text"])
    assert len(links) > 20
    assert not [link for link in links if not link.startswith(("https://", "#"))]
