"""Planted mutants: each breaks one law by replacing one function for a while. A checker that misses one of them proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import wraps
from typing import Any

from sqlalchemy import delete, update

from tests.world.inline import no_room
from tests.world.traits import traits
from tsbridge.acts.ledger import Entry
from tsbridge.core import casestate, escalation, link, words
from tsbridge.core import heard as core_heard
from tsbridge.core.helpdesk import Edit
from tsbridge.core.moments import Moment
from tsbridge.store import claiming, decision_writer, desired, inbox, inbox_tables, outgoing, sealing, writemode, writing_tables
from tsbridge.store.notice_tables import messages
from tsbridge.store.notice_tables import notifications as tellings
from tsbridge.vendors.zendesk import read_audits
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.web import webhooks
from tsbridge.work import due_cases, notices, notify, paging, redaction, seal, stream, writing

Made = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """`make(original)` is what stands in place of `name` of `owner` while it is planted. `scene`: in which it
    is likeliest to show. `also`: what has to be out of order with it, where one thing is guarded twice."""

    law: str
    owner: Any
    name: str
    make: Made
    scene: str = ""
    also: tuple[Mutant, ...] = ()

    @contextmanager
    def planted(self) -> Iterator[None]:
        original = vars(self.owner)[self.name]
        setattr(self.owner, self.name, self.make(original))
        try:
            with ExitStack() as others:
                for one in self.also:
                    others.enter_context(one.planted())
                yield
        finally:
            setattr(self.owner, self.name, original)


def always(value: Any) -> Made:
    return lambda original: wraps(original)(lambda *args, **named: value)


def after(change: Callable[..., Any]) -> Made:
    """`change(result, *args, **named)` makes something else of what the original returns."""
    return lambda original: wraps(original)(lambda *args, **named: change(original(*args, **named), *args, **named))


def before(change: Callable[..., tuple[Any, ...]]) -> Made:
    """`change(*args)` makes other arguments."""
    return lambda original: wraps(original)(lambda *args, **named: original(*change(*args), **named))


def never(value: Any = None) -> Made:
    """An asynchronous one that does nothing."""

    def make(original: Any) -> Any:
        async def nothing(*args: Any, **named: Any) -> Any:
            return value

        return nothing

    return make


# -- what they do --------------------------------------------------------------------------------------------------------------


def _loses_what_it_answered(receipts: Any, conn: Any, deliveries: Any) -> Any:
    for one in receipts:
        if one.status == "accepted" and int(one.event_id[-6:]) % 5 == 0:
            conn.execute(delete(inbox_tables.inbox).where(inbox_tables.inbox.c.id == one.event_id))
    return receipts


def _keys_by_arrival(original: Any) -> Any:
    count = iter(range(1_000_000))

    def key(self: Any, body: bytes, headers: Any) -> tuple[str, str | None]:
        found, quarantined = original(self, body, headers)
        return f"{found[:180]}:{next(count)}", quarantined

    return key


def _forgets_repeats(receipts: Any, conn: Any, deliveries: Any) -> Any:
    conn.execute(update(inbox_tables.inbox).values(duplicates=0))
    return receipts


def _dead_at_once(found: Any, *args: Any) -> Any:
    conn = args[0]
    for row in found:
        if row.attempts > 1:
            conn.execute(update(inbox_tables.inbox).where(inbox_tables.inbox.c.seq == row.seq).values(status="dead", reason="tries"))
    return [row for row in found if row.attempts <= 1]


def _by_content(self: Moment) -> Any:
    return (self.at.replace(minute=0, second=0, microsecond=0), 0, 0, self.digest)


def _tags_of_ours_alone(original: Any) -> Any:
    async def update(self: Any, ticket: str, changes: Any, stamp: str) -> Any:
        ours = {"tags": sorted(tag for tag in changes["tags"] if tag.startswith("ts_"))} if "tags" in changes else {}
        return await original(self, ticket, {**changes, **ours}, stamp)

    return update


def _in_public(original: Any) -> Any:
    async def update(self: Any, ticket: str, changes: Any, stamp: str) -> Any:
        said = {"comment": {**changes["comment"], "public": True}} if "comment" in changes else {}
        return await original(self, ticket, {**changes, **said}, stamp)

    return update


def _solves(original: Any) -> Any:
    async def update(self: Any, ticket: str, changes: Any, stamp: str) -> Any:
        return await original(self, ticket, {**changes, "status": "solved"}, stamp)

    return update


def _resends(original: Any) -> Any:
    def settle(conn: Any, sent: Any, now: Any, answer: str, *, status: str, **more: Any) -> Any:
        found = original(conn, sent, now, answer, status=status, **more)
        if status == "sent" and int(sent.id[-6:]) % 2:
            conn.execute(update(messages).where(messages.c.id == sent.id).values(status="waiting", due_at=now + timedelta(seconds=40)))
            told = tellings.c
            mine = told.id.in_([item["id"] for item in sent.items])
            conn.execute(update(tellings).where(mine).values(status="waiting"))
        return found

    return settle


def _unsent(original: Any) -> Any:
    async def send(self: Any, letter: Any) -> Any:
        if letter.way is not None:
            letter = replace(letter, way=replace(letter.way, key="nowhere"))
        return await original(self, letter)

    return send


class _Nobody:
    async def send(self, to: Any, message: Any) -> str:
        return "250 accepted"


def _swallows(original: Any) -> Any:
    async def send(self: Any, letter: Any) -> Any:
        other = copy(self)
        other._make = lambda way: _Nobody()
        return await original(other, letter)

    return send


def _no_second_way(found: Any, *args: Any, **named: Any) -> Any:
    return None if found is None else []


def _less(found: Any, *args: Any) -> Any:
    return replace(found, add=found.add[:0])


def _called_done(conn: Any, claimed: Any, due_at: Any, **named: Any) -> None:
    mine = (writing_tables.desired.c.ticket == claimed.ticket, writing_tables.desired.c.claimed_by == claimed.worker)
    conn.execute(update(writing_tables.desired).where(*mine).values(status="confirmed", reason=None, claimed_by=None, lease_until=None))


def _no_room(conn: Any, deliveries: Any) -> Any:
    raise no_room()


def _sooner(found: Any, step: Any, armed_at: Any, *args: Any) -> Any:
    return None if found is None else max(found - timedelta(minutes=2), armed_at)


def _not_in_hand(given: Any, *args: Any) -> Any:
    return {**given, "case.acknowledged": False}


def _queueless(original: Any) -> Any:
    return lambda state: original.fget(state)._replace(queue=None)


def _with_a_name(message: Any, *args: Any, **named: Any) -> Any:
    return replace(message, text=f"{message.text}\nSomebody was bitten.")


ALL: dict[str, Mutant] = {
    # 0 lost
    "answers_and_loses": Mutant("kept", inbox, "keep", after(_loses_what_it_answered)),
    "hears_no_export": Mutant("heard", stream.Stream, "_told", never()),
    # 0 doubled
    "the_door_is_shut": Mutant("open_door", inbox, "keep", lambda original: _no_room),
    "every_repeat_is_new": Mutant("once", webhooks.Door, "_key", _keys_by_arrival),
    "own_changes_are_news": Mutant("heard", read_audits, "_marker", always(None)),
    # conserved, unharmed
    "repeats_are_not_counted": Mutant("conserved", inbox, "keep", after(_forgets_repeats)),
    "second_tries_are_dead": Mutant("unharmed", claiming, "claim", after(_dead_at_once)),
    # order
    "order_by_content": Mutant("ordered", Moment, "order", lambda original: property(_by_content)),
    # judged, explained
    "everybody_is_the_requester": Mutant("judged", words.Speaker, "is_requester", always(True)),
    "records_fewer_rules": Mutant(
        "explained", decision_writer, "record_text", before(lambda number, one, outcome, matched, seen: (number, one, outcome, "[]", seen))
    ),
    "calls_are_in_no_queue": Mutant("placed", casestate.CaseState, "worst", lambda original: property(_queueless(original))),
    # together
    "names_join_nobody": Mutant("together", link, "_named", always(())),
    "guesses_join_nobody": Mutant("together", link, "_guessed", always(())),
    # converges
    "adds_no_tags": Mutant("converges", writing, "plan", after(_less)),
    "what_people_took_comes_back": Mutant(
        *("converges", writing, "plan", before(lambda current, wish, ours: (current, wish, replace(ours, tags={})))),
        scene="a tag of ours is taken off",
        also=(Mutant("converges", core_heard, "_undone", always([])),),
    ),
    "forgets_wishes": Mutant("converges", desired, "wishes_changed", before(lambda conn, wished, *rest: (conn, list(wished)[1:], *rest))),
    "what_failed_is_done": Mutant("converges", desired, "later", lambda original: _called_done),
    # of others
    "overwrites_others": Mutant("foreign", ZendeskClient, "update", _tags_of_ours_alone),
    "gives_nothing_back": Mutant("foreign", writing, "overwritten", always(Edit())),
    # careful
    "writes_whatever_the_mode": Mutant("careful", writemode, "in_force", always(writemode.Mode("live", "live", ""))),
    "notes_in_public": Mutant("careful", ZendeskClient, "update", _in_public),
    "solves_tickets": Mutant("careful", ZendeskClient, "update", _solves),
    "notes_again_and_again": Mutant(
        "noted_once", writing, "plan", before(lambda current, wish, ours: (current, wish, replace(ours, notes=frozenset())))
    ),
    "never_has_enough": Mutant("bounded", Edit, "__bool__", always(True)),
    "fights_for_ever": Mutant("bounded", writing.Writing, "_fought_over", never(False), "somebody asks without end"),
    # told
    "due_much_later": Mutant(
        "told", escalation, "step_due", after(lambda found, *args: None if found is None else found + timedelta(minutes=7))
    ),
    "due_too_early": Mutant("told_once", escalation, "due", after(_sooner)),
    "the_clock_stands": Mutant("told", due_cases.DueTimes, "round", never()),
    "keeps_no_notices": Mutant("told", notices, "note", always(0)),
    "nobody_is_silence": Mutant("told", paging.Planner, "_say_nobody", always(False), "nobody is on duty"),
    "one_way_is_enough": Mutant("reached", outgoing, "settle", after(_no_second_way), "chat is refused"),
    "tells_again": Mutant("told_once", outgoing, "settle", _resends),
    "tells_by_another_way": Mutant("told_once", notify.Notify, "_send", _unsent),
    "calls_it_sent": Mutant("told_once", notify.Notify, "_send", _swallows),
    "acknowledged_in_vain": Mutant("left_alone", casestate.CaseState, "view", after(_not_in_hand), "somebody has it in hand"),
    # provable, private
    "seals_nothing": Mutant("chained", seal.Sealer, "seal", never()),
    "links_to_nothing": Mutant("chained", sealing, "link_hash_of", before(lambda seq, previous, record: (seq, "0" * 64, record))),
    "acts_leave_no_trace": Mutant("recorded", Entry, "change", always(None)),
    "words_in_messages": Mutant("private", notify, "about_cases", after(_with_a_name)),
    # gone
    "keeps_what_was_redacted": Mutant("forgotten", redaction.Redactions, "take_out", always(None), "what was said is redacted"),
    "keeps_what_was_deleted": Mutant("forgotten", redaction.Redactions, "forget", always(None), "it is deleted for good"),
    "the_gone_are_escalated": Mutant(
        "over", core_heard, "_escalates_no_more", lambda original: lambda state, *rest: state, "two of one person are merged"
    ),
}
"""By name, in the order of the laws."""


def order(within: int, scene: str = "") -> list[int]:
    """The seeds that try to catch one, those with its scene first."""
    return sorted(range(1, within + 1), key=lambda seed: scene not in {name for _, name in traits(seed).scenes} if scene else False)
