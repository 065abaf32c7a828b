"""Access tokens of both vendors: renewed in good time, by one, and the old one serves while there is no new one to be had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.clocks import START, SettableClock
from tsbridge.core.errors import TryLater, Unauthorized
from tsbridge.http import Answer, Http
from tsbridge.vendors.token import ClientCredentials

pytestmark = pytest.mark.anyio
LIFE = timedelta(minutes=5)


class Identity:
    """Hands out tokens `t1`, `t2`, … that live for 1,000 s, or answers as told."""

    def __init__(self, clock: SettableClock) -> None:
        self.clock = clock
        self.asked = 0
        self.status = 200
        self.content: dict[str, Any] = {"expires_in": 1_000}
        self.headers: dict[str, str] = {}
        self.meanwhile: Callable[[], Any] = lambda: None
        self.http = Http("https://identity.test", sleep=self._sleep, transport=httpx.MockTransport(self._answer))
        self.renewed = 0
        self.credentials = ClientCredentials(self._ask, clock, LIFE, self._renewed)

    async def header(self) -> str:
        return await self.credentials.header(self.http)

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    async def _ask(self, http: Http) -> Answer:
        await asyncio.sleep(0)
        return await http.call("POST", "/token", repeatable=True)

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def _renewed(self) -> None:
        self.renewed += 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(self.status, json={"access_token": f"t{self.asked}", **self.content}, headers=self.headers)


@pytest.fixture
def identity(clock: SettableClock) -> Identity:
    return Identity(clock)


async def test_a_token_serves_until_four_fifths_of_its_life_are_over(identity: Identity) -> None:
    assert await identity.header() == "Bearer t1"
    identity.later(799)
    assert await identity.header() == "Bearer t1"
    identity.later(1)
    assert await identity.header() == "Bearer t2"
    assert identity.renewed == 2


@pytest.mark.parametrize("life", [None, "600", True, 0, -5, 1.5, 10**12])
async def test_a_life_that_is_not_said_or_makes_no_sense_is_the_usual_one(identity: Identity, life: Any) -> None:
    identity.content = {} if life is None else {"expires_in": life}
    await identity.header()
    identity.later(LIFE.total_seconds() * 0.8 - 1)
    assert await identity.header() == "Bearer t1"
    identity.later(1)
    assert await identity.header() == "Bearer t2"


async def test_many_who_need_one_at_once_ask_once(identity: Identity) -> None:
    headers = await asyncio.gather(*(identity.header() for _ in range(20)))
    assert set(headers) == {"Bearer t1"}
    assert identity.asked == 1


async def test_one_that_is_refused_is_asked_for_anew_once_however_many_were_refused_it(identity: Identity) -> None:
    old = await identity.header()
    assert identity.credentials.refused(old)
    new = await identity.header()
    assert identity.credentials.refused(old)  # of a call that was on its way with the old one
    assert (new, await identity.header()) == ("Bearer t2", "Bearer t2")


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_while_none_can_be_had_the_old_one_serves_to_its_end_and_not_every_call_asks(identity: Identity, status: int) -> None:
    await identity.header()
    identity.status = status
    identity.later(800)
    asked = []
    for _ in range(199):
        assert await identity.header() == "Bearer t1"
        asked.append(identity.asked)
        identity.later(1)
    assert asked[0] > 1
    assert len(set(asked)) <= 10
    identity.later(1)
    with pytest.raises(TryLater) as failed:
        await identity.header()
    assert (failed.value.reason, failed.value.waiting) == ("token_unavailable", True)
    identity.status = 200
    assert (await identity.header()).startswith("Bearer t")


async def test_how_long_the_other_side_wants_us_to_wait_is_waited(identity: Identity) -> None:
    await identity.header()
    identity.status, identity.headers = 429, {"retry-after": "90"}
    identity.later(800)
    await identity.header()
    asked = identity.asked
    identity.later(89)
    await identity.header()
    assert identity.asked == asked
    identity.later(1)
    await identity.header()
    assert identity.asked > asked


@pytest.mark.parametrize(("status", "content"), [(401, {}), (400, {}), (200, {"access_token": ""}), (200, {"access_token": 7})])
async def test_an_answer_without_a_token_means_that_our_credentials_are_refused(identity: Identity, status: int, content: Any) -> None:
    identity.status, identity.content = status, content
    with pytest.raises(Unauthorized):
        await identity.header()
    assert identity.renewed == 0


async def test_a_life_is_counted_from_when_it_was_asked_for(identity: Identity) -> None:
    async def ask(http: Http) -> Answer:
        answer = await http.call("POST", "/token", repeatable=True)
        identity.later(100)
        return answer

    slow = ClientCredentials(ask, identity.clock, LIFE)
    assert await slow.header(identity.http) == "Bearer t1"
    identity.clock.set(START + timedelta(seconds=800))
    assert await slow.header(identity.http) == "Bearer t2"
