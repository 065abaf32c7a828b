"""Who may call the simulated account and how often; what it says when it refuses."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.simulator.zendesk_account import Account
from tsbridge.simulator.zendesk import Limits

pytestmark = pytest.mark.anyio
GRANT = {"grant_type": "client_credentials", "client_id": "tsbridge", "client_secret": "secret"}


def basic(name: str, password: str = "t") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def token(account: Account, **more: Any) -> httpx.Response:
    return await account.http.post("/oauth/tokens", data={**GRANT, **more}, headers={"Authorization": ""})


# -- credentials --------------------------------------------------------------------------------------------------------


async def test_without_credentials_only_the_question_who_am_i_is_answered() -> None:
    account = Account()
    me = await account.http.get("/api/v2/users/me.json", headers={"Authorization": ""})
    assert (me.status_code, me.json()["user"]["id"]) == (200, None)
    refused = await account.http.get("/api/v2/tickets.json", headers={"Authorization": ""})
    assert (refused.status_code, refused.json()) == (401, {"error": "Couldn't authenticate you"})


async def test_a_minted_token_acts_as_the_bridges_own_user_until_it_ends() -> None:
    account = Account()
    granted = (await token(account, expires_in="300", scope="read write")).json()
    assert (granted["token_type"], granted["expires_in"], granted["scope"]) == ("bearer", 300, "read write")
    mine = {"Authorization": f"Bearer {granted['access_token']}"}
    me = (await account.http.get("/api/v2/users/me", headers=mine)).json()["user"]
    assert (me["id"], me["role"]) == (99000000001, "admin")
    account.later(seconds=299)
    assert (await account.http.get("/api/v2/users/me", headers=mine)).status_code == 200
    account.later(seconds=1)
    assert (await account.http.get("/api/v2/users/me", headers=mine)).status_code == 401


async def test_a_token_lives_half_an_hour_when_nothing_else_is_asked_for() -> None:
    assert (await token(Account())).json()["expires_in"] == 1_800
    assert (await token(Account(), expires_in="999999")).json()["expires_in"] == 1_800


async def test_another_grant_or_a_wrong_client_gets_no_token() -> None:
    assert (await token(Account(), grant_type="password")).json()["error"] == "unsupported_grant_type"
    wrong = await token(Account(strict=True), client_secret="guessed")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


async def test_a_basic_address_picks_the_acting_user_and_makes_an_unknown_one() -> None:
    account = Account()
    known = (await account.http.get("/api/v2/users/me", headers=basic("admin@example.com/token"))).json()["user"]
    assert known["name"] == "Ada Admin"
    fresh = (await account.http.get("/api/v2/users/me", headers=basic("new@example.com/token"))).json()["user"]
    again = (await account.http.get("/api/v2/users/me", headers=basic("new@example.com/token"))).json()["user"]
    assert (fresh["email"], fresh["id"]) == ("new@example.com", again["id"])


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer anything"}, basic("stranger@example.com/token"), basic("admin@example.com"), basic("", "")]
)
async def test_a_strict_account_accepts_only_what_it_gave_out(headers: dict[str, str]) -> None:
    account = Account(strict=True)
    assert (await account.http.get("/api/v2/tickets", headers=headers)).status_code == 401
    granted = (await token(account)).json()["access_token"]
    assert (await account.http.get("/api/v2/tickets", headers={"Authorization": f"Bearer {granted}"})).status_code == 200


# -- limits -------------------------------------------------------------------------------------------------------------


async def test_the_account_limit_counts_down_in_its_headers_and_ends_in_plain_text() -> None:
    account = Account(Limits(account=3, updates=0, per_ticket=0, incremental=0))
    left = [(await account.call("GET", "groups")).headers["X-Rate-Limit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = await account.call("GET", "groups")
    assert (refused.status_code, refused.text) == (429, "Number of allowed API requests per minute exceeded")
    assert refused.headers["content-type"].startswith("text/plain")
    account.later(seconds=int(refused.headers["Retry-After"]))
    assert (await account.call("GET", "groups")).status_code == 200


async def test_ticket_updates_have_a_limit_of_their_own_while_the_account_shows_plenty_left() -> None:
    account = Account(Limits(account=700, updates=2, per_ticket=0, incremental=0))
    made = [await account.ticket() for _ in range(3)]
    answers = [await account.call("PUT", f"tickets/{t['id']}", {"ticket": {"status": "open"}}) for t in made]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[0].headers["Zendesk-RateLimit-tickets-update"].startswith("total=2; remaining=1; resets=")
    assert int(answers[1].headers["X-Rate-Limit-Remaining"]) > 600
    assert (await account.get(f"tickets/{made[2]['id']}"))["ticket"]["status"] == "new"


async def test_one_user_may_update_one_ticket_so_often_in_ten_minutes_another_user_and_another_ticket_are_free() -> None:
    account = Account(Limits(account=0, updates=0, per_ticket=2, incremental=0))
    busy, calm = await account.ticket(), await account.ticket()
    path = f"tickets/{busy['id']}"
    codes = [(await account.call("PUT", path, {"ticket": {"external_id": str(n)}})).status_code for n in range(3)]
    assert codes == [200, 200, 429]
    assert (await account.call("PUT", f"tickets/{calm['id']}", {"ticket": {"status": "open"}})).status_code == 200
    other = await account.call("PUT", path, {"ticket": {"status": "open"}}, headers=basic("admin@example.com/token"))
    assert other.status_code == 200
    account.later(minutes=10)
    assert (await account.call("PUT", path, {"ticket": {"external_id": "x"}})).status_code == 200


async def test_the_export_says_its_limit_in_json() -> None:
    account = Account(Limits(account=0, updates=0, per_ticket=0, incremental=1))
    assert (await account.call("GET", "incremental/tickets/cursor?start_time=0")).status_code == 200
    refused = await account.call("GET", "incremental/tickets/cursor?start_time=0")
    assert (refused.status_code, refused.json()["error"]) == (429, "APIRateLimitExceeded")
    assert int(refused.headers["Retry-After"]) > 0


# -- refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "error"), [("tickets/4711", "RecordNotFound"), ("no_such_thing", "InvalidEndpoint")])
async def test_a_wrong_id_and_a_wrong_path_are_told_apart(path: str, error: str) -> None:
    refused = await Account().call("GET", path)
    assert (refused.status_code, refused.json()["error"]) == (404, error)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"status": "unheard"}, "status"), ({"priority": "severe"}, "priority"), ({"group_id": "many"}, "group_id")],
)
async def test_a_value_out_of_the_list_is_refused_by_field_and_changes_nothing(change: dict[str, Any], field: str) -> None:
    account = Account()
    made = await account.ticket()
    refused = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"tags": ["kept-out"], **change}})
    assert (refused.status_code, refused.json()["error"]) == (422, "RecordInvalid")
    assert list(refused.json()["details"]) == [field]
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["tags"] == []


async def test_a_closed_ticket_refuses_every_write_with_the_words_of_the_real_one() -> None:
    account = Account()
    made = await account.ticket()
    path = f"tickets/{made['id']}"
    await account.call("PUT", path, {"ticket": {"status": "closed"}})
    for method, where, body in (
        ("PUT", path, {"ticket": {"priority": "high"}}),
        ("PUT", path, {"ticket": {"status": "open"}}),
        ("PUT", f"{path}/tags", {"tags": ["late"]}),
    ):
        refused = await account.call(method, where, body)
        assert refused.status_code == 422
        assert refused.json()["error"] == "RecordInvalid"
        assert refused.json()["details"]["status"][0]["description"].endswith("closed prevents ticket update")


async def test_a_body_that_is_no_json_or_no_ticket_is_refused() -> None:
    account = Account()
    broken = await account.http.post("/api/v2/tickets", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["error"]) == (400, "UnparseableJson")
    assert (await account.call("POST", "tickets", {"subject": "no ticket"})).status_code == 400
    blank = await account.call("POST", "tickets", {"ticket": {"subject": "no words"}})
    assert blank.json()["details"]["base"][0]["error"] == "BlankValue"


# -- a key makes a creation happen once -----------------------------------------------------------------------------------


async def test_the_same_key_creates_one_ticket_and_says_whether_it_was_looked_up() -> None:
    account = Account()
    body = {"ticket": {"subject": "Once", "comment": {"body": "only"}}}
    answers = [await account.call("POST", "tickets", body, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [a.headers["x-idempotency-lookup"] for a in answers] == ["miss", "hit"]
    assert answers[0].json()["ticket"]["id"] == answers[1].json()["ticket"]["id"]
    assert (await account.get("tickets/count"))["count"]["value"] == 1


async def test_the_same_key_with_another_body_is_refused() -> None:
    account = Account()
    for words, status in (("one", 201), ("two", 400)):
        answer = await account.call("POST", "tickets", {"ticket": {"comment": {"body": words}}}, headers={"Idempotency-Key": "k1"})
        assert answer.status_code == status
    assert "IdempotentRequestError" in answer.text
