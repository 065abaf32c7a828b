"""What a case carries from one moment to the next, and what it wishes of its tickets.

Values in, values out: what a moment tells (`core.heard`) and what a judgement leaves (`core.concluded`) make a new state of it. The state
holds no texts (they stay with their moments) and no database ids, so that it is small to keep and the same on every machine.

People win, told by order: everything asked for remembers the newest moment that asked (`by`), everything a person undid
remembers when (`declined`). What was asked before it was undone stays undone; a later asking by the requester, a call
or the clock brings it back.

Interactions joined by name are one *thread*: what rules set and ask for there holds for all of them and for nobody else.
A guess shows, counts and lets a call see the whole case; it never carries one ticket's tags, fields or notes onto another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from tsbridge.core.escalation import Armed, Rest
from tsbridge.core.helpdesk import Asked, Wish
from tsbridge.core.moments import BARS, Interaction, Value
from tsbridge.core.rules.judgement import Beside
from tsbridge.core.severities import weight, worst
from tsbridge.core.thread import NOTHING, Given, Own, Taken, Thread, merged_of
from tsbridge.core.track import ASSIGNEE, DONE, EMPTY, FROZEN, Track, key_of, tag_set

CASE_FIELDS: Final = (
    *("case.id", "case.severity", "case.category", "case.queue", "case.interactions", "case.channels"),
    *("case.reopened", "case.acknowledged", "case.escalation_level", "case.worst_severity"),
)
"""What a view tells of the case itself."""
NAMED: Final = "named by a rule or a supervisor"
TAKEN: Final = "assigned in Zendesk"


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step that is over, `at` that time. `status`: fired, acknowledged (somebody moved first), stopped, or passed (over: it came due in
    quiet times). `step` counts from 1.

    `rests`: when the policy's clock rested before. `version`: as in `Armed`.
    """

    policy: str
    step: int
    armed_at: datetime
    status: str
    at: datetime
    interaction: Interaction
    rests: tuple[Rest, ...] = ()
    version: int = 0


class Holder(NamedTuple):
    """Who has a ticket: a Zendesk user's id (or the word a supervisor named somebody by), their key in the roster where the story tells
    it, and why. `given`: the desk gave it to them by itself."""

    id: str
    agent: str | None
    because: str
    given: Given | None = None


NO_THREAD: Final = Thread()


