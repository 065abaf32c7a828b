"""Requests that no client should send: each is the caller's fault, none breaks the account for those who come after."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import httpx
import pytest

import tsbridge.simulator.zendesk.api  # registers the routes
from tests.simulator.zendesk_account import ENDPOINT, Account
from tsbridge.simulator.zendesk.routes import ROUTES

pytestmark = pytest.mark.anyio
assert tsbridge.simulator.zendesk.api.Api

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    3.5,
    "",
    "x",
    "\ud800",
    "\x00",
    "²",
    "9" * 5_000,
    [],
    [None],
    [[]],
    {},
    {"id": {}},
    {"a": [1]},
    ["a", 5],
]
WORDS = re.findall(
    r"\w+",
    """ticket tickets user users organization organizations trigger triggers automation view macro group ticket_field custom_status
    webhook identity request ids tags text html_body ticket_id trigger_ids safe_update updated_stamp name title agent_label
    status_category comment comments body author_id public uploads requester requester_id submitter_id custom_fields fields via
    subject description status priority metadata conditions actions all any position active email phone role external_id id
    endpoint http_method request_format subscriptions authentication custom_headers signing_secret password value type""",
)
QUERIES = (
    "",
    "page=x&per_page=-1",
    "page=99999999999999999999",
    "page[size]=0&page[after]=%ff",
    "page[before]=bzA&page[size]=²",
    "ids=a,,²,1&external_ids=,",
    "start_time=1e999&cursor=",
    "cursor=_&start_time=x",
    "cursor=nan_1&limit=²",
    "query=" + "a:" * 50 + '"&sort_by=x&filter[type]=ticket',
    "filename=&role[]=&sort=-&include=,,",
    "status_categories=,&active=x&default=",
)


def odd(dice: random.Random, depth: int = 0) -> Any:
    """A body that has the words of real ones at places where they may or may not belong."""
    if depth > 3 or dice.random() < 0.3:
        return dice.choice(ODD)
    if dice.random() < 0.2:
        return [odd(dice, depth + 1) for _ in range(dice.randrange(3))]
    return {dice.choice(WORDS): odd(dice, depth + 1) for _ in range(dice.randrange(1, 6))}


def wrapped(dice: random.Random, path: str) -> Any:
    """The same within the word that the route expects, as often as not."""
    word = re.sub(r"\W+", " ", path).split()[-1:]
    names = [w for w in WORDS if w.startswith(word[0][:5])] if word else []
    return {name: odd(dice, 1) for name in (*names, *dice.sample(WORDS, 2))}


def paths(pattern: str, ids: list[Any], dice: random.Random) -> str:
    """A path that fits a route, about something that is there or not."""
    text = re.sub(r"\(\\d\+\)", lambda _: str(dice.choice([*ids, 0, 7, 10**30])), pattern)
    text = text.replace("([^/]+?)", dice.choice(["x", "²", "%00", "1"])).replace(r"(?:\.json)?/?$", "").removeprefix("^")
    while (inner := re.search(r"\((?:\?:)?([^()]*)\)(\??)", text)) is not None:
        text = text[: inner.start()] + dice.choice(inner[1].split("|")) + text[inner.end() :]
    return text


async def works(account: Account) -> None:
    """The account is whole: people work in it as before, and every list can be read."""
    webhook = {"name": "w", "endpoint": ENDPOINT, "http_method": "POST", "request_format": "json", "status": "active"}
    hook = (await account.call("POST", "webhooks", {"webhook": webhook})).json()["webhook"]["id"]
    await account.trigger(
        [{"field": "subject_includes_word", "operator": "includes", "value": "unmistakable"}],
        [{"field": "notification_webhook", "value": [hook, '{"id": "{{ticket.id}}", "by": "{{current_user.name}}"}']}],
        position=10**6,
    )
    account.requests.clear()
    made = await account.ticket(subject="unmistakable", requester={"name": "Ann", "email": "ann@whole.example"}, tags=["kept"])
    done = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "high", "status": "open"}})
    assert done.status_code == 200, done.text
    await account.zendesk.webhooks.pump()
    assert str(made["id"]) in {json.loads(r.content).get("id") for r in account.requests if r.content[:1] == b"{"}
    account.later(seconds=61)
    lists = "tickets users organizations groups triggers automations views macros ticket_fields webhooks custom_statuses job_statuses tags"
    for path in (*lists.split(), "ticket_audits", "ticket_metrics", "deleted_tickets", "deleted_users"):
        await account.get(path)
        await account.get(path, **{"page[size]": "2"})
    for word in ("tickets", "users", "organizations", "ticket_events"):
        await account.get(f"incremental/{word}", start_time=0, include="metric_sets,comment_events,users")
    await account.get("search", query="type:ticket unmistakable", sort_by="created_at")
    await account.get("users/search", query="ann")


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_sent_is_answered_and_the_account_works_on(seed: int) -> None:
    """A 500 is an exception here: the transport raises what the application raises."""
    dice = random.Random(seed)  # noqa: S311  # requests made up again by their seed
    account = Account(seed=seed)
    tickets = [(await account.ticket(subject=f"n{n}"))["id"] for n in range(3)]
    people = [u["id"] for u in (await account.get("users"))["users"]]
    statuses: dict[int, int] = {}
    for method, expression, _ in ROUTES:
        for _ in range(3):
            path = paths(expression.pattern, [*tickets, *people, 61000000010, 360001234, 81000021], dice)
            body = wrapped(dice, path) if dice.random() < 0.6 else odd(dice)
            query = dice.choice(QUERIES)
            headers = {"content-type": "application/json"}
            answer = await account.http.request(method, f"{path}?{query}", content=json.dumps(body), headers=headers)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (method, path, query, body, answer.text)
    assert len(statuses) >= 4, statuses
    await account.zendesk.webhooks.pump()
    await works(account)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("POST", "tickets", "ticket"),
        ("PUT", "tickets/1", "ticket"),
        ("POST", "users", "user"),
        ("PUT", "users/99000000001", "user"),
        ("POST", "organizations", "organization"),
        ("POST", "triggers", "trigger"),
        ("POST", "automations", "automation"),
        ("POST", "ticket_fields", "ticket_field"),
        ("POST", "views", "view"),
        ("POST", "webhooks", "webhook"),
        ("POST", "custom_statuses", "custom_status"),
    ],
)
async def test_no_property_of_a_wrong_kind_spoils_the_account(seed: int, method: str, path: str, word: str) -> None:
    """A request that is right but for one property."""
    dice = random.Random(seed)  # noqa: S311  # requests made up again by their seed
    account = Account(seed=seed)
    await account.ticket()
    good: dict[str, Any] = {
        "ticket": {"subject": "s", "comment": {"body": "b"}},
        "user": {"name": "N"},
        "organization": {"name": "O"},
        "trigger": {"title": "T", "conditions": {"all": []}, "actions": [{"field": "status", "value": "open"}], "active": False},
        "automation": {"title": "A", "conditions": {"all": []}, "actions": [{"field": "status", "value": "open"}]},
        "ticket_field": {"title": "F", "type": "tagger"},
        "view": {"title": "V", "all": [{"field": "status", "operator": "is", "value": "open"}]},
        "webhook": {"name": "w", "endpoint": "https://x.test", "http_method": "POST", "request_format": "json", "status": "inactive"},
        "custom_status": {"status_category": "open", "agent_label": "L"},
    }[word]
    for name in WORDS:
        value = dice.choice(ODD)
        content = json.dumps({word: {**good, name: value}})
        answer = await account.http.request(method, f"/api/v2/{path}", content=content, headers={"content-type": "application/json"})
        assert answer.status_code < 500, (name, value)
        if word == "webhook" and answer.status_code == 201:
            await account.call("DELETE", f"webhooks/{answer.json()['webhook']['id']}")
    await works(account)


@pytest.mark.parametrize("raw", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"ticket": NaN', b"9" * 6_000, b'"\xed\xa0\x80"'])
@pytest.mark.parametrize("path", ["tickets", "oauth/tokens", "webhooks/test", "users/create_many"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
async def test_bytes_that_are_no_body_are_refused(raw: bytes, path: str, kind: str) -> None:
    account = Account()
    answer = await account.http.post(f"/api/v2/{path}", content=raw, headers={"content-type": kind} if kind else {})
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "header", [b"Basic \xff", b"Basic =", b"Basic " + b"x" * 99, b"Bearer", b"Bearer expired", b"Digest x", b"Basic Og=="]
)
async def test_credentials_that_are_none_are_refused(header: bytes) -> None:
    answer = await Account().http.get("/api/v2/tickets", headers=[(b"authorization", header)])
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"act": 5},
        {"act": "create", "args": []},
        {"act": "create", "args": {"ticket": 5}},
        {"act": "tag", "args": {"id": "x"}},
        {"act": "user", "args": {"user": {}}},
        {"act": "merge", "args": {"id": 1, "into": []}},
        {"act": "create", "at": "soon", "args": {}},
        {"now": 5},
        {"now": "soon"},
    ],
)
@pytest.mark.parametrize("path", ["act", "clock", "faults", "limits", "display"])
async def test_the_control_endpoints_refuse_what_they_cannot_use(path: str, body: Any) -> None:
    account = Account()
    answer: httpx.Response = await account.http.request("POST" if path in ("act", "clock") else "PUT", f"/_sim/{path}", json=body)
    harmless = (path == "clock" and body == {}) or (path not in ("act", "clock") and body == {})
    assert answer.status_code == 200 if harmless else answer.status_code in (400, 404)
    await works(account)


async def test_a_time_without_a_zone_is_utc_for_the_control_endpoints() -> None:
    account = Account()
    put = await account.http.post("/_sim/clock", json={"now": "2026-06-01T12:00:00"})
    assert put.json() == {"now": "2026-06-01T12:00:00+00:00"}
    assert (await account.ticket())["created_at"] == "2026-06-01T12:00:00Z"


async def test_nobody_is_not_somebody_to_call_the_api_as() -> None:
    assert (await Account().http.get("/_sim/as/4711/api/v2/users/me")).status_code == 404
