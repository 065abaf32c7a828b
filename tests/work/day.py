"""A desk's busy minutes: customers, agents, Zendesk's own rules and our writer at the same tickets, and the truth of what they did.

The truth is kept by those who act, not read back from what the bridge heard: what each ticket says at the end, what of ours
stands on it, and which change each decision is about.
"""

from __future__ import annotations

import heapq
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from sqlalchemy import insert, select

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk
from tests.work.walk import Walk
from tsbridge.core.moments import instant_text
from tsbridge.simulator.zendesk import Display
from tsbridge.simulator.zendesk.deliveries import event_body
from tsbridge.store import case_tables, claiming, decision_tables, inbox, moment_tables, writing_tables
from tsbridge.store.db import Database
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.zendesk import install
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.hearing import Hearing
from tsbridge.work.reads import ReadBudget
from tsbridge.work.reconcile import EVERY, Reconciler
from tsbridge.work.stream import Stream

INTAKE, SAFETY, CLAIMS = 61000000001, 61000000010, 61000000011
STEP: Final = timedelta(minutes=2)
FEWEST_ROUNDS, MOST_ROUNDS = 4, 100
"""Of catching up at the end of a day: it is over when nothing changes any more."""
HURT, LOST, PLAIN = "my dog was bitten", "our cat ran away", "thank you, all the best"
BOOK: Final[dict[str, Any]] = {
    "schema": 1,
    "queues": {"safety": {"zendesk_group_id": SAFETY}, "intake": {"zendesk_group_id": INTAKE}},
    "policies": {
        "sev1": {
            "steps": [{"after": "0m", "actions": [{"add_tags": ["ts_sev1"]}]}, {"after": "2m", "actions": [{"add_tags": ["ts_late"]}]}]
        }
    },
    "rules": [
        {
            "key": "hurt",
            "kind": "escalation",
            "on": ["ticket", "call"],
            "when": {"field": "text.requester", "operator": "contains", "value": "bitten"},
            "then": [{"set_severity": 1}, {"add_tags": ["ts_hurt"]}, {"set_priority": "urgent"}, {"escalate": "sev1"}],
        },
        {
            "key": "lost",
            "kind": "escalation",
            "on": ["ticket", "call"],
            "when": {"field": "text.requester", "operator": "contains", "value": "ran away"},
            "then": [{"set_severity": 2}, {"add_tags": ["ts_lost"]}],
        },
        {
            "key": "solved",
            "kind": "escalation",
            "on": ["ticket", "call"],
            "when": {"field": "ticket.status", "operator": "changed_to", "value": "solved"},
            "then": [{"add_tags": ["ts_done"]}],
        },
        {
            "key": "to-safety",
            "kind": "routing",
            "when": {"field": "case.severity", "operator": "at_most", "value": 2},
            "then": [{"route": "safety"}],
        },
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
}
THEIR_RULES: Final = (
    {
        "title": "Page the one on duty",
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "ts_sev1"},
                               {"field": "current_tags", "operator": "not_includes", "value": "paged"}]},
        "actions": [{"field": "current_tags", "value": "paged"}],
    },
    {
        "title": "Ask how it was",
        "conditions": {"all": [{"field": "status", "operator": "is", "value": "solved"},
                               {"field": "current_tags", "operator": "not_includes", "value": "survey"}]},
        "actions": [{"field": "current_tags", "value": "survey"}],
    },
)  # fmt: skip
"""Triggers of the team's own: the first answers to a write of ours, inside our update; the second to an agent's."""
PAGED, SURVEY = "paged", "survey"


@dataclass(frozen=True, slots=True)
class Way:
    """How the bridge is told. `display`: how the account writes what triggers send (that of the one that writes counts);
    `reads`: how often it may ask Zendesk in a minute."""

    name: str
    rings: str = "triggers"  # triggers | events | nothing
    display: Display = field(default_factory=Display, hash=False)
    lost: float = 0.1
    twice: float = 0.1
    reads: int = 1_000_000


