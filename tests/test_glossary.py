"""The glossary has every public class, and only terms that the code or the command line has."""

import importlib
import re
from pathlib import Path

import pennyweight

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `([^`]+)` \|$", re.MULTILINE)
# Modules with the protocols and values that extensions of the package use.
EXTENSION_POINTS = (
    "encoders.protocol",
    "errors",
    "ranking.request",
    "ranking.stages",
    "scorers.protocol",
    "serving.stores.browsing",
    "serving.stores.protocol",
)
CLASSES = {
    "AblationTable",
    "AsyncClient",
    "AttributedEvent",
    "Audit",
    "Boost",
    "Budget",
    "Browser",
    "BudgetError",
    "BundleError",
    "BusyError",
    "Catalog",
    "Client",
    "DataError",
    "Dataset",
    "Encoder",
    "EndpointError",
    "ErasureCounts",
    "Event",
    "EventFilter",
    "EventPage",
    "EventPlace",
    "ExplorationFeedback",
    "Frontier",
    "Interactions",
    "LanguageModelEncoder",
    "ListExposure",
    "ListFeedback",
    "MissingExtraError",
    "PennyweightError",
    "Plan",
    "PlanError",
    "ProgressUpdate",
    "RankingBatch",
    "RankingRequest",
    "ReadOnlyError",
    "Recommendation",
    "Recommendations",
    "Recommender",
    "Report",
    "RowCount",
    "Scorer",
    "Stage",
    "Store",
    "StoreError",
    "StoredItem",
    "TableEncoder",
    "TrainingError",
    "UnfinishedErasureError",
    "UnknownIdError",
    "UserActivity",
    "UserPage",
    "UnknownUserWarning",
}


def public_classes() -> set[str]:
    modules = [importlib.import_module(f"pennyweight.{name}") for name in EXTENSION_POINTS]
    return {
        name
        for module in (pennyweight, *modules)
        for name in module.__all__
        if isinstance(getattr(module, name), type)
    }


def rows() -> list[tuple[str, str, str]]:
    return ROW.findall((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))


def test_the_public_classes_are_these() -> None:
    assert public_classes() == CLASSES


def test_every_public_class_has_a_line() -> None:
    assert CLASSES - {name for _, _, name in rows()} == set()


def test_terms_and_names_occur_once() -> None:
    terms, _, names = zip(*rows(), strict=True)
    assert len(set(terms)) == len(terms) and len(set(names)) == len(names)


def test_every_name_occurs_in_the_code() -> None:
    words = {
        word
        for path in (ROOT / "src").rglob("*.py")
        for word in re.findall(r"\w+", f"{path.stem} {path.read_text(encoding='utf-8')}")
    }
    assert {name for _, _, name in rows()} - words == set()
