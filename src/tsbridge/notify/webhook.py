"""Outbound webhooks, signed by Standard Webhooks (https://www.standardwebhooks.com): for pagers and whatever else listens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from tsbridge.core.errors import GiveUp
from tsbridge.core.moments import canonical, instant_text
from tsbridge.core.ports import Clock
from tsbridge.notify.messages import Message, Recipient
from tsbridge.notify.post import Poster, words_of
from tsbridge.notify.ways import Secrets

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a key, as the specification has it."""


class WebhookWay:
    """`webhook-id` is the notification's id: whoever gets it twice knows. Every key of the file signs, so keys can be exchanged."""

    def __init__(self, secrets: Secrets, poster: Poster, clock: Clock) -> None:
        self._secrets = secrets
        self._poster = poster
        self._clock = clock

    async def send(self, to: Recipient, message: Message) -> str:
        address, keys = self._secrets.address(), self._secrets.keys()
        now = self._clock.now()
        body = canonical({"type": message.type, "timestamp": instant_text(message.at), "data": dict(message.data)})
        return words_of(await self._poster.post(address, body, signed(message.id, now, body, keys)))


def signed(id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers that prove a body. Raises GiveUp for a key that is none."""
    at = at.astimezone(UTC)  # the library takes any other zone's wall clock for UTC
    signatures = [Webhook(_key(text)).sign(id, at, body.decode()) for text in keys]
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures)}


def _key(text: str) -> bytes:
    """The key of `whsec_<base64>`. The library would take any text and leave out what is not base64."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise GiveUp("bad_secret") from None
    if not text.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise GiveUp("bad_secret")
    return key
