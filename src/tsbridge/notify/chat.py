"""Chats: Slack-compatible incoming webhooks, and Teams by the addresses of its Workflows.

Vendor facts: Slack answers `200` with the body `ok`, else a status and a word (`no_service`, `channel_is_archived` …); text escapes
`& < >`. Teams' Workflows take a message with one adaptive card and answer `202`; a TextRun knows no Markdown, other text blocks do.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tsbridge.core.errors import GiveUp
from tsbridge.notify.messages import Message, Recipient
from tsbridge.notify.post import Poster, words_of
from tsbridge.notify.ways import Secrets

_MARKS: Final = re.compile(r"[@#!\[*~`]|(?<!\w)_|_(?!\w)")
_CARD: Final = "application/vnd.microsoft.card.adaptive"
_SCHEMA: Final = "http://adaptivecards.io/schemas/adaptive-card.json"


class SlackWay:
    """Slack, Mattermost, Rocket.Chat and others that take the same."""

    def __init__(self, secrets: Secrets, poster: Poster) -> None:
        self._secrets = secrets
        self._poster = poster

    async def send(self, to: Recipient, message: Message) -> str:
        answer = await self._poster.json(self._secrets.address(), as_slack(message))
        if answer.text.strip().lower() != "ok" and answer.content not in ({"ok": True}, {"success": True}):
            raise GiveUp("not_ok")
        return words_of(answer, "ok")


class TeamsWay:
    """Microsoft Teams."""

    def __init__(self, secrets: Secrets, poster: Poster) -> None:
        self._secrets = secrets
        self._poster = poster

    async def send(self, to: Recipient, message: Message) -> str:
        answer = await self._poster.json(self._secrets.address(), as_teams(message))
        return words_of(answer)


def as_slack(message: Message) -> dict[str, Any]:
    """The body for Slack. Nothing in it calls anybody, is marked up or is fetched for a preview, but our own links."""
    lines = [_plain(message.subject), _plain(message.text)]
    if message.acknowledge_link is not None:
        lines.append(f"<{message.acknowledge_link}|{_plain(message.button)}>")
    elif message.link is not None:
        lines.append(f"<{message.link}|Look at it>")
    return {"text": "\n\n".join(lines), "unfurl_links": False, "unfurl_media": False}


def _plain(text: str) -> str:
    """Text that stays text: Slack's three characters escaped, signs that call people or mark up kept from doing so. Ids stay whole."""
    for letter, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(letter, instead)
    return _MARKS.sub(lambda found: f"\u200b{found[0]}\u200b", text)


def as_teams(message: Message) -> dict[str, Any]:
    """The body for Teams."""
    lines = [line for line in message.text.split("\n") if line]
    head = {"type": "TextRun", "text": message.subject, "weight": "Bolder"}
    blocks = [{"type": "RichTextBlock", "inlines": [head]}]
    blocks += [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]} for line in lines]
    title, url = (message.button, message.acknowledge_link) if message.acknowledge_link is not None else ("Look at it", message.link)
    actions = [] if url is None else [{"type": "Action.OpenUrl", "title": title, "url": url}]
    card = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": blocks, "actions": actions}
    return {"type": "message", "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}]}
