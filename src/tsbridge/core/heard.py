"""What a moment tells a case: the state with it, before it is judged.

Facts, what people undid by it and so is not asked for again, who has the case in hand, what it resolves or opens again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.core.casestate import NAMED, NO_THREAD, CaseState, Escalation
from tsbridge.core.escalation import Armed
from tsbridge.core.helpdesk import Asked
from tsbridge.core.moments import GIVEN, UNJUDGED, Interaction, Moment, Value
from tsbridge.core.places import first_at
from tsbridge.core.thread import NOTHING, Given, Taken, Thread, asked_singles
from tsbridge.core.track import ASSIGNEE, DONE, Track, key_of, subject_of, tag_set
from tsbridge.core.values import alike

FOLLOWED: Final = {"case.followed_severity": "case.severity", "case.followed_category": "case.category"}
"""What a follow-up tells of the ticket it follows, by the field it is read from."""


def hear(
    state: CaseState, moment: Moment, subject: Interaction, place: str, anew: bool
) -> tuple[CaseState, dict[str, Value], tuple[str, ...]]:
    """The state after a subject's moment was told and before it is judged; the values before it; the fields it changed."""
    key = key_of(subject)
    name = state.thread_of(key)
    before, thread = state.tracks.get(key) or Track(moment.at), state.threads.get(name, NO_THREAD)
    told: dict[str, Any]
    if moment.source == "desk":
        told, previous = {"latest": state.latest or key, **_heard_at_desk(state, moment, key, place)}, dict(before.facts)
        changed: tuple[str, ...] = ()
        thread = thread._replace(latest=thread.latest or key)
        if moment.event == GIVEN and (given := _given(state, moment, key, place)) is not None:
            facts = dict(moment.facts)
            named = {"assignee": str(facts["case.assignee"]), "agent": given.agent, "assigned_because": given.because}
            told, thread = {**told, **named}, thread._replace(given=given, assign=Asked(named["assignee"], place))
    else:
        track, previous, changed = before.hear(moment)
        outdated = before.is_outdated_by(moment, changed)
        undone = _undone(state, moment, previous, track.facts, changed, outdated=outdated) if changed else []
        if undone:  # before the requester spoke: what this very moment asks for comes after it
            at = first_at(moment.at) if anew else place
            track = replace(track, declined={**track.declined, **dict.fromkeys(undone, at)})
        track = _follow(state, track)
        told = {"tracks": {**state.tracks, key: track}, "latest": key}
        now: dict[str, Any] = {"latest": key}
        if anew and moment.event not in UNJUDGED:
            now["stirred"] = place
        way = before.taken_by(moment) if thread.taken is None else None
        if way is not None and not (way == "assignment" and moment.impression and _is_as_we_assigned(state, key, track)):
            now["taken"] = Taken(moment.at, moment.actor.id, way)
        thread = _defended(state, moment, track, thread, place, outdated=outdated)._replace(**now)
    if moment.event in UNJUDGED:  # known of old, heard only now: the case is as old as what happened in it
        known = state._replace(**{**told, "latest": state.latest or key, "judged_to": place})
        return known.with_thread(name, thread) if name in state.threads or thread.tags else known, previous, changed
    threads = {**told.pop("threads", state.threads), name: thread}
    opened_at = state.opened_at or moment.at
    heard = state._replace(**told, threads=threads, opened_at=opened_at, last_at=moment.at, judged_to=place, rests_at=None)
    if heard.is_frozen(key):
        heard = _escalates_no_more(heard, name, subject, moment.at)
    return _settle_status(heard, state, name, moment, anew), previous, changed


def asks_anew(moment: Moment) -> bool:
    """Whether the moment may bring back what a person took off: one by the requester or of a call, never an edit of the tags.

    Agents are requesters, too, of tickets they open themselves.
    """
    if moment.source == "talkdesk" or moment.event == "ticket.created":
        return True
    return moment.actor.kind == "requester" and not _edits_tags(moment)


def _edits_tags(moment: Moment) -> bool:
    if moment.changes:
        return any(change.field == "tags" for change in moment.changes)
    return moment.event == "ticket.updated" and not moment.texts and any(name == "tags" for name, _ in moment.facts)


