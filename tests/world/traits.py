"""What kind of world a seed makes: which troubles it has, and when. Drawn at once, so that one trouble more moves no other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from tests.world.scenes import SCENES, SELDOM
from tsbridge.core.crashpoint import POINTS

MINUTE: Final = 60.0
LIVELY: Final = 7 * MINUTE
"""How long people and vendors are busy."""
MOST_AWAY: Final = 60.0
"""How long a process that died is away at most."""
PASSED: Final = tuple(name for name in POINTS if not name.startswith(("rejudge.", "duties.", "erasing.")))
"""Crash points that the tasks of a world pass."""


def dice(name: str) -> random.Random:
    """What a part of a world draws from: no other part draws from the same."""
    return random.Random(name)  # noqa: S311  # a world that can be had again, no secret


Spell = tuple[float, float]
"""From when, and for how long, in seconds from the world's beginning."""


@dataclass(frozen=True, slots=True)
class Traits:
    """`ordered`: nothing is written and nobody edits documents, so that any order of hearing has to end alike. `rings`: triggers, events or
    nothing. `scenes`: from when each goes on. Spells and instants are seconds from the beginning."""

    ordered: bool
    rings: str
    processes: int
    tickets: int
    reads: int = 1_000_000
    theirs: bool = False
    quick_people: float = 0.0
    late: bool = False
    drop: float = 0.0
    twice: float = 0.0
    shuffled: float = 0.0
    answers_lost: float = 0.0
    api_slow: float = 0.0
    api_lost: float = 0.0
    api_down: tuple[Spell, ...] = ()
    api_faults: tuple[tuple[float, str], ...] = ()
    crashes: tuple[tuple[float, str, float], ...] = ()
    stops: tuple[Spell, ...] = ()
    full: tuple[Spell, ...] = ()
    clocks: tuple[tuple[float, float, float], ...] = ()
    ways: tuple[tuple[float, float, str, str], ...] = ()
    publishes: tuple[float, ...] = ()
    rosters: tuple[float, ...] = ()
    overrides: tuple[float, ...] = ()
    modes: tuple[tuple[float, float, str], ...] = ()
    pauses: tuple[tuple[float, float, str], ...] = ()
    acknowledged: tuple[float, ...] = ()
    scenes: tuple[tuple[float, str], ...] = ()


def traits(seed: int, *, processes: int = 1) -> Traits:
    """Those of a seed."""
    rng = dice(f"traits {seed}")

    busy = rng.choice((1.0, 1.0, 1.0, 0.2))  # on a quiet day the laws look at fine things

    def has(share: float) -> bool:
        return rng.random() < share * busy

    def at() -> float:
        return round(rng.uniform(30, LIVELY), 1)

    def spells(share: float, most: int, longest: float) -> tuple[Spell, ...]:
        found = tuple((at(), round(rng.uniform(5, longest), 1)) for _ in range(rng.randint(1, most)))
        return found if has(share) else ()

    ordered = seed % 3 == 0
    kinds = ("cut", "too_many", "conflicts", "server_errors")
    faults = tuple((at(), rng.choice(kinds)) for _ in range(rng.randint(2, 8)))
    crashes = tuple(
        (at(), f"{rng.choice(PASSED)}:{rng.randint(1, 3)}", round(rng.uniform(1, MOST_AWAY), 1)) for _ in range(rng.randint(1, 4))
    )
    clocks = ((at(), round(rng.choice((rng.uniform(-240, -5), rng.uniform(5, 600))), 1), round(rng.uniform(20, 180), 1)),)
    words = ("later", "refused", "unknown", "arrives")
    ways = tuple((at(), round(rng.uniform(20, 200), 1), rng.choice(("mail", "chat")), rng.choice(words)) for _ in range(rng.randint(1, 3)))
    modes = ((at(), round(rng.uniform(30, 180), 1), rng.choice(("paused", "dry-run"))),)
    likely = [SELDOM.get(name, 1.0) for name in SCENES]
    scenes = tuple((round(rng.uniform(30, LIVELY / 3), 1), name) for name in rng.choices(list(SCENES), likely, k=2))
    pauses = ((at(), round(rng.uniform(30, 180), 1), rng.choice(("hurt", "lost"))),)
    return Traits(
        ordered=ordered,
        rings=rng.choice(("triggers", "triggers", "events", "events", "nothing")),
        processes=processes,
        tickets=rng.randint(2, 3) if ordered else rng.randint(1, 2),
        reads=rng.choice((1_000_000, 1_000_000, 40)),
        theirs=has(0.4),
        quick_people=0.25 if has(0.5) else 0.0,
        late=has(0.7),
        drop=10.0 if has(0.5) else 0.0,
        twice=15.0 if has(0.7) else 0.0,
        shuffled=25.0 if has(0.7) else 0.0,
        answers_lost=0.08 if has(0.5) else 0.0,
        api_slow=rng.choice((0.02, 0.2, 2.0)),
        api_lost=0.06 if has(0.5) else 0.0,
        api_down=spells(0.3, 2, 150),
        api_faults=faults if has(0.5) else (),
        crashes=crashes if has(0.6) else (),
        stops=spells(0.3, 2, 180),
        full=spells(0.25, 2, 40),
        clocks=clocks if has(0.3) else (),
        ways=ways if has(0.4) else (),
        publishes=(at(),) if has(0.4) and not ordered else (),
        rosters=(at(),) if has(0.25) and not ordered else (),
        overrides=(at(),) if has(0.25) and not ordered else (),
        modes=modes if has(0.25) and not ordered else (),
        pauses=pauses if has(0.2) and not ordered else (),
        acknowledged=tuple(at() for _ in range(rng.randint(0, 2))) if not ordered else (),
        scenes=scenes if not ordered else (),
    )


def calm(of: Traits) -> Traits:
    """The same desk on a day on which nothing goes wrong."""
    return Traits(ordered=of.ordered, rings="events", processes=1, tickets=of.tickets, theirs=of.theirs)
