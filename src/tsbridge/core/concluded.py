"""What a judgement leaves: the state of the case behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from tsbridge.core.casestate import NAMED, NO_THREAD, CaseState, Escalation
from tsbridge.core.escalation import Armed, Books, next_due
from tsbridge.core.moments import Interaction
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.thread import NOTHING, Own, Thread, for_case
from tsbridge.core.track import key_of


def conclude(
    state: CaseState,
    judgement: Judgement,
    subject: Interaction,
    place: str,
    at: datetime,
    anew: bool,
    books: Books,
    quiet: datetime | None = None,
) -> CaseState:
    """The state after a judgement. `anew`: the moment may bring back what a person undid. `quiet`: up to when it is."""
    key = key_of(subject)
    name = state.thread_of(key)
    before = state.threads.get(name, NO_THREAD)
    own, asks = before.own.get(key, NOTHING), judgement
    if judgement.queue and before.queue is None and judgement.queue == state.stands_for(subject).queue:
        asks = judgement._replace(queue=None)  # a call that leaves the case where it is moves no ticket
    matched = {match.key for match in judgement.matched}
    leaves: dict[str, Any] = {
        "firing": tuple([rule for rule in judgement.firing if rule in matched or rule in own.firing]),
        "turns_at": judgement.turns_at,
        "quiet": quiet,
        "escalates": tuple(_asked_too(own, judgement, subject, books)) if before.armed else (),
    }
    level, armed = max(before.level, judgement.level), () if before.resolved else judgement.armed
    step_due = _step_due(judgement, armed, books)
    thread = before.asked(asks, key, place, anew, leaves, level=level, armed=armed, step_due=step_due)
    told: dict[str, Any] = {}
    if (assign := thread.assign) is not None and assign is not before.assign:
        told = {"assignee": str(assign.value), "agent": None, "assigned_because": NAMED}
    if judgement.for_case:
        told["whole"] = state.whole.asked(for_case(judgement), key, place, anew)
    if judgement.notes:
        told["notes"] = state.notes + tuple(_numbered(judgement, key, state.notes))
    if before.armed or judgement.steps or judgement.passed:
        taken = state.acknowledged is not None or before.taken is not None
        told["ended"] = state.ended + _ended(before, judgement, subject, at, books, taken=taken)
    return state._replace(**told, threads={**state.threads, name: thread}, judged_to=max(place, state.judged_to), steps=state.steps + 1)


def _asked_too(own: Own, judgement: Judgement, subject: Interaction, books: Books) -> Iterator[tuple[str, datetime]]:
    """What is armed by another interaction that rules about this one asked for as well: of those that begin to match, and of before."""
    theirs = {one.policy: one.armed_at for one in judgement.armed if one.interaction != subject}
    if not theirs:
        return
    begun = {match.key for match in judgement.matched} - set(own.firing)
    asked = {action.value for rule in books.book.escalation if rule.key in begun for action in rule.then if action.name == "escalate"}
    yield from (one for one in sorted(theirs.items()) if one in own.escalates or one[0] in asked)


def _step_due(judgement: Judgement, armed: Sequence[Armed], books: Books) -> datetime | None:
    """When the next step comes due; working it out again is spared where nothing else may come before it."""
    if not armed:
        return None
    return judgement.next_due if judgement.turns_at is None else next_due(books, armed)


def _numbered(judgement: Judgement, place: str, left: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """The notes of a judgement, named by rule and count of firings on their interaction: what joins the case changes no name. `left`:
    those that were left before."""
    told = Counter(key.partition("#")[0] for key, _, of in left if of == place)
    for note in judgement.notes:
        name = note.key.partition("@")[0]
        told[name] += 1
        yield f"{name}#{told[name]}", note.text, place


def _ended(
    before: Thread, judgement: Judgement, subject: Interaction, at: datetime, books: Books, *, taken: bool
) -> tuple[Escalation, ...]:
    """The steps that are over by a judgement: fired, passed, or never to come, which is by somebody's hand where the thread is `taken`."""
    armed = {a.policy: a for a in before.armed}
    fresh = Armed("", at, 0, subject, version=books.version)
    fired = tuple(
        Escalation(s.policy, s.index + 1, (a := armed.get(s.policy, fresh)).armed_at, word, at, a.interaction, a.rests, a.version)
        for word, steps in (("fired", judgement.steps), ("passed", judgement.passed))
        for s in steps
    )
    still = {a.policy for a in judgement.armed}
    word = "acknowledged" if taken else "stopped"
    ran = {(s.policy, s.index) for s in (*judgement.steps, *judgement.passed)}
    over = tuple(
        Escalation(a.policy, step + 1, a.armed_at, word, at, a.interaction, a.rests, a.version)
        for a in before.armed
        if a.policy not in still and (policy := books.policy(a)) is not None
        for step in range(a.next_step, len(policy.steps))
        if (a.policy, step) not in ran
    )
    return fired + over
