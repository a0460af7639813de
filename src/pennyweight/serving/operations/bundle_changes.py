"""Changes of the served bundle from another process: by the service if one runs, else directly."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pennyweight.errors import BundleError, BusyError, PlanError, StoreError
from pennyweight.serving.live.bundles import BundleStore, StoredBundle
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.publishing import PREVIOUS, TRAFFIC, oldest_unused
from pennyweight.serving.live.registry import BundleRegistry
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.live_folder import (
    BUNDLES,
    STORE,
    check_live_folder,
    locked_folder,
    running_service,
)
from pennyweight.serving.stores.opening import open_store
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.storage.private import owner_only

__all__ = [
    "ACTOR",
    "KEY_VARIABLE",
    "ListedBundles",
    "carry_out",
    "check_may_publish",
    "listed_bundles",
    "prune",
    "publish",
    "roll_back",
]

KEY_VARIABLE = "PENNYWEIGHT_KEY"
ACTOR = "command line"
TIMEOUT = 600.0  # seconds: a bundle is copied, loaded and tried before the answer


class ListedBundles:
    """The bundles of a folder.

    Attributes
    ----------
    stored
        In the order in which they came.
    served, previous
        Version -> share of the users.
    """

    def __init__(
        self, stored: list[StoredBundle], served: list[Variant], previous: list[Variant]
    ) -> None:
        self.stored = stored
        self.served = {variant.version: variant.share for variant in served}
        self.previous = {variant.version: variant.share for variant in previous}


def listed_bundles(folder: Path) -> ListedBundles:
    """Return the bundles of a service's folder; the service may run."""
    check_live_folder(folder)
    bundles = BundleStore(folder / BUNDLES)
    with closing(SQLiteStore(folder / STORE)) as store:
        registry = BundleRegistry(bundles, lambda job: job(store), lambda settings, entry: None)
        served, previous = (
            [Variant(**variant) for variant in store.setting(key) or ()]
            for key in (TRAFFIC, PREVIOUS)
        )
        return ListedBundles(registry.stored_bundles(), served, previous)


def check_may_publish(folder: Path) -> None:
    """Ask the service of a folder, if one runs, whether the key of this process may publish.

    Raises
    ------
    PlanError
        It may not; names the variable of the key.
    StoreError
        The service does not answer.
    """
    check_live_folder(folder)
    address = running_service(folder)
    if address is not None:
        _ask(f"{address}/v1/bundles")  # needs the scope that a publication needs


def publish(
    folder: Path, bundle: Path, *, actor: str = ACTOR, force: bool = False
) -> tuple[str, ...]:
    """Add a bundle to a service's folder and serve it; return notes for operators.

    Parameters
    ----------
    force
        Serve it even if it has no item of the served bundle.

    Raises
    ------
    BundleError, PlanError, StoreError, BusyError
        Nothing was changed; says why.
    """
    body = {"path": str(bundle.resolve()), "force": force}
    return _notes(
        folder,
        "/v1/bundles",
        body,
        lambda engine: engine.publishing.publish(bundle, actor=actor, force=force),
    )


def roll_back(folder: Path) -> tuple[str, ...]:
    """Serve the previous bundles again; return notes for operators; errors as of `publish`."""
    return _notes(
        folder, "/v1/bundles/rollback", {}, lambda engine: engine.publishing.roll_back(actor=ACTOR)
    )


def prune(folder: Path, keep: int) -> list[str]:
    """Delete the oldest bundles that are not in use until some are left; return those deleted.

    Raises
    ------
    PlanError, StoreError, BusyError
        Says why; bundles deleted before stay deleted.
    """
    check_live_folder(folder)
    address = running_service(folder)
    if address is None:
        with _engine_of(folder) as engine:
            return engine.publishing.prune(keep, actor=ACTOR)
    listed = listed_bundles(folder)
    in_use = {*listed.served, *listed.previous}
    dropped = oldest_unused([stored.version for stored in listed.stored], in_use, keep)
    for version in dropped:
        _ask(f"{address}/v1/bundles/{version}", method="DELETE")
    return dropped


def _notes(
    folder: Path, path: str, body: dict[str, Any], act: Callable[[Engine], object]
) -> tuple[str, ...]:
    """Carry out a change, and return its notes for operators."""

    def noted(engine: Engine) -> dict[str, Any]:
        act(engine)
        return {"notes": list(engine.notes.values())}

    return tuple(carry_out(folder, ("POST", path), body, noted)["notes"])


def carry_out(
    folder: Path,
    route: tuple[str, str],
    body: dict[str, Any] | None,
    act: Callable[[Engine], dict[str, Any]],
) -> dict[str, Any]:
    """Return the answer of the service of a folder, or without one of its engine here.

    Parameters
    ----------
    route, body
        Method and path of the request, and its JSON.
    act
        Does the same with an engine, and returns the fields of the answer.
    """
    check_live_folder(folder)
    address = running_service(folder)
    if address is not None:
        method, path = route
        return _ask(f"{address}{path}", body, method=method)
    with _engine_of(folder) as engine:
        return act(engine)


@contextmanager
def _engine_of(folder: Path) -> Iterator[Engine]:
    """Yield the engine of a folder that no service uses."""
    with owner_only(), locked_folder(folder):
        engine = Engine(open_store(folder / STORE), BundleStore(folder / BUNDLES))
        try:
            engine.start(None)
            yield engine
        finally:
            engine.close()


def _ask(
    url: str, body: dict[str, Any] | None = None, *, method: str | None = None
) -> dict[str, Any]:
    """Return the answer of a service; by default to a POST of a body, or to a GET without one."""
    headers = {"Content-Type": "application/json"}
    key = os.environ.get(KEY_VARIABLE)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    # Not through a proxy: the service is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            return dict(json.loads(response.read()))
    except urllib.error.HTTPError as error:
        raise _refusal(error) from None
    except OSError as error:
        raise StoreError(f"{url}: the service does not answer ({error}); try again") from error


def _refusal(error: urllib.error.HTTPError) -> Exception:
    """Return the error that a problem of the service stands for."""
    try:
        problem = json.loads(error.read())
        detail, kind = str(problem["detail"]), str(problem["type"])
    except (ValueError, KeyError, TypeError):
        detail, kind = str(error), ""
    if error.code in (401, 403):
        return PlanError(
            f"the service refuses: {detail}; set {KEY_VARIABLE} to a key with the scope admin"
        )
    kinds: dict[int, type[Exception]] = {409: BundleError, 503: BusyError}
    if kind.endswith("#experiment-runs"):  # as without a service
        return PlanError(f"the service refuses: {detail}")
    return kinds.get(error.code, PlanError)(f"the service refuses: {detail}")
