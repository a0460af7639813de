"""All pages."""

from fastapi import APIRouter, FastAPI

from pennyweight.serve.dashboard.audit import audit_routes
from pennyweight.serve.dashboard.docs import docs_routes
from pennyweight.serve.dashboard.items import item_routes
from pennyweight.serve.dashboard.login import login_routes
from pennyweight.serve.dashboard.models import model_routes
from pennyweight.serve.dashboard.overview import overview_routes
from pennyweight.serve.dashboard.publishing import publishing_routes
from pennyweight.serve.dashboard.quality import quality_routes
from pennyweight.serve.dashboard.search import search_routes
from pennyweight.serve.dashboard.static import static_routes
from pennyweight.serve.dashboard.users import user_routes
from pennyweight.serve.engine.engine import Engine
from pennyweight.serve.keyring import KeyRing
from pennyweight.serve.metrics import Metrics
from pennyweight.serve.sessions import Sessions
from pennyweight.serve.window import Window

__all__ = ["dashboard_routes"]


def dashboard_routes(
    api: FastAPI,
    engine: Engine,
    metrics: Metrics,
    window: Window,
    keys: KeyRing | None,
    sessions: Sessions | None,
) -> list[APIRouter]:
    """Return the routes of the dashboard, of the documentation of an API, and of their files."""
    return [
        overview_routes(engine, metrics, window),
        user_routes(engine),
        item_routes(engine),
        search_routes(engine),
        model_routes(engine),
        publishing_routes(engine),
        quality_routes(engine),
        audit_routes(engine),
        login_routes(keys, sessions),
        docs_routes(api),
        static_routes(),
    ]
