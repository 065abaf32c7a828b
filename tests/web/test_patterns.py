"""`/v1/patterns`: for supervisors, in pages, each finding with its cases; a look when somebody wants one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.clocks import START
from tests.web.conftest import Room
from tsbridge.core.unusual import BURST
from tsbridge.store import pattern_findings, patterns

pytestmark = pytest.mark.anyio


def findings(conn: Connection) -> None:
    figures = {"series": "category", "days": 1, "cases": 20, "usual": 4.1, "times_usual": 4.9, "chance": 1e-8}
    found = [
        pattern_findings.Found(BURST, f"category:{name}", START - timedelta(hours=hour), {**figures, "of": name}, ["case_1", "case_2"])
        for hour, name in enumerate(("safety", "billing", "claims"))
    ]
    pattern_findings.keep(conn, found, ("pat_1", "pat_2", "pat_3"), START)
    power = [{"days": 1, "times": 5, "usual_a_day": 4.0, "found": 0.88}]
    patterns.put_state(conn, patterns.State(7, 100, START, {"series": 12, "tested": 36, "spread": 1.1, "power": power}))


async def test_what_stands_out_is_listed_page_by_page_with_what_could_be_found(room: Room) -> None:
    await room.desk.database.write(findings)
    first = (await room.client.get("/v1/patterns", params={"limit": 2})).json()
    assert [one["id"] for one in first["items"]] == ["pat_1", "pat_2"]
    assert first["items"][0]["sentence"] == "20 cases of category safety within a day, where 4.1 are usual (4.9 times)."
    assert first["items"][0]["cases"] == ["case_1", "case_2"]
    assert first["items"][0]["draft_rule"]["then"] == [{"add_tags": ["ts_burst_safety"]}]
    assert (first["series"], first["tested"], first["power"][0]["found"]) == (12, 36, 0.88)
    second = (await room.client.get("/v1/patterns", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [one["id"] for one in second["items"]] == ["pat_3"]
    assert second["next_cursor"] is None


async def test_a_refresh_is_kept_for_whoever_looks(room: Room) -> None:
    answer = await room.client.post("/v1/patterns/refresh")
    assert (answer.status_code, answer.json()["computed_at"]) == (202, None)
    assert await room.desk.database.read(patterns.wanted) is not None


async def test_findings_are_counted_by_kind(room: Room) -> None:
    await room.desk.database.write(findings)
    text = (await room.client.get("/metrics")).text
    assert 'tsbridge_patterns{kind="burst"} 3.0' in text
    assert 'tsbridge_patterns{kind="overload"} 0.0' in text
    assert "tsbridge_patterns_age_seconds " in text
