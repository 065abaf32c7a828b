"""Bodies of an admin's own design: a stored mapping says where each of our fields stands in them.

A Talkdesk custom action can send any JSON (reference/talkdesk.md section 1.1). A mapping names the bodies it is for (`when`:
what stands where), the event they mean, and for each of our fields the JSON pointer to its value:

    {"name": "old flow", "when": {"/kind": "CallFinished"}, "event": "call.ended",
     "fields": {"call_id": "/call/uuid", "contact_phone_number": "/caller/number"}}

`event` may also be read from the body: `{"from": "/kind", "words": {"CallFinished": "call.ended"}}`. `"timezone": "Europe/Lisbon"`
says in which zone its times are that name none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from tsbridge.core import zones
from tsbridge.core.errors import Malformed
from tsbridge.vendors.talkdesk.schema import COMMON, FIELDS, TRIGGERS

MAPPINGS: Final = 50
POINTER: Final = re.compile(r"(/([^~/]|~0|~1)*){1,16}")
OTHERS: Final = ("contact_external_id", "transcription")
TARGETS: Final = frozenset({*OTHERS, *COMMON, *(name for group in FIELDS.values() for name in group)})
"""Our field names: those of the schemas we hand out, and what only other bodies have."""

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class BodyMapping:
    """One mapping. `event`: our event, or None when `words` say it by what stands at `event_at`. `zone`: of times that name none."""

    name: str
    when: tuple[tuple[str, Any], ...]
    event: str | None
    event_at: str
    words: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...]
    zone: ZoneInfo | None = None

    def fits(self, body: Any) -> bool:
        return all(_same(at(body, pointer), value) for pointer, value in self.when) and self.event_of(body) is not None

    def event_of(self, body: Any) -> str | None:
        return self.event or dict(self.words).get(str(at(body, self.event_at)))


def mapped(body: Any, mappings: Sequence[BodyMapping]) -> tuple[Any, ZoneInfo | None]:
    """The body as our own schema would have it, by the first mapping that fits, and that one's zone; the body itself when none does."""
    for mapping in mappings:
        if mapping.fits(body):
            values = {name: at(body, pointer) for name, pointer in mapping.fields}
            flat = {name: value for name, value in values.items() if value is not _ABSENT}
            external = flat.pop("contact_external_id", None)
            return {**flat, "tsbridge_event": mapping.event_of(body), "meta": {"contact_external_id": external}}, mapping.zone
    return body, None


def at(body: Any, pointer: str) -> Any:
    """What stands at a JSON pointer (RFC 6901), or a value equal to nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(body, Mapping):
            body = body.get(key, _ABSENT)
        elif isinstance(body, list) and key.isascii() and key.isdigit() and len(key) < 6 and int(key) < len(body):
            body = body[int(key)]
        else:
            return _ABSENT
    return body


def read(document: Any) -> tuple[BodyMapping, ...]:
    """Mappings from their JSON form, a list. Raises `Malformed` with a code and the pointer of what is wrong."""
    if not isinstance(document, list) or len(document) > MAPPINGS:
        raise Malformed("list_of_mappings", "")
    return tuple(_one(one, f"/{place}") for place, one in enumerate(document))


def _one(data: Any, where: str) -> BodyMapping:
    if not isinstance(data, Mapping):
        raise Malformed("object", where)
    if unknown := sorted(set(data) - {"name", "when", "event", "fields", "timezone"}):
        raise Malformed("unknown_key", f"{where}/{unknown[0]}")
    name, when, event, fields = (data.get(key) for key in ("name", "when", "event", "fields"))
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise Malformed("name", f"{where}/name")
    if not isinstance(when, Mapping) or not when:
        raise Malformed("conditions", f"{where}/when")  # one that fits every body would swallow the stock ones
    for pointer, value in when.items():
        _pointer(pointer, f"{where}/when")
        if not isinstance(value, str | int | bool):
            raise Malformed("plain_value", f"{where}/when")
    if not isinstance(fields, Mapping) or not {"call_id", "interaction_id"} & set(fields):
        raise Malformed("fields_with_call_id", f"{where}/fields")
    for field, pointer in fields.items():
        if field not in TARGETS:
            raise Malformed("unknown_field", f"{where}/fields/{field}")
        _pointer(pointer, f"{where}/fields/{field}")
    known, event_at, words = _event(event, f"{where}/event")
    zone = _zone(data.get("timezone"), f"{where}/timezone")
    return BodyMapping(name, tuple(sorted(when.items())), known, event_at, words, tuple(sorted(fields.items())), zone)


def _zone(name: Any, where: str) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return zones.zone(str(name))
    except LookupError:
        raise Malformed("timezone", where) from None


def _event(data: Any, where: str) -> tuple[str | None, str, tuple[tuple[str, str], ...]]:
    if isinstance(data, str) and data in TRIGGERS:
        return data, "", ()
    if not isinstance(data, Mapping) or set(data) != {"from", "words"}:
        raise Malformed("event", where)
    words = data["words"]
    _pointer(data["from"], f"{where}/from")
    if not isinstance(words, Mapping) or not words or any(event not in TRIGGERS for event in words.values()):
        raise Malformed("event", f"{where}/words")
    return None, data["from"], tuple(sorted(words.items()))


def _pointer(text: Any, where: str) -> None:
    if not isinstance(text, str) or not POINTER.fullmatch(text):
        raise Malformed("json_pointer", where)


def _same(found: Any, wanted: Any) -> bool:
    """Equal as JSON: 1 is not true."""
    return found is not _ABSENT and json.dumps(found) == json.dumps(wanted)
