"""What has to stand in Zendesk so that it tells us of tickets: one webhook, and where it is called by triggers, those two, and another
webhook for what no trigger tells: that users were merged or deleted, that a ticket was deleted for good or lost words.

Planned against what stands there, like a change of infrastructure: look, say what would be done, do it, look again and find
nothing left. Ours are known by their exact names; nothing else is ever touched (reference/zendesk.md sections 1 and 8.1).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tsbridge.vendors.zendesk.payload import EVENT
from tsbridge.vendors.zendesk.read_event import EVENTS
from tsbridge.vendors.zendesk.trigger import EVENTS as TOLD
from tsbridge.vendors.zendesk.trigger import Event, trigger_body

NAME: Final = "tsbridge"
TITLES: Final[Mapping[Event, str]] = {
    "created": "tsbridge: tell the incident desk of a new ticket",
    "updated": "tsbridge: tell the incident desk of a changed ticket",
}
FORMER: Final = "tsbridge: tell the incident desk of every change"
"""The one trigger that earlier versions made."""
HAPPENS: Final[Mapping[Event, str]] = {"created": "Create", "updated": "Change"}
FOR_TRIGGERS: Final = ("conditional_ticket_events",)
PEOPLE: Final = "tsbridge: merged users"
"""The webhook beside the triggers: one that triggers call can be subscribed to nothing else."""
BESIDE: Final = tuple(f"{EVENT}{name}" for name in ("ticket.comment_redacted", "ticket.permanently_deleted", "user.deleted", "user.merged"))
"""What no trigger tells, or not for sure."""
SCOPES: Final = ("read", "write")
"""Broad ones do; of the granular ones `tickets:read`, `tickets:write`, `users:read` and those of the set-up are needed."""
GRANULAR: Final = ("tickets:read", "tickets:write", "users:read", "webhooks:read", "webhooks:write", "triggers:read", "triggers:write")

Kind = Literal["trigger", "events"]
Act = Literal["create", "change", "replace", "remove", "keep"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `id`: of what stands there; `body`: what to send; `differences`: names of what is otherwise."""

    act: Act
    what: Literal["webhook", "trigger"]
    name: str
    id: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    differences: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"act": self.act, "what": self.what, "name": self.name, "id": self.id, "differences": list(self.differences)}


def webhook(endpoint: str, kind: Kind) -> dict[str, Any]:
    """The webhook we want."""
    tickets = [f"{EVENT}ticket.{name}" for name in sorted(EVENTS)]
    events = [*tickets, f"{EVENT}messaging_ticket.message_added", *(name for name in BESIDE if name not in tickets)]
    return _webhook(NAME, endpoint, events if kind == "events" else FOR_TRIGGERS)


def _webhook(name: str, endpoint: str, subscriptions: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "endpoint": endpoint,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": list(subscriptions),
    }


def trigger(webhook_id: str, event: Event) -> dict[str, Any]:
    """The trigger that calls it whenever a ticket was created, or changed."""
    body = json.dumps(trigger_body(event), ensure_ascii=False, indent=2)
    return {
        "title": TITLES[event],
        "active": True,
        "conditions": {"all": [{"field": "update_type", "operator": "is", "value": HAPPENS[event]}], "any": []},
        "actions": [{"field": "notification_webhook", "value": [webhook_id, body]}],
    }


def plan(webhooks: Iterable[Mapping[str, Any]], triggers: Iterable[Mapping[str, Any]], endpoint: str, kind: Kind) -> tuple[Step, ...]:
    """What to do so that ours stands as it should. Second ones of the same name are removed, the oldest is kept."""
    standing_hooks, told = list(webhooks), list(triggers)
    steps = _webhook_steps(standing_hooks, webhook(endpoint, kind))
    if kind == "events":
        return (*_without_triggers(told), *_without(standing_hooks, PEOPLE), *steps)
    ours = steps[-1]
    webhook_id = (ours.id or "") if ours.act != "replace" else ""
    steps += _webhook_steps(standing_hooks, _webhook(PEOPLE, endpoint, BESIDE))
    for event in TOLD:
        standing = _ours(told, "title", TITLES[event])
        steps += [_gone(one) for one in standing[1:]]
        steps.append(_trigger_step(standing[0] if standing else None, event, webhook_id))
    # Last: until the new ones stand, the former one goes on telling.
    return (*steps, *(_gone(one) for one in _ours(told, "title", FORMER)))


