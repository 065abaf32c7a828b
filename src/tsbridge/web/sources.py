"""What to paste into the vendors' own consoles so that they tell us what we read, and how to read bodies of the team's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NotRequired

from fastapi import APIRouter, Response
from sqlalchemy import Connection
from typing_extensions import TypedDict

from tsbridge.acts.ledger import Entry
from tsbridge.core.errors import Malformed
from tsbridge.core.moments import canonical
from tsbridge.store import chain, stored_values
from tsbridge.vendors.talkdesk import mapping
from tsbridge.vendors.talkdesk.schema import TRIGGERS, schema
from tsbridge.vendors.zendesk.trigger import Event, trigger_body
from tsbridge.web.etags import IfMatch, need_match
from tsbridge.web.inputs import Body, Id
from tsbridge.web.problems import invalid, not_found, refuses
from tsbridge.web.roles import Ops, Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/sources", tags=["sources"])

KEPT = stored_values.mappings("talkdesk")


class BodyMapping(TypedDict):
    name: str
    when: dict[str, Any]
    event: Any
    fields: dict[str, str]
    timezone: NotRequired[str]


@dataclass(frozen=True, slots=True)
class MappingsShown:
    mappings: list[BodyMapping]


class Mappings(Body):
    mappings: list[Any]


@routes.get("/zendesk/trigger-body")
async def zendesk_trigger_body(by: Viewer, event: Event = "updated") -> dict[str, Any]:
    """The JSON body for the webhook action of one of the two Zendesk triggers, with Zendesk's placeholders in it; keep the order."""
    return trigger_body(event)


@routes.get("/talkdesk/schema/{trigger}")
async def talkdesk_schema(by: Viewer, trigger: Id) -> dict[str, Any]:
    """The flat body for a Talkdesk automation of this trigger, with its fields described."""
    if trigger not in TRIGGERS:
        raise not_found("trigger")
    return schema(trigger)


@routes.get("/talkdesk/mappings")
async def show_mappings(services: Made, by: Viewer, response: Response) -> MappingsShown:
    """How bodies of the team's own design are read: the first mapping that fits is used, stock bodies need none."""
    kept = await services.ask(_kept)
    response.headers["ETag"] = _tag(kept)
    return MappingsShown(kept)


@routes.put("/talkdesk/mappings", responses=refuses(412, 428))
async def replace_mappings(services: Made, by: Ops, body: Mappings, response: Response, if_match: IfMatch = None) -> MappingsShown:
    """Replace them all. What comes from now on is read by them, and so is what is retried."""
    need_match(if_match)
    try:
        mapping.read(body.mappings)
    except Malformed as refused:
        raise invalid(
            "body", f"#/mappings{refused.pointer}", f"Expected a valid mapping: {WORDS[refused.code]}.", code=refused.code
        ) from None

    def write(conn: Connection, entry: Entry) -> None:
        chain.lock(conn)  # two at once: the second sees what the first left
        before = _kept(conn)
        need_match(if_match, _tag(before))
        stored_values.put(conn, KEPT, body.mappings)
        entry.change(conn, "source.mappings", "talkdesk", {"mappings": before}, {"mappings": body.mappings})

    await services.act(by, write)
    response.headers["ETag"] = _tag(body.mappings)
    return MappingsShown(body.mappings)


WORDS = {
    "list_of_mappings": f"a list of at most {mapping.MAPPINGS}",
    "object": "an object with name, when, event, fields and, if need be, timezone",
    "unknown_key": "nothing but name, when, event, fields and timezone",
    "name": "a name of up to 200 characters",
    "conditions": "at least one JSON pointer with the value that stands there",
    "plain_value": "text, a whole number, true or false",
    "fields_with_call_id": "pointers by field, call_id or interaction_id among them",
    "unknown_field": f"one of our fields: {', '.join(sorted(mapping.TARGETS))}",
    "event": f"one of {', '.join(TRIGGERS)}, or {{from: pointer, words: {{theirs: ours}}}}",
    "timezone": "a time zone such as Europe/Lisbon",
    "json_pointer": "a JSON pointer like /call/id",
}


def _kept(conn: Connection) -> list[Any]:
    return list(stored_values.get(conn, KEPT) or [])


def _tag(mappings: list[Any]) -> str:
    return f'"{hashlib.sha256(canonical(mappings)).hexdigest()[:24]}"'
