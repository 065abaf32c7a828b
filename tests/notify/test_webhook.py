"""Outbound webhooks: the body that the contract gives, and the signature of Standard Webhooks, held against vectors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.notify.desk import ANA, CASE, message, sinks
from tsbridge.core.errors import GiveUp
from tsbridge.notify.webhook import signed

pytestmark = pytest.mark.anyio

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another key of 32 random bytes..").decode()


def test_the_published_vector_is_signed_as_published() -> None:
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}', [KEY])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("hours", [-8, 0, 1, 5.5, 14])
def test_the_zone_a_time_is_written_in_changes_nothing(hours: float) -> None:
    at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=hours)))
    assert signed("ntf_1", elsewhere, b"{}", [KEY]) == signed("ntf_1", at, b"{}", [KEY])
    expected = hmac.new(base64.b64decode(KEY[6:]), f"ntf_1.{int(at.timestamp())}.{{}}".encode(), hashlib.sha256).digest()
    assert signed("ntf_1", elsewhere, b"{}", [KEY])["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


def test_every_key_signs_so_that_keys_can_be_exchanged() -> None:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    one, other = (signed("ntf_1", at, b"{}", [key])["webhook-signature"] for key in (KEY, OTHER))
    assert signed("ntf_1", at, b"{}", [KEY, OTHER])["webhook-signature"] == f"{one} {other}"


async def test_the_body_that_arrives_is_the_one_that_was_signed() -> None:
    async with sinks() as desk:
        desk.files["/run/secrets/page"] = f"{KEY}\n{OTHER}\n"
        assert await desk.way("webhook", "/hook", secret_file="/run/secrets/page").send(ANA, message()) == "200"
        [posted] = desk.chat.received
    at = datetime.fromtimestamp(int(posted.headers["webhook-timestamp"]), UTC)
    assert posted.headers["webhook-id"] == message().id
    assert posted.headers["webhook-signature"] == signed(message().id, at, posted.body, [KEY, OTHER])["webhook-signature"]
    body = json.loads(posted.body)
    assert (body["type"], body["timestamp"]) == ("tsbridge.escalation", "2026-11-29T02:12:00.000000Z")
    assert body["data"] == dict(message().data)
    assert body["data"]["dedup_key"] == CASE


async def test_address_and_keys_may_stand_in_variables() -> None:
    async with sinks() as desk:
        desk.variables |= {"TSBRIDGE_WAY_PAGE": f"http://127.0.0.1:{desk.chat_port}/hook", "TSBRIDGE_WAY_KEY": f"{KEY} {OTHER}"}
        way = desk.way("webhook", url=None, url_env="TSBRIDGE_WAY_PAGE", secret_env="TSBRIDGE_WAY_KEY")  # type: ignore[arg-type]
        assert await way.send(ANA, message()) == "200"
        [posted] = desk.chat.received
    at = datetime.fromtimestamp(int(posted.headers["webhook-timestamp"]), UTC)
    assert posted.headers["webhook-signature"] == signed(message().id, at, posted.body, [KEY, OTHER])["webhook-signature"]


@pytest.mark.parametrize(("missing", "reason"), [("TSBRIDGE_WAY_PAGE", "url_env_unset"), ("TSBRIDGE_WAY_KEY", "secret_env_unset")])
async def test_a_variable_that_is_not_set_is_said_and_nothing_is_sent(missing: str, reason: str) -> None:
    async with sinks() as desk:
        desk.variables |= {"TSBRIDGE_WAY_PAGE": f"http://127.0.0.1:{desk.chat_port}/hook", "TSBRIDGE_WAY_KEY": KEY}
        del desk.variables[missing]
        way = desk.way("webhook", url=None, url_env="TSBRIDGE_WAY_PAGE", secret_env="TSBRIDGE_WAY_KEY")  # type: ignore[arg-type]
        with pytest.raises(GiveUp, match=reason):
            await way.send(ANA, message())
        assert desk.chat.requests == 0


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_short", "plain text of some length", "whsec_" + "!" * 44, "whsec_" + base64.b64encode(b"x" * 23).decode()]
)
async def test_a_key_that_is_none_sends_nothing_and_is_not_shown(secret: str) -> None:
    async with sinks() as desk:
        desk.files["key"] = secret
        with pytest.raises(GiveUp) as refused:
            await desk.way("webhook", secret_file="key").send(ANA, message())
        assert desk.chat.requests == 0
    assert repr(refused.value) == "GiveUp('bad_secret')"


async def test_without_a_key_nothing_is_sent() -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp, match="no_secret"):
            await desk.way("webhook").send(ANA, message())
        assert desk.chat.requests == 0
