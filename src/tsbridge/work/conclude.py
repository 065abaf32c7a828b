"""From kept moments to concluded cases: link, judge, record, wish. All of it inside the caller's one transaction."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from tsbridge.core.anew import done_before
from tsbridge.core.casestate import CaseState
from tsbridge.core.contacts import COUNTS
from tsbridge.core.escalation import Armed, Books, expected
from tsbridge.core.helpdesk import Wish
from tsbridge.core.link import Node, group
from tsbridge.core.moments import Handle, Interaction, Moment, instant_text
from tsbridge.core.ports import Ids
from tsbridge.core.quiet import Done
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.story import History, Judged, Told, judge_story, order_key
from tsbridge.core.track import key_of
from tsbridge.core.workload import pieces
from tsbridge.store import (
    cases,
    chain,
    decisions,
    desired,
    links,
    moments,
    neighbourhood,
    people,
    quiet,
    shared,
    warnings,
    withdrawal,
    workload,
)
from tsbridge.store import notices as kept_notices
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work import notices
from tsbridge.work.redaction import Redactions
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.staff import look

log = logging.getLogger("tsbridge.conclude")


@dataclass(slots=True)
class ToldNow:
    """What one transaction was told.

    `subjects`: interactions it may concern; `heard`: those that said something; `founded`: those whose people were not known to be
    in touch then; `left`: those whose story something left, and `were`: as what was withdrawn had linked them; `passed_on`: those
    that turned out to be about somebody else, with whom they were about; `dated`: when those that may be dated otherwise now were
    opened before; `fresh`: the digests of the new moments.
    """

    subjects: set[Interaction] = field(default_factory=set)
    heard: set[Interaction] = field(default_factory=set)
    founded: set[Interaction] = field(default_factory=set)
    left: set[Interaction] = field(default_factory=set)
    were: list[Node] = field(default_factory=list)
    passed_on: dict[Interaction, set[Handle]] = field(default_factory=dict)
    dated: dict[Interaction, datetime] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)

    def replace_impressions(self, conn: Connection, ticket: str, now: datetime, until: datetime) -> None:
        """A ticket's audits were read: its first impressions leave the story, and the case is judged from the start."""
        opened_at = moments.replace_impressions(conn, ticket, now, until)
        if opened_at is not None:
            subject = Interaction("zendesk", ticket)
            self.dated[subject] = opened_at
            self.subjects.add(subject)
            self.heard.add(subject)
            self.left.add(subject)
            self._about(conn, subject, people.pass_on(conn, subject, people.requester_of(conn, subject)))

    def withdraw(self, conn: Connection, moment: str, by: str, because: str, now: datetime) -> bool:
        """Take a moment out of its story: the case is judged from the start without it. False when it was out already."""
        left = withdrawal.withdraw(conn, moment, by, because, now)
        if left is None:
            return False
        self.subjects |= {left.was.subject, *left.others}
        self.founded.add(left.was.subject)
        self.left.add(left.was.subject)
        self.were.append(left.was)
        return True

    def hear(self, conn: Connection, moment: Moment, event_id: str, version: int, quiet: datetime | None = None) -> bool:
        """Keep a moment, quiet up to then, and what links it. False when an equal one was heard before."""
        if not moments.add(conn, moment, event_id, version, quiet):
            return False
        self.fresh.add(moment.digest)
        self.subjects.add(moment.subject)
        self.heard.add(moment.subject)
        about = people.as_left(conn, moment.people)
        touched = moments.touch(conn, moment, people.requester_in(about) if moment.source == "zendesk" else None)
        self._about(conn, moment.subject, people.meet(conn, moment, about, touched.requester), news=touched.news)
        return True

    def meet(self, conn: Connection, impression: Moment) -> None:
        """A first impression that audits made needless: what it tells of people stays known, they are not told by audits."""
        subject = impression.subject
        self.subjects.add(subject)
        about = people.as_left(conn, impression.people)
        self._about(conn, subject, people.meet(conn, impression, about, people.requester_of(conn, subject)))

    def merge(self, conn: Connection, lost: str, left: str) -> None:
        """Two Zendesk users are one from now on."""
        several = people.merge(conn, lost, left)
        if several is None:
            return
        for subject in several:
            self._about(conn, subject, people.Met(True, frozenset()))
        theirs = links.standing_for(conn, set(people.as_left(conn, [Handle(people.USER, left)])))
        self.subjects |= theirs
        self.founded |= theirs

    def _about(self, conn: Connection, subject: Interaction, met: people.Met, *, news: bool = False) -> None:
        """What is known of an interaction's people is, or may be, otherwise."""
        if met.left:
            self.passed_on.setdefault(subject, set()).update(met.left)
        if news or met.news:
            self.subjects.add(subject)
            self.founded.add(subject)
            self.subjects |= links.introduce(conn, subject)


