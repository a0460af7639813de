"""Reports: HTML pages of evaluation, compression, planning and validation."""

from pennyweight.reports.ablation_table import ablation_page
from pennyweight.reports.capacity import capacity_page
from pennyweight.reports.comparison import comparison_page
from pennyweight.reports.evaluation import Example, ExampleItem, evaluation_page
from pennyweight.reports.frontier import frontier_page
from pennyweight.reports.scaling import scaling_page
from pennyweight.reports.validation import validation_page

__all__ = [
    "Example",
    "ExampleItem",
    "ablation_page",
    "capacity_page",
    "comparison_page",
    "evaluation_page",
    "frontier_page",
    "scaling_page",
    "validation_page",
]
