"""Pages from the templates of the reports."""

from pennyweight.html.environment import environment

__all__ = ["PACKAGE", "render"]

PACKAGE = "pennyweight.reports"


def render(name: str, **context: object) -> str:
    """Return a page from a template of this package."""
    return environment(reports=PACKAGE).get_template(f"reports/{name}").render(context)
