"""The section on what was chosen for want of evidence, and on what cannot be measured."""

from html import escape

from pennyweight.spec.report import Report

__all__ = ["notices"]


def notices(report: Report) -> str:
    """Return the section, empty where there is nothing to say."""
    said = [*(report.notices or ()), *((str(report.new_items),) if report.new_items else ())]
    if not said:
        return ""
    rows = "".join(f"<li>{escape(one[:1].upper() + one[1:])}.</li>" for one in said)
    return f"<section><h2>Notes</h2><ul>{rows}</ul></section>"
