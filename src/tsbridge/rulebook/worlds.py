"""A world: the facts of one event, whole enough to be judged. What the check shows as a witness is one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from tsbridge.core.moments import Value, value_json
from tsbridge.core.rules.facts import YEARS, Facts
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.track import follows_from

WORKDAY: Final = datetime(2026, 1, 7, 17, tzinfo=UTC)
"""When an event that names no time takes place: a Wednesday, 9 in the morning in California, 18 in Berlin."""
PREVIOUS: Final = "previous."


@dataclass(frozen=True, slots=True)
class World:
    """Facts by field name, those known from before, and the time."""

    given: Mapping[str, Value] = field(default_factory=dict, hash=False)
    previous: Mapping[str, Value] = field(default_factory=dict, hash=False)
    at: datetime = WORKDAY

    @classmethod
    def read(cls, given: Mapping[str, Any], at: Any = None) -> World:
        """What a test or a try gives. Raises `ValueError` for a time that is none."""
        facts: dict[str, Value] = {}
        previous: dict[str, Value] = {}
        for name, value in given.items():
            into = previous if name.startswith(PREVIOUS) else facts
            into[name.removeprefix(PREVIOUS)] = tuple(sorted(map(str, value))) if isinstance(value, list) else value
        facts = completed(facts)
        if at is None:
            return cls(facts, previous)
        time = datetime.fromisoformat(str(at))
        if time.year not in YEARS:
            raise ValueError("no calendar reaches that far")
        return cls(facts, previous, time.replace(tzinfo=UTC) if time.tzinfo is None else time)

    def to_json(self) -> dict[str, Any]:
        """`{"given": …, "at": …}` as a test of the rulebook or a try takes it."""
        facts = {name: value_json(value) for name, value in sorted(self.given.items())}
        facts |= {PREVIOUS + name: value_json(value) for name, value in sorted(self.previous.items())}
        return {"given": facts, "at": self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")}

    def facts(self, book: Rulebook, zone: tzinfo) -> Facts:
        return Facts(*book.ticked(self.given, self.previous), self.at, zone, book.calendars, None)

    def judged(self, judge: Judge) -> Judgement:
        return judge.decide(self.given, self.previous, Standing(), self.at, until=self.at)


def completed(given: Mapping[str, Value]) -> dict[str, Value]:
    """Facts as a person gives them, with what follows: a text of which nothing more is said is the requester's own."""
    facts = follows_from(given, {}) | dict(given)
    if "text" in facts:
        facts.setdefault("text.requester", facts["text"])
    return facts
