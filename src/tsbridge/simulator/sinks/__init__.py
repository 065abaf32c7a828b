"""Where messages arrive: a mail server and a chat that remember what they got and can be disturbed."""

from __future__ import annotations

import asyncio
import contextlib

from tsbridge.simulator.sinks.chat import ChatFaults, ChatSink, Posted
from tsbridge.simulator.sinks.mail import MailFaults, MailSink, Received

__all__ = ["ChatFaults", "ChatSink", "MailFaults", "MailSink", "Posted", "Received", "run"]


def run(host: str, port: int, mail_port: int) -> None:
    """Serve both until stopped; the chat also shows the mail."""

    async def serve() -> None:
        mail = MailSink()
        chat = ChatSink(mail)
        await mail.start(host, mail_port)
        await chat.start(host, port)
        try:
            await asyncio.Event().wait()
        finally:
            await chat.close()
            await mail.close()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