@dataclass(frozen=True, slots=True)
class Concluded:
    """What a transaction concluded: how many decisions were new, how many wishes changed, and how many notices there are to look at."""

    decisions: int
    wishes: int
    notices: int = 0

    def __add__(self, other: Concluded) -> Concluded:
        return Concluded(self.decisions + other.decisions, self.wishes + other.wishes, self.notices + other.notices)

    @property
    def effects(self) -> int:
        """How much of it reaches out: to tickets, to people."""
        return self.wishes + self.notices


@dataclass(frozen=True, slots=True)
class Known:
    """A case to be judged: its story, the decisions in force by moment, and the state `before` what is judged; None: all of it is.

    `done`: where it is not what is kept (`store.quiet`).
    """

    case_id: str
    subjects: Sequence[Interaction]
    story: Sequence[Told]
    recorded: Mapping[str, decisions.Recorded]
    before: CaseState | None = None
    done: Mapping[str, Done] | None = None


class Conclusions:
    """Concludes cases. Made once; holds only how to make ids and salts and where the judges and the roster are."""

    def __init__(self, rulebooks: LiveRulebook, ids: Ids, salt: Callable[[], str], roster: LiveRoster | None = None) -> None:
        self._rulebooks = rulebooks
        self._roster = roster or LiveRoster()
        self._ids = ids
        self._salt = salt
        self.redactions = Redactions(rulebooks, ids, salt)

    def begin(self, conn: Connection) -> Built:
        """Take the pen: one worker concludes at a time. Returns the rulebook that is live in this transaction."""
        chain.lock(conn)
        return self._rulebooks.live(conn)

    def conclude(self, conn: Connection, live: Built, told: ToldNow, now: datetime) -> Concluded:
        """Link and judge again everything that what was `told` in this transaction may have changed."""
        if not told.subjects:
            return Concluded(0, 0)
        window = live.book.link_window
        were, behind = neighbourhood.left(conn, told.passed_on, window) if told.passed_on else ([], set())
        seeds = told.subjects | behind
        near = neighbourhood.around(conn, seeds, window)
        noted = shared.note(conn, near.carriers, (node.subject for node in near.nodes), near.shared)
        if noted.more:  # what they joined is parted, and says so
            seeds = seeds | {carrier for handle in noted.more for carrier in near.carriers[handle]}
            near = neighbourhood.around(conn, seeds, window)
        if noted.more or noted.subjects:
            log.warning("ids stand for too many people and join nobody", extra={"count": len(noted.more) + noted.subjects})
        stood: dict[str, set[Interaction]] = defaultdict(set)
        for subject, case_id in near.stood.items():
            stood[case_id].add(subject)
        groupings = group(near.nodes, near.edits, window, near.known)
        found = {g.case_id: g for g in groupings}
        for case_id in sorted(stood.keys() - found.keys()):
            cases.dissolve(conn, case_id)
        moved: set[Interaction] = set()
        anew: set[str] = set()
        for case_id, grouping in sorted(found.items()):
            if links.place(conn, grouping):
                anew.add(case_id)
            if change := {m.subject for m in grouping.members} ^ stood.get(case_id, set()):
                moved |= change
                anew.add(case_id)
        if live.book.reads & set(COUNTS):
            dated = [(node, told.dated[node.subject]) for node in near.nodes if node.subject in told.dated]
            were = [*were, *(replace(node, opened_at=before) for node, before in dated if before != node.opened_at)]
            counted = (node for node in near.nodes if node.subject in told.founded | moved)
            by_clock = bool(live.book.clock_reads & set(COUNTS))
            anew |= links.judged_since(conn, [*counted, *told.were, *were], by_clock=by_clock)
        total = Concluded(0, 0)
        for case_id, grouping in sorted(found.items()):
            subjects = [m.subject for m in grouping.members]
            if case_id in anew or not seeds.isdisjoint(subjects):
                whole = case_id in anew or told.heard.isdisjoint(subjects) or not told.left.isdisjoint(subjects)
                done = self._judge(conn, live, case_id, subjects, now, whole=whole, fresh=told.fresh)
                total += done
        others = anew | links.cases_of(conn, seeds - near.stood.keys())
        for case_id in sorted(others - found.keys()):
            done = self.judge_case(conn, live, case_id, now, whole=True)
            total += done
        return total

    def keep_done(self, conn: Connection, subject: Interaction) -> None:
        """Something quiet is about to be heard of an interaction: what has been done about its case stays done."""
        case_id = links.case_of(conn, subject)
        state = None if case_id is None else cases.state(conn, case_id)
        if case_id is not None and state is not None:
            subjects = links.members(conn, case_id)
            quiet.put(conn, done_before(state, kept_notices.of(conn, subjects), quiet.done(conn, subjects)))

    def judge_case(self, conn: Connection, live: Built, case_id: str, now: datetime, *, whole: bool = False) -> Concluded:
        """Judge a case up to `now`: its new moments and the due times that have come."""
        subjects = links.members(conn, case_id)
        return self._judge(conn, live, case_id, subjects, now, whole=whole, fresh=frozenset())

    def _judge(
        self,
        conn: Connection,
        live: Built,
        case_id: str,
        subjects: Sequence[Interaction],
        now: datetime,
        *,
        whole: bool,
        fresh: Set[str],
    ) -> Concluded:
        story = moments.story(conn, subjects)
        recorded = decisions.in_force(conn, subjects)
        before = None if whole else cases.state(conn, case_id)
        if before is not None and any(t.moment.digest in fresh and order_key(t.moment) <= before.judged_to for t in story):
            before = None  # one came late: the story is judged again from the start
        known = Known(case_id, subjects, story, recorded, before)
        state, judged = self.judged(conn, live, known, now)
        return self.keep(conn, live, known, state, judged, now)

    def judged(self, conn: Connection, live: Built, known: Known, now: datetime) -> tuple[CaseState, tuple[Judged, ...]]:
        """Judge a case up to `now`, and keep nothing of it."""
        subjects, recorded = known.subjects, known.recorded
        hushed = any(told.quiet is not None for told in known.story)
        return judge_story(
            known.case_id,
            known.story,
            now,
            lambda version: self._judge_of(conn, version),
            self._history(conn, live.book, subjects),
            clock_version=lambda moment: recorded[moment].version if moment in recorded else live.version,
            joined=links.joined(conn, subjects) if known.before is None else {},
            after=known.before,
            held={moment: old.held for moment, old in recorded.items() if old.held is not None},
            done=known.done or (quiet.done(conn, subjects) if hushed else {}),
            staff=partial(look, conn, self._roster),
        )

    def keep(self, conn: Connection, live: Built, known: Known, state: CaseState, judged: Sequence[Judged], now: datetime) -> Concluded:
        """Record what of a judged case is new or otherwise, wish for it, and note who is to be told."""
        case_id, subjects, recorded, whole = known.case_id, known.subjects, known.recorded, known.before is None
        count = self._record(conn, case_id, judged, recorded, now, whole=whole)
        cases.save(conn, case_id, state)
        cases.save_escalations(conn, case_id, escalation_rows(case_id, state, self._rulebooks.books(conn, live.version)))
        asks = pieces(state)
        if known.before is None or not judged or asks != pieces(known.before):
            workload.save(conn, case_id, asks)
        wishes = self._wish(conn, live, case_id, subjects, state, now)
        noted = notices.note(conn, case_id, subjects, known.story, judged, recorded, state, now, whole=whole)
        return Concluded(count, wishes, noted)

    def replan(self, conn: Connection, case_id: str, now: datetime) -> None:
        """Wish anew what a case has decided, with the groups of the rulebook that is live: another one was published meanwhile."""
        live, subjects = self.begin(conn), links.members(conn, case_id)
        state = cases.state(conn, case_id)
        if state is not None:
            self._wish(conn, live, case_id, subjects, state, now)
        elif subjects:
            self.judge_case(conn, live, case_id, now, whole=True)

    def _wish(self, conn: Connection, live: Built, case_id: str, subjects: Sequence[Interaction], state: CaseState, now: datetime) -> int:
        """Keep what is wished of the case's tickets; returns for how many it changed."""
        wished = wishes_of(state, live.book)
        for subject in subjects:
            if subject.source == "zendesk" and key_of(subject) not in state.tracks:
                wished[subject.id] = Wish()  # nothing is left of its story: what we put there goes
        wishes = 0
        for ticket, wish in wished.items():
            wishes += desired.wish_changed(conn, ticket, case_id, wish, state.severity, now, self._ids.new, live.version)
        return wishes

    def _record(
        self,
        conn: Connection,
        case_id: str,
        judged: Sequence[Judged],
        recorded: Mapping[str, decisions.Recorded],
        now: datetime,
        *,
        whole: bool,
    ) -> int:
        """Record new decisions, and as revisions those that came out differently than before."""
        count, cut = 0, set[str]()
        events = moments.events_of(conn, [one.moment for one in judged if one.moment not in recorded])
        for one in judged:
            old = recorded.get(one.moment)
            if old is not None and old.agrees(one):
                continue
            count += 1
            cut.update(one.judgement.cut)
            decisions.record(
                conn,
                one,
                id=self._ids.new("dec"),
                case_id=case_id,
                event_id=old.event_id if old is not None else events.get(one.moment),
                rulebook_hash=self._rulebooks.version(conn, one.version).hash,
                recorded_at=now,
                salt=self._salt(),
                revises=None if old is None else old.id,
            )
        if cut:
            warnings.note(conn, [f"text_cut:{field}" for field in sorted(cut)], now)
            log.warning("only the newest part of a text was judged", extra={"case_id": case_id})
        if whole:
            stands = {one.moment for one in judged}
            for moment, old in sorted(recorded.items()):
                if moment not in stands:
                    decisions.retract(conn, old.id, id=self._ids.new("dec"), case_id=case_id, recorded_at=now, salt=self._salt())
        return count

    def _judge_of(self, conn: Connection, version: int) -> Judge:
        return self._rulebooks.version(conn, version).judge

    def _history(self, conn: Connection, book: Rulebook, subjects: Sequence[Interaction]) -> History:
        """How often the person of the case was in touch, counted up to an instant; nothing when no rule asks."""
        if not book.reads & set(COUNTS):
            return lambda at: {}
        theirs = sorted(links.sure_people_of(conn, subjects))
        return lambda at: links.counts(conn, theirs, at)


