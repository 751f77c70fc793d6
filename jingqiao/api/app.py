"""The service's HTTP: health, metrics, and everything else that is asked or told over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from jingqiao import __version__
from jingqiao.api.archived import archive_routes
from jingqiao.api.ctwing import ctwing_routes
from jingqiao.api.health import health_of
from jingqiao.api.metrics import metrics_text
from jingqiao.api.roster_calendar import calendar_routes
from jingqiao.api.watchers import may_watch, watcher
from jingqiao.console.parts import parts_of_service
from jingqiao.console.site import add_console
from jingqiao.exchange.api import exchange_routes
from jingqiao.notify.answer_page import answer_router
from jingqiao.notify.provider_posts import provider_routes

if TYPE_CHECKING:
    from jingqiao.service import Service


def create_app(service: Service, *, driven: bool = False) -> FastAPI:
    """The application around one running service. driven : its time leaps, and old data is no fault."""
    app = FastAPI(title="Jingqiao 井桥", docs_url=None, redoc_url=None)
    answers = answer_router(
        service.database,
        service.roster,
        service.planner,
        service.link_key,
        service.clock.now,
        service.dispatcher.wake,
    )

    @app.get("/healthz")
    def healthz(request: Request) -> JSONResponse:
        """200 when all is well, 503 when not; what is wrong and where it stands only to whoever may know."""
        health = health_of(service)
        details = {"problems": health.problems, **health.facts} if may_watch(request) else {}
        return JSONResponse({"ok": not health.problems, **details}, 503 if health.problems else 200)

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        """Prometheus text."""
        watcher(request)
        return Response(metrics_text(service), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.include_router(archive_routes(service))
    app.include_router(ctwing_routes(service))
    app.include_router(answers)
    app.include_router(
        exchange_routes(service.database, service.settings, service.clock.now, service.roster, __version__)
    )
    app.include_router(calendar_routes(service.database, service.roster, service.clock.now))
    secret = service.settings.http.callback_secret
    if secret is not None:
        app.include_router(provider_routes(secret, service.receipts, service.replies, service.clock.now))
    add_console(app, parts_of_service(service, lambda: health_of(service).problems, driven=driven))
    return app
