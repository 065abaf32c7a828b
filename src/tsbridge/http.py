"""The one HTTP client, beside the core: the vendors' clients, `notify` and the fetching of feeds call through it.

One connection pool per upstream. No redirects; the proxy and the certificates that the settings name, none of the environment; a
time-out for each read and one for the whole call; a cap on the bytes of every answer, unpacked; short retries of what is safe to
repeat (tenacity). The long ones belong to whoever owns the work. The library comes with the first client: a process that calls nobody
does without.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_before_delay

from tsbridge.core import strict_json
from tsbridge.core.backoff import CALL
from tsbridge.core.errors import Malformed, OutcomeUnknown, TryLater
from tsbridge.core.limits import ANSWER_BYTES, CALL_S
from tsbridge.core.roster import LOOPBACK

if TYPE_CHECKING:
    import httpx

TRIES: Final = 3
WITHIN_S: Final = 15
PASSING: Final = (502, 503, 504)
READ_ASIDE: Final = 64 << 10
"""Bytes above which an answer is parsed on another thread: a page of an export would hold up everybody else for half a second."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How calls leave. `proxy`: its URL, perhaps with a user; `direct`: hosts that are called without it, and what ends in one that
    begins with a dot; this machine always is. `ca_bundle`: certificates trusted besides the public ones."""

    proxy: str | None = None
    direct: tuple[str, ...] = ()
    ca_bundle: Path | None = None

    def __repr__(self) -> str:
        return "Outgoing(…)"

    def proxy_to(self, host: str) -> str | None:
        """The proxy for calls to this host."""
        beside = host in LOOPBACK or any(host == one or (one.startswith(".") and host.endswith(one)) for one in self.direct)
        return None if beside else self.proxy


@lru_cache(maxsize=2)
def trusted(ca_bundle: Path | None) -> ssl.SSLContext:
    """One for all clients: making it takes as long as many calls. Raises OSError for a file of no certificates."""
    import httpx

    context = httpx.create_ssl_context(trust_env=False)
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    return context


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, headers in lower case, and its JSON value (None for an empty or unreadable body).

    `text` is the beginning of its body, `body` the whole of one that is no JSON.
    """

    status: int
    headers: Mapping[str, str]
    content: Any
    text: str
    body: bytes = b""

    def date(self) -> datetime | None:
        """The sender's own clock."""
        return _http_date(self.headers.get("date"))


class _Passing(Exception):
    """Worth another try at once. `after`: how long the sender wants us to wait."""

    def __init__(self, error: Exception | None, answer: Answer | None, after: timedelta | None) -> None:
        super().__init__()
        self.error = error
        self.answer = answer
        self.after = after


Sleep = Callable[[float], Awaitable[None]]


class _TooLarge(Exception):
    """The answer has more bytes than are read."""


class _Unpackable(Exception):
    """The answer is packed in a way nobody asked for, or broken."""


