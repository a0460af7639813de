"""`doctor`: the resources of this machine, and missing packages."""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Annotated, Any

import typer

from pennyweight.cli.output import dump, say
from pennyweight.formatting import size

__all__ = ["doctor"]

PACKAGES = ("numpy", "scipy", "polars", "onnxruntime", "tokenizers")


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Report the resources of this machine and missing packages."""
    examination = _examine()
    if json:
        dump(examination)
        return
    machine, model = examination["machine"], examination["language_model"]
    flags = ", ".join(machine["flags"]) or "none of note"
    say(f"pennyweight {examination['pennyweight']}, Python {examination['python']}")
    say(f"processor   {machine['cpu']}; instructions: {flags}")
    say(f"cores       {machine['cores']} usable")
    say(f"memory      {size(machine['available_bytes'])} free of {size(machine['memory_bytes'])}")
    say("packages    " + ", ".join(f"{name} {v}" for name, v in examination["packages"].items()))
    if model["found"]:
        checked = "checksums agree" if model["verified"] else "not the default model"
        say(f"model       {model['name']} in {model['folder']}; {checked}")
    else:
        say(f"model       missing: {model['remedy']}")
    say(f"cache       {examination['cache']}")
    for name, extra in examination["extras"].items():
        state = "installed" if extra["installed"] else f"missing: {extra['remedy']}"
        say(f"extra       {name} ({', '.join(extra['packages'])}): {state}")


def _examine() -> dict[str, Any]:
    from pennyweight.machine.machine import Machine, available_memory
    from pennyweight.storage.files import cache_folder

    machine = Machine.measure()
    return {
        "pennyweight": version("pennyweight"),
        "python": ".".join(map(str, sys.version_info[:3])),
        "machine": {
            "cpu": machine.cpu,
            "flags": list(machine.flags),
            "cores": machine.cores,
            "memory_bytes": machine.memory,
            "available_bytes": available_memory(),
        },
        "packages": {name: version(name) for name in PACKAGES},
        "language_model": _model(),
        "cache": str(cache_folder()),
        "extras": _extras(),
    }


def _model() -> dict[str, Any]:
    from pennyweight.encoders.weights import find_weights
    from pennyweight.errors import DataError

    try:
        weights = find_weights()
    except DataError as error:
        return {"found": False, "remedy": str(error)}
    return {
        "found": True,
        "name": weights.name,
        "folder": str(weights.folder),
        "verified": weights.verified,
    }


def _extras() -> dict[str, dict[str, Any]]:
    """Look up the extras that this package declares."""
    extras: dict[str, dict[str, Any]] = {}
    for name in metadata("pennyweight").get_all("Provides-Extra") or ():
        marked = re.compile(rf"^([\w.-]+).*;.*\bextra\s*==\s*['\"]{re.escape(name)}['\"]")
        packages = [m[1] for line in requires("pennyweight") or () if (m := marked.match(line))]
        extras[name] = {
            "packages": packages,
            "installed": all(map(_installed, packages)),
            "remedy": f'pip install "pennyweight[{name}]"',
        }
    return extras


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
