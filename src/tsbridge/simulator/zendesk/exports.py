"""Routes of jobs, of search, and of incremental exports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from tsbridge.simulator.zendesk.answers import Rejected, bad_request, not_found, page
from tsbridge.simulator.zendesk.routes import Asked, Desk, route
from tsbridge.simulator.zendesk.search import search_all, search_tickets, search_users
from tsbridge.simulator.zendesk.told import BODIES
from tsbridge.simulator.zendesk.world import whole_seconds


class Exports(Desk):
    """What is looked for, and what is read in one go."""

    @route("GET", "/api/v2/job_statuses/show_many")
    def show_jobs(self, asked: Asked) -> Any:
        wanted = asked.query.get("ids", "").split(",")
        return {"job_statuses": [self.s.jobs[i] for i in wanted if i in self.s.jobs]}

    @route("GET", "/api/v2/job_statuses")
    def list_jobs(self, asked: Asked) -> Any:
        return page(list(self.s.jobs.values()), "job_statuses", asked.query, asked.url)

    @route("GET", "/api/v2/job_statuses/<word>")
    def show_job(self, asked: Asked, id_: Any) -> Any:
        if str(id_) not in self.s.jobs:
            raise not_found()
        return {"job_status": self.world.job(str(id_))}

    @route("GET", "/api/v2/search")
    def search(self, asked: Asked) -> Any:
        query = asked.query.get("query", "")
        found = search_all(self.world, query, asked.query)
        depth = max(int(n) if (n := asked.query.get("page", "1")).isdigit() else 1, 1)
        size = min(int(n) if (n := asked.query.get("per_page", "100")).isdigit() else 100, 100)
        if depth > 1 and depth * size > 1_000:
            raise Rejected(
                422, {"error": "Search Response Limits", "description": "Requested response size was greater than Search Response Limits"}
            )
        return {**page(found, "results", asked.query, asked.url), "facets": None}

    @route("GET", "/api/v2/search/count")
    def search_count(self, asked: Asked) -> Any:
        return {"count": len(search_all(self.world, asked.query.get("query", ""), asked.query))}

    @route("GET", "/api/v2/search/export")
    def search_export(self, asked: Asked) -> Any:
        kind = asked.query.get("filter[type]")
        if kind not in ("ticket", "user"):
            raise bad_request("InvalidValue", "filter[type] is needed")
        query = asked.query.get("query", "")
        found = search_tickets(self.world, query) if kind == "ticket" else search_users(self.world, query)
        sized = {"page[size]": "100", **asked.query}
        return page([{**f, "result_type": kind} for f in found], "results", sized, asked.url)

    @route("GET", "/api/v2/incremental/tickets/cursor")
    def cursor_export(self, asked: Asked) -> Any:
        start = asked.query.get("start_time", "")
        cursor = asked.query.get("cursor")
        begin = _start(start) if cursor is None else 0.0
        if cursor is None and begin > self.world.now().timestamp() - 60:
            raise Rejected(
                422, {"error": "StartTimeTooRecent", "description": "Too recent start_time. Use a start_time older than 60 seconds"}
            )
        since = (begin, -1) if cursor is None else _read_cursor(cursor)
        limit = min(max(int(asked.query["per_page"]), 1), 1_000) if asked.query.get("per_page", "").isdigit() else 1_000
        tickets, end, done = self.world.export(since, limit)
        if asked.query.get("exclude_deleted") == "true":
            tickets = [t for t in tickets if t["status"] != "deleted"]
        after = f"{end[0]:.6f}_{end[1]}"
        base = f"{self.world.url}/api/v2/incremental/tickets/cursor.json"
        return {
            "tickets": tickets,
            "after_cursor": after,
            "after_url": f"{base}?cursor={after}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": done,
        }

    @route("GET", "/api/v2/incremental/tickets")
    def time_export(self, asked: Asked) -> Any:
        tickets, end_time, done = self.world.export_by_second(_start(asked.query.get("start_time", "")), 1_000)
        base = f"{self.world.url}/api/v2/incremental/tickets.json"
        return {
            "tickets": tickets,
            "count": len(tickets),
            "end_of_stream": done,
            "end_time": end_time,
            "next_page": f"{base}?start_time={end_time}",
        }

    @route("GET", "/api/v2/incremental/users")
    def users_export(self, asked: Asked) -> Any:
        users = list(self.s.users.values())
        now = int(self.world.now().timestamp())
        return {"users": users, "count": len(users), "end_of_stream": True, "end_time": now, "next_page": None}

    @route("GET", "/api/v2/incremental/users/cursor")
    def users_cursor(self, asked: Asked) -> Any:
        return {
            "users": list(self.s.users.values()),
            "after_cursor": "end",
            "after_url": None,
            "before_cursor": None,
            "end_of_stream": True,
        }

    @route("GET", "/api/v2/incremental/ticket_events")
    def ticket_events(self, asked: Asked) -> Any:
        start = int(_start(asked.query.get("start_time", "")))
        spoken = "comment_events" in asked.query.get("include", "").split(",")
        newest = self.world.now().timestamp() - 60
        found = []
        for audits in self.s.audits.values():
            for audit in audits:
                at = _seconds(audit["created_at"])
                if start <= at <= newest:
                    children = [_child(e, audit, spoken=spoken) for e in audit["events"]]
                    found.append(
                        {
                            "id": audit["id"],
                            "ticket_id": audit["ticket_id"],
                            "timestamp": at,
                            "created_at": audit["created_at"],
                            "updater_id": audit["author_id"],
                            "via": audit["via"]["channel"],
                            "event_type": "Audit",
                            "child_events": children,
                        }
                    )
        found.sort(key=lambda e: (e["timestamp"], e["id"]))
        size = whole_seconds([e["timestamp"] for e in found], start, 1_000)
        end = found[size - 1]["timestamp"] if size else start
        return {
            "ticket_events": found[:size],
            "count": size,
            "end_of_stream": size == len(found),
            "end_time": end,
            "next_page": f"{asked.url}?start_time={end}",
        }


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


def _child(event: Mapping[str, Any], audit: Mapping[str, Any], *, spoken: bool) -> dict[str, Any]:
    """An event of an update; what a comment says is only there when asked for."""
    hidden = BODIES if event["type"] == "Comment" and not spoken else ()
    shown = {k: v for k, v in event.items() if k not in hidden}
    return {**shown, "event_type": event["type"], "via": audit["via"]["channel"]}


def _read_cursor(cursor: str) -> tuple[float, int]:
    at, _, revision = cursor.partition("_")
    try:
        return float(at), int(revision)
    except ValueError:
        raise bad_request("InvalidCursor", "The cursor is not valid") from None


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
