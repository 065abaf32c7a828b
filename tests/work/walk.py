"""The walk from bytes to wishes without any network: deliveries in, what the database then holds out."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from tests.clocks import CountingIds, SettableClock
from tsbridge.acts import casework
from tsbridge.acts.ledger import Ledger
from tsbridge.core import strict_json
from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.moments import instant_text
from tsbridge.core.rules.document import read
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.rules.read_calendars import of_rulebook
from tsbridge.store import chain, claiming, inbox, rulebooks
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.link_tables import interactions
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.store.writing_tables import desired
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.talkdesk import mapping
from tsbridge.vendors.talkdesk import normalize as talkdesk
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.background_facts import Background, Zendesk
from tsbridge.work.bound import Bound, unbound
from tsbridge.work.conclude import Conclusions
from tsbridge.work.due_cases import DueTimes
from tsbridge.work.hearing import Hearing
from tsbridge.work.ingest import Ingest
from tsbridge.work.reads import ReadBudget
from tsbridge.work.seal import Sealer
from tsbridge.work.verdicts import Concluded

UTC = ZoneInfo("UTC")


class People:
    """People who act on cases, each act in a transaction of its own: `await people.<act>(case_id, by, ...)`, as of `acts.casework`."""

    def __init__(self, database: Database, ledger: Ledger, judging: casework.Judging) -> None:
        self._database = database
        self._ledger = ledger
        self._judging = judging

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        act = getattr(casework, name)

        async def done(about: str, by: str, *asked: Any, **named: Any) -> Any:
            entry = self._ledger.entry(by)
            return await self._database.write(lambda conn: act(conn, entry, self._judging, about, *asked, **named))

        return done


OWN = OwnUser("99", "bridge@example.com")


class Walk:
    """One bridge without a door and a writer: `tell` keeps deliveries, `work` works until nothing is left."""

    def __init__(
        self,
        database: Database,
        clock: SettableClock,
        document: Mapping[str, Any],
        zendesk_api: Zendesk | None = None,
        hearing: Hearing | None = None,
        bound: Bound = unbound,
        worker: str = "w1",
        ids: CountingIds | None = None,
        reads: ReadBudget | None = None,
        is_woken: Callable[[], bool] = lambda: False,
    ) -> None:
        """`worker`: the first one publishes the document, the others work beside it."""
        self.database = database
        self.clock = clock
        self.ids = ids or CountingIds()
        self.rulebooks = LiveRulebook(UTC)
        salts = itertools.count()
        self.conclusions = Conclusions(self.rulebooks, self.ids, lambda: f"salt{next(salts)}")
        reads = reads or ReadBudget(database, clock)
        background = Background(database, clock, self.rulebooks, zendesk_api, "US", reads)
        readers = {"zendesk": self._zendesk, "talkdesk": self._talkdesk}
        self.concluded: list[Concluded] = []
        self.ingest = Ingest(
            database,
            clock,
            self.ids,
            readers,
            self.conclusions,
            background,
            hearing or Hearing(database, clock, None, reads),
            worker,
            self.concluded.append,
            bound,
            is_woken=is_woken,
        )
        self.due = DueTimes(database, clock, self.conclusions, lambda _: None)
        self.sealer = Sealer(database, clock, lambda *_, **__: None)
        self.desk = People(database, Ledger(clock, self.ids, lambda length: b"\0" * length), self.conclusions)
        if worker == "w1":
            self.publish(document)

    def publish(self, document: Mapping[str, Any], by: Almanac | None = None) -> int:
        """The next version. `by`: the almanac of which it keeps what it needs; without one it keeps nothing."""
        now = self.clock.now()
        book = read(document, INSTALLED if by is None else of_rulebook(document, UTC, now.year, by))
        return self.database.write_now(lambda conn: _publish(conn, book, now))

    def tell(self, deliveries: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        kept = [
            inbox.Delivery(self.ids.new("evt"), source, _key(body), self.clock.now(), {}, json.dumps(body).encode())
            for source, body in deliveries
        ]
        for delivery in kept:
            self.database.write_now(lambda conn, delivery=delivery: inbox.keep(conn, [delivery]))  # type: ignore[misc]

    def work(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        while await self.ingest.round():
            pass
        while (due := await self.due.round()) is not None and due <= self.clock.now():
            pass
        await self.ingest.complete()
        await self.sealer.seal()

    def outcome(self) -> dict[str, Any]:
        """Cases, their members, decisions in force and wishes, without anything that tells the order of hearing."""
        return self.database.read_now(_outcome)

    def _zendesk(self, row: claiming.Claimed, _: Any) -> Normalized:
        return zendesk.read(row.body, received_at=row.received_at, own=OWN)

    def _talkdesk(self, row: claiming.Claimed, mappings: Any) -> Normalized:
        shapes = mapping.read(mappings or [])
        return talkdesk.normalize(strict_json.read(row.body), received_at=row.received_at, mappings=shapes)


def _publish(conn: Connection, book: Rulebook, now: datetime) -> int:
    """Every version but the first is on record: the first one of earlier days was not, either."""
    version = rulebooks.publish(conn, book.document, book.hash, "test", now, "test", almanac=book.almanac)
    if version > 1:
        after = {"version": version, "hash": book.hash, "note": "test", "almanac": book.almanac.hash}
        told = {"actor": "test", "action": "rulebook.publish", "subject": "rulebook", "before": None, "after": after}
        chain.add_change(conn, id=f"chg_book_{version}", at=now, salt="salt", **told)
    return version


def _key(body: Mapping[str, Any]) -> str:
    """As the door makes it: a digest, so that it tells nothing."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _outcome(conn: Connection) -> dict[str, Any]:
    members = conn.execute(
        select(interactions.c.case_id, interactions.c.source, interactions.c.id, interactions.c.link_rank, interactions.c.link_because)
    )
    rows = conn.execute(select(cases).order_by(cases.c.id))
    in_force = conn.execute(select(decisions).where(decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False)))
    steps = conn.execute(select(escalations))
    return {
        "members": sorted(tuple(row) for row in members),
        "cases": [
            (r.id, r.status, r.severity, r.category, r.queue, r.acknowledged, instant_text(r.opened_at), r.tags, r.due_at, r.state)
            for r in rows
        ],
        "decisions": sorted(
            (r.moment, r.case_id, r.rulebook_version, json.dumps(r.outcome, sort_keys=True), json.dumps(r.matched)) for r in in_force
        ),
        "wishes": sorted((r.ticket, r.case_id, json.dumps(r.wish, sort_keys=True)) for r in conn.execute(select(desired))),
        "steps": sorted((r.id, r.status, r.due_at) for r in steps),
    }