class Http:
    """Calls to one upstream. `sleep` is an argument so that tests need no real time. `most`: connections; `largest`: bytes of an answer,
    unpacked; `call_s`: what one call may last, its retries and all its answer included."""

    def __init__(
        self,
        base_url: str,
        *,
        sleep: Sleep,
        outgoing: Outgoing = Outgoing(),
        transport: httpx.AsyncBaseTransport | None = None,
        most: int = 10,
        largest: int = ANSWER_BYTES,
        call_s: float = CALL_S,
    ) -> None:
        import httpx

        tls, proxy = trusted(outgoing.ca_bundle), outgoing.proxy_to(httpx.URL(base_url).host)
        self._client = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            verify=tls,
            proxy=None if proxy is None else httpx.Proxy(proxy, ssl_context=tls if proxy.startswith("https:") else None),
            timeout=httpx.Timeout(10, connect=3, read=10, write=10, pool=5),
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "tsbridge", "Accept": "application/json", "Accept-Encoding": "gzip"},
        )
        self._sleep = sleep
        self._largest = largest
        self._call_s = call_s

    @property
    def host(self) -> str:
        """Whom it calls: host, and port where one is named."""
        return self._client.base_url.netloc.decode("ascii")

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        once: bool = False,
        call_s: float | None = None,
    ) -> Answer:
        """One call with its short retries; of `json`, `form` and `body` (sent as it is) at most one.

        `repeatable` (default: GET is) calls are also tried again after 502 to 504 and cuts. `once`: a single request, whatever comes of it.
        `call_s`: how long this one may last, where it is not as long as others.

        Raises TryLater when the request never left or may be repeated, OutcomeUnknown when it may have arrived. Reasons: `unreachable`,
        `proxy_refused`, `certificate`, `cut`, `too_slow` (the whole call took longer than it may), `answer_too_large`, `unreadable`.
        """
        safe = method == "GET" if repeatable is None else repeatable
        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 if once else TRIES) | stop_before_delay(WITHIN_S),
            wait=_wait,
            retry=retry_if_exception(lambda failure: isinstance(failure, _Passing)),
            sleep=self._sleep,
            reraise=True,
        )
        failed = TryLater if safe else OutcomeUnknown
        try:
            async with asyncio.timeout(self._call_s if call_s is None else call_s):
                async for attempt in retrying:
                    with attempt:
                        return await self._once(method, path, safe, query=query, json=json, form=form, body=body, headers=headers)
        except _Passing as last:
            if last.answer is not None:
                return last.answer
            raise TryLater(_why(last.error)) from last.error
        except TimeoutError:
            raise failed("too_slow") from None
        except _TooLarge:
            raise failed("answer_too_large") from None
        except _Unpackable:
            raise failed("unreadable") from None
        raise AssertionError("unreachable")  # pragma: no cover

    async def pause(self, seconds: float) -> None:
        """Let time pass between two calls that belong together."""
        await self._sleep(seconds)

    async def close(self) -> None:
        await self._client.aclose()

    async def _once(self, method: str, path: str, safe: bool, **parts: Any) -> Answer:
        import httpx

        asked = {"params": parts["query"], "json": parts["json"], "data": parts["form"], "content": parts["body"]}
        try:
            async with self._client.stream(method, path, **asked, headers=parts["headers"]) as response:
                raw = await _bounded(response, self._largest)
        except httpx.TransportError as failure:
            not_sent = isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
            if not_sent or safe:
                raise _Passing(failure, None, None) from failure
            raise OutcomeUnknown("cut") from failure
        found = await _answer(response, raw, self._largest)
        if safe and found.status in PASSING:
            raise _Passing(None, found, retry_after(found.headers.get("retry-after"), found.date()))
        return found


async def _bounded(response: httpx.Response, most: int) -> bytes:
    """The body, unpacked step by step: a few packed bytes may stand for a million, and none of them is made beyond `most`."""
    import httpx

    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", "", "gzip", "x-gzip"):
        raise _Unpackable
    unpack = zlib.decompressobj(wbits=31) if "gzip" in packed else None
    chunks, left = [], most
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  # of an async client
    async for raw in stream:
        try:
            chunk = raw if unpack is None else unpack.decompress(raw, left + 1)
        except zlib.error:
            raise _Unpackable from None
        left -= len(chunk)
        if left < 0:
            raise _TooLarge
        chunks.append(chunk)
    if unpack is not None and chunks and not unpack.eof:
        raise _Unpackable
    return b"".join(chunks)


async def _answer(response: httpx.Response, raw: bytes, most: int) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        if len(raw) > READ_ASIDE:
            content = await asyncio.to_thread(strict_json.read, raw, most)
        else:
            content = strict_json.read(raw) if raw else None
    except Malformed:
        content = None
    return Answer(response.status_code, headers, content, raw[:2_000].decode("utf-8", "replace"), raw if content is None else b"")


def _why(failure: BaseException | None) -> str:
    """Why a call did not get through, as far as somebody can do something about it."""
    import httpx

    if isinstance(failure, httpx.ProxyError):
        return "proxy_refused"
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return "certificate"
        failure = failure.__cause__ or failure.__context__
    return "unreachable"


def _wait(state: RetryCallState) -> float:
    """What the sender asked for, else full jitter."""
    failure = state.outcome.exception() if state.outcome is not None else None
    if isinstance(failure, _Passing) and failure.after is not None:
        return failure.after.total_seconds()
    return CALL.after(state.attempt_number, random.random()).total_seconds()  # noqa: S311  # jitter, no secret


def retry_after(value: str | None, now: datetime | None) -> timedelta | None:
    """`Retry-After` as a wait of one second to one hour; None when it is missing or makes no sense.

    Seconds or an HTTP date. A date that has passed is one second; text, negative and absurd numbers are nothing.
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        seconds = float(text)
    else:
        at = _http_date(text)
        if at is None or now is None:
            return None
        seconds = (at - now).total_seconds()
    return timedelta(seconds=min(max(seconds, 1.0), 3_600.0))


def _http_date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # also a date that is out of the calendar in UTC
        return None
