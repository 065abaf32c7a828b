"""The words that rules are written in: fields, operators, actions, each with its type, a description and an example."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from tsbridge.core.rules import vocabulary
from tsbridge.web.auth import Viewer
from tsbridge.web.pages import Page, Paged
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1", tags=["vocabulary"])


@routes.get("/fields")
async def list_fields(by: Viewer, page: Paged) -> dict[str, Any]:
    """Every field a condition may look at."""
    return _answer("fields", vocabulary.fields_json(), page)


@routes.get("/operators")
async def list_operators(by: Viewer, page: Paged) -> dict[str, Any]:
    """Every operator, with the types of fields it stands on and of values it takes."""
    return _answer("operators", vocabulary.operators_json(), page)


@routes.get("/actions")
async def list_actions(by: Viewer, page: Paged) -> dict[str, Any]:
    """Every action a rule or a policy's step may take."""
    return _answer("actions", vocabulary.actions_json(), page)


def _answer(name: str, words: list[dict[str, Any]], page: Page) -> dict[str, Any]:
    """All of them on one page unless a limit is asked for: there are few, and whoever asks mostly wants them all."""
    items = [{"id": word["name"], **word} for word in words]
    if page.open:
        return {"items": items, "next_cursor": None}
    after = page.after_number(name)
    rows = [row for row in enumerate(items) if after is None or row[0] > after]
    return page.answer(name, rows[: page.limit + 1], lambda row: (row[0],), lambda row: row[1])
