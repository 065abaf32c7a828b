"""What is planned about people in one transaction: whom each notice means, into which message it goes, what leaves now.

Callers hold `store.notifications.lock`. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.duty_changes import AT_ONCE
from tsbridge.core.moments import instant_text
from tsbridge.core.notices import ACKNOWLEDGED, Asker, Notice, named
from tsbridge.core.paging import NO_SEVERITY, hushes, next_to_tell, waits
from tsbridge.core.ports import Ids
from tsbridge.core.rota import Rota
from tsbridge.core.whom import Answer, quiet_until, whom
from tsbridge.store import duties, notices, notifications, outgoing, rosters
from tsbridge.store.notifications import Steps
from tsbridge.store.outgoing import CASES, DUTY, Outgoing
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.trouble import Alarm

LOOKED_AT: Final = 1_000
"""Notices of one transaction."""
SENT_AT_ONCE: Final = 32
LEASE: Final = timedelta(seconds=20)
"""Twice the longest attempt: a message whose worker was killed is sent again, under its id, within 30 s of the restart."""
ASK_AGAIN: Final = timedelta(minutes=5)
"""How long, at first, until it is asked again whether somebody can be told whom nobody could reach."""
NOBODY_ON_CALL: Final = "nobody_on_call"
NOBODY_REACHED: Final = "nobody_reached"

Said = list[tuple[str, dict[str, object]]]


@dataclass(slots=True)
class Round:
    """One transaction's planning. `alarms`: to be raised once it is committed. `rows`, `ahead`, `bodies`: to be kept by `flush`."""

    conn: Connection
    now: datetime
    rota: Rota | None
    alarms: Said = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    ahead: list[tuple[str, Notice]] = field(default_factory=list)
    bundles: dict[tuple[str | None, str, bool, str], Any] = field(default_factory=dict)
    answers: dict[tuple[str, str | None, int | None, bool], tuple[Answer, str]] = field(default_factory=dict)
    bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Bundle:
    id: str
    due_at: datetime
    severity: int
    tries: int = 0


