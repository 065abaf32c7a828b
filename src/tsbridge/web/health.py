"""Is it alive, is it ready, and its figures, as routes of the API. Whoever asks is answered in front of it, by `front`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tsbridge.web.problems import refuses
from tsbridge.web.readiness import Ready, figures, readiness, status_of
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, tags=["health"])


@routes.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers. Says nothing about what it needs."""
    return {"status": "ok"}


@routes.get("/readyz")
async def readyz(services: Made, response: Response) -> Ready:
    """Whether deliveries can be taken and worked on: 200 when they can, `degraded` where something else is amiss; else 503."""
    ready = await readiness(services)
    response.status_code = status_of(ready)
    return ready


@routes.get("/metrics", response_class=Response, responses=refuses(401, 403, 429))
async def metrics(request: Request, services: Made) -> Response:
    """Figures in the Prometheus text format: per source, received = applied + ignored + duplicate + quarantined + dead + pending.

    While the database cannot be read its figures are left out, none is 0 for that; what the process knows by itself is told.
    """
    return await figures(services, request)
