"""The words that rules are written in: fields, operators, actions, each with its type, a description and an example."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from tsbridge.core.rules import vocabulary
from tsbridge.web.auth import Viewer
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1", tags=["vocabulary"])


@routes.get("/fields")
async def list_fields(by: Viewer) -> dict[str, Any]:
    """Every field a condition may look at."""
    return _all(vocabulary.fields_json())


@routes.get("/operators")
async def list_operators(by: Viewer) -> dict[str, Any]:
    """Every operator, with the types of fields it stands on and of values it takes."""
    return _all(vocabulary.operators_json())


@routes.get("/actions")
async def list_actions(by: Viewer) -> dict[str, Any]:
    """Every action a rule or a policy's step may take."""
    return _all(vocabulary.actions_json())


def _all(words: list[dict[str, Any]]) -> dict[str, Any]:
    """All of them on one page: there are few, and a page that asks wants them all."""
    return {"items": [{"id": word["name"], **word} for word in words], "next_cursor": None}
