"""Situations that laws are about and chance seldom makes: each is a short story of one more customer, and of the desk meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.world.book import HURT, LOST, MONEY, PLAIN


@dataclass(frozen=True, slots=True)
class Scene:
    """Seconds from its beginning, of all. `acts`: what the customer and agents do (when, what, with which words); `desk`: what is done at
    the desk (when, what); `ways`: which way fails how (when, how long, way, how)."""

    acts: tuple[tuple[float, str, str], ...]
    desk: tuple[tuple[float, str], ...] = ()
    ways: tuple[tuple[float, float, str, str], ...] = ()


SCENES: Final = {
    "a tag of ours is taken off": Scene(((0, "opens", HURT), (70, "asked off", PLAIN))),
    "and what asks no more than before is solved": Scene(((0, "opens", LOST), (70, "asked off", PLAIN), (130, "solves", PLAIN))),
    "somebody has it in hand": Scene(((0, "opens", HURT),), desk=((60, "acknowledge"),)),
    "somebody answers in time": Scene(((0, "opens", HURT), (75, "reply", PLAIN))),
    "nobody is on duty": Scene(((0, "opens", HURT),), desk=((-20, "nobody"), (260, "employ"))),
    "chat is refused": Scene(((0, "opens", HURT),), ways=((-5, 260, "chat", "refused"),)),
    "mail is refused": Scene(((0, "opens", HURT),), ways=((-5, 260, "mail", "refused"),)),
    "it is over and comes again": Scene(((0, "opens", HURT), (60, "solves", PLAIN), (150, "writes", HURT))),
    "what was said is redacted": Scene(((0, "opens", HURT), (45, "redact", PLAIN), (120, "writes", MONEY))),
    "it is redacted and nobody has it": Scene(((0, "opens", PLAIN), (30, "writes", HURT), (33, "redact", PLAIN))),
    "it is deleted": Scene(((0, "opens", HURT), (50, "delete", PLAIN))),
    "it is deleted for good": Scene(((0, "opens", HURT), (50, "delete", PLAIN), (110, "delete for good", PLAIN))),
    "two of one person are merged": Scene(
        ((0, "opens", HURT), (20, "opens another", LOST), (90, "merges them", PLAIN), (140, "writes", MONEY))
    ),
    "somebody asks without end": Scene(((0, "opens", MONEY), *((20 + 7 * n, "asks again", MONEY) for n in range(40)))),
}  # fmt: skip
"""By name. None of them in worlds in which nothing is written."""
SELDOM: Final = {"somebody asks without end": 0.15}
