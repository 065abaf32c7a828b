"""The description says the truth about the API and is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute

from tests.web.test_access import TABLE
from tsbridge.web.inputs import Body
from tsbridge.web.openapi import app_routes

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)]

METHODS = ("get", "put", "post", "delete", "patch")


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


@pytest.fixture
async def described(room: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await room.client.get("/openapi.json", headers={"Authorization": ""})).json()
    return found


async def test_every_operation_has_an_id_of_its_own_and_a_description(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))
    assert all(operation.get("description") for _, _, operation in operations(described))


async def test_every_route_is_described_with_its_role_and_its_refusals(described: dict[str, Any]) -> None:
    found = {(method, path): operation for method, path, operation in operations(described)}
    assert {place: found[place]["x-role"] for place in TABLE} == TABLE
    for place in TABLE:
        assert {"401", "403", "422", "429", "500"} <= found[place]["responses"].keys()
        assert found[place]["security"] == [{"key": []}]
    assert {"412", "428"} <= found["PUT", "/v1/rulebook/draft"]["responses"].keys()


async def test_every_good_answer_in_json_is_described(described: dict[str, Any]) -> None:
    for method, path, operation in operations(described):
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        if "application/json" in good.get("content", {}):
            assert good["content"]["application/json"]["schema"], (method, path)


async def test_the_door_is_described_although_it_is_none_of_the_frameworks_routes(described: dict[str, Any]) -> None:
    for source in ("zendesk", "talkdesk"):
        answers = described["paths"][f"/webhooks/{source}"]["post"]["responses"]
        assert set(answers) == {"202", "401", "413", "415", "503"}


async def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    assert described["openapi"].startswith("3.1")
    for reference in references(described):
        found = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


async def test_path_parameters_are_all_described(described: dict[str, Any]) -> None:
    for _, path, operation in operations(described):
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


async def test_a_body_is_described_as_the_route_takes_it(room: Any, described: dict[str, Any]) -> None:
    taken = {route.name: kind for route in app_routes(room.app) for kind in bodies(route)}
    assert {"assign_case", "change_mode", "withdraw_moment", "make_override"} <= taken.keys()
    for _, _, operation in operations(described):
        kind = taken.get(operation["operationId"])
        if kind is not None:
            shown = described["components"]["schemas"][kind.__name__]
            assert shown["properties"].keys() == kind.model_json_schema()["properties"].keys(), operation["operationId"]
            assert shown["additionalProperties"] is False, operation["operationId"]


def bodies(route: APIRoute) -> Iterator[type[Body]]:
    for taken in route.dependant.body_params:
        for kind in get_args(taken.field_info.annotation) or (taken.field_info.annotation,):
            if isinstance(kind, type) and issubclass(kind, Body):
                yield kind
