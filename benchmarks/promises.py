"""What is promised of write-back, of publishing and of words, at the size it is promised for: the same as in the tests, with thousands."""

from __future__ import annotations

import asyncio
import random
import time

from benchmarks.writeback import on_both
from tests.clocks import CountingIds, SettableClock
from tests.core.rules.test_newest_text import as_expected
from tests.web.conftest import furnished
from tests.web.test_publishing import race
from tests.work.desk import WritingDesk
from tests.work.test_replanned import NEW, Routed, book
from tests.work.test_writeback import dry_week
from tests.work.test_writeback_refused import KINDS, lost_beside, strict_desk
from tsbridge.store.db import Database

ENDLESS = 1_000_000


def run_parts(count: int) -> bool:
    """Wishes with one invalid part each."""
    print(f"Parts: {count} wishes with one invalid part each")

    async def one(database: Database) -> bool:
        chance = random.Random(17)  # noqa: S311  # seeded choices
        kinds = [chance.choice(sorted(KINDS)) for _ in range(count)]
        parts, wrong = await lost_beside(strict_desk(database, SettableClock(), ENDLESS), kinds)
        print(f"  {len(parts) - len(wrong)} of {len(parts)} have everything else written and the part named")
        return not wrong

    return on_both(one)


def run_week(count: int) -> bool:
    """A simulated week of dry run, then live."""
    print(f"Week: {count} tickets wished for seven days of dry run, then live")

    async def one(database: Database) -> bool:
        planned, written, wrong = await dry_week(WritingDesk(database, SettableClock(), per_minute=ENDLESS), count)
        print(f"  {planned} wishes planned, {written} writes for them, {wrong} tickets that read otherwise")
        return not written and not wrong

    return on_both(one)


def run_republish(count: int) -> bool:
    """A publish between planning and writing."""
    print(f"Republish: {count} tickets planned by one rulebook, published anew before they are written")

    async def one(database: Database) -> bool:
        return await asyncio.to_thread(_republished, database, count)

    return on_both(one)


def _republished(database: Database, count: int) -> bool:
    routed = Routed(database, SettableClock(), count)
    routed.writing.writers = [routed.writing.writer("w", ENDLESS)]
    routed.walk.publish(book(NEW))
    routed.write()
    old = sum(group != NEW for group in routed.sent())
    confirmed = [id_ for id_ in routed.tickets if routed.writing.status(id_)[0] == "confirmed"]
    otherwise = sum(routed.writing.seen(id_)["group_id"] != NEW for id_ in confirmed)
    print(f"  {len(confirmed)} confirmed, {old} writes with the old rulebook's groups, {otherwise} confirmed that read otherwise")
    return len(confirmed) == count and not old and not otherwise


def run_pairs(count: int) -> bool:
    """Pairs of people who edit and publish at once."""
    print(f"Pairs: {count} pairs of people edit and publish at once")

    async def one(database: Database) -> bool:
        entropy = random.Random(7).randbytes  # noqa: S311  # the same keys in every run
        async with furnished(database, SettableClock(), CountingIds(), entropy) as room:
            refused = await race(room, count)
        print(f"  0 changes lost; {refused} publishes refused, each told what differs")
        return refused > 0

    return on_both(one)


def run_words(count: int) -> bool:
    """Words and patterns on random stories."""
    print(f"Words: {count} random stories of up to 5 MB")
    started = time.monotonic()
    differing = [seed for seed in range(count) if not as_expected(seed)]
    print(f"  {count - len(differing)} of {count} seen alike by words, pattern and list, {time.monotonic() - started:.0f} s\n", flush=True)
    return not differing
