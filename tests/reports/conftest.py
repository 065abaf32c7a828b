"""Some weeks on both databases, lived through once for all that only look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests import databases
from tests.clocks import SettableClock
from tests.reports.weeks import BEGIN, Weeks, live_through
from tsbridge.store.db import Database


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def lived(request: pytest.FixtureRequest) -> Iterator[Weeks]:
    """Not to be changed."""
    maker: databases.Sqlite | databases.Postgres = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    with maker.fresh() as url, Database.open(url) as database:
        weeks = Weeks(database, SettableClock(BEGIN - timedelta(hours=1)))
        live_through(weeks, 7, tickets=70, calls=30)
        yield weeks
