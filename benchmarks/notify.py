"""From a severe ticket's webhook to the message at the mail server, with the default settings.

The mail server here takes everything at once, so what is measured is the bridge: keeping, judging, asking the roster, sending.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.driver import SECRET
from benchmarks.service import running
from tsbridge.simulator.sinks import MailSink
from tsbridge.vendors.zendesk.verify import SIGNATURE, TIMESTAMP, sign

AIM_S: Final = 2.0
EVERY_S: Final = 0.5
PEOPLE: Final = 40
"""Each of them takes three messages in five minutes; so many deliveries, one a person, wait for nobody."""
RULEBOOK: Final[dict[str, Any]] = {
    "schema": 1,
    "queues": {f"q{number}": {} for number in range(PEOPLE)},
    "policies": {"sev1": {"steps": [{"after": "0m", "actions": [{"notify": "oncall"}]}]}},
    "rules": [
        {
            "key": "hurt",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains", "value": "bitten"},
            "then": [{"set_severity": 1}, {"escalate": "sev1"}],
        },
        *[
            {
                "key": f"to-{number}",
                "kind": "routing",
                "when": {"field": "text", "operator": "contains", "value": f"team{number}x"},
                "then": [{"route": f"q{number}"}],
            }
            for number in range(PEOPLE)
        ],
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "q0"}]},
    ],
}
ROSTER: Final[dict[str, Any]] = {
    "schema": 1,
    "timezone": "UTC",
    "agents": {f"a{number}": {"name": "A", "email": f"a{number}@example.com", "queues": [f"q{number}"]} for number in range(PEOPLE)},
    "ways": {"mail": {"kind": "smtp"}},
    "cover": [{"queue": f"q{number}", "oncall": f"a{number}"} for number in range(PEOPLE)],
}


def _event(id: str, text: str, stamp: str) -> bytes:
    detail = {"id": id, "subject": "walk", "description": text, "status": "NEW", "tags": [], "created_at": stamp, "updated_at": stamp}
    return json.dumps(
        {
            "id": f"bench-{id}",
            "type": "zen:event-type:ticket.created",
            "time": stamp,
            "subject": f"zen:ticket:{id}",
            "detail": {**detail, "via": {"channel": "email"}, "requester_id": id},
            "event": {},
            "zendesk_event_version": "2022-11-06",
        }
    ).encode()


async def measure(count: int) -> list[float]:
    """Seconds from sending the webhook until the mail server had the message, one per delivery, sorted."""
    sink = MailSink(None, "")
    port = await sink.start()
    loop, found = asyncio.get_running_loop(), []
    with tempfile.TemporaryDirectory() as folder:
        book, roster = Path(folder) / "book.json", Path(folder) / "roster.json"
        book.write_text(json.dumps(RULEBOOK))
        roster.write_text(json.dumps(ROSTER))
        mail = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "desk@example.com", "public_url": "http://127.0.0.1:8443"}
        service = running(rulebook=str(book), roster=str(roster), **mail)
        bridge = await asyncio.to_thread(service.__enter__)
        try:
            async with httpx.AsyncClient(base_url=bridge.url, timeout=10) as client:
                for number in range(count):
                    before, stamp = len(sink.received), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                    raw = _event(str(70_000 + number), f"team{number % PEOPLE}x was bitten", stamp)
                    begun = loop.time()
                    answer = await client.post(
                        "/webhooks/zendesk", content=raw, headers={SIGNATURE: sign(raw, SECRET, stamp), TIMESTAMP: stamp}
                    )
                    if answer.status_code != 202:
                        raise RuntimeError(f"the door answered {answer.status_code}")
                    async with asyncio.timeout(30):
                        while len(sink.received) == before:  # noqa: ASYNC110  # the sink tells nobody
                            await asyncio.sleep(0.005)
                    found.append(loop.time() - begun)
                    await asyncio.sleep(EVERY_S)
        finally:
            await asyncio.to_thread(service.__exit__, None, None, None)
            await sink.close()
    return sorted(found)


def run(count: int = 100) -> bool:
    """Print the table; True when the aim is met."""
    found = asyncio.run(measure(count))
    p50, p95, p99 = (1000 * found[min(len(found) - 1, int(len(found) * share))] for share in (0.5, 0.95, 0.99))
    print(f"From a severe ticket's webhook to the message at the mail server: {count} tickets, default settings, SQLite\n")
    print(f"{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}")
    print(f"{p50:>8.0f}{p95:>8.0f}{p99:>8.0f}")
    print(f"\naim: p95 under {1000 * AIM_S:.0f} ms\n")
    return p95 < 1000 * AIM_S
