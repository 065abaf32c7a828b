"""`docs/rulebook.md` tells the truth: its tables are the vocabulary, its examples are rulebooks, its findings are those of the check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.rulebook.books import ZONE, book
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.document import MAX_RULES, MAX_TESTS, read
from tsbridge.core.rules.parts import MAX_LIST
from tsbridge.core.rules.read_actions import MAX_ACTIONS
from tsbridge.core.rules.read_conditions import MAX_DEPTH, MAX_NODES
from tsbridge.document_files import load_text
from tsbridge.rulebook import tests
from tsbridge.rulebook.check import CODES, check
from tsbridge.rulebook.zendesk_names import ASKED

GUIDE = Path(__file__).parents[2] / "docs" / "rulebook.md"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(*words: str) -> str:
    return " ".join(f"`{word}`" for word in words)


TABLES = {
    "fields": table(
        ("field", "type", "what it is", "values"),
        (
            (code(f.name), f.type, f.description, code(*f.choices) if f.choices else f"like {code(str(f.example))}")
            for f in vocabulary.FIELDS
        ),
    ),
    "operators": table(
        ("operator", "on fields of type", "value", "true when"),
        ((code(o.name), ", ".join(o.types), o.value, o.description) for o in vocabulary.OPERATORS),
    ),
    "actions": table(
        ("action", "value", "what it does", "where"),
        (
            (
                code(a.name),
                a.value,
                a.description,
                "routing rules" if a.where == ("routing",) else "escalation rules" if "step" not in a.where else "everywhere",
            )
            for a in vocabulary.ACTIONS
        ),
    ),
    "findings": table(("finding", "what it says"), ((code(name), words) for name, words in CODES.items())),
    "names": table(("finding", "what it says"), ((code(name), words) for name, words in ASKED.items())),
}


@pytest.mark.parametrize("name", TABLES)
def test_its_tables_are_what_the_code_knows(name: str) -> None:
    assert TABLES[name] in GUIDE.read_text(), f"put this into {GUIDE.name}:\n{TABLES[name]}"


def test_its_whole_example_is_a_sound_rulebook_that_passes_its_tests_and_the_check() -> None:
    whole = load_text(re.findall(r"```yaml\n(schema: 1\n.*?)```", GUIDE.read_text(), re.DOTALL)[0].encode())
    assert check(whole, ZONE) == ()
    results = tests.run(read(whole), ZONE)
    assert results
    assert [(result.name, dict(result.differences)) for result in results if not result.ok] == []


def test_its_calendars_are_calendars() -> None:
    part = load_text(re.findall(r"```yaml\n(calendars:\n.*?)```", GUIDE.read_text(), re.DOTALL)[0].encode())
    assert check(book(**part), ZONE) == ()


def test_every_piece_of_yaml_can_be_read() -> None:
    pieces = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(pieces) >= 3
    assert all(load_text(piece.encode()) for piece in pieces)


def test_its_limits_are_the_limits() -> None:
    text = GUIDE.read_text()
    for limit in (MAX_RULES, MAX_TESTS, MAX_LIST, MAX_ACTIONS, MAX_NODES, MAX_DEPTH):
        assert f"{limit:,}" in text, limit


def test_events_and_reader_words_are_named() -> None:
    text = GUIDE.read_text()
    assert all(f"`{event}`" in text for event in vocabulary.EVENTS)
    assert all(f"`{part}`" in text for part in ("lists", "calendars", "queues", "policies", "linking", "rules", "tests"))
