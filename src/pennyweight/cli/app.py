"""The commands and their names."""

import functools
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer

from pennyweight.cli import (
    ablate,
    backup,
    bundles,
    calibrate,
    compress,
    demo,
    doctor,
    encoder,
    enrich,
    exit_codes,
    experiment,
    fit,
    keys,
    plan,
    recommend,
    tune,
    validate,
)
from pennyweight.cli.export import export
from pennyweight.cli.ingest import ingest
from pennyweight.cli.playground import playground
from pennyweight.cli.refit import refit
from pennyweight.cli.report import report
from pennyweight.cli.serve import serve
from pennyweight.cli.simulate import simulate

__all__ = ["app"]

app = typer.Typer(
    name="pennyweight",
    help="From a catalog with text and an event log to a measured recommender.",
    epilog="Start with `pennyweight demo`; `pennyweight COMMAND --help` has details.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into messages and exit codes, before typer makes its own of them."""

    @functools.wraps(command)
    def guarded(*args: Any, **options: Any) -> None:  # noqa: ANN401 - passed on
        try:
            command(*args, **options)
            code = exit_codes.flushed(exit_codes.OK)
        except (Exception, KeyboardInterrupt) as error:
            code = exit_codes.flushed(exit_codes.code_of(error))
        raise typer.Exit(code)

    return guarded


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"pennyweight {version('pennyweight')}")
        raise typer.Exit


@app.callback()
def _main(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


for _command in (
    validate.validate,
    fit.fit,
    fit.evaluate,
    ablate.ablate,
    tune.tune,
    enrich.enrich,
    compress.frontier,
    compress.compress,
    recommend.recommend,
    recommend.similar,
    serve,
    ingest,
    export,
    refit,
    bundles.bundles,
    bundles.publish,
    bundles.rollback,
    backup.backup,
    backup.restore,
    backup.check,
    report,
    simulate,
    calibrate.calibrate,
    plan.plan,
    doctor.doctor,
    demo.demo,
    playground,
):
    # An item id may begin with a dash, as an option does.
    _settings = {"ignore_unknown_options": True} if _command is recommend.similar else None
    app.command(_command.__name__, context_settings=_settings)(_guarded(_command))

_keys = typer.Typer(help="Keys of the service: make, list, revoke.", no_args_is_help=True)
for _name, _command in (("create", keys.create), ("list", keys.listed), ("revoke", keys.revoke)):
    _keys.command(_name)(_guarded(_command))
app.add_typer(_keys, name="keys")

_encoder = typer.Typer(
    help="Language models that encode texts: add, list, show, compare.", no_args_is_help=True
)
for _name, _command in (
    ("add", encoder.add),
    ("list", encoder.listed),
    ("show", encoder.show),
    ("compare", encoder.compare),
):
    _encoder.command(_name)(_guarded(_command))
app.add_typer(_encoder, name="encoder")

_experiment = typer.Typer(
    help="Compare bundles on the users of a service: plan, start, status, shares, stop, promote.",
    no_args_is_help=True,
)
for _name, _command in (
    ("plan", experiment.plan),
    ("start", experiment.start),
    ("status", experiment.status),
    ("shares", experiment.shares),
    ("stop", experiment.stop),
    ("promote", experiment.promote),
):
    _experiment.command(_name)(_guarded(_command))
app.add_typer(_experiment, name="experiment")
