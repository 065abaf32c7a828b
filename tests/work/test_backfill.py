"""History that is brought in tells nobody and fires no step that is overdue; what comes due later is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.work.test_reconcile import Account
from tests.work.test_rejudge import book, noticed, reproduced, steps, tags
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
def account(database: Database, clock: SettableClock) -> Account:
    """A ticket of an hour ago that nobody heard of."""
    made = Account(database, clock)
    made.publish(book())
    return made


async def backfilled(account: Account, **more: Any) -> None:
    look = account.another("cli", tells=True, **more)
    await look.page("backfill", account.clock.now() - timedelta(hours=3))
    for _ in range(5):
        await account._work()
        account.clock.advance(10)


@pytest.mark.parametrize("quiet", [True, False])
async def test_overdue_steps_of_history_are_passed_over_unless_they_are_asked_for(account: Account, quiet: bool) -> None:
    ticket = account.writing.ticket(comment={"body": "he was bitten"})
    account.clock.advance(timedelta(hours=1))
    await backfilled(account, quiet=quiet)
    told = [] if quiet else [(ticket, "policy:sev1/1", None)]
    first = "passed" if quiet else "fired"
    assert steps(account, ticket) == {1: first, 2: first, 3: "armed"}
    assert tags(account, ticket) == ({"ts_injury"} if quiet else {"ts_injury", "ts_step1", "ts_step2"})
    assert noticed(account) == told
    account.clock.advance(timedelta(hours=3))
    await account._work()
    assert steps(account, ticket)[3] == "fired"
    assert reproduced(account)


async def test_what_happened_just_now_is_no_history(account: Account) -> None:
    ticket = account.writing.ticket(comment={"body": "hello"})
    account.clock.advance(timedelta(hours=1))
    world = account.writing.zendesk.world
    requester = world.user(account.writing.seen(ticket)["requester_id"])
    world.change(int(ticket), {"comment": {"body": "he was bitten", "public": True}}, requester, via="email")
    account.clock.advance(timedelta(minutes=1))
    await backfilled(account, quiet=True)
    assert steps(account, ticket)[1] == "fired"
    assert noticed(account) == [(ticket, "policy:sev1/1", None)]
