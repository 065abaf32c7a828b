"""Search as integrators use it: by type, external id, phone, e-mail, tags, status and plain words."""

from __future__ import annotations

import re
from typing import Any

from tsbridge.simulator.zendesk.world import World

TERM = re.compile(r'(-?)(\w+)(:|>=|<=|>|<)("[^"]*"|\S+)|("[^"]*"|\S+)')


def terms(query: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(field, operator, value) terms and plain words of a query."""
    fields, words = [], []
    for hit in TERM.finditer(query):
        if hit[2]:
            fields.append((hit[1] + hit[2].lower(), hit[3], hit[4].strip('"').lower()))
        else:
            words.append(hit[5].strip('"').lower())
    return fields, words


def search_tickets(world: World, query: str) -> list[dict[str, Any]]:
    fields, words = terms(query)
    return [
        t
        for t in world.store.tickets.values()
        if _fits(world, t, fields) and all(w in f"{t['subject']} {t['description']}".lower() for w in words)
    ]


def _fits(world: World, ticket: dict[str, Any], fields: list[tuple[str, str, str]]) -> bool:
    requester = world.store.users.get(ticket["requester_id"], {})
    for name, operator, value in fields:
        negated, name = name.startswith("-"), name.lstrip("-")
        if name in ("type", "sort", "order_by", "sort_order"):
            if name == "type" and value not in ("ticket", "incident", "question", "problem", "task"):
                return False
            continue
        if name in ("tags", "tag"):
            hit = value in ticket["tags"]
        elif name == "requester":
            hit = value in (str(ticket["requester_id"]), str(requester.get("email")).lower(), str(requester.get("name")).lower())
        elif name in ("phone", "email"):
            hit = _digits(value) == _digits(str(requester.get(name))) if name == "phone" else value == str(requester.get("email")).lower()
        elif name in ("created", "updated"):
            hit = _compare(str(ticket[f"{name}_at"]), operator, value)
        elif name == "group":
            hit = value in (str(ticket["group_id"]), str(world.store.groups.get(ticket["group_id"] or 0, {}).get("name")).lower())
        elif name in ("assignee", "organization", "brand", "form"):
            hit = str(ticket.get(f"{name}_id")).lower() == value
        elif name == "status" and operator != ":":
            order = ["new", "open", "pending", "hold", "solved", "closed"]
            hit = value in order and _compare(f"{order.index(ticket['status'])}", operator, f"{order.index(value)}")
        else:
            hit = str(ticket.get(name)).lower() == value
        if hit == negated:
            return False
    return True


def search_users(world: World, query: str) -> list[dict[str, Any]]:
    fields, words = terms(query)
    return [
        user
        for user in world.store.users.values()
        if all(_user_fits(user, name, value) for name, _, value in fields)
        and all(w in f"{user['name']} {user['email']}".lower() for w in words)
    ]


def _user_fits(user: dict[str, Any], name: str, value: str) -> bool:
    if name in ("type", "sort", "order_by"):
        return name != "type" or value == "user"
    if name == "phone":
        return bool(_digits(value)) and _digits(value) in _digits(str(user["phone"]))
    return value.rstrip("*") in str(user.get(name)).lower()


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _compare(a: str, operator: str, b: str) -> bool:
    return {":": a.startswith(b), ">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[operator]
