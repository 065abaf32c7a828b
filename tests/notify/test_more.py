"""The other ways, by Apprise in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import json

import pytest

from tests.notify.desk import ANA, CASE, message, sinks
from tsbridge.core.errors import GiveUp, TryLater, VendorError
from tsbridge.notify import more
from tsbridge.notify.messages import Recipient

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="the extra more-ways is not installed"),
]


async def test_a_push_arrives() -> None:
    async with sinks() as desk:
        way = desk.way("apprise", url=f"gotify://127.0.0.1:{desk.chat_port}/token0123456789")
        assert await way.send(ANA, message()) == "sent"
        [posted] = desk.chat.received
    assert CASE in json.loads(posted.body)["message"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise
async def test_a_page_by_opsgenie_opens_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins import opsgenie

    async with sinks() as desk:
        monkeypatch.setitem(opsgenie.OPSGENIE_API_LOOKUP, "us", f"http://127.0.0.1:{desk.chat_port}/v2/alerts")
        monkeypatch.setattr(opsgenie.NotifyOpsgenie, "request_rate_per_sec", 0)
        desk.chat.faults.body, desk.chat.faults.times = json.dumps({"result": "Request will be processed", "requestId": "1"}), 1
        url = "opsgenie://00000000-0000-0000-0000-000000000000/#desk"
        assert await asyncio.to_thread(more.send, url, "Severity 1", f"Case {CASE}") == more.SENT
        [posted] = desk.chat.received
    assert CASE in json.loads(posted.body)["description"]


@pytest.mark.parametrize(("status", "error"), [(500, TryLater), (302, TryLater), (401, TryLater)])
async def test_what_was_not_taken_is_tried_later_and_redirects_are_not_followed(status: int, error: type[VendorError]) -> None:
    async with sinks() as desk:
        desk.chat.faults.status, desk.chat.faults.times = status, 1
        with pytest.raises(error):
            await desk.way("apprise", url=f"gotify://127.0.0.1:{desk.chat_port}/token0123456789").send(ANA, message())
        assert desk.chat.requests == 1


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://",
        "json://127.0.0.1/",
        "mailto://a:b@example.com",
        "file:///etc/passwd",
        "gotify://127.0.0.1/token?redirect=yes",
        "gotify",
    ],
)
async def test_only_kinds_on_the_list_are_let_in(url: str) -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp, match="kind_not_allowed"):
            await desk.way("apprise", url=url).send(ANA, message())


async def test_plain_http_stays_on_this_machine_and_a_place_for_an_address_needs_one() -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp, match="bad_address"):
            await desk.way("apprise", url="gotify://push.example/token0123456789").send(ANA, message())
        with pytest.raises(GiveUp, match="no_address"):
            await desk.way("apprise", url="twilio://sid:token@+15550100/{address}").send(Recipient("ben", None, None), message())
        with pytest.raises(GiveUp, match="bad_address"):
            await desk.way("apprise", url="twilio://nonsense").send(ANA, message())
