"""What claimed deliveries and what was read because of them make of the books, in one transaction: moments told, deliveries settled,
cases concluded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.echo import without_echo, without_own_notes, written_before
from tsbridge.core.moments import Interaction, Moment
from tsbridge.store import claiming, deleted_users, inbox, intents, redaction, stored_values, tombstones
from tsbridge.store import wanted_facts as wanted
from tsbridge.store.claiming import Settlement
from tsbridge.store.intents import Written
from tsbridge.store.locks import Locks, of_moments
from tsbridge.store.moments import CAUGHT_UP, last_heard, unknown, with_impressions
from tsbridge.store.rulebooks import Built
from tsbridge.store.tombstones import Tombstones
from tsbridge.store.warnings import note
from tsbridge.vendors.zendesk.read_audits import believed
from tsbridge.work.accounts import FOREIGN, Accounts
from tsbridge.work.background_facts import Background
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.conclude import Conclusions
from tsbridge.work.hearing import Heard
from tsbridge.work.histories import CUT
from tsbridge.work.redaction import Retold
from tsbridge.work.rings import Read, Rings, beside, only, pause, unheard
from tsbridge.work.verdicts import Concluded

ECHO_WINDOW: Final = timedelta(hours=1)
GONE_FOR_GOOD: Final = "ticket.permanently_deleted"


@dataclass(frozen=True, slots=True)
class Batch:
    """Claimed deliveries, background facts, what reading tickets brought, and for each ticket the newest delivery that rang for it."""

    read: Sequence[Read]
    facts: Sequence[Moment]
    heard: Heard
    rings: Rings

    @property
    def keys(self) -> frozenset[int] | None:
        """What it is known to touch, as `store.locks` names it; None: everything, since users were merged or a ticket goes for good."""
        if any(one.merged is not None or one.event_type == GONE_FOR_GOOD for one in self.read):
            return None
        return of_moments(self.moments())

    @property
    def only_said(self) -> bool:
        """Whether nothing of it was read beside the deliveries."""
        return not (self.facts or self.heard.moments or self.heard.gone)

    def parted(self, held: Locks) -> tuple[Batch, Batch | None]:
        """That of it of which all is held, and what is left, if anything: by tickets and calls, each with what was read of it."""
        told: dict[str, list[Moment]] = defaultdict(list)
        for moment in self.moments():
            told[moment.interaction].append(moment)
        away = {interaction for interaction, moments in told.items() if not held.has(of_moments(moments))}
        if not away:
            return self, None
        ready: list[Read] = []
        waiting: list[Read] = []
        for one in self.read:
            (waiting if any(moment.interaction in away for moment in one.moments) else ready).append(one)
        return self._of(ready, (told.keys() | self.heard.gone) - away), self._of(waiting, away)

    def without(self, forgotten: Tombstones) -> Batch:
        """What of it is left to be heard, where it tells of people who were erased."""
        read = [replace(one, moments=tuple(map(forgotten.without, one.moments))) for one in self.read]
        heard = {ticket: tuple(map(forgotten.without, moments)) for ticket, moments in self.heard.moments.items()}
        return Batch(read, [*map(forgotten.without, self.facts)], replace(self.heard, moments=heard), self.rings)

    def moments(self) -> Iterator[Moment]:
        """All that it tells."""
        yield from self.facts
        for told in (*(one.moments for one in self.read), *self.heard.moments.values()):
            yield from told

    def _of(self, read: Sequence[Read], interactions: Set[str]) -> Batch:
        facts = [moment for moment in self.facts if moment.interaction in interactions]
        return Batch(read, facts, only(self.heard, interactions), self.rings)


class Applying:
    """Applies batches. Made once."""

    def __init__(self, conclusions: Conclusions, background: Background) -> None:
        self._conclusions = conclusions
        self._background = background

    def apply(self, conn: Connection, live: Built, batch: Batch, now: datetime, held: Locks | None = None) -> Concluded:
        """All of a batch, or, when it raises, nothing. `held`: what is locked of it, where others work beside."""
        forgotten = _forgotten(conn, batch)
        if forgotten is not None:
            batch = batch.without(forgotten)
        read, heard, told = batch.read, batch.heard, ToldNow()
        kept = {one.row.id: beside(one, heard) for one in read}
        impressions = [m for one in read for m in one.moments if m.impression and m.interaction in heard.moments.keys() | heard.known]
        told.expect(conn, [*batch.facts, *(m for one in kept.values() for m in one.moments), *impressions])
        for moment in batch.facts:
            told.hear(conn, moment, "facts", live.version)
        behind = heard.behind or now
        newest = {ticket: batch.rings.get(ticket) or inbox.unread(conn, ticket, behind, now) for ticket in heard.moments}
        warnings: dict[str | None, set[str]] = defaultdict(set)  # by the delivery they came with, None for what nothing rang for
        gone = self._tell_audits(conn, live, heard, told, newest, warnings, now)
        self._background.settle(conn, batch.facts, heard, now)  # only now: what is to be heard quietly stands in what was wanted
        for moment in impressions:
            told.meet(conn, moment)
        written = intents.written(conn, {m.interaction for one in kept.values() for m in one.moments if m.source == "zendesk"})
        accounts = Accounts(conn)
        settled: list[Settlement] = []
        for one in read:
            if unheard(one, heard):
                claiming.later(conn, one.row, now + pause(now - one.row.received_at), "ticket_unread")
                continue
            status, reason = _tell(conn, told, kept[one.row.id], live.version, accounts, written, now)
            rang_for = one.rings_for if status != "quarantined" else None
            warnings[one.row.id] |= set(one.warnings)
            settled.append(Settlement(one.row, status, reason, one.event_type, rang_for, sorted(warnings[one.row.id])))
        claiming.settle(conn, settled, now)
        if forgotten is not None:
            about = [one.row.id for one in read if any(moment.subject in forgotten.interactions for moment in one.moments)]
            redaction.empty(conn, about, now)
        note(conn, sorted(warning for found in warnings.values() for warning in found), now)
        told_before = {one.row.id: one.rings_for for one in read if one.rings_for in heard.known}
        for ring, ticket in (*((ring, ticket) for ticket, ring in sorted(newest.items())), *sorted(told_before.items())):
            if ring is not None and ticket is not None:
                inbox.cover(conn, ticket, ring, behind, now)
        self._conclusions.redactions.clean(conn, heard.moments, now)
        for one in read:
            if one.event_type == GONE_FOR_GOOD and one.moments:
                told.write(conn)
                self._conclusions.redactions.forget(conn, one.moments[0].interaction, now)
                told.known.forget(one.moments[0].subject)
        judged = [m for one in kept.values() for m in one.moments if m.interaction not in heard.gone]
        self._background.note_missing(conn, [*judged, *(m for moments in heard.moments.values() for m in moments)], batch.facts, now)
        concluded = self._conclusions.conclude(conn, live, told, now, held)
        for ticket, fewer in gone.items():
            self._conclusions.redactions.take_out(conn, ticket, fewer, now)
        accounts.keep()
        return concluded

    def _tell_audits(
        self,
        conn: Connection,
        live: Built,
        heard: Heard,
        told: ToldNow,
        newest: Mapping[str, str | None],
        warnings: dict[str | None, set[str]],
        now: datetime,
    ) -> dict[str, list[Retold]]:
        """What the audits of tickets tell that was not told before, instead of first impressions. Returns what has to lose words once it
        was judged."""
        if not heard.moments:
            return {}
        history, odd = wanted.of(conn, sorted(heard.moments)), _odd_times(conn, heard.moments)
        fresh: dict[str, Sequence[Moment]] = {}
        for ticket, moments in sorted(heard.moments.items()):
            at_times, warned = _believed(conn, ticket, moments, odd.get(ticket) or {}, now)
            fresh[ticket] = at_times
            warnings[newest[ticket]] |= set(warned)
        known = {moment.digest for moment in unknown(conn, [moment for moments in fresh.values() for moment in moments])}
        gone: dict[str, list[Retold]] = {}
        for ticket, moments in fresh.items():
            fresh[ticket], fewer = self._conclusions.redactions.obey(conn, ticket, [m for m in moments if m.digest in known], now)
            if fewer:
                gone[ticket] = fewer
        told.expect(conn, [moment for moments in fresh.values() for moment in moments])
        for ticket, moments in fresh.items():
            before = history[ticket].quiet_before if ticket in history else None
            if before is not None:
                self._conclusions.keep_done(conn, Interaction("zendesk", ticket))
            for moment in moments:
                quiet = now if before is not None and moment.at <= before else None
                told.hear(conn, moment, newest[ticket] or CAUGHT_UP, live.version, quiet)
            first = any(m.event == "ticket.created" for m in moments)
            warnings[newest[ticket]] |= {said for said in heard.warnings.get(ticket, ()) if first or said == CUT}
        for ticket in sorted(with_impressions(conn, sorted(fresh))):
            told.replace_impressions(conn, ticket, now, heard.behind or now)
        return gone


def _forgotten(conn: Connection, batch: Batch) -> Tombstones | None:
    """What a batch tells of people who were erased; None: nothing. An old ticket or call of theirs that nobody heard of before is forgotten
    as it comes."""
    known = tombstones.among(conn, batch.moments())
    if known is None:
        return None
    late = {m.subject: person for m in batch.moments() if m.subject not in known.interactions and (person := known.theirs_before(m))}
    return known if not late else tombstones.bury_late(conn, known, late)


def _tell(
    conn: Connection,
    told: ToldNow,
    one: Read,
    version: int,
    accounts: Accounts,
    written: Mapping[str, Sequence[Written]],
    now: datetime,
) -> tuple[str, str | None]:
    """Tell one delivery's moments; returns the status and reason it is settled with."""
    if one.malformed is not None:
        return "quarantined", one.malformed
    if accounts.is_foreign(one.account):
        return "quarantined", FOREIGN
    if one.ignored is not None:
        return "ignored", one.ignored
    if one.merged is not None:
        told.merge(conn, *one.merged)
    if one.deleted is not None:
        deleted_users.want(conn, one.deleted, now)
    if not one.moments:
        return "applied", None  # its ticket's audits told it, or are never to be read
    echoes = repeats = 0
    for moment in one.moments:
        ours = written.get(moment.interaction, ()) if moment.source == "zendesk" else ()
        rest = _beyond_our_own(moment, ours, now)
        if rest is not None and rest.impression and (before := _written_before(conn, rest, ours, now)) is not None:
            told.hear(conn, before, one.row.id, version)
        if rest is None:
            echoes += 1
        elif not told.hear(conn, rest, one.row.id, version):
            repeats += 1
    if echoes == len(one.moments):
        return "applied", "our_own_change"
    told_before = echoes + repeats == len(one.moments) and one.rings_for is None  # a ring is no repeat, whatever its body says
    return ("ignored", "said_before") if told_before else ("applied", None)


