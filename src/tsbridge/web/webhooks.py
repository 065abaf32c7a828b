"""The door: proves who sent the bytes, keeps them on disk, answers. Nothing else happens before the answer.

A plain ASGI endpoint: no model, no dependency, no second parser stands between the bytes and the disk. Zendesk re-sends almost
nothing and Talkdesk nothing at all, so a proven delivery is kept whatever its body looks like, and what it answers is one of
202, 401, 413, 415 and 503, whatever is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tsbridge.acts.security import Security
from tsbridge.core import strict_json
from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.errors import Malformed, Refused
from tsbridge.core.ports import Clock
from tsbridge.store.inbox import Receipt
from tsbridge.store.intake import CannotStore, Intake
from tsbridge.vendors.talkdesk import payload as talkdesk_payload
from tsbridge.vendors.talkdesk import verify as talkdesk_verify
from tsbridge.vendors.zendesk import payload as zendesk_payload
from tsbridge.vendors.zendesk import verify as zendesk_verify
from tsbridge.web.counters import Counters
from tsbridge.web.problems import HARD_HEADERS, MEDIA_TYPE, TYPE

log = logging.getLogger("tsbridge.door")

BODY_CAP: Final = 1 << 20
READ_ASIDE: Final = 64 * 1024  # bodies above are read in a thread: a megabyte of JSON would hold up everybody else
ASIDE: Final = ThreadPoolExecutor(1, "tsbridge-door")
"""Nobody else's: whatever else is done in threads, a delivery never waits for it."""
KEY_LENGTH: Final = 200
HEADER_LENGTH: Final = 500
RETRY_AFTER: Final = (b"retry-after", b"30")
ZENDESK_HEADERS: Final = frozenset(
    {zendesk_verify.SIGNATURE, zendesk_verify.TIMESTAMP, "x-zendesk-webhook-id", "x-zendesk-webhook-invocation-id"}
)
TALKDESK_HEADERS: Final = frozenset({"user-agent"})

Headers = Mapping[str, str]
Claim = Any
"""What headers alone say of their sender, for the proof to go on with; never None."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """How the deliveries of one source come in.

    `look(headers)`: what they claim; raises `Refused` for what the headers alone show to be nobody's. None while no secret is configured:
    then nobody is let in.
    `prove(body, claim, now)`: raises `Refused`.
    `key(value, body, headers)`: the dedupe key, from signed content only; `value` is None for a body that cannot be read.
    `headers`: names (lower case) of those worth keeping beside the body: what proves or traces, no credentials.
    `rings(body)`: whether a body that is no sound JSON still says whom it is about, and so is accepted.
    """

    source: str
    look: Callable[[Headers], Claim] | None
    prove: Callable[[bytes, Claim, datetime], object]
    key: Callable[[Any, bytes, Headers], str]
    headers: frozenset[str]
    rings: Callable[[bytes], bool] = lambda body: False


def zendesk(secrets: Sequence[str], tolerance_s: int) -> Entrance:
    """Zendesk's: signed bodies. Without secrets it is closed."""
    look = zendesk_verify.claimed if secrets else None
    prove = partial(_prove_zendesk, tuple(secrets), timedelta(seconds=tolerance_s))
    return Entrance(
        "zendesk", look, prove, zendesk_payload.delivery_key, ZENDESK_HEADERS, lambda body: zendesk_payload.ring_of(body) is not None
    )


def talkdesk(secrets: Sequence[str]) -> Entrance:
    """Talkdesk's: a shared secret, which proves the sender but not the body. Without secrets it is closed."""
    look = partial(talkdesk_verify.verify, secrets=tuple(secrets)) if secrets else None
    return Entrance("talkdesk", look, _by_its_head, lambda value, body, _: talkdesk_payload.delivery_key(value, body), TALKDESK_HEADERS)


def _prove_zendesk(secrets: tuple[str, ...], tolerance: timedelta, body: bytes, claim: Claim, now: datetime) -> object:
    return zendesk_verify.verify(body, claim, secrets, now, tolerance)


