"""Bytes out of other bytes: what a broken or hostile sender makes of something sound. The same seed, the same bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

LONGEST: Final = 20_000
"""Of a made input: what is slow with so much is slow by its kind, not by its size."""
ODD: Final = (
    *(b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b"\xe2\x80\xae", b"\xc2\xb2", b"\xd9\xa3"),
    *(b"null", b"true", b"-0", b"1e999", b"NaN", b"9" * 400, b"9223372036854775808", b"0x1p3", b"1_000", b"{}", b"[]", b'""', b"[" * 80),
    *(
        b"{{",
        b"}}",
        b"&a ",
        b"*a ",
        b"!!python/object ",
        b"<<: ",
        b"|\n",
        b"- - - ",
        b"? ",
        b"%",
        b"%00",
        b"..",
        b"\r\n",
        b"\n ",
        b";",
        b",",
    ),
    *(b"RRULE:FREQ=SECONDLY\r\n", b"RRULE:FREQ=YEARLY;BYMONTHDAY=-31;BYMONTH=2\r\n", b"INTERVAL=0", b"COUNT=99999999", b"00010101T000000Z"),
    *(
        b"99991231T235959Z",
        b"DTSTART;TZID=Nowhere/At/All:",
        b"2026-02-30",
        b"24:00",
        b"-P99999W",
        b"Mon, 01 Jan 0001 00:00:00 +1400",
        b"q=",
    ),
)


def mutated(dice: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One of the corpus, changed in a few places, or two of them put together."""
    made = bytearray(dice.choice(corpus))
    for _ in range(dice.choice((1, 1, 2, 3, 6))):
        place = dice.randrange(len(made) + 1)
        end = min(len(made), place + dice.choice((1, 2, 8, 60, 400)))
        match dice.randrange(7):
            case 0:
                made[place:place] = dice.choice(ODD)
            case 1:
                made[place:end] = dice.choice(ODD)
            case 2:
                del made[place:end]
            case 3:
                made[place:end] = made[place:end] * dice.choice((2, 3, 50))
            case 4 if made:
                made[place % len(made)] = dice.randrange(256)
            case 5:
                other = dice.choice(corpus)
                start = dice.randrange(len(other) + 1)
                made[place:] = other[start:]
            case _:
                start = dice.randrange(len(made) + 1)
                made[place:place] = made[start : start + dice.choice((4, 40, 400))]
        del made[LONGEST:]
    return bytes(made)
