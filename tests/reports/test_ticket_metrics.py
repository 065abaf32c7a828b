"""Reports in Zendesk's sense are Zendesk's own metrics to the minute, as the simulated account tells them."""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.desk import WEBHOOKS_GO_NOWHERE
from tsbridge.core.moments import to_json
from tsbridge.core.rules.read_calendars import calendars_of
from tsbridge.reports.life import lived
from tsbridge.reports.tickets import tickets_of
from tsbridge.simulator.zendesk import Limits, Zendesk
from tsbridge.vendors.zendesk.read_audits import moments_of

pytestmark = pytest.mark.anyio
COUNT = int(os.environ.get("TICKETS", "400"))
OFFICE = {"timezone": "America/Los_Angeles", "hours": {"mon-fri": "09:00-17:00"}, "holidays": {"dates": ["2026-11-11", "2026-11-26"]}}
LATER = {"timezone": "America/Los_Angeles", "hours": {"mon-sat": "08:00-12:00"}, "holidays": {"dates": ["2026-11-11", "2026-11-26"]}}


async def metrics(zendesk: Zendesk) -> dict[str, Any]:
    found: dict[str, Any] = {}
    query = {"page[size]": "100"}
    while True:
        answer = await zendesk.call("GET", "/api/v2/ticket_metrics", query, None, {"authorization": "Bearer token"})
        body = json.loads(bytes(answer.body))
        found.update({str(one["ticket_id"]): one for one in body["ticket_metrics"]})
        if not body["meta"]["has_more"]:
            return found
        query["page[after]"] = body["meta"]["after_cursor"]


def live(zendesk: Zendesk, clock: SettableClock, rng: random.Random) -> None:
    """Tickets opened by people and by agents; answered, solved, opened again, over a change of the clocks and two holidays."""
    world = zendesk.world
    person = world.add_user("P", "p@example.com")
    agents = [world.add_user(name, f"{name}@example.com", role="agent") for name in ("ana", "ben")]
    open_ones: list[tuple[int, str]] = []
    for _ in range(COUNT):
        clock.advance(timedelta(seconds=rng.randint(10, 14_000)))
        by = rng.choice((person, person, agents[0]))
        made = world.create(
            {"subject": "a", "comment": {"body": "b", "public": rng.random() < 0.8}, "requester_id": person["id"]}, by, via="web"
        )
        open_ones.append((made["id"], "new"))
        for place in rng.sample(range(len(open_ones)), min(3, len(open_ones))):
            clock.advance(timedelta(seconds=rng.randint(10, 3_000)))
            ticket, status = open_ones[place]
            what = rng.choice(("reply", "note", "solve", "back"))
            who = person if what == "back" else rng.choice(agents)
            now = {"solve": "solved", "back": "open"}.get(what, status if status != "new" else "open")
            props = {"comment": {"body": "c", "public": what != "note"}, **({"status": now} if now != status else {})}
            world.change(ticket, props, who, via="web")
            open_ones[place] = (ticket, now)


async def test_replies_and_resolutions_are_zendesks_to_the_minute() -> None:
    clock = SettableClock(datetime(2026, 10, 26, 7, tzinfo=UTC))
    zendesk = Zendesk(WEBHOOKS_GO_NOWHERE, clock.now, limits=Limits.off())
    for day in ("2026-11-11", "2026-11-26"):
        zendesk.world.store.holidays.setdefault(1, {})[len(zendesk.world.store.holidays.get(1, {})) + 1] = {
            "start_date": day,
            "end_date": day,
        }
    live(zendesk, clock, random.Random(5))  # noqa: S311  # the same weeks in every run
    for document in (OFFICE, LATER):
        calendar = calendars_of({"calendars": {"office": document}})["office"]
        told = await metrics(zendesk)
        assert len(told) == COUNT
        seen = {"replied": 0, "solved": 0, "again": 0}
        for ticket, one in told.items():
            story = moments_of(ticket, zendesk.world.store.audits[int(ticket)], lambda marker: None)
            life = lived([to_json(moment) for moment in story])
            ((_, ours),) = tickets_of(life, lambda end, calendar=calendar: calendar)  # type: ignore[misc]
            for name, metric in (
                ("replied", "reply_time"),
                ("first_solved", "first_resolution_time"),
                ("last_solved", "full_resolution_time"),
            ):
                expected, found = one[f"{metric}_in_minutes"], ours[name]
                minutes = (None, None) if found is None else (found[0] // 60, found[1] // 60)
                assert minutes == (expected["calendar"], expected["business"]), (ticket, name)
            seen["replied"] += ours["replied"] is not None
            seen["solved"] += ours["last_solved"] is not None
            seen["again"] += ours["first_solved"] != ours["last_solved"]
        assert min(seen.values()) > COUNT // 20
        # the schedule is edited: what had one life has another by it
        zendesk.world.store.schedules[1]["intervals"] = [{"start_time": 1440 * d + 480, "end_time": 1440 * d + 720} for d in range(1, 7)]
