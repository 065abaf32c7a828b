"""The roster: who works here, when, who answers for what, and how each is reached (contract section 8). Values only.

What it means at an instant is `core.rota`'s; how the document is read and checked, `roster`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Literal

from tsbridge.core.almanac import INSTALLED, Almanac, Kept, resolved
from tsbridge.core.calendar import Hours

Pairs = tuple[tuple[str, int], ...]
"""A mapping to numbers, sorted by its keys."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""This machine itself: addresses of it, and no others, may be plain http."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody of the team. `since` and `until`: the first and the last day of their contract, both included, in the roster's zone.

    `reach`: ways, the first tried first. `quiet`: minutes of the day, in their own zone, in which severities 3 and 4 wait.
    `capacity`: by channel, how many open cases at once. `shadow`: on shift to learn; nobody relies on them.
    """

    key: str
    name: str
    zone: tzinfo
    zendesk_user_id: int | None = None
    talkdesk_user_id: str | None = None
    email: str | None = None
    skills: Pairs = ()
    queues: tuple[str, ...] = ()
    capacity: Pairs = ()
    since: date | None = None
    until: date | None = None
    reach: tuple[str, ...] = ()
    quiet: Hours = ()
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How messages leave. `kind`: smtp, slack, teams, webhook or apprise. Secrets only by a file's or a variable's name."""

    key: str
    kind: str
    url: str | None = None
    url_file: str | None = None
    secret_file: str | None = None
    url_env: str | None = None
    secret_env: str | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours at which people work. `days`: 0 is Monday; a shift over midnight belongs to the day it starts on, its end is beyond 24 hours.

    `queues`: those it works; empty: each agent's own. `calendar`: a calendar of the rulebook whose free days and half days it keeps.
    """

    key: str
    days: tuple[int, ...]
    hours: Hours
    agents: tuple[str, ...]
    zone: tzinfo
    queues: tuple[str, ...] = ()
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """Members who take turns. It starts on the day `starts` at `minute` on the wall clock of `zone`.

    A turn lasts `days` days on the wall clock, or `elapsed` whatever the clock shows; one of the two is None.
    """

    key: str
    members: tuple[str, ...]
    starts: date
    minute: int
    zone: tzinfo
    days: int | None = None
    elapsed: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """Who answers for a queue and severities; None: for all. `oncall`: a rotation, a shift or an agent. `then`: whom or which ways next."""

    queue: str | None
    severities: tuple[int, ...] | None
    oncall: str
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """An iCalendar feed. `means`: `off`, the agent's time off; or `rotation` or `shift`, a rota kept elsewhere under `key`."""

    key: str
    agent: str | None
    means: str
    url: str | None = None
    url_file: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of certain categories one agent gets in one shift."""

    key: str
    categories: tuple[str, ...]
    per_shift: int


@dataclass(frozen=True, slots=True)
class Roster:
    """The document, read. Each part sorted by its keys; `cover` in the document's order, the first match answers.

    `almanac` knows its zones.
    """

    zone: tzinfo
    agents: tuple[Agent, ...] = ()
    ways: tuple[Way, ...] = ()
    shifts: tuple[Shift, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    cover: tuple[Cover, ...] = ()
    feeds: tuple[Feed, ...] = ()
    limits: tuple[Limit, ...] = ()
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hash: str = ""
    almanac: Almanac = field(default=INSTALLED, repr=False, compare=False)


def almanac_of(roster: Roster, year: int) -> Kept:
    """The rules of the zones that its hours and days are in, to be kept with a roster that is published in `year`."""
    zones = [one.zone for one in roster.agents] + [one.zone for one in roster.shifts] + [one.zone for one in roster.rotations]
    return resolved((), [roster.zone, *zones], year, roster.almanac)


@dataclass(frozen=True, slots=True)
class Override:
    """A small change for a while, from `start` (included) to `end` (excluded). `oncall`: `agent` has `rotation` (or answers for `queue`)
    instead of `instead_of`, or of whoever would; `shift`: `agent` works; `off`: `agent` is away.
    """

    id: str
    kind: Literal["oncall", "shift", "off"]
    agent: str
    start: datetime = field(metadata={"alias": "from"})
    end: datetime = field(metadata={"alias": "to"})
    why: str
    instead_of: str | None = None
    rotation: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """Time off that a feed tells of."""

    agent: str
    start: datetime
    end: datetime
    feed: str
