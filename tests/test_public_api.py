"""The public names, and what importing them must not cost."""

import subprocess
import sys

import pennyweight

NAMES = [
    "AblationTable",
    "AsyncClient",
    "Budget",
    "Catalog",
    "Client",
    "Dataset",
    "Frontier",
    "Interactions",
    "PennyweightError",
    "Plan",
    "ProgressUpdate",
    "Recommender",
    "Report",
    "__version__",
    "ablate",
    "compress",
    "evaluate",
    "fit",
    "frontier",
    "read",
    "score_lists",
    "split_events",
]
HEAVY = ("torch", "transformers", "ray", "fastapi", "pandas", "sklearn", "scipy.optimize")


def test_the_public_names_are_these():
    assert pennyweight.__all__ == NAMES
    assert all(getattr(pennyweight, name) is not None for name in NAMES)


def test_names_are_callable_and_not_the_rooms_of_the_same_name():
    assert callable(pennyweight.fit)
    assert callable(pennyweight.evaluate)
    assert callable(pennyweight.compress)


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, pennyweight, pennyweight.fitting.pipeline, pennyweight.cli.app\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_client_loads_nothing_of_the_rest():
    rest = ("numpy", "polars", "fastapi", "pennyweight.serving", "pennyweight.data")
    code = (
        "import sys; from pennyweight import Client\n"
        f"print([name for name in {rest} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_dir_shows_the_public_names():
    assert dir(pennyweight) == sorted([*NAMES, "demo"])


def test_reprs_are_short_whatever_the_size():
    data = pennyweight.read(pennyweight.demo.books(), pennyweight.demo.readers(readers=50))
    log = data.interactions
    assert repr(data.catalog).startswith("Catalog(415 items; text: title + ")
    assert repr(log).startswith(f"Interactions({len(log):,} events, 50 users, 415 items, 20")
    assert repr(log.histories) == f"Histories(50 of {len(log):,} events)"
    assert repr(log.negative).endswith("items turned down)")
    assert len(repr(data)) < 500 and repr(data.catalog) in repr(data)
