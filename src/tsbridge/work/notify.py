"""From notices to people: plan, claim, send, settle. No transaction is open while anything is sent.

Every message goes out in a task of its own, so that a slow way holds no other message. What a message was, how it ended and what
follows from that are one transaction; a worker that is killed between sending and settling leaves a lease that ends, and the message
goes out again under its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core import roster
from tsbridge.core.acklink import AckLink, address, sign
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.duty_changes import News
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater, VendorError
from tsbridge.core.notices import Asker
from tsbridge.core.paging import MOST, UNKNOWN_AGAIN, again_at
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rota import Rota
from tsbridge.notify.duties import about_duties
from tsbridge.notify.messages import Item, Message, Recipient, about_cases, about_takers
from tsbridge.notify.ways import Way
from tsbridge.store import duties, link_keys, notices, notifications, outgoing
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.outgoing import DUTY, Outgoing
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work import duty_paging
from tsbridge.work.paging import LEASE, SENT_AT_ONCE, Planner, Said, raise_all
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.trouble import Alarm

LONGEST: Final = LEASE / 2
"""The longest one attempt may take, whatever a way does."""
FULL: Final = timedelta(seconds=1)
"""How long to wait for room while as many messages are on their way as may be."""
MOST_UNKNOWN: Final = 20
"""Attempts without an answer after which a message is given up."""


Asked = tuple[str, str | None, datetime]
"""A case, the policy that asks (None: a rule), and since when."""


class Links(Protocol):
    """Where a message leads."""

    def __call__(
        self, conn: Connection, sent: Outgoing, cases: Sequence[Asked], now: datetime, *, several: bool
    ) -> tuple[str | None, str | None]:
        """The page that shows the case or the cases, and the page with the button; None for what there is not.

        `several`: the page shows what waits behind the message, too.
        """
        ...


def no_links(conn: Connection, sent: Outgoing, cases: Sequence[Asked], now: datetime, *, several: bool) -> tuple[str | None, str | None]:
    """Nobody reaches this service from outside."""
    return None, None


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of this service at `public_url`, those with a button by signed links."""

    public_url: str
    entropy: Callable[[int], bytes]

    def __call__(
        self, conn: Connection, sent: Outgoing, cases: Sequence[Asked], now: datetime, *, several: bool
    ) -> tuple[str | None, str | None]:
        case_id, policy, since = cases[0]
        whose = sent.agent or sent.way
        group, case = (
            AckLink("group", whose, sent.way, sent.id, None, sent.made_at),
            AckLink("case", whose, sent.way, case_id, policy, since),
        )
        token = sign(group if several else case, *link_keys.signing(conn, now, self.entropy))
        page = address(self.public_url, token)
        return page if several else f"{self.public_url}/console/cases/{case_id}", page


@dataclass(frozen=True, slots=True)
class Letter:
    """What one attempt needs: by which way to whom with what; `way` is None when the roster has it no more."""

    sent: Outgoing
    way: roster.Way | None
    to: Recipient
    message: Message


