"""Some weeks on both databases, lived through once for all that only look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import cache

import pytest

from tests import databases
from tests.clocks import SettableClock
from tests.reports.weeks import BEGIN, Weeks, live_through
from tsbridge.store.db import Database

Maker = databases.Sqlite | databases.Postgres


@pytest.fixture(scope="session")
def weeks_on() -> Iterator[Callable[[Maker], Weeks]]:
    """By database. Kept here: a session's fixture with parameters is made anew whenever the parameter changes."""
    with ExitStack() as stack:

        @cache
        def weeks(maker: Maker) -> Weeks:
            database = stack.enter_context(Database.open(stack.enter_context(maker.fresh())))
            made = Weeks(database, SettableClock(BEGIN - timedelta(hours=1)))
            live_through(made, 7, tickets=70, calls=30)
            return made

        yield weeks


@pytest.fixture(params=["sqlite_files", "postgres"], ids=["sqlite", "postgresql"])
def lived(request: pytest.FixtureRequest, sqlite_files: Maker, postgres: Maker, weeks_on: Callable[[Maker], Weeks]) -> Weeks:
    """Not to be changed."""
    return weeks_on(request.getfixturevalue(request.param))
