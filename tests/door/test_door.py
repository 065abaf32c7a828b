"""The door answers 202, 401, 413, 415 or 503 and nothing else, and what it answers with 202 is on disk."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select, text
from starlette.applications import Starlette

from tests.clocks import CountingIds, SettableClock
from tests.seeds import examples
from tsbridge.store import inbox, inbox_tables
from tsbridge.store.db import Database
from tsbridge.store.inbox import Counts
from tsbridge.store.intake import Intake
from tsbridge.web import webhooks
from tsbridge.web.counters import Counters
from tsbridge.web.webhooks import BODY_CAP, Door

pytestmark = pytest.mark.anyio

SECRETS = ("new-secret", "old-secret")
EVENT = {"id": "01JEVENT", "type": "zen:event-type:ticket.created", "detail": {"id": "4711"}}


@dataclass
class Porch:
    """The door, its database, and a sender that can sign."""

    database: Database
    clock: SettableClock
    counters: Counters
    client: httpx.AsyncClient
    woken: list[int] = field(default_factory=list)

    async def send(self, body: bytes | AsyncIterator[bytes], source: str = "zendesk", **headers: str) -> httpx.Response:
        return await self.client.post(f"/webhooks/{source}", content=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def signed(self, body: bytes, secret: str = SECRETS[0], at: timedelta = timedelta(0)) -> dict[str, str]:
        stamp = (self.clock.now() + at).strftime("%Y-%m-%dT%H:%M:%SZ")
        mac = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
        return {"x_zendesk_webhook_signature": base64.b64encode(mac).decode(), "x_zendesk_webhook_signature_timestamp": stamp}

    async def deliver(self, body: bytes, **more: str) -> httpx.Response:
        return await self.send(body, **{**self.signed(body), **more})

    def rows(self) -> list[Any]:
        return self.database.read_now(lambda conn: list(conn.execute(select(inbox_tables.inbox).order_by(inbox_tables.inbox.c.seq))))


def porch(database: Database, clock: SettableClock, **entrances: Any) -> Porch:
    counters, woken = Counters(), []
    intake = Intake(database, clock, CountingIds())
    made = {"zendesk": webhooks.zendesk(SECRETS, 900), "talkdesk": webhooks.talkdesk(SECRETS), **entrances}
    doors = {source: Door(entrance, intake, clock, counters, lambda: woken.append(1)) for source, entrance in made.items()}
    transport = httpx.ASGITransport(app=Starlette(routes=webhooks.routes(doors)))
    return Porch(database, clock, counters, httpx.AsyncClient(transport=transport, base_url="http://door"), woken)


@pytest.fixture
async def door(database: Database, clock: SettableClock) -> AsyncIterator[Porch]:
    made = porch(database, clock)
    yield made
    await made.client.aclose()


def is_problem(response: httpx.Response, status: int) -> bool:
    body = response.json()
    return (
        response.status_code == body["status"] == status
        and response.headers["content-type"] == "application/problem+json"
        and len(body) == 3
    )


async def test_a_signed_delivery_is_kept_as_it_came_and_wakes_the_worker(door: Porch) -> None:
    body = json.dumps(EVENT).encode()
    response = await door.deliver(body, x_zendesk_webhook_id="wh1", x_zendesk_account_id="7", authorization="Bearer secret")
    assert (response.status_code, response.json()) == (202, {"event_id": "evt_000001", "status": "accepted"})
    (row,) = door.rows()
    assert (row.id, row.source, row.body, row.status, row.received_at) == ("evt_000001", "zendesk", body, "pending", door.clock.now())
    assert row.headers["x-zendesk-webhook-id"] == "wh1"
    assert row.headers.keys() == {"x-zendesk-webhook-id", "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"}
    assert door.woken == [1]


async def test_a_repeat_is_told_the_first_ones_id_and_wakes_nobody(door: Porch) -> None:
    body = json.dumps(EVENT).encode()
    await door.deliver(body)
    door.clock.advance(5)
    response = await door.deliver(body)
    assert (response.status_code, response.json()) == (202, {"event_id": "evt_000001", "status": "duplicate"})
    assert len(door.rows()) == len(door.woken) == 1


async def test_any_live_secret_proves(door: Porch) -> None:
    for number, secret in enumerate(SECRETS):
        body = json.dumps({**EVENT, "id": f"e{number}"}).encode()
        assert (await door.send(body, **door.signed(body, secret))).status_code == 202


@pytest.mark.parametrize(
    "break_it",
    [
        lambda headers: {},
        lambda headers: {**headers, "x_zendesk_webhook_signature": "AAAA"},
        lambda headers: {**headers, "x_zendesk_webhook_signature": "not base64 \x7f"},
        lambda headers: {**headers, "x_zendesk_webhook_signature_timestamp": "2026-11-22T09:00:01Z"},
        lambda headers: {"x_zendesk_webhook_signature": headers["x_zendesk_webhook_signature"]},
    ],
)
async def test_what_is_not_proven_is_401_without_a_word_why_and_leaves_nothing(door: Porch, break_it: Any) -> None:
    body = json.dumps(EVENT).encode()
    response = await door.send(body, **break_it(door.signed(body)))
    assert is_problem(response, 401)
    assert door.rows() == []


async def test_a_signature_over_other_bytes_is_refused(door: Porch) -> None:
    assert is_problem(await door.send(b'{"id": "2"}', **door.signed(b'{"id": "1"}')), 401)


async def test_an_old_signature_is_refused_and_one_a_minute_ahead_is_not(door: Porch) -> None:
    body = json.dumps(EVENT).encode()
    assert is_problem(await door.send(body, **door.signed(body, at=-timedelta(seconds=901))), 401)
    assert is_problem(await door.send(body, **door.signed(body, at=timedelta(seconds=61))), 401)
    assert (await door.send(body, **door.signed(body, at=timedelta(seconds=59)))).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"x_tsbridge_key": "old-secret"},
        {"authorization": "Bearer new-secret"},
        {"authorization": "Basic " + base64.b64encode(b"talkdesk:new-secret").decode()},
    ],
    ids=["key", "bearer", "basic"],
)
async def test_talkdesk_may_show_its_secret_in_three_ways(door: Porch, headers: dict[str, str]) -> None:
    assert (await door.send(b'{"tsbridge_event": "call.started"}', "talkdesk", **headers)).status_code == 202
    assert door.rows()[0].headers.keys() == {"user-agent"}


@pytest.mark.parametrize("headers", [{}, {"x_tsbridge_key": "no"}, {"authorization": "Bearer"}, {"authorization": "Basic ???"}])
async def test_talkdesk_without_the_secret_is_401(door: Porch, headers: dict[str, str]) -> None:
    assert is_problem(await door.send(b"{}", "talkdesk", **headers), 401)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b"\xef\xbb\xbf{}", "bom"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a": NaN}', "non_finite_number"),
        (b'{"a": 99999999999999999999}', "integer_out_of_range"),
        (b'{"a": "\\ud800"}', "lone_surrogate"),
        (b"[" * 65 + b"]" * 65, "too_deep"),
        (b"[" * 70_000, "too_deep"),
    ],
)
async def test_a_proven_body_that_cannot_be_read_is_kept_in_quarantine_and_the_same_bytes_are_a_duplicate(
    door: Porch, body: bytes, reason: str
) -> None:
    first = (await door.deliver(body)).json()
    assert first == {"event_id": "evt_000001", "status": "quarantined", "reason": reason}
    assert (await door.deliver(body)).json() == {"event_id": "evt_000001", "status": "duplicate"}
    assert [row.body for row in door.rows()] == [body]
    assert door.woken == []


@pytest.mark.parametrize("rest", [b'"texts": {"subject": "a "quoted" word"}}', b'"z": 1, "z": 2}', b'"z": "\n"}', b'"z": "\xff"}'])
async def test_a_broken_trigger_body_is_accepted_by_its_leading_members(door: Porch, rest: bytes) -> None:
    body = b'{"tsbridge": "2", "type": "ticket.updated", "ticket_id": "4711", ' + rest
    assert (await door.deliver(body)).json() == {"event_id": "evt_000001", "status": "accepted"}
    assert (await door.deliver(body)).json() == {"event_id": "evt_000001", "status": "duplicate"}
    door.clock.advance(1)
    assert (await door.deliver(body)).json()["status"] == "accepted"
    assert [row.status for row in door.rows()] == ["pending", "pending"]


async def test_an_escaped_nul_is_accepted(door: Porch) -> None:
    assert (await door.deliver(b'{"id": "a\\u0000b", "type": "zen:event-type:x"}')).json()["status"] == "accepted"


async def test_the_content_type_is_no_reason_to_refuse(door: Porch) -> None:
    assert (await door.deliver(json.dumps(EVENT).encode(), content_type="text/plain")).status_code == 202


@pytest.mark.parametrize("source", ["zendesk", "talkdesk"])
async def test_a_body_over_one_mebibyte_is_413_whether_its_length_is_told_or_not(door: Porch, source: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_CAP // 65_536 + 1):
            yield b"x" * 65_536

    assert is_problem(await door.send(b"x" * (BODY_CAP + 1), source, x_tsbridge_key=SECRETS[0]), 413)
    proof = door.signed(b"x") if source == "zendesk" else {"x_tsbridge_key": SECRETS[0]}
    assert is_problem(await door.send(chunks(), source, **proof), 413)
    assert door.rows() == []


async def test_a_body_of_exactly_one_mebibyte_is_kept(door: Porch) -> None:
    body = b'"' + b"x" * (BODY_CAP - 2) + b'"'
    assert (await door.deliver(body)).json()["status"] == "accepted"


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body_is_415(door: Porch, coding: str) -> None:
    assert is_problem(await door.deliver(b"{}", content_encoding=coding), 415)
    assert (await door.deliver(b"{}", content_encoding="identity")).status_code == 202


async def test_without_a_secret_the_endpoint_is_closed(database: Database, clock: SettableClock) -> None:
    closed = porch(database, clock, zendesk=webhooks.zendesk((), 900), talkdesk=webhooks.talkdesk(()))
    for source in ("zendesk", "talkdesk"):
        response = await closed.send(b"{}", source, x_tsbridge_key="")
        assert is_problem(response, 503)
        assert response.headers["retry-after"] == "30"


async def test_a_delivery_that_cannot_be_stored_is_503_and_the_next_one_is_stored_when_the_trouble_is_over(door: Porch) -> None:
    door.database.write_now(lambda conn: conn.execute(text("ALTER TABLE inbox RENAME TO elsewhere")) and None)
    body = json.dumps(EVENT).encode()
    response = await door.deliver(body)
    assert is_problem(response, 503)
    assert response.headers["retry-after"] == "30"
    assert door.woken == []
    door.database.write_now(lambda conn: conn.execute(text("ALTER TABLE elsewhere RENAME TO inbox")) and None)
    assert (await door.deliver(body)).json()["status"] == "accepted"


async def test_a_burst_shares_its_commits_and_every_answer_fits_its_delivery(door: Porch) -> None:
    commits = []
    write = door.database.write

    async def counted(work: Any, **how: bool) -> Any:
        commits.append(how["urgent"])
        return await write(work, **how)

    door.database.write = counted  # type: ignore[method-assign]
    bodies = [json.dumps({**EVENT, "id": f"e{n % 40}"}).encode() for n in range(120)]
    answers = await asyncio.gather(*(door.deliver(body) for body in bodies))
    by_id = {row.id: row for row in door.rows()}
    assert len(by_id) == 40
    for body, answer in zip(bodies, answers, strict=True):
        assert by_id[answer.json()["event_id"]].body == body
    assert door.database.read_now(inbox.counts)["zendesk"] == Counts(pending=40, duplicate=80)
    assert len(commits) < 40
    assert all(commits)


async def test_every_answer_is_counted_with_its_reason(door: Porch) -> None:
    body = json.dumps(EVENT).encode()
    await door.deliver(body)
    await door.deliver(body)
    await door.send(body)
    await door.deliver(b"{")
    counted = {
        tuple(sample.labels[name] for name in ("source", "status", "reason")): sample.value
        for metric in door.counters.registry.collect()
        for sample in metric.samples
        if sample.name == "tsbridge_door_answers_total" and sample.value
    }
    assert counted == {
        ("zendesk", "202", "accepted"): 1,
        ("zendesk", "202", "duplicate"): 1,
        ("zendesk", "202", "not_json"): 1,
        ("zendesk", "401", "missing_signature"): 1,
    }


async def test_a_sender_that_goes_away_gets_no_answer_and_leaves_nothing(door: Porch) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    made = Door(webhooks.talkdesk(SECRETS), Intake(door.database, door.clock, CountingIds()), door.clock, Counters(), lambda: None)
    await made({"type": "http", "headers": [(b"x-tsbridge-key", SECRETS[0].encode())]}, receive, send)
    assert (sent, door.rows()) == ([], [])


HEADER = st.tuples(
    st.sampled_from([b"content-length", b"content-encoding", b"authorization", b"x-tsbridge-key", b"content-type"])
    | st.binary(max_size=8).map(bytes.lower),
    st.binary(max_size=20) | st.sampled_from([b"identity", b"5", b"Basic Og==", SECRETS[0].encode(), "\u0665".encode()]),
)


@examples(25, 80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers=st.lists(HEADER, max_size=6), chunks=st.lists(st.binary(max_size=50), min_size=1, max_size=4), proven=st.booleans())
async def test_whatever_is_sent_the_answer_is_one_of_five(
    database: Database, clock: SettableClock, headers: list[tuple[bytes, bytes]], chunks: list[bytes], proven: bool
) -> None:
    statuses: list[int] = []
    waiting = [{"type": "http.request", "body": chunk, "more_body": n + 1 < len(chunks)} for n, chunk in enumerate(chunks)]

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    entrance, ids = webhooks.talkdesk(SECRETS), CountingIds(secrets.token_hex(4))
    for made in (replace(entrance, prove=lambda *_: None) if proven else entrance, webhooks.zendesk(SECRETS, 900)):
        waiting[:] = [{"type": "http.request", "body": chunk, "more_body": n + 1 < len(chunks)} for n, chunk in enumerate(chunks)]
        door = Door(made, Intake(database, clock, ids), clock, Counters(), lambda: None)
        await door({"type": "http", "headers": headers}, receive, send)
    assert set(statuses) <= {202, 401, 413, 415}
    assert len(statuses) == 2
