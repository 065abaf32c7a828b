"""Fields of tickets as Zendesk tells them, whichever way: ids, words, channels, custom values, and who we are over there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tsbridge.core.errors import Malformed
from tsbridge.core.moments import Handle, Value
from tsbridge.vendors import reading
from tsbridge.vendors.reading import id_text, token, whole_id, word

STATUSES: Final[Mapping[str, str]] = {"archived": "closed", "scrubbed": "deleted", "on-hold": "hold", "on hold": "hold"}


RATINGS: Final[Mapping[str, str]] = {
    "unoffered": "unoffered",
    "offered": "offered",
    **{f"good{ending}": "good" for ending in ("", "_with_comment", "withcomment")},
    **{f"bad{ending}": "bad" for ending in ("", "_with_comment", "withcomment")},
}


@dataclass(frozen=True, slots=True)
class OwnUser:
    """The Zendesk user we write as."""

    id: str | None = None
    email: str | None = None


NOBODY: Final = OwnUser()


def scalar(value: Any) -> Value:
    """A custom field's value: text, number, true or false, several choices, or the id of a looked-up record."""
    if isinstance(value, Mapping):
        if "value" in value:
            return scalar(value["value"])
        return id_text(value.get("id"))
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return (
            tuple(sorted({t for v in value[: reading.LIST_LENGTH] if (t := reading.text(v, reading.SUBJECT_LENGTH)) is not None})) or None
        )
    return reading.text(value, reading.TEXT_LENGTH)


def status(value: Any) -> str | None:
    found = word(value)
    return None if found is None else STATUSES.get(found, found)


def follows(via: Mapping[str, Any]) -> str | None:
    """The closed ticket that a follow-up was made from, as its `via` tells."""
    source = inside(via, "source")
    return whole_id(inside(source, "from").get("ticket_id")) if source.get("rel") == "follow_up" else None


def satisfaction(value: Any) -> str | None:
    """Our word for a rating; an unknown one is nothing rather than a guess."""
    found = word(value)
    return None if found is None else RATINGS.get(found)


def names_in(facts: Mapping[str, Value]) -> tuple[Handle, ...]:
    """A ticket made for a call carries `talkdesk:<account>:<call>` as its external id; a follow-up names what it follows."""
    found: list[Handle] = []
    external = facts.get("ticket.external_id")
    if isinstance(external, str) and external.lower().startswith("talkdesk:") and (call := token(external.rsplit(":", 1)[1])) is not None:
        found.append(Handle("call", call))
    if isinstance(followed := facts.get("ticket.follows"), str):
        found.append(Handle("ticket", followed))
    return tuple(found)


def inside(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside, or an empty one."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise Malformed("missing_" + name, "/" + name)
    return found


def ticket_id(value: Any, pointer: str) -> str:
    found = whole_id(value)
    if found is None:
        raise Malformed("missing_ticket_id", pointer)
    return found
