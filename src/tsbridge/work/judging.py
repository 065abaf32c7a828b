"""Cases judged, many at once, and what comes of it kept: decisions, states, steps of escalations, work, wishes, notices.

A case goes on from the state it is in: only what is new is judged. What comes late is judged from the newest state kept before it, and
what joins or leaves a case has it judged from its start. All of it inside the caller's one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial

from sqlalchemy import Connection

from tsbridge.core.casestate import CaseState
from tsbridge.core.contacts import COUNTS
from tsbridge.core.helpdesk import Wish
from tsbridge.core.moments import UNJUDGED, Interaction, Value
from tsbridge.core.places import instant_of
from tsbridge.core.ports import Ids
from tsbridge.core.quiet import Done
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.steps import escalation_rows
from tsbridge.core.story import History, Judged, Judges, Told, judge_story, said_before
from tsbridge.core.track import EMPTY, key_of
from tsbridge.core.words import WHOLE, Said
from tsbridge.core.workload import pieces
from tsbridge.store import cases, checkpoints, decision_writer, decisions, desired, links, moments, quiet, warnings, workload
from tsbridge.store import latest_texts as texts
from tsbridge.store.decision_writer import Recording, Retraction
from tsbridge.store.desired import Wished
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work import notices
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.staff import look
from tsbridge.work.verdicts import Asked, Concluded, Fresh, Known, Verdict

log = logging.getLogger("tsbridge.judging")


class Judging:
    """Judges cases and keeps what comes of it. Made once; holds only how to make ids and salts and where the judges and the roster are."""

    def __init__(self, rulebooks: LiveRulebook, ids: Ids, salt: Callable[[], str], roster: LiveRoster) -> None:
        self._rulebooks = rulebooks
        self._roster = roster
        self._ids = ids
        self._salt = salt

    def judge(self, conn: Connection, live: Built, asked: Sequence[Asked], fresh: Fresh, now: datetime) -> Concluded:
        """Judge cases up to `now`, what is new of them and the due times that have come, and keep what comes of it."""
        known = self._known(conn, asked, fresh)
        histories = self._histories(conn, live.book, known, fresh)
        hushed = {subject for one in known if one.is_quiet for subject in one.subjects}
        done = quiet.done(conn, hushed) if hushed else {}
        judges = self._judges(conn)
        verdicts = [self._verdict(conn, live, one, now, judges, histories[one.case_id], done) for one in known]
        return self.keep(conn, live, verdicts, fresh, now)

    def verdict(self, conn: Connection, live: Built, known: Known, now: datetime) -> Verdict:
        """Judge a case up to `now`, and keep nothing of it."""
        done = quiet.done(conn, known.subjects) if known.done is None and known.is_quiet else {}
        history = self._histories(conn, live.book, [known], Fresh())[known.case_id]
        return self._verdict(conn, live, known, now, self._judges(conn), history, done)

    def keep(self, conn: Connection, live: Built, verdicts: Sequence[Verdict], fresh: Fresh, now: datetime) -> Concluded:
        """Keep what is new or otherwise of judged cases: decisions, states, wishes, and who is to be told."""
        count = self._record(conn, verdicts, fresh, now)
        cases.save(conn, {one.known.case_id: one.state for one in verdicts})
        self._save_steps(conn, live, verdicts)
        work = self._save_pieces(conn, verdicts)
        self._save_marks(conn, verdicts, fresh)
        wishes = self.wish(conn, live, [(one.known.case_id, one.known.subjects, one.state) for one in verdicts], now)
        noted = notices.note(conn, verdicts, now)
        return Concluded(count, wishes, noted, work)

    def wish(self, conn: Connection, live: Built, of: Iterable[tuple[str, Sequence[Interaction], CaseState]], now: datetime) -> int:
        """Keep what is wished of the tickets of cases; returns for how many it changed."""
        wished: list[Wished] = []
        for case_id, subjects, state in of:
            wishes = wishes_of(state, live.book)
            for subject in subjects:
                if subject.source == "zendesk" and key_of(subject) not in state.tracks:
                    wishes[subject.id] = Wish()  # nothing is left of its story: what we put there goes
            wished += [Wished(ticket, case_id, wish, state.severity, live.version) for ticket, wish in wishes.items()]
        return desired.wishes_changed(conn, wished, now, self._ids.new)

    # -- what is known before

    def _known(self, conn: Connection, asked: Sequence[Asked], fresh: Fresh) -> list[Known]:
        of_subject = {subject: one.case_id for one in asked for subject in one.subjects}
        told: dict[str, list[Told]] = {one.case_id: [] for one in asked}
        for moment in fresh.told.values():
            if (case_id := of_subject.get(moment.moment.subject)) is not None:
                told[case_id].append(moment)
        for news in told.values():
            news.sort(key=lambda one: one.moment.place)
        new = {one.case_id for one in asked if fresh.new >= set(one.subjects)}
        states = cases.states(conn, [one.case_id for one in asked if not one.whole and one.case_id not in new])
        going_on = {case_id for case_id, state in states.items() if _is_behind(told[case_id], state)}
        late = {case_id: told[case_id][0].moment.place for case_id in states.keys() - going_on}
        back = {case_id: state for case_id, place in late.items() if (state := checkpoints.before(conn, case_id, place)) is not None}
        again = [one for one in asked if one.case_id not in new and one.case_id not in going_on]
        stories = moments.stories(conn, {subject: one.case_id for one in again for subject in one.subjects})
        recorded = decisions.in_force_by(conn, [subject for one in again for subject in one.subjects])
        joined = links.joined(conn, [s for one in again if one.joined is None for s in one.subjects])
        looked = [s for one in asked if one.case_id in going_on for s in one.subjects if s not in fresh.new]
        said, kept = texts.load(conn, looked, fresh.told.keys())
        found = []
        for one in asked:
            story, before, own = told[one.case_id], None, dict[Interaction, Said]()
            decided: dict[str, decisions.Recorded] = {}
            if one.case_id in going_on:
                before, own = states[one.case_id], {subject: said[subject] for subject in one.subjects if subject in said}
            elif one.case_id not in new:
                story, before = stories[one.case_id], back.get(one.case_id)
                decided = {moment: old for subject in one.subjects for moment, old in recorded.get(subject, {}).items()}
                if before is not None and (behind := _behind(decided, before)) is not None:
                    decided, own = behind, said_before(story, before)
                else:
                    before = None
            found.append(
                Known(
                    *(one.case_id, one.subjects, story, decided, before),
                    joined=joined if one.joined is None else one.joined,
                    said=own,
                    long={subject for subject, words in own.items() if words.is_long},
                    kept={subject: kept[subject] for subject in one.subjects if subject in kept},
                    late=before is not None and one.case_id in back,
                    new=one.case_id in new,
                )
            )
        return found

    def _histories(self, conn: Connection, book: Rulebook, known: Sequence[Known], fresh: Fresh) -> dict[str, History]:
        """How often the people of cases were in touch, counted up to an instant; nothing when no rule asks."""
        if not book.reads & set(COUNTS):
            return dict.fromkeys((one.case_id for one in known), _nothing)
        sure = links.sure_people(conn, {one.case_id: one.subjects for one in known}, fresh.people, fresh.known)
        asked = [(one.case_id, at) for one in known for at in _times(one)]
        counts = links.counts_of(conn, asked, sure)

        def history(case_id: str, at: datetime) -> Mapping[str, Value]:
            return counts.get((case_id, at)) or links.counts(conn, sure[case_id], at)

        return {case_id: partial(history, case_id) for case_id in sure}

    # -- judging

    def _verdict(
        self, conn: Connection, live: Built, known: Known, now: datetime, judges: Judges, history: History, done: Mapping[str, Done]
    ) -> Verdict:
        recorded, marks = known.recorded, list[CaseState]()
        joined = known.joined
        if joined is None:
            joined = links.joined(conn, known.subjects) if known.before is None else EMPTY
        state, judged = judge_story(
            known.case_id,
            known.story,
            now,
            judges,
            history,
            clock_version=lambda moment: recorded[moment].version if moment in recorded else live.version,
            joined=joined,
            after=known.before,
            held={moment: old.held for moment, old in recorded.items() if old.held is not None},
            done=known.done or done,
            staff=partial(look, conn, self._roster),
            said=known.said,
            mark=marks.append,
        )
        return Verdict(known, state, judged, marks)

    def _judges(self, conn: Connection) -> Judges:
        """Each looked up once."""
        return cache(lambda version: self._rulebooks.version(conn, version).judge)

    # -- what is kept

    def _record(self, conn: Connection, verdicts: Sequence[Verdict], fresh: Fresh, now: datetime) -> int:
        """Record new decisions, and as revisions those that came out differently than before."""
        wanted: list[tuple[Verdict, Judged, decisions.Recorded | None]] = []
        gone: list[tuple[str, decisions.Recorded]] = []
        for verdict in verdicts:
            recorded = verdict.known.recorded
            for one in verdict.judged:
                old = recorded.get(one.moment)
                if old is None or not old.agrees(one):
                    wanted.append((verdict, one, old))
            if recorded:
                stands = {one.moment for one in verdict.judged}
                gone += [(verdict.known.case_id, old) for moment, old in sorted(recorded.items()) if moment not in stands]
        unknown = [
            one.moment for _, one, old in wanted if old is None and one.moment not in fresh.events and not one.moment.startswith("clock:")
        ]
        events = {**fresh.events, **moments.events_of(conn, unknown)}
        revisions = {**moments.revisions(conn, {one.subject for _, one, _ in wanted} - fresh.revisions.keys()), **fresh.revisions}
        hashes: dict[int, str] = {}
        for _, one, _ in wanted:
            if one.version not in hashes:
                hashes[one.version] = self._rulebooks.version(conn, one.version).hash
        decision_writer.record_all(
            conn,
            [
                Recording(
                    one,
                    id=self._ids.new("dec"),
                    case_id=verdict.known.case_id,
                    event_id=old.event_id if old is not None else events.get(one.moment),
                    rulebook_hash=hashes[one.version],
                    recorded_at=now,
                    salt=self._salt(),
                    revises=None if old is None else old.id,
                    upto=revisions.get(one.subject),
                )
                for verdict, one, old in wanted
            ],
        )
        decision_writer.retract_all(conn, [Retraction(old.id, self._ids.new("dec"), case_id, now, self._salt()) for case_id, old in gone])
        if cut := sorted({field for verdict, one, _ in wanted for field in one.judgement.cut if _is_news(field, one, verdict.known)}):
            warnings.note(conn, [f"text_cut:{field}" for field in cut], now)
            log.warning("only the newest part of a text was judged", extra={"count": len(cut)})
        return len(wanted)

    def _save_steps(self, conn: Connection, live: Built, verdicts: Sequence[Verdict]) -> None:
        books = self._rulebooks.books(conn, live.version)
        steps, new = {}, set()
        for one in verdicts:
            before = one.known.before if not one.known.again else None
            bare = one.known.new or (before is not None and not before.escalated)
            if bare and not one.state.escalated:
                continue
            steps[one.known.case_id] = escalation_rows(one.known.case_id, one.state, books)
            if bare:
                new.add(one.known.case_id)
        cases.save_escalations(conn, steps, new)

    def _save_pieces(self, conn: Connection, verdicts: Sequence[Verdict]) -> int:
        asks = {}
        for one in verdicts:
            now = pieces(one.state)
            if one.known.again or one.known.before is None or now != pieces(one.known.before):
                asks[one.known.case_id] = now
        workload.save(conn, asks, {one.known.case_id for one in verdicts if one.known.new})
        return len(asks)

    def _save_marks(self, conn: Connection, verdicts: Sequence[Verdict], fresh: Fresh) -> None:
        """Keep states to go back to, and texts to go on from, where a story is long."""
        again = [one.known for one in verdicts if one.known.again]
        checkpoints.forget(conn, {known.case_id: "" if known.before is None else known.before.judged_to for known in again})
        checkpoints.keep(conn, [(one.known.case_id, state) for one in verdicts for state in one.marks])
        said = {subject: text for one in verdicts if one.known.said is not None for subject, text in one.known.said.items()}
        kept = {subject: at for one in verdicts for subject, at in one.known.kept.items()}
        long = {
            subject
            for subject, text in said.items()
            if text.count and not fresh.revisions.get(subject, texts.KEPT_EVERY) < texts.KEPT_EVERY
        }
        revisions = {**moments.revisions(conn, long - fresh.revisions.keys()), **fresh.revisions}
        texts.keep(conn, {subject: said[subject] for subject in long}, revisions, kept)


def wishes_of(state: CaseState, book: Rulebook) -> dict[str, Wish]:
    """What a case wishes of each of its live tickets."""
    groups = {name: str(queue.zendesk_group_id) for name, queue in book.queues.items() if queue.zendesk_group_id is not None}
    return {ticket: state.wish(ticket, groups) for ticket in state.tickets()}


def _is_news(cut: str, one: Judged, known: Known) -> bool:
    """Whether it was not cut before: of a long story that is not said with each comment again."""
    return cut not in WHOLE or one.subject not in known.long


def _is_behind(told: Sequence[Told], state: CaseState) -> bool:
    """Whether all of this lies behind what the state has heard."""
    return not told or told[0].moment.place > state.judged_to


def _behind(decided: Mapping[str, decisions.Recorded], state: CaseState) -> dict[str, decisions.Recorded] | None:
    """Those of the decisions that lie behind a state; None where several things happened at its instant, so that it is not sure which."""
    at = instant_of(state.judged_to)
    if sum([old.at == at for old in decided.values()]) > 1:
        return None
    return {moment: old for moment, old in decided.items() if old.at > at}


def _times(known: Known) -> list[datetime]:
    """The times of the moments that are judged; when time alone changes something in between turns out later."""
    judged_to = "" if known.before is None else known.before.judged_to
    return [told.moment.at for told in known.story if told.moment.place > judged_to and told.moment.event not in UNJUDGED]


def _nothing(at: datetime) -> Mapping[str, Value]:
    return EMPTY