def wishes_of(state: CaseState, book: Rulebook) -> dict[str, Wish]:
    """What a case wishes of each of its live tickets."""
    groups = {name: str(queue.zendesk_group_id) for name, queue in book.queues.items() if queue.zendesk_group_id is not None}
    return {ticket: state.wish(ticket, groups) for ticket in state.tickets()}


def escalation_rows(case_id: str, state: CaseState, books: Books) -> list[dict[str, object]]:
    """The steps of a case's policies: those that are over, and those to come with their due times."""
    rows: dict[str, dict[str, object]] = {}
    armed_by = {one.interaction for one in state.ended} | {one.interaction for one in state.armed}
    about = {by: _about(state, by) for by in armed_by}
    for over in state.ended:
        was = Armed(over.policy, over.armed_at, over.step - 1, over.interaction, over.rests, version=over.version)
        due = over.at if over.status in ("fired", "passed") else expected(books.of(was), was, over.step - 1)
        _row(rows, case_id, was, about[was.interaction], over.step, due or over.at, over.status, over.at)
    for armed in state.armed:
        policy = books.policy(armed)
        for index in range(armed.next_step, len(policy.steps) if policy is not None else 0):
            due = expected(books.of(armed), armed, index)
            if due is not None:
                status = "paused" if armed.resting else "armed"
                _row(rows, case_id, armed, about[armed.interaction], index + 1, due, status)
    return list(rows.values())


def _about(state: CaseState, by: Interaction) -> dict[str, object]:
    """What stands for the interaction that armed a step, and who has it in hand."""
    stands, own = state.stands_for(by), state.thread(by)
    taken = min((one for one in (state.acknowledged, own.taken) if one is not None), key=lambda one: one.at, default=None)
    return {
        "source": by.source,
        "interaction": by.id,
        "severity": stands.severity,
        "category": stands.category,
        "queue": own.queue or stands.queue,
        "open": not own.resolved,
        "taken_at": taken and taken.at,
        "taken_by": taken and taken.by,
    }


def _row(
    rows: dict[str, dict[str, object]],
    case_id: str,
    armed: Armed,
    about: Mapping[str, object],
    step: int,
    due_at: datetime,
    status: str,
    ended_at: datetime | None = None,
) -> None:
    name = f"{case_id}:{key_of(armed.interaction)}:{armed.policy}:{step}:{instant_text(armed.armed_at)}"
    id_ = "esc_" + hashlib.sha256(name.encode()).hexdigest()[:24]
    times = {"armed_at": armed.armed_at, "due_at": due_at, "ended_at": ended_at}
    rows[id_] = {"id": id_, "policy": armed.policy, "step": step, "status": status, "version": armed.version, **times, **about}
