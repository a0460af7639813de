"""The files that docs/extending.md shows, as an installed package."""

import re
import tomllib
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
FILE = re.compile(r"^```\w+\n# file: (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def install(folder: Path) -> None:
    """Write the files of the page to a folder, with the metadata that an installer would write."""
    for name, text in FILE.findall(PAGE.read_text(encoding="utf-8")):
        (folder / name).write_text(text, encoding="utf-8")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text("\n".join(groups))


def class_of(name: str) -> type:
    """Return the class that a file of the page defines."""
    texts = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
    values: dict[str, object] = {}
    exec(compile(texts[f"{name}.py"], name, "exec"), values)
    (found,) = (
        v for v in values.values() if isinstance(v, type) and getattr(v, "kind", "") == name
    )
    return found
