"""The Talkdesk client against the simulated account: tokens, pages, recordings that come later, reports that take a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.clocks import SettableClock
from tsbridge.core.errors import GiveUp, Malformed, TryLater, Unauthorized
from tsbridge.http import Http
from tsbridge.simulator.talkdesk import Talkdesk, make_app
from tsbridge.vendors.talkdesk.client import TalkdeskClient, hosts

pytestmark = pytest.mark.anyio
START = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Desk:
    """A simulated account and a client of it, on one clock; sleeping moves it."""

    def __init__(self, *, secret: str = "secret") -> None:
        self.clock = SettableClock(START)
        nobody = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(202)))
        self.talkdesk = Talkdesk(nobody, self.clock.now, webhook_url="https://bridge.test/webhooks/talkdesk", key="secret")
        self.talkdesk.clock.put(START)
        self.slept: list[float] = []
        self.asked: list[str] = []
        transport = Counted(httpx.ASGITransport(make_app(self.talkdesk, pumping=False)), self.asked)
        self.identity = Http("https://acme.talkdeskid.test", sleep=self.sleep, transport=transport)
        self.api = Http("https://api.talkdesk.test", sleep=self.sleep, transport=transport)
        self.client = TalkdeskClient(self.identity, self.api, "tsbridge", secret, self.clock, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(timedelta(seconds=seconds))

    def pass_time(self, span: timedelta) -> None:
        self.clock.advance(span.total_seconds())
        self.talkdesk.clock.put(self.clock.now())

    def act(self, act: str, **args: Any) -> str:
        return str(self.talkdesk.act(act, args)["id"])

    def whole_call(self, number: int = 0) -> str:
        call = self.act("started", phone=f"+1415555{number:04d}", line="+12025550142", ring_groups=["billing"])
        self.pass_time(timedelta(seconds=10))
        self.act("answered", call_id=call, agent="owen@example.com")
        self.pass_time(timedelta(seconds=60))
        self.act("ended", call_id=call)
        return call


class Counted(httpx.AsyncBaseTransport):
    """Passes requests on and remembers their paths."""

    def __init__(self, inner: httpx.ASGITransport, asked: list[str]) -> None:
        self._inner = inner
        self._asked = asked

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._asked.append(request.url.path)
        return await self._inner.handle_async_request(request)


def test_every_region_has_its_own_hosts() -> None:
    assert hosts("acme", "us").identity == "https://acme.talkdeskid.com"
    assert hosts("acme", "ca").identity == "https://acme.talkdeskidca.com"
    assert hosts("acme", "eu").api == "https://api.talkdeskapp.eu"
    assert hosts("acme", "au").api == "https://api.talkdeskapp.au"


async def test_a_token_serves_until_most_of_its_life_is_over_and_a_lost_one_is_fetched_anew() -> None:
    desk = Desk()
    for _ in range(3):
        await desk.client.contacts("+14155550001")
    assert desk.asked.count("/oauth/token") == 1
    desk.pass_time(timedelta(seconds=500))
    await desk.client.contacts("+14155550001")
    assert desk.asked.count("/oauth/token") == 2
    desk.talkdesk.api.tokens.clear()
    await desk.client.contacts("+14155550001")
    assert desk.asked.count("/oauth/token") == 3


async def test_wrong_credentials_are_said_so_and_nothing_is_asked_of_the_api() -> None:
    desk = Desk(secret="other")
    with pytest.raises(Unauthorized):
        await desk.client.contacts("+14155550001")
    assert set(desk.asked) == {"/oauth/token"}


async def test_a_list_is_read_to_its_last_page() -> None:
    desk = Desk()
    for number in range(120):
        desk.act("contact", name=f"c{number}", phone="+14155550001")
    found = await desk.client.contacts("+14155550001")
    assert len({one["id"] for one in found}) == len(found) == 120
    assert desk.asked.count("/contacts") == 3
    assert (await desk.client.contact(str(found[0]["id"])))["name"] == found[0]["name"]


async def test_a_link_to_another_host_never_gets_our_token() -> None:
    desk = Desk()

    def page(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "api.talkdesk.test"
        links = {"next": {"href": "https://elsewhere.test/contacts?page=2"}}
        return httpx.Response(200, json={"_embedded": {"contacts": [{"id": "1"}]}, "_links": links})

    api = Http("https://api.talkdesk.test", sleep=desk.sleep, transport=httpx.MockTransport(page))
    client = TalkdeskClient(desk.identity, api, "tsbridge", "secret", desk.clock, desk.sleep)
    with pytest.raises(Malformed):
        await client.contacts("+14155550001")


async def test_recordings_come_a_while_after_the_call() -> None:
    desk = Desk()
    call = desk.whole_call()
    assert await desk.client.recordings(call) == []
    desk.pass_time(timedelta(minutes=2))
    (recording,) = await desk.client.recordings(call)
    assert recording["type"] == "conversation"
    assert await desk.client.recordings("nobody-knows-it") == []


async def test_a_report_is_asked_for_waited_for_and_holds_exactly_the_calls_that_ended_in_its_time() -> None:
    desk = Desk()
    calls = [desk.whole_call(number) for number in range(5)]
    ended = [desk.talkdesk.world.calls[call].ended_at for call in calls]
    assert ended[1] is not None
    assert ended[3] is not None
    rows = await desk.client.calls_report(ended[1], ended[3])
    assert [row["call_id"] for row in rows] == calls[1:3]
    assert desk.slept == [1.0]  # it was not ready at the first look


async def test_a_long_time_is_asked_for_in_pieces_that_talkdesk_takes() -> None:
    desk = Desk()
    call = desk.whole_call()
    rows = await desk.client.calls_report(START - timedelta(days=100), desk.clock.now() + timedelta(seconds=1))
    assert [row["call_id"] for row in rows] == [call]
    assert desk.asked.count("/data/reports/calls/jobs") == 4


@pytest.mark.parametrize(("status", "error"), [("failed", GiveUp), ("processing", TryLater)])
async def test_a_report_that_fails_or_never_ends_is_given_up(status: str, error: type[Exception]) -> None:
    desk = Desk()

    def answer(request: httpx.Request) -> httpx.Response:
        job: Mapping[str, Any] = {"job": {"id": "j1", "status": "created" if request.method == "POST" else status}}
        return httpx.Response(202 if request.method == "POST" else 200, json=job)

    api = Http("https://api.talkdesk.test", sleep=desk.sleep, transport=httpx.MockTransport(answer))
    client = TalkdeskClient(desk.identity, api, "tsbridge", "secret", desk.clock, desk.sleep)
    with pytest.raises(error):
        await client.calls_report(START, START + timedelta(hours=1))
    assert sum(desk.slept) < 700


async def test_being_told_to_wait_is_passed_on() -> None:
    desk = Desk()
    desk.talkdesk.faults.too_many = 1
    with pytest.raises(TryLater) as told:
        await desk.client.contacts("+14155550001")
    assert told.value.waiting
    assert told.value.after == timedelta(seconds=1)
