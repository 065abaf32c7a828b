"""Whole worlds out of a number, and the laws of the house. `make soak` lives two thousand of them; here are those that showed something."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import mutants
from tests.world.laws import LAWS, judge
from tests.world.play import folder, fresh, lived, whole
from tests.world.scenes import SCENES
from tests.world.traits import traits

HERE = Path(__file__).parent
KEPT = [int(line.split()[0]) for line in (HERE / "seeds.txt").read_text().splitlines() if line and not line.startswith("#")]
QUICK = 1
"""So many of the kept seeds for every change; all of them by `make soak`."""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    with folder() as found:
        yield found


@pytest.mark.parametrize("seed", [*KEPT[:QUICK], *(pytest.param(seed, marks=pytest.mark.soak) for seed in KEPT[QUICK:])])
def test_the_laws_hold_in_the_world_of_a_seed(made: Path, seed: int) -> None:
    history, calm = whole(seed, made)
    assert judge(history.entries(), None if calm is None else calm.entries()) == []


def test_the_same_seed_is_the_same_history_byte_for_byte(made: Path) -> None:
    one, other = (lived(4, fresh(made, "world"), traits(4)) for _ in range(2))
    assert one.bytes() == other.bytes()


def test_each_law_has_a_mutant_and_each_scene_that_one_names_is_there() -> None:
    planted = mutants.ALL.values()
    assert {one.law for one in planted} == {*LAWS, "ordered"}
    assert {one.scene for one in planted} - {""} <= SCENES.keys()
    assert [one.name for each in planted for one in (each, *each.also) if one.name not in vars(one.owner)] == []


@pytest.mark.parametrize("module", ["laws", "judged"])
def test_who_judges_knows_nothing_of_the_code(module: str) -> None:
    tree = ast.parse((HERE / f"{module}.py").read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in named if name.startswith("tsbridge")}
    assert {name for name in named if name.startswith("tests")} <= {"tests.world.judged"}