def removal(webhooks: Iterable[Mapping[str, Any]], triggers: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """What to do so that nothing of ours is left: the triggers first, they call the webhook."""
    standing = list(webhooks)
    return (*_without_triggers(list(triggers)), *_without(standing, NAME), *_without(standing, PEOPLE))


def lacking(granted: Sequence[str]) -> tuple[str, ...]:
    """Scopes that a token lacks; one without any named scope may do everything."""
    if not granted or set(SCOPES) <= set(granted):
        return ()
    return tuple(scope for scope in GRANULAR if scope not in granted and scope.partition(":")[2] not in granted)


def addressed(step: Step, webhook_id: str) -> dict[str, Any]:
    """The trigger to send for a step: its body, calling this webhook."""
    return trigger(webhook_id, next(event for event in TOLD if TITLES[event] == step.name))


def _webhook_steps(webhooks: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> list[Step]:
    """What to do so that this webhook stands, once; the last step is about the one that stays."""
    name = str(wanted["name"])
    found = _ours(webhooks, "name", name)
    steps = [Step("remove", "webhook", name, str(one["id"])) for one in found[1:]]
    if not found:
        return [*steps, Step("create", "webhook", name, body=wanted)]
    differences = tuple(part for part in wanted if _plain(found[0].get(part)) != _plain(wanted[part]))
    # Zendesk keeps the subscriptions a webhook was made with.
    act: Act = "replace" if "subscriptions" in differences else "change" if differences else "keep"
    return [*steps, Step(act, "webhook", name, str(found[0]["id"]), wanted, differences)]


def _without(webhooks: Sequence[Mapping[str, Any]], name: str) -> list[Step]:
    return [Step("remove", "webhook", name, str(one["id"])) for one in _ours(webhooks, "name", name)]


def _without_triggers(triggers: Sequence[Mapping[str, Any]]) -> list[Step]:
    return [_gone(one) for title in (*TITLES.values(), FORMER) for one in _ours(triggers, "title", title)]


def _gone(stands: Mapping[str, Any]) -> Step:
    return Step("remove", "trigger", str(stands["title"]), str(stands["id"]))


def _trigger_step(stands: Mapping[str, Any] | None, event: Event, webhook_id: str) -> Step:
    """`webhook_id` is empty while the webhook is still to be made; who applies the step fills it in."""
    wanted = trigger(webhook_id, event)
    if stands is None:
        return Step("create", "trigger", TITLES[event], body=wanted)
    differences = []
    if not stands.get("active"):
        differences.append("active")
    conditions = stands.get("conditions") or {}
    if any(_conditions(conditions.get(part)) != _conditions(wanted["conditions"][part]) for part in ("all", "any")):
        differences.append("conditions")
    if _actions(stands.get("actions")) != _actions(wanted["actions"]):
        differences.append("actions")
    return Step("change" if differences else "keep", "trigger", TITLES[event], str(stands["id"]), wanted, tuple(differences))


def _ours(found: Iterable[Mapping[str, Any]], key: str, name: str) -> list[Mapping[str, Any]]:
    return sorted((one for one in found if one.get(key) == name), key=lambda one: (str(one.get("created_at")), str(one.get("id"))))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _conditions(value: Any) -> list[tuple[str, str, str]]:
    return sorted((str(one.get("field")), str(one.get("operator")), str(one.get("value"))) for one in value or ())


def _actions(value: Any) -> list[tuple[str, str, Any]]:
    """Fields, webhook ids and bodies; spaces in a body do not matter, the order of its members does."""
    found = []
    for one in value or ():
        given = one.get("value")
        id_, body = (str(given[0]), given[1]) if isinstance(given, list) and len(given) == 2 else (str(given), None)
        with contextlib.suppress(ValueError):  # a body that is no JSON is compared as it stands
            body = json.dumps(json.loads(body)) if isinstance(body, str) else body
        found.append((str(one.get("field")), id_, body))
    return found
