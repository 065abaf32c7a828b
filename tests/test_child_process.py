"""A rulebook made ready in a process of its own judges like one made here; where no process can be had, it is made here."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.core.rules.agreement import disagreements
from tests.rulebook.books import ZONE, book, leaf, rule
from tsbridge.child_process import (
    LONG,
    MANY,
    RULEBOOKS,
    Ended,
    Limits,
    build_rulebook,
    end_children,
    in_child,
    in_child_if_large,
    in_child_or_here,
    received,
    sent,
)
from tsbridge.core.moments import canonical
from tsbridge.core.ports import Died
from tsbridge.core.rules.judge import Judge
from tsbridge.document_files import load_file
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.examine import examine, examine_body
from tsbridge.rulebook.ready import make_ready
from tsbridge.rulebook.worlds import World

STARTER = Path(__file__).resolve().parent.parent / "rulebooks" / "incident-desk.yaml"
BITE = {"all": [leaf("text", "contains", "bite")]}
HOPES = [
    {"name": "a bite", "given": {"text": "a bite"}, "expect": {"tags": ["ts_a"]}},
    {"name": "a kiss", "given": {"text": "a kiss"}, "expect": {"tags": ["ts_a"]}},
]


def there_and_back(judge: Judge) -> Judge:
    came: Judge = received(sent(judge, judge.book.document), judge.book.document)
    assert came.book == judge.book
    assert came.book.document is judge.book.document
    return came


@pytest.mark.parametrize(("seed", "rules"), [(1, 3), (2, 30), (3, 130)])
def test_a_judge_that_was_sent_judges_and_explains_as_the_contract_says(seed: int, rules: int) -> None:
    assert disagreements(9_000 + seed, 40, rules, there_and_back) == []


@pytest.mark.parametrize("python", [None, "/there/is/no/such/python", "/bin/false"])
def test_wherever_it_is_made_the_same_comes_out(python: str | None) -> None:
    document = load_file(STARTER)
    ready = (
        build_rulebook(document, ZONE, 2026)
        if python is None
        else in_child_or_here(make_ready, document, ZONE, read_roster, 2026, python=python)
    )
    here = make_ready(document, ZONE, read_roster, 2026)
    assert ready.judge is not None
    assert here.judge is not None
    assert ready[:2] == here[:2] == ((), ())
    assert ready.judge.book == here.judge.book
    for test in here.judge.book.tests:
        world = World.read(test.given, test.at)
        assert world.judged(ready.judge) == world.judged(here.judge)


class Deadly:
    """Kills the process that it is sent to, and would be noticed here."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"lambda document: {self._code}",)

    def __call__(self, _: Any) -> None:
        raise AssertionError("done here, after all")


@pytest.mark.parametrize(
    "code", ["any(iter(int, 1))", "__import__('os').abort()", "__import__('os').kill(__import__('os').getpid(), 9)", "bytes(1 << 40)"]
)
def test_work_that_a_process_died_of_is_not_done_here(code: str) -> None:
    with pytest.raises(Died):
        in_child_or_here(Deadly(code), {}, limits=Limits(seconds=20.0, computing_s=1))


def test_work_that_takes_longer_than_it_may_is_not_done_here() -> None:
    with pytest.raises(Died):
        in_child_or_here(Deadly("__import__('time').sleep(60)"), {}, limits=Limits(seconds=3.0))


def test_a_process_that_was_killed_before_it_began_is_not_followed_by_a_try_here(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o700)
    with pytest.raises(Died):
        in_child_or_here(Deadly("1"), {}, python=str(python))


def test_processes_of_one_that_ends_are_ended_and_nobody_is_to_blame() -> None:
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(in_child, sleep, 3_600, limits=Limits(seconds=3_600.0))
        while not waiting.done():
            end_children()
        assert isinstance(waiting.exception(), Ended)


def test_a_process_gives_way_to_the_one_that_began_it() -> None:
    assert in_child(os.nice, 0, limits=RULEBOOKS) > os.nice(0)


@pytest.mark.parametrize(
    ("document", "faults", "failed"),
    [
        ({"schema": 1, "rules": [rule("a", {"field": "colour", "operator": "is", "value": 1})]}, ["unknown_field", "no_catch_all"], []),
        (book(rule("a", BITE), tests=HOPES), [], ["a kiss"]),
    ],
)
def test_what_keeps_a_document_from_going_live_is_told_from_there(document: Any, faults: list[str], failed: list[str]) -> None:
    ready = build_rulebook(document, ZONE, 2026)
    assert [fault.code for fault in ready.faults] == faults
    assert [test.name for test in ready.failed] == failed
    assert (ready.judge is None) == bool(faults)
    assert ready[:2] == make_ready(document, ZONE, read_roster, 2026)[:2]


def test_a_large_rulebook_is_examined_elsewhere_as_a_document_or_as_text_and_the_same_is_said() -> None:
    document = book(*(rule(f"r{n}", leaf("text", "contains", f"w{n // 2}"), {"notify": "nobody"}) for n in range(MANY)))
    content, none = canonical(document), b"null"
    found = in_child_if_large(examine, content + b" " * LONG, ZONE, none, read_roster)
    assert found == examine(content, ZONE, none, read_roster)
    assert "duplicate_rule" in {finding.code for finding in found.own}
    sheet = in_child_if_large(examine_body, content + b" " * LONG, 8 << 20, ZONE, none, read_roster)
    assert b"duplicate_rule" in sheet.own["warning"] + sheet.own["info"]
    assert sheet.named == found.named
    with pytest.raises(ValueError, match="trigger") as there:
        in_child_if_large(examine, content + b" " * LONG, ZONE, none, read_roster, b'"none"')
    with pytest.raises(ValueError, match="trigger") as here:
        examine(content, ZONE, none, read_roster, b'"none"')
    assert str(there.value) == str(here.value)


class Process:
    """Work that says which process did it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("lambda document: __import__('os').getpid()",)

    def __call__(self, _: Any) -> int:
        return os.getpid()


@pytest.mark.parametrize(
    ("large", "small"),
    [({"rules": [{}] * MANY}, {"rules": [{}] * (MANY - 1)}), (b" " * (LONG + 1), b" " * LONG)],
    ids=["a document", "text"],
)
def test_only_what_is_worth_it_is_done_elsewhere(large: Any, small: Any) -> None:
    assert in_child_if_large(Process(), large) != os.getpid()
    assert in_child_if_large(Process(), small) == os.getpid()
