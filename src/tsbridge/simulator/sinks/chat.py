"""A chat, a pager, a Teams: anything that takes a POST. It remembers what came, answers as its faults say, and shows all of it.

`POST /slack/…` is answered as Slack does (`ok`), `POST /teams/…` with 202, `POST` elsewhere with 200 and nothing. A server of its own,
since no framework answers wrongly enough: some answers never come, or the connection is cut.

Control: `GET /_sim/received`, `DELETE /_sim/received`, `PUT /_sim/faults` {"chat": {…}, "mail": {…}}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from tsbridge.simulator.sinks.listener import Listener
from tsbridge.simulator.sinks.mail import MailSink

LONGEST_HEAD: Final = 16_384
LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as it came; headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def to_json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            value = self.body.decode("utf-8", "replace")
        return {"path": self.path, "headers": dict(self.headers), "body": value}


@dataclass(slots=True)
class ChatFaults:
    """`status`: what is answered, 302 with a Location; `retry_after`: its header. `body`: what a good answer says instead.

    `hang`: no answer ever. `lost`: kept, and the connection cut without an answer. `times`: for how many requests; None: always.
    """

    status: int | None = None
    retry_after: str | None = None
    body: str | None = None
    hang: bool = False
    lost: bool = False
    times: int | None = None

    def set(self, wanted: Mapping[str, Any]) -> None:
        """All of them at once, from JSON; what is not named is off. Raises ValueError for what is none."""
        unknown = sorted(set(wanted) - set(self.__slots__))
        if unknown:
            raise ValueError(f"expected {', '.join(self.__slots__)}; got {', '.join(unknown)}")
        self.status, self.retry_after, self.body = wanted.get("status"), wanted.get("retry_after"), wanted.get("body")
        self.hang, self.lost, self.times = bool(wanted.get("hang")), bool(wanted.get("lost")), wanted.get("times")

    def now(self) -> bool:
        """Whether the request that has just come meets them."""
        if self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class ChatSink(Listener):
    """`received` is what came, oldest first. `mail`: a mail server whose messages and faults are shown here as well."""

    def __init__(self, mail: MailSink | None = None) -> None:
        super().__init__(LONGEST_HEAD)
        self._mail = mail
        self.received: list[Posted] = []
        self.requests = 0
        self.faults = ChatFaults()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        try:
            asked = await _request(reader)
            answer = self._control(asked) if asked.path.startswith("/_sim/") else await self._taken(asked)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _taken(self, asked: Posted) -> bytes | None:
        """The answer to a message; None: the connection is cut."""
        self.requests += 1
        faults = self.faults if self.faults.now() else ChatFaults()
        if faults.hang:
            await asyncio.Event().wait()
        if faults.status is not None:
            more = {"Retry-After": faults.retry_after} if faults.retry_after is not None else {}
            if 300 <= faults.status < 400:
                more["Location"] = "/elsewhere"
            return _answer(faults.status, "", more)
        if asked.method != "POST":
            return _answer(405, "")
        self.received.append(asked)
        if faults.lost:
            return None
        status, words = (200, "ok") if asked.path.startswith("/slack/") else (202, "") if asked.path.startswith("/teams/") else (200, "")
        return _answer(status, words if faults.body is None else faults.body)

    def _control(self, asked: Posted) -> bytes:
        mails = self._mail.received if self._mail is not None else []
        if (asked.method, asked.path) == ("GET", "/_sim/received"):
            shown = {"chat": [one.to_json() for one in self.received], "mail": [one.to_json() for one in mails]}
            return _answer(200, json.dumps(shown), {"Content-Type": "application/json"})
        if (asked.method, asked.path) == ("DELETE", "/_sim/received"):
            self.received.clear()
            mails.clear()
            return _answer(204, "")
        if (asked.method, asked.path) == ("PUT", "/_sim/faults"):
            try:
                wanted = json.loads(asked.body)
                self.faults.set(wanted.get("chat", {}))
                if self._mail is not None:
                    self._mail.faults.set(wanted.get("mail", {}))
            except (ValueError, AttributeError, TypeError) as refused:
                return _answer(400, str(refused))
            return _answer(204, "")
        return _answer(404, "")


async def _request(reader: asyncio.StreamReader) -> Posted:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    size = int(headers.get("content-length", "0"))
    if not 0 <= size <= LARGEST:
        raise ValueError("too large")
    return Posted(method, path, headers, await reader.readexactly(size))


def _answer(status: int, words: str, more: Mapping[str, str] | None = None) -> bytes:
    body = words.encode()
    headers = {"Content-Length": str(len(body)), "Connection": "close", "Content-Type": "text/plain; charset=utf-8", **(more or {})}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body
