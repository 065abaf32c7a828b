"""What is unusual by now, as `work.patterns` found it; and having it looked at again at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection

from tsbridge.core.phrases import phrases
from tsbridge.core.unusual import DIGEST, RISING_WORD
from tsbridge.reports.found import draft_rule, sentence
from tsbridge.store import keys, pattern_findings, patterns

Kind = Literal["burst", "linked_claims", "overload", "repeat_party", "rising_word", "rule_drift"]

READ: Final = 10
"""Cases whose texts are read for the word that they have."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`figures`: what the sentence is made of, a rising word among them. `cases`: ids, the newest last, at most 200. `draft_rule`: what
    could be added to the rulebook. `seen_at`: when it was last found so."""

    id: str
    kind: Kind
    sentence: str
    since: datetime
    found_at: datetime
    seen_at: datetime
    figures: dict[str, Any]
    cases: tuple[str, ...]
    draft_rule: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Power:
    """In which part of all times `times` the usual is found by the end of so many `days`, where `usual_a_day` are usual."""

    days: int
    times: int
    usual_a_day: float
    found: float


@dataclass(frozen=True, slots=True)
class Looked:
    """The last look. `computed_at`: None before the first. `series`: how many are looked at; `tested`: in how many tests, 0 while too
    little is known of what is usual; `spread`: the variance of their counts, in times of the mean."""

    computed_at: datetime | None
    series: int
    tested: int
    spread: float | None
    power: tuple[Power, ...]


@dataclass(frozen=True, slots=True)
class Refreshing:
    """`computed_at` of the list gets past `asked_at` once it was looked again."""

    asked_at: datetime
    computed_at: datetime | None


def listed(conn: Connection, now: datetime, limit: int, before: tuple[datetime, str] | None = None) -> list[Pattern]:
    """What stands, what began last first."""
    found = []
    for row in pattern_findings.listed(conn, now, limit, before):
        kind, figures = row["kind"], row["figures"]
        cases = tuple(patterns.as_they_are_called(conn, row["cases"]))
        if kind == RISING_WORD:
            figures = {**figures, "word": _word(conn, row["about"], cases)}
        at = (row["since"], row["found_at"], row["seen_at"])
        found.append(Pattern(row["id"], kind, sentence(kind, figures), *at, figures, cases, draft_rule(kind, figures)))
    return found


def _word(conn: Connection, digest: str, cases: Sequence[str]) -> str | None:
    """The phrase behind a digest, out of what its cases were opened with; None where that is not kept any more."""
    pepper = keys.known_pepper(conn)
    if pepper is None:
        return None
    for text in patterns.openings(conn, patterns.tickets_of(conn, cases[-READ:])).values():
        for phrase in phrases(text):
            if keys.digest(pepper, phrase)[:DIGEST] == digest:
                return phrase
    return None


def looked(conn: Connection) -> Looked:
    state = patterns.state(conn)
    told = state.told or {}
    powers = tuple(Power(**one) for one in told.get("power", ()))
    return Looked(state.looked_at, told.get("series", 0), told.get("tested", 0), told.get("spread"), powers)


def refresh(conn: Connection, now: datetime) -> Refreshing:
    """Have it looked at again as soon as may be."""
    patterns.want(conn, now)
    return Refreshing(now, patterns.state(conn).looked_at)
