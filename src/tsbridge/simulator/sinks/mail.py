"""A mail server over TCP that keeps every message in memory: EHLO, AUTH PLAIN and LOGIN, MAIL, RCPT, DATA, RSET, NOOP, QUIT.

What it does with a message is decided by its faults; it delivers nothing anywhere. One recipient or several a message.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import email
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Final

from tsbridge.simulator.sinks.listener import Listener

LONGEST_LINE: Final = 4_096
LARGEST: Final = 1 << 20
_WORDS: Final = {421: "4.3.2 going away", 450: "4.2.0 mailbox busy", 451: "4.3.0 try later", 452: "4.2.2 full", 550: "5.1.1 no such user"}


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came. `user`: who had logged in."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    user: str | None = None

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def to_json(self) -> dict[str, Any]:
        read = self.message
        return {
            "from": self.sender,
            "to": list(self.recipients),
            "id": read["Message-ID"],
            "subject": read["Subject"],
            "text": read.get_content(),
        }


@dataclass(slots=True)
class MailFaults:
    """`away`: whoever connects is cut off. `code`: the answer to a message (421, 451, 550 …; 421 also ends the connection).

    `hang`: the answer to a message never comes. `lost`: the message is kept and the connection cut without an answer.
    `refuse`: recipients that get 550. `times`: for how many messages `code`, `hang` and `lost` count; None for as long as they stand.
    """

    away: bool = False
    code: int | None = None
    hang: bool = False
    lost: bool = False
    refuse: set[str] = field(default_factory=set)
    times: int | None = None

    def set(self, wanted: Mapping[str, Any]) -> None:
        """All of them at once, from JSON; what is not named is off. Raises ValueError for what is none."""
        unknown = sorted(set(wanted) - {"away", "code", "hang", "lost", "refuse", "times"})
        if unknown:
            raise ValueError(f"expected away, code, hang, lost, refuse, times; got {', '.join(unknown)}")
        self.away, self.hang, self.lost = (bool(wanted.get(name)) for name in ("away", "hang", "lost"))
        self.code, self.times = wanted.get("code"), wanted.get("times")
        self.refuse = set(wanted.get("refuse", ()))

    def now(self) -> str | int | None:
        """What happens to the message that has just come: a code, `hang`, `lost`, or nothing."""
        fault = "hang" if self.hang else "lost" if self.lost else self.code
        if fault is None or self.times == 0:
            return None
        if self.times is not None:
            self.times -= 1
        return fault


class MailSink(Listener):
    """`received` is what came, oldest first. With a `user` nothing is taken from whoever is not logged in as them."""

    def __init__(self, user: str | None = None, password: str = "") -> None:
        super().__init__(LONGEST_LINE)
        self._user = user
        self._password = password
        self.received: list[Received] = []
        self.connections = 0
        self.faults = MailFaults()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await _Talk(self, reader, writer).run()

    def admits(self, user: str, password: str) -> bool:
        return self._user is not None and (user, password) == (self._user, self._password)

    @property
    def wants_login(self) -> bool:
        return self._user is not None


class _Over(Exception):
    """The conversation has ended."""


class _Talk:
    """One connection."""

    def __init__(self, sink: MailSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._user: str | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        try:
            if not self._sink.faults.away:
                self._say(220, "sink.test ESMTP")
                while True:
                    await self._command(await self._line())
        except (_Over, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()
            self._writer.close()

    async def _line(self) -> str:
        line = await self._reader.readuntil(b"\n")
        return line.decode("utf-8", "replace").strip()

    def _say(self, code: int, words: str) -> None:
        self._writer.write(f"{code} {words}\r\n".encode())

    async def _command(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                more = ["250-AUTH PLAIN LOGIN"] if self._sink.wants_login else []
                self._writer.write("\r\n".join(["250-sink.test", *more, "250-ENHANCEDSTATUSCODES", f"250 SIZE {LARGEST}", ""]).encode())
            case "HELO" | "NOOP":
                self._say(250, "2.0.0 fine")
            case "RSET":
                self._sender, self._recipients = None, []
                self._say(250, "2.0.0 forgotten")
            case "QUIT":
                self._say(221, "2.0.0 bye")
                raise _Over
            case "AUTH":
                await self._login(rest)
            case "MAIL":
                self._mail(rest)
            case "RCPT":
                self._rcpt(rest)
            case "DATA":
                await self._data()
            case _:
                self._say(502, "5.5.1 not known here")

    async def _login(self, rest: str) -> None:
        kind, _, first = rest.partition(" ")
        if kind.upper() == "PLAIN":
            parts = _decoded(first or await self._asked("")).split("\0")
            user, password = (parts[1], parts[2]) if len(parts) == 3 else ("", "")
        elif kind.upper() == "LOGIN":
            user = _decoded(first or await self._asked("VXNlcm5hbWU6"))
            password = _decoded(await self._asked("UGFzc3dvcmQ6"))
        else:
            return self._say(504, "5.5.4 not that way")
        if not self._sink.admits(user, password):
            return self._say(535, "5.7.8 not accepted")
        self._user = user
        return self._say(235, "2.7.0 welcome")

    async def _asked(self, words: str) -> str:
        self._say(334, words)
        await self._writer.drain()
        return await self._line()

    def _mail(self, rest: str) -> None:
        if self._sink.wants_login and self._user is None:
            return self._say(530, "5.7.0 log in first")
        self._sender, self._recipients = _path(rest), []
        return self._say(250, "2.1.0 fine")

    def _rcpt(self, rest: str) -> None:
        if self._sender is None:
            return self._say(503, "5.5.1 MAIL comes first")
        who = _path(rest)
        if who in self._sink.faults.refuse:
            return self._say(550, f"5.1.1 <{who}> is not known here")
        self._recipients.append(who)
        return self._say(250, "2.1.5 fine")

    async def _data(self) -> None:
        if not self._recipients or self._sender is None:
            return self._say(503, "5.5.1 RCPT comes first")
        self._say(354, "go ahead")
        lines, size = [], 0
        while (line := await self._reader.readuntil(b"\n")) not in (b".\r\n", b".\n"):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            size += len(line)
            if size > LARGEST:
                self._say(552, "5.3.4 too large")
                raise _Over
        fault = self._sink.faults.now()
        if fault == "hang":
            await asyncio.Event().wait()
        if isinstance(fault, int):
            self._say(fault, _WORDS.get(fault, "no"))
            if fault == 421:
                raise _Over
            return None
        self._sink.received.append(Received(self._sender, tuple(self._recipients), b"".join(lines), self._user))
        self._sender, self._recipients = None, []
        if fault == "lost":
            raise _Over
        return self._say(250, f"2.0.0 kept as {len(self._sink.received)}")


def _path(rest: str) -> str:
    """The address of `FROM:<a@b> SIZE=…`."""
    return rest.partition("<")[2].partition(">")[0]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
