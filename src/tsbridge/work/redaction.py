"""Words that are gone at Zendesk are gone here, and no decision changes by it (ADR 11).

A redaction shows in the ticket's audits: the same audit says less than it did. What saw the words is judged and explained once
more before they go, and that is kept in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.erasure import Traces
from tsbridge.core.moments import BARS, Interaction, Moment, instant_text
from tsbridge.core.ports import Ids
from tsbridge.core.redaction import (
    Words,
    as_said,
    forgotten,
    has_bars,
    lost,
    lost_values,
    personal,
    personal_words,
    reasons_without,
    retold,
    silenced,
    told_by,
)
from tsbridge.core.rules.judgement import Note
from tsbridge.core.rules.shown import NEAR, near_misses, rule_shown
from tsbridge.core.story import Seen
from tsbridge.core.track import key_of
from tsbridge.core.words import TEXT_FIELDS
from tsbridge.store import chain, decisions, erasing_rows, links, redaction
from tsbridge.store.decisions import Held
from tsbridge.store.rulebooks import LiveRulebook

BY = "Zendesk"
"""The actor that the ledger of changes names: whoever redacted it there."""


NO_CHANGES: Final[Mapping[str, str]] = MappingProxyType({})
HEARD: Final = 4_000
"""Moments that are gone through at once to find what decisions had heard: of a long story fewer decisions are held together."""


Retold = tuple[Moment, Moment]
"""A moment as it was told first, and in the words it is told in now."""


class Retired(NamedTuple):
    """What was done: decisions with the hash of what is kept with them, moments and bytes that went. `done`: nothing is left."""

    held: Mapping[str, str]
    moments: Sequence[str]
    bytes: int
    done: bool


class Gone(NamedTuple):
    """What went: decisions, and changes, with the hash of what is kept of each; moments as they are now, and the words they had; counts of
    deliveries, recordings and notes. `done`: nothing is left."""

    held: Mapping[str, str]
    changes: Mapping[str, str] = NO_CHANGES
    moments: Sequence[Moment] = ()
    words: Sequence[str] = ()
    deliveries: int = 0
    recordings: int = 0
    notes: int = 0
    done: bool = False


class Redactions:
    """Takes words out of what is kept. All of it inside the caller's one transaction."""

    def __init__(self, rulebooks: LiveRulebook, ids: Ids, salt: Callable[[], str]) -> None:
        self._rulebooks = rulebooks
        self._ids = ids
        self._salt = salt

    def obey(self, conn: Connection, ticket: str, unknown: Sequence[Moment], now: datetime) -> tuple[list[Moment], list[Retold]]:
        """What is new among moments read from a ticket's audits. Of the others, which say what is on record in other words, the words
        that they lack go from everywhere.

        Words that went before the audits were first read may have been judged by a first impression. What is new is in these words, then,
        and stands with them among what is returned besides, which is to be handed to `take_out` once it was judged.
        """
        stood = redaction.stood(conn, ticket, unknown)
        fewer = [(was, retold(was, now_told)) for now_told in unknown if (was := stood.get(now_told.digest)) is not None]
        fewer = [(was, is_now) for was, is_now in fewer if was != is_now]
        new = told = [moment for moment in unknown if moment.digest not in stood]
        barred = any(map(has_bars, told))
        if barred:
            new = as_said(told, redaction.of(conn, Interaction("zendesk", ticket)))
        if fewer:
            self.take_out(conn, ticket, fewer, now)
        if barred:
            self._unsay(conn, ticket, now)
        return new, [(was, retold(was, is_now)) for was, is_now in zip(new, told, strict=True) if was != is_now]

    def clean(self, conn: Connection, audits: Mapping[str, Sequence[Moment]], now: datetime) -> None:
        """Deliveries and first impressions about those of these tickets that lost words keep none: their `audits` tell them."""
        lost = {ticket for ticket, told in audits.items() if any(map(has_bars, told))}
        for ticket in sorted({*redaction.less_than_told(conn, sorted(audits)), *lost}):
            for moment in redaction.of(conn, Interaction("zendesk", ticket)):
                if moment.impression and moment.texts:
                    redaction.rewrite(conn, told_by(moment, Words(), ()), now)
            redaction.empty_deliveries(conn, Interaction("zendesk", ticket), now)

    def forget(self, conn: Connection, ticket: str, now: datetime) -> None:
        """A ticket is deleted for good: its words and what is personal of it go, ids and what was decided stay."""
        subject = Interaction("zendesk", ticket)
        part = self.erase(conn, subject, forgotten, now)
        redaction.nothing_wished(conn, ticket)
        redaction.forget_contacts(conn, ticket)
        if part.moments or part.held or part.changes:
            self._record(conn, subject, "ticket.forget", part.moments, part.held, now, part.changes)

    def erase(
        self,
        conn: Connection,
        subject: Interaction,
        bare: Callable[[Moment], Moment],
        now: datetime,
        decisions_: int | None = None,
        moments: int | None = None,
    ) -> Gone:
        """What was said in an interaction and at the desk about it goes, and what is personal of it, so much of it at once at most. `bare`:
        what is left of a moment. No decision changes by it, and what each saw is gone."""
        since, held = instant_text(now), dict[str, str]()
        for id_, version, seen, before in decisions.to_forget(conn, subject, decisions_):
            kept = before or self._made_again(conn, version, seen, subject, since)
            notes = tuple(Note(note.key, BARS) for note in kept.judgement.notes)
            less = Held(kept.since, kept.judgement._replace(notes=notes), _without(kept.reasons, personal, since))
            held[id_] = decisions.hold(conn, id_, less, forget=True)
        if decisions_ is not None and len(held) == decisions_:
            return Gone(held)
        told = [(was, is_now) for was in redaction.all_of(conn, subject) if was != (is_now := bare(was))]
        these = told[:moments]
        words = _together(personal_words(was) for was, _ in these)
        redaction.quote_no_more(conn, subject, words.out_of)
        for _, moment in these:
            redaction.rewrite(conn, moment, now)
        if len(these) < len(told):
            return Gone(held, moments=[moment for _, moment in these], words=[text.body for was, _ in these for text in was.texts])
        notes_ = erasing_rows.bar_notes(conn, subject)
        redaction.state_without(conn, subject, lambda field, _: personal(field))
        erasing_rows.bar_withdrawals(conn, subject)
        return Gone(
            held,
            changes=erasing_rows.typed_about(conn, subject),
            moments=[moment for _, moment in these],
            words=[text.body for was, _ in these for text in was.texts],
            deliveries=redaction.empty_deliveries(conn, subject, now),
            recordings=erasing_rows.drop_recordings(conn, subject),
            notes=notes_,
            done=True,
        )

    def leave_out(self, conn: Connection, subject: Interaction, bare: Callable[[Moment], Moment], traces: Traces, now: datetime) -> Gone:
        """What somebody who is forgotten said in an interaction that is about somebody else goes, and what tells of them in it."""
        fewer = [(was, is_now) for was in redaction.all_of(conn, subject) if was != (is_now := bare(was))]
        if not fewer:
            return Gone({}, done=True)
        words = _together(Words(((a.body, b.body),)) for was, now_ in fewer for a, b in zip(was.texts, now_.texts, strict=True) if a != b)
        gone, values = {was.digest for was, _ in fewer}, frozenset(value for was, is_now in fewer for value in lost_values(was, is_now))
        fields = {field for field, _ in values}

        def out_of(text: str) -> str:
            return traces.out_of(words.out_of(text))

        held = self._hold(
            conn,
            subject,
            lambda seen: bool(fields) or not gone.isdisjoint(seen.heard),
            lambda field: field in fields or field in TEXT_FIELDS,
            out_of,
            now,
            forget=bool(fields),
        )
        redaction.quote_no_more(conn, subject, out_of)
        redaction.state_without(conn, subject, lambda *told: told in values)
        for _, moment in fewer:
            redaction.rewrite(conn, moment, now)
        emptied = redaction.empty_deliveries(conn, subject, now)
        return Gone(held, moments=[moment for _, moment in fewer], deliveries=emptied, done=True)

    def take_out(self, conn: Connection, ticket: str, fewer: Sequence[Retold], now: datetime) -> None:
        """Words that moments of a ticket's audits no longer tell go from everywhere: each as it stands on record and as it is told now."""
        words = _together(lost(was, is_now) for was, is_now in fewer)
        values = frozenset(value for was, is_now in fewer for value in lost_values(was, is_now))
        fields = {field for field, _ in values}
        own = {was.digest for was, _ in fewer}
        others = [
            (was, is_now)
            for was in redaction.all_of(conn, Interaction("zendesk", ticket))
            if was.digest not in own and was != (is_now := told_by(was, words, values) if _repeats(was) else was)
        ]
        gone = own | {was.digest for was, _ in others}

        def is_gone(field: str) -> bool:
            return field in fields or (bool(words.texts) and field in TEXT_FIELDS)

        subject = Interaction("zendesk", ticket)
        held = self._hold(
            conn, subject, lambda seen: bool(fields) or not gone.isdisjoint(seen.heard), is_gone, words.out_of, now, forget=bool(fields)
        )
        redaction.quote_no_more(conn, subject, words.out_of)
        redaction.state_without(conn, Interaction("zendesk", ticket), lambda *told: told in values)
        for _, moment in (*fewer, *others):
            redaction.rewrite(conn, moment, now)
        typed = erasing_rows.typed_about(conn, subject, words.out_of)
        self._record(conn, subject, "words.redact", [moment for _, moment in (*fewer, *others)], held, now, typed)

    def _unsay(self, conn: Connection, ticket: str, now: datetime) -> None:
        """Words went before the audits were first read: which, nobody can tell, so that first impressions keep none."""
        subject = Interaction("zendesk", ticket)
        told = [moment for moment in redaction.of(conn, subject) if moment.impression and moment.texts]
        if not told:
            return
        words, gone = _all_of(told), {moment.digest for moment in told}
        held = self._hold(
            conn,
            subject,
            lambda seen: not gone.isdisjoint(seen.heard),
            lambda field: field in TEXT_FIELDS,
            words.out_of,
            now,
            forget=False,
        )
        redaction.quote_no_more(conn, subject, words.out_of)
        less = [told_by(moment, Words(), ()) for moment in told]
        for moment in less:
            redaction.rewrite(conn, moment, now)
        self._record(conn, subject, "words.redact", less, held, now, erasing_rows.typed_about(conn, subject, words.out_of))

    def retire(self, conn: Connection, subject: Interaction, now: datetime, decisions_: int, moments: int) -> Retired:
        """What people said in an interaction that is at rest goes, a part of it at a time: at most so many decisions are held, and when
        there is none left so many moments lose their words. No decision changes by it."""
        since, held = instant_text(now), dict[str, str]()
        most = max(1, min(decisions_, HEARD // max(1, redaction.count(conn, subject))))
        for id_, version, seen in decisions.to_hold(conn, subject, most):
            kept = self._made_again(conn, version, seen, subject, since)
            notes = kept.judgement.notes
            if notes:
                words = _all_of(redaction.of(conn, subject))
                notes = tuple(Note(note.key, words.out_of(note.text)) for note in notes)
            less = Held(since, kept.judgement._replace(notes=notes), _without(kept.reasons, lambda field: field in TEXT_FIELDS, since))
            held[id_] = decisions.hold(conn, id_, less, forget=False)
        if len(held) == most:  # there may be more that saw the words
            return Retired(held, (), 0, done=False)
        told = [moment for moment in redaction.of(conn, subject) if moment != silenced(moment)]
        gone = told[:moments]
        if gone:
            redaction.quote_no_more(conn, subject, _all_of(gone).out_of)
            redaction.state_without(conn, subject, lambda field, _: field in TEXT_FIELDS)
            for moment in gone:
                redaction.rewrite(conn, silenced(moment), now)
            redaction.empty_deliveries(conn, subject, now)
        size = sum(len(text.body.encode()) for moment in gone for text in moment.texts)
        return Retired(held, [moment.digest for moment in gone], size, done=len(gone) == len(told))

    def _hold(
        self,
        conn: Connection,
        subject: Interaction,
        saw: Callable[[Seen], bool],
        gone: Callable[[str], bool],
        out_of: Callable[[str], str],
        now: datetime,
        *,
        forget: bool,
    ) -> dict[str, str]:
        """Keep what the decisions that saw the words judged, and why, without them. Returns their ids with the hash of what is kept."""
        since, held = instant_text(now), dict[str, str]()
        for id_, version, seen, before in decisions.of(conn, subject):
            if before is not None:
                kept = before
            elif seen is not None and saw(seen):
                kept = self._made_again(conn, version, seen, subject, since)
            else:
                continue
            notes = tuple(Note(note.key, out_of(note.text)) for note in kept.judgement.notes)
            less = Held(kept.since, kept.judgement._replace(notes=notes), _without(kept.reasons, gone, since))
            if less != before or (forget and seen is not None):
                held[id_] = decisions.hold(conn, id_, less, forget=forget)
        return held

    def _made_again(self, conn: Connection, version: int, seen: Seen, subject: Interaction, since: str) -> Held:
        """What a decision judged and why, from what it saw and the version that made it."""
        judge, books = self._rulebooks.version(conn, version).judge, self._rulebooks.books(conn, version)
        judgement = judge.decide(seen.given, seen.previous, seen.standing, seen.at, subject, books=books)
        asked = judge.explain(seen.given, seen.previous, seen.standing, seen.at, subject, near=NEAR, books=books)
        rules = [shown for shown in map(rule_shown, asked) if shown["matched"]]
        return Held(since, judgement, {"rules": rules, "near_misses": near_misses(asked)})

    def _record(
        self,
        conn: Connection,
        subject: Interaction,
        action: str,
        told: Sequence[Moment],
        held: Mapping[str, str],
        now: datetime,
        changed: Mapping[str, str] = NO_CHANGES,
    ) -> None:
        after = {"ticket": subject.id, "moments": redaction.digests(told), "decisions": dict(held)}
        chain.add_change(
            conn,
            id=self._ids.new("chg"),
            at=now,
            actor=BY,
            action=action,
            subject=links.case_of(conn, subject) or key_of(subject),
            before=None,
            after={**after, "changes": dict(changed)} if changed else after,
            salt=self._salt(),
        )


def _without(reasons: Mapping[str, Any], gone: Callable[[str], bool], since: str) -> dict[str, Any]:
    return {
        "rules": [{**rule, "because": reasons_without(rule["because"], gone, since)} for rule in reasons["rules"]],
        "near_misses": [{**miss, "missing": reasons_without(miss["missing"], gone, since)} for miss in reasons["near_misses"]],
    }


def _all_of(told: Iterable[Moment]) -> Words:
    """Everything that was said."""
    return Words(tuple((text.body, BARS) for moment in told for text in moment.texts))


def _together(parts: Iterable[Words]) -> Words:
    parts = list(parts)
    pieces = {piece for part in parts for piece in part.pieces}
    return Words(tuple({pair for part in parts for pair in part.texts}), tuple(sorted(pieces, key=lambda piece: (-len(piece), piece))))


def _repeats(moment: Moment) -> bool:
    """Whether a moment may repeat what audits tell: what a delivery or a look at the ticket said. Another audit says its own."""
    return not moment.vendor_order
