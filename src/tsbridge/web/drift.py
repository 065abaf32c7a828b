"""Drift: what tickets read against what we saw to, with the cause and when."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from tsbridge.core.times import time_text
from tsbridge.store import drift as store
from tsbridge.web.auth import Supervisor
from tsbridge.web.desk import Made
from tsbridge.web.inputs import Word
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/drift", tags=["drift"])

Cause = Annotated[
    Literal["person", "trigger", "lost", "rulebook", "merged", "closed"] | None, Query(description="Only differences with this cause.")
]


@routes.get("")
async def list_drift(desk: Made, by: Supervisor, page: Paged, ticket: Word = None, cause: Cause = None) -> dict[str, Any]:
    """Differences that stand, newest first. `policy`: `accept` leaves it, `heal` writes it again, `ask` is for you to settle."""
    before = page.after_instant("drift")
    rows = await desk.database.read(lambda conn: store.listed(conn, page.limit + 1, before, ticket, cause))
    return page.answer("drift", rows, lambda row: (instant_part(row["found_at"]), row["id"]), _item)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "since": time_text(row["since"]), "found_at": time_text(row["found_at"])}
