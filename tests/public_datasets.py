"""The public datasets of the tests, where the machine has them."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("PENNYWEIGHT_DATA") or Path(__file__).resolve().parents[1] / "data")


def folder_of(name: str) -> Path:
    """Return the folder of a dataset; skip the test where there is none."""
    folder = FOLDER / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}; set PENNYWEIGHT_DATA to the folder of the datasets")
    return folder
