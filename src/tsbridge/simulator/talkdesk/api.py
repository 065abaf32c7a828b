"""The account's public API over the world: token endpoint, HAL lists, recordings, report jobs, errors as Talkdesk words them.

A pure function per route lives on `Api`; `app.py` only carries them over HTTP. Every answer is `(status, body, headers)`.
"""

from __future__ import annotations

import base64
import binascii
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tsbridge.simulator.talkdesk.automations import instant
from tsbridge.simulator.talkdesk.delivery import Faults
from tsbridge.simulator.talkdesk.old_reports import old
from tsbridge.simulator.talkdesk.world import Call, Recording, Unfit, World

Answer = tuple[int, Any, dict[str, str]]
PER_PAGE = 50
DEEPEST = 10_000
"""Paging reaches no further (contact listing)."""
SPAN = timedelta(days=31)
"""The longest timespan of one calls report."""


@dataclass(slots=True)
class Job:
    """A report job. Asked for the first time it is still processing, then done."""

    id: str
    start: datetime
    end: datetime
    asked: int = 0
    status: str = "created"


@dataclass(slots=True)
class Api:
    """`hits_per_s` requests in one second of `real` time, then 429. Tokens live `token_life_s`. `old_reports`: as before May 2026."""

    world: World
    real: Callable[[], datetime]
    random: random.Random
    client_id: str
    client_secret: str
    faults: Faults = field(default_factory=Faults)
    token_life_s: int = 600
    hits_per_s: int = 20
    old_reports: bool = False
    jobs: dict[str, Job] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    _second: tuple[datetime | None, int] = (None, 0)

    # -- who asks ----------------------------------------------------------------------------------------------

    def token(self, form: Mapping[str, str], authorization: str) -> Answer:
        """`POST /oauth/token` with client credentials, as Basic or in the form."""
        if self.faults.down:
            return error(503, "service_unavailable", "Service unavailable")
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "Expected client_credentials"}, {}
        given = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        if not (secrets.compare_digest(given[0], self.client_id) and secrets.compare_digest(given[1], self.client_secret)):
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}, {}
        token = f"td-{self.random.getrandbits(160):040x}"
        self.tokens[token] = self.real() + timedelta(seconds=self.token_life_s)
        scope = form.get("scope") or "contacts:read users:read recordings:read data-reports:read data-reports:write"
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.token_life_s, "scope": scope}, {}

    def turned_away(self, authorization: str) -> Answer | None:
        """Why a request to the API gets no answer from it: down, too many, no valid token. None: go on."""
        if self.faults.down:
            return error(503, "service_unavailable", "Service unavailable")
        if self.faults.too_many > 0:
            self.faults.too_many -= 1
            return error(429, "too_many_requests", "Too many requests", {"Retry-After": "1"})
        now = self.real().replace(microsecond=0)
        second, hits = self._second
        self._second = (now, hits + 1 if second == now else 1)
        if self._second[1] > self.hits_per_s:
            return error(429, "too_many_requests", "Too many requests", {"Retry-After": "1"})
        scheme, _, token = authorization.partition(" ")
        until = self.tokens.get(token)
        if scheme.lower() != "bearer" or until is None or until <= self.real():
            return error(401, "unauthorized", "The access token is missing, unknown or expired")
        return None

    # -- lists and single things -------------------------------------------------------------------------------

    def contacts(self, query: Mapping[str, str]) -> Answer:
        found = list(self.world.contacts.values())
        if phones := _several(query.get("phones")):
            found = [c for c in found if c.phone in phones]
        if emails := _several(query.get("emails")):
            found = [c for c in found if c.email.lower() in {e.lower() for e in emails}]
        if ids := _several(query.get("ids")):
            found = [c for c in found if c.id in ids]
        if name := query.get("name"):
            found = [c for c in found if c.name == name]
        return hal("/contacts", "contacts", [_contact(c) for c in found], query)

    def contact(self, id: str) -> Answer:
        contact = self.world.contacts.get(id)
        return not_found() if contact is None else (200, _contact(contact), {})

    def integrations(self, id: str) -> Answer:
        contact = self.world.contacts.get(id)
        if contact is None:
            return not_found()
        synced = [{"integration": "zendesk", "external_id": contact.zendesk_user_id}] if contact.zendesk_user_id else []
        return hal(f"/contacts/{id}/integrations", "integrations", synced, {})

    def users(self, query: Mapping[str, str]) -> Answer:
        found = [a for a in self.world.agents.values() if query.get("email", a.email).lower() == a.email.lower()]
        return hal("/users", "users", [{"id": a.id, "name": a.name, "email": a.email, "active": True} for a in found], query)

    def calls(self, query: Mapping[str, str]) -> Answer:
        return hal("/calls", "calls", [self.row(c) for c in self.world.calls.values()], query)

    def call(self, id: str) -> Answer:
        call = self.world.calls.get(id)
        return not_found() if call is None else (200, self.row(call), {})

    def recordings(self, call_id: str) -> Answer:
        if call_id not in self.world.calls:
            return not_found()
        return hal(f"/calls/{call_id}/recordings", "recordings", [_recording(r) for r in self.world.recordings_of(call_id)], {})

    def recording(self, id: str) -> Answer:
        found = self._ready(id)
        return not_found() if found is None else (200, _recording(found), {})

    def media(self, id: str) -> Answer:
        """A redirect to a file that is there for a short while only."""
        if self._ready(id) is None:
            return not_found()
        return 302, {}, {"Location": f"/files/{id}.mp3?{urlencode({'expires': instant(self.real() + timedelta(minutes=5))})}"}

    def write_custom_fields(self, content: Mapping[str, Any]) -> Answer:
        """`POST /interaction-custom-fields`: values onto an interaction; they show in the calls report."""
        call = self.world.calls.get(str(content.get("interaction_id", "")))
        if call is None:
            return error(422, "validation_failed", "Some fields are invalid", fields=[("interaction_id", "is unknown")])
        call.custom_fields.update({k: v for k, v in content.items() if k != "interaction_id"})
        return 201, {"interaction_id": call.interaction_id, **call.custom_fields}, {}

    # -- reports -----------------------------------------------------------------------------------------------

    def ask_report(self, kind: str, content: Mapping[str, Any]) -> Answer:
        """202 with a job for `calls`; `timespan` {from, to}: from inclusive, to exclusive, at most a month, by end time."""
        if kind != "calls":
            return error(404, "not_found", "Report not found")
        timespan = content.get("timespan") or {}
        try:
            start, end = (datetime.fromisoformat(str(timespan[name])) for name in ("from", "to"))
        except (KeyError, ValueError, TypeError):
            return error(400, "bad_request", "Invalid timespan", fields=[("timespan", "expected from and to as ISO 8601")])
        if start.tzinfo is None or end.tzinfo is None or not timedelta() < end - start <= SPAN:
            return error(400, "bad_request", "Invalid timespan", fields=[("timespan", "expected zoned times, up to one month apart")])
        job = Job(self.world.new_id(), start, end)
        self.jobs[job.id] = job
        return 202, {"job": _job(job), **_job(job)}, {"Location": f"/data/reports/calls/jobs/{job.id}"}

    def report_job(self, id: str) -> Answer:
        job = self.jobs.get(id)
        if job is None:
            return not_found()
        job.asked += 1
        job.status = "processing" if job.asked == 1 else "done"
        if job.status == "done":
            return 303, _job(job), {"Location": f"/data/reports/calls/files/{id}"}
        return 200, {"job": _job(job), **_job(job)}, {}

    def report_file(self, id: str) -> Answer:
        job = self.jobs.get(id)
        if job is None or job.status != "done":
            return not_found()
        entries = [self.row(c) for c in self.world.calls.values() if c.ended_at is not None and job.start <= c.ended_at < job.end]
        return 200, {"entries": [old(row) for row in entries] if self.old_reports else entries, "total": len(entries)}, {}

    def row(self, call: Call) -> dict[str, Any]:
        """A row of the calls report, in the names of 2026-05: integer seconds, ISO times, real booleans."""
        agent = self.world.agents.get(call.agent_id)
        return {
            "call_id": call.id,
            "interaction_id": call.interaction_id,
            "type": _type(call),
            "direction": call.direction,
            "start_at": instant(call.started_at),
            "end_at": instant(call.ended_at) if call.ended_at else None,
            "contact_phone_number": call.phone,
            "talkdesk_phone_number": call.line,
            "wait_time": int(call.wait_s),
            "talk_time": self.world.talk_s(call),
            "hold_time": call.hold_s,
            "total_time": self.world.total_s(call),
            "ring_groups": "+".join(call.ring_groups),
            "user_id": agent.id if agent else None,
            "user_name": agent.name if agent else None,
            "user_email": agent.email if agent else None,
            "is_transfer": call.transferred,
            "is_in_business_hours": self.world.in_business_hours(call.started_at),
            "disposition_code": call.disposition or None,
            "notes": "; ".join(content for _, content in call.notes) or None,
            **{f"{name}_custom_field": value for name, value in call.custom_fields.items()},
        }

    def _ready(self, id: str) -> Recording | None:
        found = self.world.recordings.get(id)
        return found if found is not None and found.ready_at <= self.world.clock() else None


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None, fields: Sequence[tuple[str, str]] = ()) -> Answer:
    body: dict[str, Any] = {"code": code, "message": message}
    if fields:
        body["fields"] = [{"name": name, "description": description} for name, description in fields]
    return status, body, headers or {}


