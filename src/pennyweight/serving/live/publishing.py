"""Publishing: a bundle is taken over, loaded, tried, and then answers."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pennyweight.errors import PennyweightError, PlanError
from pennyweight.recommender.integrity import refusing_damage
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.live.clocks import item_disagreements
from pennyweight.serving.live.erasure import ERASING, strip_erased, without_erased
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.lists import ListRequest, rank_lists
from pennyweight.serving.live.restoring import restored
from pennyweight.serving.live.served_bundle import NOTHING_COVERED, ServedBundle
from pennyweight.serving.live.traffic_split import Variant, checked_variants
from pennyweight.serving.stores.protocol import Audit, Store

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = [
    "PREVIOUS",
    "SINCE",
    "TRAFFIC",
    "add_bundle",
    "drop_bundle",
    "load_bundle",
    "publish_variants",
]

# Settings in the store: what answers, what did before, and since when (epoch seconds).
TRAFFIC, PREVIOUS, SINCE = "traffic split", "previous traffic split", "traffic split since"


def add_bundle(engine: "Engine", bundle: Path | str, *, actor: str) -> StoredBundle:
    """Copy a bundle, without the users who were erased; nothing of it is kept where this fails."""
    with engine.publishing:
        before = engine.bundles.versions()
        version = engine.bundles.add(bundle)
        source, now = str(Path(bundle).resolve()), engine.clock()
        try:
            strip_erased(engine, version, actor=actor)
            entry = Audit(now, actor, "add bundle", version)
            return engine.registry.register(version, source, now, entry)
        except PennyweightError:
            if version not in before:
                engine.bundles.remove(version)
            raise


def publish_variants(engine: "Engine", variants: Sequence[Variant], *, actor: str) -> None:
    """Load and try bundles, note that they answer, and let them answer.

    Errors leave what is served as it is.
    """
    with engine.publishing:
        variants = checked_variants(variants)
        loaded = engine.load(variants)
        before = engine.traffic_split.variants if engine.is_ready else None
        settings: dict[str, Any] = {TRAFFIC: [asdict(variant) for variant in variants]}
        if before != variants:
            settings[SINCE] = engine.clock()
        if before is not None and before != variants:
            settings[PREVIOUS] = [asdict(variant) for variant in before]
        shares = ", ".join(f"{variant.version} {variant.share:g}" for variant in variants)
        engine.note(settings, Audit(engine.clock(), actor, "publish", shares))
        engine.switch(variants, loaded)
        for about in ("damaged", "start"):
            engine.notes.pop(about, None)


def drop_bundle(engine: "Engine", version: str, *, actor: str) -> None:
    """Delete a bundle; `PlanError` where it is served or would be rolled back to."""
    with engine.publishing:
        if version in {
            variant.version for variant in (*engine.traffic_split.variants, *engine.before())
        }:
            raise PlanError(f"the bundle {version!r} is served, or was before; it stays")
        engine.bundles.remove(version)
        engine.registry.forget(version, Audit(engine.clock(), actor, "drop bundle", version))
        engine.readings.keep_versions(engine.bundles.versions())


def load_bundle(engine: "Engine", version: str) -> tuple[ServedBundle, int]:
    """Return a bundle with the items on disk, tried, and the seq up to which it has them."""
    stored = next((one for one in engine.known() if one.version == version), None)
    shelf = engine.bundles.load(version, NOTHING_COVERED if stored is None else stored.covered)
    # Its files may name erased users where the disk refused to change them.
    if stored in engine.bundles.borrowed() or engine.read_now(lambda store: store.noted(ERASING)):
        whole = shelf
        shelf = engine.read_now(lambda store: without_erased(whole, store))
    found = restored(shelf, engine.readings, engine.read_now)
    engine.failed_items.update(found.failed)
    now = engine.clock()
    if texts := item_disagreements(found.states, now):
        engine.say("clock", "; ".join(texts))
    engine.read_now(lambda store: _check_lists(found.shelf, store, now))
    return found.shelf, found.seq


def _check_lists(shelf: ServedBundle, store: Store, now: float) -> None:
    """Ask a bundle for lists before it answers anybody; `BundleError` where it cannot."""
    bundle = shelf.recommender.bundle
    with refusing_damage(Path(shelf.version) if bundle is None else bundle.path):
        requests = [ListRequest(k=3), ListRequest(user="", k=3)]
        for ranked in rank_lists(shelf, requests, HistoryCache(), store, now):
            if isinstance(ranked, Exception):
                raise ranked