def _by_its_head(body: bytes, claim: Claim, now: datetime) -> object:
    """Nothing is left to prove."""
    return None


class Answer(NamedTuple):
    """What a sender is told. `reason`: one of the door's own few words, for the counts; `headers` without the length."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Door:
    """The endpoint of one source: called by the framework, or by the server with a delivery that is all there (`take`)."""

    def __init__(
        self,
        entrance: Entrance,
        intake: Intake,
        clock: Clock,
        counters: Counters,
        wake: Callable[[], None],
        security: Security | None = None,
    ) -> None:
        """`wake`: called after a delivery was accepted; must return at once."""
        self.path = f"/webhooks/{entrance.source}"
        self._entrance = entrance
        self._intake = intake
        self._clock = clock
        self._counters = counters
        self._wake = wake
        self._security = security or Security(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer = await self._answer(scope["headers"], receive, scope.get("state", {}).get("proven", _nobody))
        if answer is None:
            return
        headers = [(b"content-length", b"%d" % len(answer.body)), *answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._count(answer, loop.time() - started)

    def look(self, headers: Headers, tell: Callable[[Answer], None]) -> Claim | None:
        """What the headers of a delivery claim whose body may come; None when they were enough to refuse it."""
        claim = self._claim(headers)
        if not isinstance(claim, Answer):
            return claim
        tell(claim)
        self._count(claim, 0.0)
        return None

    def take(self, headers: Headers, claim: Claim, body: bytes, tell: Callable[[Answer], None], proven: Callable[[], object]) -> None:
        """Take a delivery that was looked at, of at most `READ_ASIDE` bytes; `tell` gets the answer, now or once the delivery is kept.

        The same as calling the endpoint, without what a task and a framework cost for each. When it raises, nothing was kept.
        """
        told = partial(self._told, tell, asyncio.get_running_loop().time())
        refused = self._refused(claim, body)
        if refused is not None:
            told(refused)
            return
        proven()
        key, quarantined = self._key(body, headers)
        worth = _worth_keeping(headers, self._entrance.headers)
        self._intake.take(self._entrance.source, key, worth, body, told, quarantined)

    def _told(self, tell: Callable[[Answer], None], started: float, what: Answer | Receipt | CannotStore) -> None:
        answer = what if isinstance(what, Answer) else self._outcome(what)
        tell(answer)
        self._count(answer, asyncio.get_running_loop().time() - started)

    async def _answer(self, raw_headers: Sequence[tuple[bytes, bytes]], receive: Receive, proven: Callable[[], object]) -> Answer | None:
        """None for a sender who went away."""
        headers = read_headers(raw_headers)
        claim = self._claim(headers)
        if isinstance(claim, Answer):
            return claim
        body = await _read(receive)
        if body is None:
            return None
        refused = self._refused(claim, body)
        if refused is not None:
            return refused
        proven()
        if len(body) > READ_ASIDE:
            key, quarantined = await asyncio.get_running_loop().run_in_executor(ASIDE, self._key, body, headers)
        else:
            key, quarantined = self._key(body, headers)
        worth = _worth_keeping(headers, self._entrance.headers)
        try:
            return self._outcome(await self._intake.keep(self._entrance.source, key, worth, body, quarantined))
        except CannotStore as trouble:
            return self._outcome(trouble)

    def _claim(self, headers: Headers) -> Claim | Answer:
        """What the headers claim, or a refusal for which the body need not be read."""
        if self._entrance.look is None:
            return problem(503, "no_secret", "unavailable", "Service Unavailable", RETRY_AFTER)
        if "content-encoding" in headers:
            return problem(415, "compressed", "unsupported-media-type", "Unsupported Media Type")
        length = headers.get("content-length", "")
        if len(length) > 19 or (length.isascii() and length.isdigit() and int(length) > BODY_CAP):
            return problem(413, "too_large", "too-large", "Content Too Large")
        try:
            return self._entrance.look(headers)
        except Refused as refused:
            return _unauthorized(refused)

    def _refused(self, claim: Claim, body: bytes) -> Answer | None:
        """None for a proven delivery."""
        if len(body) > BODY_CAP:
            return problem(413, "too_large", "too-large", "Content Too Large")
        try:
            self._entrance.prove(body, claim, self._clock.now())
        except Refused as refused:
            return _unauthorized(refused)
        crashpoint("door.verified")
        return None

    def _key(self, body: bytes, headers: Headers) -> tuple[str, str | None]:
        """The dedupe key and, for what cannot be read, why. The same bytes always have the same key."""
        try:
            value = strict_json.read(body, BODY_CAP)
            return bounded(self._entrance.key(value, body, headers)), None
        except Malformed as malformed:
            return bounded(self._entrance.key(None, body, headers)), None if self._entrance.rings(body) else malformed.code

    def _outcome(self, told: Receipt | CannotStore) -> Answer:
        if isinstance(told, CannotStore):
            log.warning("a delivery could not be stored", extra={"source": self._entrance.source, "kind": told.why})
            return problem(503, "cannot_store", "unavailable", "Service Unavailable", RETRY_AFTER)
        if told.status == "accepted":
            self._wake()
        return Answer(202, told.reason or told.status, _JSON, _receipt(told))

    def _count(self, answer: Answer, seconds: float) -> None:
        if answer.status == 401:
            self._security.saw("signature_refused", source=self._entrance.source, reason=answer.reason)
        self._counters.door(self._entrance.source, answer.status, answer.reason)
        self._counters.answered("POST", self.path, answer.status, seconds)


_HARD: Final = tuple((name.lower().encode(), value.encode()) for name, value in HARD_HEADERS.items())
_JSON: Final = ((b"content-type", b"application/json"), *_HARD)


def routes(doors: Mapping[str, Door]) -> list[Route]:
    """`POST /webhooks/<source>` for each door."""
    return [Route(door.path, door, methods=["POST"]) for door in doors.values()]


def _nobody() -> None:
    """Nobody waits to hear that a sender is proven."""


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers as texts. A content encoding that is none is left out."""
    found: dict[str, str] = {}
    for name, value in raw:
        if name != b"content-encoding" or value.strip().lower() not in (b"", b"identity"):
            # Any byte may stand in a header; surrogateescape keeps each of them for the proof.
            found[name.decode("latin-1")] = value.decode("utf-8", "surrogateescape")
    return found


