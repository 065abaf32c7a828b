"""What a decision would have been if one thing had been otherwise: by the real engine, with the rulebook that decided. Nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts import audit, trial
from tsbridge.acts.errors import Invalid, need
from tsbridge.core.rules import vocabulary
from tsbridge.store.rulebooks import LiveRulebook

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`rules`: keys of those that would have matched; `outcome`: as in contract section 6."""

    rules: tuple[str, ...]
    outcome: Mapping[str, Any] = field(hash=False)


def what_if(conn: Connection, live: LiveRulebook, decision_id: str, name: str, value: str) -> WhatIf:
    """`value` as somebody types it: words of a set with commas between; nothing for nothing. Raises `NotFound`, `Conflict`, `Invalid`."""
    decided = need(audit.decision(conn, decision_id), "decision")
    asked = trial.instead(trial.recorded(conn, None, decision_id), {name: _typed(name, value)}, None)
    judge = live.version(conn, decided.rulebook.version).judge
    judgement = judge.decide(asked.facts, asked.previous, asked.standing, asked.at, asked.subject)
    rules = judge.explain(asked.facts, asked.previous, asked.standing, asked.at, asked.subject)
    return WhatIf(tuple(rule.key for rule in rules if rule.matched), trial.outcome(judgement, asked.facts))


def _typed(name: str, value: str) -> Any:
    """The value as its field has it."""
    known = vocabulary.field_named(name.removeprefix(trial.PREVIOUS))
    if known is None or not value:
        return None
    if known.type == "set":
        return [word.strip() for word in value.split(",") if word.strip()]
    if known.type == "number":
        if not _NUMBER.fullmatch(value):
            raise Invalid({"/value": "Expected a number."})
        return float(value) if "." in value else int(value)
    if known.type == "flag":
        return value.lower() in ("true", "yes", "1")
    return value


def fields() -> tuple[str, ...]:
    """Names of what can be changed."""
    return tuple(one.name for one in vocabulary.FIELDS if "<" not in one.name)
