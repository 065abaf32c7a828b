"""Who may ask, how often, what goes wrong on demand, and the exports that leave nothing out."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.simulator.zendesk_account import START, Account
from tsbridge.simulator.zendesk import Limits
from tsbridge.simulator.zendesk.account import Cut

pytestmark = pytest.mark.anyio

TOKEN = {"grant_type": "client_credentials", "client_id": "tsbridge", "client_secret": "secret"}


# -- credentials -----------------------------------------------------------------------------------------------------------


async def test_client_credentials_give_a_token_of_the_bridges_user_that_ends_when_it_said() -> None:
    account = Account(strict=True)
    token = (await account.http.post("/oauth/tokens", json={**TOKEN, "expires_in": 300})).json()
    assert token["expires_in"] == 300
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await account.call("GET", "users/me", headers=bearer)).json()["user"]["id"] == 99000000001
    account.later(seconds=300)
    late = await account.call("GET", "users/me", headers=bearer)
    assert (late.status_code, late.json()) == (401, {"error": "Couldn't authenticate you"})


@pytest.mark.parametrize(("wrong", "status"), [({"client_secret": "no"}, 401), ({"grant_type": "password"}, 400)])
async def test_wrong_credentials_give_no_token(wrong: dict[str, str], status: int) -> None:
    answer = await Account(strict=True).http.post("/oauth/tokens", json={**TOKEN, **wrong})
    assert (answer.status_code, "access_token" in answer.json()) == (status, False)


async def test_users_me_without_credentials_is_a_user_without_an_id() -> None:
    account = Account()
    del account.http.headers["authorization"]
    answer = await account.call("GET", "users/me")
    assert (answer.status_code, answer.json()["user"]["id"]) == (200, None)
    assert (await account.call("GET", "tickets")).status_code == 401


async def test_an_api_token_acts_as_the_named_user_and_a_password_as_nobody() -> None:
    account = Account(strict=True)

    def basic(text: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    token = await account.call("GET", "users/me", headers=basic("admin@example.com/token:abc"))
    assert token.json()["user"]["email"] == "admin@example.com"
    assert (await account.call("GET", "users/me", headers=basic("admin@example.com:password"))).status_code == 401


# -- limits ----------------------------------------------------------------------------------------------------------------


async def test_ticket_updates_have_a_limit_of_their_own_while_the_account_shows_plenty_left() -> None:
    account = Account(Limits(account=700, updates=2, per_ticket=0, incremental=0))
    ids = [(await account.ticket())["id"] for _ in range(3)]
    answers = [await account.call("PUT", f"tickets/{i}", {"ticket": {"priority": "low"}}) for i in ids]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[0].headers["zendesk-ratelimit-tickets-update"] == "total=2; remaining=1; resets=61"
    assert int(answers[1].headers["x-rate-limit-remaining"]) > 600
    assert answers[2].text == "Number of allowed API requests per minute exceeded"
    account.later(seconds=int(answers[2].headers["retry-after"]))
    assert (await account.call("PUT", f"tickets/{ids[2]}", {"ticket": {"priority": "low"}})).status_code == 200


async def test_one_ticket_takes_thirty_updates_of_one_user_in_ten_minutes() -> None:
    account = Account(Limits(account=0, updates=0, per_ticket=30, incremental=0))
    one, other = (await account.ticket())["id"], (await account.ticket())["id"]
    codes = [(await account.call("PUT", f"tickets/{one}", {"ticket": {"tags": [f"t{n}"]}})).status_code for n in range(31)]
    assert codes == [200] * 30 + [429]
    assert (await account.call("PUT", f"tickets/{other}", {"ticket": {"tags": ["t"]}})).status_code == 200
    account.later(minutes=10)
    assert (await account.call("PUT", f"tickets/{one}", {"ticket": {"tags": ["t"]}})).status_code == 200


async def test_the_account_as_a_whole_has_a_limit_that_counts_down() -> None:
    account = Account(Limits(account=2, updates=0, per_ticket=0, incremental=0))
    answers = [await account.call("GET", "groups") for _ in range(3)]
    assert [a.headers.get("x-rate-limit-remaining") for a in answers[:2]] == ["1", "0"]
    assert answers[0].headers["x-rate-limit"] == answers[0].headers["ratelimit-limit"] == "2"
    assert answers[2].status_code == 429


async def test_the_export_says_too_many_in_json() -> None:
    account = Account(Limits(account=0, updates=0, per_ticket=0, incremental=1))
    path = f"incremental/tickets/cursor?start_time={int(START.timestamp()) - 3600}"
    assert (await account.call("GET", path)).status_code == 200
    answer = await account.call("GET", path)
    assert (answer.status_code, answer.json()["error"]) == (429, "APIRateLimitExceeded")
    assert answer.headers["retry-after"].isdigit()


# -- faults ----------------------------------------------------------------------------------------------------------------


async def fault(account: Account, **knobs: Any) -> None:
    assert (await account.http.put("/_sim/faults", json=knobs)).status_code == 200


async def test_down_is_503_until_it_is_up_again() -> None:
    account = Account()
    await fault(account, down=True)
    assert (await account.call("GET", "groups")).status_code == 503
    await fault(account, down=False)
    assert (await account.call("GET", "groups")).status_code == 200


async def test_slow_takes_its_time_before_the_answer() -> None:
    account = Account()
    await fault(account, slow_s=7.5)
    assert (await account.call("GET", "groups")).status_code == 200
    assert account.slept == [7.5]


async def test_a_cut_connection_hides_an_update_that_was_applied() -> None:
    account = Account()
    made = await account.ticket()
    await fault(account, cut=1)
    with pytest.raises((Cut, ConnectionAbortedError)):
        await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "urgent"}})
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["priority"] == "urgent"


@pytest.mark.parametrize("said", ["3", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", None])
async def test_too_many_says_what_it_was_told_to_say_and_changes_nothing(said: str | None) -> None:
    account = Account()
    made = await account.ticket()
    await fault(account, too_many=1, retry_after=said)
    answer = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "low"}})
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, said)
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["priority"] is None
    assert (await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "low"}})).status_code == 200


@pytest.mark.parametrize(("knob", "status", "error"), [("conflicts", 409, "DatabaseConflict"), ("server_errors", 500, "InternalError")])
async def test_the_next_updates_fail_as_told_and_then_work(knob: str, status: int, error: str) -> None:
    account = Account()
    made = await account.ticket()
    await fault(account, **{knob: 2})
    answers = [await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "low"}}) for _ in range(3)]
    assert [a.status_code for a in answers] == [status, status, 200]
    assert answers[0].json()["error"] == error


async def test_an_unknown_knob_is_refused() -> None:
    answer = await Account().http.put("/_sim/faults", json={"dwon": True})
    assert (answer.status_code, answer.json()) == (400, {"error": "no such knob: dwon"})


# -- exports ---------------------------------------------------------------------------------------------------------------


async def test_the_export_never_shows_the_newest_minute_and_then_shows_it() -> None:
    account = Account()
    start = int(START.timestamp()) - 120
    made = await account.ticket()
    empty = await account.get(f"incremental/tickets/cursor?start_time={start}")
    assert (empty["tickets"], empty["end_of_stream"]) == ([], True)
    account.later(seconds=61)
    full = await account.get(f"incremental/tickets/cursor?cursor={empty['after_cursor']}")
    assert [t["id"] for t in full["tickets"]] == [made["id"]]


async def test_a_changed_ticket_comes_again_after_the_cursor_and_an_unchanged_one_does_not() -> None:
    account = Account()
    ids = [(await account.ticket())["id"] for _ in range(3)]
    account.later(seconds=61)
    first = await account.get(f"incremental/tickets/cursor?start_time={int(START.timestamp()) - 1}")
    assert [t["id"] for t in first["tickets"]] == ids
    await account.call("PUT", f"tickets/{ids[1]}", {"ticket": {"priority": "low"}})
    account.later(seconds=61)
    second = await account.get(f"incremental/tickets/cursor?cursor={first['after_cursor']}")
    assert [t["id"] for t in second["tickets"]] == [ids[1]]


async def test_small_pages_cover_ties_of_one_second_once() -> None:
    account = Account()
    ids = [(await account.ticket())["id"] for _ in range(5)]
    account.later(seconds=61)
    answer = await account.get(f"incremental/tickets/cursor?start_time={int(START.timestamp()) - 1}&per_page=2")
    seen, ends = [t["id"] for t in answer["tickets"]], [answer["end_of_stream"]]
    while not answer["end_of_stream"]:
        answer = await account.get(f"incremental/tickets/cursor?cursor={answer['after_cursor']}&per_page=2")
        seen += [t["id"] for t in answer["tickets"]]
        ends.append(answer["end_of_stream"])
    assert (seen, ends) == (ids, [False, False, True])


async def test_deleted_tickets_are_exported_as_deleted_unless_unwanted() -> None:
    account = Account()
    made = await account.ticket()
    await account.call("DELETE", f"tickets/{made['id']}")
    account.later(seconds=61)
    path = f"incremental/tickets/cursor?start_time={int(START.timestamp()) - 1}"
    assert [(t["id"], t["status"]) for t in (await account.get(path))["tickets"]] == [(made["id"], "deleted")]
    assert (await account.get(path + "&exclude_deleted=true"))["tickets"] == []


async def test_a_start_within_the_last_minute_is_refused() -> None:
    account = Account()
    answer = await account.call("GET", f"incremental/tickets/cursor?start_time={int(account.now.timestamp()) - 10}")
    assert (answer.status_code, answer.json()["error"]) == (422, "StartTimeTooRecent")


async def test_the_time_export_repeats_the_tickets_of_its_last_second() -> None:
    account = Account()
    made = await account.ticket()
    account.later(seconds=61)
    first = await account.get(f"incremental/tickets?start_time={int(START.timestamp()) - 1}")
    again = await account.get(f"incremental/tickets?start_time={first['end_time']}")
    assert [t["id"] for t in again["tickets"]] == [made["id"]]


async def test_ticket_events_list_each_update_with_its_comment() -> None:
    account = Account()
    made = await account.ticket()
    account.later(seconds=61)
    (event,) = (await account.get(f"incremental/ticket_events?include=comment_events&start_time={int(START.timestamp()) - 1}"))[
        "ticket_events"
    ]
    comments = [c["body"] for c in event["child_events"] if c["event_type"] == "Comment"]
    assert (event["ticket_id"], event["updater_id"], comments) == (made["id"], 99000000001, ["Since this morning"])


async def test_an_answer_that_says_no_carries_the_rates_too() -> None:
    account = Account(Limits())
    refused = await account.call("GET", "tickets/999")
    assert (refused.status_code, refused.headers["x-rate-limit-remaining"]) == (404, "699")


# -- secrets, and headers on every answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("wrong", [{"client_secret": "other"}, {"client_id": "other"}, {"client_secret": ""}, {"client_secret": None}])
async def test_a_wrong_client_gets_no_token_however_lenient_the_account_is(strict: bool, wrong: dict[str, Any]) -> None:
    account = Account(strict=strict)
    right = {"grant_type": "client_credentials", "client_id": "tsbridge", "client_secret": "secret"}
    assert (await account.http.post("/oauth/tokens", json=right)).status_code == 200
    refused = await account.http.post("/oauth/tokens", json={**right, **wrong})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("fault", [{"too_many": 1}, {"conflicts": 1}, {"server_errors": 1}])
async def test_rate_headers_stand_on_faults_that_are_asked_for(fault: dict[str, int]) -> None:
    account = Account(Limits(account=700, updates=100, per_ticket=30))
    made = await account.ticket()
    await account.http.put("/_sim/faults", json=fault)
    failed = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "low"}})
    assert failed.status_code in (429, 409, 500)
    assert failed.headers["x-rate-limit-remaining"] == "698"
    assert failed.headers["zendesk-ratelimit-tickets-update"].startswith("total=100; remaining=99;")


@pytest.mark.parametrize(
    ("limits", "path", "header"),
    [
        (Limits(1, 0, 0, 0), "users/me", "x-rate-limit-remaining"),
        (Limits(0, 0, 0, 1), "incremental/users?start_time=0", "zendesk-ratelimit-incremental-exports"),
    ],
)
async def test_rate_headers_stand_on_the_refusal_itself(limits: Limits, path: str, header: str) -> None:
    account = Account(limits)
    assert (await account.call("GET", path)).status_code == 200
    refused = await account.call("GET", path)
    assert (refused.status_code, "0" in refused.headers[header]) == (429, True)
    assert int(refused.headers["retry-after"]) > 0


async def test_what_is_secret_about_a_webhook_is_never_read_back() -> None:
    account = Account(subscribed=False)
    secret = {"signing_secret": {"algorithm": "SHA256", "secret": "hush-1"}, "secret": "hush-2"}
    auth = {"type": "bearer_token", "data": {"token": "hush-3"}, "add_position": "header"}
    given = {"name": "w", "endpoint": "https://x.test/", "http_method": "POST", "request_format": "json", "status": "active"}
    made = await account.call("POST", "webhooks", {"webhook": {**given, **secret, "authentication": auth}})
    id_ = made.json()["webhook"]["id"]
    changed = await account.call("PUT", f"webhooks/{id_}", {"webhook": {"name": "v", **secret, "authentication": auth}})
    said = [made, changed, *[await account.call("GET", path) for path in (f"webhooks/{id_}", "webhooks", f"webhooks/{id_}/invocations")]]
    said.append(await account.http.post(f"/api/v2/webhooks?clone_webhook_id={id_}"))
    assert not [answer.text for answer in said if "hush" in answer.text]
    assert (await account.get(f"webhooks/{id_}"))["webhook"]["name"] == "v"
    assert (await account.get(f"webhooks/{id_}/signing_secret"))["signing_secret"]["secret"] == "hush-1"


@pytest.mark.parametrize(
    "wrong", [{"endpoint": 5}, {"http_method": "LOOK"}, {"status": "asleep"}, {"authentication": "x"}, {"custom_headers": []}, {"name": []}]
)
async def test_a_webhook_that_could_not_be_sent_is_refused(wrong: dict[str, Any]) -> None:
    account = Account(subscribed=False)
    given = {"name": "w", "endpoint": "https://x.test/", "http_method": "POST", "request_format": "json", "status": "active"}
    assert (await account.call("POST", "webhooks", {"webhook": {**given, **wrong}})).status_code == 400
    made = (await account.call("POST", "webhooks", {"webhook": given})).json()["webhook"]
    await account.call("PUT", f"webhooks/{made['id']}", {"webhook": wrong})
    assert {k: v for k, v in (await account.get(f"webhooks/{made['id']}"))["webhook"].items() if k in given} == given
