"""What a demo that stays is furnished with: a key for each role, an outage, claims that are linked, somebody who writes again and again,
a draft, a replay and a shadow of it; so that patterns show each kind on whatever day it is started."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.demo.process import Bridge
from tsbridge.demo.stage import Stage, now
from tsbridge.simulator.scenario_sheet import Act

ROLES: Final = ("supervisor", "ops", "viewer")
SHARED_PHONE: Final = "+14155550177"
RING: Final = ("Robin Vale", "Kit Marlow", "Robin Vale", "Sascha Wren", "Kit Marlow")
"""Who claims, one after the other: three people with one telephone number."""
TRIES: Final = 60
"""Half a second each."""
OUTAGE: Final = ("Blank page in the app", "The app shows a blank page. Is it you?")
OUT: Final = 24
"""Who write so within minutes, of a desk that hears of a few dozen a day."""
AGAIN: Final = (("Keys", "The keys were not where the host said they would be."), ("Keys again", "Nobody came with the keys either."))
AGAINS: Final = 6
CLAIM: Final = "I would like to file a guarantee claim: the vet bill of booking {} was 480 dollars. Call me at the number you have."


async def furnish(stage: Stage) -> Mapping[str, str]:
    """Do it; returns the keys by role."""
    bridge = stage.bridge
    keys = {role: str((await bridge.ask("POST", "/v1/keys", {"name": f"demo {role}", "role": role}))["key"]) for role in ROLES}
    await _draft_a_rule(bridge)
    await bridge.ask("PUT", "/v1/rulebook/shadow", {})
    await _today(stage)
    await bridge.ask("POST", "/v1/rulebook/replay", {})
    await bridge.ask("POST", "/v1/patterns/refresh", {})
    return keys


def weekly_pack(url: str, key: str, at: datetime) -> str:
    """The command that keeps the weekly pack as a page: of the week of this instant."""
    year, week, _ = at.isocalendar()
    address = f"{url}/v1/reports/pack?week={year}-W{week:02d}"
    return f"curl --silent --header 'Authorization: Bearer {key}' --header 'Accept: text/html' --output week.html '{address}'"


async def _today(stage: Stage) -> None:
    """What happens as of now: an outage, claims that are linked, somebody who writes again and again. Returns when it was heard and decided
    about, or after a while."""
    began = now() - timedelta(minutes=OUT)
    before = (await stage.bridge.get("/v1/cases", limit="1"))["items"][0]["id"]
    for minute in range(OUT):
        at = began + timedelta(minutes=minute)
        await _write(stage, at, f"Guest {minute}", f"guest{minute}@example.org", "", "chat", OUTAGE)
        if minute < AGAINS:
            await _write(stage, at, "Toni Ferro", "toni@example.org", "", "email", AGAIN[min(minute, 1)])
        if minute < len(RING):
            name, subject = RING[minute], f"Guarantee claim, booking {7_100 + minute}"
            address = f"{name.split()[0].lower()}@example.net"
            await _write(stage, at, name, address, SHARED_PHONE, "email", (subject, CLAIM.format(7_100 + minute)))
    for _ in range(TRIES):
        waiting = stage.on_its_way() + len((await stage.bridge.get("/v1/events", status="pending"))["items"])
        if not waiting and (await stage.bridge.get("/v1/cases", limit="1"))["items"][0]["id"] != before:
            return
        await asyncio.sleep(0.5)


async def _write(stage: Stage, at: datetime, name: str, email: str, phone: str, channel: str, words: tuple[str, str]) -> None:
    """Somebody opens a ticket."""
    told: dict[str, Any] = {"requester": {"name": name, "email": email, "phone": phone}, "subject": words[0], "body": words[1]}
    await stage.people.perform(at, Act(at, "today", "zendesk", "ticket", {**told, "channel": channel, "tags": [], "external_id": None}), {})


async def _draft_a_rule(bridge: Bridge) -> None:
    """Somebody thinks about a rule of their own for what keeps coming up."""
    first = (await bridge.get("/v1/rulebook/draft"))["document"]["rules"][0]["key"]
    when = {"all": [{"field": "text", "operator": "contains_any", "value": ["second opinion", "vet bill"]}]}
    rule = {"key": "vet-bills", "kind": "escalation", "title": "Vet bills", "when": when, "then": [{"add_tags": ["ts_vet_bill"]}]}
    await bridge.ask("POST", "/v1/rulebook/draft/rules", {"rule": rule, "before": first})
