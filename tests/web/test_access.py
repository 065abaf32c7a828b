"""Who may what: every route, every role."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from tsbridge.acts.callers import ROLES
from tsbridge.web.app import OPEN, check_roles
from tsbridge.web.auth import LOCKED_FROM, PER_ADDRESS, TABLE_SIZE, Failures, Gate
from tsbridge.web.route import ApiRoute

pytestmark = pytest.mark.anyio

# Contract section 4: the lowest role that may.
TABLE = {
    ("GET", "/v1/fields"): "viewer",
    ("GET", "/v1/operators"): "viewer",
    ("GET", "/v1/actions"): "viewer",
    ("GET", "/v1/rulebook"): "viewer",
    ("GET", "/v1/rulebook/calendars"): "viewer",
    ("GET", "/v1/rulebook/versions"): "viewer",
    ("GET", "/v1/rulebook/versions/diff"): "viewer",
    ("GET", "/v1/rulebook/versions/{version}"): "viewer",
    ("POST", "/v1/rulebook/versions/{version}/restore"): "ops",
    ("GET", "/v1/rulebook/draft"): "ops",
    ("PUT", "/v1/rulebook/draft"): "ops",
    ("POST", "/v1/rulebook/draft/rules"): "ops",
    ("GET", "/v1/rulebook/draft/rules/{key}"): "ops",
    ("PUT", "/v1/rulebook/draft/rules/{key}"): "ops",
    ("DELETE", "/v1/rulebook/draft/rules/{key}"): "ops",
    ("POST", "/v1/rulebook/check"): "ops",
    ("POST", "/v1/rulebook/test"): "ops",
    ("POST", "/v1/rulebook/test/generate"): "ops",
    ("POST", "/v1/rulebook/try"): "ops",
    ("POST", "/v1/rulebook/import/zendesk"): "ops",
    ("POST", "/v1/rulebook/publish"): "ops",
    ("GET", "/v1/rulebook/replay"): "ops",
    ("POST", "/v1/rulebook/replay"): "ops",
    ("GET", "/v1/rulebook/replay/{replay_id}"): "ops",
    ("DELETE", "/v1/rulebook/replay/{replay_id}"): "ops",
    ("GET", "/v1/rulebook/replay/{replay_id}/moves"): "ops",
    ("GET", "/v1/rulebook/shadow"): "ops",
    ("PUT", "/v1/rulebook/shadow"): "ops",
    ("DELETE", "/v1/rulebook/shadow"): "ops",
    ("GET", "/v1/rulebook/shadow/moves"): "ops",
    ("GET", "/v1/cases"): "viewer",
    ("GET", "/v1/cases/rejudge"): "ops",
    ("POST", "/v1/cases/rejudge"): "ops",
    ("GET", "/v1/cases/rejudge/{rejudge_id}"): "ops",
    ("DELETE", "/v1/cases/rejudge/{rejudge_id}"): "ops",
    ("GET", "/v1/cases/rejudge/{rejudge_id}/moves"): "ops",
    ("GET", "/v1/cases/{case_id}"): "viewer",
    ("GET", "/v1/cases/{case_id}/timeline"): "viewer",
    ("GET", "/v1/cases/{case_id}/explain"): "viewer",
    ("POST", "/v1/cases/{case_id}/acknowledge"): "supervisor",
    ("POST", "/v1/cases/{case_id}/resolve"): "supervisor",
    ("POST", "/v1/cases/{case_id}/note"): "supervisor",
    ("POST", "/v1/cases/{case_id}/assign"): "supervisor",
    ("POST", "/v1/cases/{case_id}/merge"): "supervisor",
    ("POST", "/v1/cases/{case_id}/split"): "supervisor",
    ("POST", "/v1/moments/{moment_id}/withdraw"): "supervisor",
    ("GET", "/v1/audit/routing"): "viewer",
    ("GET", "/v1/audit/routing/{decision_id}"): "viewer",
    ("GET", "/v1/audit/changes"): "supervisor",
    ("GET", "/v1/audit/cases/{case_id}"): "supervisor",
    ("GET", "/v1/audit/as-of"): "supervisor",
    ("GET", "/v1/audit/verify"): "supervisor",
    ("GET", "/v1/audit/head"): "supervisor",
    ("GET", "/v1/escalations"): "viewer",
    ("GET", "/v1/feeds"): "viewer",
    ("GET", "/v1/queues/{key}/next"): "viewer",
    ("POST", "/v1/queues/{key}/feed"): "supervisor",
    ("DELETE", "/v1/queues/{key}/feed"): "supervisor",
    ("POST", "/v1/agents/{key}/feed"): "supervisor",
    ("DELETE", "/v1/agents/{key}/feed"): "supervisor",
    ("POST", "/v1/escalations/{escalation_id}/acknowledge"): "supervisor",
    ("GET", "/v1/notifications"): "supervisor",
    ("GET", "/v1/notifications/{notification_id}"): "supervisor",
    ("POST", "/v1/notifications/{notification_id}/retry"): "supervisor",
    ("GET", "/v1/drift"): "supervisor",
    ("GET", "/v1/roster"): "viewer",
    ("PUT", "/v1/roster"): "ops",
    ("POST", "/v1/roster/check"): "ops",
    ("GET", "/v1/roster/versions"): "viewer",
    ("GET", "/v1/roster/versions/diff"): "viewer",
    ("GET", "/v1/roster/versions/{version}"): "viewer",
    ("POST", "/v1/roster/versions/{version}/restore"): "ops",
    ("GET", "/v1/roster/{part}"): "viewer",
    ("PUT", "/v1/roster/{part}"): "ops",
    ("GET", "/v1/roster/{part}/{key}"): "viewer",
    ("PUT", "/v1/roster/{part}/{key}"): "ops",
    ("DELETE", "/v1/roster/{part}/{key}"): "ops",
    ("GET", "/v1/patterns"): "supervisor",
    ("POST", "/v1/patterns/refresh"): "supervisor",
    ("GET", "/v1/overrides"): "viewer",
    ("POST", "/v1/overrides"): "supervisor",
    ("GET", "/v1/overrides/{override_id}"): "viewer",
    ("DELETE", "/v1/overrides/{override_id}"): "supervisor",
    ("GET", "/v1/agents"): "viewer",
    ("GET", "/v1/shifts"): "viewer",
    ("GET", "/v1/oncall"): "viewer",
    ("GET", "/v1/coverage"): "viewer",
    ("GET", "/v1/writebacks"): "supervisor",
    ("GET", "/v1/writebacks/mode"): "supervisor",
    ("PUT", "/v1/writebacks/mode"): "supervisor",
    ("GET", "/v1/writebacks/rules"): "supervisor",
    ("PUT", "/v1/writebacks/rules/{key}"): "ops",
    ("GET", "/v1/writebacks/{writeback_id}"): "supervisor",
    ("POST", "/v1/writebacks/{writeback_id}/retry"): "supervisor",
    ("GET", "/v1/events"): "ops",
    ("GET", "/v1/events/{event_id}"): "ops",
    ("POST", "/v1/events/{event_id}/retry"): "ops",
    ("GET", "/v1/sources/zendesk/trigger-body"): "viewer",
    ("GET", "/v1/sources/talkdesk/schema/{trigger}"): "viewer",
    ("GET", "/v1/sources/talkdesk/mappings"): "viewer",
    ("PUT", "/v1/sources/talkdesk/mappings"): "ops",
    ("GET", "/v1/reports"): "viewer",
    ("GET", "/v1/reports/pack"): "viewer",
    ("GET", "/v1/reports/{name}"): "viewer",
    ("GET", "/v1/reports/{name}/cases"): "viewer",
    ("GET", "/v1/reports/{name}/chart"): "viewer",
    ("GET", "/v1/keys"): "admin",
    ("POST", "/v1/keys"): "admin",
    ("DELETE", "/v1/keys/{key_id}"): "admin",
    ("DELETE", "/v1/people/{person}"): "admin",
    ("GET", "/v1/erasures"): "admin",
    ("GET", "/v1/erasures/{erasure_id}"): "admin",
}


def routes(app: FastAPI) -> list[tuple[str, APIRoute]]:
    return [(method, route) for route in app.routes if isinstance(route, APIRoute) for method in sorted(route.methods or ())]


def filled(path: str) -> str:
    for name in ("case_id", "decision_id", "moment_id", "escalation_id", "writeback_id", "event_id", "key_id", "trigger", "key"):
        path = path.replace("{" + name + "}", "none")
    return path.replace("{version}", "1").replace("{name}", "volumes")


async def test_the_table_of_roles_names_every_route(room: Any) -> None:
    found = {
        (method, route.path): route.role for method, route in routes(room.app) if isinstance(route, ApiRoute) and route.path not in OPEN
    }
    assert found == TABLE


async def test_each_role_passes_exactly_the_routes_of_its_rung_and_below(room: Any) -> None:
    held = {role: await room.key(role) for role in ROLES}
    for (method, path), needed in TABLE.items():
        for role in ROLES:
            answer = await room.client.request(method, filled(path), headers=held[role])
            allowed = ROLES.index(role) >= ROLES.index(needed)
            assert (answer.status_code != 403) == allowed, (method, path, role, answer.text)
            assert answer.status_code != 401


async def test_without_a_key_every_route_of_the_table_is_401_and_says_how_to_come_in(room: Any) -> None:
    room.client.headers.pop("Authorization")
    for method, path in TABLE:
        answer = await room.client.request(method, filled(path))
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_strangers_body_is_not_even_read(room: Any) -> None:
    answer = await room.client.post("/v1/keys", content=b"not json", headers={"Authorization": "", "Content-Type": "text/plain"})
    assert answer.status_code == 401


def test_a_route_without_a_role_stops_the_app_from_being_made() -> None:
    loose = APIRouter(route_class=ApiRoute)

    @loose.get("/v1/oops")
    async def oops() -> None: ...

    with pytest.raises(RuntimeError, match="/v1/oops"):
        check_roles(loose.routes)


async def test_a_key_is_shown_once_and_works(room: Any) -> None:
    made = await room.client.post("/v1/keys", json={"name": "the console", "role": "viewer"})
    assert made.status_code == 201
    text = made.json()["key"]
    assert text.startswith(f"tsb_{made.json()['id']}_")
    assert len(text.split("_", 2)[2]) == 43
    listed = await room.client.get("/v1/keys")
    assert text not in listed.text
    assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]
    assert (await room.client.get("/v1/cases", headers={"Authorization": f"Bearer {text}"})).status_code == 200


async def test_a_revoked_key_is_refused_at_once_and_stays_listed(room: Any) -> None:
    made = (await room.client.post("/v1/keys", json={"name": "old", "role": "ops"})).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert (await room.client.get("/v1/cases", headers=headers)).status_code == 200
    assert (await room.client.delete(f"/v1/keys/{made['id']}")).status_code == 204
    assert (await room.client.get("/v1/cases", headers=headers)).status_code == 401
    assert (await room.client.get("/v1/keys")).json()["items"][0]["revoked_at"] is not None
    assert (await room.client.delete(f"/v1/keys/{made['id']}")).status_code == 204
    assert (await room.client.delete("/v1/keys/nobodys1")).status_code == 404
    actions = [item["action"] for item in (await room.client.get("/v1/audit/changes")).json()["items"]]
    assert actions == ["key.revoke", "key.create"]


async def test_an_expired_key_is_refused(room: Any, clock: Any) -> None:
    headers = await room.key("viewer", expires_at=clock.now() + timedelta(hours=1))
    assert (await room.client.get("/v1/cases", headers=headers)).status_code == 200
    clock.advance(timedelta(hours=1))
    assert (await room.client.get("/v1/cases", headers=headers)).status_code == 401


async def test_a_key_cannot_be_made_to_expire_in_the_past(room: Any, clock: Any) -> None:
    answer = await room.client.post("/v1/keys", json={"name": "a", "role": "ops", "expires_at": "2001-01-01T00:00:00Z"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/expires_at"


async def test_one_wrong_character_in_a_key_is_one_too_many(room: Any) -> None:
    good = (await room.key("admin"))["Authorization"]
    for place in (len("Bearer tsb_"), len(good) - 1):
        wrong = good[:place] + ("a" if good[place] != "a" else "b") + good[place + 1 :]
        assert (await room.client.get("/v1/cases", headers={"Authorization": wrong})).status_code == 401


async def test_after_repeated_wrong_keys_an_address_has_to_wait(room: Any, clock: Any) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    answers = [(await room.client.get("/v1/cases", headers=wrong)).status_code for _ in range(PER_ADDRESS + 2)]
    assert answers == [401] * PER_ADDRESS + [429, 429]
    refused = await room.client.get("/v1/cases", headers=wrong)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert (await room.client.get("/v1/cases")).status_code == 200, "a key that nobody can guess is let in"
    clock.advance(timedelta(minutes=2))
    assert (await room.client.get("/v1/cases", headers=wrong)).status_code == 401


async def test_a_short_admin_key_cannot_be_found_by_trying(room: Any) -> None:
    gate = Gate(room.desk.database, room.desk.clock, room.desk.entropy, "hunter2")
    async with room.other(gate=gate) as client:
        right = {"Authorization": "Bearer hunter2"}
        assert (await client.get("/v1/cases", headers=right)).status_code == 200
        for number in range(LOCKED_FROM + 2):
            await client.get("/v1/cases", headers={"Authorization": f"Bearer hunter{number + 3}"})
        assert (await client.get("/v1/cases", headers=right)).status_code == 429


def test_the_memory_of_failures_is_bounded(clock: Any) -> None:
    failures = Failures(size=100)
    for number in range(1_000):
        failures.add(f"address:{number}", clock.now())
    assert len(failures) == 100
    assert TABLE_SIZE == 50_000


async def test_the_last_use_of_a_key_is_noted(room: Any) -> None:
    await room.client.get("/v1/cases", headers=await room.key("viewer"))
    assert (await room.client.get("/v1/keys")).json()["items"][0]["last_used_at"] is not None


async def test_metrics_and_docs_can_be_put_behind_a_key(room: Any) -> None:
    async with room.other(metrics_role="ops", docs_role="viewer") as client:
        stranger = {"Authorization": ""}
        for path in ("/metrics", "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
            assert (await client.get(path, headers=stranger)).status_code == 401