def bounded(key: str) -> str:
    """A key that every database can keep and index: long or odd ones by their digest."""
    if len(key) <= KEY_LENGTH and key.isprintable() and key.isascii():
        return key
    return f"digest:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


async def _read(receive: Receive) -> bytes | None:
    """The body, or a little more than the cap of a larger one; None when the sender went away."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return None if message["type"] == "http.disconnect" else body
    chunks, size = [body], len(body)
    while size <= BODY_CAP:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks)


def _worth_keeping(headers: Headers, names: frozenset[str]) -> dict[str, str]:
    found = {}
    for name in names:
        if (value := headers.get(name)) is not None:
            found[name] = value[:HEADER_LENGTH] if value.isascii() and value.isprintable() else _printable(value)
    return found


def _printable(value: str) -> str:
    sound = value[:HEADER_LENGTH].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in sound)


def _receipt(receipt: Receipt) -> bytes:
    if receipt.reason is None:  # ids and statuses are our own words and need no escaping
        return f'{{"event_id": "{receipt.event_id}", "status": "{receipt.status}"}}'.encode()
    return json.dumps({"event_id": receipt.event_id, "status": receipt.status, "reason": receipt.reason}).encode()


def _unauthorized(refused: Refused) -> Answer:
    return problem(401, refused.reason, "not-authenticated", "Unauthorized")


def problem(status: int, reason: str, kind: str, title: str, *headers: tuple[bytes, bytes]) -> Answer:
    """`reason`: for the counts; the sender is told no more than the status says."""
    body = json.dumps({"type": TYPE + kind, "title": title, "status": status}).encode()
    return Answer(status, reason, ((b"content-type", MEDIA_TYPE.encode()), *_HARD, *headers), body)
