"""`report`: the page of the evaluation of a bundle."""

from pathlib import Path
from typing import Annotated

import typer

from pennyweight.cli.output import say
from pennyweight.cli.output_paths import file_place
from pennyweight.errors import BundleError

__all__ = ["report"]

PAGE = "report.html"


def report(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE|REPORT.json",
            help="A saved recommender, or a report of `evaluate --out`.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="Output file; by default in the bundle or beside the JSON."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the web browser.")] = False,
) -> None:
    """Write the report as one self-contained page, and print its path."""
    from pennyweight.storage.files import write_atomic

    file_place(out or source.with_suffix(".html") if source.is_file() else out, source)
    where, page = _of_file(source, out) if source.is_file() else _of_bundle(source, out)
    if page is not None:
        write_atomic(where, page)
    say(str(where))
    if show:
        typer.launch(where.resolve().as_uri())


def _of_file(source: Path, out: Path | None) -> tuple[Path, bytes]:
    from pennyweight.config.report import Report
    from pennyweight.reports import evaluation_page

    return out or source.with_suffix(".html"), evaluation_page(Report.read(source)).encode()


def _of_bundle(source: Path, out: Path | None) -> tuple[Path, bytes | None]:
    """Return the page that `fit` made; make one for a bundle that was saved without."""
    from pennyweight.bundle import open_bundle
    from pennyweight.cli.report_files import examples
    from pennyweight.recommender import Recommender
    from pennyweight.reports import evaluation_page

    bundle = open_bundle(source)
    if PAGE in bundle.manifest.files:
        page = bundle.file(PAGE)
        return (page, None) if out is None else (out, page.read_bytes())
    recommender = Recommender.load(source, verify=False)
    if recommender.report is None:
        raise BundleError(f"{source}: nothing was measured for it; make it with `pennyweight fit`")
    if out is None:
        raise BundleError(f"{source}: has no {PAGE}; say with --out where to write one")
    return out, evaluation_page(recommender.report, examples=examples(recommender)).encode()
