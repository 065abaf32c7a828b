"""Words that are gone at Zendesk are gone here, and no decision changes by it (ADR 11).

A redaction shows in the ticket's audits: the same audit says less than it did. What saw the words is judged and explained once
more before they go, and that is kept in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.moments import Interaction, Moment, instant_text
from tsbridge.core.ports import Ids
from tsbridge.core.redaction import (
    BARS,
    Words,
    forgotten,
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
from tsbridge.core.words import TEXT_FIELDS
from tsbridge.store import chain, decisions, links, redaction
from tsbridge.store.decisions import Held
from tsbridge.store.rulebooks import LiveRulebook

BY = "Zendesk"
"""The actor that the ledger of changes names: whoever redacted it there."""


HEARD: Final = 4_000
"""Moments that are gone through at once to find what decisions had heard: of a long story fewer decisions are held together."""


class Retired(NamedTuple):
    """What was done: decisions with the hash of what is kept with them, moments and bytes that went. `done`: nothing is left."""

    held: Mapping[str, str]
    moments: Sequence[str]
    bytes: int
    done: bool


class Redactions:
    """Takes words out of what is kept. All of it inside the caller's one transaction."""

    def __init__(self, rulebooks: LiveRulebook, ids: Ids, salt: Callable[[], str]) -> None:
        self._rulebooks = rulebooks
        self._ids = ids
        self._salt = salt

    def obey(self, conn: Connection, ticket: str, unknown: Sequence[Moment], now: datetime) -> list[Moment]:
        """What is new among moments read from a ticket's audits. Of the others, which say what is on record in other words, the words
        that they lack go from everywhere."""
        stood = redaction.stood(conn, ticket, unknown)
        fewer = [(was, retold(was, now_told)) for now_told in unknown if (was := stood.get(now_told.digest)) is not None]
        fewer = [(was, is_now) for was, is_now in fewer if was != is_now]
        if fewer:
            self._take_out(conn, ticket, fewer, now)
        return [moment for moment in unknown if moment.digest not in stood]

    def clean(self, conn: Connection, tickets: Sequence[str], now: datetime) -> None:
        """Deliveries and first impressions about those of these tickets that lost words keep none: their audits tell them."""
        for ticket in redaction.less_than_told(conn, tickets):
            for moment in redaction.of(conn, Interaction("zendesk", ticket)):
                if moment.impression and moment.texts:
                    redaction.rewrite(conn, told_by(moment, Words(), ()), now)
            redaction.empty_deliveries(conn, Interaction("zendesk", ticket), now)

    def forget(self, conn: Connection, ticket: str, now: datetime) -> None:
        """A ticket is deleted for good: its words and what is personal of it go, ids and what was decided stay."""
        told = redaction.of(conn, Interaction("zendesk", ticket))
        bare = [(was, is_now) for was in told if was != (is_now := forgotten(was))]
        words = _together(personal_words(was) for was, _ in bare)
        held = self._hold(conn, ticket, lambda _: True, personal, words, now, forget=True)
        redaction.quote_no_more(conn, Interaction("zendesk", ticket), words.out_of)
        redaction.nothing_wished(conn, ticket)
        redaction.state_without(conn, Interaction("zendesk", ticket), lambda field, _: personal(field))
        for _, moment in bare:
            redaction.rewrite(conn, moment, now)
        redaction.forget_contacts(conn, ticket)
        redaction.empty_deliveries(conn, Interaction("zendesk", ticket), now)
        if bare or held:
            self._record(conn, ticket, "ticket.forget", [moment for _, moment in bare], held, now)

    def _take_out(self, conn: Connection, ticket: str, fewer: Sequence[tuple[Moment, Moment]], now: datetime) -> None:
        words = _together(lost(was, is_now) for was, is_now in fewer)
        values = frozenset(value for was, is_now in fewer for value in lost_values(was, is_now))
        fields = {field for field, _ in values}
        own = {was.digest for was, _ in fewer}
        others = [
            (was, is_now)
            for was in redaction.of(conn, Interaction("zendesk", ticket))
            if was.digest not in own and was != (is_now := told_by(was, words, values) if _repeats(was) else was)
        ]
        gone = own | {was.digest for was, _ in others}

        def is_gone(field: str) -> bool:
            return field in fields or (bool(words.texts) and field in TEXT_FIELDS)

        held = self._hold(
            conn, ticket, lambda seen: bool(fields) or not gone.isdisjoint(seen.heard), is_gone, words, now, forget=bool(fields)
        )
        redaction.quote_no_more(conn, Interaction("zendesk", ticket), words.out_of)
        redaction.state_without(conn, Interaction("zendesk", ticket), lambda *told: told in values)
        for _, moment in (*fewer, *others):
            redaction.rewrite(conn, moment, now)
        self._record(conn, ticket, "words.redact", [moment for _, moment in (*fewer, *others)], held, now)

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
        ticket: str,
        saw: Callable[[Seen], bool],
        gone: Callable[[str], bool],
        words: Words,
        now: datetime,
        *,
        forget: bool,
    ) -> dict[str, str]:
        """Keep what the decisions that saw the words judged, and why, without them. Returns their ids with the hash of what is kept."""
        subject, since = Interaction("zendesk", ticket), instant_text(now)
        held: dict[str, str] = {}
        for id_, version, seen, before in decisions.of(conn, subject):
            if before is not None:
                kept = before
            elif seen is not None and saw(seen):
                kept = self._made_again(conn, version, seen, subject, since)
            else:
                continue
            notes = tuple(Note(note.key, words.out_of(note.text)) for note in kept.judgement.notes)
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

    def _record(self, conn: Connection, ticket: str, action: str, told: Sequence[Moment], held: Mapping[str, str], now: datetime) -> None:
        after = {"ticket": ticket, "moments": redaction.digests(told), "decisions": dict(held)}
        chain.add_change(
            conn,
            id=self._ids.new("chg"),
            at=now,
            actor=BY,
            action=action,
            subject=links.case_of(conn, Interaction("zendesk", ticket)) or f"zendesk:{ticket}",
            before=None,
            after=after,
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
