"""Whose words a rule reads: an agent's question and a macro's text are part of `text`, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tsbridge.core.moments import TICKET_EVENTS
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.language import Rule, leaves

RAISING: Final = frozenset({"set_severity", "escalate", "notify"})
"""What wakes people: only there the question is worth asking."""
INSTEAD: Final = {
    "text": "text.requester has the requester's own words",
    "text.new": "with comment.by is requester only what the requester wrote counts",
}


def anybodys_words(rules: Iterable[Rule]) -> Iterator[Finding]:
    """Rules about tickets that raise an alarm over words, whoever wrote them; once a rule."""
    for rule in rules:
        if rule.on.isdisjoint(TICKET_EVENTS) or not any(action.name in RAISING for action in rule.then):
            continue
        read = leaves(rule.when)
        if any(leaf.field == "comment.by" for leaf in read):
            continue
        leaf = next((leaf for leaf in read if leaf.field in INSTEAD and leaf.operator not in ("present", "not_present")), None)
        if leaf is not None:
            words = f"{leaf.field} has the words of agents and macros, too: {INSTEAD[leaf.field]}"
            yield Finding("info", "anybodys_words", words, f"{leaf.path}/field", rule.key)
