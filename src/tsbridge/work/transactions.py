"""Transactions of workers beside each other: begun anew when another one has a part of what they need, or a judge is not built yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection

from tsbridge.store.db import Database
from tsbridge.store.locks import Contended
from tsbridge.store.rulebooks import LiveRulebook, NotBuilt

T = TypeVar("T")

TURNS: Final = 4
"""So often a transaction begins anew with what it found to need; then it has its turn alone."""


class Turns:
    """Runs transactions that share the pen. Judges are built between them, never inside one."""

    def __init__(self, database: Database, rulebooks: LiveRulebook) -> None:
        self._database = database
        self._rulebooks = rulebooks

    async def write(self, work: Callable[[Connection, frozenset[int] | None], T], keys: frozenset[int] | None) -> T:
        """Commit what `work` does with what it is known to touch; None: all there is. Raises what it raises."""
        turns = 0
        while True:
            try:
                return await self._database.write(partial(self._within, work=work, keys=keys))
            except Contended as contended:
                turns += 1
                keys = contended.keys if turns < TURNS else None
            except NotBuilt as lacking:
                material = await self._database.read(partial(self._rulebooks.material, version=lacking.version))
                await asyncio.to_thread(self._rulebooks.build, material)

    def _within(self, conn: Connection, work: Callable[[Connection, frozenset[int] | None], T], keys: frozenset[int] | None) -> T:
        with self._rulebooks.only_built():
            return work(conn, keys)
