"""The public names, and what importing them must not cost."""

import subprocess
import sys

import pennyweight

NAMES = [
    "Budget", "Catalog", "Dataset", "Frontier", "Interactions", "PennyweightError", "Plan",
    "Recommender", "Report", "__version__", "compress", "evaluate", "fit", "frontier", "read",
    "score_lists", "split_events",
]  # fmt: skip
HEAVY = ("torch", "transformers", "ray", "fastapi", "pandas", "sklearn")


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
