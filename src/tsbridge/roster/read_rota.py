"""Shifts and rotations as a roster writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from tsbridge.core.opening import read_days
from tsbridge.core.roster import Rotation, Shift
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.rules.findings import escape
from tsbridge.roster.read_parts import Parts

MAX_MEMBERS: Final = 200
SHORTEST_TURN: Final = timedelta(minutes=15)
LONGEST_TURN_DAYS: Final = 366
_EVERY: Final = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_STARTS: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]([01]\d|2[0-3]):([0-5]\d))?", re.ASCII)


class Rotas(Parts):
    """Reads `shifts` and `rotations`."""

    def shift(self, key: str, value: Any) -> Shift | None:
        path = f"/shifts/{escape(key)}"
        if not self.mapping(value, path, ("days", "hours", "agents", "timezone", "queues", "calendar", "title", "description")):
            return None
        self.words(value, path, "title", "description")
        days: tuple[int, ...] = ()
        try:
            days = tuple(sorted(read_days(value["days"] if isinstance(value.get("days"), str) else "")))
        except ValueError as refused:
            self.wrong(f"{path}/days", "days", str(refused))
        hours = self.hours(value.get("hours"), f"{path}/hours")
        agents = self.people(value, "agents", path, "nobody works this shift; expected agents: a list of at least one")
        calendar = None if value.get("calendar") is None else self.line(value["calendar"], f"{path}/calendar")
        queues = self.names(value.get("queues", []), f"{path}/queues", "keys of queues", MAX_MEMBERS)
        return Shift(key, days, hours, agents, self.read_zone(value, path), queues, calendar)

    def rotation(self, key: str, value: Any) -> Rotation | None:
        path = f"/rotations/{escape(key)}"
        if not self.mapping(value, path, ("members", "every", "starts", "timezone", "title", "description")):
            return None
        self.words(value, path, "title", "description")
        members = self.people(value, "members", path, "nobody takes turns here; expected members: a list of at least one")
        zone = self.read_zone(value, path)
        days, elapsed = self.turn(value.get("every"), f"{path}/every")
        starts, minute = self.starts(value.get("starts"), f"{path}/starts")
        return Rotation(key, members, starts, minute, zone, days, elapsed)

    def people(self, value: Mapping[str, Any], name: str, path: str, nobody: str) -> tuple[str, ...]:
        named = value.get(name)
        if named is None or named == []:
            self.wrong(path if named is None else f"{path}/{name}", "nobody", nobody)
            return ()
        found = self.known_names(named, f"{path}/{name}", self.agent_keys, "unknown_agent", "agent")
        for place, one in enumerate(found):
            if one in found[:place] and name == "agents":
                self.wrong(f"{path}/{name}", "duplicate", "an agent stands there twice")
                break
        return found

    def turn(self, value: Any, path: str) -> tuple[int | None, timedelta | None]:
        """How long a turn is: in days on the wall clock, or in elapsed time."""
        found = _EVERY.fullmatch(value) if isinstance(value, str) else None
        if found is not None and found[2] in "dw":
            days = int(found[1]) * (7 if found[2] == "w" else 1)
            if 1 <= days <= LONGEST_TURN_DAYS:
                return days, None
        elif found is not None:
            elapsed = timedelta(minutes=int(found[1]) * (60 if found[2] == "h" else 1))
            if SHORTEST_TURN <= elapsed <= timedelta(days=LONGEST_TURN_DAYS):
                return None, elapsed
        self.wrong(
            path, "duration", "expected how long a turn is, from 15m to 366d: 1w and 1d on the wall clock, 12h and 30m as elapsed time"
        )
        return 7, None

    def starts(self, value: Any, path: str) -> tuple[date, int]:
        """The day and the minute on its wall clock."""
        found = _STARTS.fullmatch(value) if isinstance(value, str) else None
        try:
            day = date.fromisoformat(found[1]) if found is not None else None
        except ValueError:
            day = None
        if found is None or day is None or day.year not in YEARS:
            self.wrong(path, "time", "expected the wall clock's time of the first hand-over, like 2026-11-02T09:00, in the rotation's zone")
            return date(2026, 1, 1), 0
        return day, int(found[2] or 0) * 60 + int(found[3] or 0)
