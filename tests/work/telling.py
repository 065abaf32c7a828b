"""A desk that tells people: a walk, a roster, workers that send, and ways with a memory in place of mail and chat."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from tests.clocks import SettableClock
from tests.work.walk import Walk, ticket
from tsbridge.core import roster as values
from tsbridge.notify.messages import Message, Recipient
from tsbridge.roster.document import read
from tsbridge.store import notifications as store
from tsbridge.store import rosters
from tsbridge.store.db import Database
from tsbridge.store.notice_tables import messages, notices, notifications
from tsbridge.work.notify import Notify, Pages
from tsbridge.work.rosters import LiveRoster

ROSTER: dict[str, Any] = {
    "schema": 1,
    "timezone": "UTC",
    "agents": {
        "ana": {"name": "Ana", "zendesk_user_id": 7, "email": "ana@example.com", "queues": ["safety"], "reach": ["mail", "chat"]},
        "ben": {"name": "Ben", "email": "ben@example.com", "queues": ["safety"], "reach": ["mail"]},
        "cleo": {"name": "Cleo", "email": "cleo@example.com", "queues": ["intake"], "reach": ["chat"]},
    },
    "ways": {
        "mail": {"kind": "smtp"},
        "chat": {"kind": "slack", "url_file": "/run/secrets/chat"},
        "page": {"kind": "webhook", "url": "https://pager.example/hook", "secret_file": "/run/secrets/page"},
    },
    "rotations": {"lead": {"members": ["ana", "ben"], "every": "1w", "starts": "2026-11-16T00:00"}},
    "cover": [{"oncall": "ana", "then": ["ben", "page"]}],
    "lists": {"leads": ["ben", "cleo"]},
}

HURT: dict[str, Any] = {
    "key": "hurt",
    "kind": "escalation",
    "when": {"field": "text", "operator": "contains", "value": "bitten"},
    "then": [{"set_severity": 1}, {"set_category": "safety_incident"}, {"escalate": "sev1"}],
}
UNTIL_ACKNOWLEDGED: dict[str, Any] = {"any": [{"field": "case.acknowledged", "operator": "is", "value": True}]}

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"safety": {}, "intake": {}},
    "policies": {
        "sev1": {
            "stops_when": UNTIL_ACKNOWLEDGED,
            "steps": [
                {"after": "0m", "actions": [{"notify": "oncall"}]},
                {"after": "15m", "actions": [{"notify": "oncall"}]},
                {"after": "30m", "actions": [{"notify": "list:leads"}]},
            ],
        }
    },
    "rules": [
        HURT,
        {
            "key": "lost",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains", "value": "lost"},
            "then": [{"set_severity": 3}, {"notify": "oncall"}],
        },
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
    ],
}


def rule_tells(target: str, severity: int = 1) -> dict[str, Any]:
    """A rulebook whose one rule tells `target`."""
    book = copy.deepcopy(BOOK)
    book["rules"][0]["then"] = [{"set_severity": severity}, {"notify": target}]
    return book


class Sent(NamedTuple):
    at: datetime
    way: str
    agent: str | None
    message: Message


class Ways:
    """What went out by every way. `fault`: raises what shall go wrong, given way and recipient; `lost`: after it arrived."""

    def __init__(self, clock: SettableClock) -> None:
        self._clock = clock
        self.sent: list[Sent] = []
        self.tried: list[tuple[datetime, str, str | None, str]] = []
        self.fault: Callable[[str, str | None], None] = lambda way, agent: None
        self.lost: Callable[[str, str | None], None] = lambda way, agent: None

    def make(self, way: values.Way) -> _Way:
        return _Way(self, way.key)

    async def take(self, way: str, to: Recipient, message: Message) -> str:
        self.tried.append((self._clock.now(), way, to.agent, message.id))
        self.fault(way, to.agent)
        self.sent.append(Sent(self._clock.now(), way, to.agent, message))
        self.lost(way, to.agent)
        return "ok"


class _Way:
    def __init__(self, ways: Ways, key: str) -> None:
        self._ways = ways
        self._key = key

    async def send(self, to: Recipient, message: Message) -> str:
        return await self._ways.take(self._key, to, message)


class Telling:
    """The desk. `worker()` makes a new worker on the same database, as a restart would."""

    def __init__(
        self, database: Database, clock: SettableClock, book: Mapping[str, Any] = BOOK, roster: Mapping[str, Any] | None = ROSTER
    ) -> None:
        self.database = database
        self.clock = clock
        self.walk = Walk(database, clock, book)
        self.ways = Ways(clock)
        self.alarms: list[tuple[str, dict[str, object]]] = []
        self._workers = 0
        if roster is not None:
            self.publish(roster)
        self.notify = self.worker()

    def worker(self) -> Notify:
        self._workers += 1
        return Notify(
            self.database,
            self.clock,
            self.walk.ids,
            LiveRoster(),
            self.walk.rulebooks,
            self.ways.make,
            self.links,
            f"w{self._workers}",
            self._alarm,
            lambda: None,
        )

    @property
    def links(self) -> Pages:
        return Pages("https://desk.example", lambda count: bytes(count))

    def _alarm(self, what: str, **named: object) -> None:
        self.alarms.append((what, named))

    def alarmed(self) -> list[str]:
        return [what for what, _ in self.alarms if what != "notification_failed"]

    def publish(self, roster: Mapping[str, Any]) -> None:
        hash_ = read(roster).hash

        def write(conn: Connection) -> None:
            rosters.lock(conn)
            rosters.publish(conn, roster, hash_, "test", self.clock.now(), "test")

        self.database.write_now(write)

    def open(self, text: str, ticket_id: str = "4711", minute: float | None = None) -> str:
        """A ticket comes in now and is judged; returns its case."""
        since = (self.clock.now() - datetime(2026, 11, 22, 9, tzinfo=self.clock.now().tzinfo)).total_seconds() / 60
        self.walk.tell([ticket("created", since if minute is None else minute, ticket_id, text=text, person=ticket_id)])
        self.walk.work()
        return self.case_of(ticket_id)

    def case_of(self, ticket_id: str) -> str:
        for source, id_, case_id in ((m[1], m[2], m[0]) for m in self.walk.outcome()["members"]):
            if (source, id_) == ("zendesk", ticket_id):
                return str(case_id)
        raise LookupError(ticket_id)

    def acknowledge(self, case_id: str, by: str = "ana") -> None:
        asyncio.run(self.walk.desk.acknowledge(case_id, by, None))

    # -- work --------------------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Let the worker do all that is due now."""
        asyncio.run(self._until_quiet(self.notify))

    async def _until_quiet(self, worker: Notify) -> None:
        while True:
            await worker.round()
            await worker.finish()
            due = await self.database.read(store.next_due)
            if due is None or due > self.clock.now():
                return

    def run(self, span: timedelta | float) -> None:
        """Let time pass: judge and tell whenever something falls due."""
        end = self.clock.now() + (span if isinstance(span, timedelta) else timedelta(seconds=span))
        asyncio.run(self._run(end))

    async def _run(self, end: datetime) -> None:
        while True:
            judge = await self.walk.due.round()
            while judge is not None and judge <= self.clock.now():
                judge = await self.walk.due.round()
            await self._until_quiet(self.notify)
            tell = await self.database.read(store.next_due)
            times = [at for at in (judge, tell) if at is not None and at > self.clock.now()]
            if not times or min(times) > end:
                self.clock.set(end)
                return
            self.clock.set(min(times))

    # -- what is -------------------------------------------------------------------------------------------------------------

    def told(self) -> list[tuple[str, str | None]]:
        """Who got what goes out, by which way, in order."""
        return [(one.way, one.agent) for one in self.ways.sent]

    def items(self, case_id: str | None = None) -> list[Any]:
        query = select(notifications, notices.c.asked_by).join(notices, notices.c.id == notifications.c.notice)
        query = query.order_by(notifications.c.made_at, notifications.c.id)
        return [row for row in self.database.read_now(lambda conn: conn.execute(query).all()) if case_id is None or row.case_id == case_id]

    def stand(self) -> list[tuple[str | None, str | None, str, str | None]]:
        """Each telling: to whom by which way, what became of it and why."""
        return [(row.agent, row.way, row.status, row.reason) for row in self.items()]

    def messages(self) -> list[Any]:
        return list(self.database.read_now(lambda conn: conn.execute(select(messages).order_by(messages.c.made_at, messages.c.id)).all()))
