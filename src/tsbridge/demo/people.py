"""The people of the demo's desk as messages reach them: a mail server and a chat that receive for real."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Final

from tsbridge.document_files import load_file
from tsbridge.simulator.sinks import ChatSink, MailSink
from tsbridge.wiring.bundled import bundled

BY_CHAT: Final = "mara"
"""The manager reads the chat; everybody else is told by mail."""


class People:
    """The bundled roster with a chat in it, and what is sent to those it names. An async context manager."""

    def __init__(self, folder: Path) -> None:
        self._roster = folder / "roster.json"
        self._mail, self._chat = MailSink(), ChatSink()
        self.settings: dict[str, str] = {}

    async def __aenter__(self) -> People:
        mail, chat = await self._mail.start(), await self._chat.start()
        roster = load_file(bundled("incident-desk-roster.yaml"))
        roster["ways"]["chat"] = {"kind": "slack", "url": f"http://127.0.0.1:{chat}/slack/desk"}
        roster["agents"][BY_CHAT]["reach"] = ["chat", "mail"]
        self._roster.write_text(json.dumps(roster, default=str))
        self.settings = {
            "TSBRIDGE_ROSTER": str(self._roster),
            "TSBRIDGE_SMTP_URL": f"smtp://127.0.0.1:{mail}",
            "TSBRIDGE_MAIL_FROM": "desk@example.com",
        }
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._chat.close()
        await self._mail.close()

    @property
    def mails(self) -> int:
        return len(self._mail.received)

    @property
    def posts(self) -> int:
        return len(self._chat.received)

    def missing(self) -> list[str]:
        """What should have arrived and has not."""
        return [f"nobody was told by {way}" for way, count in (("mail", self.mails), ("chat", self.posts)) if not count]

    def one_message(self) -> str:
        """The first mail, indented."""
        if not self._mail.received:
            return ""
        message = self._mail.received[0].message
        text = (f"To: {message['To']}", f"Subject: {message['Subject']}", "", *str(message.get_content()).splitlines())
        return "\n".join(f"    {line}".rstrip() for line in text)
