"""Webhooks of the simulated account: what each change says, signed as Zendesk signs, tried again as Zendesk tries."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.simulator.zendesk_account import ENDPOINT, SECRET, Account, do, when
from tsbridge.core.errors import Refused
from tsbridge.simulator.zendesk import Zendesk
from tsbridge.vendors.zendesk import normalize

pytestmark = pytest.mark.anyio


async def test_every_difference_is_one_event_and_all_of_one_change_share_a_sequence() -> None:
    account = Account()
    made = await account.ticket()
    assert await account.kinds() == ["created"]
    change = {"status": "open", "priority": "high", "group_id": 61000000010, "tags": ["vip"], "comment": {"body": "note", "public": False}}
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": change})
    bodies = await account.heard()
    said = {b["type"].removeprefix("zen:event-type:ticket."): b["event"] for b in bodies}
    assert set(said) == {"comment_added", "status_changed", "priority_changed", "group_assignment_changed", "tags_changed"}
    assert {k: said["status_changed"][k] for k in ("current", "previous")} == {"current": "OPEN", "previous": "NEW"}
    assert {k: said["group_assignment_changed"][k] for k in ("current", "previous")} == {"current": "61000000010", "previous": None}
    assert (said["tags_changed"]["tags_added"], said["tags_changed"]["tags_removed"]) == (["vip"], [])
    comment = said["comment_added"]["comment"]
    assert (comment["body"], comment["is_public"], comment["author"]["id"]) == ("note", False, "99000000001")
    assert len({b["event"]["meta"]["sequence"]["id"] for b in bodies}) == 1
    assert sorted(b["event"]["meta"]["sequence"]["position"] for b in bodies) == [1, 2, 3, 4, 5]
    assert len({b["id"] for b in bodies}) == 5


async def test_the_snapshot_has_the_traps_of_the_real_one() -> None:
    account = Account()
    made = await account.ticket(priority="high", type="incident", custom_fields=[{"id": 360001234, "value": "tier_3"}])
    (body,) = await account.heard()
    detail = body["detail"]
    assert (detail["id"], detail["actor_id"], detail["status"]) == (str(made["id"]), "99000000001", "NEW")
    assert (detail["priority"], detail["type"], detail["assignee_id"]) == ("HIGH", "INCIDENT", None)
    assert detail["via"] == {"channel": "web_service"}
    assert {"custom_fields", "comments", "url", "generated_timestamp"}.isdisjoint(detail)
    assert detail["updated_at"] == "2026-06-01T09:14:03Z"
    assert body["time"].startswith("2026-06-01T09:14:03.250000")
    assert len(body["time"].partition(".")[2]) == 10
    assert (body["account_id"], body["subject"]) == (21458100, f"zen:ticket:{made['id']}")


async def test_no_tags_are_sometimes_null_and_sometimes_an_empty_list() -> None:
    account = Account()
    for _ in range(20):
        await account.ticket()
    assert {str(b["detail"]["tags"]) for b in await account.heard()} == {"None", "[]"}


async def test_the_snapshot_is_of_the_moment_of_the_change_not_of_the_sending() -> None:
    account = Account()
    made = await account.ticket()
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "pending"}})
    created, changed = await account.heard()
    assert (created["detail"]["status"], changed["detail"]["status"]) == ("NEW", "PENDING")


async def test_an_update_that_changes_nothing_says_nothing() -> None:
    account = Account()
    made = await account.ticket(status="open")
    await account.heard()
    answer = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "open"}})
    assert (answer.json()["audit"], await account.heard()) == (None, [])


async def test_what_a_trigger_changes_is_told_with_the_change_and_under_its_actor() -> None:
    account = Account()
    made = await account.ticket()
    await account.heard()
    await account.trigger([when("status", "value", "open")], [do("current_tags", "routed")])
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "open"}})
    bodies = await account.heard()
    assert {b["type"].rpartition(".")[2] for b in bodies} == {"status_changed", "tags_changed"}
    assert {b["detail"]["actor_id"] for b in bodies} == {"99000000001"}


async def test_merging_deleting_and_restoring_are_told() -> None:
    account = Account()
    target, source = await account.ticket(), await account.ticket()
    await account.heard()
    await account.call("POST", f"tickets/{target['id']}/merge", {"ids": [source["id"]]})
    merged = [b for b in await account.heard() if b["type"].endswith(".merged")]
    assert [(b["detail"]["id"], b["event"]["target_ticket_id"]) for b in merged] == [(str(source["id"]), str(target["id"]))]
    await account.call("DELETE", f"tickets/{target['id']}")
    await account.call("PUT", f"deleted_tickets/{target['id']}/restore")
    assert await account.kinds() == ["soft_deleted", "undeleted"]


async def test_only_subscribed_kinds_are_sent() -> None:
    account = Account(subscribed=False)
    account.zendesk.connect(ENDPOINT, "s", ["zen:event-type:ticket.tags_changed"])
    await account.ticket()
    made = await account.ticket()
    await account.call("PUT", f"tickets/{made['id']}/tags", {"tags": ["vip"]})
    assert await account.kinds() == ["tags_changed"]


async def test_a_delivery_proves_itself_with_its_secret_and_with_no_other() -> None:
    account = Account()
    await account.ticket()
    await account.heard()
    (request,) = account.requests
    account.proof(request)
    with pytest.raises(Refused, match="bad_signature"):
        account.proof(request, "another-secret")
    with pytest.raises(Refused, match="bad_signature"):
        account.proof(httpx.Request("POST", ENDPOINT, content=request.content + b" ", headers=request.headers))


async def test_a_signature_carries_the_real_time_whatever_the_accounts_clock_says() -> None:
    account = Account()
    account.zendesk.clock.put(account.now.replace(year=2025))
    await account.ticket()
    (body,) = await account.heard()
    assert body["time"].startswith("2025-")
    account.proof(account.requests[0])


async def test_after_a_reset_only_the_new_secret_fits() -> None:
    account = Account()
    assert account.webhook is not None
    path = f"webhooks/{account.webhook['id']}/signing_secret"
    fresh = (await account.call("POST", path)).json()["signing_secret"]
    assert fresh == (await account.get(path))["signing_secret"]
    assert fresh["algorithm"] == "SHA256"
    await account.ticket()
    await account.heard()
    account.proof(account.requests[0], fresh["secret"])
    with pytest.raises(Refused):
        account.proof(account.requests[0])


def timeout(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow", request=request)


@pytest.mark.parametrize(
    ("status", "retry_after", "attempts"),
    [(409, None, 4), (503, "2", 6), (429, "59", 6), (429, None, 1), (503, "60", 1), (500, None, 1), (404, None, 1), (200, None, 1)],
)
async def test_a_refused_delivery_is_tried_again_only_as_zendesk_promises(status: int, retry_after: str | None, attempts: int) -> None:
    account = Account()
    account.answers = lambda request: httpx.Response(status, headers={"Retry-After": retry_after} if retry_after else {})
    await account.ticket()
    for _ in range(10):
        await account.zendesk.webhooks.pump()
        account.later(minutes=1)
    assert len(account.requests) == attempts
    assert len({r.content for r in account.requests}) == 1
    assert len({r.headers["x-zendesk-webhook-invocation-id"] for r in account.requests}) == 1


async def test_a_timeout_is_tried_again_five_times_and_then_lost() -> None:
    account = Account()
    account.answers = timeout
    await account.ticket()
    for _ in range(10):
        await account.zendesk.webhooks.pump()
        account.later(minutes=1)
    assert (len(account.requests), account.zendesk.webhooks.waiting) == (6, 0)


async def test_a_retry_waits_as_long_as_it_was_told() -> None:
    account = Account()
    account.answers = lambda request: httpx.Response(503, headers={"Retry-After": "30"})
    await account.ticket()
    await account.zendesk.webhooks.pump()
    account.later(seconds=29)
    assert await account.zendesk.webhooks.pump() == 0
    account.later(seconds=1)
    assert await account.zendesk.webhooks.pump() == 1


async def test_the_breaker_opens_on_many_failures_and_lets_the_waiting_through_afterwards() -> None:
    account = Account()
    account.answers = lambda request: httpx.Response(500)
    for _ in range(20):
        await account.ticket()
        await account.zendesk.webhooks.pump()
    account.answers = lambda request: httpx.Response(200)
    await account.ticket()
    assert await account.heard() == []
    account.later(seconds=61)
    assert await account.kinds() == ["created"]


@pytest.mark.parametrize(("knob", "seen"), [("drop", 0), ("duplicate", 2)])
async def test_deliveries_get_lost_or_doubled_when_told(knob: str, seen: int) -> None:
    account = Account()
    await account.http.put("/_sim/faults", json={knob: 100})
    await account.ticket()
    bodies = await account.heard()
    assert len(bodies) == seen
    assert len({b["id"] for b in bodies}) == min(seen, 1)


async def test_the_same_seed_gives_the_same_account() -> None:
    def events(account: Account) -> list[bytes]:
        return [d.body for d in account.zendesk.webhooks.log]

    pair = [Account(seed=7), Account(seed=7)]
    for account in pair:
        await account.ticket()
        await account.heard()
    assert events(pair[0]) == events(pair[1])
    assert isinstance(pair[0].zendesk, Zendesk)


async def test_how_a_webhook_authenticates_is_told_and_with_what_is_not() -> None:
    account = Account(subscribed=False)
    login = {"type": "bearer_token", "data": {"token": "a-hidden-word"}, "add_position": "header"}
    given = {
        "name": "x",
        "endpoint": ENDPOINT,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "authentication": login,
    }
    made = await account.call("POST", "webhooks", {"webhook": given})
    listed = await account.call("GET", "webhooks")
    assert made.json()["webhook"]["authentication"]["type"] == "bearer_token"
    assert "a-hidden-word" not in made.text + listed.text


async def test_a_webhook_beside_the_triggers_hears_of_merged_users() -> None:
    account = Account(subscribed=False)
    account.zendesk.connect(ENDPOINT, SECRET, ["zen:event-type:user.merged"])
    lost, left = (account.zendesk.world.add_user(name, f"{name}@example.com") for name in ("ana", "anna"))
    await account.call("PUT", f"users/{lost['id']}/merge", {"user": {"id": left["id"]}})
    (body,) = await account.heard()
    assert (body["type"], body["subject"]) == ("zen:event-type:user.merged", f"zen:user:{lost['id']}")
    assert normalize.read(json.dumps(body).encode(), received_at=account.now).merged == (str(lost["id"]), str(left["id"]))
