"""All that is kept of a user."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pennyweight.data.cleaning.feedback import AGAINST
from pennyweight.serving.stores.protocol import Store

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = ["export_user"]


def export_user(engine: "Engine", store: Store, user: str) -> dict[str, Any]:
    """Return a user's events, those told live and those of the bundles, and lists."""
    events = [
        {"event_id": e.event_id, "item_id": e.item, "type": e.kind, "timestamp": e.time,
         "weight": e.weight, "recommendation_id": e.recommendation_id, "source": "live"}
        for e in store.events_of(user)
    ]  # fmt: skip
    trained = []
    for model in engine.known():
        log = engine.models.interactions(model.version)
        code = -1 if log is None else int(log.users.codes([user])[0])
        if log is None or code < 0:
            continue
        trained.append({"model_version": model.version, "source": model.source})
        ids = engine.models.item_ids(model.version)
        own = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
        events += [
            {"event_id": None, "item_id": ids[item], "type": log.kinds[kind] if log.kinds else "",
             "timestamp": time, "weight": weight, "recommendation_id": None,
             "source": f"bundle {model.version}"}
            for item, kind, time, weight in zip(
                log.item[own].tolist(), log.kind[own].tolist(), log.time[own].tolist(),
                log.weight[own].tolist(), strict=True)
        ]  # fmt: skip
        gone = log.turned_down.block(code, code + 1)
        events += [
            {"event_id": None, "item_id": ids[item], "type": "negative", "timestamp": time,
             "weight": AGAINST, "recommendation_id": None, "source": f"bundle {model.version}"}
            for item, time in zip(gone.item.tolist(), gone.time.tolist(), strict=True)
        ]  # fmt: skip
    lists = [asdict(shown) for shown in store.recommendations_of(user)]
    return {"user_id": user, "erased": bool(store.erased([user])), "events": events,
            "recommendations": lists, "trained_on": trained}  # fmt: skip
