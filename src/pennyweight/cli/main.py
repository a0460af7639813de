"""The entry point; Ctrl-C and a closed pipe are provided for before anything slow is imported."""

import sys
from collections.abc import Sequence

from pennyweight.cli import exits

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        exits.prepare()
        given = exits.words_of(sys.argv[1:] if arguments is None else arguments)
        from typer.main import get_command

        from pennyweight.cli.app import app

        get_command(app)(given, prog_name="pennyweight")
    except (Exception, KeyboardInterrupt) as error:
        sys.exit(exits.flushed(exits.code_of(error)))
