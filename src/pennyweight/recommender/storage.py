"""The contents of the files of a recommender's bundle."""

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import polars as pl
from numpy.typing import NDArray

from pennyweight.bundle import MANIFEST, Bundle, Origin, open_bundle, write_bundle
from pennyweight.config.frozen import FrozenModel
from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions, NegativeFeedback
from pennyweight.errors import BundleError, DataError
from pennyweight.recommender.display import summary
from pennyweight.recommender.integrity import (
    check_catalog,
    check_interactions,
    check_scorer,
    refusing_damage,
)
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.ranking_trees import catalog_digest
from pennyweight.scorers.registry import load_scorer
from pennyweight.storage.arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    from pennyweight.recommender.recommender import Recommender

__all__ = [
    "EVENTS",
    "USERS",
    "forget_users",
    "load",
    "read_catalog",
    "read_interactions",
    "read_scorer",
    "read_spec",
    "save",
    "write_catalog",
    "write_interactions",
]

Spec = TypeVar("Spec", bound=FrozenModel)

SETTINGS, SCORER = "recommender.json", "scorer"
ITEMS, ATTRIBUTES = "items.arrow", "attributes.arrow"
USERS, EVENTS = "users.arrow", "events.safetensors"
_ONCE = "available"  # the column that earlier versions took, which noted none
COLUMNS = ("user", "item", "time", "weight", "kind", "split")
NEGATIVE = {name: f"negative_{name}" for name in ("user", "item", "time")}


def save(
    recommender: "Recommender",
    path: Path | str,
    *,
    overwrite: bool,
    created: datetime | None,
    parent: str | None,
    extra: Callable[[], Mapping[str, bytes]] | None,
) -> Bundle:
    """Write a bundle; see `Recommender.save`."""

    def fill(folder: Path) -> None:
        write_catalog(folder, recommender.catalog)
        if recommender.interactions is not None:
            write_interactions(folder, recommender.interactions)
        (folder / SCORER).mkdir()
        recommender.scorer.save(folder / SCORER)
        settings: dict[str, Any] = {
            "repeats": recommender.repeats,
            "scorer": recommender.scorer.kind,
        }
        if recommender.catalog.text_columns:
            settings["text_columns"] = list(recommender.catalog.text_columns)
        if recommender.catalog.availability or _ONCE in recommender.catalog.attributes.columns:
            settings["availability"] = list(recommender.catalog.availability)
        text = json.dumps(settings, indent=2, ensure_ascii=False)
        (folder / SETTINGS).write_text(text + "\n", encoding="utf-8")
        recommender.report = _with_bytes(recommender.report, folder)
        for name, data in (extra() if extra else {}).items():
            (folder / name).write_bytes(data)

    return write_bundle(
        path,
        fill,
        created=created or datetime.now(UTC),
        summary=summary(recommender),
        plan=_as_json(recommender.plan),
        report=lambda: _as_json(recommender.report),
        parent=parent,
        fitted_from=recommender.origin.to_json(),
        overwrite=overwrite,
    )


def read_scorer(bundle: Bundle) -> tuple[Scorer, Literal["exclude", "include"]]:
    """Read the fitted scorer, and whether repeats may be recommended."""
    settings, folder = _settings(bundle), bundle.path / SCORER
    repeats, kind = settings.get("repeats"), str(settings.get("scorer"))
    if repeats not in ("exclude", "include"):
        path = bundle.file(SETTINGS)
        raise BundleError(f"{path}: does not say how repeats are treated; save it again")
    return Blend.load(folder) if kind == Blend.kind else load_scorer(kind, folder), repeats


def _settings(bundle: Bundle) -> dict[str, Any]:
    try:
        settings = json.loads(bundle.file(SETTINGS).read_bytes())
    except (ValueError, RecursionError):
        settings = None
    return settings if isinstance(settings, dict) else {}


def _with_bytes(report: Report | None, folder: Path) -> Report | None:
    """Return the report with the bytes that have been written to a folder."""
    if report is None:
        return None
    nbytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return report.model_copy(
        update={"cost": report.cost.model_copy(update={"bundle_bytes": nbytes})}
    )


def load(kind: "type[Recommender]", path: Path | str, *, verify: bool) -> "Recommender":
    """Read a bundle; see `Recommender.load`."""
    bundle = open_bundle(path, verify=verify)
    manifest = bundle.manifest
    with refusing_damage(bundle.path):
        scorer, repeats = read_scorer(bundle)
        catalog, log = read_catalog(bundle), read_interactions(bundle)
        recommender = kind(catalog, scorer, log, repeats=repeats)
        check_scorer(scorer, len(catalog))
        if scorer.trees is not None:
            scorer.trees.check_catalog(catalog_digest(catalog.ids))
        recommender.plan = read_spec(bundle, manifest.plan, Plan)
        recommender.report = read_spec(bundle, manifest.report, Report)
    source = str(bundle.path / MANIFEST)
    recommender.origin = Origin.from_json(manifest.fitted_from, source=source)
    recommender.bundle = bundle
    return recommender


