"""The one HTTP client, beside the core: the vendors' clients, `notify` and the fetching of feeds call through it.

One connection pool per upstream. No redirects, no proxy from the environment, a byte cap on every answer, short retries
of what is safe to repeat (tenacity); the long ones belong to whoever owns the work.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_before_delay

from tsbridge.core import strict_json
from tsbridge.core.backoff import CALL
from tsbridge.core.errors import Malformed, OutcomeUnknown, TryLater

CAP: Final = 32 << 20
"""Bytes of one answer: an incremental page of a thousand tickets is about five million."""
TRIES: Final = 3
WITHIN_S: Final = 15
TIMEOUT: Final = httpx.Timeout(10, connect=3, read=10, write=10, pool=5)
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
PASSING: Final = (502, 503, 504)


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


class Http:
    """Calls to one upstream. `sleep` is an argument so that tests need no real time."""

    def __init__(self, base_url: str, *, sleep: Sleep, transport: httpx.AsyncBaseTransport | None = None, most: int = 10) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "tsbridge", "Accept": "application/json"},
        )
        self._sleep = sleep

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
    ) -> Answer:
        """One call with its short retries; of `json`, `form` and `body` (sent as it is) at most one.

        `repeatable` (default: GET is) calls are also tried again after 502 to 504 and cuts. `once`: a single request, whatever comes of it.

        Raises TryLater when the request never left, OutcomeUnknown when it may have arrived.
        """
        safe = method == "GET" if repeatable is None else repeatable
        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 if once else TRIES) | stop_before_delay(WITHIN_S),
            wait=_wait,
            retry=retry_if_exception(lambda failure: isinstance(failure, _Passing)),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._once(method, path, safe, query=query, json=json, form=form, body=body, headers=headers)
        except _Passing as last:
            if last.answer is not None:
                return last.answer
            if isinstance(last.error, NOT_SENT) or safe:
                raise TryLater("unreachable") from last.error
            raise OutcomeUnknown("cut") from last.error
        raise AssertionError("unreachable")  # pragma: no cover

    async def pause(self, seconds: float) -> None:
        """Let time pass between two calls that belong together."""
        await self._sleep(seconds)

    async def close(self) -> None:
        await self._client.aclose()

    async def _once(self, method: str, path: str, safe: bool, **parts: Any) -> Answer:
        asked = {"params": parts["query"], "json": parts["json"], "data": parts["form"], "content": parts["body"]}
        try:
            async with self._client.stream(method, path, **asked, headers=parts["headers"]) as response:
                raw = await _capped(response)
        except httpx.TransportError as failure:
            if isinstance(failure, NOT_SENT) or safe:
                raise _Passing(failure, None, None) from failure
            raise OutcomeUnknown("cut") from failure
        found = _answer(response, raw)
        if safe and found.status in PASSING:
            raise _Passing(None, found, retry_after(found.headers.get("retry-after"), found.date()))
        return found


async def _capped(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > CAP:
            raise Malformed("answer_too_large")
        chunks.append(chunk)
    return b"".join(chunks)


def _answer(response: httpx.Response, raw: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        content = strict_json.read(raw, cap=CAP) if raw else None
    except Malformed:
        content = None
    return Answer(response.status_code, headers, content, raw[:2_000].decode("utf-8", "replace"), raw if content is None else b"")


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
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
