"""The template environment of all pages: autoescape on, an undefined name is an error."""

from functools import cache

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined

from pennyweight.formatting import count, duration, size

__all__ = ["environment"]


@cache
def environment(**packages: str) -> Environment:
    """Return the environment of some packages.

    Parameters
    ----------
    packages
        Prefix of template names -> the package whose folder ``templates`` has them. The prefix
        ``html`` (base page and macros) is always there.
    """
    loaders = {
        prefix: PackageLoader(package)
        for prefix, package in {"html": "pennyweight.html", **packages}.items()
    }
    made = Environment(
        loader=PrefixLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(count=count, duration=duration, size=size)
    return made
