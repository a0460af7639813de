"""All pages."""

from fastapi import APIRouter, FastAPI

from pennyweight.serving.dashboard.bundles import bundle_routes
from pennyweight.serving.dashboard.configuration import configuration_routes
from pennyweight.serving.dashboard.docs import docs_routes
from pennyweight.serving.dashboard.events import event_routes
from pennyweight.serving.dashboard.experiments import experiment_routes
from pennyweight.serving.dashboard.feedback import feedback_routes
from pennyweight.serving.dashboard.imports import import_routes
from pennyweight.serving.dashboard.items import item_routes, search_routes
from pennyweight.serving.dashboard.login import login_routes
from pennyweight.serving.dashboard.overview import overview_routes
from pennyweight.serving.dashboard.page import compile_templates
from pennyweight.serving.dashboard.preview import preview_routes
from pennyweight.serving.dashboard.publishing import audit_routes, publishing_routes
from pennyweight.serving.dashboard.quality import quality_routes
from pennyweight.serving.dashboard.static import static_routes
from pennyweight.serving.dashboard.status import status_routes
from pennyweight.serving.dashboard.users import user_routes
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.rolling_metrics import RollingMetrics
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.sessions import Sessions

__all__ = ["dashboard_routes"]


def dashboard_routes(
    api: FastAPI,
    engine: Engine,
    metrics: Metrics,
    window: RollingMetrics,
    keys: KeyRing | None,
    sessions: Sessions | None,
) -> list[APIRouter]:
    """Return the routes of the dashboard, of the documentation of an API, and of their files."""
    compile_templates()
    return [
        overview_routes(engine, metrics, window),
        user_routes(engine),
        item_routes(engine),
        event_routes(engine),
        search_routes(engine),
        preview_routes(engine),
        feedback_routes(engine),
        status_routes(engine),
        import_routes(engine, metrics),
        configuration_routes(engine),
        bundle_routes(engine),
        publishing_routes(engine),
        experiment_routes(engine),
        quality_routes(engine),
        audit_routes(engine),
        login_routes(keys, sessions),
        docs_routes(api),
        static_routes(),
    ]
