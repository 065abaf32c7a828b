"""The words that rules are written in: fields, operators, actions, each with its type, a description and an example."""

from __future__ import annotations

from typing import Any, NotRequired

from fastapi import APIRouter
from typing_extensions import TypedDict

from tsbridge.core.rules import vocabulary
from tsbridge.web.pages import Listed, Page, Paged
from tsbridge.web.roles import Viewer
from tsbridge.web.route import ApiRoute

routes = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["vocabulary"])


class FieldWord(TypedDict):
    id: str
    name: str
    type: str
    description: str
    example: Any
    values: NotRequired[list[str]]


class OperatorWord(TypedDict):
    id: str
    name: str
    types: list[str]
    value: str
    description: str


class ActionWord(TypedDict):
    id: str
    name: str
    value: str
    description: str
    where: list[str]


@routes.get("/fields")
async def list_fields(by: Viewer, page: Paged) -> Listed[FieldWord]:
    """Every field a condition may look at."""
    return _answer("fields", vocabulary.fields_json(), page)


@routes.get("/operators")
async def list_operators(by: Viewer, page: Paged) -> Listed[OperatorWord]:
    """Every operator, with the types of fields it stands on and of values it takes."""
    return _answer("operators", vocabulary.operators_json(), page)


@routes.get("/actions")
async def list_actions(by: Viewer, page: Paged) -> Listed[ActionWord]:
    """Every action a rule or a policy's step may take."""
    return _answer("actions", vocabulary.actions_json(), page)


def _answer(name: str, words: list[dict[str, Any]], page: Page) -> Listed[Any]:
    """All of them on one page unless a limit is asked for: there are few, and whoever asks mostly wants them all."""
    items = [{"id": word["name"], **word} for word in words]
    if page.open:
        return Listed(items, None)
    after = page.after_number(name)
    rows = [row for row in enumerate(items) if after is None or row[0] > after]
    found = page.of(name, rows[: page.limit + 1], lambda row: (row[0],))
    return Listed([word for _, word in found.items], found.next_cursor)
