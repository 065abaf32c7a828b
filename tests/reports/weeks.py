"""Some weeks of a desk, told moment by moment through the walk: tickets and calls, answers, reopenings, over a change of the clocks and
holidays. What people did is drawn by chance; nothing of it is written for the figures."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from tests.clocks import CountingIds, SettableClock
from tsbridge.core.moments import Actor, Change, Handle, Moment, Text, Value
from tsbridge.core.roster import Override
from tsbridge.core.rules.document import read
from tsbridge.roster.document import read as read_roster
from tsbridge.store import rosters, rulebooks
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.assign import Giving
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.conclude import Conclusions
from tsbridge.work.due_cases import DueTimes
from tsbridge.work.rosters import LiveRoster

ZONE = ZoneInfo("America/Los_Angeles")
BEGIN = datetime(2026, 10, 26, 7, tzinfo=UTC)
"""A Monday; the clocks go back on the Sunday, Veterans Day and Thanksgiving follow."""
END = datetime(2026, 11, 30, 8, tzinfo=UTC)
AGENTS = {"ana": "7001", "ben": "7002", "cleo": "7003"}
US = Actor("us", "99")

BOOK: dict[str, Any] = {
    "schema": 1,
    "calendars": {
        "office": {"timezone": "America/Los_Angeles", "hours": {"mon-fri": "08:00-18:00"}, "holidays": {"country": "US"}},
    },
    "queues": {
        "safety": {"zendesk_group_id": 501, "calendar": "always", "targets": {"acknowledge": "15m", "resolve": "1d"}},
        "claims": {"zendesk_group_id": 502, "calendar": "office", "assign": "least_loaded", "targets": {"resolve": "40h"}},
        "intake": {"zendesk_group_id": 503, "calendar": "office"},
    },
    "policies": {
        "sev1": {
            "stops_when": {"field": "case.acknowledged", "operator": "is", "value": True},
            "steps": [
                {"after": "0m", "actions": [{"add_tags": ["ts_sev1"]}]},
                {"after": "15m", "actions": [{"add_tags": ["ts_l2"]}]},
                {"after": "2h", "in": "office", "actions": [{"add_tags": ["ts_l3"]}]},
            ],
        }
    },
    "linking": {"window": "24h", "calls_rest_after": "48h"},
    "rules": [
        {
            "key": "hurt",
            "kind": "escalation",
            "when": {"field": "text.requester", "operator": "contains", "value": "bitten"},
            "then": [{"set_severity": 1}, {"set_category": "safety_incident"}, {"add_tags": ["ts_hurt"]}, {"escalate": "sev1"}],
        },
        {
            "key": "claim",
            "kind": "escalation",
            "when": {"field": "text.requester", "operator": "contains", "value": "refund"},
            "then": [{"set_severity": 3}, {"set_category": "guarantee_claim"}, {"add_tags": ["ts_claim"]}],
        },
        {
            "key": "missed-call",
            "kind": "escalation",
            "on": ["call"],
            "when": {"field": "call.outcome", "operator": "in", "value": ["missed", "abandoned"]},
            "then": [{"set_severity": 2}],
        },
        {
            "key": "to-safety",
            "kind": "routing",
            "when": {"field": "case.severity", "operator": "at_most", "value": 2},
            "then": [{"route": "safety"}],
        },
        {
            "key": "to-claims",
            "kind": "routing",
            "when": {"field": "case.category", "operator": "is", "value": "guarantee_claim"},
            "then": [{"route": "claims"}],
        },
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}


LATER: dict[str, Any] = {
    **BOOK,
    "queues": {**BOOK["queues"], "safety": {"zendesk_group_id": 501, "targets": {"acknowledge": "2h"}}},
}
"""The rulebook as it is edited in the middle: other targets."""

ROSTER: dict[str, Any] = {
    "schema": 1,
    "timezone": "America/Los_Angeles",
    "agents": {
        "ana": {"name": "Ana", "zendesk_user_id": 7001, "queues": ["safety", "claims"], "email": "ana@example.com", "reach": ["mail"]},
        "ben": {"name": "Ben", "zendesk_user_id": 7002, "queues": ["claims"], "email": "ben@example.com", "reach": ["mail"]},
        "cleo": {"name": "Cleo", "zendesk_user_id": 7003, "queues": ["safety", "claims"], "email": "cleo@example.com", "reach": ["mail"]},
    },
    "ways": {"mail": {"kind": "smtp"}},
    "shifts": {
        "day": {"days": "mon-fri", "hours": "06:00-15:00", "agents": ["ana", "ben"]},
        "night": {"days": "mon-sun", "hours": "21:00-06:00", "agents": ["cleo"]},
    },
    "cover": [{"queue": "safety", "severity": [1, 2], "oncall": "day"}, {"queue": "safety", "oncall": "night"}, {"oncall": "ana"}],
    "limits": {"distressing": {"categories": ["safety_incident", "guarantee_claim"], "per_shift": 9}},
}
LATER_ROSTER: dict[str, Any] = {
    **ROSTER,
    "shifts": {**ROSTER["shifts"], "day": {"days": "mon-sat", "hours": "07:00-17:00", "agents": ["ana", "ben"]}},
}
"""The roster as it is published in the middle."""
MIDDLE = datetime(2026, 11, 12, 18, 30, tzinfo=UTC)
AWAY = Override("ovr_1", "off", "ben", datetime(2026, 11, 4, 14, tzinfo=UTC), datetime(2026, 11, 7, 1, tzinfo=UTC), "ill")


class Weeks:
    """A bridge that is told moments as they happen."""

    def __init__(self, database: Database, clock: SettableClock, book: dict[str, Any] = BOOK) -> None:
        self.database, self.clock = database, clock
        self.rulebooks = LiveRulebook(ZONE)
        salts = itertools.count()
        self.roster = LiveRoster()
        self.ids = CountingIds()
        self.conclusions = Conclusions(self.rulebooks, self.ids, lambda: f"salt{next(salts)}", self.roster)
        self.due = DueTimes(database, clock, self.conclusions, lambda _: None)
        self.giving = Giving(database, clock, self.ids, self.conclusions, self.rulebooks, self.roster, lambda: None)
        self.orders: dict[str, int] = {}
        self.publish(book)
        self.employ(ROSTER)

    def publish(self, document: dict[str, Any]) -> int:
        book = read(document)
        return self.database.write_now(lambda conn: rulebooks.publish(conn, document, book.hash, "test", self.clock.now(), "test"))

    def employ(self, document: dict[str, Any]) -> None:
        hashed = read_roster(document).hash
        self.database.write_now(lambda conn: rosters.publish(conn, document, hashed, "", self.clock.now(), "test"))

    def give(self) -> None:
        """What waits is given to whoever is there."""
        while asyncio.run(self.giving.round()) is True:
            pass

    def tell(self, *moments: Moment, heard_at: datetime | None = None) -> None:
        """Each at its own time; the clock is there by then. `heard_at`: they came late, together."""
        if heard_at is not None:
            self.clock.set(max(self.clock.now(), heard_at))
        for moment in moments:
            if heard_at is None:
                self.wait(moment.at)
            self.database.write_now(lambda conn, moment=moment: self._conclude(conn, moment))  # type: ignore[misc]

    def wait(self, until: datetime) -> None:
        """Let time pass, with all that comes due in it."""
        asyncio.run(self._wait(until))

    async def _wait(self, until: datetime) -> None:
        while (due := await self.due.round()) is not None and due <= until:
            busy = timedelta(minutes=4) if due.minute % 3 == 0 else timedelta()  # the desk's machine has bad minutes
            self.clock.set(max(self.clock.now(), due + busy))
        self.clock.set(max(self.clock.now(), until))

    def _conclude(self, conn: Connection, moment: Moment) -> None:
        live = self.conclusions.begin(conn)
        told = ToldNow()
        told.hear(conn, moment, "evt", live.version)
        self.conclusions.conclude(conn, live, told, self.clock.now())

    # -- what people do -----------------------------------------------------------------------------------------------

    def _order(self, ticket: str) -> str:
        self.orders[ticket] = self.orders.get(ticket, 0) + 1
        return f"{self.orders[ticket]:020d}.1"

    def created(
        self,
        ticket: str,
        at: datetime,
        person: str,
        text: str,
        *,
        by: str | None = None,
        channel: str = "email",
        group: str = "503",
        public: bool = True,
    ) -> Moment:
        """`by`: an agent who opens it."""
        actor = Actor("agent", by) if by else Actor("requester", person)
        facts: dict[str, Value] = {
            "channel": channel, "requester.id": person, "ticket.status": "new", "ticket.group_id": group,
            "ticket.assignee_id": None, "tags": (),
        }  # fmt: skip
        texts = (Text("subject", text), Text("description", text, actor.kind, public))
        return Moment(
            "zendesk", ticket, "ticket.created", at, facts=tuple(sorted(facts.items())), texts=texts,
            people=(Handle("zendesk_user", person),), actor=actor, vendor_order=self._order(ticket),
        )  # fmt: skip

    def comment(
        self, ticket: str, at: datetime, text: str, actor: Actor, *, public: bool = True, status: tuple[str, str] | None = None
    ) -> Moment:
        changes = () if status is None else (Change("ticket.status", *status),)
        facts = () if status is None else (("ticket.status", status[1]),)
        return Moment(
            "zendesk", ticket, "ticket.commented", at, facts=facts, changes=changes, texts=(Text("comment", text, actor.kind, public),),
            actor=actor, vendor_order=self._order(ticket),
        )  # fmt: skip

    def update(self, ticket: str, at: datetime, actor: Actor, *changes: Change) -> Moment:
        facts = tuple(sorted((change.field, change.current) for change in changes))
        return Moment(
            "zendesk",
            ticket,
            "ticket.updated",
            at,
            facts=facts,
            changes=tuple(sorted(changes)),
            actor=actor,
            vendor_order=self._order(ticket),
        )

    def merged(self, ticket: str, into: str, at: datetime, agent: Actor) -> Moment:
        changes = (Change("ticket.status", "open", "closed"),)
        return Moment(
            "zendesk", ticket, "ticket.merged", at, facts=(("ticket.status", "closed"),), changes=changes, names=(Handle("merge", into),),
            actor=agent, vendor_order=self._order(ticket),
        )  # fmt: skip

    def at_desk(self, ticket: str, event: str, at: datetime, by: str) -> Moment:
        """A supervisor acknowledges or resolves the ticket's case."""
        return Moment("desk", f"zendesk:{ticket}", event, at, actor=Actor("agent", by))

    def call(self, call: str, event: str, at: datetime, person: str, *, about: str | None = None, **facts: Value) -> Moment:
        """`about`: a ticket that it names."""
        told = {"channel": "voice", **{f"call.{name}": value for name, value in facts.items()}}
        return Moment(
            "talkdesk",
            call,
            event,
            at,
            facts=tuple(sorted(told.items())),
            names=(Handle("call", call), *((Handle("ticket", about),) if about else ())),
            people=(Handle("talkdesk_contact", person),),
        )


