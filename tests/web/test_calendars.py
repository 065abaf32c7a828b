"""Feeds of duties for calendar programs: by a secret link, for one person or queue, until it is made void."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.roster.rosters import document
from tests.web.conftest import staff
from tsbridge.core.times import time_text
from tsbridge.log import configure

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 11, 2, 17, tzinfo=UTC)
"""09:00 in Los Angeles: the first hand-over of the lead, to Ana; the day's shift begins."""
HOUR = timedelta(hours=1)
ANA, SAFETY = "/v1/agents/ana/feed", "/v1/queues/safety/feed"
NOBODY = {"Authorization": ""}


@pytest.fixture
async def staffed(room: Any) -> Any:
    room.desk.clock.set(MONDAY)
    return await staff(room)


async def link(room: Any, path: str) -> str:
    made = await room.client.post(path)
    assert made.status_code == 201, made.text
    return str(made.json()["url"])


async def get(room: Any, url: str, **headers: str) -> Any:
    return await room.client.get(url, headers={**NOBODY, **headers})


async def override(room: Any, **changes: Any) -> Any:
    body = {
        **{"kind": "oncall", "agent": "ben", "rotation": "lead", "instead_of": "ana", "why": "her dentist"},
        **{"from": time_text(MONDAY), "to": time_text(MONDAY + 8 * HOUR)},
    }
    answer = await room.client.post("/v1/overrides", json={**body, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def events(content: bytes) -> set[tuple[str, str, str]]:
    """Summary, start and end of each event, as they are written."""
    found = set()
    for block in content.decode().replace("\r\n ", "").split("BEGIN:VEVENT")[1:]:
        told = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
        found.add((told["SUMMARY"], told["DTSTART"], told["DTEND"]))
    return found


async def test_a_person_reads_their_duties_without_a_key(staffed: Any) -> None:
    url = await link(staffed, ANA)
    answer = await get(staffed, url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.headers["cache-control"] == "private, no-cache"
    found = events(answer.content)
    assert {("On call: lead", "20261102T170000Z", "20261109T170000Z"), ("Shift: day", "20261102T170000Z", "20261103T010000Z")} <= found
    asked = {"agent": "ana", "from": time_text(MONDAY), "to": time_text(MONDAY + timedelta(92))}
    shifts = (await staffed.client.get("/v1/shifts", params=asked)).json()["items"]
    assert len(shifts) == 50
    assert {(written(one["from"]), written(one["to"])) for one in shifts} <= {one[1:] for one in found}


def written(at: str) -> str:
    return at.replace("-", "").replace(":", "")


async def test_a_queue_shows_who_is_on_call_and_at_work_by_their_names(staffed: Any) -> None:
    await override(staffed)
    answer = await get(staffed, await link(staffed, SAFETY))
    assert events(answer.content) >= {
        ("On call: Ben Okoye", "20261102T170000Z", "20261103T010000Z"),
        ("On call: Ana Silva", "20261103T010000Z", "20261109T170000Z"),
        ("At work: Ana Silva", "20261102T170000Z", "20261103T010000Z"),
    }
    for hidden in ("dentist", "example.com", "41000000007"):
        assert hidden not in answer.text


async def test_the_feed_reaches_from_35_days_back_to_400_ahead_and_moves_with_the_day(staffed: Any) -> None:
    url = await link(staffed, ANA)
    staffed.desk.clock.set(MONDAY + 100 * timedelta(days=1))

    async def reach() -> tuple[str, str]:
        starts = sorted(start for title, start, _ in events((await get(staffed, url)).content) if title == "Shift: day")
        return starts[0][:8], starts[-1][:8]

    # the days are those of UTC: of the shift before the first one a piece is left
    assert await reach() == ("20270105", "20280315")
    staffed.desk.clock.advance(24 * 3_600)
    assert await reach() == ("20270106", "20280316")


async def test_what_is_known_already_is_not_sent_again(staffed: Any) -> None:
    url = await link(staffed, ANA)
    first = await get(staffed, url)
    for known in (first.headers["etag"], "W/" + first.headers["etag"], f'"x", {first.headers["etag"]}', "*"):
        again = await get(staffed, url, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await get(staffed, url, **{"If-None-Match": '"x"'})).status_code == 200
    staffed.desk.clock.advance(60)
    assert (await get(staffed, url)).content == first.content
    await override(staffed)
    changed = await get(staffed, url, **{"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"] != first.headers["etag"]) == (200, True)


async def test_head_says_what_get_would(staffed: Any) -> None:
    url = await link(staffed, ANA)
    whole, head = await get(staffed, url), await staffed.client.head(url, headers=NOBODY)
    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers[name] for name in ("etag", "content-length", "content-type")] == [
        whole.headers[name] for name in ("etag", "content-length", "content-type")
    ]
    assert (await staffed.client.post(url, headers=NOBODY)).status_code == 405


async def test_a_new_link_makes_the_earlier_ones_void_and_leaves_those_of_others(staffed: Any) -> None:
    first, queue = await link(staffed, ANA), await link(staffed, SAFETY)
    second = await link(staffed, ANA)
    assert first != second
    assert [(await get(staffed, url)).status_code for url in (first, second, queue)] == [404, 200, 200]
    assert (await staffed.client.delete(ANA)).status_code == 204
    assert [(await get(staffed, url)).status_code for url in (first, second, queue)] == [404, 404, 200]
    assert (await staffed.client.delete(ANA)).status_code == 404
    assert (await get(staffed, await link(staffed, ANA))).status_code == 200


async def test_links_that_are_altered_or_made_up_lead_nowhere(staffed: Any) -> None:
    url = await link(staffed, ANA)
    token = url.removesuffix(".ics")
    other = token.replace("/f/a.YW5h", "/f/a.YmVu")
    assert other != token
    for bad in (
        token[:-1] + ".ics",
        token + "A.ics",
        token.replace("/f/a.", "/f/q.") + ".ics",
        other + ".ics",
        "/f/x.ics",
        "/f/" + "x" * 5_000,
        "/f/%00.ics",
    ):
        answer = await get(staffed, bad)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await get(staffed, url, **{"User-Agent": "x"})).status_code == 200
    assert (await staffed.client.get(url + "?nocache=1", headers=NOBODY)).status_code == 200  # some calendar programs add their own


async def test_somebody_who_is_gone_has_no_feed_and_gets_none(staffed: Any) -> None:
    url = await link(staffed, "/v1/agents/ben/feed")
    agents = {"ana": document()["agents"]["ana"]}  # type: ignore[index]
    made = {"schema": 1, "timezone": "UTC", "agents": {"ana": {**agents["ana"], "reach": []}}}
    assert (await staffed.client.put("/v1/roster", json={"document": made}, headers={"If-Match": '"1"'})).status_code == 201
    assert (await get(staffed, url)).status_code == 404
    assert (await staffed.client.post("/v1/agents/ben/feed")).status_code == 404
    assert (await staffed.client.delete("/v1/agents/ben/feed")).status_code == 204


async def test_there_is_no_feed_of_what_is_not_there(room: Any) -> None:
    for path in (ANA, SAFETY):
        assert (await room.client.post(path)).status_code == 404  # no roster yet


async def test_links_are_whole_where_it_is_known_how_people_reach_us(staffed: Any) -> None:
    async with staffed.other(public_url="https://desk.example") as client:
        url = (await client.post(ANA)).json()["url"]
    assert url.startswith("https://desk.example/f/a.")
    assert (await get(staffed, url.removeprefix("https://desk.example"))).status_code == 200


async def test_making_and_voiding_is_on_record_without_the_secret(staffed: Any) -> None:
    url = await link(staffed, ANA)
    await link(staffed, ANA)
    await staffed.client.delete(ANA)
    text = (await staffed.client.get("/v1/audit/changes?subject=ana")).text
    found = [
        one for one in (await staffed.client.get("/v1/audit/changes?subject=ana")).json()["items"] if one["action"].startswith("feed.")
    ]
    assert [(one["action"], one["before"]["link"], one["after"]["link"]) for one in found] == [
        ("feed.void", True, False),
        ("feed.make", True, True),
        ("feed.make", False, True),
    ]
    assert url.split(".")[-2] not in text
    assert (await staffed.client.get("/v1/audit/verify")).json()["ok"] is True


async def test_the_secret_stands_in_no_figure_and_no_log(staffed: Any) -> None:
    stream = io.StringIO()
    configure("debug", stream)
    try:
        url = await link(staffed, ANA)
        await get(staffed, url)
        await get(staffed, url[:-5] + "x.ics")
    finally:
        logging.getLogger().handlers.clear()
    figures = (await staffed.client.get("/metrics")).text
    assert 'route="/f/{token}"' in figures
    for told in (figures, stream.getvalue()):
        assert url.split(".")[-2] not in told
        assert "YW5h" not in told


async def test_many_who_ask_at_once_are_answered_alike(staffed: Any) -> None:
    urls = [await link(staffed, path) for path in (ANA, "/v1/agents/ben/feed", SAFETY)]
    answers = await asyncio.gather(*(get(staffed, url) for url in urls * 5))
    assert len({(str(one.url), one.headers["etag"]) for one in answers}) == 3
