"""The encoders on this machine: the default model, downloaded and exported ones, and tables."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pennyweight.config.frozen import FrozenModel
from pennyweight.encoders.exported_folder import (
    DECODERS,
    ENCODERS,
    ExportedFolder,
    is_exported,
)
from pennyweight.encoders.families import FAMILIES
from pennyweight.encoders.registry import ENCODERS as KINDS
from pennyweight.encoders.static import StaticEncoder
from pennyweight.encoders.tensor_files import read_json
from pennyweight.encoders.weights import find_folder
from pennyweight.errors import PennyweightError
from pennyweight.storage.files import cache_folder

__all__ = ["FoundEncoder", "encoder_kinds", "find_encoders"]


class FoundEncoder(FrozenModel):
    """A model that can be named as an encoder.

    Attributes
    ----------
    name
        Given as ``--encoder`` where it is installed or downloaded; an exported one is given by its
        folder, and a table is that of ``static``.
    state
        ``installed``, ``downloaded``, ``exported`` by a fit to the cache folder, or ``table``,
        distilled before.
    family
        As transformers names it; `runs` says how it is run.
    """

    name: str
    state: Literal["installed", "downloaded", "exported", "table"]
    family: str
    runs: str
    nbytes: int
    folder: str


def find_encoders() -> list[FoundEncoder]:
    """Look for models on this machine; nothing is downloaded."""
    return [*_default(), *_downloaded(), *_exported(), *_tables()]


def encoder_kinds() -> tuple[str, ...]:
    """Return the kinds of encoders, those of installed packages included."""
    return KINDS.names()


def _default() -> Iterator[FoundEncoder]:
    try:
        folder, _ = find_folder(None)
    except PennyweightError:
        return
    yield FoundEncoder(
        name="minilm",
        state="installed",
        family="bert",
        runs=_runs("bert"),
        nbytes=_nbytes(folder),
        folder=str(folder),
    )


def _downloaded() -> Iterator[FoundEncoder]:
    """Yield the models of the Hugging Face cache that have one of the families."""
    from huggingface_hub.constants import HF_HUB_CACHE  # slow to import, seldom needed

    for repository in sorted(Path(HF_HUB_CACHE).glob("models--*")):
        for config in sorted(repository.glob("snapshots/*/config.json"))[-1:]:
            try:
                family = str(read_json(config).get("model_type"))
            except PennyweightError:
                continue
            if family in {*FAMILIES, *ENCODERS, *DECODERS}:
                yield FoundEncoder(
                    name=repository.name.removeprefix("models--").replace("--", "/", 1),
                    state="downloaded",
                    family=family,
                    runs=_runs(family),
                    nbytes=_nbytes(config.parent),
                    folder=str(config.parent),
                )


def _exported() -> Iterator[FoundEncoder]:
    root = cache_folder() / "exported"
    for folder in sorted([*root.glob("*/export/model"), *root.glob("*")]):
        if not is_exported(folder):
            continue
        try:
            exported = ExportedFolder.open(folder)
        except PennyweightError:
            continue
        yield FoundEncoder(
            name=f"{exported.description.source} ({exported.description.precision})",
            state="exported",
            family=exported.description.model_type,
            runs="exported",
            nbytes=exported.nbytes,
            folder=str(folder),
        )


def _tables() -> Iterator[FoundEncoder]:
    for folder in sorted((cache_folder() / "static").glob("*")):
        try:
            table = StaticEncoder.load(folder)
        except PennyweightError:
            continue
        yield FoundEncoder(
            name=table.name,
            state="table",
            family="static",
            runs="token table",
            nbytes=_nbytes(folder),
            folder=str(folder),
        )


def _runs(family: str) -> str:
    return "from its checkpoint" if family in FAMILIES else "exported once"


def _nbytes(folder: Path) -> int:
    return sum(os.stat(path).st_size for path in folder.rglob("*") if path.is_file())
