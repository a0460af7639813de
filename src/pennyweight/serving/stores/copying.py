"""Copies of a database that others write to meanwhile."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import apsw

__all__ = ["copy_database"]

PAGES = 1_000  # of 4 KiB, in a step
LONGEST_PAUSE = 0.1  # seconds


def copy_database(
    database: apsw.Connection, path: Path, on_step: Callable[[int, int], None]
) -> None:
    """Write a database to a new file, as it is in the read transaction of the connection.

    The transaction keeps the copy to one moment; without it, each write of another process would
    begin the copy anew. After each step the disk is left to others for as long as the step took.

    Parameters
    ----------
    on_step
        Called with the pages that are copied, and all pages.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy = apsw.Connection(str(path))
    try:
        with copy.backup("main", database, "main") as steps:
            while not steps.done:
                began = time.monotonic()
                steps.step(PAGES)
                on_step(steps.page_count - steps.remaining, steps.page_count)
                time.sleep(min(LONGEST_PAUSE, time.monotonic() - began))
        copy.pragma("journal_mode", "delete")  # one file: no log beside it
    finally:
        copy.close()
