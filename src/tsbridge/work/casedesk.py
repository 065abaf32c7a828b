"""What people do to cases at the desk. Each act is a moment of the story or an edit of links, and stands in the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.moments import Actor, Interaction, Moment, Value
from tsbridge.core.ports import Clock, Ids, Refusal
from tsbridge.core.track import key_of
from tsbridge.store import agents, cases, chain, links, withdrawal
from tsbridge.store.db import Database
from tsbridge.work.conclude import Conclusions
from tsbridge.work.told_now import ToldNow


class DeskWork:
    """The acts of supervisors. Each raises LookupError for an unknown case and is judged before it returns."""

    def __init__(
        self, database: Database, clock: Clock, ids: Ids, conclusions: Conclusions, salt: Callable[[], str], wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._conclusions = conclusions
        self._salt = salt
        self._wake = wake

    async def acknowledge(self, case_id: str, by: str, note: str | None, way: str | None = None, *, first: bool = False) -> str:
        """`way`: how they said so, unless by the API. `first`: only if nobody has the case; of several at once one has it then."""
        return await self._tell(case_id, "case.acknowledged", by, {"desk.note": note, "desk.way": way}, unless_taken=first)

    async def resolve(self, case_id: str, by: str, note: str | None) -> str:
        return await self._tell(case_id, "case.resolved", by, {"desk.note": note})

    async def note(self, case_id: str, by: str, text: str) -> str:
        return await self._tell(case_id, "case.noted", by, {"desk.note": text})

    async def assign(self, case_id: str, by: str, agent: str, note: str | None) -> str:
        """`agent`: a key of the roster, or a Zendesk user's id. With a roster another word is refused."""

        def named(conn: Connection) -> tuple[str, str | None]:
            users = agents.users(conn)
            if agent not in users:
                if users and not (agent.isascii() and agent.isdigit()):
                    raise Refusal("the roster has no such agent; expected a key of the roster, or the number of a Zendesk user")
                return agent, next((key for key, user in users.items() if user == agent), None)
            return users[agent] or agent, agent

        user, key = await self._database.read(named)
        return await self._tell(case_id, "case.assigned", by, {"case.assignee": user, "case.agent": key, "desk.note": note})

    async def merge(self, case_id: str, other: str, by: str) -> str:
        """Put the interactions of `other` into `case_id`; returns the id of the case they make together."""

        def work(conn: Connection, now: datetime) -> str:
            ours, theirs = self._members(conn, case_id), self._members(conn, other)
            if ours == theirs:
                raise Refusal("both ids name the same case")
            links.add_edit(conn, "join", ours[0], theirs[0], now, by)
            return self._rejudge(conn, {*ours, *theirs}, ours[0], now, by, "case.merge", {"other": other})

        return await self._act(work)

    async def split(self, case_id: str, interaction: Interaction, by: str) -> str:
        """Take one interaction out of its case; returns the id of the case it stands in now."""

        def work(conn: Connection, now: datetime) -> str:
            members = self._members(conn, case_id)
            if interaction not in members:
                raise Refusal("the case has no such interaction")
            if len(members) == 1:
                raise Refusal("the case has no other interaction")
            for member in members:
                if member != interaction:
                    links.add_edit(conn, "cut", interaction, member, now, by)
            return self._rejudge(
                conn, set(members), interaction, now, by, "case.split", {"source": interaction.source, "id": interaction.id}
            )

        return await self._act(work)

    async def withdraw(self, moment: str, by: str, reason: str) -> str:
        """Take a wrong moment out of its story, once; returns the id of the case it was about. Raises LookupError for an unknown one."""

        def work(conn: Connection, now: datetime) -> str:
            live = self._conclusions.begin(conn)
            subject = withdrawal.find(conn, moment)
            if subject is None:
                raise LookupError(moment)
            told = ToldNow()
            if told.withdraw(conn, moment, by, reason, now):
                self._conclusions.conclude(conn, live, told, now)
                self._record(conn, now, by, "moment.withdraw", subject, {"moment": moment, "reason": reason})
            return links.case_of(conn, subject) or ""

        return await self._act(work)

    async def _tell(self, case_id: str, event: str, by: str, facts: dict[str, str | None], *, unless_taken: bool = False) -> str:
        def work(conn: Connection, now: datetime) -> str:
            if unless_taken:
                self._conclusions.begin(conn)  # nobody else acts meanwhile
                if cases.in_hand(conn, links.resolve(conn, case_id) or case_id):
                    return case_id
            founder = self._members(conn, case_id)[0]
            told: list[tuple[str, Value]] = sorted((name, value) for name, value in facts.items() if value is not None)
            moment = Moment("desk", key_of(founder), event, now, facts=tuple(told), actor=Actor("agent", by))
            live = self._conclusions.begin(conn)
            heard = ToldNow()
            heard.hear(conn, moment, "desk", live.version)
            self._conclusions.conclude(conn, live, heard, now)
            self._record(conn, now, by, event, founder, dict(told))
            return links.case_of(conn, founder) or case_id

        return await self._act(work)

    async def _act(self, work: Callable[[Connection, datetime], str]) -> str:
        now = self._clock.now()
        case_id = await self._database.write(lambda conn: work(conn, now))
        self._wake()
        return case_id

    def _rejudge(
        self, conn: Connection, subjects: set[Interaction], of: Interaction, now: datetime, by: str, action: str, after: dict[str, str]
    ) -> str:
        live = self._conclusions.begin(conn)
        self._conclusions.conclude(conn, live, ToldNow(subjects=subjects), now)
        self._record(conn, now, by, action, of, after)
        return links.case_of(conn, of) or ""

    def _record(self, conn: Connection, now: datetime, by: str, action: str, of: Interaction, after: object) -> None:
        chain.add_change(
            conn,
            id=self._ids.new("chg"),
            at=now,
            actor=by,
            action=action,
            subject=links.case_of(conn, of) or key_of(of),
            before=None,
            after=after,
            salt=self._salt(),
        )

    def _members(self, conn: Connection, case_id: str) -> list[Interaction]:
        today = links.resolve(conn, case_id)
        if today is None or not cases.known(conn, today):
            raise LookupError(case_id)
        return links.members(conn, today)
