"""From kept moments to concluded cases: link, judge, record, wish. All of it inside the caller's one transaction."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from tsbridge.core.anew import done_before
from tsbridge.core.casestate import CaseState
from tsbridge.core.contacts import COUNTS
from tsbridge.core.helpdesk import Wish
from tsbridge.core.link import group
from tsbridge.core.moments import Interaction
from tsbridge.core.ports import Ids
from tsbridge.core.quiet import Done
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.steps import escalation_rows
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
    quiet,
    recording,
    shared,
    warnings,
    workload,
)
from tsbridge.store import notices as kept_notices
from tsbridge.store.recording import Recording, Retraction
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work import notices
from tsbridge.work.redaction import Redactions
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.staff import look
from tsbridge.work.told_now import ToldNow

log = logging.getLogger("tsbridge.conclude")


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
                total += self._judge(conn, live, case_id, subjects, now, whole=whole, fresh=told.fresh)
        others = anew | links.cases_of(conn, seeds - near.stood.keys())
        for case_id in sorted(others - found.keys()):
            total += self.judge_case(conn, live, case_id, now, whole=True)
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
        case_id, subjects, recorded, before, whole = known.case_id, known.subjects, known.recorded, known.before, known.before is None
        count = self._record(conn, case_id, judged, recorded, now, whole=whole)
        new = cases.save(conn, case_id, state)
        steps = escalation_rows(case_id, state, self._rulebooks.books(conn, live.version))
        cases.save_escalations(conn, case_id, steps, first=new or (before is not None and not (before.armed or before.ended)))
        asks = pieces(state)
        if before is None or not judged or asks != pieces(before):
            workload.save(conn, case_id, asks, first=new)
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
        fresh, cut = list[Recording](), set[str]()
        events = moments.events_of(conn, [one.moment for one in judged if one.moment not in recorded])
        for one in judged:
            old = recorded.get(one.moment)
            if old is not None and old.agrees(one):
                continue
            cut.update(one.judgement.cut)
            fresh.append(
                Recording(
                    one,
                    id=self._ids.new("dec"),
                    case_id=case_id,
                    event_id=old.event_id if old is not None else events.get(one.moment),
                    rulebook_hash=self._rulebooks.version(conn, one.version).hash,
                    recorded_at=now,
                    salt=self._salt(),
                    revises=None if old is None else old.id,
                )
            )
        recording.record_all(conn, fresh)
        if cut:
            warnings.note(conn, [f"text_cut:{field}" for field in sorted(cut)], now)
            log.warning("only the newest part of a text was judged", extra={"case_id": case_id})
        if whole:
            stands = {one.moment for one in judged}
            gone = [old for moment, old in sorted(recorded.items()) if moment not in stands]
            recording.retract_all(conn, [Retraction(old.id, self._ids.new("dec"), case_id, now, self._salt()) for old in gone])
        return len(fresh)

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
