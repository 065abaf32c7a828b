"""The page about scale says what the simulation says, the simulation is near what was measured, and what was measured is on record."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from benchmarks.queueing import House, Told, coming, drained, holds, points, sizes, told, waiting

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = (ROOT / "docs" / "scale.md").read_text()
RESULTS: Final = (ROOT / "benchmarks" / "RESULTS.md").read_text()


def rows(heading: str) -> list[list[str]]:
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| ")][2:]


def test_what_is_told_is_near_what_was_measured_and_the_page_has_every_point() -> None:
    found = points()
    assert [point.what for point in found if not holds(point)] == []
    assert sum(not point.given for point in found) >= 3
    shown = [[point.what, f"{point.measured:g}", f"{point.told:.{0 if point.told > 10 else 1}f}"] for point in found]
    assert [[what, f"{float(measured):g}", said] for what, measured, said, _ in rows("The simulation")] == shown


def test_what_was_measured_stands_in_the_results() -> None:
    for figure in (
        "one worker 260 a second, four 500",
        "one 317, two 502",
        "all decided within 0.1 s of the last",
        "drained in 1.00 of the permitted",
    ):
        assert figure in RESULTS.replace("\n", " "), figure


def test_the_table_of_sizes_has_the_waits_that_are_told() -> None:
    waits = {pace: (sqlite, two, four) for pace, sqlite, two, four in sizes()}
    for day, pace, what, p99, _ in rows("How many of what"):
        told_here: tuple[Told, ...] = waits[int(pace)]
        assert abs(int(day.replace(",", "")) * 0.15 / 3_600 * 3 / int(pace) - 1) < 0.26
        for said in re.findall(r"(\d+) ms", p99):
            assert int(said) in {round(one.p99_s * 1_000) for one in told_here}, (pace, what)


def test_more_cores_more_workers_and_quicker_disks_settle_no_less_and_nothing_is_settled_before_it_came() -> None:
    many = waiting(1_000)
    pace = [told(House(workers, 8, 5.0), many).per_s for workers in (2, 4, 8)]
    assert pace == sorted(pace)
    assert told(House(2, 1, 5.0), many).per_s < told(House(2, 2, 5.0), many).per_s
    assert told(House(1, 1, 20.0), many).per_s < told(House(1, 1, 1.0), many).per_s
    calm = told(House(1, 1, 0.0, crowded=1.0), coming(500, 1.0, 3))
    assert calm.p50_s == pytest.approx(0.00314)
    assert coming(50, 1.0, 3) == coming(50, 1.0, 3) == sorted(coming(50, 1.0, 3))


def test_writing_waits_for_its_permits() -> None:
    assert drained(15, 60) == 0.0
    assert drained(75, 60) == pytest.approx(1.0)