def at(minute: float) -> str:
    return instant_text(datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(minutes=minute))


def ticket(
    kind: str, minute: float, id_: str = "4711", *, text: str = "", person: str = "41", phone: str = "", by: str = "", **props: Any
) -> tuple[str, dict[str, Any]]:
    """A trigger body, as contract section 3 shapes it. `by`: who did it; the requester when left out."""
    body = {
        "tsbridge": "1",
        "type": f"ticket.{kind}",
        "ticket": {
            "id": id_,
            "subject": "Hello",
            "description": "Hello",
            "latest_comment": text,
            "status": "open",
            "channel": "email",
            "created_at": at(0),
            "updated_at": at(minute),
            "requester": {"id": person, "name": "P", "email": f"p{person}@example.com", "phone": phone},
            **props,
        },
        "actor": {"id": by or person, "email": f"p{by or person}@example.com"},
    }
    if kind == "created":
        body["ticket"]["created_at"] = at(minute)  # type: ignore[index]
    return "zendesk", body


def call(event: str, minute: float, id_: str = "c1", *, phone: str = "", **fields: str) -> tuple[str, dict[str, Any]]:
    return "talkdesk", {
        "tsbridge_event": event,
        "call_id": id_,
        "interaction_id": id_,
        "contact_phone_number": phone,
        "timestamp": at(minute),
        **fields,
    }
