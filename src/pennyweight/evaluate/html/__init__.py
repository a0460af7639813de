"""The report as one self-contained page, a file a section."""

from pennyweight.evaluate.html.account import Example, Recommended
from pennyweight.evaluate.html.frontier import frontier_page
from pennyweight.evaluate.html.render import render, sections

__all__ = ["Example", "Recommended", "frontier_page", "render", "sections"]
