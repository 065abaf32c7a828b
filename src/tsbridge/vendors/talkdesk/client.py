"""Talkdesk's public API, as far as the bridge needs it (reference/talkdesk.md sections 2.6, 2.7, 3 and 4)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from tsbridge.core.backoff import REPORT
from tsbridge.core.errors import GiveUp, Malformed, TryLater, Unauthorized
from tsbridge.core.limits import LIST_PAGES
from tsbridge.core.moments import instant_text
from tsbridge.core.ports import Clock
from tsbridge.http import Answer, Http, Sleep, retry_after
from tsbridge.vendors.token import ClientCredentials

REGIONS: Final[Mapping[str, tuple[str, str]]] = {
    "us": ("talkdeskid.com", "api.talkdeskapp.com"),
    "eu": ("talkdeskid.eu", "api.talkdeskapp.eu"),
    "ca": ("talkdeskidca.com", "api.talkdeskappca.com"),
    "au": ("talkdeskid.au", "api.talkdeskapp.au"),
}
TOKEN_LIFE: Final = timedelta(minutes=5)
"""When the answer does not say: Talkdesk prints none anywhere."""
SPAN: Final = timedelta(days=28)
"""Of one calls report; Talkdesk takes up to a month."""
PATIENCE: Final = timedelta(minutes=10)
READY: Final = ("done", "completed")
OVER: Final = ("failed", "canceled", "deleted")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where an account's tokens and its API are, each as `https://host`."""

    identity: str
    api: str


def hosts(account: str, region: str) -> Hosts:
    """The addresses of an account; KeyError for an unknown region."""
    identity, api = REGIONS[region]
    return Hosts(f"https://{account}.{identity}", f"https://{api}")


class TalkdeskClient:
    """Asks only. Errors are those of `core.errors`. `sleep` is an argument so that tests need no real time."""

    def __init__(self, identity: Http, api: Http, client_id: str, secret: str, clock: Clock, sleep: Sleep) -> None:
        self._identity = identity
        self._api = api
        self._sleep = sleep
        basic = {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}

        async def ask(http: Http) -> Answer:
            return await http.call("POST", "/oauth/token", form={"grant_type": "client_credentials"}, headers=basic, repeatable=True)

        self._credentials = ClientCredentials(ask, clock, TOKEN_LIFE)

    async def contact(self, id: str) -> Mapping[str, Any]:
        return await self._get(f"/contacts/{quote(id, safe='')}")

    async def contacts(self, phone: str) -> list[Mapping[str, Any]]:
        """Everybody with this number."""
        return await self.every("/contacts", "contacts", {"phones": phone})

    async def recordings(self, call_id: str) -> list[Mapping[str, Any]]:
        """What is there by now: a recording appears a while after the call, so an empty list is no final word."""
        try:
            return await self.every(f"/calls/{quote(call_id, safe='')}/recordings", "recordings")
        except GiveUp:
            return []

    async def every(self, path: str, name: str, query: Mapping[str, str] | None = None) -> list[Mapping[str, Any]]:
        """All items of a HAL list, page by page along its `next` links. A link to another host is refused: it would get our token."""
        asked = dict(query or {})
        found: list[Mapping[str, Any]] = []
        for _ in range(LIST_PAGES):
            page = await self._get(path, asked)
            embedded = page.get("_embedded")
            items = embedded.get(name) if isinstance(embedded, Mapping) else None
            found += [item for item in items or () if isinstance(item, Mapping)]
            links = page.get("_links")
            following = links.get("next") if isinstance(links, Mapping) else None
            href = following.get("href") if isinstance(following, Mapping) else None
            if not isinstance(href, str) or not href or not items:
                return found
            path, asked = self._ours(href)
        raise Malformed("endless_list")

    async def calls_report(self, start: datetime, end: datetime) -> list[Mapping[str, Any]]:
        """Every call that ended from `start` on and before `end`, as rows of the calls report."""
        rows: list[Mapping[str, Any]] = []
        while start < end:
            until = min(start + SPAN, end)
            rows += await self._report(start, until)
            start = until
        return rows

    async def close(self) -> None:
        await self._identity.close()
        await self._api.close()

    async def _report(self, start: datetime, end: datetime) -> list[Mapping[str, Any]]:
        """One job: asked for, waited for, read."""
        timespan = {"from": instant_text(start), "to": instant_text(end)}
        wanted = {"name": "tsbridge", "timezone": "UTC", "format": "json", "timespan": timespan}
        made = _content(await self._call("POST", "/data/reports/calls/jobs", json=wanted))
        job = made.get("job", made)
        id_ = job.get("id") if isinstance(job, Mapping) else None
        if not isinstance(id_, str) or not id_:
            raise TryLater("unreadable")
        job_id = quote(id_, safe="")
        path, file = f"/data/reports/calls/jobs/{job_id}", f"/data/reports/calls/files/{job_id}"
        looks, waited = 0, timedelta(0)
        while waited < PATIENCE:
            answer = await self._call("GET", path)
            if answer.status == 303:
                place = answer.headers.get("location")
                return await self._file(*(self._ours(place) if place else (file, {})))
            content = _content(answer)
            if isinstance(content.get("entries"), list):  # some sender followed the redirect for us
                return _rows(content)
            job = content.get("job", content)
            status = str(job.get("status") if isinstance(job, Mapping) else None).lower()
            if status in READY:
                return await self._file(file, {})
            if status in OVER:
                raise GiveUp(f"report_{status}")
            looks += 1
            pause = REPORT.after(looks)
            await self._sleep(pause.total_seconds())
            waited += pause
        raise TryLater("report_slow")

    async def _file(self, path: str, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        return _rows(await self._get(path, query))

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return _content(await self._call("GET", path, query=query))

    async def _call(self, method: str, path: str, *, query: Mapping[str, str] | None = None, json: Any = None) -> Answer:
        """An answer below 400. A token that is refused (401, or 403 as older parts say it) is renewed once."""
        for last in (False, True):
            header = await self._credentials.header(self._identity)
            # Asking for a report twice makes two reports and harms nobody, so everything may be repeated.
            answer = await self._api.call(method, path, query=query, json=json, headers={"Authorization": header}, repeatable=True)
            if answer.status not in (401, 403):
                return _checked(answer)
            if last and answer.status == 403:
                raise GiveUp("forbidden")  # a fresh token does not change what we may do
            self._credentials.refused(header)
        raise Unauthorized("refused")

    def _ours(self, href: str) -> tuple[str, dict[str, str]]:
        """Path and query of a link into this API."""
        parts = urlsplit(href)
        if parts.netloc and parts.netloc != self._api.host:
            raise Malformed("foreign_link")
        return parts.path, dict(parse_qsl(parts.query))


def _checked(answer: Answer) -> Answer:
    if answer.status < 400:
        return answer
    after = retry_after(answer.headers.get("retry-after"), answer.date())
    if answer.status in (429, 503):
        reason = "rate_limited" if answer.status == 429 else "unavailable"
        raise TryLater(reason, after or timedelta(seconds=10), waiting=True)
    if answer.status >= 500:
        raise TryLater("server_error", after)
    raise GiveUp("not_found" if answer.status == 404 else "rejected")


def _content(answer: Answer) -> Mapping[str, Any]:
    if not isinstance(answer.content, Mapping):
        raise TryLater("unreadable")
    return answer.content


def _rows(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = content.get("entries")
    if not isinstance(entries, list):
        raise TryLater("unreadable")
    return [row for row in entries if isinstance(row, Mapping)]
