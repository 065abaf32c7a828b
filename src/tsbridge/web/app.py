"""The application: every route in one place, each with a role or on the list of open ones, every failure a problem."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from functools import cache, partial
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from tsbridge.core import feedlink
from tsbridge.web import (
    acknowledge,
    audit,
    calendars,
    cases,
    docs,
    draft,
    drift,
    duty,
    escalations,
    events,
    feeds,
    health,
    importing,
    keys,
    notifications,
    overrides,
    patterns,
    people,
    queues,
    rejudges,
    replays,
    reports,
    roster,
    rulebook,
    shadow,
    sources,
    vocabulary,
    writebacks,
)
from tsbridge.web.front import CONSOLE, DOOR, surround
from tsbridge.web.inputs import on_invalid
from tsbridge.web.openapi import describe
from tsbridge.web.route import ApiRoute
from tsbridge.web.services import Services

SECRET: Final = {acknowledge.FOLDER: acknowledge.PATH, feedlink.FOLDER: calendars.PATH}
"""Below these addresses stands somebody's token, which is their proof."""
OPEN: Final = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/docs/init.js", "/openapi.json", "/docs-assets", *SECRET.values()})
"""Routes without a role. `/metrics` and `/docs` ask for one when the desk says so."""

_ROUTERS: Final = (
    health,
    vocabulary,
    rulebook,
    draft,
    importing,
    replays,
    shadow,
    rejudges,
    cases,
    audit,
    escalations,
    queues,
    notifications,
    writebacks,
    drift,
    events,
    sources,
    roster,
    overrides,
    duty,
    calendars,
    feeds,
    reports,
    patterns,
    people,
    keys,
    docs,
    acknowledge,
)


def create_app(services: Services) -> FastAPI:
    """The API around `services`. Raises `RuntimeError` when a route has neither a role nor a place among the open ones."""
    app = FastAPI(
        title="tsbridge",
        version=services.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=services.lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False},
        redirect_slashes=False,
    )
    surround(app, services, SECRET)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.router.routes.extend(services.webhooks)
    for module in _ROUTERS:
        app.router.routes.extend(module.routes.routes)
    assets = importlib.resources.files("fastapi_offline") / "static"
    app.mount("/docs-assets", StaticFiles(directory=str(assets)), name="docs-assets")
    app.router.routes.extend(services.console)
    check_roles(app.routes)
    app.state.described = cache(partial(describe, app))  # when somebody asks: most processes end without having been asked
    return app


def check_roles(routes: Iterable[BaseRoute]) -> None:
    """Nothing is open by accident."""
    for route in routes:
        path = getattr(route, "path", "")
        if path in OPEN or path == CONSOLE or path.startswith(DOOR):
            continue
        if not isinstance(route, ApiRoute) or route.role is None:
            raise RuntimeError(f"the route {path!r} has no role and is not on the list of open ones")
