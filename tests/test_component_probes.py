"""No caller asks a scorer or an encoder for its type: its protocol describes it."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pennyweight
from pennyweight.encoders.protocol import Encoder
from pennyweight.scorers.protocol import Scorer

PACKAGE = Path(pennyweight.__file__).parent
ROOMS = ("scorers", "encoders")
# What scorers and encoders are called.
NAMES = {
    "scorer",
    "component",
    "content",
    "tower",
    "blend",
    "encoder",
    "teacher",
    "parent",
    "child",
    "part",
    "one",
    "fitted",
}


def modules() -> dict[Path, ast.Module]:
    paths = [
        path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ROOMS
    ]
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def component_classes(tree: ast.Module) -> set[str]:
    """Return the names under which a module imports scorers and encoders."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pennyweight."):
            if node.module.split(".")[1] not in ROOMS:
                continue
            module = import_module(node.module)
            for alias in node.names:
                value = getattr(module, alias.name)
                if isinstance(value, type) and {Scorer, Encoder} & set(value.__mro__):
                    found.add(alias.asname or alias.name)
    return found


def called(node: ast.expr) -> str:
    """Return the last name of an expression, such as ``scorer`` of ``self.scorer``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def probes(tree: ast.Module, classes: set[str]) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("isinstance", "issubclass"):
                asked = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                if asked & classes:
                    yield node
            elif node.func.id in ("hasattr", "getattr") and called(node.args[0]) in NAMES:
                yield node
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            kinds = [side for side in sides if called(side) == "kind"]
            owners = {called(side.value) for side in kinds if isinstance(side, ast.Attribute)}
            if owners & NAMES:
                yield node


def test_there_are_no_probes():
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in modules().items()
        for node in probes(tree, component_classes(tree))
    ]
    assert found == []


def test_a_probe_would_be_found():
    text = """
from pennyweight.scorers.content import Content
isinstance(scorer, Content | int)
hasattr(self.scorer, "decay")
scorer.kind == "tower"
isinstance(scorer, int)
"""
    tree = ast.parse(text)
    assert component_classes(tree) == {"Content"}
    assert len(list(probes(tree, component_classes(tree)))) == 3


def test_no_other_room_describes_scorers_of_its_own():
    for path, tree in modules().items():
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        decorators = {called(one) for node in classes for one in node.decorator_list}
        assert "runtime_checkable" not in decorators, path
