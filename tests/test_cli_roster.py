"""`tsbridge roster`: check, publish, compare, ask, override; 0 fine, 1 problems, 2 misuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.roster.rosters import TEXT
from tests.test_cli import Run, migrated, run
from tsbridge.document_files import load_text

__all__ = ["migrated", "run"]

pytestmark = pytest.mark.usefixtures("migrated")

EVERYBODY = (
    TEXT.replace("until: 2026-10-31, ", "").replace('quiet: "22:00-07:00"', "reach: [mail]").replace("2026-11-02T09:00", "2026-01-05T09:00")
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "week.yaml"
    path.write_text(EVERYBODY)
    return path


def test_the_bundled_example_is_sound_and_covers_every_queue(run: Run) -> None:
    found = run("roster", "check", "--json", TSBRIDGE_DATABASE_URL="sqlite:////dev/null/bridge.db")
    assert (found.code, found.json["findings"]) == (0, [])


def test_faults_are_told_by_file_and_line(run: Run, file: Path) -> None:
    file.write_text(EVERYBODY.replace("members: [ana, ben]", "members: []"))
    told = run("roster", "check", str(file), TSBRIDGE_DATABASE_URL="sqlite:////dev/null/bridge.db")
    assert told.code == 1
    assert "week.yaml:16: error: /rotations/lead/members: nobody takes turns here" in told.out
    refused = run("roster", "publish", str(file), "--note", "x")
    assert (refused.code, "nothing was done" in refused.err) == (1, True)


def test_a_roster_goes_live_is_asked_overridden_compared_and_restored(run: Run, file: Path) -> None:
    assert run("roster", "show").code == 1
    assert run("roster", "oncall").code == 1
    assert run("roster", "publish", str(file), "--note", "our people", "--json").json["version"] == 1
    assert file.read_text().lstrip().startswith("# tsbridge: based on version 1")
    again = run("roster", "publish", str(file), "--note", "again")
    assert (again.code, "this very roster" in again.err) == (1, True)
    shown = run("roster", "show")
    assert load_text(shown.out.encode(), dates=True) == load_text(EVERYBODY.encode(), dates=True)

    on_call = run("roster", "oncall", "--queue", "safety", "--severity", "1", "--json").json
    (person,) = on_call["people"]
    other = {"ana": "ben", "ben": "ana"}[person["agent"]]
    made = run("roster", "override", "oncall", other, "--rotation", "lead", "--to", "2999-01-01T00:00:00Z", "--why", "swap")
    assert (made.code, "within 366 days" in made.err) == (2, True)
    until = person["until"]
    made = run("roster", "override", "oncall", other, "--rotation", "lead", "--to", until, "--why", "swap", "--json")
    assert (made.code, made.json["agent"]) == (0, other)
    assert run("roster", "override", "oncall", other, "--rotation", "lead", "--to", until, "--why", "swap").code == 1
    assert run("roster", "oncall", "--json").json["people"][0]["agent"] == other
    assert run("roster", "override", "remove", made.json["id"]).code == 0
    assert run("roster", "override", "remove", made.json["id"]).code == 1
    assert run("roster", "override", "list", "--json").json["items"][0]["removed_at"] is not None
    assert run("roster", "oncall", "--json").json["people"][0]["agent"] == person["agent"]

    file.write_text(file.read_text().replace("every: 1w", "every: 2w"))
    differs = run("roster", "diff", "live", str(file))
    assert (differs.code, "every is 2w, was 1w." in differs.out) == (1, True)
    assert run("roster", "publish", str(file), "--note", "two weeks", "--json").json["version"] == 2
    assert run("roster", "restore", "1", "--note", "back", "--json").json["version"] == 3
    assert run("roster", "diff", "1", "live").code == 0
    stale = run("roster", "publish", str(file), "--note", "mine")
    assert (stale.code, "is based on version 2, and version 3 is live" in stale.err) == (1, True)
    assert run("audit", "verify").code == 0


def test_holes_are_problems(run: Run, file: Path) -> None:
    empty = run("roster", "coverage")
    assert (empty.code, "`tsbridge roster publish`" in empty.err) == (1, True)
    file.write_text(EVERYBODY.replace("  - {oncall: lead}\n", "  - {queue: safety, oncall: day}\n"))
    assert run("roster", "publish", str(file), "--note", "holes").code == 0
    found = run("roster", "coverage", "--days", "7", "--json")
    assert found.code == 1
    assert {one["queue"] for one in found.json["holes"]} == {"claims", "safety"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("publish", "nowhere.yaml", "--note", "x"),
        ("override", "swap", "ana"),
        ("override", "off"),
        ("override", "off", "ana"),
        ("override", "off", "ana", "--to", "soon", "--why", "x"),
        ("oncall", "--at", "now"),
        ("oncall", "--severity", "7"),
        ("diff", "nowhere.yaml", "live"),
    ],
)
def test_misuse_is_told_apart_from_problems(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("roster", *arguments).code == 2


def test_links_to_feeds_are_made_and_made_void(run: Run, file: Path) -> None:
    assert run("roster", "feed", "ana").code == 1  # no roster yet
    run("roster", "publish", str(file), "--note", "x")
    first = run("roster", "feed", "ana", "--json").json["url"]
    second = run("roster", "feed", "ana", TSBRIDGE_PUBLIC_URL="https://desk.example").out.strip()
    assert first.startswith("/f/a.")
    assert first.endswith(".ics")
    assert second.startswith("https://desk.example/f/a.")
    assert second.removeprefix("https://desk.example") != first
    assert run("roster", "feed", "--queue", "safety").out.startswith("/f/q.")
    assert [run("roster", "feed", *named).code for named in (("nobody",), ("--queue", "nowhere"), (), ("ana", "--queue", "safety"))] == [
        1,
        1,
        2,
        2,
    ]
    assert [run("roster", "feed", "ana", "--void").code for _ in range(2)] == [0, 1]
    assert run("audit", "verify").code == 0