class CaseState(NamedTuple):
    """A case after some moment of its story. `judged_to` is that moment's place; places compare as text.

    `acknowledged`: at our desk, for the first time; see `in_hand`.
    `joined`: of an interaction the first one it is joined with by name, which names their thread; itself where it is left out.
    `whole`: what rules asked of the whole case (`scope: case`).
    `steps`: how many decisions made it.
    `assignee`, `agent`, `assigned_because`: whom a rule, a supervisor or the desk itself named last; see `holder`.
    """

    opened_at: datetime | None = None
    last_at: datetime | None = None
    judged_to: str = ""
    latest: str = ""
    tracks: Mapping[str, Track] = EMPTY
    joined: Mapping[str, str] = EMPTY
    threads: Mapping[str, Thread] = EMPTY
    whole: Thread = NO_THREAD
    assignee: str | None = None
    agent: str | None = None
    assigned_because: str = NAMED
    acknowledged: Taken | None = None
    reopened: bool = False
    notes: tuple[tuple[str, str, str], ...] = ()
    ended: tuple[Escalation, ...] = ()
    rests_at: datetime | None = None
    steps: int = 0

    # -- the whole case, out of its threads --------------------------------------------------------------------

    def thread_of(self, key: str) -> str:
        return self.joined.get(key, key)

    def thread(self, subject: Interaction) -> Thread:
        return self.threads.get(self.thread_of(key_of(subject)), NO_THREAD)

    def with_thread(self, name: str, thread: Thread) -> CaseState:
        return self._replace(threads={**self.threads, name: thread})

    def is_frozen(self, key: str) -> bool:
        return key in self.tracks and self.tracks[key].status in FROZEN

    @property
    def worst(self) -> Thread:
        """The thread that the case is shown by: the most severe one, of equals the oldest. A call that moves no ticket is in no queue of
        its own: the case stays where the next one is."""
        if len(self.threads) == 1 and len(self.tracks) == 1:  # most cases are one ticket or one call
            ((name, thread),) = self.threads.items()
            return thread if self.thread_of(next(iter(self.tracks))) == name else NO_THREAD
        opened: dict[str, tuple[datetime, str]] = {}
        for key, track in self.tracks.items():
            name = self.thread_of(key)
            opened[name] = min(opened.get(name, (track.opened_at, key)), (track.opened_at, key))
        ranked = [(9 if t.severity is None else t.severity, *opened[name], name) for name, t in self.threads.items() if name in opened]
        if not ranked:
            return NO_THREAD
        worst = self.threads[min(ranked)[-1]]
        if worst.queue is not None:
            return worst
        others = (self.threads[name].routed for *_, name in sorted(ranked))
        return worst._replace(own={**worst.own, "": Own(queue=next((queue for queue in others if queue is not None), None))})

    @property
    def severity(self) -> int | None:
        return self.worst.severity

    @property
    def category(self) -> str | None:
        return self.worst.category

    @property
    def queue(self) -> str | None:
        return self.worst.queue

    @property
    def level(self) -> int:
        return max([thread.level for thread in self.threads.values()], default=0)

    @property
    def tags(self) -> frozenset[str]:
        """Every tag that is asked for on any of its tickets."""
        return frozenset([tag for thread in (*self.threads.values(), self.whole) for tag in thread.tags])

    @property
    def armed(self) -> tuple[Armed, ...]:
        return tuple([one for _, thread in sorted(self.threads.items()) for one in thread.armed])

    @property
    def escalated(self) -> bool:
        """Whether any step of a policy is over or to come."""
        return bool(self.ended) or any([thread.armed for thread in self.threads.values()])

    @property
    def in_hand(self) -> Taken | None:
        """Who has the case, by what came first: a supervisor acknowledged it, or an agent took the ticket that it is shown by."""
        return self.taken_of(self.worst)

    def taken_of(self, worst: Thread) -> Taken | None:
        """`in_hand`, given the thread that the case is shown by."""
        if self.acknowledged is None or worst.taken is None:
            return self.acknowledged or worst.taken
        return min(self.acknowledged, worst.taken, key=lambda taken: taken.at)

    @property
    def resolved(self) -> bool:
        return bool(self.threads) and all([thread.resolved for thread in self.threads.values()])

    def at_rest(self) -> CaseState:
        """The state once its calls have come to rest (`core.rest`)."""
        threads = {name: thread._replace(resolved=True) for name, thread in self.threads.items()}
        return self._replace(threads=threads, rests_at=None)

    # -- who has it --------------------------------------------------------------------------------------------

    def holder(self, key: str) -> Holder | None:
        """Who has a ticket: whom we ask for, as long as nobody undid it, else whom it was last heard to be assigned to."""
        track, asked = self.tracks.get(key), self.asked_of(key).assign
        if asked is not None and (track is None or asked.by > track.declined.get(ASSIGNEE, "")):
            given = self.threads.get(self.thread_of(key), Thread()).given
            if given is not None and given.by == asked.by:
                return Holder(str(asked.value), given.agent, given.because, given)
            return Holder(str(asked.value), self.agent if self.assignee == asked.value else None, NAMED)
        heard = None if track is None else track.facts.get(ASSIGNEE)
        return Holder(str(heard), None, TAKEN) if heard else None

    def shown_holder(self, worst: Thread | None = None) -> Holder | None:
        """Who has the case: its worst thread's oldest ticket that is not done; where it has no such ticket, whoever was named last."""
        name = self.thread_of((worst or self.worst).latest)
        tickets = [key for key in self.tracks if key.startswith("zendesk:") and self.thread_of(key) == name]
        live = sorted(tickets, key=lambda key: (self.tracks[key].status in DONE, self.tracks[key].opened_at, key))
        found = self.holder(live[0]) if live else None
        if found is None and self.assignee is not None and not (live and self.assignee.isdigit()):
            return Holder(self.assignee, self.agent, self.assigned_because)
        return found

    # -- what the judge sees -----------------------------------------------------------------------------------

    def view(self, subject: Interaction, case_id: str) -> dict[str, Value]:
        """The facts of one interaction and the case, by the field names of contract section 5."""
        key = key_of(subject)
        track, stands = self.tracks.get(key), self.stands_for(subject)
        given = {} if track is None else dict(track.facts)
        if subject.source == "zendesk" and track is not None:
            given["tags"] = self._tags_on(key, track)
        given["case.id"] = case_id
        given["case.interactions"] = len(self.tracks)
        given["case.channels"] = tuple(sorted({str(c) for t in self.tracks.values() if (c := t.facts.get("channel"))}))
        given["case.reopened"] = self.reopened
        given["case.acknowledged"] = (self.acknowledged or stands.taken) is not None
        given["case.escalation_level"] = stands.level if subject.source == "zendesk" else self.level
        has = stands.stands
        if has.severity is not None:
            given["case.severity"] = has.severity
        if has.category is not None:
            given["case.category"] = str(has.category.value)
        if has.queue is not None:
            given["case.queue"] = str(has.queue.value)
        if (worst := self.severity) is not None:
            given["case.worst_severity"] = worst
        return given

    def stands_for(self, subject: Interaction) -> Thread:
        """What rules about an interaction see of its case: a ticket its own thread, a call the whole case (contract 11.4)."""
        return self.thread(subject) if subject.source == "zendesk" else self.worst

    def firing(self, key: str, thread: Thread) -> tuple[str, ...]:
        """The rules that fire for an interaction of a thread: on itself, or on another that it is joined with by name. What fired on a
        ticket that nobody can move any more holds nothing back on the others."""
        if thread.own.keys() <= {key}:
            return thread.own.get(key, NOTHING).firing
        return tuple(sorted({rule for of, one in thread.own.items() if of == key or not self.is_frozen(of) for rule in one.firing}))

    def beside(self, key: str, mine: Thread) -> Beside | None:
        """What the others have that rules about an interaction of a thread see besides its own; None where that is nothing."""
        is_ticket = key.startswith("zendesk:")
        if (is_ticket or len(self.threads) < 2) and mine.own.keys() <= {key}:  # so it mostly is
            return None
        seen = (mine,) if is_ticket else self.threads.values()
        others = [one for thread in seen for of, one in thread.own.items() if of != key]
        severity = worst(one.severity for one in others)
        named = [one.severity for one in others if one.category is not None]
        if severity is None and not named:
            return None
        return Beside(severity, min(map(weight, named), default=None), mine.own.get(key, NOTHING).severity)

    def _tags_on(self, key: str, track: Track) -> tuple[str, ...]:
        """The ticket's tags as they will be: as last heard, with what we asked for, without what we asked off."""
        wished, has = self.asked_of(key), tag_set(track.facts.get("tags"))
        if not wished.tags and not wished.absent:
            return tuple(sorted(has))
        has |= {tag for tag, _ in track.stands("tag", wished.tags)}
        return tuple(sorted(has - {tag for tag, _ in track.stands("absent", wished.absent)}))

    def asked_of(self, key: str) -> Thread:
        """What is asked of a ticket: by its own thread, by rules about the whole case, and by calls that no ticket is named with
        if it is the case's oldest live one. Where two ask otherwise, the newest asking counts, but for what a less severe one asks."""
        name = self.joined.get(key, key)
        if len(self.threads) == 1 and self.whole is NO_THREAD and name in self.threads:
            return self.threads[name]
        asking = [self.threads[name]] if name in self.threads else []
        if len(self.threads) > 1 and key == self._first():
            with_tickets = {self.thread_of(other) for other in self.tracks if other.startswith("zendesk:")}
            asking += [thread for other, thread in sorted(self.threads.items()) if other not in with_tickets]
        return asking[0] if len(asking) == 1 and self.whole == NO_THREAD else merged_of(asking, self.whole)

    def _first(self, name: str | None = None) -> str | None:
        """The oldest live ticket, of a thread or of the whole case."""
        live = (f"zendesk:{ticket}" for ticket in self.tickets())
        return next((key for key in live if name in (None, self.thread_of(key))), None)

    def stands_like(self, other: CaseState) -> bool:
        """Whether the same stands: two states that agree here differ only in what was heard."""
        if self.assignee != other.assignee or not self.whole.stands_like(other.whole):
            return False
        names = self.threads.keys() | other.threads.keys()
        return all([self.threads.get(name, NO_THREAD).stands_like(other.threads.get(name, NO_THREAD)) for name in names])

    # -- what the case wishes of a ticket ----------------------------------------------------------------------

    def tickets(self) -> tuple[str, ...]:
        """Ids of the tickets that can still be written to, oldest first."""
        live = [(t.opened_at, key) for key, t in self.tracks.items() if key.startswith("zendesk:") and t.status not in FROZEN]
        return tuple([key.removeprefix("zendesk:") for _, key in sorted(live)])

    def wish(self, ticket: str, groups: Mapping[str, str]) -> Wish:
        """What `ticket` should look like. `groups`: queue name -> Zendesk group id.

        A note goes to the ticket it is about, else to the oldest live one of its thread; that of a call which no ticket is named
        with to the case's oldest live one.
        """
        key = f"zendesk:{ticket}"
        track, asked = self.tracks[key], self.asked_of(key)

        def stands(name: str, one: Asked | None) -> Asked | None:
            return one if one is not None and one.by > track.declined.get(name, "") else None

        own = asked.stands
        group = None if own.queue is None else groups.get(str(own.queue.value))
        notes = [
            (note if of == key else f"{note}@{of}", text)
            for note, text, of in self.notes
            if text != BARS and self._noted_on(of) == key  # of whom is forgotten nothing is written any more
        ]
        return Wish(
            tags=tuple(sorted(track.stands("tag", asked.tags))),
            absent=tuple(sorted(track.stands("absent", asked.absent))),
            priority=stands("ticket.priority", own.priority),
            group_id=stands("ticket.group_id", Asked(group, own.queue.by) if group and own.queue else None),
            assignee_id=stands("ticket.assignee_id", asked.assign),
            custom_fields=tuple([(name, one) for name, one in sorted(own.custom_fields.items()) if stands(f"ticket.custom.{name}", one)]),
            notes=tuple(sorted(notes)),
        )

    def _noted_on(self, place: str) -> str | None:
        """The ticket that a note about this interaction is written to."""
        if place.startswith("zendesk:") and place in self.tracks and not self.is_frozen(place):
            return place
        name = self.thread_of(place)
        alone = all(self.thread_of(key) != name for key in self.tracks if key.startswith("zendesk:"))
        return self._first(None if alone else name)
