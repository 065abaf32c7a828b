"""Words that rise: of each day some hundred tickets are read, held against a sample of the eight weeks before. No word is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Final

from tsbridge.core.phrases import Rise, Texts, phrases, rising
from tsbridge.core.rates import BUDGET_OF_WORDS, DAY, PAST, rate_of
from tsbridge.core.unusual import hour_of, start_of
from tsbridge.store import patterns
from tsbridge.store.db import Database

PACE: Final = timedelta(minutes=5)
LATELY: Final = 7
"""Days that are looked at."""
BEFORE: Final = PAST // DAY
"""Days that they are held against."""
A_DAY: Final = 300
"""Tickets of a day that are read; of more those that their cases' ids choose."""
A_DAY_BEFORE: Final = 36
STEP: Final = 100
"""Texts that are read in one go."""


class Rising:
    """Looks at words. What it read of the last days it remembers, and once a day what stood before."""

    def __init__(self, database: Database, zone: tzinfo) -> None:
        self._database = database
        self._zone = zone
        self._days: dict[int, dict[str, tuple[str, tuple[str, ...]]]] = {}
        """By day and ticket its case and its phrases."""
        self._before: tuple[int, Counter[str], int] | None = None
        """As of which day, in how many texts a phrase stood, and how many texts there are."""
        self._looked: tuple[datetime, tuple[Rise, ...]] | None = None

    async def look(self, now: datetime, *, again: bool) -> tuple[Rise, ...]:
        """What rises, as of now or some minutes ago; where it is looked `again` as of now, what stood before read once more, too."""
        if not again and self._looked is not None and self._looked[0] <= now < self._looked[0] + PACE:
            return self._looked[1]
        today = hour_of(now, self._zone) // DAY
        if again or self._before is None or self._before[0] != today:
            self._before = await self._read_before(today)
        _, before, texts = self._before
        days = [await self._read(day, again=day == today) for day in range(today - LATELY + 1, today + 1)]
        for gone in self._days.keys() - set(range(today - LATELY + 1, today + 1)):
            del self._days[gone]
        found = await asyncio.to_thread(rising, days, before, texts, rate_of(BUDGET_OF_WORDS))
        self._looked = now, found
        return found

    async def _read(self, day: int, *, again: bool) -> Texts:
        """A day's texts by case; of today the new ones are read."""
        known = self._days.setdefault(day, {})
        if again or not known:
            opened = await self._opened(day, A_DAY)
            told = await self._phrases(opened.keys() - known.keys())
            known.update({ticket: (opened[ticket], phrases) for ticket, phrases in told.items()})
        by_case: dict[str, tuple[str, ...]] = {}
        for case_id, told_there in known.values():
            by_case[case_id] = (*by_case[case_id], *told_there) if case_id in by_case else told_there
        return {case_id: tuple(dict.fromkeys(told_there)) for case_id, told_there in by_case.items()}

    async def _read_before(self, today: int) -> tuple[int, Counter[str], int]:
        counts: Counter[str] = Counter()
        texts = 0
        for day in range(today - LATELY - BEFORE + 1, today - LATELY + 1):
            for told in (await self._phrases(await self._opened(day, A_DAY_BEFORE))).values():
                counts.update(told)
                texts += 1
        return today, Counter({phrase: count for phrase, count in counts.items() if count > 1}), texts

    async def _opened(self, day: int, most: int) -> dict[str, str]:
        start, end = start_of(day * DAY, self._zone), start_of((day + 1) * DAY, self._zone)
        return await self._database.read(lambda conn: patterns.opened(conn, start, end, most))

    async def _phrases(self, tickets: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """By ticket what it was opened with, as phrases."""
        wanted, found = sorted(tickets), dict[str, tuple[str, ...]]()
        for start in range(0, len(wanted), STEP):
            texts = await self._database.read(partial(patterns.openings, tickets=wanted[start : start + STEP]))
            found.update(await asyncio.to_thread(lambda told: {ticket: phrases(text) for ticket, text in told.items()}, texts))
        return found
