"""What a service starts with: what was left is tidied up, and what can be served is tried."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pennyweight.errors import BundleError, PennyweightError, PlanError, StoreError
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.live.erasure import finish_erasures, strip_erased
from pennyweight.serving.live.publishing import ARMS, BEFORE
from pennyweight.serving.live.traffic_split import Variant

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["start_serving"]

_log = logging.getLogger(__name__)


def _begin(engine: "Engine") -> None:
    """Tidy up after a kill, and begin a branch of the store; a disk that refuses stops neither."""
    try:
        for name in engine.models.clean():
            _log.warning("%s: half made or half deleted when the service was killed; deleted", name)
        engine.writer.submit(lambda store: store.begin_branch()).result()
        for model in engine.registry.unnoted():
            try:
                strip_erased(engine, model.version, actor="start")
            except BundleError as error:
                _log.error("%s: %s", model.version, error)  # it cannot be served either
            engine.registry.register(model.version, model.source, engine.clock())
        finish_erasures(engine)
    except OSError as error:
        engine.say("disk", f"the disk refuses: {error}; lists are given, nothing is kept")


def _fallbacks(
    arms: Sequence[Variant], before: Sequence[Variant], known: Sequence[StoredBundle]
) -> list[list[Variant]]:
    """Return what to serve instead of some arms, in order: a half, those before, the newest."""
    halves = sorted(arms, key=lambda arm: -arm.share) if len(arms) > 1 else []
    others = [arm.version for arm in (*halves, *before)]
    newest = sorted(known, key=lambda model: -model.added)
    others += [model.version for model in newest]
    tries = [[Variant(arm.version, 1.0)] for arm in halves]
    tries += [list(before)] if before else []
    return [*tries, *([Variant(version, 1.0)] for version in dict.fromkeys(others))]


def _serve_first(engine: "Engine", tries: Sequence[Sequence[Variant]]) -> None:
    """Serve the first of several that can be loaded; say what could not.

    Raises
    ------
    Exception
        That of the first, where none can.
    """
    failed: Exception | None = None
    for arms in tries:
        try:
            engine.switch(arms, engine.load(arms))
        except Exception as error:  # whatever is wrong with one, another may be whole
            which = " and ".join(arm.version for arm in arms)
            together = " together" if len(arms) > 1 else ""  # one of them may be whole
            _log.error("%s cannot be served%s: %s", which, together, error)
            failed = failed or error
            continue
        if failed is not None:
            served = ", ".join(arm.version for arm in engine.arms.arms)
            engine.say("damaged", f"the bundle that should answer cannot be loaded, so that "
                       f"{served} answers in its place: {failed}")  # fmt: skip
        return
    assert failed is not None
    raise failed


def start_serving(engine: "Engine", bundle: Path | str | None) -> None:
    """Serve what was served before, or a bundle that was not known here yet; see `Engine.start`."""
    with engine.publishing:
        _begin(engine)
        noted = engine.noted_arms(ARMS)
        if bundle is not None and _serve_named(engine, bundle, noted):
            return
        if not noted:
            raise PlanError("no bundle was ever published here; name one to serve")
        _serve_first(engine, [noted, *_fallbacks(noted, engine.before(), engine.known())])


def _borrow(engine: "Engine", bundle: Path | str, error: StoreError) -> None:
    """Serve a bundle from where it lies, since the disk refuses to take it."""
    arms = [Variant(engine.models.borrow(bundle, engine.clock()).version, 1.0)]
    engine.switch(arms, engine.load(arms))
    engine.say("borrowed", f"{bundle} cannot be taken over ({error}); it is served from where it "
               "lies, and must stay there")  # fmt: skip


def _serve_named(engine: "Engine", bundle: Path | str, noted: Sequence[Variant]) -> bool:
    """Serve a bundle that is named at the start, unless it is known; return whether it is."""
    known = {model.version for model in engine.known()}
    try:
        version = engine.add(bundle, actor="start").version
        if version in known and noted:
            return False
        engine.serve([Variant(version, 1.0)], actor="start")
    except PennyweightError as error:
        if not noted and isinstance(error, StoreError):
            _borrow(engine, bundle, error)
            return True
        if not noted:
            raise
        engine.say("start", f"the bundle named at the start is not used: {error}")
        return False
    if noted:
        engine.note({BEFORE: [asdict(arm) for arm in noted]})
    return True