@dataclass(slots=True)
class Change:
    """One thing a person, or a rule of Zendesk's in a write of ours, did to a ticket; `fields`: what it changed."""

    at: datetime
    number: int
    by: str
    fields: tuple[str, ...]


@dataclass(slots=True)
class Truth:
    """What was done to one ticket, by whom, in order."""

    requester: int
    status: str = "new"
    group: int | None = None
    priority: str | None = None
    tags: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    undone: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    armed: datetime | None = None
    firing: bool = False
    severity: int | None = None
    queue: str | None = None
    last_public_by: str = "requester"

    def happened(self, at: datetime, number: int, by: str, fields: set[str], *, solved: bool = False, reopened: bool = False) -> None:
        """A change, and what our rules make of it."""
        at = at.replace(microsecond=0)  # what an audit tells
        self.fall_due(at)
        self.changes.append(Change(at, number, by, tuple(sorted(fields))))
        anew = by == "requester"
        text = " ".join(self.said)
        if reopened:
            self.firing = False
        hurt, lost = "bitten" in text, "ran away" in text
        if solved:
            self.armed = None
        if hurt:
            self.severity = 1
            self._ask("tag:ts_hurt", number, anew)
            self._ask("priority", number, anew)
            if not self.firing and self.status != "solved":
                self._ask("tag:ts_sev1", number, anew)
                self.armed = at
            self.firing = True
        if lost:
            self.severity = self.severity or 2
            self._ask("tag:ts_lost", number, anew)
        if "ticket.status" in fields and self.status == "solved":
            self._ask("tag:ts_done", number, anew)
        queue = "safety" if self.severity else "intake"
        if queue != self.queue:
            self.queue = queue
            self.asked["group"] = number

    def speaks(self, who: str) -> set[str]:
        """Somebody says something to all; the field that changes with it."""
        before, self.last_public_by = self.last_public_by, who
        return set() if before == who else {"ticket.last_public_by"}

    def _ask(self, part: str, number: int, anew: bool) -> None:
        self.asked[part] = number if anew else self.asked.get(part, number)

    def fall_due(self, now: datetime) -> None:
        """The step of the policy that comes with time."""
        if self.armed is not None and self.armed + STEP <= now:
            self.armed = None
            self.asked["tag:ts_late"] = self.changes[-1].number  # nobody takes it off within the day

    def stands(self, part: str) -> bool:
        """Whether what we asked for is ours to see on the ticket."""
        return part in self.asked and self.asked[part] > self.undone.get(part, -1)

    def ours(self) -> set[str]:
        return {part.removeprefix("tag:") for part in self.asked if part.startswith("tag:") and self.stands(part)}

    def final(self) -> dict[str, Any]:
        """What the ticket reads at the end."""
        queue = SAFETY if self.queue == "safety" else INTAKE
        return {
            "status": self.status,
            "group": queue if self.stands("group") else self.group,
            "priority": "urgent" if self.stands("priority") else self.priority,
            "tags": sorted(self.tags | self.ours()),
        }


