"""The sheet a weekend is written down on: what happens when, who there is, and what is expected of each ticket at the end."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tsbridge.simulator import scenario_words as words

System = Literal["zendesk", "talkdesk"]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens in a vendor's account at `at`.

    `ref`: the ticket it makes or touches, by the scenario's own name. `after`: (ticket ref, tag) that must be seen first,
    for people who react to what the bridge did.
    """

    at: datetime
    story: str
    system: System
    act: str
    args: Mapping[str, Any]
    ref: str = ""
    after: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be true of a ticket when everything has settled. `group`: the group it must be in, by name; `status`: how it must stand."""

    ref: str
    story: str
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    group: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    ref: str
    name: str
    email: str
    phone: str


@dataclass(slots=True)
class Sheet:
    """Where a weekend is written down. Draws everything from `rng`, so that a seed gives one weekend.

    `part`: of how many parts of all people which one is met, so that those of two weekends are others."""

    rng: random.Random
    start: datetime
    end: datetime
    part: tuple[int, int] = (0, 1)
    acts: list[Act] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    tickets: int = 0
    calls: int = 0
    _people: int = 0
    _stories: int = 0
    _names: list[tuple[str, str]] = field(default_factory=list)
    _phones: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        which, parts = self.part
        self._names = [(first, last) for first in words.FIRST for last in words.LAST][which::parts]
        self._phones = [f"+1{area}55501{n:02d}" for area in words.AREAS for n in range(100)][which::parts]
        self.rng.shuffle(self._names)
        self.rng.shuffle(self._phones)

    # -- people and time ---------------------------------------------------------------------------------------

    def story(self, kind: str) -> str:
        self._stories += 1
        return f"{self._stories:03d}-{kind}"

    def person(self, phone: str = "") -> Person:
        first, last = self._names[self._people % len(self._names)]
        number = phone or self._phones[self._people % len(self._phones)]
        self._people += 1
        place = self.rng.choice(("com", "org", "net"))
        return Person(f"p{self._people}", f"{first} {last}", f"{first}.{last}{self._people}@example.{place}".lower(), number)

    def moment(self, tail: timedelta = timedelta(hours=4)) -> datetime:
        """A random second of the weekend that leaves `tail` until its end."""
        return self.start + timedelta(seconds=self.rng.randrange(int((self.end - tail - self.start).total_seconds())))

    def some(self, low: int, high: int) -> timedelta:
        return timedelta(seconds=self.rng.randrange(low * 60, high * 60))

    def agent(self) -> str:
        return self.rng.choice(words.AGENTS)[1]

    # -- tickets -----------------------------------------------------------------------------------------------

    def ticket(
        self,
        story: str,
        at: datetime,
        person: Person,
        text: tuple[str, str],
        channel: str = "email",
        *,
        tags: tuple[str, ...] = (),
        external_id: str = "",
    ) -> str:
        self.tickets += 1
        ref = f"t{self.tickets}"
        args = {
            "requester": {"name": person.name, "email": person.email, "phone": person.phone},
            "subject": text[0],
            "body": text[1],
            "channel": channel,
            "tags": list(tags),
            "external_id": external_id,
        }
        self.acts.append(Act(at, story, "zendesk", "ticket", args, ref))
        return ref

    def desk(self, story: str, at: datetime, ref: str, act: str, *, after: tuple[str, str] | None = None, **args: Any) -> None:
        """What happens to a ticket: `comment`, `assign`, `update`, `tag`, `untag`, `move`, `merge`."""
        self.acts.append(Act(at, story, "zendesk", act, args, ref, after))

    def expect(
        self, story: str, ref: str, must: tuple[str, ...] = (), must_not: tuple[str, ...] = (), group: str = "", status: str = ""
    ) -> None:
        self.expected.append(Expected(ref, story, tuple(sorted(must)), tuple(sorted(must_not)), group, status))

    # -- calls -------------------------------------------------------------------------------------------------

    def call(self, story: str, at: datetime, person: Person, *, ticket: str = "", known: bool = True) -> str:
        """The call reaches the desk. `ticket`: the flow knows which ticket it is about. Returns the call's id."""
        self.calls += 1
        call_id = f"{self.rng.getrandbits(128):032x}"
        if known:
            contact = {"name": person.name, "phone": person.phone, "email": person.email, "id": f"{self._person_number(person):024x}"}
            self.acts.append(Act(at, story, "talkdesk", "contact", contact))
        args: dict[str, Any] = {"phone": person.phone, "line": words.LINE, "ring_groups": ["incidents"], "id": call_id}
        self.acts.append(Act(at, story, "talkdesk", "started", args, ticket))
        return call_id

    def phone(self, story: str, at: datetime, call_id: str, act: str, **args: Any) -> None:
        self.acts.append(Act(at, story, "talkdesk", act, {"call_id": call_id, **args}))

    def talk(self, story: str, at: datetime, call_id: str, *, transferred: bool = False) -> datetime:
        """Answered, perhaps passed on, ended; returns the end."""
        first, second = self.rng.sample([email for _, email in words.AGENTS], 2)
        at += timedelta(seconds=self.rng.randrange(3, 40))
        self.phone(story, at, call_id, "answered", agent=first)
        if transferred:
            at += self.some(1, 4)
            self.phone(story, at, call_id, "transferred", agent=second, ring_groups=["safety"])
        at += self.some(1, 9)
        self.phone(story, at, call_id, "ended")
        return at

    def voicemail(self, story: str, at: datetime, call_id: str, text: str) -> None:
        self.phone(story, at + timedelta(seconds=25), call_id, "voicemail", transcription=text, seconds=self.rng.randrange(8, 60))

    @staticmethod
    def _person_number(person: Person) -> int:
        return 0x60AA0000 + int(person.ref[1:])
