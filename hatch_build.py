"""The README of the package index: the README of the repository with absolute links."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)(\[[^]]*\])\((?!https?://|#)([^)]+)\)")


def with_absolute_links(text: str, source: str, version: str) -> str:
    """Return a page whose links and pictures lead to the files of a release."""

    def absolute(link: re.Match[str]) -> str:
        picture, label, target = link.groups()
        return f"{picture}{label}({source}/{'raw' if picture else 'blob'}/v{version}/{target})"

    return LINK.sub(absolute, text)


class ReadmeHook(MetadataHookInterface):
    """Sets `readme` in the metadata of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to the metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = with_absolute_links(text, metadata["urls"]["Source"], metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
