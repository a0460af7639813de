"""The entry point; Ctrl-C and a closed pipe are provided for before anything slow is imported."""

import sys
from collections.abc import Sequence

from pennyweight.cli import exit_codes

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        exit_codes.prepare()
        words = exit_codes.words_of(sys.argv[1:] if arguments is None else arguments)
        from typer.main import get_command

        from pennyweight.cli.app import app

        get_command(app)(words, prog_name="pennyweight")
    except (Exception, KeyboardInterrupt) as error:
        sys.exit(exit_codes.flushed(exit_codes.code_of(error)))
