"""Slack-compatible chats and Teams, at a sink that answers as they do and as they should not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.notify.desk import ACKNOWLEDGE, ANA, CASE, QUICKLY, item, message, sinks
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater, VendorError
from tsbridge.notify.chat import as_slack, as_teams

pytestmark = pytest.mark.anyio


async def test_a_chat_gets_the_message_and_our_links_and_fetches_no_preview() -> None:
    async with sinks() as desk:
        assert await desk.way("slack", "/slack/T1/B1/x").send(ANA, message()) == "200 ok"
        [posted] = desk.chat.received
    body = posted.to_json()["body"]
    assert posted.path == "/slack/T1/B1/x"
    assert posted.headers["content-type"] == "application/json"
    assert f"<{ACKNOWLEDGE}|Acknowledge>" in body["text"]
    assert CASE in body["text"]
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)


@pytest.mark.parametrize(
    "word", ["<!channel>", "@here", "@all", "<https://evil.example|press>", "[a](https://evil.example)", "*b*", "_i_", "`c`"]
)
def test_words_call_nobody_and_mark_nothing_up(word: str) -> None:
    told = message(item(category=word))
    text = as_slack(told)["text"].replace(f"<{ACKNOWLEDGE}|", "").replace(f"<{told.link}|", "")
    assert word not in text
    assert "<" not in text
    assert CASE in text
    [card] = as_teams(told)["attachments"]
    assert {inline["type"] for block in card["content"]["body"] for inline in block["inlines"]} == {"TextRun"}


async def test_teams_gets_a_card_with_a_button() -> None:
    async with sinks() as desk:
        assert await desk.way("teams", "/teams/workflows/1?sig=x").send(ANA, message()) == "202"
        [posted] = desk.chat.received
    [card] = posted.to_json()["body"]["attachments"]
    assert posted.path == "/teams/workflows/1?sig=x"
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["actions"][0] == {"type": "Action.OpenUrl", "title": "Acknowledge", "url": ACKNOWLEDGE}


@pytest.mark.parametrize("kind", ["slack", "teams"])
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (302, GiveUp, "redirected"),
        (400, GiveUp, "status_400"),
        (404, GiveUp, "status_404"),
        (410, GiveUp, "status_410"),
        (429, TryLater, "status_429"),
        (500, TryLater, "status_500"),
        (503, TryLater, "status_503"),
    ],
)
async def test_an_answer_says_what_to_do_next(kind: str, status: int, error: type[VendorError], reason: str) -> None:
    async with sinks() as desk:
        desk.chat.faults.status = status
        with pytest.raises(error) as refused:
            await desk.way(kind, "/slack/secret-path").send(ANA, message())
        assert desk.chat.requests == 1
    assert refused.value.reason == reason
    assert "secret-path" not in repr(refused.value)


async def test_how_long_to_wait_is_what_the_chat_says() -> None:
    async with sinks() as desk:
        desk.chat.faults.status, desk.chat.faults.retry_after = 429, "30"
        with pytest.raises(TryLater) as refused:
            await desk.way("slack", "/slack/x").send(ANA, message())
    assert refused.value.after == timedelta(seconds=30)


async def test_a_chat_that_says_200_and_not_ok_did_not_take_it() -> None:
    async with sinks() as desk:
        desk.chat.faults.body = "<html>sign in</html>"
        with pytest.raises(GiveUp, match="not_ok"):
            await desk.way("slack", "/slack/x").send(ANA, message())


@pytest.mark.parametrize("kind", ["slack", "teams", "webhook"])
async def test_a_lost_answer_leaves_it_open_whether_it_arrived(kind: str) -> None:
    async with sinks() as desk:
        desk.files["key"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        desk.chat.faults.lost = True
        with pytest.raises(OutcomeUnknown):
            await desk.way(kind, "/x", secret_file="key").send(ANA, message())
        assert len(desk.chat.received) == 1
        desk.chat.faults.set({"hang": True})
        desk.limit_s = QUICKLY
        with pytest.raises(OutcomeUnknown):
            await desk.way(kind, "/x", secret_file="key").send(ANA, message())


async def test_a_chat_that_is_away_is_tried_later() -> None:
    async with sinks() as desk:
        await desk.chat.close()
        with pytest.raises(TryLater, match="unreachable"):
            await desk.way("slack", "/slack/x").send(ANA, message())


@pytest.mark.parametrize(
    "url", ["http://chat.example/x", "ftp://chat.example/x", "https://", "https://a:b@chat.example/", "https://x y/", "hooks"]
)
async def test_an_address_that_will_not_do_is_refused_and_not_repeated(url: str) -> None:
    async with sinks() as desk:
        with pytest.raises(GiveUp) as refused:
            await desk.way("slack", url=url).send(ANA, message())
    assert refused.value.reason == "bad_address"


async def test_an_address_in_a_file_is_read_for_every_message() -> None:
    async with sinks() as desk:
        way = desk.way("slack", url_file="/run/secrets/chat")
        with pytest.raises(GiveUp, match="url_file_unreadable"):
            await way.send(ANA, message())
        desk.files["/run/secrets/chat"] = f"http://127.0.0.1:{desk.chat_port}/slack/new\n"
        await way.send(ANA, message())
        assert desk.chat.received[0].path == "/slack/new"
