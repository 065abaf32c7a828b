"""What the pages about proofs, threats and the standard name is there, and nothing that they have to answer for is left out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = ("proofs.md", "asvs.md", "threat-model.md")
MATRIX: Final = {"L": 11, "U": 10, "H": 19, "D": 13, "P": 11, "A": 5}
"""Rows of the test matrix."""
# Of each section of the standard how many items there are, and which of them are of level 3.
SECTIONS: Final[dict[str, tuple[int, set[int]]]] = {
    "1.1": (2, set()), "1.2": (10, {10}), "1.3": (12, {12}), "1.4": (3, set()), "1.5": (3, {3}),
    "2.1": (3, set()), "2.2": (3, set()), "2.3": (5, {5}), "2.4": (2, {2}),
    "3.1": (1, {1}), "3.2": (3, {3}), "3.3": (5, {5}), "3.4": (8, {7, 8}), "3.5": (8, {6, 7, 8}), "3.6": (1, {1}), "3.7": (5, {3, 4, 5}),
    "4.1": (5, {4, 5}), "4.2": (5, {2, 3, 4, 5}), "4.3": (2, set()), "4.4": (4, set()),
    "5.1": (1, set()), "5.2": (6, {4, 5, 6}), "5.3": (3, {3}), "5.4": (3, set()),
    "6.1": (3, set()), "6.2": (12, set()), "6.3": (8, {5, 6, 7, 8}), "6.4": (6, {5, 6}), "6.5": (8, {6, 7, 8}), "6.6": (4, {4}),
    "6.7": (2, {1, 2}), "6.8": (4, set()),
    "7.1": (3, set()), "7.2": (4, set()), "7.3": (2, set()), "7.4": (5, set()), "7.5": (3, {3}), "7.6": (2, set()),
    "8.1": (4, {3, 4}), "8.2": (4, {4}), "8.3": (3, {2, 3}), "8.4": (2, {2}),
    "9.1": (3, set()), "9.2": (4, set()),
    "10.1": (2, set()), "10.2": (3, {3}), "10.3": (5, {5}), "10.4": (16, {12, 13, 14, 15, 16}), "10.5": (5, set()), "10.6": (2, set()),
    "10.7": (3, set()),
    "11.1": (4, {3, 4}), "11.2": (5, {4, 5}), "11.3": (5, {4, 5}), "11.4": (4, set()), "11.5": (2, {2}), "11.6": (2, {2}),
    "11.7": (2, {1, 2}),
    "12.1": (5, {4, 5}), "12.2": (2, set()), "12.3": (5, {5}),
    "13.1": (4, {2, 3, 4}), "13.2": (6, {6}), "13.3": (4, {3, 4}), "13.4": (7, {6, 7}),
    "14.1": (2, set()), "14.2": (8, {5, 6, 7, 8}), "14.3": (3, set()),
    "15.1": (5, {4, 5}), "15.2": (5, {4, 5}), "15.3": (7, set()), "15.4": (4, {1, 2, 3, 4}),
    "16.1": (1, set()), "16.2": (5, set()), "16.3": (4, set()), "16.4": (3, set()), "16.5": (4, {4}),
    "17.1": (2, {2}), "17.2": (8, {5, 6, 7, 8}), "17.3": (2, set()),
}  # fmt: skip


@cache
def functions_of(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def rows(page: str) -> list[list[str]]:
    lines = (ROOT / "docs" / page).read_text().splitlines()
    tables = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / page).read_text())
    assert len(named) > 50
    missing = [f"{file}::{name}" for file, name in named if not (ROOT / file).is_file() or (name and name not in functions_of(ROOT / file))]
    assert missing == []


def test_every_row_of_the_matrix_is_answered_with_a_test_or_a_benchmark_or_a_reason() -> None:
    found = {row[0]: row for row in rows("proofs.md") if re.fullmatch(r"[A-Z]\d+", row[0])}
    assert found.keys() == {f"{letter}{number}" for letter, most in MATRIX.items() for number in range(1, most + 1)}
    for ident, (_, _, shown_by, figure, stands) in found.items():
        assert shown_by or "**not" in stands, ident
        assert stands, ident
        if stands == "held":
            assert figure, f"{ident} is held and says no figure"


def test_every_benchmark_that_is_named_is_there() -> None:
    named = {name for found in re.findall(r"`benchmarks ([a-z ]+)`", (ROOT / "docs" / "proofs.md").read_text()) for name in found.split()}
    assert len(named) > 10
    tree = ast.parse((ROOT / "benchmarks" / "__main__.py").read_text())  # read and not run: it imports the whole house
    assert named <= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_the_checklist_has_every_item_of_levels_one_and_two_once() -> None:
    wanted = {f"{section}.{n}" for section, (count, third) in SECTIONS.items() for n in range(1, count + 1) if n not in third}
    assert len(wanted) == 253
    listed = [item for row in rows("asvs.md") for item in items(row[0])]
    assert set(listed) == wanted
    assert {item for item in listed if listed.count(item) > 1} <= {"1.4.2"}, "one stands in its row and in a range"


def items(cell: str) -> list[str]:
    """`1.2.3, 1.3.1 to 1.3.3` one by one; nothing for a heading."""
    found = []
    for part in cell.split(", "):
        bounds = re.fullmatch(r"(\d+\.\d+)\.(\d+)(?: to (\d+\.\d+)\.(\d+))?", part)
        if bounds is not None:
            section, first, other, last = bounds.groups()
            assert other in (None, section), cell
            found += [f"{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def test_every_item_of_the_checklist_has_a_test_or_a_reason() -> None:
    for row in rows("asvs.md"):
        if len(row) == 4 and items(row[0]):
            _, what, stands, by = row
            assert stands.strip("*") in ("yes", "by design", "operator", "no", "in part"), row
            assert what
            assert "`tests/" in by if stands == "yes" else by or stands == "by design", row


def test_every_threat_has_what_stands_against_it_and_a_test() -> None:
    threats = [
        row for row in rows("threat-model.md") if len(row) == 3 and row[0] != "what can go wrong" and not re.match(r"[AT]\d", row[0])
    ]
    threats = [row for row in threats if row[:2] not in (["", "asset"], ["", "actor"])]
    assert len(threats) > 40
    assert [row[0] for row in threats if not row[1] or "`tests/" not in row[2]] == []
