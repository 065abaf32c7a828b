"""Tests that bring a roster: what it tells of people is put among their facts, before anybody runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from tsbridge.core.roster import Roster
from tsbridge.core.rota import Rota
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import DocumentError, Finding, RulebookError
from tsbridge.core.rules.language import Rulebook, Test
from tsbridge.core.staff import made_up
from tsbridge.rulebook.worlds import World

ReadRoster = Callable[[Any], Roster]
"""A document as a roster. Raises `DocumentError`."""
MOST: Final = 20
"""Findings that are told of one roster."""


def staffed(book: Rulebook, read_roster: ReadRoster) -> Rulebook:
    """The same rulebook with tests that need no roster any more. What a test gives itself counts; a roster with faults stays, and its test
    fails of it."""
    if all(test.roster is None for test in book.tests):
        return book
    return replace(book, tests=tuple(_staffed(test, book, read_roster) for test in book.tests))


def _staffed(test: Test, book: Rulebook, read_roster: ReadRoster) -> Test:
    if test.roster is None:
        return test
    try:
        world, roster = World.read(test.given, test.at), read_roster(test.roster)
    except ValueError:  # DocumentError is one
        return test
    found = made_up(Rota(roster, calendars=book.calendars), world.given, world.at)
    return replace(test, given={**found, **test.given}, roster=None)


def unread(document: Any, read_roster: ReadRoster) -> Iterator[Finding]:
    """What is wrong with the rosters of a document's tests. Nothing about one that is no rulebook."""
    try:
        tests = read(document).tests
    except RulebookError:
        return
    for test in tests:
        try:
            if test.roster is not None:
                read_roster(test.roster)
        except DocumentError as faults:
            for one in faults.findings[:MOST]:
                yield Finding("warning", "test_fails", f"this test cannot pass: {one.message}", f"{test.path}/roster{one.path}")
