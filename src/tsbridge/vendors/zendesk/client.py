"""Zendesk's REST API, as far as the bridge needs it (reference/zendesk.md sections 4 to 7)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote

from tsbridge.core.errors import Conflict, GiveUp, Invalid, Malformed, OutcomeUnknown, TryLater, Unauthorized, VendorError
from tsbridge.core.limits import EXPORT_S, LIST_PAGES
from tsbridge.core.ports import Clock
from tsbridge.http import Answer, Http, retry_after
from tsbridge.vendors.reading import WHOLE, whole_id
from tsbridge.vendors.token import ClientCredentials

MANY: Final = 100
"""Most ids of one show_many call."""
EXPORTS: Final = "/api/v2/incremental/"
FOLLOWED: Final = (1, 1, 2, 2, 4, 4, 8, 8, 8)
"""Seconds between looks at a job: for less than a minute."""
ENDED: Final = ("completed", "failed", "killed")
TOKEN_LIFE: Final = timedelta(minutes=30)
"""What clients made since 2026-04-30 get when the answer does not say (reference section 6)."""
API_TOKENS_END: Final = "2027-04-30"


class Credentials(Protocol):
    """How calls are authorised."""

    async def header(self, http: Http) -> str:
        """The value of `Authorization`; fetched or renewed when there is need."""
        ...

    def refused(self, header: str) -> bool:
        """Zendesk did not accept this one. True when another try makes sense."""
        ...


class AccessToken:
    """A ready bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def header(self, http: Http) -> str:
        return f"Bearer {self._token}"

    def refused(self, header: str) -> bool:
        return False


class ApiToken:
    """Basic authentication with an agent's address and an API token: legacy, ends on 2027-04-30."""

    def __init__(self, email: str, token: str) -> None:
        self._value = "Basic " + base64.b64encode(f"{email}/token:{token}".encode()).decode()

    async def header(self, http: Http) -> str:
        return self._value

    def refused(self, header: str) -> bool:
        return False


