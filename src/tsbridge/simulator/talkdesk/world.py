"""A Talkdesk account with memory: people, agents, calls and what is left of them.

Pure: the clock and the randomness come in, nothing goes out. Every act that a real account has an automation for
appends a `Firing` to `firings`; delivering them is another module's work. Ids may be given, so that a scenario can name a
call before it happens; otherwise they are drawn from `random`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

RECORDING_AFTER = timedelta(seconds=45)
"""A recording is not there at hang-up; consumers of the real thing wait between half a minute and ten."""


ACCOUNT_ID = "5f1e0c9a7b2d4e0011aa22bb"


class Unfit(Exception):
    """An act that this account cannot do: an unknown call, a call in the wrong state. The message says what was expected."""


@dataclass(slots=True)
class Contact:
    id: str
    name: str
    phone: str = ""
    email: str = ""
    zendesk_user_id: str = ""


@dataclass(slots=True)
class Agent:
    id: str
    name: str
    email: str
    ring_groups: tuple[str, ...] = ()
    zendesk_user_id: str = ""


@dataclass(slots=True)
class Recording:
    """`type` is `conversation` or `voicemail`. Invisible to the API before `ready_at`."""

    id: str
    call_id: str
    index: int
    type: str
    duration: int
    created_at: datetime
    ready_at: datetime
    agent_id: str = ""


@dataclass(slots=True)
class Call:
    """`state`: ringing, talking, ended, missed, abandoned, voicemail. `ticket_id`: what the flow passed on, if anything."""

    id: str
    interaction_id: str
    phone: str
    line: str
    ring_groups: tuple[str, ...]
    started_at: datetime
    direction: str = "inbound"
    contact_id: str = ""
    ticket_id: str = ""
    state: str = "ringing"
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    agent_id: str = ""
    previous_agent_id: str = ""
    wait_s: float = 0.0
    hold_s: int = 0
    hangup: str = ""
    transferred: bool = False
    disposition: str = ""
    transcription: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state not in ("ringing", "talking")


@dataclass(frozen=True, slots=True)
class Firing:
    """An automation that fired: what happened to which call, with the text it carries, as of `at`."""

    event: str
    at: datetime
    call: dict[str, Any]
    contact: dict[str, Any] | None
    agent: dict[str, Any] | None
    title: str = ""
    content: str = ""


class World:
    """One account. Acts raise `Unfit` and change nothing when they cannot be done."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        rng: random.Random,
        *,
        account: str = "examplecorp",
        account_id: str = ACCOUNT_ID,
        opens: int = 6,
        closes: int = 22,
    ) -> None:
        self.clock = clock
        self._random = rng
        self.account = account
        self.account_id = account_id
        self.contacts: dict[str, Contact] = {}
        self.agents: dict[str, Agent] = {}
        self.calls: dict[str, Call] = {}
        self.recordings: dict[str, Recording] = {}
        self.firings: list[Firing] = []
        self._hours = (opens, closes)

    def new_id(self, length: int = 32) -> str:
        return f"{self._random.getrandbits(length * 4):0{length}x}"

    # -- people ------------------------------------------------------------------------------------------------

    def contact(self, name: str, *, phone: str = "", email: str = "", zendesk_user_id: str = "", id: str = "") -> Contact:
        known = self.contacts.get(id) if id else None
        if known is not None:
            return known
        made = Contact(id or self.new_id(24), name, phone, email, zendesk_user_id)
        self.contacts[made.id] = made
        return made

    def agent(self, name: str, email: str, *, ring_groups: Iterable[str] = (), zendesk_user_id: str = "", id: str = "") -> Agent:
        known = next((a for a in self.agents.values() if a.email == email), None)
        if known is not None:
            return known
        made = Agent(id or self.new_id(24), name, email, tuple(ring_groups), zendesk_user_id)
        self.agents[made.id] = made
        return made

    # -- the life of a call ------------------------------------------------------------------------------------

    def starts(
        self,
        phone: str,
        line: str,
        *,
        ring_groups: Iterable[str] = (),
        contact_id: str = "",
        ticket_id: str = "",
        id: str = "",
        direction: str = "inbound",
    ) -> Call:
        """An inbound call reaches the contact centre. The same number's only contact is recognised."""
        call_id = id or self.new_id()
        if call_id in self.calls:
            raise Unfit("the call already exists")
        if not contact_id and phone:
            matching = [c.id for c in self.contacts.values() if c.phone == phone]
            contact_id = matching[0] if len(matching) == 1 else ""
        call = Call(call_id, call_id, phone, line, tuple(ring_groups), self.clock(), direction, contact_id=contact_id, ticket_id=ticket_id)
        self.calls[call_id] = call
        self._fire("call.started", call)
        return call

    def answers(self, call_id: str, agent: str = "") -> Call:
        call = self._in_state(call_id, "ringing")
        call.state, call.answered_at = "talking", self.clock()
        call.wait_s = round((call.answered_at - call.started_at).total_seconds() + self._random.random(), 3)
        call.agent_id = self._agent(agent).id
        self._fire("call.answered", call)
        return call

    def transfers(self, call_id: str, agent: str = "", ring_groups: Iterable[str] = ()) -> Call:
        call = self._in_state(call_id, "talking")
        call.previous_agent_id, call.agent_id = call.agent_id, self._agent(agent, other_than=call.agent_id).id
        call.transferred, call.ring_groups = True, tuple(ring_groups) or call.ring_groups
        self._fire("call.transferred", call)
        return call

    def holds(self, call_id: str, seconds: int) -> Call:
        """No automation fires for hold; it only shows at the end."""
        call = self._in_state(call_id, "talking")
        call.hold_s += seconds
        return call

    def ends(self, call_id: str, hangup: str = "Handled") -> Call:
        call = self._in_state(call_id, "talking")
        self._over(call, "ended", hangup)
        self._record(call, "conversation", self.talk_s(call), call.agent_id)
        self._fire("call.ended", call)
        return call

    def misses(self, call_id: str) -> Call:
        call = self._in_state(call_id, "ringing")
        self._over(call, "missed", "Offered")
        self._fire("call.missed", call)
        return call

    def abandons(self, call_id: str) -> Call:
        call = self._in_state(call_id, "ringing")
        self._over(call, "abandoned", "Waiting")
        self._fire("call.abandoned", call)
        return call

    def leaves_voicemail(self, call_id: str, transcription: str, seconds: int = 30) -> Call:
        call = self._in_state(call_id, "ringing")
        self._over(call, "voicemail", "IVR")
        call.transcription = transcription
        self._record(call, "voicemail", seconds, "")
        self._fire("voicemail.left", call)
        return call

    def disposes(self, call_id: str, disposition: str) -> Call:
        """A disposition is set in the after-call window, which may stay open for long."""
        call = self._known(call_id)
        if not call.over:
            raise Unfit("expected a call that is over")
        call.disposition = disposition
        self._fire("disposition.set", call)
        return call

    def notes(self, call_id: str, title: str, content: str) -> Call:
        call = self._known(call_id)
        call.notes.append((title, content))
        self._fire("note.created", call, title=title, content=content)
        return call

    # -- what the API reads ------------------------------------------------------------------------------------

    def total_s(self, call: Call) -> int:
        return int(((call.ended_at or self.clock()) - call.started_at).total_seconds())

    def talk_s(self, call: Call) -> int:
        if call.answered_at is None:
            return 0
        return int(((call.ended_at or self.clock()) - call.answered_at).total_seconds())

    def recordings_of(self, call_id: str) -> list[Recording]:
        """The recordings of a call that are ready by now."""
        now = self.clock()
        return [r for r in self.recordings.values() if r.call_id == call_id and r.ready_at <= now]

    def in_business_hours(self, at: datetime) -> bool:
        return at.weekday() < 5 and self._hours[0] <= at.hour < self._hours[1]

    # -- inside ------------------------------------------------------------------------------------------------

    def _known(self, call_id: str) -> Call:
        call = self.calls.get(call_id) or next((c for c in self.calls.values() if c.interaction_id == call_id), None)
        if call is None:
            raise Unfit("unknown call")
        return call

    def _in_state(self, call_id: str, state: str) -> Call:
        call = self._known(call_id)
        if call.state != state:
            raise Unfit(f"expected a call that is {state}, found one that is {call.state}")
        return call

    def _agent(self, email: str, other_than: str = "") -> Agent:
        if email:
            return next((a for a in self.agents.values() if a.email == email), None) or self.agent(email.partition("@")[0].title(), email)
        free = [a for a in self.agents.values() if a.id != other_than]
        return self._random.choice(free) if free else self.agent("Owen Pike", f"owen.pike{len(self.agents)}@example.com")

    def _over(self, call: Call, state: str, hangup: str) -> None:
        call.state, call.ended_at, call.hangup = state, self.clock(), hangup
        if call.answered_at is None:
            call.wait_s = round((call.ended_at - call.started_at).total_seconds(), 3)

    def _record(self, call: Call, kind: str, duration: int, agent_id: str) -> None:
        now = self.clock()
        index = sum(1 for r in self.recordings.values() if r.call_id == call.id)
        made = Recording(self.new_id(), call.id, index, kind, duration, now, now + RECORDING_AFTER, agent_id)
        self.recordings[made.id] = made

    def _fire(self, event: str, call: Call, *, title: str = "", content: str = "") -> None:
        contact, agent, previous = self.contacts.get(call.contact_id), self.agents.get(call.agent_id), call.previous_agent_id
        at = self.clock()
        self.firings.append(
            Firing(
                event,
                at,
                {
                    "id": call.id,
                    "interaction_id": call.interaction_id,
                    "phone": call.phone,
                    "line": call.line,
                    "direction": call.direction,
                    "ring_groups": call.ring_groups,
                    "started_at": call.started_at,
                    "ended_at": call.ended_at,
                    "wait_s": call.wait_s,
                    "hold_s": call.hold_s,
                    "total_s": self.total_s(call),
                    "talk_s": self.talk_s(call),
                    "hangup": call.hangup,
                    "ticket_id": call.ticket_id,
                    "previous_agent_id": previous,
                    "disposition": call.disposition,
                    "transcription": call.transcription,
                    "voicemail_s": next((r.duration for r in self.recordings.values() if r.call_id == call.id), 0),
                    "in_business_hours": self.in_business_hours(call.started_at),
                    "account_id": self.account_id,
                    "account": self.account,
                },
                None if contact is None else {n: getattr(contact, n) for n in Contact.__slots__},
                None if agent is None else {n: getattr(agent, n) for n in Agent.__slots__},
                title,
                content,
            )
        )
