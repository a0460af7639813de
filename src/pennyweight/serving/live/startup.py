"""The start of a service: cleanup after a kill, then the first bundle that can be served."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pennyweight.errors import PennyweightError, PlanError, StoreError
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.live.erased_users import strip_bundles
from pennyweight.serving.live.experiment import EXPERIMENTS, Experiment, running
from pennyweight.serving.live.publishing import PREVIOUS, SINCE, TRAFFIC
from pennyweight.serving.live.variants import Buckets, Variant

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["start_serving"]

_log = logging.getLogger(__name__)


def _begin(engine: "Engine") -> None:
    """Tidy up after a kill, and begin a branch of the store; a disk that refuses stops neither."""
    try:
        for name in engine.publishing.bundles.clean():
            _log.warning("%s: half made or half deleted when the service was killed; deleted", name)
        engine.store.writer.submit(lambda store: store.begin_branch()).result()
        registry = engine.publishing.registry
        bundles = registry.unregistered()
        strip_bundles(engine.store, engine.publishing, [stored.version for stored in bundles])
        for stored in bundles:
            registry.register(stored.version, stored.source, engine.clock())
        engine.users.finish_erasures()
    except OSError as error:
        engine.notes.add("disk", f"the disk refuses: {error}; lists are given, nothing is kept")


def _fallbacks(
    variants: Sequence[Variant], before: Sequence[Variant], bundles: Sequence[StoredBundle]
) -> list[list[Variant]]:
    """Return alternatives in order: one of the variants, the previous ones, the newest bundles."""
    halves = sorted(variants, key=lambda variant: -variant.share) if len(variants) > 1 else []
    others = [variant.version for variant in (*halves, *before)]
    newest = sorted(bundles, key=lambda stored: -stored.added)
    others += [stored.version for stored in newest]
    tries = [[Variant(variant.version, 1.0)] for variant in halves]
    tries += [list(before)] if before else []
    return [*tries, *([Variant(version, 1.0)] for version in dict.fromkeys(others))]


def _experiment(engine: "Engine", variants: Sequence[Variant]) -> Experiment | None:
    """Return the experiment of several variants.

    In a store of an earlier version, bundles shared the users without one: it begins then.
    """
    if len(variants) == 1:
        return None
    experiments = engine.publishing.experiments()
    last = running(experiments)
    if last is None:
        started = float(engine.store.setting(SINCE) or engine.clock())
        last = Experiment(
            f"experiment {len(experiments) + 1}",
            tuple(variants),
            Buckets.of(variants, ""),
            started,
            "start",
        )
        with suppress(StoreError):  # it runs, whether the disk takes its record or not
            rows = [experiment.to_json() for experiment in (*experiments, last)]
            engine.store.save_settings({EXPERIMENTS: rows})
    return last


def _serve_first(engine: "Engine", tries: Sequence[Sequence[Variant]]) -> None:
    """Serve the first of several that can be loaded; say what could not.

    Raises
    ------
    Exception
        That of the first, where none can.
    """
    failed: Exception | None = None
    for variants in tries:
        try:
            experiment = _experiment(engine, variants)
            engine.publishing.switch(variants, engine.publishing.load(variants), experiment)
        except Exception as error:  # whatever is wrong with one, another may be whole
            names = " and ".join(variant.version for variant in variants)
            together = " together" if len(variants) > 1 else ""  # one of them may be whole
            _log.error("%s cannot be served%s: %s", names, together, error)
            failed = failed or error
            continue
        if failed is not None:
            served = ", ".join(variant.version for variant in engine.traffic.split.variants)
            engine.notes.add(
                "damaged",
                f"the bundle that should answer cannot be loaded, so that "
                f"{served} answers in its place: {failed}",
            )
        return
    assert failed is not None
    raise failed


def start_serving(engine: "Engine", bundle: Path | str | None) -> None:
    """Serve the last bundles, or a new bundle named at the start; see `Engine.start`."""
    with engine.publishing.lock:
        _begin(engine)
        variants = engine.publishing.saved_variants(TRAFFIC)
        if bundle is not None and _serve_named(engine, bundle, variants):
            return
        if not variants:
            raise PlanError("no bundle has been published here; name one to serve")
        previous, bundles = engine.publishing.previous(), engine.publishing.stored_bundles()
        _serve_first(engine, [variants, *_fallbacks(variants, previous, bundles)])


def _borrow(engine: "Engine", bundle: Path | str, error: StoreError) -> None:
    """Serve a bundle from where it lies, since the disk refuses to take it."""
    variants = [Variant(engine.publishing.bundles.borrow(bundle, engine.clock()).version, 1.0)]
    engine.publishing.switch(variants, engine.publishing.load(variants))
    engine.notes.add(
        "borrowed",
        f"{bundle} cannot be taken over ({error}); it is served from where it "
        "lies, and must stay there",
    )


def _serve_named(engine: "Engine", bundle: Path | str, variants: Sequence[Variant]) -> bool:
    """Serve a bundle that is named at the start, unless it is known; return whether it is."""
    known_versions = {stored.version for stored in engine.publishing.stored_bundles()}
    try:
        version = engine.publishing.add(bundle, actor="start").version
        if version in known_versions and variants:
            return False
        engine.publishing.serve(version, actor="start")
    except PennyweightError as error:
        if not variants and isinstance(error, StoreError):
            _borrow(engine, bundle, error)
            return True
        if not variants:
            raise
        engine.notes.add("start", f"the bundle named at the start is not used: {error}")
        return False
    if variants:
        engine.store.save_settings({PREVIOUS: [asdict(variant) for variant in variants]})
    return True