def client_credentials(client_id: str, secret: str, clock: Clock, crash: Callable[[str], None] = lambda name: None) -> ClientCredentials:
    """OAuth client credentials (reference section 6)."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}

    async def ask(http: Http) -> Answer:
        return await http.call("POST", "/oauth/tokens", json=form, repeatable=True)

    return ClientCredentials(ask, clock, TOKEN_LIFE, lambda: crash("token.renewed"))


@dataclass(frozen=True, slots=True)
class Updated:
    """A ticket as it stands after our update, and the events of the audit it made."""

    ticket: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some audits of a ticket. `after`: where the next ones begin; None when these were the last."""

    audits: tuple[Mapping[str, Any], ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the rate headers of an answer said: name -> (total, remaining, seconds until reset)."""

    buckets: Mapping[str, tuple[int, int, int]]


class ZendeskClient:
    """Asks and writes. Errors are those of `core.errors`: GiveUp is final for a ticket, TryLater never is."""

    def __init__(self, http: Http, credentials: Credentials, heard: Callable[[Limits], None] = lambda limits: None) -> None:
        self._http = http
        self._credentials = credentials
        self._heard = heard
        self.server_time: datetime | None = None

    async def me(self) -> Mapping[str, Any]:
        """The user we act as. Without valid credentials Zendesk answers an anonymous one: Unauthorized."""
        user = _object(await self._get("/api/v2/users/me.json"), "user")
        if user.get("id") is None:
            raise Unauthorized("anonymous")
        return user

    async def tickets(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]:
        """Tickets by id, a hundred at a time; those that do not exist, or whose id is none of Zendesk's, are left out.

        `once`: a probe, without short retries.
        """
        return await self._many("/api/v2/tickets/show_many.json", "tickets", ids, once=once)

    async def users(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]:
        return await self._many("/api/v2/users/show_many.json", "users", ids, once=once)

    async def ticket(self, id: str) -> Mapping[str, Any]:
        return _object(await self._get(f"/api/v2/tickets/{_part(id)}.json"), "ticket")

    async def audits(self, ticket: str) -> list[Mapping[str, Any]]:
        """The newest audits of a ticket, newest first, a hundred at most."""
        found = await self._get(f"/api/v2/tickets/{_part(ticket)}/audits.json", {"page[size]": "100", "sort": "-created_at"})
        audits = [a for a in _list(found, "audits") if isinstance(a, Mapping)]
        return sorted(audits, key=lambda a: (str(a.get("created_at")), int(whole_id(a.get("id")) or 0)), reverse=True)

    async def audit_page(self, ticket: str, after: str | None = None) -> AuditPage:
        """A hundred audits of a ticket, the newest first. A single request, without short retries: each one is counted."""
        place = {} if after is None else {"page[after]": after}
        found = await self._get(
            f"/api/v2/tickets/{_part(ticket)}/audits.json", {"page[size]": "100", "sort": "-created_at", **place}, once=True
        )
        return AuditPage(tuple(a for a in _list(found, "audits") if isinstance(a, Mapping)), _after(found))

    async def update(self, ticket: str, changes: Mapping[str, Any], stamp: str) -> Updated:
        """One guarded update: `Conflict` when the ticket is not as `stamp` (its `updated_at`) says. Never sets a status."""
        body = {"ticket": {**changes, "safe_update": True, "updated_stamp": stamp}}
        answer = await self._call("PUT", f"/api/v2/tickets/{_part(ticket)}.json", json=body)
        audit = answer.get("audit")
        events = _list(audit, "events") if isinstance(audit, Mapping) else []
        return Updated(_object(answer, "ticket"), tuple(e for e in events if isinstance(e, Mapping)))

    async def tag_many(self, tickets: Sequence[str], add: Sequence[str], remove: Sequence[str], marker: str) -> str:
        """Have up to a hundred tickets tagged alike, without touching their other tags; returns the id of the job that does it."""
        changes: dict[str, Any] = {"metadata": {"tsbridge": marker}}
        if add:
            changes["additional_tags"] = list(add)
        if remove:
            changes["remove_tags"] = list(remove)
        path, query = "/api/v2/tickets/update_many.json", {"ids": ",".join(tickets)}
        answer = await self._call("PUT", path, query=query, json={"ticket": changes})
        job = answer.get("job_status")
        if not isinstance(job, Mapping) or not job.get("id"):
            raise OutcomeUnknown("unreadable")
        return str(job["id"])

    async def follow(self, job: str) -> Mapping[str, str | None]:
        """How a job ended for each ticket: None when it was updated, else the error's name. `OutcomeUnknown` when it does not end."""
        for pause in FOLLOWED:
            try:
                status = _object(await self._get(f"/api/v2/job_statuses/{_part(job)}.json"), "job_status")
            except VendorError as failure:
                raise OutcomeUnknown("job_not_shown") from failure
            if status.get("status") in ENDED:
                found = [one for one in _list(status, "results") if isinstance(one, Mapping) and one.get("id") is not None]
                return {str(one["id"]): None if one.get("success") is True else str(one.get("error") or "failed") for one in found}
            await self._http.pause(pause)
        raise OutcomeUnknown("job_still_running")

    async def add_tags(self, ticket: str, tags: Sequence[str]) -> None:
        """Add tags without touching others."""
        await self._call("PUT", f"/api/v2/tickets/{_part(ticket)}/tags.json", json={"tags": list(tags)}, repeatable=True)

    async def incremental(self, *, cursor: str | None = None, start_time: int | None = None, per_page: int = 1000) -> Mapping[str, Any]:
        """One page of the cursor export: `tickets`, `after_cursor`, `end_of_stream`."""
        query = {"cursor": cursor} if cursor is not None else {"start_time": str(start_time or 0)}
        return await self._get("/api/v2/incremental/tickets/cursor.json", {**query, "per_page": str(per_page)})

    async def ticket_events(self, start_time: int) -> Mapping[str, Any]:
        """One page of the export of ticket events, with what was said: `ticket_events`, `end_time`, `end_of_stream`.

        By time, a thousand a page, without the newest minute. A single request, without short retries: each one is counted.
        """
        query = {"start_time": str(start_time), "include": "comment_events", "support_type_scope": "all"}
        return await self._get("/api/v2/incremental/ticket_events.json", query, once=True)

    async def schedules(self) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
        """All schedules (business hours), each with its holidays. For admins."""
        made = _list(await self._get("/api/v2/business_hours/schedules.json"), "schedules")
        found = [one for one in made if isinstance(one, Mapping) and one.get("id") is not None]
        return [(one, await self._schedule_holidays(str(one["id"]))) for one in found]

    async def _schedule_holidays(self, schedule: str) -> list[Mapping[str, Any]]:
        found = await self._get(f"/api/v2/business_hours/schedules/{_part(schedule)}/holidays.json")
        return [one for one in _list(found, "holidays") if isinstance(one, Mapping)]

    async def ask(self, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Any other call below `/api/v2/`, with the same credentials, short retries and errors."""
        return await self._call(method, f"/api/v2/{path}", query=query, json=body)

    async def every(self, path: str, name: str) -> list[Mapping[str, Any]]:
        """All items of a list with cursor pages. Raises Malformed for one that does not end."""
        found: list[Mapping[str, Any]] = []
        query = {"page[size]": "100"}
        for _ in range(LIST_PAGES):
            page = await self._get(f"/api/v2/{path}", query)
            found += [one for one in _list(page, name) if isinstance(one, Mapping)]
            if (after := _after(page)) is None:
                return found
            query["page[after]"] = after
        raise Malformed("endless_list")

    async def popular_tags(self) -> list[str]:
        """The hundred tags that are used most, the most popular first (`GET /api/v2/tags`)."""
        found = await self._get("/api/v2/tags.json", {"page[size]": "100"})
        return [str(one["name"]) for one in _list(found, "tags") if isinstance(one, Mapping) and one.get("name")]

    async def close(self) -> None:
        await self._http.close()

    async def _many(self, path: str, name: str, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]:
        wanted = [id_ for id_ in dict.fromkeys(ids) if WHOLE.fullmatch(id_)]
        found: list[dict[str, Any]] = []
        for start in range(0, len(wanted), MANY):
            page = await self._get(path, {"ids": ",".join(wanted[start : start + MANY])}, once=once)
            found += [dict(item) for item in _list(page, name) if isinstance(item, Mapping)]
        return found

    async def _get(self, path: str, query: Mapping[str, str] | None = None, *, once: bool = False) -> Mapping[str, Any]:
        return await self._call("GET", path, query=query, once=once)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        repeatable: bool | None = None,
        once: bool = False,
    ) -> Mapping[str, Any]:
        call_s = EXPORT_S if path.startswith(EXPORTS) else None
        for last in (False, True):
            header = await self._credentials.header(self._http)
            answer = await self._http.call(
                method, path, query=query, json=json, headers={"Authorization": header}, repeatable=repeatable, once=once, call_s=call_s
            )
            self.server_time = answer.date() or self.server_time
            self._heard(limits_of(answer))
            if answer.status != 401:
                return _checked(answer, write=method != "GET")
            if last or not self._credentials.refused(header):
                break
        raise Unauthorized("refused")


def _part(id: str) -> str:
    """One part of a path, whatever stands in it."""
    return quote(id, safe="")


def _checked(answer: Answer, *, write: bool) -> Mapping[str, Any]:
    """The content of a good answer; any other as what to do next (reference section 4.8: status first, body second)."""
    status = answer.status
    if 200 <= status < 300:
        if isinstance(answer.content, Mapping):
            return answer.content
        if status == 204 or not answer.text:
            return {}
        raise OutcomeUnknown("unreadable") if write else TryLater("unreadable")
    after = retry_after(answer.headers.get("retry-after"), answer.date())
    if status in (429, 503):
        raise TryLater("rate_limited" if status == 429 else "unavailable", after or timedelta(seconds=10), waiting=True)
    if status == 409:
        raise Conflict("conflict")
    if status in (404, 410):
        raise GiveUp("deleted")
    if status == 403:
        raise GiveUp("forbidden")
    if status == 422:
        raise _unprocessable(answer)
    if 400 <= status < 500:
        raise GiveUp("rejected")
    if write:
        raise OutcomeUnknown("server_error")
    raise TryLater("server_error", after)


def _unprocessable(answer: Answer) -> VendorError:
    """A 422 (reference sections 4.5 and 4.8): the ticket is closed, or what it names is not accepted.

    `details` names fields by their property names; custom ones as `base`, with `ticket_field_id` where Zendesk tells it.
    """
    details = answer.content.get("details") if isinstance(answer.content, Mapping) else None
    if not isinstance(details, Mapping):
        return GiveUp("closed") if "closed" in answer.text.lower() else Invalid(frozenset())
    if "closed prevents" in json.dumps(details.get("status", "")):
        return GiveUp("closed")
    ids = {one.get("ticket_field_id") for name in details for one in _list(details, name) if isinstance(one, Mapping)}
    return Invalid(frozenset(map(str, details)) - {"base"} | {str(id_) for id_ in ids if id_ is not None})


def limits_of(answer: Answer) -> Limits:
    """Rate figures of an answer: the account's (`account`) and each `Zendesk-RateLimit-<name>`."""
    buckets: dict[str, tuple[int, int, int]] = {}
    total = _number(answer.headers.get("x-rate-limit") or answer.headers.get("ratelimit-limit"))
    left = _number(answer.headers.get("x-rate-limit-remaining") or answer.headers.get("ratelimit-remaining"))
    if total is not None and left is not None:
        buckets["account"] = (total, left, _number(answer.headers.get("ratelimit-reset")) or 60)
    for name, value in answer.headers.items():
        if name.startswith("zendesk-ratelimit-"):
            parts = dict(part.strip().partition("=")[::2] for part in value.split(";"))
            figures = [_number(parts.get(key)) for key in ("total", "remaining", "resets")]
            if figures[0] is not None and figures[1] is not None:
                buckets[name.removeprefix("zendesk-ratelimit-")] = (figures[0], figures[1], figures[2] or 60)
    return Limits(buckets)


def _after(page: Mapping[str, Any]) -> str | None:
    """Where the next page of a list begins; None behind the last."""
    meta = page.get("meta")
    more = isinstance(meta, Mapping) and meta.get("has_more") and meta.get("after_cursor")
    return str(more) if more else None


def _number(text: str | None) -> int | None:
    found = "" if text is None else text.strip()
    return int(found) if found.isascii() and found.isdigit() and len(found) <= 9 else None


def _object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    if not isinstance(found, Mapping):
        raise TryLater("unreadable")
    return found


def _list(content: Any, name: str) -> list[Any]:
    found = content.get(name) if isinstance(content, Mapping) else None
    return found if isinstance(found, list) else []
