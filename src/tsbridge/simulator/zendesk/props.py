"""What a request may set on a ticket, and how it is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final

from tsbridge.simulator.zendesk import rules
from tsbridge.simulator.zendesk.answers import invalid
from tsbridge.simulator.zendesk.mirrors import options, settle
from tsbridge.simulator.zendesk.records import SHELVES, Store
from tsbridge.simulator.zendesk.told import SINGLE

Props = Mapping[str, Any]
HTML_TAG: Final = re.compile(r"</?[a-z!][^<>]*>", re.IGNORECASE)
LINE_END: Final = re.compile(r"<br\b[^<>]*>|</(?:p|div|li|h[1-6])>", re.IGNORECASE)


def take(ticket: dict[str, Any], props: Props, store: Store, before: Mapping[str, Any]) -> None:
    """Take over the writable properties that are there, and what goes with them."""
    for name in SINGLE:
        if name in props:
            ticket[name] = _checked(name, props[name], store)
    if "assignee_email" in props:
        email = str(props["assignee_email"]).lower()
        agent = next((u for u in store.users.values() if u["email"] == email), None)
        if agent is None:
            raise invalid("assignee", "Assignee: is invalid")
        ticket["assignee_id"] = agent["id"]
    if ticket.get("assignee_id") and ticket["status"] == "new":
        ticket["status"] = "open"
    if "tags" in props:
        ticket["tags"] = [tag for tag in clean_tags(props["tags"] or []) if tag not in store.unwanted]
    for given in props.get("custom_fields") or props.get("fields") or ():
        if isinstance(given, Mapping) and str(given.get("id", "")).isdecimal():
            _set_custom(ticket, int(given["id"]), given.get("value"), store)
    if {"group_id", "assignee_id"} & props.keys():
        _check_belongs(ticket["group_id"], ticket["assignee_id"], store)
    ticket["raw_subject"] = ticket.get("subject")
    settle(before, ticket, store)


def _checked(name: str, value: Any, store: Store) -> Any:
    if value in (None, ""):
        if name == "status":
            raise invalid("status", "Status: is not included in the list")
        return None
    if name == "status" and value not in rules.STATUSES:
        raise invalid("status", f"Status: {value} is not included in the list")
    if name in ("priority", "type") and value not in rules.WORDS[name]:
        raise invalid(name, f"{name.capitalize()}: {value} is not included in the list")
    if name.endswith("_id") and name != "external_id":
        id_ = int(value) if str(value).isdecimal() else -1
        shelf = getattr(store, SHELVES[name]) if name in SHELVES else None
        if id_ < 0 or (shelf is not None and id_ not in shelf):
            word = name.removesuffix("_id")
            raise invalid(word, f"{word.replace('_', ' ').capitalize()}: is invalid")
        return id_
    return str(value) if isinstance(value, Mapping | list) else value


def _set_custom(ticket: dict[str, Any], id_: int, value: Any, store: Store) -> None:
    field = store.fields.get(id_, {})
    if not field.get("active"):
        return  # a field that is not there or not in use is passed over, with a 200
    offered = options(field) if field.get("type") in ("tagger", "multiselect") else set()
    given = {str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "")}
    if offered and not given <= offered:
        raise invalid("base", f"{field['title']}: is invalid")
    rules.set_custom(ticket, id_, value)


def _check_belongs(group: int | None, assignee: int | None, store: Store) -> None:
    """A group that is still there; an assignee who is an agent, and in the group where it is known who is."""
    if group is not None and store.groups.get(group, {}).get("deleted"):
        raise invalid("group", "Group: is invalid")
    if assignee is None:
        return
    if store.users[assignee]["role"] == "end-user" or not store.users[assignee]["active"]:
        raise invalid("assignee", "Assignee: is invalid")
    members = {one["user_id"] for one in store.memberships.values() if one["group_id"] == group}
    if members and assignee not in members:
        raise invalid("assignee", "Assignee: is not a member of the group")


def check_complete(before: Mapping[str, Any], ticket: Mapping[str, Any], store: Store) -> None:
    """A ticket is solved only with its required fields filled in."""
    if ticket["status"] != "solved" or before["status"] == "solved":
        return
    values = {f["id"]: f["value"] for f in ticket["custom_fields"]}
    empty = [f for i, f in store.fields.items() if f.get("required") and f["active"] and values.get(i) in (None, "", [])]
    if empty:
        refused = invalid("base", "")
        refused.body["details"]["base"] = [
            {
                "description": f"{f['title']}: is required when solving a ticket",
                "error": "BlankValue",
                "ticket_field_id": f["id"],
                "ticket_field_type": f["type"],
            }
            for f in empty
        ]
        raise refused


def followed(props: Props, store: Store) -> dict[str, Any] | None:
    """The closed ticket that a new one follows up; others cannot be followed."""
    given = props.get("via_followup_source_id")
    if given in (None, ""):
        return None
    found = store.tickets.get(int(str(given))) if str(given).isdecimal() else None
    if found is None or found["status"] != "closed":
        raise invalid("via_followup_source_id", "Via followup source: is not a closed ticket")
    return found


def person(id_: Any, word: str, store: Store) -> dict[str, Any]:
    """A user that a ticket or comment names."""
    found = store.users.get(int(id_)) if str(id_).isdecimal() else None
    if found is None:
        raise invalid(word, f"{word.capitalize()}: is invalid")
    return found


def comment_in(props: Props) -> Mapping[str, Any] | None:
    """The comment that comes with a request, also where it is only its text or only HTML; None for one without a word. HTML tags in a
    `body` are left out."""
    given = props.get("comment")
    if isinstance(given, str):
        given = {"body": given}
    if not isinstance(given, Mapping):
        return None
    body = _without_tags(str(given["body"])) if given.get("body") else unescape(_without_tags(str(given.get("html_body") or "")))
    return {**given, "body": body} if body else None


def _without_tags(html: str) -> str:
    """What is said in it; where a paragraph or a line ends is a line end."""
    return HTML_TAG.sub("", LINE_END.sub("\n", html)).strip()


def is_true(value: Any) -> bool:
    """A flag as a request may write it."""
    return value.lower() not in ("false", "0", "") if isinstance(value, str) else bool(value)


def clean_tags(tags: Any) -> list[str]:
    """Tags as Zendesk keeps them: lower case, a space makes two, each once."""
    words = tags.split() if isinstance(tags, str) else [word for tag in tags for word in str(tag).replace(",", " ").split()]
    return sorted({word.lower() for word in words})
