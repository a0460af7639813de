"""The README and the links of the package index, which lead to the repository of a release."""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

SOURCE = "PENNYWEIGHT_SOURCE"  # the address of the repository, such as https://host/owner/name
LINK = re.compile(r"(!?)(\[[^]]*\])\((?!https?://|#)([^)]+)\)")


def with_absolute_links(text: str, source: str, version: str) -> str:
    """Return a page whose links and pictures lead to the files of a release."""

    def absolute(link: re.Match[str]) -> str:
        picture, label, target = link.groups()
        return f"{picture}{label}({source}/{'raw' if picture else 'blob'}/v{version}/{target})"

    return LINK.sub(absolute, text)


def without_links(text: str) -> str:
    """Return a page without pictures and with the labels of its links alone."""
    return LINK.sub(lambda link: "" if link[1] else link[2][1:-1], text)


class ReadmeHook(MetadataHookInterface):
    """Sets `readme` and `urls` in the metadata of the project.

    Without the address of the repository no link could be right, so there is none.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README and the links to the metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source, version = os.environ.get(SOURCE, "").rstrip("/"), metadata["version"]
        if source and not source.startswith("https://"):
            raise ValueError(
                f"{SOURCE} is {source!r}: give the address of the repository, https://…"
            )
        if source:
            text = with_absolute_links(text, source, version)
            metadata["urls"] = {
                "Source": source,
                "Documentation": f"{source}/tree/v{version}/docs",
                "Changelog": f"{source}/blob/v{version}/CHANGELOG.md",
            }
        else:
            text = without_links(text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
