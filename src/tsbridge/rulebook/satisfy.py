"""Whether conditions can be true together. Conditions become a tree of literals; a small search assigns them, asking the
domain of each group whether the literals on it agree. What it finds is a world; what it does not find is proven not to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from tsbridge.core.moments import Value
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.language import Condition, Leaf, Rulebook
from tsbridge.rulebook.domains import EVENT, Domains, group_of
from tsbridge.rulebook.solved import UNKNOWN, Solved
from tsbridge.rulebook.worlds import WORKDAY, World

STEPS: Final = 4_000
"""Branches one question may cost before the answer is that nobody knows."""


class Undecided(Exception):
    """Neither found nor disproved."""


@dataclass(frozen=True, slots=True)
class Lit:
    """A condition, by its number, and whether it shall hold."""

    atom: int
    want: bool


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Node, ...] = ()


Node = Lit | Every | Some
TRUE: Final = Every()
FALSE: Final = Some()

Known = Callable[[Leaf], bool | None]
"""What is known of a leaf before any search: true, false, or None for nothing."""


def nothing_known(leaf: Leaf) -> bool | None:
    return None


class Solver:
    """Answers questions about the conditions of one rulebook. Keeps what it learned of the domains.

    `spent`: branches that all questions so far have cost, the measure by which long checks end.
    """

    def __init__(self, book: Rulebook, zone: tzinfo) -> None:
        self._domains = Domains(book, zone)
        self._atoms: dict[tuple[object, ...], int] = {}
        self._leaves: list[Leaf] = []
        self._groups: list[str] = []
        self._solved: dict[frozenset[tuple[int, bool]], Solved] = {}
        self.spent = 0

    # -- conditions as trees of literals -----------------------------------------------------------------------------

    def node(
        self,
        condition: Condition,
        wanted: bool = True,
        *,
        known: Known = nothing_known,
        apart: frozenset[str] = frozenset(),
        moment: int = 1,
    ) -> Node:
        """A condition that shall be true, or false. Fields `apart` are those of another `moment`: nothing ties them to the same
        fields here, nor in a moment of another number."""
        if isinstance(condition, Leaf):
            return self._literal(condition, wanted, known, apart, moment)

        def inner(parts: Iterable[Condition], wanted: bool) -> list[Node]:
            return [self.node(part, wanted, known=known, apart=apart, moment=moment) for part in parts]

        parts = [*inner(condition.all, wanted), *inner(condition.none, not wanted)]
        choices = inner(condition.any, wanted)
        if wanted:
            return every([*parts, *([some(choices)] if condition.any else [])])
        return some([*parts, *([every(choices)] if condition.any else [])])

    def leaf(self, leaf: Leaf, wanted: bool) -> Node:
        return self._literal(leaf, wanted, nothing_known, frozenset(), 1)

    def _literal(self, leaf: Leaf, wanted: bool, known: Known, apart: frozenset[str], moment: int) -> Node:
        truth = known(leaf)
        if truth is not None:
            return TRUE if truth is wanted else FALSE
        positive, same_sign = _positive(leaf)
        mark = "'" * moment if leaf.field in apart else ""
        key = (positive.field + mark, positive.operator, positive.value, type(positive.value))
        number = self._atoms.setdefault(key, len(self._leaves))
        if number == len(self._leaves):
            self._leaves.append(positive)
            self._groups.append(group_of(positive.field) + mark)
        return Lit(number, wanted is same_sign)

    # -- the search --------------------------------------------------------------------------------------------------

    def find(self, nodes: Iterable[Node], steps: int = STEPS) -> World | None:
        """A world in which all of it is true; None when it is proven that there is none. Raises `Undecided`."""
        search = _Search(self, steps)
        literals = search.run(list(nodes), {})
        self.spent += steps - search.left
        if literals is None:
            if search.unsure:
                raise Undecided
            return None
        return self._world(literals)

    def solved(self, group: str, literals: Iterable[tuple[int, bool]]) -> Solved:
        key = frozenset(literals)
        found = self._solved.get(key)
        if found is None:
            chosen = [(self._leaves[atom], want) for atom, want in sorted(key)]
            found = self._solved[key] = self._domains.solve(group.rstrip("'"), chosen)
        return found

    def group(self, atom: int) -> str:
        return self._groups[atom]

    def _world(self, literals: dict[int, bool]) -> World:
        given: dict[str, Value] = {}
        previous: dict[str, Value] = {}
        at = WORKDAY
        parted = grouped(self, literals)
        for group in sorted({EVENT, *parted}):
            part = self.solved(group, parted.get(group, ())).part
            if part is None or group.endswith("'"):
                continue
            given |= part.given
            previous |= part.previous
            at = part.at or at
        return World(given, previous, at)


class _Search:
    """One question. `unsure` is set where a branch was given up without a proof."""

    def __init__(self, solver: Solver, steps: int) -> None:
        self._solver = solver
        self.left = steps
        self.unsure = False

    def run(self, goals: list[Node], literals: dict[int, bool]) -> dict[int, bool] | None:
        self.left -= 1
        if self.left < 0:
            self.unsure = True
            return None
        pending = self._settle(goals, literals)
        if pending is None:
            return None
        if not pending:
            return literals if self._certain(literals) else None
        pending.sort(key=len, reverse=True)
        options = pending.pop()
        rest: list[Node] = [Some(tuple(one)) for one in pending]
        for option in options:
            found = self.run([option, *rest], dict(literals))
            if found is not None or self.left < 0:
                return found
        return None

    def _settle(self, goals: list[Node], literals: dict[int, bool]) -> list[list[Node]] | None:
        """Take over all that has no choice, as long as there is such; what is left are choices. None: a contradiction."""
        choices: list[Sequence[Node]] = []
        while True:
            touched: set[str] = set()
            while goals:
                goal = goals.pop()
                if isinstance(goal, Every):
                    goals.extend(goal.parts)
                elif isinstance(goal, Some):
                    choices.append(goal.parts)
                elif literals.setdefault(goal.atom, goal.want) is not goal.want:
                    return None
                else:
                    touched.add(self._solver.group(goal.atom))
            if touched and not self._agree(literals, touched):
                return None
            open_choices: list[list[Node]] = []
            for parts in choices:
                options = [part for part in parts if not (isinstance(part, Lit) and literals.get(part.atom, part.want) is not part.want)]
                if any(isinstance(part, Lit) and part.atom in literals for part in options):
                    continue
                if not options:
                    return None
                if len(options) == 1:
                    goals.append(options[0])
                else:
                    open_choices.append(options)
            if not goals:
                return open_choices
            choices = list(open_choices)

    def _agree(self, literals: dict[int, bool], touched: set[str]) -> bool:
        parted = grouped(self._solver, literals)
        for group in touched:
            found = self._solver.solved(group, parted[group])
            if found.part is None and found.proven:
                return False
        return True

    def _certain(self, literals: dict[int, bool]) -> bool:
        for group, mine in grouped(self._solver, literals).items():
            if self._solver.solved(group, mine) is UNKNOWN:
                self.unsure = True
                return False
        return True


def grouped(solver: Solver, literals: dict[int, bool]) -> dict[str, list[tuple[int, bool]]]:
    found: dict[str, list[tuple[int, bool]]] = {}
    for atom, want in literals.items():
        found.setdefault(solver.group(atom), []).append((atom, want))
    return found


def every(parts: Sequence[Node]) -> Node:
    if FALSE in parts:
        return FALSE
    kept = [part for part in parts if part != TRUE]
    return kept[0] if len(kept) == 1 else Every(tuple(kept))


def some(parts: Sequence[Node]) -> Node:
    if TRUE in parts:
        return TRUE
    kept = [part for part in parts if part != FALSE]
    return kept[0] if len(kept) == 1 else Some(tuple(kept))


def negated(node: Node) -> Node:
    if isinstance(node, Lit):
        return Lit(node.atom, not node.want)
    turned = [negated(part) for part in node.parts]
    return some(turned) if isinstance(node, Every) else every(turned)


def _positive(leaf: Leaf) -> tuple[Leaf, bool]:
    """The leaf without its not, and whether it means the same."""
    if leaf.operator == "outside_hours":
        return Leaf(leaf.field, "within_hours", leaf.value), False
    if leaf.operator == "contains":
        return Leaf(leaf.field, "contains_any", (leaf.value,), leaf.words), True
    operator = vocabulary.operator_named(leaf.operator)
    if operator is None or operator.opposite is None:
        return leaf, True
    return _positive(Leaf(leaf.field, operator.opposite, leaf.value, leaf.words))[0], False
