"""The paging law: a walk over the pages yields every row exactly once, even while rows are added."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web import rows
from tsbridge.web.pages import open_cursor, seal_cursor
from tsbridge.web.problems import Problem

LISTS: dict[str, Callable[[Any, int, datetime], Any]] = {
    "/v1/events": rows.event,
    "/v1/audit/routing": rows.decision,
    "/v1/escalations": rows.escalation,
    "/v1/writebacks": rows.wish,
    "/v1/notifications": rows.telling,
    "/v1/cases": lambda conn, number, at: rows.case(conn, f"case_{number:06d}", at, str(number)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 3, 7])
async def test_walking_the_pages_yields_every_row_once_while_rows_are_added(room: Any, clock: Any, path: str, limit: int) -> None:
    start = clock.now()

    async def add(numbers: range) -> None:
        # two at each instant: ties must not lose or double anybody
        await room.desk.database.write(
            lambda conn: [LISTS[path](conn, number, start + timedelta(seconds=number // 2)) for number in numbers]
        )

    await add(range(7))
    first = {item["id"] for item in (await room.client.get(path, params={"limit": 200})).json()["items"]}
    assert len(first) == 7
    seen: list[str] = []
    params: dict[str, Any] = {"limit": limit}
    added = 7
    while True:
        answer = await room.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
        await add(range(added, added + 1))
        added += 1
    assert len(seen) == len(set(seen))
    assert first <= set(seen)


@pytest.mark.anyio
async def test_a_cursor_of_another_list_is_refused(room: Any, clock: Any) -> None:
    at = clock.now()
    await room.desk.database.write(lambda conn: [rows.event(conn, number, at) for number in range(3)])
    cursor = (await room.client.get("/v1/events", params={"limit": 1})).json()["next_cursor"]
    assert (await room.client.get("/v1/audit/routing", params={"cursor": cursor})).status_code == 422
    assert (await room.client.get("/v1/events", params={"cursor": cursor})).status_code == 200


@pytest.mark.anyio
async def test_a_cursor_with_a_time_outside_of_all_time_is_422_and_no_failure(room: Any) -> None:
    for part in (1 << 62, -(1 << 62)):
        answer = await room.client.get("/v1/cases", params={"cursor": seal_cursor("cases", (part, "case_x"))})
        assert answer.status_code == 422


@given(st.lists(st.one_of(st.integers(-(1 << 62), 1 << 62), st.text(st.characters(categories=["L", "N", "P"])))))
def test_what_is_sealed_opens_to_the_same(key: list[int | str]) -> None:
    kinds = [type(part) for part in key]
    assert open_cursor(seal_cursor("list", tuple(key)), "list", kinds) == tuple(key)


@given(st.text(max_size=80))
def test_a_cursor_of_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        open_cursor(text, "list", (int,))


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_cursor_with_one_byte_changed_is_refused(place: int, change: int) -> None:
    cursor = seal_cursor("list", (4711, "case_abc"))
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[place % len(raw)] ^= change
    with pytest.raises(Problem):
        open_cursor(base64.urlsafe_b64encode(raw).decode().rstrip("="), "list", (int, str))
