"""What the keepers want to know at once is counted and logged from one place, without a value of anybody's; exports end with their key."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.web import rows
from tsbridge.acts import apikeys
from tsbridge.acts.callers import Caller
from tsbridge.acts.security import KINDS, LINES_A_MINUTE, Security
from tsbridge.log import Lines
from tsbridge.store import keys
from tsbridge.web.front import Outside
from tsbridge.web.streams import CutOff, while_good

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a"


@pytest.fixture
def seen(room: Any) -> Counter[str]:
    """What the gate of the room saw."""
    found: Counter[str] = Counter()
    room.desk.gate.security = Security(room.desk.clock, lambda kind: found.update([kind]))
    return found


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [Lines().format(record) for record in caplog.records if record.name == "tsbridge.security"]


async def test_refusals_of_keys_roles_and_links_are_counted_by_kind(
    room: Any, seen: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    viewer = await room.key("viewer")
    for headers in ({"Authorization": ""}, {"Authorization": f"Bearer {CANARY}"}, viewer):
        await room.client.post("/v1/keys", json={}, headers=headers)
    await room.client.get(f"/a/{CANARY}")
    await room.client.get(f"/f/{CANARY}.ics")
    assert seen == {"key_missing": 1, "key_refused": 1, "role_refused": 1, "link_refused": 2}
    assert not any(CANARY in line for line in told(caplog))
    assert sum('"kind": "role_refused"' in line and '"role": "viewer"' in line for line in told(caplog)) == 1


async def test_an_address_that_has_to_wait_is_another_kind(room: Any, seen: Counter[str]) -> None:
    for _ in range(7):
        await room.client.get("/v1/cases", headers={"Authorization": "Bearer wrong"})
    assert seen == {"key_refused": 5, "key_locked": 2}


async def test_reading_the_words_of_a_severe_case_is_counted_once_as_it_is_put_on_record(room: Any, seen: Counter[str]) -> None:
    await room.desk.database.write(lambda conn: rows.case(conn, "case_1", room.desk.clock.now(), severity=1))
    cases = (await room.client.get("/v1/cases")).json()["items"]
    for _ in range(2):
        await room.client.get(f"/v1/cases/{cases[0]['id']}/timeline")
    assert seen == {"words_read": 1}


def test_a_flood_is_a_few_lines_and_a_count(clock: SettableClock, caplog: pytest.LogCaptureFixture) -> None:
    security = Security(clock)
    for _ in range(1_000):
        security.saw("key_refused")
    assert len(told(caplog)) == LINES_A_MINUTE
    clock.advance(61)
    security.saw("key_refused")
    assert len(told(caplog)) == LINES_A_MINUTE + 2
    assert f'"count": {1_000 - LINES_A_MINUTE}' in told(caplog)[-2]


async def test_every_kind_is_in_the_metrics_from_the_start_and_the_alerts_name_only_those(room: Any) -> None:
    text = (await room.client.get("/metrics")).text
    assert set(re.findall(r'tsbridge_security_events_total\{kind="(\w+)"\} 0\.0', text)) == set(KINDS)
    alerts = (ROOT / "deploy" / "alerts.yml").read_text()
    named = {kind for found in re.findall(r'tsbridge_security_events_total\{kind=~?"([\w|]+)"\}', alerts) for kind in found.split("|")}
    assert named
    assert named <= set(KINDS)


async def minted(room: Any) -> tuple[str, Caller]:
    pepper, made, entry = await room.desk.gate.pepper(), keys.mint(room.desk.entropy), room.desk.entry("admin")
    await room.desk.database.write(lambda conn: apikeys.create(conn, entry, made, pepper, "export", "viewer", None))
    return made.id, Caller(made.id, "export", "viewer")


async def test_an_export_ends_when_its_key_is_revoked(room: Any, seen: Counter[str]) -> None:
    key_id, by = await minted(room)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one\n", b"two\n", b"three\n"):
            if piece == b"two\n":
                await room.desk.database.write(lambda conn: apikeys.revoke(conn, room.desk.entry("admin"), key_id))
            yield piece

    stream = while_good(room.desk.gate, by, pieces())
    assert await anext(stream) == b"one\n"
    with pytest.raises(CutOff):
        await anext(stream)
    assert seen == {"export_ended": 1}
    admin = Caller("admin", "admin", "admin")
    assert [piece async for piece in while_good(room.desk.gate, admin, pieces())] == [b"one\n", b"two\n", b"three\n"]


async def test_an_answer_that_is_cut_off_is_left_without_its_end_and_nobody_is_alarmed(room: Any, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[dict[str, Any]] = []

    async def cut(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one\n", "more_body": True})
        raise CutOff

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    around = Outside(cut, room.desk.ids, room.desk.counters, {})
    with caplog.at_level(logging.ERROR):
        await around({"type": "http", "method": "GET", "path": "/v1/audit/routing"}, None, send)  # type: ignore[arg-type]
    assert sent[-1] == {"type": "http.response.body", "body": b"one\n", "more_body": True}
    assert not caplog.records
