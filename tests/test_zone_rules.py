"""The packaged rules of time zones count, however old the machine's are, in every process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from tests import floors
from tsbridge import ZONE_RULES

SOURCES = Path(__file__).parent.parent / "src" / "tsbridge"

PRELUDE = """
from datetime import UTC, datetime
from zoneinfo import ZoneInfo
at = datetime(2026, 12, 15, 16, 30, tzinfo=UTC)
"""
LOCAL = "print(at.astimezone(ZoneInfo('America/Vancouver')).strftime('%H:%M'))"
CALENDAR = """
from tsbridge.core.calendar import Calendar
hours = Calendar("office", ZoneInfo("America/Vancouver"), ((((9 * 60), (17 * 60)),),) * 7)
print("open" if hours.is_open(at) else "closed")
"""
APART = """
from tsbridge.child_process import in_child_or_here
print(in_child_or_here(datetime.astimezone, at, ZoneInfo("America/Vancouver")).strftime('%H:%M'))
"""
FEED = r"""
from datetime import timedelta
from tsbridge.roster import ical_in
text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=America/Vancouver:20260715T093000\r\nDURATION:PT1H\r\n"
text += "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
(span,) = ical_in.read(text.encode(), at, at + timedelta(minutes=1), ZoneInfo("America/Vancouver")).spans
print(span.start.strftime('%H:%M'))
"""
HAD_ALREADY = "ZoneInfo('America/Vancouver')\nimport tsbridge\n" + LOCAL


@pytest.fixture(scope="module")
def old_machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine's table in which Vancouver still changes its clocks, as Los Angeles does."""
    folder: Path = tmp_path_factory.mktemp("zoneinfo")
    with as_file(files("tzdata.zoneinfo.America") / "Los_Angeles") as rules:
        (folder / "America").mkdir()
        shutil.copy(rules, folder / "America" / "Vancouver")
    return folder


def said(program: str, machine: Path) -> str:
    environ = {**os.environ, "PYTHONTZPATH": str(machine)}
    done = subprocess.run([sys.executable, "-c", PRELUDE + program], env=environ, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        (LOCAL, "08:30"),  # what Python alone makes of it there
        ("import tsbridge\n" + LOCAL, "09:30"),
        (HAD_ALREADY, "09:30"),
        (CALENDAR, "open"),
        (APART, "09:30"),
        (FEED, "16:30"),
    ],
)
def test_half_past_nine_in_vancouver_on_a_machine_with_an_old_table(old_machine: Path, program: str, answer: str) -> None:
    assert said(program, old_machine) == answer


def test_the_version_in_use_is_known() -> None:
    assert ZONE_RULES >= "2026f"


CARRYING_TABLES = {"pytz", "dateutil", "polars", "pandas", "arrow", "pendulum", "vl_convert"}
WITHOUT_TABLE = {"dateutil.rrule"}
"""Rules of repetition, given nothing but what wall clocks show: the zone is put on afterwards, by `zoneinfo`."""


def test_no_other_librarys_table_is_asked() -> None:
    """They carry older ones inside."""
    imported = {name for module in floors.read(SOURCES).values() for name, _ in module.imports}
    assert any(name.partition(".")[0] == "zoneinfo" for name in imported)
    assert {name for name in imported if name.partition(".")[0] in CARRYING_TABLES} == WITHOUT_TABLE
