"""What a service starts with: what was left is tidied up, and what can be served is tried."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pennyweight.errors import BundleError
from pennyweight.recommender.damage import refusing_damage
from pennyweight.serve.engine.arms import Arm
from pennyweight.serve.engine.erasure import finish_erasures, strip_erased
from pennyweight.serve.engine.histories import HistoryCache
from pennyweight.serve.engine.lists import Wanted, find
from pennyweight.serve.engine.models import Model
from pennyweight.serve.engine.shelf import Shelf
from pennyweight.serve.store.protocol import Store

if TYPE_CHECKING:
    from pennyweight.serve.engine.engine import Engine

__all__ = ["begin", "check_lists", "fallbacks", "serve_first"]

_log = logging.getLogger(__name__)


def begin(engine: "Engine") -> None:
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


def fallbacks(
    arms: Sequence[Arm], before: Sequence[Arm], known: Sequence[Model]
) -> list[list[Arm]]:
    """Return what to serve instead of some arms, in order: a half, those before, the newest."""
    halves = sorted(arms, key=lambda arm: -arm.share) if len(arms) > 1 else []
    others = [arm.version for arm in (*halves, *before)]
    newest = sorted(known, key=lambda model: -model.added)
    others += [model.version for model in newest]
    tries = [[Arm(arm.version, 1.0)] for arm in halves]
    tries += [list(before)] if before else []
    return [*tries, *([Arm(version, 1.0)] for version in dict.fromkeys(others))]


def serve_first(engine: "Engine", tries: Sequence[Sequence[Arm]]) -> None:
    """Serve the first of several that can be loaded; say what could not.

    Raises
    ------
    Exception
        That of the first, where none can.
    """
    failed: Exception | None = None
    for arms in tries:
        try:
            engine.swap(arms)
        except Exception as error:  # whatever is wrong with one, another may be whole
            _log.error("%s cannot be served: %s", ", ".join(arm.version for arm in arms), error)
            failed = failed or error
            continue
        if failed is not None:
            served = ", ".join(arm.version for arm in engine.arms.arms)
            engine.say("damaged", f"the bundle that should answer cannot be loaded, so that "
                       f"{served} answers in its place: {failed}")  # fmt: skip
        return
    assert failed is not None
    raise failed


def check_lists(shelf: Shelf, store: Store, now: float) -> None:
    """Ask a bundle for lists before it answers anybody; `BundleError` where it cannot."""
    bundle = shelf.recommender.bundle
    with refusing_damage(Path(shelf.version) if bundle is None else bundle.path):
        for found in find(shelf, [Wanted(n=3), Wanted(user="", n=3)], HistoryCache(), store, now):
            if isinstance(found, Exception):
                raise found