class Notify:
    """Tells people. One per process; several processes share the rows by leases and one lock.

    `make`: a way of the roster as something that sends. `wake`: there is more to do.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        roster: LiveRoster,
        rulebooks: LiveRulebook,
        make: Callable[[roster.Way], Way],
        links: Links,
        worker: str,
        alarm: Alarm,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._roster = roster
        self._planner = Planner(ids, roster, rulebooks)
        self._make = make
        self._links = links
        self._worker = worker
        self._alarm = alarm
        self._wake = wake
        self._sending: set[asyncio.Task[None]] = set()
        self._marks: tuple[int, int] | None = None
        self._unheard: list[datetime] = []  # until when messages may be ours of which nobody heard whether they were taken
        self._unsettled: list[tuple[Outgoing, Mapping[str, Any]]] = []  # attempts whose end the database did not take

    async def round(self) -> datetime | None:
        """Plan what is due and send it on its way. Returns when to come again; None when nothing waits."""
        self._look_after()
        while self._unsettled:
            await self._end(*self._unsettled.pop())
        now = self._clock.now()
        room = SENT_AT_ONCE - len(self._sending)
        if room <= 0:
            return now + FULL  # whichever ends first wakes us
        due_at, marks = await self._database.read(self._due)
        if due_at is None:
            return None
        changed = marks != self._marks
        if due_at > now and not changed and not self._unheard:
            return due_at
        unheard, self._unheard = self._unheard, [*(until for until in self._unheard if until > now), now + LEASE]
        alarms, letters, due_at = await self._database.write(lambda conn: self._plan(conn, now, room, unheard, changed=changed))
        self._marks, self._unheard = marks, []
        raise_all(self._alarm, alarms)
        crashpoint("notify.claimed")
        for letter in letters:
            self._sending.add(asyncio.create_task(self._send(letter), name=f"tsbridge-notify-{letter.sent.id}"))
        return due_at

    async def finish(self) -> None:
        """Wait for what is on its way."""
        while self._sending:
            await asyncio.wait(self._sending)
            self._look_after()

    def _look_after(self) -> None:
        """Let go of what has ended; what went wrong with the database is said."""
        ended = {task for task in self._sending if task.done()}
        self._sending -= ended
        for task in ended:
            task.result()

    def _due(self, conn: Connection) -> tuple[datetime | None, tuple[int, int] | None]:
        """When something is to be told, and by which roster; None where nothing is."""
        due_at = notifications.next_due(conn)
        return due_at, None if due_at is None else self._roster.marks(conn)

    def _plan(
        self, conn: Connection, now: datetime, room: int, unheard: Sequence[datetime], *, changed: bool
    ) -> tuple[Said, list[Letter], datetime | None]:
        """What leaves now, and when to come again. `changed`: others may be on call than when it was last asked, or be reached in another
        way."""
        notifications.lock(conn)
        for until in unheard:
            outgoing.put_back(conn, self._worker, until)
        if changed:
            notifications.look_now(conn, now)
        this = self._planner.begin(conn, now)
        self._planner.look(this)
        duty_paging.look(self._planner, this)
        letters = [self._letter(conn, this.rota, sent, now) for sent in self._planner.claim(this, self._worker, room)]
        return this.alarms, letters, notifications.next_due(conn)

    def _letter(self, conn: Connection, rota: Rota | None, sent: Outgoing, now: datetime) -> Letter:
        agent = None if rota is None or sent.agent is None else rota.agents.get(sent.agent)
        zone = UTC if rota is None else rota.roster.zone
        to = Recipient(sent.agent, agent.email if agent else None, None, agent.zone if agent else zone)
        ways: Mapping[str, roster.Way] = {} if rota is None else {way.key: way for way in rota.roster.ways}
        if sent.about == DUTY:
            news = [News.from_json(item["body"]) for item in sent.items]
            return Letter(sent, ways.get(sent.way), to, about_duties(sent.id, sent.made_at, news, to))
        steps = [item for item in sent.items if item["kind"] == "step"]
        coming = notifications.next_steps(conn, (item["case_id"] for item in steps))
        asked = {
            item["case_id"]: (item["case_id"], Asker.by(item["asked_by"]).policy, item["at"]) for item in reversed(steps or sent.items)
        }
        last = len(outgoing.lately(conn, sent.agent, sent.way, now)) >= MOST  # what comes now waits behind this one
        link, button = self._links(conn, sent, tuple(asked.values())[::-1], now, several=len(asked) > 1 or last)
        takers = [(str(item["case_id"]), self._planner.taker(rota, item["acknowledged_by"])) for item in sent.items if item not in steps]
        told = tuple(sorted({(case_id, who or "somebody at the desk") for case_id, who in takers}))
        if not steps:
            return Letter(sent, ways.get(sent.way), to, about_takers(sent.id, sent.made_at, told, to, link=link))
        one_each = list({item["case_id"]: _item(item, coming) for item in reversed(steps)}.values())
        message = about_cases(sent.id, sent.made_at, one_each, to, link=link, acknowledge_link=button)
        if told:
            message = replace(message, text=f"{message.text}\n\n{about_takers(sent.id, sent.made_at, told, to, link=link).text}")
        return Letter(sent, ways.get(sent.way), to, message)

    async def _send(self, letter: Letter) -> None:
        """One attempt."""
        sent = letter.sent
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                if letter.way is None:
                    raise GiveUp("unknown_way")
                answer = await self._make(letter.way).send(letter.to, letter.message)
            crashpoint("notify.sent")
            end: dict[str, Any] = {"answer": answer, "status": "sent"}
        except (TimeoutError, OutcomeUnknown) as failure:
            end = self._unknown(sent, "timeout" if isinstance(failure, TimeoutError) else failure.reason)
        except TryLater as failure:
            end = {"answer": failure.reason, "status": "waiting", "due_at": again_at(self._clock.now(), sent.tries + 1, failure.after)}
        except VendorError as failure:
            end = {"answer": failure.reason, "status": "failed"}
        except Exception as failure:  # a way that breaks is one that failed: the next one is tried
            end = {"answer": f"broken:{type(failure).__name__}", "status": "failed"}
        await self._end(sent, end)

    async def _end(self, sent: Outgoing, end: Mapping[str, Any]) -> None:
        """Keep how an attempt ended, and what follows from it. What the database cannot take now the next round begins with."""
        try:
            alarms = await self._database.write(lambda conn: self._settle(conn, sent, end), urgent=True)
        except Exception as failure:
            if unavailable(failure):
                self._unsettled.append((sent, end))
            raise
        crashpoint("notify.settled")
        if end["status"] != "sent":
            self._alarm("notification_failed", way=sent.way, reason=end["answer"], message_id=sent.id, severity=sent.severity)
        raise_all(self._alarm, alarms)
        self._wake()

    def _unknown(self, sent: Outgoing, reason: str) -> dict[str, Any]:
        """The answer was lost: it may have arrived, so the same goes out again under the same id."""
        if sent.tries + 1 >= MOST_UNKNOWN:
            return {"answer": f"unknown:{reason}", "status": "failed", "sealed": True}
        due_at = max(self._clock.now() + UNKNOWN_AGAIN, again_at(self._clock.now(), sent.tries, None) if sent.tries else self._clock.now())
        return {"answer": f"unknown:{reason}", "status": "waiting", "due_at": due_at, "sealed": True}

    def _settle(self, conn: Connection, sent: Outgoing, end: Mapping[str, Any]) -> Said:
        now = self._clock.now()
        notifications.lock(conn)
        failed = outgoing.settle(conn, sent, now, **end)
        if not failed:
            return []
        this = self._planner.begin(conn, now)
        if sent.about == DUTY:
            duty_paging.tell(self._planner, this, duties.standing(conn, failed))
        else:
            self._planner.tell(this, notices.rows_standing(conn, failed))
        return this.alarms


def _item(row: Mapping[str, Any], coming: Mapping[tuple[str, str], datetime]) -> Item:
    _, policy, step = Asker.by(row["asked_by"])
    about = (row["case_id"], row["severity"], row["category"], row["queue"])
    return Item(*about, policy, step, coming.get((row["case_id"], policy or "")), row["late"])