def _beyond_our_own(moment: Moment, ours: Sequence[Written], now: datetime) -> Moment | None:
    """What a moment says beyond what we wrote ourselves; None when it is nothing but our own change coming back."""
    rest: Moment | None = moment
    if ours and moment.actor.kind in ("us", "unknown"):
        rest = without_echo(moment, [one.plan for one in ours if one.may_have_happened and one.at >= now - ECHO_WINDOW])
    if ours and rest is not None and any(text.role == "comment" for text in rest.texts):
        rest = without_own_notes(rest, {note for one in ours for note in one.notes})
    return rest


def _written_before(conn: Connection, impression: Moment, ours: Sequence[Written], now: datetime) -> Moment | None:
    """What a first impression shows of our updates that no audit told yet."""
    if not ours:
        return None
    heard = last_heard(conn, [impression.interaction]).get(impression.interaction)
    since = max(heard or now - ECHO_WINDOW, now - ECHO_WINDOW)
    return written_before(impression, [one.plan for one in ours if one.may_have_happened and one.at >= since])


def _odd_times(conn: Connection, tickets: Mapping[str, Any]) -> dict[str, Any]:
    """At which times audits that tell impossible ones were taken to be, by ticket."""
    names = {f"odd_times:{ticket}": ticket for ticket in tickets}
    return {names[name]: kept for name, kept in stored_values.several(conn, names).items()}


def _believed(
    conn: Connection, ticket: str, told: Sequence[Moment], kept: Mapping[str, Any], now: datetime
) -> tuple[list[Moment], list[str]]:
    """A ticket's audits at times that can be, the same ones at every reading, and the warnings for those that are new."""
    moments, times, warnings = believed(told, now, kept)
    if times != kept:
        stored_values.put(conn, f"odd_times:{ticket}", times)
    return moments, warnings
