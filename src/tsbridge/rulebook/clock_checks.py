"""Rules that wait for an age and are not asked when it comes: time alone asks only rules that name `clock`.

What looks at the hour is left alone: "came in while the office is closed" is asked when something comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.language import Rule, leaves
from tsbridge.core.rules.next_change import AGE, hears_the_clock

WAITING: Final = frozenset({"at_least", "greater_than", "between"})
"""What is true later and not yet."""


def ages_unheard(rules: Iterable[Rule]) -> Iterator[Finding]:
    """Once a rule, at its first look at an age."""
    for rule in rules:
        waits = (leaf for leaf in leaves(rule.when) if leaf.field == AGE and leaf.operator in WAITING)
        if not hears_the_clock(rule) and (leaf := next(waits, None)) is not None:
            words = "time alone does not ask this rule: the age is looked at when something else happens; add clock to on"
            yield Finding("info", "age_unheard", words, f"{leaf.path}/field", rule.key)
