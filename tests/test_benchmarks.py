"""The benchmarks start, and what they measure does what it is measured for. How fast it is, is no matter of a test."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from benchmarks import assign, builds, deliveries, judging, million, replay, rota, walk
from benchmarks.__main__ import USUAL, asked_for
from benchmarks.rulebooks import World
from tests.databases import Sqlite
from tests.store.counting import rows_are_as_counted
from tsbridge.core.rules.document import read
from tsbridge.store import decision_tables, inbox, inbox_tables, proof
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk import normalize


def test_without_a_name_the_usual_ones_run() -> None:
    assert asked_for([]).names == USUAL
    assert asked_for(["replay", "--scale", "0.5"]).names == ["replay"]
    with pytest.raises(SystemExit):
        asked_for(["nonsense"])


def test_a_history_is_replayed_twice_to_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.run(0.001)
    assert "mismatches 0" in capsys.readouterr().out


def test_with_and_without_the_index_the_same_rules_match() -> None:
    world = World(3, 80)
    book = read(world.document(80, plain=True))
    contenders, _ = judging._contenders(book)
    assert judging._agree(contenders, [world.facts() for _ in range(10)], 80)


def test_a_rota_is_asked_for_people_holes_and_working_time(capsys: pytest.CaptureFixture[str]) -> None:
    rota.run(0.001)
    printed = capsys.readouterr().out
    assert "100 agents, rota since 1996" in printed
    assert "100 agents, shifts, daily rotations" in printed
    assert "questions of working time" in printed


def test_days_of_the_demos_desk_weigh_evenly_on_eight_people_and_break_no_cap() -> None:
    fair, turns = (assign.Desk(mode).run(1, 8) for mode in ("least_loaded", "round_robin"))
    for month in (fair, turns):
        assert (month.broken, month.absent, month.twice) == (0, 0, 0)
        assert month.left < 20  # of the last hours
        assert sum(month.given.values()) > 600
    assert fair.jain >= 0.95
    assert fair.jain > turns.jain


def test_deliveries_are_those_of_their_seed_and_each_tells_of_a_ticket() -> None:
    until = datetime(2026, 11, 20, tzinfo=UTC)
    sent = deliveries.many(60, 40, 1, until)
    assert sent == deliveries.many(60, 40, 1, until)
    in_disorder = deliveries.shuffled(60, 40, 9, until)
    assert [one.id for one in in_disorder] != [one.id for one in sent]
    assert {(one.id, one.body) for one in in_disorder} == {(one.id, one.body) for one in sent}
    whole, parts = deliveries.one_story(12, 0, 3, until), [deliveries.one_story(n, first, 3, until) for first, n in ((0, 5), (5, 7))]
    assert [one.id for one in whole] == [one.id for part in parts for one in part]
    told = [normalize.read(one.body, received_at=one.received_at).moments for one in [*sent, *whole]]
    assert all(len(moments) == 1 for moments in told)
    assert len({moments[0].people for moments in told}) == 41


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_walk_is_counted_at_the_driver_and_the_bare_loop_writes_what_it_wrote(tmp_path: Path) -> None:
    here = builds.here()
    done, bare = (f"sqlite:///{tmp_path / name}" for name in ("done.db", "bare.db"))
    walk.prepared(here, lambda: bare)
    for more in ("", ".data-key"):
        shutil.copyfile(tmp_path / f"bare.db{more}", tmp_path / f"done.db{more}")
    counted, result = walk.counted(here, done, 24, tmp_path / "log", datetime.now(UTC))
    assert counted.calls > counted.many > 0
    assert counted.rows > 10
    assert result["whole"]
    walk.fill(here, bare, 24)
    floor = walk.floor(bare, done)
    assert floor["deliveries"] == 24
    assert floor["rows"] > 24 * 5


def test_results_differ_where_a_row_does() -> None:
    one = {"digests": {"cases": ["a", "b"], "wishes": []}, "decided": 2}
    assert walk.differing(one, one) == walk.EQUAL
    assert walk.differing(one, {"digests": {"cases": ["a", "c"], "wishes": []}, "decided": 3}) == "2 of cases, 2 against 3 decisions differ"


def test_a_long_history_is_one_that_could_have_been(sqlite_files: Sqlite) -> None:
    with sqlite_files.fresh() as url, Database.open(url) as database:
        million.build(database, 400, stories=8, versions=2)

        def look(conn: Connection) -> tuple[int, int, dict[str, object]]:
            waits = conn.execute(select(func.count()).where(inbox_tables.inbox.c.status == "pending")).scalar_one()
            rows_are_as_counted(conn)
            return waits, conn.execute(select(func.count()).select_from(decision_tables.decisions)).scalar_one(), proof.verify(conn)

        waits, decisions, verdict = database.read_now(look)
        assert (waits, verdict["ok"]) == (80, True), verdict
        assert 400 <= decisions < 600
        million.measure(database, times=3, most=3)
        assert all(of.pending == 0 for of in database.read_now(inbox.counts).values()), "what waited was claimed and settled"