def live_through(
    weeks: Weeks, seed: int, tickets: int, calls: int, people: int | None = None, begin: datetime = BEGIN, end: datetime = END
) -> None:
    """So many tickets and calls with all that becomes of them, told in the order of time."""
    rng = random.Random(seed)  # noqa: S311  # the same weeks in every run
    told: list[Moment] = []
    span = (end - begin) // timedelta(minutes=1)

    def soon(at: datetime, most: int) -> datetime:
        return at + timedelta(seconds=rng.randint(20, most * 60))

    for number in range(tickets):
        ticket, person = str(4000 + number), str(300 + rng.randrange(people or tickets))
        at = begin + timedelta(minutes=rng.randrange(span), seconds=rng.randrange(60))
        text = rng.choice(("my dog was bitten", "I want a refund", "hello", "thank you"))
        opener = rng.choice(list(AGENTS.values())) if rng.random() < 0.15 else None
        told.append(
            weeks.created(ticket, at, person, text, by=opener, channel=rng.choice(("email", "chat", "web")), public=rng.random() < 0.8)
        )
        status = "new"
        for _ in range(rng.randrange(7)):
            at = soon(at, rng.choice((5, 60, 600, 4000)))
            agent = Actor("agent", rng.choice(list(AGENTS.values())))
            what = rng.choice(("reply", "reply", "note", "assign", "solve", "back", "back", "pend", "move", "untag"))
            if what == "reply":
                told.append(weeks.comment(ticket, at, "we are on it", agent, status=(status, "open") if status == "new" else None))
                status = "open" if status == "new" else status
            elif what == "note":
                told.append(weeks.comment(ticket, at, "a look", agent, public=False))
            elif what == "assign":
                told.append(weeks.update(ticket, at, agent, Change("ticket.assignee_id", None, agent.id)))
            elif what in ("solve", "pend") and status != (now := "solved" if what == "solve" else "pending"):
                told.append(weeks.comment(ticket, at, "done", agent, status=(status, now), public=rng.random() < 0.5))
                status = now
            elif what == "back":
                now = "open" if status in ("solved", "pending") else status
                told.append(weeks.comment(ticket, at, "and?", Actor("requester", person), status=None if now == status else (status, now)))
                status = now
            elif what == "move":
                told.append(weeks.update(ticket, at, agent, Change("ticket.group_id", "503", "777")))
            elif what == "untag":
                told.append(weeks.update(ticket, at, agent, Change("tags", ("ts_hurt", "ts_claim"), ())))
    opened = {moment.interaction: moment.at for moment in told if moment.event == "ticket.created"}
    for ticket, at in opened.items():
        if rng.random() < 0.15:
            told.append(weeks.at_desk(ticket, rng.choice(("case.acknowledged", "case.resolved")), soon(at, 300), "mara"))
        if rng.random() < 0.1:
            into = rng.choice(list(opened))
            if into != ticket:
                told.append(weeks.merged(ticket, into, soon(max(at, opened[into]), 2000), Actor("agent", "7001")))

    def phone(call: str, person: str, at: datetime, direction: str, how: str, about: str | None) -> datetime:
        """Returns when it is over."""
        waited, talked = rng.randint(5, 400), rng.randint(10, 900)
        then = at + timedelta(seconds=waited)
        told.append(weeks.call(call, "call.started", at, person, about=about, direction=direction))
        if how != "answered" or not call.endswith("3"):  # of some only the end is heard
            told.append(weeks.call(call, f"call.{how}", then, person, outcome=how, direction=direction, wait_seconds=waited))
        if how != "answered":
            return then
        over = then + timedelta(seconds=talked)
        told.append(weeks.call(call, "call.ended", over, person, outcome=how, direction=direction, talk_seconds=talked))
        return over

    for number in range(calls):
        at = begin + timedelta(minutes=rng.randrange(span), seconds=rng.randrange(60))
        person, how = f"p{rng.randrange(max(1, calls // 2))}", rng.choice(("answered", "answered", "missed", "abandoned", "voicemail"))
        about = (
            next((ticket for ticket, since in opened.items() if since < at < since + timedelta(days=2)), None)
            if rng.random() < 0.2
            else None
        )
        over = phone(f"c{number}", person, at, rng.choice(("inbound", "inbound", "outbound")), how, about)
        if how != "answered" and rng.random() < 0.5:
            phone(f"b{number}", person, soon(over, 300), rng.choice(("outbound", "inbound")), "answered", about)
    edited = False
    for number, moment in enumerate(sorted((one for one in told if one.at < end), key=lambda one: one.order)):
        if moment.at >= MIDDLE and not edited:
            weeks.wait(MIDDLE)
            weeks.publish(LATER)
            weeks.employ(LATER_ROSTER)
            edited = True
        if number == 0:
            weeks.database.write_now(lambda conn: rosters.add_override(conn, AWAY, weeks.clock.now(), "test") and None)
        weeks.tell(moment)
        if number % 4 == 0:
            weeks.give()
    weeks.wait(end)
