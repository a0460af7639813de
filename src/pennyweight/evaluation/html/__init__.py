"""The report as one self-contained page, a file a section."""

from pennyweight.evaluation.html.account import Example, Recommended
from pennyweight.evaluation.html.frontier import frontier_page
from pennyweight.evaluation.html.render import render, sections

__all__ = ["Example", "Recommended", "frontier_page", "render", "sections"]