def _given(state: CaseState, moment: Moment, key: str, place: str) -> Given | None:
    """The assignment that a moment of the desk's own tells; None where somebody else has the ticket by then: people win."""
    facts = dict(moment.facts)
    held = state.holder(key)
    if held is not None and held.id not in (facts.get("case.instead_of"), facts["case.assignee"]):
        return None
    return Given(place, str(facts["case.agent"]), str(facts["case.from_queue"]), str(facts["case.because"]))


def _is_as_we_assigned(state: CaseState, key: str, track: Track) -> bool:
    """Whether the assignee is the one that we asked for: a snapshot does not tell who wrote it."""
    asked = state.asked_of(key).assign
    return asked is not None and asked.value == track.facts.get(ASSIGNEE)


def _heard_at_desk(state: CaseState, moment: Moment, key: str, place: str) -> dict[str, Any]:
    """What a moment of the desk makes different. An assignment to a Zendesk user and a note reach the case's tickets."""
    facts = dict(moment.facts)
    if moment.event == "case.acknowledged":
        # The policies of every thread are asked whether that stops them, an instant later.
        soon = moment.at + timedelta(microseconds=1)
        asked = {n: t._replace(step_due=min(t.step_due or soon, soon)) if t.armed else t for n, t in state.threads.items()}
        first = state.acknowledged or Taken(moment.at, moment.actor.id, str(facts.get("desk.way", "api")))
        return {"acknowledged": first, "threads": asked}
    if moment.event == "case.assigned":
        value = facts.get("case.assignee")
        told: dict[str, Any] = {"assignee": None if value is None else str(value), "assigned_because": NAMED}
        told["agent"] = None if (agent := facts.get("case.agent")) is None else str(agent)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            told["whole"] = state.whole._replace(assign=Asked(value, place))
        return told
    if moment.event == "case.noted" and isinstance(text := facts.get("desk.note"), str):
        return {"notes": (*state.notes, (f"desk:{moment.digest[:16]}#1", text, key))}
    return {}


def _follow(state: CaseState, track: Track) -> Track:
    """A follow-up remembers what the ticket it follows was when it was made: what becomes of that later is its own."""
    followed = track.facts.get("ticket.follows")
    if followed is None or FOLLOWED.keys() <= track.facts.keys():
        return track
    was = state.view(Interaction("zendesk", str(followed)), "") if f"zendesk:{followed}" in state.tracks else {}
    return replace(track, facts={**track.facts, **{name: was.get(of) for name, of in FOLLOWED.items()}})


def _undone(
    state: CaseState, moment: Moment, previous: Mapping[str, Value], now: Mapping[str, Value], changed: Collection[str], *, outdated: bool
) -> list[str]:
    """What somebody other than us changed that we had asked for; a person's move of the group counts from the start.

    A stale list of tags undoes none: nobody meant it.
    """
    if moment.actor.kind in ("us", "system"):
        return []
    if moment.impression and not moment.changes:
        return []  # a snapshot of unsure age undoes nothing: what people did stands in the audits
    asked, undone = state.asked_of(key_of(moment.subject)), list[str]()
    if "tags" in changed and not outdated:
        had, has = tag_set(previous["tags"]), tag_set(now["tags"])
        undone += [f"tag:{tag}" for tag in sorted(had - has) if tag in asked.tags]
        undone += [f"absent:{tag}" for tag in sorted(has - had) if tag in asked.absent]
    if moment.actor.kind in ("agent", "unknown") and "ticket.group_id" in changed:
        undone.append("ticket.group_id")
    undone += [name for name, one in asked_singles(asked) if name in changed and not alike(now[name], one.value)]
    return undone


def _defended(state: CaseState, moment: Moment, track: Track, thread: Thread, place: str, *, outdated: bool) -> Thread:
    """Tags that something other than a person took off again (a trigger inside our own update, a stale list) are asked for anew;
    so are those to be off that a stale list put back.

    The writer's budget ends such a fight and says so.
    """
    by_rule = moment.actor.kind in ("us", "system") and moment.event not in UNJUDGED and not moment.impression
    if not outdated and not (by_rule and "tags" in dict(moment.facts)):
        return thread
    has, asked = tag_set(track.facts["tags"]), state.asked_of(key_of(moment.subject))
    lost = {tag: place for tag, _ in track.stands("tag", asked.tags) if tag not in has}
    back = {tag: place for tag, _ in track.stands("absent", asked.absent) if outdated and tag in has}
    return thread._replace(tags={**thread.tags, **lost}, absent={**thread.absent, **back})


