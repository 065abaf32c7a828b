"""Driving and disturbing the simulated account: faults of its API, acts of its people, what it remembers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.simulator.zendesk_account import Account, do, when
from tsbridge.simulator.zendesk import Limits
from tsbridge.simulator.zendesk.account import Cut

pytestmark = pytest.mark.anyio


async def disturb(account: Account, **faults: Any) -> None:
    assert (await account.http.put("/_sim/faults", json=faults)).status_code == 200


async def act(account: Account, name: str, **args: Any) -> httpx.Response:
    return await account.http.post("/_sim/act", json={"act": name, "args": args})


async def update(account: Account, ticket: dict[str, Any], **change: Any) -> httpx.Response:
    return await account.call("PUT", f"tickets/{ticket['id']}", {"ticket": change})


# -- faults -------------------------------------------------------------------------------------------------------------


async def test_an_account_that_is_down_answers_503_and_comes_back_as_it_was() -> None:
    account = Account()
    made = await account.ticket()
    await disturb(account, down=True)
    assert (await update(account, made, status="open")).status_code == 503
    assert (await account.call("GET", "users/me")).status_code == 503
    await disturb(account, down=False)
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["status"] == "new"


async def test_a_slow_account_takes_its_time_for_every_answer() -> None:
    account = Account()
    await disturb(account, slow_s=4.5)
    await account.call("GET", "users/me")
    assert account.slept == [4.5]


async def test_a_cut_update_was_applied_but_nobody_hears_of_it() -> None:
    account = Account()
    made = await account.ticket()
    await account.heard()
    account.zendesk.faults.cut = 1
    with pytest.raises(Cut):
        await account.zendesk.call(
            "PUT", f"/api/v2/tickets/{made['id']}", {}, {"ticket": {"priority": "high"}}, {"authorization": "Bearer any"}
        )
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["priority"] == "high"
    assert await account.kinds() == ["priority_changed"]
    assert (await update(account, made, priority="low")).status_code == 200


@pytest.mark.parametrize("wait", ["7", "0", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", None])
async def test_updates_are_refused_with_any_retry_after_one_asks_for_and_not_applied(wait: str | None) -> None:
    account = Account()
    made = await account.ticket()
    await disturb(account, too_many=1, retry_after=wait)
    refused = await update(account, made, status="open")
    assert (refused.status_code, refused.headers.get("Retry-After")) == (429, wait)
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["status"] == "new"
    assert (await update(account, made, status="open")).status_code == 200


@pytest.mark.parametrize(("knob", "status", "error"), [("conflicts", 409, "DatabaseConflict"), ("server_errors", 500, "InternalError")])
async def test_the_next_updates_collide_or_break_as_often_as_told(knob: str, status: int, error: str) -> None:
    account = Account()
    made = await account.ticket()
    await disturb(account, **{knob: 2})
    answers = [await update(account, made, status="open") for _ in range(3)]
    assert [a.status_code for a in answers] == [status, status, 200]
    assert answers[0].json()["error"] == error


async def test_an_account_may_stop_giving_out_tokens() -> None:
    account = Account()
    await disturb(account, refuse_tokens=True)
    refused = await account.http.post("/oauth/tokens", json={"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"})
    assert refused.status_code == 401


async def test_deliveries_come_out_of_order_when_told_and_none_is_lost() -> None:
    account = Account()
    await disturb(account, reorder=100)
    made = [await account.ticket() for _ in range(30)]
    seen = [int(b["detail"]["id"]) for b in await account.heard()]
    assert seen != [t["id"] for t in made]
    assert sorted(seen) == [t["id"] for t in made]


async def test_a_knob_that_does_not_exist_is_refused() -> None:
    account = Account()
    assert (await account.http.put("/_sim/faults", json={"dwon": True})).status_code == 400
    assert (await account.http.get("/_sim/faults")).json()["down"] is False


async def test_limits_can_be_turned_while_it_runs() -> None:
    account = Account(Limits.off())
    made = await account.ticket()
    await account.http.put("/_sim/limits", json={"updates": 1})
    assert [(await update(account, made, external_id=str(n))).status_code for n in range(2)] == [200, 429]


# -- people -------------------------------------------------------------------------------------------------------------


async def test_a_ticket_comes_from_a_customer_through_the_control_endpoint() -> None:
    account = Account()
    id_ = (
        await act(account, "create", ticket={"comment": {"body": "Help"}, "requester": {"name": "Jo", "email": "jo@example.com"}})
    ).json()
    found = (await account.get(f"tickets/{id_['id']}"))["ticket"]
    person = (await account.get(f"users/{found['requester_id']}"))["user"]
    assert (found["description"], person["email"], found["via"]["channel"]) == ("Help", "jo@example.com", "web")


async def test_an_agent_edits_as_the_person_one_names() -> None:
    account = Account()
    made = await account.ticket(tags=["severe"])
    await account.heard()
    await act(account, "untag", id=made["id"], tags=["severe"], **{"as": "agent@example.com"})
    (body,) = await account.heard()
    who = (await account.get(f"users/{body['detail']['actor_id']}"))["user"]
    assert (who["email"], who["role"]) == ("agent@example.com", "agent")
    assert body["event"]["tags_removed"] == ["severe"]


async def test_the_whole_api_can_be_called_as_a_user() -> None:
    account = Account()
    person = (await account.call("POST", "users", {"user": {"name": "Ann", "email": "ann@example.com", "role": "agent"}})).json()["user"]
    made = await account.ticket()
    path = f"/_sim/as/{person['id']}/api/v2/tickets/{made['id']}.json"
    audit = (await account.http.put(path, json={"ticket": {"status": "pending"}})).json()["audit"]
    assert audit["author_id"] == person["id"]


async def test_a_customer_who_answers_opens_the_ticket_again() -> None:
    account = Account()
    who = {"name": "Jo", "email": "jo@example.com"}
    made = await account.ticket(status="solved", requester=who)
    await act(account, "change", id=made["id"], ticket={"comment": {"body": "Still broken"}})
    found = (await account.get(f"tickets/{made['id']}"))["ticket"]
    newest = (await account.get(f"tickets/{made['id']}/comments"))["comments"][-1]
    assert (found["status"], newest["body"], newest["author_id"]) == ("open", "Still broken", made["requester_id"])


async def test_an_act_nobody_knows_or_about_nothing_is_refused() -> None:
    account = Account()
    made = await account.ticket()
    assert (await act(account, "juggle", id=made["id"])).status_code == 400
    assert (await act(account, "tag", id=4711, tags=["x"])).status_code == 404


async def test_the_accounts_clock_stays_where_it_is_put() -> None:
    account = Account()
    await account.http.post("/_sim/clock", json={"now": "2026-01-02T03:04:05+00:00"})
    assert (await account.ticket())["created_at"] == "2026-01-02T03:04:05Z"
    await account.http.post("/_sim/clock", json={"now": None})
    assert (await account.ticket())["created_at"] == "2026-06-01T09:14:03Z"


# -- memory -------------------------------------------------------------------------------------------------------------


async def test_it_remembers_every_write_and_every_delivery() -> None:
    account = Account()
    made = await account.ticket()
    await update(account, made, status="open")
    await account.heard()
    writes = (await account.http.get("/_sim/writes")).json()["writes"]
    assert [(w["method"], w["status"], w["user"]) for w in writes] == [("POST", 201, 99000000001), ("PUT", 200, 99000000001)]
    sent = (await account.http.get("/_sim/deliveries")).json()["deliveries"]
    assert [(d["kind"].rpartition(".")[2], d["attempts"]) for d in sent] == [("created", [200]), ("status_changed", [200])]


async def test_it_counts_updates_by_the_minute_and_refusals() -> None:
    account = Account(Limits(account=0, updates=3, per_ticket=0, incremental=0))
    made = await account.ticket()
    for n in range(4):
        await update(account, made, external_id=str(n))
    account.later(minutes=2)
    await update(account, made, status="open")
    stats = (await account.http.get("/_sim/stats")).json()
    assert (stats["updates"], stats["updates_last_minute"], stats["busiest_minute"], stats["refused"]) == (5, 1, 4, 1)


async def test_invocations_and_their_attempts_can_be_read_over_the_api() -> None:
    account = Account()
    answers = [httpx.Response(409), httpx.Response(200)]
    account.answers = lambda request: answers.pop(0)
    await account.ticket()
    for _ in range(2):
        await account.zendesk.webhooks.pump()
        account.later(seconds=5)
    assert account.webhook is not None
    path = f"webhooks/{account.webhook['id']}/invocations"
    (one,) = (await account.get(path))["invocations"]
    assert (one["status"], one["status_code"]) == ("success", "200")
    attempts = (await account.get(f"{path}/{one['id']}/attempts"))["attempts"]
    assert [a["response"]["status"] for a in attempts] == [409, 200]


async def test_a_test_request_is_sent_at_once_and_tells_what_came_back() -> None:
    account = Account()
    await account.trigger([when("update_type", "is", "Create")], [do("current_tags", "x")])
    account.answers = lambda request: httpx.Response(202)
    assert account.webhook is not None
    told = await account.call("POST", f"webhooks/{account.webhook['id']}/test", {"request": {"payload": '{"a":1}'}})
    assert told.json()["response"]["status"] == 202
    assert account.requests[0].content == b'{"a":1}'
    account.proof(account.requests[0])
