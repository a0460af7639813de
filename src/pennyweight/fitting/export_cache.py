"""Models that only run as an export, exported once to the cache folder."""

import logging
from pathlib import Path

from pennyweight.encoders.exported_folder import (
    DECODERS,
    ENCODERS,
    MAX_CACHED,
    ExportedFolder,
)
from pennyweight.encoders.families import FAMILIES
from pennyweight.encoders.modules import read_modules
from pennyweight.encoders.tensor_files import read_json, tensor_files
from pennyweight.errors import DataError, MissingExtraError
from pennyweight.storage.files import cache_folder, digest, file_sha256
from pennyweight.storage.folders import evict_folders
from pennyweight.storage.locks import locked

__all__ = ["exported_once", "needs_export"]

_log = logging.getLogger(__name__)

VERSION = "export 1"  # raise it when an export would be another one
MODEL = "export/model"  # not in the locked folder itself: writing locks the parent


def needs_export(folder: Path) -> bool:
    """Return whether a model is of a family that is run as an export alone."""
    config = folder / "config.json"
    model_type = read_json(config).get("model_type") if config.is_file() else None
    return model_type not in FAMILIES and model_type in ENCODERS + DECODERS


def exported_once(folder: Path, name: str) -> ExportedFolder:
    """Return the export of a model, from the cache folder if it was exported before.

    Raises
    ------
    DataError
        The model cannot be exported, or the extra train is not installed.
    """
    place = cache_folder() / "exported" / _key(folder, name)
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        try:
            exported = ExportedFolder.open(place / MODEL)
        except DataError:  # absent or damaged
            exported = _export(folder, name, place / MODEL)
        place.touch()
    evict_folders(place.parent, keep=MAX_CACHED)
    return exported


def _export(folder: Path, name: str, place: Path) -> ExportedFolder:
    try:
        from pennyweight.training.encoder_export import export_encoder
    except MissingExtraError as error:
        model_type = read_json(folder / "config.json").get("model_type")
        raise DataError(
            f"{name}: a {model_type} model is exported once with torch before it runs without it: "
            f"pip install 'pennyweight[train]', or run `pennyweight encoder add {name} --out DIR` "
            "where that is installed, and name DIR"
        ) from error
    _log.warning(
        "exporting %s once to the cache folder; `pennyweight encoder add` exports it to a folder "
        "of yours, also in 8 bits",
        name,
    )
    return export_encoder(folder, place, name=name, progress=False)


def _key(folder: Path, name: str) -> str:
    names = ["config.json", *tensor_files(folder), *read_modules(folder).files]
    names += sorted(path.name for path in folder.glob("*token*.json"))
    return digest(VERSION, name, *(file_sha256(folder / name) for name in names))