def _settle_status(state: CaseState, before: CaseState, name: str, moment: Moment, anew: bool) -> CaseState:
    """Resolved by a supervisor, or when every ticket is done; stirred again by the requester, a call or a reopened ticket.

    A thread whose own tickets are done rests by itself; the case is open while any thread is.
    """
    if moment.event == "case.resolved":
        return _stopped(state, state.threads, moment.at)
    done = _done(state, name)
    if done and not _done(before, name):
        over = _stopped(state, (name,), moment.at)
        return _stopped(over, state.threads, moment.at) if _done(over) else over
    thread = state.threads[name]
    if not thread.resolved and not before.resolved:
        return state
    stirred = anew and moment.source != "desk" and not (done and moment.source == "zendesk")
    if stirred or (_any_open(state, name) and not _any_open(before, name)):
        # A fresh start: what fired before the case was resolved fires again.
        own = {of: one._replace(firing=()) for of, one in thread.own.items()}
        again = state.with_thread(name, thread._replace(resolved=False, taken=None, own=own))
        return again._replace(reopened=True, acknowledged=None) if before.resolved else again
    return state


def _done(state: CaseState, name: str | None = None) -> bool:
    """Whether all tickets, of a thread or of the whole case, are done. Calls have no end of their own."""
    statuses = [t.status for k, t in state.tracks.items() if k.startswith("zendesk:") and name in (None, state.thread_of(k))]
    return bool(statuses) and all([status in DONE for status in statuses])


def _any_open(state: CaseState, name: str) -> bool:
    tickets = [t for k, t in state.tracks.items() if k.startswith("zendesk:") and name == state.thread_of(k)]
    return any([ticket.status not in DONE for ticket in tickets])


def _stopped(state: CaseState, names: Iterable[str], at: datetime) -> CaseState:
    """These threads resolved: what is armed in them stops."""
    threads, over = dict(state.threads), list(state.ended)
    for name in sorted(names):
        thread = threads[name]
        over += _over(thread.armed, at)
        threads[name] = thread._replace(resolved=True, armed=())
    return state._replace(threads=threads, ended=tuple(over))


def _escalates_no_more(state: CaseState, name: str, subject: Interaction, at: datetime) -> CaseState:
    """What a ticket armed stops when it is closed, merged into another or deleted, though its thread goes on with others. It goes on where
    one of these asked for it, too, and armed nothing because this one had."""
    thread = state.threads[name]
    if not any([armed.interaction == subject for armed in thread.armed]):
        return state
    rest: list[Armed] = []
    over: list[Armed] = []
    for one in thread.armed:
        if one.interaction != subject:
            rest.append(one)
        elif (heir := _heir(state, thread, key_of(subject), one)) is not None:
            rest.append(replace(one, interaction=heir))
        else:
            over.append(one)
    return state.with_thread(name, thread._replace(armed=tuple(rest)))._replace(ended=state.ended + _over(over, at))


def _heir(state: CaseState, thread: Thread, key: str, armed: Armed) -> Interaction | None:
    """Another of a thread that can still be moved, for which goes on what this one armed: one that asked for it, or is no less severe by a
    rule that fires for this one, too."""
    gone = thread.own.get(key, NOTHING)
    for other, own in sorted(thread.own.items()):
        if other == key or state.is_frozen(other):
            continue
        severe = own.severity is not None and gone.severity is not None and own.severity <= gone.severity
        if (armed.policy, armed.armed_at) in own.escalates or (severe and set(own.firing) & set(gone.firing)):
            return subject_of(other)
    return None


def _over(armed: Iterable[Armed], at: datetime) -> tuple[Escalation, ...]:
    return tuple([Escalation(a.policy, a.next_step + 1, a.armed_at, "stopped", at, a.interaction, a.rests, a.version) for a in armed])
