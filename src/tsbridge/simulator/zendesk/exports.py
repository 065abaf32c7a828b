"""Routes of incremental exports: what has changed since a second, by time or by cursor, never of the newest minute."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import Rejected, bad_request
from tsbridge.simulator.zendesk.event_rows import row
from tsbridge.simulator.zendesk.routes import Asked, RouteGroup, route
from tsbridge.simulator.zendesk.world import Place

Row = Mapping[str, Any]
PAGE: Final = 1_000
SAMPLE: Final = 50
FIRST: Final = -1
"""A number before that of any change."""


class Exports(RouteGroup):
    """What is read in one go."""

    # -- tickets -------------------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/incremental/tickets/cursor")
    def tickets_by_cursor(self, asked: Asked) -> Any:
        since = self._since(asked)
        rest = self._touched(since)
        chosen = rest[: _size(asked)]
        at, revision = chosen[-1][0] if chosen else since
        tickets = [ticket for _, ticket in chosen]
        if asked.query.get("exclude_deleted") == "true":
            tickets = [t for t in tickets if t["status"] != "deleted"]
        return {**self._beside(tickets, asked), **self._onward("tickets", f"{at:.6f}_{revision}", len(chosen) == len(rest))}

    @route("GET", "/api/v2/incremental/tickets(/sample)?")
    def tickets_by_time(self, asked: Asked, sample: str | None) -> Any:
        rows = [ticket for _, ticket in self._touched((_start(asked.query.get("start_time", "")), FIRST))]
        found = self._by_second("tickets", rows, lambda t: int(t["generated_timestamp"]), asked, SAMPLE if sample else PAGE)
        return {**found, **self._beside(found["tickets"], asked)}

    def _touched(self, since: Place) -> list[tuple[Place, Row]]:
        """Tickets changed after a place in the export, those that are deleted too, each with its place, in their order."""
        newest = self._newest()
        places = sorted((place, id_) for id_, place in self.world.exported.items() if place > since and place[0] <= newest)
        found = ((place, self.s.tickets.get(id_) or self.s.deleted.get(id_)) for place, id_ in places)
        return [(place, ticket) for place, ticket in found if ticket is not None]

    def _beside(self, tickets: Sequence[Row], asked: Asked) -> dict[str, Any]:
        """Tickets with what `include` asks for: metrics within each, people and places beside them."""
        include = asked.query.get("include", "").split(",")
        if "last_audits" in include:
            raise bad_request("InvalidSideload", "last_audits cannot be included in an incremental export")
        if "metric_sets" in include:
            tickets = [{**t, "metric_set": self.metric(t)} for t in tickets]
        found: dict[str, Any] = {"tickets": tickets}
        for name, shelf, keys in (
            ("users", self.s.users, ("requester_id", "submitter_id", "assignee_id")),
            ("groups", self.s.groups, ("group_id",)),
            ("organizations", self.s.organizations, ("organization_id",)),
        ):
            if name in include:
                found[name] = [shelf[i] for i in sorted({t[k] for t in tickets for k in keys} - {None}) if i in shelf]
        return found

    # -- people --------------------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/incremental/(users|organizations)/cursor")
    def people_by_cursor(self, asked: Asked, word: str) -> Any:
        since, rows = self._since(asked), self._ready(word)
        rest = [r for r in rows if (_seconds(r["updated_at"]), r["id"]) > since]
        chosen = rest[: _size(asked)]
        at, id_ = (_seconds(chosen[-1]["updated_at"]), chosen[-1]["id"]) if chosen else since
        return {word: chosen, **self._onward(word, f"{at}_{id_}", len(chosen) == len(rest))}

    @route("GET", "/api/v2/incremental/(users|organizations)(/sample)?")
    def people_by_time(self, asked: Asked, word: str, sample: str | None) -> Any:
        return self._by_second(word, self._ready(word), lambda r: _seconds(r["updated_at"]), asked, SAMPLE if sample else PAGE)

    def _ready(self, word: str) -> list[Row]:
        """Users or organizations in the order they were last changed."""
        shelf = self.s.users if word == "users" else self.s.organizations
        newest = self._newest()
        return sorted((r for r in shelf.values() if _seconds(r["updated_at"]) <= newest), key=lambda r: (r["updated_at"], r["id"]))

    # -- events --------------------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/incremental/ticket_events(/sample)?")
    def ticket_events(self, asked: Asked, sample: str | None) -> Any:
        spoken = "comment_events" in asked.query.get("include", "").split(",")
        newest = self._newest()
        found = [
            row(audit, at, spoken=spoken, marked=self.world.marks_exports)
            for audits in self.s.audits.values()
            for audit in audits
            if (at := _seconds(audit["created_at"])) <= newest
        ]
        found.sort(key=lambda e: (e["timestamp"], e["id"]))
        return self._by_second("ticket_events", found, lambda e: int(e["timestamp"]), asked, SAMPLE if sample else PAGE)

    # -- how an export goes on -----------------------------------------------------------------------------------------

    def _newest(self) -> float:
        return self.world.now().timestamp() - 60

    def _since(self, asked: Asked) -> Place:
        """Where a cursor export begins: behind its cursor, or at a second that must be older than a minute."""
        cursor = asked.query.get("cursor")
        if cursor is not None:
            return _read_cursor(cursor)
        begin = _start(asked.query.get("start_time", ""))
        if begin > self._newest():
            raise Rejected(
                422, {"error": "StartTimeTooRecent", "description": "Too recent start_time. Use a start_time older than 60 seconds"}
            )
        return begin, FIRST

    def _onward(self, word: str, after: str, done: bool) -> dict[str, Any]:
        url = f"{self.world.url}/api/v2/incremental/{word}/cursor.json?cursor={after}"
        return {"after_cursor": after, "after_url": url, "before_cursor": None, "before_url": None, "end_of_stream": done}

    def _by_second(self, word: str, rows: Sequence[Row], second: Callable[[Row], int], asked: Asked, limit: int) -> dict[str, Any]:
        """A page of a time-based export: whole seconds, and always some after the first, so that it ends."""
        start = int(_start(asked.query.get("start_time", "")))
        rest = [r for r in rows if second(r) >= start]
        size = _whole_seconds([second(r) for r in rest], start, limit)
        return {word: rest[:size], **self._after(word, size, second(rest[size - 1]) if size else start, size == len(rest))}

    def _after(self, word: str, count: int, end: int, done: bool) -> dict[str, Any]:
        url = f"{self.world.url}/api/v2/incremental/{word}.json?start_time={end}"
        return {"count": count, "end_of_stream": done, "end_time": end, "next_page": url}


def _size(asked: Asked) -> int:
    given = asked.query.get("per_page", "")
    return min(max(int(given), 1), PAGE) if given.isdecimal() and len(given) < 10 else PAGE


def _start(text: str) -> float:
    """A `start_time` as clients write it: seconds, with a fraction or without, or ISO text."""
    with suppress(ValueError):
        if math.isfinite(seconds := float(text)):
            return seconds
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request("InvalidValue", "start_time is needed") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _read_cursor(cursor: str) -> Place:
    at, _, revision = cursor.partition("_")
    try:
        return float(at), int(revision)
    except ValueError:
        raise bad_request("InvalidCursor", "The cursor is not valid") from None


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _whole_seconds(seconds: Sequence[int], start: int, limit: int) -> int:
    """How many of the ordered rows a page of a time-based export holds: it never ends within a second, nor with the one it starts at."""
    end = limit + bisect_right(seconds, start) if len(seconds) > limit and seconds[limit - 1] <= start else limit
    return bisect_right(seconds, seconds[end - 1]) if len(seconds) > end else len(seconds)
