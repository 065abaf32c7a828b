"""The figures once more, in another way: plain dictionaries and loops over raw rows, nothing of the product's but its tables."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from tests.readable import opened
from tsbridge.store.moment_tables import moments

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DONE = {"solved", "closed", "deleted", "merged"}


def rows(conn: Connection, table: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(text(f"SELECT * FROM {table}"))]  # noqa: S608  # names from this file


def micro(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


class Recount:
    """All rows of a database, read once."""

    def __init__(self, conn: Connection, zone: ZoneInfo, as_of: datetime) -> None:
        self.zone, self.as_of = zone, micro(as_of)
        self.cases = {row["id"]: row for row in rows(conn, "cases")}
        self.members: dict[str, list[dict[str, Any]]] = defaultdict(list)
        where: dict[str, str] = {}
        for row in rows(conn, "interactions"):
            self.members[row["case_id"]].append(row)
            where[f"{row['source']}:{row['id']}"] = row["case_id"]
        self.where = where
        self.stories: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows(conn, "moments"):
            if row["replaced_at"] is None and row["withdrawn_at"] is None:
                body = json.loads(opened(conn, moments.c.body, row["body"]))
                key = body["interaction"] if row["source"] == "desk" else f"{row['source']}:{row['interaction']}"
                rank = 0 if row["event"] in ("ticket.created", "call.started") else 1
                self.stories[where[key]].append(
                    {**body, "micro": row["at"], "key": key, "sort": (row["at"], rank, (row["vendor_order"] or "") + row["digest"])}
                )
        self.decisions = []
        for row in rows(conn, "decisions"):
            if row["superseded_by"] is None and not row["retracted"]:
                row["case_id"] = where[f"{row['source']}:{row['interaction']}"]
                row["matched"], row["outcome"] = json.loads(row["matched"]), json.loads(row["outcome"])
                self.decisions.append(row)
        self.rests: dict[str, list[int]] = defaultdict(list)
        for row in self.decisions:
            if row["event"] == "clock" and row["outcome"].get("resolved"):
                self.rests[row["case_id"]].append(row["at"])
        for story in self.stories.values():
            story.sort(key=lambda one: one["sort"])

    def opened(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        return [row for row in self.cases.values() if micro(start) <= row["opened_at"] < micro(end) and row["opened_at"] <= self.as_of]

    def local(self, at: int) -> datetime:
        return (EPOCH + timedelta(microseconds=at)).astimezone(self.zone)

    def label(self, case: dict[str, Any], by: str) -> list[str]:
        """What a case is counted under."""
        local = self.local(case["opened_at"])
        if by == "day":
            return [local.strftime("%Y-%m-%d")]
        if by == "week":
            return [local.strftime("%G-W%V")]
        if by == "hour":
            return [local.strftime("%Y-%m-%dT%H")]
        if by == "weekday":
            return [local.strftime("%a").lower()]
        if by == "channel":
            oldest = sorted(self.members[case["id"]], key=lambda one: (one["opened_at"], one["source"], one["id"]))
            return [next((one["channel"] for one in oldest if one["channel"]), "(none)")]
        if by == "rule":
            return sorted({key for row in self.decisions if row["case_id"] == case["id"] for key, _ in row["matched"]}) or ["(none)"]
        value = case[by]
        return ["(none)" if value is None else str(value)]

    # -- what became of a case -----------------------------------------------------------------------------------------

    def replied(self, case: dict[str, Any]) -> int | None:
        for one in self.stories[case["id"]]:
            spoke = any(t[2:4] == ["agent", True] for t in one["texts"] if len(t) > 3)
            if one["facts"].get("call.outcome") == "answered" or (one["event"] == "ticket.commented" and spoke):
                return int(one["micro"])
        return None

    def acknowledged(self, case: dict[str, Any]) -> int | None:
        """The first act that shows that somebody has it: at the desk, or on what it is shown by."""
        acts = list(self._acts(case))
        threads = {one["thread"] or f"{one['source']}:{one['id']}" for one in self.members[case["id"]]}
        kept = case["acknowledged_at"]
        if kept is None:
            return min((at for at, thread in acts if not thread or len(threads) == 1), default=None)
        shown = {thread for at, thread in acts if at == kept}
        return min([kept, *(at for at, thread in acts if not thread or {thread} == shown)])

    def _acts(self, case: dict[str, Any]) -> Iterable[tuple[int, str]]:
        assignees: dict[str, Any] = {}
        named = {f"{one['source']}:{one['id']}": one["thread"] or f"{one['source']}:{one['id']}" for one in self.members[case["id"]]}
        for one in self.stories[case["id"]]:
            if one["event"] == "case.acknowledged":
                yield int(one["micro"]), ""
            if one["source"] != "zendesk":
                continue
            given = dict(one["facts"]).get("ticket.assignee_id")
            changed = next((c[2] for c in one["changes"] if c[0] == "ticket.assignee_id"), given)
            taken = changed is not None and changed != assignees.get(one["key"])
            assignees[one["key"]] = changed or assignees.get(one["key"])
            if one["actor"][0] == "agent" and one["event"] != "ticket.created":
                taken |= any(t[0] == "comment" and t[2:4] == ["agent", True] for t in one["texts"] if len(t) > 3)
                taken |= any(c[0] == "ticket.status" and c[2] in ("pending", "hold", "solved") for c in one["changes"])
            if taken:
                yield int(one["micro"]), named[one["key"]]

    def resolutions(self, case: dict[str, Any]) -> list[tuple[int, bool]]:
        """When it was resolved (True) and opened again (False). It is resolved while each of its threads (joined by name) is."""
        found: list[tuple[int, bool]] = []
        named = {f"{one['source']}:{one['id']}": one["thread"] or f"{one['source']}:{one['id']}" for one in self.members[case["id"]]}
        status: dict[str, str] = {}
        over: dict[str, bool] = {}

        def done(thread: str | None = None) -> bool:
            among = [status[key] for key in status if thread in (None, named[key])]
            return bool(among) and all(one in DONE for one in among)

        steps = [(one["micro"], 1, one) for one in self.stories[case["id"]]] + [(at, 0, None) for at in self.rests[case["id"]]]
        for at, _, one in sorted(steps, key=lambda step: (step[0], step[1], step[2]["sort"] if step[2] else ())):
            was_over = bool(over) and all(over.values())
            if one is None:
                over = dict.fromkeys(over, True)
            else:
                thread = named[one["key"]]
                thread_was_over, was_done = over.setdefault(thread, False), done(thread)
                live_before = any(s not in DONE for key, s in status.items() if named[key] == thread)
                if one["source"] == "zendesk":
                    told = dict(one["facts"]).get("ticket.status")
                    told = next((c[2] for c in one["changes"] if c[0] == "ticket.status"), told)
                    status[one["key"]] = told or status.get(one["key"], "new")
                opens = not live_before and any(s not in DONE for key, s in status.items() if named[key] == thread)
                asks = one["source"] == "talkdesk" or one["event"] == "ticket.created" or one["actor"][0] == "requester"
                asks = asks and one["source"] != "desk" and not (done(thread) and one["source"] == "zendesk")
                if one["event"] == "case.resolved":
                    over = dict.fromkeys(over, True)
                elif done(thread) and not was_done:
                    over = dict.fromkeys(over, True) if done() else {**over, thread: True}
                elif (thread_was_over or was_over) and (opens or asks):
                    over[thread] = False
            is_over = bool(over) and all(over.values())
            if is_over != was_over:
                found.append((at, is_over))
        return found


def seconds(start: int, end: int | None) -> int | None:
    return None if end is None else max(0, (end - start) // 1_000_000)


def nearest(values: Iterable[int | None], ages: Iterable[int], percent: int) -> tuple[int | None, int | None]:
    """(value, at least)."""
    done = sorted(value for value in values if value is not None)
    still = list(ages)
    if not done and not still:
        return None, None
    rank = math.ceil((len(done) + len(still)) * percent / 100 - 1e-9)
    everything = done + [None] * len(still)  # type: ignore[list-item]
    return (everything[rank - 1], None) if everything[rank - 1] is not None else (None, sorted(done + still)[rank - 1])


def grouped(items: Iterable[dict[str, Any]], labels: Callable[[dict[str, Any]], list[str]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        for label in labels(item):
            found[label].append(item)
    return found
