"""The guide says the truth about the check."""

from __future__ import annotations

import re
from pathlib import Path

from tsbridge.document_files import load_file, load_text
from tsbridge.roster.check import CODES, check
from tsbridge.roster.document import read
from tsbridge.roster.read_parts import RosterError

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "roster.md").read_text()


def test_every_advice_of_the_check_is_in_the_guide() -> None:
    table = GUIDE.partition("## What the check says")[2]
    named = {code for line in table.splitlines() if line.startswith("| `") for code in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == CODES.keys()


def test_the_examples_of_the_guide_are_a_roster_part_by_part_of_which_only_the_check_may_say_something() -> None:
    """Whoever checks after each part, as the guide says, is told of no error."""
    merged: dict[str, object] = {}
    for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL):
        merged |= load_text(block.encode(), dates=True)
        try:
            read(merged)
        except RosterError as refused:
            raise AssertionError([(one.path, one.message) for one in refused.findings]) from None


def test_the_bundled_example_says_nothing_of_itself_beside_the_starter_rulebook() -> None:
    folder = ROOT / "rulebooks"
    assert check(load_file(folder / "incident-desk-roster.yaml", dates=True), load_file(folder / "incident-desk.yaml")) == ()
