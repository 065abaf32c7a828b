"""Whom a rulebook tells, held against the roster: a word that means nobody there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError, escape, nearest
from tsbridge.core.rules.language import Rulebook

UNKNOWN: Final = "unknown_target"
PARTS: Final = ("agents", "ways", "rotations", "shifts")
"""Whose keys stand alone."""


def targets(document: Any, roster: Mapping[str, Any] | None) -> tuple[Finding, ...]:
    """The words of `notify` that reach nobody, each once a rule or policy step. Nothing without a roster, or about what is no rulebook."""
    try:
        book = read(document)
    except RulebookError:
        return ()
    if roster is None:
        return ()
    known = {"oncall", *(key for part in PARTS for key in _keys(roster, part))}
    known |= {f"queue:{key}" for key in book.queues} | {f"rotation:{key}" for key in _keys(roster, "rotations")}
    kept_elsewhere = {str(feed.get("key")): feed.get("means") for feed in roster.get("calendars") or ()}
    known |= {key for key, means in kept_elsewhere.items() if means != "off"}
    known |= {f"rotation:{key}" for key, means in kept_elsewhere.items() if means == "rotation"}
    known |= {f"list:{key}" for key in _keys(roster, "lists")}
    return tuple(
        Finding("warning", UNKNOWN, f"nobody of the roster is called so: nobody is told{nearest(target, known)}", path, rule)
        for target, path, rule in _told(book)
        if target not in known
    )


def _told(book: Rulebook) -> Iterator[tuple[str, str, str | None]]:
    """Each target with its place, and the rule's key."""
    for rule in (*book.escalation, *book.routing):
        yield from ((str(one.value), f"{rule.path}/then", rule.key) for one in rule.then if one.name == "notify")
    for policy in book.policies.values():
        for place, step in enumerate(policy.steps):
            path = f"/policies/{escape(policy.name)}/steps/{place}/actions"
            yield from ((str(one.value), path, None) for one in step.actions if one.name == "notify")


def _keys(roster: Mapping[str, Any], part: str) -> list[str]:
    found = roster.get(part)
    return [str(key) for key in found] if isinstance(found, Mapping) else []
