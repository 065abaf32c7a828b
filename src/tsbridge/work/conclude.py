"""From kept moments to concluded cases: link what belongs together, and have judged what that may change (`work.judging`). All of it inside
the caller's one transaction.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from tsbridge.core.anew import done_before
from tsbridge.core.contacts import COUNTS
from tsbridge.core.link import Node, group
from tsbridge.core.moments import Interaction, Moment
from tsbridge.core.ports import Ids
from tsbridge.core.track import key_of
from tsbridge.store import cases, links, locks, neighbourhood, notices, quiet, shared
from tsbridge.store.links import Place
from tsbridge.store.locks import Locks
from tsbridge.store.moments import AT_DESK
from tsbridge.store.neighbourhood import Neighbourhood
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.judging import Judging
from tsbridge.work.redaction import Redactions
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.verdicts import Asked, Concluded, Fresh

log = logging.getLogger("tsbridge.conclude")


class Conclusions:
    """Concludes cases. Made once."""

    def __init__(self, rulebooks: LiveRulebook, ids: Ids, salt: Callable[[], str], roster: LiveRoster | None = None) -> None:
        self.rulebooks = rulebooks
        self.judging = Judging(rulebooks, ids, salt, roster or LiveRoster())
        self.redactions = Redactions(rulebooks, ids, salt)

    def begin(self, conn: Connection) -> Built:
        """Take the pen: nobody else concludes meanwhile. Returns the rulebook that is live in this transaction."""
        locks.alone(conn)
        return self.rulebooks.live(conn)

    def begin_beside(self, conn: Connection, keys: frozenset[int] | None, *, wait: bool = True) -> tuple[Built, Locks]:
        """Begin beside other workers, with what is known to be touched locked, or what of it is free; None: alone, as by `begin`."""
        held = Locks(conn, keys, wait=wait)
        return self.rulebooks.live(conn), held

    def conclude(self, conn: Connection, live: Built, told: ToldNow, now: datetime, held: Locks | None = None) -> Concluded:
        """Link and judge again everything that what was `told` in this transaction may have changed.

        `held`: what is locked of it, where the pen is shared. Raises Contended when somebody else has a part of the rest.
        """
        told.write(conn)
        if not told.subjects:
            return Concluded(0, 0)
        window = live.book.link_window
        were, behind = neighbourhood.left(conn, told.passed_on, window) if told.passed_on else ([], set())
        seeds = told.subjects | behind
        near = _around(conn, seeds, window, held, told.known.nodes())
        noted = shared.note(conn, near.carriers, (node.subject for node in near.nodes), near.shared)
        if noted.more:  # what they joined is parted, and says so
            seeds = seeds | {carrier for handle in noted.more for carrier in near.carriers[handle]}
            near = _around(conn, seeds, window, held, told.known.nodes())
        if noted.more or noted.subjects:
            log.warning("ids stand for too many people and join nobody", extra={"count": len(noted.more) + noted.subjects})
        stood: dict[str, set[Interaction]] = defaultdict(set)
        for subject, place in near.stood.items():
            stood[place.case_id].add(subject)
        found = {grouping.case_id: grouping for grouping in group(near.nodes, near.edits, window, near.known)}
        new = told.known.new
        cases.dissolve(conn, {case_id for case_id, subjects in stood.items() if case_id not in found and not subjects <= new})
        moved: set[Interaction] = set()
        anew = links.place(conn, (grouping for _, grouping in sorted(found.items())), near.stood, new)
        for case_id, grouping in found.items():
            if change := {m.subject for m in grouping.members} ^ stood.get(case_id, set()):
                moved |= change
                anew.add(case_id)
        if live.book.reads & set(COUNTS):
            dated = [(node, told.dated[node.subject]) for node in near.nodes if node.subject in told.dated]
            were = [*were, *(replace(node, opened_at=before) for node, before in dated if before != node.opened_at)]
            counted = (node for node in near.nodes if node.subject in told.founded | moved)
            by_clock = bool(live.book.clock_reads & set(COUNTS))
            anew |= links.judged_since(conn, [*counted, *told.were, *were], by_clock=by_clock)
        asked: list[Asked] = []
        for case_id, grouping in sorted(found.items()):
            subjects = [m.subject for m in grouping.members]
            if case_id in anew or not seeds.isdisjoint(subjects):
                whole = case_id in anew or told.heard.isdisjoint(subjects) or not told.left.isdisjoint(subjects)
                joined = {key_of(m.subject): key_of(m.thread) for m in grouping.members if m.thread != m.subject}
                asked.append(Asked(case_id, subjects, whole, joined))
        others = sorted((anew | links.cases_of(conn, seeds - near.stood.keys())) - found.keys())
        _lock_cases(conn, others, held)
        asked += [Asked(case_id, links.members(conn, case_id), whole=True) for case_id in others]
        fresh = replace(told.fresh(), people={node.subject: node.people for node in near.nodes}, known=near.known)
        return self.judging.judge(conn, live, asked, fresh, now)

    def hear(self, conn: Connection, moment: Moment, now: datetime) -> None:
        """Something that somebody, or we, did at the desk, and what it changes."""
        live, told = self.begin(conn), ToldNow()
        told.hear(conn, moment, AT_DESK, live.version)
        self.conclude(conn, live, told, now)

    def link_anew(self, conn: Connection, subjects: Set[Interaction], now: datetime) -> None:
        """The links of these were edited."""
        self.conclude(conn, self.begin(conn), ToldNow(subjects={*subjects}), now)

    def withdraw(self, conn: Connection, moment: str, by: str, reason: str, now: datetime) -> bool:
        """Take a moment out of its story. False when it was out already."""
        live, told = self.begin(conn), ToldNow()
        if not told.withdraw(conn, moment, by, reason, now):
            return False
        self.conclude(conn, live, told, now)
        return True

    def keep_done(self, conn: Connection, subject: Interaction) -> None:
        """Something quiet is about to be heard of an interaction: what has been done about its case stays done."""
        case_id = links.case_of(conn, subject)
        state = None if case_id is None else cases.state(conn, case_id)
        if case_id is not None and state is not None:
            subjects = links.members(conn, case_id)
            quiet.put(conn, done_before(state, notices.of(conn, subjects), quiet.done(conn, subjects)))

    def judge_case(self, conn: Connection, live: Built, case_id: str, now: datetime, *, whole: bool = False) -> Concluded:
        """Judge a case up to `now`: the due times that have come, or all of it."""
        return self.judge_cases(conn, live, [case_id], now, whole=whole)

    def judge_cases(
        self, conn: Connection, live: Built, case_ids: Sequence[str], now: datetime, held: Locks | None = None, *, whole: bool = False
    ) -> Concluded:
        """Judge cases up to `now`: the due times that have come, or all of them. `held`: as in `conclude`."""
        _lock_cases(conn, case_ids, held)
        asked = [Asked(case_id, links.members(conn, case_id), whole) for case_id in case_ids]
        return self.judging.judge(conn, live, asked, Fresh(), now)

    def replan(self, conn: Connection, case_id: str, now: datetime) -> None:
        """Wish anew what a case has decided, with the groups of the rulebook that is live: another one was published meanwhile."""
        live, subjects = self.begin(conn), links.members(conn, case_id)
        state = cases.state(conn, case_id)
        if state is not None:
            self.judging.wish(conn, live, [(case_id, subjects, state)], now)
        elif subjects:
            self.judge_case(conn, live, case_id, now, whole=True)


def _around(
    conn: Connection, seeds: Set[Interaction], window: timedelta, held: Locks | None, told: Mapping[Interaction, tuple[Node, Place]]
) -> Neighbourhood:
    """`neighbourhood.around`, with all of it locked. Whoever changes what is known of an interaction has all its names when they commit:
    where one of them was ours before it was read, that still stands. Else it is read again."""
    while True:
        near = neighbourhood.around(conn, seeds, window, told)
        if held is None or held.everything:
            return near
        stands = all([held.has_some(locks.of_nodes([node], {})) for node in near.nodes])
        if not held.more(locks.of_nodes(near.nodes, near.known)) or stands:
            return near


def _lock_cases(conn: Connection, case_ids: Sequence[str], held: Locks | None) -> None:
    """Lock what judging cases looks at, until what was read of it is what nobody else can change."""
    if case_ids and held is not None:
        while not held.everything and held.more(_keys_of(conn, case_ids)):
            continue


def _keys_of(conn: Connection, case_ids: Sequence[str]) -> frozenset[int]:
    """What judging cases looks at: their interactions, and how often the people of these were in touch."""
    people = links.people_of(conn, subjects := [subject for case_id in case_ids for subject in links.members(conn, case_id)])
    known = links.acquainted(conn, sorted({handle for theirs in people.values() for handle in theirs}))
    return locks.of_people([(subject, people.get(subject, ())) for subject in subjects], known)
