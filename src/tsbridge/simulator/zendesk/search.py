"""Search as integrators use it: by type, external id, phone, e-mail, tags, status and plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk.rules import PRIORITIES, STATUSES
from tsbridge.simulator.zendesk.world import World

ORDERS: Final = ("sort", "order_by", "sort_by", "sort_order")
TERM: Final = re.compile(r'(-?)(\w+)(:|>=|<=|>|<)("[^"]*"|\S+)|("[^"]*"|\S+)')


def terms(query: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(field, operator, value) terms and plain words of a query."""
    fields, words = [], []
    for hit in TERM.finditer(query):
        if hit[2]:
            fields.append((hit[1] + hit[2].lower(), hit[3], hit[4].strip('"').lower()))
        else:
            words.append(hit[5].strip('"').lower())
    return fields, words


def search_all(world: World, query: str, how: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tickets and users that fit, each with its `result_type`, in the order that `how` or the query itself asks for."""
    fields, _ = terms(query)
    kinds = {value for name, _, value in fields if name == "type"}
    found: list[dict[str, Any]] = []
    if not kinds or kinds - {"user", "organization", "group"}:
        found += [{**t, "result_type": "ticket"} for t in search_tickets(world, query)]
    if not kinds or "user" in kinds:
        found += [{**u, "result_type": "user"} for u in search_users(world, query)]
    for kind in sorted(kinds & {"organization", "group"}):
        found += [{**one, "result_type": kind} for one in search_named(world, kind, query)]
    said = {name: value for name, _, value in fields if name in ("sort", "order_by", "sort_by", "sort_order")}
    key = how.get("sort_by") or said.get("order_by") or said.get("sort_by")
    way = how.get("sort_order") or said.get("sort") or said.get("sort_order") or "desc"
    if key in ("created_at", "updated_at", "status", "priority", "ticket_type"):
        place = {"status": _status, "priority": _priority}.get(key, lambda f: str(f.get("type" if key == "ticket_type" else key) or ""))
        found.sort(key=lambda f: (place(f), f["id"]), reverse=way == "desc")
    return found


def _status(found: Mapping[str, Any]) -> str:
    return str(STATUSES.index(found["status"])) if found.get("status") in STATUSES else ""


def _priority(found: Mapping[str, Any]) -> str:
    return str(PRIORITIES.index(found.get("priority"))) if found.get("priority") in PRIORITIES else ""


def search_tickets(world: World, query: str) -> list[dict[str, Any]]:
    fields, words = terms(query)
    return [
        t
        for t in world.store.tickets.values()
        if _fits(world, t, fields) and all(w in f"{t['subject']} {t['description']}".lower() for w in words)
    ]


def _fits(world: World, ticket: dict[str, Any], fields: list[tuple[str, str, str]]) -> bool:
    """Different fields must all hold; a field that is given several times with a colon holds with any of its values."""
    any_of: dict[str, bool] = {}
    for name, operator, value in fields:
        if name in ORDERS:
            continue
        hit = _hit(world, ticket, name.lstrip("-"), operator, value)
        if name.startswith("-") or operator != ":":
            if hit == name.startswith("-"):
                return False
        else:
            any_of[name] = any_of.get(name, False) or hit
    return all(any_of.values())


def _hit(world: World, ticket: dict[str, Any], name: str, operator: str, value: str) -> bool:
    requester = world.store.users.get(ticket["requester_id"], {})
    if name in ("type", "ticket_type"):
        return value in ("ticket", str(ticket["type"]).lower()) if name == "type" else value == str(ticket["type"]).lower()
    if name in ("tags", "tag"):
        return not ticket["tags"] if value == "none" else value in ticket["tags"]
    if name == "requester":
        return value in (str(ticket["requester_id"]), str(requester.get("email")).lower(), str(requester.get("name")).lower())
    if name == "phone":
        return _digits(value) == _digits(str(requester.get("phone")))
    if name == "email":
        return value == str(requester.get("email")).lower()
    if name in ("created", "updated", "created_at", "updated_at"):
        return _compare(str(ticket[f"{name.removesuffix('_at')}_at"]).lower(), operator, value)
    if name == "group":
        names = (str(ticket["group_id"]), str(world.store.groups.get(ticket["group_id"] or 0, {}).get("name")).lower())
        return ticket["group_id"] is None if value == "none" else value in names
    if name in ("assignee", "organization", "brand", "form"):
        key = "ticket_form_id" if name == "form" else f"{name}_id"
        known = world.store.users.get(ticket["assignee_id"] or 0, {}) if name == "assignee" else {}
        return value in (str(ticket.get(key)).lower(), str(known.get("email")).lower(), str(known.get("name")).lower())
    if name == "status" and operator != ":":
        return value in STATUSES and _compare(f"{STATUSES.index(ticket['status'])}", operator, f"{STATUSES.index(value)}")
    if name == "priority" and operator != ":":
        now = ticket["priority"]
        return value in PRIORITIES and _compare(f"{PRIORITIES.index(now)}", operator, f"{PRIORITIES.index(value)}")
    if name.startswith("custom_field_"):
        mine = (f["value"] for f in ticket["custom_fields"] if str(f["id"]) == name.removeprefix("custom_field_"))
        return any(str(v).lower() == value for v in mine)
    if name in ("subject", "description"):
        return value.strip("*") in str(ticket[name]).lower()
    return str(ticket.get(name)).lower() == value


def search_named(world: World, kind: str, query: str) -> list[dict[str, Any]]:
    """Organizations or groups (`kind` is one of them) whose name has all the words."""
    _, words = terms(query)
    shelf = world.store.organizations if kind == "organization" else world.store.groups
    return [one for one in shelf.values() if all(w in str(one["name"]).lower() for w in words)]


def search_users(world: World, query: str) -> list[dict[str, Any]]:
    fields, words = terms(query)
    return [
        user
        for user in world.store.users.values()
        if user["active"]
        and all(_user_fits(user, name, value) for name, _, value in fields)
        and all(w in f"{user['name']} {user['email']}".lower() for w in words)
    ]


def _user_fits(user: dict[str, Any], name: str, value: str) -> bool:
    if name in ("type", *ORDERS):
        return name != "type" or value == "user"
    if name == "phone":
        return bool(_digits(value)) and _digits(value) in _digits(str(user["phone"]))
    return value.rstrip("*") in str(user.get(name)).lower()


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _compare(a: str, operator: str, b: str) -> bool:
    return {":": a.startswith(b), ">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[operator]
