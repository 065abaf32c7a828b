"""What records look like when they are new: every property that the API shows, with what it is at first.

`url`: where the account is; `at`: the time as the API writes it. Dates of users and identities are not among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tsbridge.simulator.zendesk.mirrors import default_status
from tsbridge.simulator.zendesk.records import Store


def user(id_: int, url: str, name: str, email: str | None, role: str, phone: str | None) -> dict[str, Any]:
    return {
        "id": id_,
        "url": f"{url}/api/v2/users/{id_}.json",
        "name": name,
        "email": email.lower() if email else None,
        "phone": phone,
        "shared_phone_number": None,
        "role": role,
        "active": True,
        "verified": True,
        "shared": False,
        "suspended": False,
        "external_id": None,
        "organization_id": None,
        "tags": [],
        "time_zone": "UTC",
        "iana_time_zone": "Etc/UTC",
        "locale": "en-US",
        "locale_id": 1,
        "user_fields": {},
        "default_group_id": None,
        "details": "",
        "notes": "",
    }


def identity(id_: int, url: str, user_id: int, kind: str, value: str) -> dict[str, Any]:
    return {
        "id": id_,
        "user_id": user_id,
        "type": kind,
        "value": value,
        "verified": True,
        "primary": True,
        "url": f"{url}/api/v2/users/{user_id}/identities/{id_}.json",
    }


def ticket(
    id_: int,
    url: str,
    at: str,
    store: Store,
    *,
    subject: Any,
    description: str,
    channel: Any,
    requester: Mapping[str, Any],
    submitter_id: int,
    public: bool,
) -> dict[str, Any]:
    custom_fields = [{"id": f, "value": None} for f in sorted(store.fields)]
    return {
        "id": id_,
        "url": f"{url}/api/v2/tickets/{id_}.json",
        "external_id": None,
        "via": {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": at,
        "updated_at": at,
        "type": None,
        "subject": subject,
        "raw_subject": subject,
        "description": description,
        "priority": None,
        "status": "new",
        "custom_status_id": default_status("new", store),
        "recipient": None,
        "requester_id": requester["id"],
        "submitter_id": submitter_id,
        "assignee_id": None,
        "organization_id": requester["organization_id"],
        "group_id": None,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "problem_id": None,
        "has_incidents": False,
        "is_public": public,
        "due_at": None,
        "tags": [],
        "custom_fields": custom_fields,
        "satisfaction_rating": None,
        "sharing_agreement_ids": [],
        "ticket_form_id": 71000000020,
        "brand_id": 360000111,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": channel == "native_messaging",
        "fields": custom_fields,  # one list under both names, as clients read either
    }


def comment(
    id_: int, at: str, author_id: int, body: str, html: str, *, public: bool, files: Sequence[Mapping[str, Any]], via: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "Comment",
        "author_id": author_id,
        "body": body,
        "html_body": html,
        "plain_body": body,
        "public": public,
        "attachments": files,
        "audit_id": None,
        "via": dict(via),
        "created_at": at,
        "metadata": {"system": {}, "custom": {}},
    }
