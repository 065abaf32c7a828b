"""Is it alive, is it ready, and its figures. No personal data, no secret, labels bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry
from sqlalchemy import Connection

from tsbridge.core.task_state import Checked
from tsbridge.store import gauges
from tsbridge.store.db import unavailable
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.web.gauges import Figures, Kept
from tsbridge.web.probes import WITHIN_S, failing_feeds, ways_to_people
from tsbridge.web.problems import refuses
from tsbridge.web.route import ApiRoute
from tsbridge.web.services import Made, Probe
from tsbridge.web.task_figures import CheckFigures, TaskFigures

routes = APIRouter(route_class=ApiRoute, tags=["health"])


@dataclass(frozen=True, slots=True)
class Check:
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Ready:
    status: Literal["ready", "degraded", "not_ready"]
    degraded: list[str]
    checks: dict[str, Check]


async def looked_at(probes: Mapping[str, Probe]) -> dict[str, Checked]:
    """What each finds, all at once: where the database hangs, each waits for it."""
    names = sorted(probes)
    return dict(zip(names, await asyncio.gather(*(probes[name]() for name in names)), strict=True))


@routes.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers. Says nothing about what it needs."""
    return {"status": "ok"}


@routes.get("/readyz")
async def readyz(services: Made, response: Response) -> Ready:
    """Whether deliveries can be taken and worked on: 200 when they can, `degraded` where something else is amiss; else 503."""
    checks = await looked_at(services.probes)
    ready = all(check.ok for check in checks.values())
    if not ready:
        response.status_code = 503
    degraded = [name for name, check in checks.items() if check.degraded]
    return Ready(
        "not_ready" if not ready else "degraded" if degraded else "ready",
        degraded,
        {name: Check(check.ok, check.detail) for name, check in checks.items()},
    )


@routes.get("/metrics", response_class=Response, responses=refuses(401, 403, 429))
async def metrics(request: Request, services: Made) -> Response:
    """Figures in the Prometheus text format: per source, received = applied + ignored + duplicate + quarantined + dead + pending.

    While the database cannot be read its figures are left out, none is 0 for that; what the process knows by itself is told.
    """
    if services.metrics_role is not None:
        await services.gate.admit(request, services.metrics_role)
    now = services.clock.now()

    def read(conn: Connection) -> Kept:
        return Kept(
            gauges.figures(conn, services.writeback, now),
            ways_to_people(conn, services.roster, now),
            failing_feeds(conn, services.roster, now),
        )

    snapshot = CollectorRegistry()
    try:
        async with asyncio.timeout(WITHIN_S):
            snapshot.register(Figures(await services.database.read(read), now, services.version))
    except (*DATABASE_FAILURES, TimeoutError) as failure:
        if not isinstance(failure, TimeoutError) and not unavailable(failure):
            raise
    snapshot.register(TaskFigures(services.standings()))
    snapshot.register(CheckFigures(await looked_at(services.probes)))
    return Response(generate_latest(services.counters.registry) + generate_latest(snapshot), media_type=CONTENT_TYPE_LATEST)
