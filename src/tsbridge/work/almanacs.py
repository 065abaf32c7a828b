"""Versions that were published before their days and clocks were kept with them: what the libraries say now is kept, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from functools import partial

from sqlalchemy import Connection

from tsbridge.core.almanac import Kept
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.roster import almanac_of
from tsbridge.core.rules.read_calendars import of_rulebook
from tsbridge.roster.document import read
from tsbridge.roster.read_parts import RosterError
from tsbridge.store import almanacs, chain, rosters, rulebooks
from tsbridge.store.db import Database


class Keeping:
    """Does it at every start; after the first there is nothing to do. `salt`: fresh text for the audit's commitments."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, salt: Callable[[], str], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._zone = zone

    def keep(self) -> int:
        """With how many versions an almanac was kept."""
        kept, year = 0, self._clock.now().year
        for version in self._database.read_now(rulebooks.without_almanac):
            document = self._database.read_now(partial(rulebooks.get, version=version)).document
            kept += self._keep("rulebook", version, of_rulebook(document, self._zone, year))
        for version in self._database.read_now(rosters.without_almanac):
            document = self._database.read_now(partial(rosters.get, version=version)).document
            try:
                roster = read(document)
            except RosterError:  # published by another tsbridge: for this one there is none
                continue
            kept += self._keep("roster", version, almanac_of(roster, year))
        return kept

    def _keep(self, what: str, version: int, almanac: Kept) -> bool:
        at, change_id = self._clock.now(), self._ids.new("chg")

        def write(conn: Connection) -> bool:
            if not almanacs.go_by(conn, what, version, almanac, at):  # another process was quicker
                return False
            chain.add_change(
                conn,
                id=change_id,
                at=at,
                actor="system",
                action=f"{what}.almanac",
                subject=what,
                before=None,
                after={"version": version, "almanac": almanac.hash},
                salt=self._salt(),
            )
            return True

        return self._database.write_now(write)
