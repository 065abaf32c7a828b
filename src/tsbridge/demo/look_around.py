"""What a demo that stays is furnished with: a key for each role, claims that are linked, a draft, a replay and a shadow of it, patterns."""

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
CLAIM: Final = "I would like to file a guarantee claim: the vet bill of booking {} was 480 dollars. Call me at the number you have."


async def furnish(stage: Stage) -> Mapping[str, str]:
    """Do it; returns the keys by role."""
    bridge = stage.bridge
    keys = {role: str((await bridge.ask("POST", "/v1/keys", {"name": f"demo {role}", "role": role}))["key"]) for role in ROLES}
    await _draft_a_rule(bridge)
    await bridge.ask("PUT", "/v1/rulebook/shadow", {})
    await _claim_together(stage)
    await bridge.ask("POST", "/v1/rulebook/replay", {})
    await bridge.ask("POST", "/v1/patterns/refresh", {})
    return keys


def weekly_pack(url: str, key: str, at: datetime) -> str:
    """The command that keeps the weekly pack as a page: of the week of this instant."""
    year, week, _ = at.isocalendar()
    address = f"{url}/v1/reports/pack?week={year}-W{week:02d}"
    return f"curl --silent --header 'Authorization: Bearer {key}' --header 'Accept: text/html' --output week.html '{address}'"


async def _claim_together(stage: Stage) -> None:
    """Returns when it was heard and decided about, or after a while."""
    began = now() - timedelta(minutes=len(RING))
    before = (await stage.bridge.get("/v1/cases", limit="1"))["items"][0]["id"]
    for number, name in enumerate(RING):
        person = {"name": name, "email": f"{name.split()[0].lower()}@example.net", "phone": SHARED_PHONE}
        words = {"subject": f"Guarantee claim, booking {7_100 + number}", "body": CLAIM.format(7_100 + number)}
        written: dict[str, Any] = {"requester": person, "channel": "email", "tags": [], "external_id": None, **words}
        await stage.people.perform(began + timedelta(minutes=number), Act(began, "ring", "zendesk", "ticket", written), {})
    for _ in range(TRIES):
        waiting = stage.on_its_way() + len((await stage.bridge.get("/v1/events", status="pending"))["items"])
        if not waiting and (await stage.bridge.get("/v1/cases", limit="1"))["items"][0]["id"] != before:
            return
        await asyncio.sleep(0.5)


async def _draft_a_rule(bridge: Bridge) -> None:
    """Somebody thinks about a rule of their own for what keeps coming up."""
    first = (await bridge.get("/v1/rulebook/draft"))["document"]["rules"][0]["key"]
    when = {"all": [{"field": "text", "operator": "contains_any", "value": ["second opinion", "vet bill"]}]}
    rule = {"key": "vet-bills", "kind": "escalation", "title": "Vet bills", "when": when, "then": [{"add_tags": ["ts_vet_bill"]}]}
    await bridge.ask("POST", "/v1/rulebook/draft/rules", {"rule": rule, "before": first})