def not_found() -> Answer:
    return error(404, "not_found", "Resource not found")


def unfit(problem: Unfit) -> Answer:
    return error(422, "unfit", str(problem))


def hal(path: str, name: str, items: list[dict[str, Any]], query: Mapping[str, str]) -> Answer:
    """One page: `total count page per_page _embedded _links`; `next` is absent on the last one."""
    try:
        page, per_page = int(query.get("page", "1")), int(query.get("per_page", str(PER_PAGE)))
    except ValueError:
        return error(400, "bad_request", "Invalid paging", fields=[("page", "expected a number")])
    if page < 1 or not 1 <= per_page <= 500 or page * per_page > DEEPEST:
        return error(400, "bad_request", "Invalid paging", fields=[("page", f"expected pages within the first {DEEPEST}")])
    shown = items[(page - 1) * per_page : page * per_page]

    def link(number: int) -> dict[str, str]:
        return {"href": f"{path}?{urlencode({**query, 'page': number, 'per_page': per_page})}"}

    last = max(1, -(-len(items) // per_page))
    links = {"self": link(page), "first": link(1), "last": link(last)}
    if page < last:
        links["next"] = link(page + 1)
    if page > 1:
        links["prev"] = link(page - 1)
    return 200, {
        "total": len(items), "count": len(shown), "page": page, "per_page": per_page, "_embedded": {name: shown}, "_links": links,
    }, {}  # fmt: skip


def _contact(contact: Any) -> dict[str, Any]:
    shown = asdict(contact)
    del shown["zendesk_user_id"]
    phone, email = shown.pop("phone"), shown.pop("email")
    return {
        **shown,
        "phones": [{"label": "main", "number": phone}] if phone else [],
        "emails": [{"label": "main", "email": email}] if email else [],
        "_links": {"self": {"href": f"/contacts/{contact.id}"}},
    }


def _recording(recording: Recording) -> dict[str, Any]:
    return {
        "id": recording.id,
        "call_id": recording.call_id,
        "created_at": instant(recording.created_at),
        "index": recording.index,
        "duration": recording.duration,
        "type": recording.type,
        "agents": {"channel_1": [{"participant_type": "AGENT", "participant_id": recording.agent_id}] if recording.agent_id else []},
        "_links": {"self": {"href": f"/recordings/{recording.id}"}, "media": {"href": f"/recordings/{recording.id}/media"}},
    }


def _job(job: Job) -> dict[str, Any]:
    return {"id": job.id, "status": job.status, "_links": {"self": {"href": f"/data/reports/calls/jobs/{job.id}"}}}


def _type(call: Call) -> str:
    return call.direction if call.state in ("ended", "talking", "ringing") else call.state


def _several(value: str | None) -> set[str]:
    return {part.strip() for part in value.split(",") if part.strip()} if value else set()


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password
