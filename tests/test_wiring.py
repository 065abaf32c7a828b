"""What wiring makes: ids in order, the first rulebook once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import CountingIds, SettableClock
from tsbridge.settings.load import load
from tsbridge.store import proof, rosters, rulebooks
from tsbridge.store.claiming import Claimed
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.wiring.clients import readers
from tsbridge.wiring.clock_and_ids import TimedIds
from tsbridge.wiring.prepare import publish_first_roster, publish_starter

BOOK = "schema: 1\nqueues: {intake: {}}\nrules: [{key: default, kind: routing, when: {}, then: [{route: intake}]}]\n"


@given(steps=st.lists(st.integers(-5_000, 5_000), max_size=50), filler=st.sampled_from([b"\x00", b"\xff", b"\x5a"]))
def test_ids_are_never_equal_and_sort_by_the_order_they_were_made_in(steps: list[int], filler: bytes) -> None:
    clock = SettableClock()
    ids = TimedIds(clock, lambda size: filler * size)
    made = []
    for step in steps:
        clock.advance(timedelta(milliseconds=step))
        made.append(ids.new("evt"))
    assert made == sorted(set(made))


def test_ids_of_two_processes_sort_by_time() -> None:
    clock = SettableClock()
    first, second = TimedIds(clock, lambda size: b"\xff" * size), TimedIds(clock, lambda size: b"\x00" * size)
    early = first.new("evt")
    clock.advance(timedelta(milliseconds=1))
    assert early < second.new("evt")


def test_an_empty_database_gets_the_rulebook_of_the_settings_once(database: Database, tmp_path: Path, clock: SettableClock) -> None:
    book = tmp_path / "book.yaml"
    book.write_text(BOOK)
    settings = load({"TSBRIDGE_RULEBOOK": str(book)}, None)
    assert publish_starter(database, settings, clock, CountingIds()) == 1
    assert publish_starter(database, settings, clock, CountingIds()) is None
    live = database.read_now(rulebooks.live)
    assert (live.version, live.document["queues"]) == (1, {"intake": {}})
    assert database.read_now(proof.verify)["entries"] == 1, "that the system published it is on record"
    assert database.read_now(proof.verify)["ok"]


class Together:
    """A clock that answers only when `parties` have asked, so that they go on side by side."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)

    def now(self) -> datetime:
        self._barrier.wait(30)
        return SettableClock().now()


def test_services_that_start_at_once_publish_it_once(database_url: str) -> None:
    together = Together(3)

    def start(_: int) -> int | None:
        with Database.open(database_url) as database:
            return publish_starter(database, load({}, None), together, CountingIds())

    with ThreadPoolExecutor(3) as pool:
        published = list(pool.map(start, range(3)))
    assert sorted(published, key=str) == [1, None, None]


@pytest.mark.parametrize(
    ("zones", "utc_hour"),
    [({}, 9), ({"TIMEZONE": "Asia/Tokyo"}, 0), ({"TIMEZONE": "Asia/Tokyo", "TALKDESK_TIMEZONE": "Europe/Lisbon"}, 8)],
)
def test_talkdesks_times_without_a_zone_are_in_its_own_zone_else_the_teams(zones: dict[str, str], utc_hour: int) -> None:
    settings = load({f"TSBRIDGE_{name}": zone for name, zone in zones.items()}, None)
    body = b'{"tsbridge_event": "call.ended", "call_id": "c1", "timestamp": "2026-06-01 09:21:40"}'
    row = Claimed(1, "evt_1", "talkdesk", "k", False, datetime(2026, 6, 2, tzinfo=UTC), {}, body, 1, "w")
    (moment,) = readers(settings, lambda: OwnUser()).here()["talkdesk"](row, None).moments
    assert moment.at == datetime(2026, 6, 1, utc_hour, 21, 40, tzinfo=UTC)


def test_the_roster_of_the_settings_is_published_once_and_recorded(database: Database, tmp_path: Path, clock: SettableClock) -> None:
    path = tmp_path / "week.yaml"
    path.write_text("schema: 1\nagents: {ana: {queues: [intake], from: 2026-01-01}}\n")
    ids, settings = TimedIds(clock, lambda size: b"x" * size), load({"TSBRIDGE_ROSTER": str(path)}, None)
    assert publish_first_roster(database, load({}, None), clock, ids) is None
    assert publish_first_roster(database, settings, clock, ids) == 1
    assert publish_first_roster(database, settings, clock, ids) is None
    live = database.read_now(rosters.live)
    assert live is not None
    assert (live.published_by, live.document["agents"]["ana"]["from"]) == ("system", "2026-01-01")
    assert database.read_now(proof.verify)["ok"] is True
