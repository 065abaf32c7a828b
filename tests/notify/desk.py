"""Ways against sinks that receive for real, over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.clocks import SettableClock
from tsbridge.core import roster
from tsbridge.http import Http
from tsbridge.notify.make import Outside, make
from tsbridge.notify.messages import Item, Message, Recipient, about_cases
from tsbridge.notify.ways import Mail, Way
from tsbridge.simulator.sinks import ChatSink, MailSink

AT = datetime(2026, 11, 29, 2, 12, tzinfo=UTC)
CASE = "case_01jd0000000000000000000001"
ACKNOWLEDGE = "https://desk.example/a/abc.def"
ANA = Recipient("ana", "ana@example.com", "+14155550123", ZoneInfo("Europe/Berlin"))
QUICKLY = 0.5
"""Seconds an attempt may last here: nothing of ours is slower, and what hangs hangs for ever."""


def item(case_id: str = CASE, severity: int | None = 1, category: str | None = "safety_incident", queue: str | None = "safety") -> Item:
    return Item(case_id, severity, category, queue, "sev1", 2, datetime(2026, 11, 29, 2, 27, tzinfo=UTC))


def message(*items: Item, to: Recipient = ANA) -> Message:
    link = f"https://desk.example/console/cases/{CASE}"
    return about_cases("ntf_01jd0000000000000000000009", AT, items or (item(),), to, link=link, acknowledge_link=ACKNOWLEDGE)


class Desk:
    """Both sinks, and ways that lead to them. `files`: what stands in the files of secrets;
    `variables`: in those of the environment."""

    def __init__(self, mail: MailSink, mail_port: int, chat: ChatSink, chat_port: int) -> None:
        self.mail = mail
        self.mail_port = mail_port
        self.chat = chat
        self.chat_port = chat_port
        self.files: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.limit_s = 10.0

    def way(self, kind: str, path: str = "/", **more: str) -> Way:
        return self.make(roster.Way("way", kind, **({"url": f"http://127.0.0.1:{self.chat_port}{path}"} | more)))

    def mail_way(self, **more: object) -> Way:
        login = {"host": "127.0.0.1", "port": self.mail_port, "sender": "desk@example.com", "domain": "desk.example", "starttls": False}
        return self.make(roster.Way("way", "smtp"), Mail(**(login | more)))  # type: ignore[arg-type]

    def make(self, way: roster.Way, mail: Mail | None = None) -> Way:
        def http(origin: str) -> Http:
            return Http(origin, sleep=asyncio.sleep)

        return make(way, Outside(http, SettableClock(AT), mail, self._read, self.limit_s, self.variables))

    def _read(self, path: Path) -> str:
        try:
            return self.files[str(path)]
        except KeyError:
            raise FileNotFoundError(path) from None


@asynccontextmanager
async def sinks(user: str | None = None, password: str = "") -> AsyncIterator[Desk]:
    mail = MailSink(user, password)
    chat = ChatSink(mail)
    try:
        yield Desk(mail, await mail.start(), chat, await chat.start())
    finally:
        await mail.close()
        await chat.close()
