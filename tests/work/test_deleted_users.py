"""Whom Zendesk deletes for good is forgotten here within a minute; whoever is only deleted, or there again, is not."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.test_erasing import PLANTED, Erased
from tests.work.test_redaction import holding
from tsbridge.acts import erasing as acts
from tsbridge.simulator.zendesk import Zendesk
from tsbridge.store import deleted_users, proof
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.work.deleted_users import DeletedUsers
from tsbridge.work.reads import ReadBudget


class Leaving(Erased):
    """A desk that asks about users who were deleted."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        super().__init__(database, clock)
        self.woken = 0
        reads = ReadBudget(database, clock)
        client = ZendeskClient(self.writing.http, self.writing.credentials)
        self.asking = DeletedUsers(database, clock, self.walk.ids, lambda: "salt", client, reads, self.wake)

    def wake(self) -> None:
        self.woken += 1

    @property
    def zendesk(self) -> Zendesk:
        return self.writing.zendesk

    def at_zendesk(self, method: str, path: str) -> None:
        """What an administrator does there, and what its webhook then tells us."""
        before = len(self.world.happened)
        asked = self.zendesk.call(method, path, {}, None, {"authorization": "Bearer token"})
        assert asyncio.run(asked).status_code == 200
        for happened in self.world.happened[before:]:
            event = {"type": f"zen:event-type:{happened.about}.{happened.kind}", "time": "2026-11-22T09:30:00Z", "event": {}}
            self.walk.tell([("zendesk", event | {"detail": {"id": str(happened.ticket["id"])}})])
        self.walk.work()

    def look(self) -> datetime | bool:
        return asyncio.run(self.asking.round())

    def due(self) -> datetime | None:
        return self.database.read_now(deleted_users.next_due)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Leaving:
    desk = Leaving(database, clock)
    desk.fill()
    return desk


def erasures(desk: Leaving) -> list[Any]:
    return list(desk.database.read_now(lambda conn: acts.listed(conn, 10)))


def test_a_user_deleted_for_good_is_forgotten_within_a_minute(desk: Leaving) -> None:
    user = desk.person["id"]
    desk.at_zendesk("DELETE", f"/api/v2/users/{user}")
    desk.look()
    assert erasures(desk) == []  # so far it can be undone
    desk.clock.advance(3600)
    desk.look()
    desk.at_zendesk("DELETE", f"/api/v2/deleted_users/{user}")
    told_at = desk.clock.now()
    while not desk.woken:
        due = desk.look()
        assert isinstance(due, datetime)
        desk.clock.set(due)
    assert desk.clock.now() - told_at <= timedelta(minutes=1)
    asyncio.run(desk.finish())
    (found,) = erasures(desk)
    assert (found.status, found.asked_by) == ("done", "Zendesk")
    assert holding(desk.database, *PLANTED) == []
    assert desk.due() is None
    assert desk.database.read_now(proof.verify)["ok"]


def test_a_user_who_is_there_again_is_asked_about_no_more(desk: Leaving) -> None:
    user = desk.person["id"]
    desk.at_zendesk("DELETE", f"/api/v2/users/{user}")
    desk.world.store.users[user]["active"] = True
    desk.look()
    assert (desk.due(), erasures(desk)) == (None, [])


def test_a_user_who_was_merged_into_another_is_not_taken_for_gone(desk: Leaving) -> None:
    user = desk.person["id"]
    desk.at_zendesk("DELETE", f"/api/v2/users/{user}")
    del desk.world.store.users[user]
    desk.look()
    assert erasures(desk) == []
    assert desk.due() is not None
    desk.clock.advance(timedelta(days=91))
    desk.look()
    assert (desk.due(), erasures(desk)) == (None, [])


def test_while_zendesk_is_away_nobody_is_forgotten_and_it_is_asked_again(desk: Leaving) -> None:
    desk.at_zendesk("DELETE", f"/api/v2/users/{desk.person['id']}")
    desk.writing.wire.unreachable = True
    desk.look()
    assert erasures(desk) == []
    due = desk.due()
    assert due is not None
    assert due - desk.clock.now() <= timedelta(minutes=1)
