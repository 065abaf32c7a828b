"""A walk with a roster beside it: what comes in is given to people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from tests.clocks import SettableClock
from tests.work.walk import Walk
from tsbridge.roster.document import read
from tsbridge.store import rosters
from tsbridge.store.db import Database
from tsbridge.store.work_tables import assignments, workload
from tsbridge.work.assign import Giving
from tsbridge.work.choosing import Choosing, Next
from tsbridge.work.rosters import LiveRoster

USERS = {"ana": 7, "ben": 8, "cem": 9}


def roster(hours: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """A roster of agents by the hours they work every day."""
    agents = {key: {"name": key.title(), "zendesk_user_id": USERS[key], "queues": ["safety"]} for key in hours}
    for key, parts in more.pop("agents", {}).items():
        agents[key] |= parts
    shifts = {f"s-{key}": {"days": "mon-sun", "hours": of, "agents": [key]} for key, of in hours.items()}
    return {"schema": 1, "timezone": "UTC", "agents": agents, "shifts": shifts, **more}


class Team(Walk):
    """One bridge with people."""

    def __init__(self, database: Database, clock: SettableClock, book: Mapping[str, Any], team: Mapping[str, Any] | None) -> None:
        super().__init__(database, clock, book)
        if team is not None:
            self.employ(team)
        self.giving = self.giver()

    def giver(self, setting: str = "live") -> Giving:
        return Giving(self.database, self.clock, self.ids, self.conclusions, self.rulebooks, LiveRoster(), lambda: None, setting)

    def employ(self, team: Mapping[str, Any]) -> None:
        hashed = read(team).hash
        self.database.write_now(lambda conn: rosters.publish(conn, team, hashed, "", self.clock.now(), "test"))

    def give(self) -> datetime | None:
        """Work and give out until nothing is left to do; returns when somebody comes or goes."""
        self.work()
        while (after := asyncio.run(self.giving.round())) is True:
            pass
        assert not isinstance(after, bool)
        return after

    def next(self, queue: str) -> Next:
        def read(conn: Any) -> Next:
            book = self.rulebooks.live(conn).book
            return Choosing(LiveRoster()).next(conn, book, book.queues[queue], self.clock.now())

        return self.database.read_now(read)

    def who(self) -> dict[str, str | None]:
        """By ticket, the key of whoever has it."""
        keys = {str(user): key for key, user in USERS.items()}
        rows = self.database.read_now(lambda conn: conn.execute(select(workload).order_by(workload.c.ticket)).all())
        return {row.ticket: None if row.holder is None else keys.get(row.holder, row.holder) for row in rows}

    def given(self) -> list[Any]:
        return list(
            self.database.read_now(lambda conn: conn.execute(select(assignments).order_by(assignments.c.at, assignments.c.id)).all())
        )