def write_catalog(folder: Path, catalog: Catalog) -> None:
    """Write ids and texts to one Arrow file, attributes to another."""
    for name, dtype in catalog.attributes.schema.items():
        if isinstance(dtype, pl.Object):
            raise DataError(
                f"column {name!r} holds Python objects, which cannot be saved; "
                "turn it into text, numbers or lists of them"
            )
    _write_table(folder / ITEMS, {"id": list(catalog.ids), "text": list(catalog.texts)})
    catalog.attributes.write_ipc(folder / ATTRIBUTES, compression="uncompressed")


def read_catalog(bundle: Bundle) -> Catalog:
    """Read the files that `write_catalog` wrote."""
    items = _read_table(bundle, ITEMS)
    ids = Ids(items["id"].to_list(), "items")
    attributes = _read_table(bundle, ATTRIBUTES)
    settings = _settings(bundle)
    columns = tuple(settings.get("text_columns", ()))
    availability = tuple(settings["availability"]) if "availability" in settings else None
    if availability is None:
        availability = tuple(name for name in (_ONCE,) if name in attributes.columns)
    catalog = Catalog(ids, tuple(items["text"].to_list()), attributes, columns, availability)
    check_catalog(catalog)
    return catalog


def write_interactions(folder: Path, interactions: Interactions) -> None:
    """Write user ids to an Arrow file, events to a safetensors file."""
    _write_table(folder / USERS, {"id": list(interactions.users)})
    arrays = {name: getattr(interactions, name) for name in COLUMNS}
    if len(interactions.negative):
        arrays |= {key: getattr(interactions.negative, name) for name, key in NEGATIVE.items()}
    settings: dict[str, Any] = {
        "kinds": list(interactions.kinds),
        "real_time": interactions.real_time,
        "n_items": interactions.n_items,
    }
    if interactions.meanings:
        settings["meanings"] = dict(interactions.meanings)
    if interactions.liking is not None:
        settings["liking"] = interactions.liking
    write_arrays(folder / EVENTS, arrays, settings)


def read_interactions(bundle: Bundle) -> Interactions | None:
    """Map the files of `write_interactions`, if there are any; the arrays are read-only."""
    if EVENTS not in bundle.manifest.files:
        return None
    arrays, settings = read_arrays(bundle.file(EVENTS), verify=False)
    users = Ids(_read_table(bundle, USERS)["id"].to_list(), "users")
    try:
        log = Interactions(
            users=users,
            n_items=int(settings["n_items"]),
            kinds=tuple(settings["kinds"]),
            real_time=bool(settings["real_time"]),
            negative=_negative(arrays),
            meanings=settings.get("meanings", {}),
            liking=settings.get("liking"),
            **{name: arrays[name] for name in COLUMNS},
        )
    except KeyError as error:
        raise BundleError(f"{bundle.file(EVENTS)}: has no {error}; save it again") from None
    with refusing_damage(bundle.file(EVENTS)):
        check_interactions(log, users)
    return log


def _negative(arrays: Mapping[str, NDArray[Any]]) -> NegativeFeedback:
    if NEGATIVE["item"] not in arrays:
        return NegativeFeedback()
    return NegativeFeedback(**{name: arrays[key] for name, key in NEGATIVE.items()})


def forget_users(bundle: Bundle, users: Collection[str]) -> int | None:
    """Write a bundle again without the ids and the events of some users.

    The scorers keep the parameters learned from these events, and hold no ids of users.

    Returns
    -------
    int or None
        How many events that were; None, and nothing is written, where no user is known.
    """
    log = read_interactions(bundle)
    if log is None:
        return None
    remaining = log.without_users(users)
    if remaining is log:
        return None

    def fill(folder: Path) -> None:
        for name in bundle.manifest.files:
            if name not in (USERS, EVENTS):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(bundle.path / name, folder / name)
        write_interactions(folder, remaining)

    manifest = bundle.manifest
    write_bundle(
        bundle.path,
        fill,
        created=datetime.fromisoformat(manifest.created),
        summary=manifest.summary | {"users": len(remaining.users), "events": len(remaining)},
        plan=manifest.plan,
        report=manifest.report,
        parent=manifest.parent,
        fitted_from=manifest.fitted_from,
        overwrite=True,
    )
    return len(log) + len(log.negative) - len(remaining) - len(remaining.negative)


def _as_json(value: FrozenModel | None) -> dict[str, Any] | None:
    """Return a plan or report as plain values; keys without one are left out."""
    return None if value is None else value.model_dump(mode="json", exclude_none=True)


def read_spec(bundle: Bundle, value: dict[str, Any] | None, kind: type[Spec]) -> Spec | None:
    """Read the files that `save` wrote; `BundleError` naming the key where it does not fit."""
    if value is None:
        return None
    where = f"{bundle.path / MANIFEST}: {kind.__name__.lower()}"
    return kind.from_json(json.dumps(value), source=where)


def _write_table(path: Path, columns: dict[str, list[str]]) -> None:
    try:
        frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    except UnicodeEncodeError as error:
        raise DataError(f"an id or text is not Unicode and cannot be saved: {error}") from None
    frame.write_ipc(path, compression="uncompressed")


def _read_table(bundle: Bundle, name: str) -> pl.DataFrame:
    path = bundle.file(name)
    try:
        return pl.read_ipc(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BundleError(f"{path}: not an Arrow file: {error}; save it again") from error
