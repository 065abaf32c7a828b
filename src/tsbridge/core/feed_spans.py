"""What iCalendar feeds tell, put into a roster: time off, and rotas that are kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, NamedTuple

from tsbridge.core.roster import Away, Override, Roster, Shift


class Span(NamedTuple):
    """From `start` (included) to `end` (excluded), in UTC. `agent`: of a rota whose it is; empty in a feed of time off."""

    start: datetime
    end: datetime
    agent: str


Spans = tuple[Span, ...]


class Known(NamedTuple):
    """A roster with what its feeds tell: a rota kept elsewhere is a shift of nobody under its feed's key, and an override for each turn."""

    roster: Roster
    overrides: tuple[Override, ...]
    away: tuple[Away, ...]


def with_feeds(roster: Roster, read: Mapping[str, Sequence[Span]]) -> Known:
    """`read`: by feed what was read last; turns of people whom the roster does not have are nobody's."""
    keys = {agent.key for agent in roster.agents}
    shifts, overrides, away = list(roster.shifts), list[Override](), list[Away]()
    for feed in roster.feeds:
        spans = read.get(feed.key, ())
        if feed.means == "off":
            away += [Away(feed.agent or "", span.start, span.end, feed.key) for span in spans]
            continue
        shifts.append(Shift(feed.key, (), (), (), roster.zone))
        kind: Literal["oncall", "shift"] = "oncall" if feed.means == "rotation" else "shift"
        for start, end, agent in spans:
            if agent in keys:
                id = f"{feed.key}:{start:%Y%m%dT%H%M%SZ}:{agent}"
                overrides.append(Override(id, kind, agent, start, end, "kept elsewhere", rotation=feed.key))
    return Known(replace(roster, shifts=tuple(sorted(shifts, key=lambda shift: shift.key))), tuple(overrides), tuple(away))
