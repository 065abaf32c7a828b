"""Many other ways (text messages, voice, push) by Apprise, an option (`pip install tsbridge[more-ways]`).

It runs in a process of its own that gets nothing but the message and the address: it has no settings, no log, no attachments,
and ends after one message. Only kinds that send over the network to a service are let in; Apprise itself also starts programs and
writes to the machine's own desktop and logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Final
from urllib.parse import quote

from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.core.inert import quiet
from tsbridge.notify.messages import Message, Recipient
from tsbridge.notify.ways import Secrets

KINDS: Final = frozenset(
    {
        *("twilio", "vonage", "nexmo", "plivo", "sinch", "telnyx", "msgbird", "bulksms", "clicksend", "voipms", "sns", "46elks", "threema"),
        *("pover", "pbul", "ntfy", "ntfys", "gotify", "gotifys", "join", "prowl", "onesignal", "opsgenie"),
        *("tgram", "signal", "signals", "matrix", "matrixs", "zulip", "discord", "gchat", "wxteams", "webex", "mmost", "mmosts"),
    }
)
PLAIN: Final = frozenset({"ntfy", "gotify", "signal", "matrix", "mmost"})
"""Kinds that speak plain http: for this machine only."""
ADDRESS: Final = "{address}"
SENT, NOT_SENT, NO_LIBRARY, BAD_ADDRESS = 0, 3, 4, 5
CHILD: Final = "from tsbridge.notify.more import main; main()"


class MoreWay:
    """`{address}` in the way's url is where each person's own address goes."""

    def __init__(self, secrets: Secrets, limit_s: float, python: str = sys.executable) -> None:
        self._secrets = secrets
        self._limit_s = limit_s
        self._python = python

    async def send(self, to: Recipient, message: Message) -> str:
        url = self._secrets.url()
        kind, _, rest = url.partition("://")
        if kind not in KINDS or not rest or "redirect=" in rest.lower():
            raise GiveUp("kind_not_allowed")
        if kind in PLAIN and not rest.rpartition("@")[2].startswith(("localhost/", "localhost:", "127.0.0.1/", "127.0.0.1:")):
            raise GiveUp("bad_address")
        if ADDRESS in url:
            if not to.address:
                raise GiveUp("no_address")
            url = url.replace(ADDRESS, quote(to.address, safe=""))
        lines = [quiet(message.text), *([f"{message.button}: {message.acknowledge_link}"] if message.acknowledge_link else [])]
        return await self._apart(json.dumps({"url": url, "title": quiet(message.subject), "body": "\n\n".join(lines)}).encode())

    async def _apart(self, told: bytes) -> str:
        child = await asyncio.create_subprocess_exec(
            self._python,
            *("-P", "-c", CHILD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(path for path in sys.path if path), "HOME": "/nonexistent"},
        )
        try:
            async with asyncio.timeout(self._limit_s):
                await child.communicate(told)
        except TimeoutError:
            raise OutcomeUnknown("cut") from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode == SENT:
            return "sent"
        if child.returncode == NOT_SENT:
            raise TryLater("not_sent")
        if child.returncode == NO_LIBRARY:
            raise GiveUp("more_ways_not_installed")
        raise GiveUp("bad_address" if child.returncode == BAD_ADDRESS else "failed")


def main() -> None:
    """The other process: one message from standard input."""
    import logging

    logging.disable(logging.CRITICAL)
    sys.exit(send(**json.load(sys.stdin)))


def send(url: str, title: str, body: str) -> int:
    """Send one message; how it ended, as an exit code. It is a warning: of what is none Opsgenie makes a note on an alert that is open, and
    where there is none nobody is asked and Apprise calls it sent."""
    try:
        from apprise import Apprise, AppriseAsset, NotifyType
    except ImportError:
        return NO_LIBRARY
    sender = Apprise(asset=AppriseAsset(async_mode=False, storage_mode="memory", http_redirects=False, interpret_escapes=False))
    if not sender.add(url):
        return BAD_ADDRESS
    return SENT if sender.notify(title=title, body=body, body_format="text", notify_type=NotifyType.WARNING) else NOT_SENT
