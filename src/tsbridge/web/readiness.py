"""Whether this process is ready, and its figures. No personal data, no secret, labels bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tsbridge.core.task_state import Checked
from tsbridge.store import gauges
from tsbridge.store.availability import unusable
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.web.gauges import Figures, Kept
from tsbridge.web.probes import WITHIN_S, failing_feeds, ways_to_people
from tsbridge.web.services import Probe, Services
from tsbridge.web.task_figures import CheckFigures, TaskFigures


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


async def readiness(services: Services) -> Ready:
    """Whether deliveries can be taken and worked on, `degraded` where something else is amiss."""
    checks = await looked_at(services.probes)
    ready = all(check.ok for check in checks.values())
    degraded = [name for name, check in checks.items() if check.degraded]
    return Ready(
        "not_ready" if not ready else "degraded" if degraded else "ready",
        degraded,
        {name: Check(check.ok, check.detail) for name, check in checks.items()},
    )


def status_of(ready: Ready) -> int:
    return 503 if ready.status == "not_ready" else 200


async def figures(services: Services, request: Request) -> Response:
    """In the Prometheus text format, for whoever may read them. Raises 401, 403 or 429.

    While the database cannot be read its figures are left out, none is 0 for that; what the process knows by itself is told.
    """
    if services.metrics_role is not None:
        await services.gate.admit(request, services.metrics_role)
    now = services.clock.now()

    def read(conn: Connection) -> Kept:
        return Kept(
            gauges.figures(conn, services.writeback, now),
            gauges.waiting(conn),
            ways_to_people(conn, services.roster, now),
            failing_feeds(conn, services.roster, now),
        )

    snapshot = CollectorRegistry()
    try:
        async with asyncio.timeout(WITHIN_S):
            snapshot.register(Figures(await services.database.read(read), now, services.version))
    except (*DATABASE_FAILURES, TimeoutError) as failure:
        if not isinstance(failure, TimeoutError) and not unusable(failure):
            raise
    snapshot.register(TaskFigures(services.standings()))
    snapshot.register(CheckFigures(await looked_at(services.probes)))
    return Response(generate_latest(services.counters.registry) + generate_latest(snapshot), media_type=CONTENT_TYPE_LATEST)