class Planner:
    """Plans what people are told. Holds only what it is made with."""

    def __init__(self, ids: Ids, roster: LiveRoster, rulebooks: LiveRulebook) -> None:
        self._ids = ids
        self._roster = roster
        self._rulebooks = rulebooks

    def begin(self, conn: Connection, now: datetime) -> Round:
        return Round(conn, now, self._roster.now(conn, now))

    def look(self, this: Round) -> None:
        """Plan every notice that is due."""
        due = notifications.due_notices(this.conn, this.now, LOOKED_AT)
        over = [row for row in due if row.over_at is not None]
        for row in over:
            if row.over_because == ACKNOWLEDGED:
                self._tell_who_has_it(this, row)
        notifications.look_again(this.conn, [row.id for row in over], None)
        self.tell(this, [row for row in due if row.over_at is None])

    def tell(self, this: Round, rows: Sequence[Any]) -> None:
        """Begin what comes next for each of these notices, none of them over."""
        tried = notifications.tries(this.conn, [row.id for row in rows if row.answer is not None])
        before = notifications.answers(this.conn, (row.answer for row in rows))
        looked: list[tuple[str, datetime | None, str]] = []
        steps, said = Steps(this.conn, rows), notifications.nobody_said(this.conn, [row.id for row in rows])
        for row in rows:
            answer, answer_id = self._answer(this, row, steps)
            tries = tried.get(row.id, [])
            if row.answer is not None and not (row.due_at is not None and row.due_at <= this.now):
                answer, answer_id = Answer.from_json(before[row.answer]), row.answer  # a way failed: the same answer goes on
            following = next_to_tell(answer, tries)
            news = not answer.first and self._say_nobody(this, row, NOBODY_ON_CALL, answer_id, said[row.id])
            for agent, way in following.tell:
                self._put(this, row, agent, way, answer_id)
            if following.exhausted:
                if answer.first or answer.backups:
                    news |= self._say_nobody(this, row, NOBODY_REACHED, answer_id, said[row.id])
                self._go_on(this, row, steps, news=news)
            looked.append((answer_id, self._ask_again(this, row) if following.exhausted else None, row.id))
        notifications.looked_at(this.conn, looked)
        self.flush(this)

    def claim(self, this: Round, worker: str, room: int) -> list[Outgoing]:
        """Take the messages that may go now; those that may not yet wait and say what for."""
        found: list[Outgoing] = []
        for row in outgoing.due_messages(this.conn, this.now, SENT_AT_ONCE * 4):
            if len(found) >= room:
                break
            items = _news_inside(this, row.id) if row.about == DUTY else outgoing.inside(this.conn, row.id)
            if not items:
                outgoing.drop(this.conn, row.id)
                continue
            agent = row.agent or None
            severity = _worst(items)
            again = row.status == "sending" or row.sealed
            by = min((item["first_at"] - AT_ONCE for item in items), default=None) if row.about == DUTY else None
            wait = None if again else self._waits(this, agent, row.way, severity, hush=row.hush, about=row.about, by=by)
            if wait is not None:
                until, why = wait
                outgoing.wait_for(this.conn, row.id, until, severity, [*row.why[-19:], [instant_text(this.now), why, instant_text(until)]])
                continue
            outgoing.take(this.conn, row, worker, this.now, LEASE)
            found.append(Outgoing(row.id, agent, row.way, row.made_at, row.tries, severity, tuple(items), again, worker, row.about))
        return found

    # -- whom

    def _answer(self, this: Round, row: Any, steps: Steps) -> tuple[Answer, str]:
        _, policy, step = Asker.by(row.asked_by)
        again = policy is not None and step is not None and steps.told_before(row, policy, step)
        key = (row.target, row.queue, row.severity, again)
        if key not in this.answers:
            answer = whom(this.rota, row.target, this.now, row.queue, row.severity, again=again)
            body = {**answer.to_json(), **self._known(this)}
            this.answers[key] = answer, notifications.id_of(body)
            this.bodies[this.answers[key][1]] = body
        return this.answers[key]

    @staticmethod
    def _known(this: Round) -> Mapping[str, Any]:
        """By which roster and overrides it is answered."""
        if not this.known:
            overrides = sorted(one.id for one in rosters.standing(this.conn, this.now) if one.start <= this.now < one.end)
            this.known = {"roster": rosters.newest(this.conn), "overrides": overrides}
        return this.known

    # -- into which message

    def _put(self, this: Round, row: Any, agent: str | None, way: str, answer: str | None, kind: str = "step") -> None:
        severity = NO_SEVERITY if row.severity is None or kind != "step" else row.severity
        hush = hushes(row.severity) and self._quiet(this, agent) is not None
        message = self._bundle(this, agent, way, severity, hush=hush).id
        about = {"notice": row.id, "case_id": row.case_id, "kind": kind, "answer": answer}
        this.rows.append({"id": self._ids.new("nfy"), "agent": agent, "way": way, "message": message, **about, **_waiting(this.now)})

    def put_news(self, this: Round, row: Any, way: str) -> None:
        """News of their duty go to somebody by this way, outside their quiet hours where there is time."""
        by = row.first_at - AT_ONCE
        hush = by > this.now and self._quiet(this, row.agent) is not None
        message = self._bundle(this, row.agent, way, NO_SEVERITY, hush=hush, about=DUTY, by=by).id
        about = {"notice": row.id, "case_id": "", "kind": DUTY}
        this.rows.append({"id": self._ids.new("nfy"), "agent": row.agent, "way": way, "message": message, **about, **_waiting(this.now)})

    def say_no_way(self, this: Round, row: Any) -> None:
        """No way leads to somebody who is to get news."""
        about = {"notice": row.id, "case_id": "", "kind": DUTY, "agent": row.agent, "made_at": this.now}
        this.rows.append({"id": self._ids.new("nfy"), **about, "status": "failed", "reason": "no_way", "failed": True})

    def _bundle(
        self, this: Round, agent: str | None, way: str, severity: int, *, hush: bool, about: str = CASES, by: datetime | None = None
    ) -> _Bundle:
        """The message it goes into: one that waits already, sent earlier if this is worse, or a new one. `by`: it goes at the latest then,
        quiet hours or not."""
        key = (agent, way, hush, about)
        stands = this.bundles.get(key)
        if stands is None:
            row = outgoing.bundle(this.conn, agent, way, about, hush=hush)
            stands = None if row is None else _Bundle(row.id, row.due_at, row.severity, row.tries)
        # One that failed is tried again for what is new; one that has to go by a time sooner than it would goes then.
        sooner = stands is not None and (severity < stands.severity or stands.tries > 0 or (by is not None and by < stands.due_at))
        wait = self._waits(this, agent, way, severity, hush=hush, about=about, by=by) if stands is None or sooner else None
        if stands is None:
            until, why = wait or (this.now, "")
            said = [[instant_text(this.now), why, instant_text(until)]] if why else []
            stands = _Bundle(self._ids.new("ntf"), until, severity)
            outgoing.begin(this.conn, stands.id, agent, way, this.now, until, severity, hush=hush, why=said, about=about)
        elif sooner:
            stands = _Bundle(stands.id, min(stands.due_at, wait[0] if wait else this.now), min(severity, stands.severity))
            outgoing.hasten(this.conn, stands.id, stands.due_at, stands.severity)
        this.bundles[key] = stands
        return stands

    def _waits(
        self, this: Round, agent: str | None, way: str, severity: int, *, hush: bool, about: str = CASES, by: datetime | None = None
    ) -> tuple[datetime, str] | None:
        quiet = self._quiet(this, agent) if hush and (by is None or by > this.now) else None
        if quiet is not None:
            return (quiet if by is None else min(quiet, by)), "quiet_hours"
        of_cases, news = (outgoing.lately(this.conn, agent, way, this.now, kind) for kind in (CASES, DUTY))
        return waits(this.now, severity, [*of_cases, *news]) if about == DUTY else waits(this.now, severity, of_cases, news)

    def _quiet(self, this: Round, agent: str | None) -> datetime | None:
        known = None if this.rota is None or agent is None else this.rota.agents.get(agent)
        return None if known is None else quiet_until(known, this.now)

    def flush(self, this: Round) -> None:
        """Keep the tellings that were begun, what they go by, and the notices of steps whose time has not come."""
        notifications.add(this.conn, this.rows)
        notifications.keep_answers(this.conn, this.bodies)
        notices.add(this.conn, this.ahead, this.now, ahead=True)
        for kept in (this.rows, this.bodies, this.ahead):
            kept.clear()

    # -- nobody

    def _say_nobody(self, this: Round, row: Any, reason: str, answer: str, before: Container[str | None]) -> bool:
        """Say, once for each notice, that nobody is there, or that nobody could be reached. False when it was said `before`."""
        if reason in before:
            return False
        said = {"status": "failed", "reason": reason, "made_at": this.now, "failed": True, "answer": answer}
        this.rows.append({"id": self._ids.new("nfy"), "notice": row.id, "case_id": row.case_id, "kind": "step", **said})
        this.alarms.append((reason, {"case_id": row.case_id, "severity": row.severity, "step": row.asked_by}))
        return True

    def _go_on(self, this: Round, row: Any, steps: Steps, *, news: bool) -> None:
        """Nobody of a step can be told: whom the next one names is told at once. Its tags and the rest come when its time comes."""
        notice = notices.kept(row).notice
        book = self._rulebooks.version(this.conn, notice.version).book
        policy = book.policies.get(notice.policy or "")
        if policy is not None and notice.step is not None:
            for index in range(notice.step, len(policy.steps)):
                targets = dict.fromkeys(str(action.value) for action in policy.steps[index].actions if action.name == "notify")
                by = f"policy:{policy.name}/{index + 1}"
                if targets and not steps.stands(row, by):
                    this.ahead += [(row.case_id, self._ahead(row, notice, by, target)) for target in targets]
                    steps.ahead(row, by)
                if targets:
                    return
        if news:
            this.alarms.append(("nobody_could_be_reached", {"case_id": row.case_id, "severity": row.severity}))

    def _ahead(self, row: Any, notice: Notice, by: str, target: str) -> Notice:
        asking = named(f"ahead:{row.id}", by, target)
        about = (notice.at, notice.version, notice.severity, notice.category, notice.queue, notice.in_hand, notice.late)
        return Notice(asking, notice.interaction, by, target, *about)

    @staticmethod
    def _ask_again(this: Round, row: Any) -> datetime:
        """When it is asked again whether somebody can be told: after a while that grows, and when somebody comes or goes."""
        at: datetime = this.now + max(ASK_AGAIN, (this.now - row.asked_at) / 8)
        change = None if this.rota is None else this.rota.next_change(this.now)
        return at if change is None else min(at, change)

    # -- who has it by now

    def _tell_who_has_it(self, this: Round, row: Any) -> None:
        """All who were told are told that somebody has the case, but whoever it is, and nobody in their quiet hours."""
        done = notifications.told_of_taking(this.conn, row.case_id, row.over_at)
        taker = self.taker(this.rota, row.acknowledged_by)
        for agent, way in notifications.told(this.conn, row.id):
            hushed = hushes(row.severity) and self._quiet(this, agent) is not None
            if (agent, way) in done or hushed or (agent is not None and agent == taker):
                continue
            done.add((agent, way))
            self._put(this, row, agent, way, None, ACKNOWLEDGED)
        self.flush(this)

    @staticmethod
    def taker(rota: Rota | None, by: str | None) -> str | None:
        """The agent who acknowledged, by their key or their Zendesk user; None for somebody else."""
        kind, _, id_ = (by or "").partition(":")
        if rota is None or not id_ or kind not in ("agent", "requester"):
            return None
        return next((key for key, agent in rota.agents.items() if id_ in (key, str(agent.zendesk_user_id))), None)


def raise_all(alarm: Alarm, said: Iterable[tuple[str, Mapping[str, object]]]) -> None:
    for what, about in said:
        alarm(what, **about)


def _news_inside(this: Round, message: str) -> list[Mapping[str, Any]]:
    """What a message of news tells; what is over by now is told no more."""
    items = duties.inside(this.conn, message)
    duties.close(this.conn, [item["notice"] for item in items if item["last_at"] <= this.now], "past", this.now)
    return [item for item in items if item["last_at"] > this.now]


def _waiting(now: datetime) -> dict[str, Any]:
    return {"status": "waiting", "made_at": now, "failed": False}


def _worst(items: Iterable[Mapping[str, Any]]) -> int:
    steps = (item["severity"] for item in items if item["kind"] == "step")
    return min((severity for severity in steps if severity is not None), default=NO_SEVERITY)