class Listener(Walk):
    """A bridge that is told of the account in its way. One of them writes; the others know what it wrote, as one installation would."""

    def __init__(self, database: Database, clock: SettableClock, writing: WritingDesk, way: Way, rng: random.Random) -> None:
        self.way = way
        self.rng = rng
        self.writing = writing
        client = ZendeskClient(writing.http, writing.credentials)
        reads = ReadBudget(database, clock, way.reads)
        hearing = Hearing(database, clock, client, reads)
        super().__init__(database, clock, BOOK, client, hearing)
        bridge = writing.zendesk.world.bridge
        self.own = OwnUser(str(bridge["id"]), bridge["email"])
        self.post: list[tuple[datetime, int, str, bytes]] = []
        self.sent = 0
        self.lost = 0
        own, nobody = (lambda: self.own), (lambda: None)
        self.reconciler = Reconciler(database, clock, self.ids, client, own, "r1", writing._alarm, self.rulebooks, reads, nobody, nobody)
        self.stream = Stream(database, clock, client, own, "r1", reads, self.ingest.hear, nobody)

    def _zendesk(self, row: claiming.Claimed, _: Any) -> Normalized:
        return zendesk.read(row.body, received_at=row.received_at, own=self.own)

    def is_sent(self, body: bytes) -> None:
        """A delivery sets out: it is lost, or comes late, or twice, before or behind others."""
        if self.rng.random() < self.way.lost:
            self.lost += 1
            return
        for _ in range(1 + (self.rng.random() < self.way.twice)):
            self.sent += 1
            late = timedelta(seconds=self.rng.choice((0, 0, 0, 1, 2, 10, 40)))
            heapq.heappush(self.post, (self.clock.now() + late, self.rng.randrange(1_000_000), f"{self.way.name}:{self.sent}", body))

    async def hear(self) -> None:
        """What has arrived by now is kept and worked on."""
        while self.post and self.post[0][0] <= self.clock.now():
            _, _, key, body = heapq.heappop(self.post)
            kept = inbox.Delivery(self.ids.new("evt"), "zendesk", key, self.clock.now(), {}, body)
            await self.database.write(lambda conn, kept=kept: inbox.keep(conn, [kept]))  # type: ignore[misc]
        await self._work()

    async def catch_up(self, periods: int = 2) -> None:
        for _ in range(periods):
            self.clock.advance(EVERY)
            for catching_up in (self.stream, self.reconciler):
                while await catching_up.round() is True:
                    pass
            await self._work()

    def know_writes_of(self, writer: Database) -> None:
        """Take over the intents of the one that writes."""
        known = self.database.read_now(lambda conn: set(conn.execute(select(writing_tables.intents.c.id)).scalars()))
        rows = writer.read_now(lambda conn: [dict(row) for row in conn.execute(select(writing_tables.intents)).mappings()])
        if fresh := [row for row in rows if row["id"] not in known]:
            self.database.write_now(lambda conn: conn.execute(insert(writing_tables.intents), fresh))

    def decided(self) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        """For each ticket its decisions in force about what happened there: by whom, and the fields that were seen to change."""
        d = decision_tables.decisions.c
        query = (
            select(d.interaction, d.seen, moment_tables.moments.c.body)
            .join(moment_tables.moments, moment_tables.moments.c.digest == d.moment)
            .where(d.superseded_by.is_(None), d.retracted.is_(False), d.event != "clock")
        )
        rows = self.database.read_now(lambda conn: conn.execute(query).all())
        found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for row in sorted(rows, key=lambda row: (row.body["at"], row.body.get("vendor_order", ""))):
            found.setdefault(row.interaction, []).append((row.body["actor"][0], tuple(sorted(row.seen["given"]["changed"]))))
        return found

    def believed(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Of each ticket its case's status and the facts that its story ends with."""
        rows = self.database.read_now(lambda conn: conn.execute(select(case_tables.cases.c.status, case_tables.cases.c.state)).all())
        return {
            key.removeprefix("zendesk:"): (row.status, dict(track["facts"])) for row in rows for key, track in row.state["tracks"].items()
        }

    def end(self) -> bytes:
        """Cases, links, decisions in force, steps and wishes as canonical JSON; a wish for nothing is none."""
        ended = self.outcome()
        ended["wishes"] = [row for row in ended["wishes"] if any(json.loads(row[2]).values())]
        return json.dumps(ended, sort_keys=True, default=instant_text).encode()


class Day:
    """An account on the two triggers that the set-up makes, its people, and the bridges that listen. The first of them writes."""

    def __init__(self, databases: Callable[[], Database], clock: SettableClock, seed: int, *ways: Way) -> None:
        self.clock = clock
        self.rng = random.Random(seed)  # noqa: S311  # a seeded world
        first = databases()
        self.writing = WritingDesk(first, clock, per_minute=1_000_000)
        self.world = self.writing.zendesk.world
        self.world.display = ways[0].display
        self.bridges = [
            Listener(database, clock, self.writing, way, random.Random(f"{seed}{way.name}"))  # noqa: S311  # seeded
            for database, way in zip([first, *(databases() for _ in ways[1:])], ways, strict=True)
        ]
        self.truths: dict[str, Truth] = {}
        self.agents = [self.world.add_user(f"Agent {n}", f"agent{n}@example.com", role="agent") for n in range(4)]
        self.acts = 0
        self._left: dict[str, int] = {}
        self.in_between = 0
        self.did: Counter[str] = Counter()

    # -- the account ---------------------------------------------------------------------------------------------------

    async def set_up(self) -> None:
        """`zendesk setup`, the team's own rules, and where the export is now."""
        client = ZendeskClient(self.writing.http, self.writing.credentials)
        for rule in THEIR_RULES:
            await client.ask("POST", "triggers", {"trigger": rule})
        await install.carry_out(client, await install.planned(client, "https://bridge.test/webhooks/zendesk", "trigger"))
        for bridge in self.bridges:
            await bridge.reconciler.round()
            await bridge.stream.round()
        self.writing.wire.before = self._meanwhile

    def _meanwhile(self, request: httpx.Request) -> None:
        """Somebody is quicker than our update."""
        if request.method == "PUT" and request.url.path.startswith("/api/v2/tickets/") and self.rng.random() < 0.25:
            id_ = request.url.path.rpartition("/")[2].removesuffix(".json")
            if id_ in self.truths:
                self.in_between += 1
                self._agent_acts(id_)

    def deliver(self) -> None:
        """Send off what triggers and subscriptions tell since the last time."""
        asked, self.world.asked = self.world.asked, []
        happened, self.world.happened = self.world.happened, []
        for bridge in self.bridges:
            if bridge.way.rings == "triggers":
                for _, body in asked:
                    bridge.is_sent(body.encode())
            elif bridge.way.rings == "events":
                for one in happened:
                    bridge.is_sent(event_body(one, bridge.rng))

    # -- people --------------------------------------------------------------------------------------------------------

    async def live(self, tickets: int) -> None:
        """So many tickets are opened and worked on at once, some minutes long, while the bridge hears and writes."""
        agenda: list[tuple[datetime, int, str]] = []
        start = self.clock.now()
        for n in range(tickets):
            heapq.heappush(agenda, (start + timedelta(seconds=self.rng.uniform(0, 2 * tickets)), n, ""))
        count = tickets
        while agenda:
            at, _, ticket = heapq.heappop(agenda)
            self.clock.set(max(at, self.clock.now()))
            if not ticket:
                ticket = self._opened()
                left = self.rng.randint(2, 8)
            else:
                left = self._left.pop(ticket)
                if self.rng.random() < 0.3:
                    self._requester_writes(ticket)
                else:
                    self._agent_acts(ticket)
            self.deliver()
            if left:
                self._left[ticket] = left - 1
                count += 1
                again = self.clock.now() + timedelta(seconds=self.rng.choice((0, 0, 0.2, 0.9, 3, 15, 40, 90)))
                heapq.heappush(agenda, (again, count, ticket))
            if self.rng.random() < 0.4:
                await self.bridge_works()
        await self.settle()

    async def bridge_works(self) -> None:
        """What arrived is heard by all; what is wished is written, by the first."""
        for bridge in self.bridges:
            bridge.know_writes_of(self.bridges[0].database)
            await bridge.hear()
        if self.rng.random() < 0.7:
            for _ in range(3):
                if (due := await self.writing.round()) is None or due > self.clock.now():
                    break
                self.deliver()

    async def settle(self) -> None:
        """Time passes until everything on its way arrived, steps fell due, and what was lost is found by catching up."""
        for _ in range(6):
            self.clock.advance(timedelta(minutes=1))
            await self.bridge_works()
            await self.writing.until_quiet(timedelta(minutes=1))
            self.deliver()
        stood: list[bytes] = []
        for number in range(MOST_ROUNDS):
            for bridge in self.bridges:
                bridge.know_writes_of(self.bridges[0].database)
                await bridge.hear()
                await bridge.catch_up(2)
            await self.writing.until_quiet(timedelta(minutes=1))
            self.deliver()
            stands = [bridge.end() for bridge in self.bridges]
            if number + 1 >= FEWEST_ROUNDS and stands == stood:
                break
            stood = stands
        for truth in self.truths.values():
            truth.fall_due(self.clock.now())

    def _opened(self) -> str:
        number = len(self.truths)
        person = self.world.add_user(f"Customer {number}", f"customer{number}@example.com")
        said = self.rng.choice((HURT, HURT, LOST, PLAIN))
        props: dict[str, Any] = {"subject": f"Ticket {number}", "comment": {"body": said}, "requester_id": person["id"]}
        if self.rng.random() < 0.5:
            props |= {"tags": ["web"], "status": "open"}
        made = self.world.create(props, person, via="mail")
        truth = self.truths[str(made["id"])] = Truth(person["id"], made["status"], tags=set(props.get("tags", ())), said=[said])
        truth.happened(self.clock.now(), self._number("opens"), "requester", set())
        return str(made["id"])

    def _requester_writes(self, ticket: str) -> None:
        truth = self.truths[ticket]
        said = self.rng.choice((PLAIN, PLAIN, HURT, LOST))
        before = self._seen(ticket)
        self.world.change(int(ticket), {"comment": {"body": said}}, self.world.user(truth.requester), via="email")
        truth.said.append(said)
        fields = truth.speaks("requester")
        reopened = truth.status == "solved"
        if truth.status in ("pending", "hold", "solved"):
            truth.status = "open"
            fields.add("ticket.status")
        assert self._seen(ticket)["tags"] == before["tags"]
        truth.happened(self.clock.now(), self._number("writes"), "requester", fields, reopened=reopened)

    def _agent_acts(self, ticket: str) -> None:
        """One of the things an agent does to a ticket, as it reads then."""
        truth, seen = self.truths[ticket], self._seen(ticket)
        tags = set(seen["tags"])
        props: dict[str, Any] = {}
        fields: set[str] = set()
        ours = sorted(tag for tag in tags if tag.startswith("ts_") and tag != "ts_late")
        what = self.rng.choice(("reply", "note", "tag", "untag", "ours off", "status", "status", "priority", "group"))
        number = self._number(what)
        before = truth.status
        if what == "reply":
            props["comment"] = {"body": f'has "anybody" been\nbitten, or ran away? {number}', "public": True}
            fields |= truth.speaks("agent")
        elif what == "note":
            props["comment"] = {"body": f"says he was bitten {number}", "public": False}
        elif what == "tag":
            props["tags"] = sorted(tags | {f"p{number}"})
        elif what == "untag" and (theirs := sorted(tag for tag in tags if tag.startswith("p") and tag != PAGED)):
            props["tags"] = sorted(tags - {self.rng.choice(theirs)})
        elif what == "ours off" and ours:
            gone = self.rng.choice(ours)
            props["tags"] = sorted((tags - {gone}) | {f"p{number}"})
            truth.undone[f"tag:{gone}"] = number
        elif what == "status":
            props["status"] = self.rng.choice([s for s in ("open", "pending", "hold", "solved", "solved") if s != truth.status])
        elif what == "priority":
            props["priority"] = self.rng.choice([p for p in ("low", "normal", "high") if p != seen["priority"]])
            truth.undone["priority"], truth.priority = number, props["priority"]
            fields.add("ticket.priority")
        elif what == "group":
            props["group_id"] = self.rng.choice([g for g in (INTAKE, SAFETY, CLAIMS) if g != seen["group_id"]])
            truth.undone["group"], truth.group = number, props["group_id"]
            fields.add("ticket.group_id")
        if not props:
            return
        self.world.change(int(ticket), props, self.rng.choice(self.agents), via="web")
        if "tags" in props:
            came, went = set(props["tags"]) - tags, tags - set(props["tags"])  # of what the agent saw
            truth.tags = (truth.tags | came) - went
            fields.add("tags")
        if "status" in props:
            truth.status = props["status"]
            fields.add("ticket.status")
        if truth.status == "solved" and SURVEY not in truth.tags:
            truth.tags.add(SURVEY)
            fields.add("tags")
        solved, reopened = truth.status == "solved" != before, before == "solved" != truth.status
        truth.happened(self.clock.now(), number, "agent", fields, solved=solved, reopened=reopened)

    def _seen(self, ticket: str) -> dict[str, Any]:
        return self.world.ticket(int(ticket))

    def _number(self, what: str) -> int:
        self.acts += 1
        self.did[what] += 1
        return self.acts

    # -- against the truth -----------------------------------------------------------------------------------------------

    def wrong_tickets(self) -> dict[str, list[str]]:
        """Tickets that do not read as the truth says, with what differs."""
        wrong: dict[str, list[str]] = {}
        for ticket, truth in self.truths.items():
            seen, final = self._seen(ticket), truth.final()
            if self._paged(ticket):
                final["tags"] = sorted({*final["tags"], PAGED})
            now = {"status": seen["status"], "group": seen["group_id"], "priority": seen["priority"], "tags": sorted(seen["tags"])}
            if differs := [f"{name}: {now[name]} not {final[name]}" for name in final if now[name] != final[name]]:
                wrong[ticket] = differs
        return wrong

    def _paged(self, ticket: str) -> bool:
        """Whether the team's rule ever answered to a tag of ours on the ticket."""
        events = (event for audit in self.world.store.audits[int(ticket)] for event in audit["events"])
        return any(event.get("field_name") == "tags" and PAGED in event["value"] for event in events)

    def wrong_decisions(self, bridge: Listener) -> dict[str, list[str]]:
        """Tickets whose decisions in force are not one for each change that others made, each seeing what that one changed."""
        wrong: dict[str, list[str]] = {}
        decided = bridge.decided()
        for ticket, truth in self.truths.items():
            expected = [(change.by, change.fields) for change in self._with_rules(ticket, truth)]
            if (found := decided.get(ticket, [])) != expected:
                wrong[ticket] = [f"expected {expected}", f"found {found}"]
        return wrong

    def _with_rules(self, ticket: str, truth: Truth) -> Iterator[Change]:
        """What others did to a ticket, in order: what people did, and what the team's rules did inside our writes."""
        theirs = iter(truth.changes)
        for audit in self.world.store.audits[int(ticket)]:
            if audit["author_id"] != self.world.bridge["id"]:
                yield next(theirs)
            elif any((event.get("via") or {}).get("channel") == "rule" for event in audit["events"]):
                yield Change(self.clock.now(), 0, "system", ("tags",))

    def wrong_facts(self, bridge: Listener) -> dict[str, list[str]]:
        """Tickets that the bridge believes to read otherwise than they do, and cases that are wrongly open or resolved."""
        wrong: dict[str, list[str]] = {}
        for ticket, (status, facts) in bridge.believed().items():
            seen = self._seen(ticket)
            real = {
                "ticket.status": seen["status"],
                "ticket.priority": seen["priority"],
                "ticket.group_id": None if seen["group_id"] is None else str(seen["group_id"]),
                "tags": sorted(seen["tags"]),
            }
            differs = [
                f"{name}: {facts.get(name)} not {value}" for name, value in real.items() if (facts.get(name) or None) != (value or None)
            ]
            if (status == "resolved") != (seen["status"] == "solved"):
                differs.append(f"case {status}, ticket {seen['status']}")
            if differs:
                wrong[ticket] = differs
        for ticket in self.truths.keys() - bridge.believed().keys():
            wrong[ticket] = ["never heard"]
        return wrong
