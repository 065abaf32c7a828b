"""Zendesk triggers and automations, carried over into rules of our language; nothing is lost silently.

Takes what `GET /api/v2/triggers` (or `/automations`) answers, one object or many. Each business rule ends as `exact`,
`differs` (carried over, with the difference named) or `left` (not carried over, and why); each of its parts is named.
Whatever comes in, the rules that go out are sound: what a rulebook cannot hold is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tsbridge.core.rules.read_actions import TAG
from tsbridge.core.rules.vocabulary import PRIORITIES
from tsbridge.rulebook.zendesk_conditions import NotCarried, condition, reads_of, split
from tsbridge.rulebook.zendesk_order import Carried, Part, free_key, in_our_order, sound

MOMENTS = {"triggers": ["ticket.created", "ticket.updated", "ticket.commented"], "automations": ["clock", "ticket"]}
"""When Zendesk looks: at every update of a ticket, or by the clock; never when somebody calls."""

LEFT_ACTIONS = {
    "status": "the bridge never sets a ticket's status",
    "custom_status_id": "the bridge never sets a ticket's status",
    "type": "the bridge does not set a ticket's type",
    "ticket_form_id": "the bridge does not change a ticket's form",
    "set_tags": "the bridge never replaces all tags; name what to add and what to remove",
    "follower": "the bridge does not change followers or copies",
    "cc": "the bridge does not change followers or copies",
    "share_ticket": "the bridge does not share tickets",
    "satisfaction_score": "the bridge does not ask for satisfaction ratings",
    "notification_user": "messages to people stay with Zendesk",
    "notification_group": "messages to people stay with Zendesk",
    "notification_webhook": "webhooks stay with Zendesk",
    "notification_target": "targets stay with Zendesk",
    "brand_id": "the bridge does not change a ticket's brand",
    "locale_id": "the bridge does not change languages",
    "organization_id": "the bridge does not change organizations",
}


def import_zendesk(answer: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Rules and a report for Zendesk's `triggers` or `automations`; `document` lends its queues (by group id).

    Raises ValueError when `answer` is not what Zendesk's list of triggers or automations looks like.
    """
    items, kind = _items(answer)
    queues = {str(q["zendesk_group_id"]): name for name, q in document.get("queues", {}).items() if q.get("zendesk_group_id") is not None}
    taken = {rule.get("key") for rule in document.get("rules", ())}
    carried: list[Carried] = []
    report: list[dict[str, Any]] = []
    for item in sorted(items, key=_position):
        title = str(item.get("title") or item.get("raw_title") or "untitled")
        if item.get("active") is False:
            report.append({"title": title, "outcome": "left", "why": "it is switched off in Zendesk", "parts": []})
            continue
        one = _carry(item, title, kind, queues, taken)
        _report(one, report, carried)
    if why := _incomplete(answer, len(items)):
        report.append({"title": "More pages", "outcome": "left", "why": why, "parts": []})
    rules = sound(in_our_order(carried, taken), queues.values())
    for entry, one in ((entry, entry.pop("_carried")) for entry in report if "_carried" in entry):
        entry["outcome"] = one.outcome()
        entry["why"] = _why(one)
        entry["parts"] = [part.shown() for part in one.parts]
    return {"rules": rules, "report": report}


def _items(answer: Any) -> tuple[list[Mapping[str, Any]], str]:
    if isinstance(answer, Mapping):
        for kind in ("triggers", "automations"):
            found = answer.get(kind)
            if isinstance(found, Sequence) and not isinstance(found, str) and all(isinstance(i, Mapping) for i in found):
                return list(found), kind
        for kind in ("trigger", "automation"):
            if isinstance(answer.get(kind), Mapping):
                return [answer[kind]], kind + "s"
        if "conditions" in answer or "all" in answer or "any" in answer:
            return [answer], "triggers"
    raise ValueError('expected {"triggers": [...]} or {"automations": [...]} as Zendesk answers it')


def _incomplete(answer: Mapping[str, Any], items: int) -> str:
    """Why `answer` cannot be all there is, "" when nothing says so."""
    meta, count = answer.get("meta"), answer.get("count")
    several = answer.get("next_page") or answer.get("previous_page") or (isinstance(meta, Mapping) and meta.get("has_more"))
    if several or (isinstance(count, int) and count > items):
        return "this is one page of several: join the lists of all pages and import them at once, as their order counts"
    return ""


def _position(item: Mapping[str, Any]) -> tuple[bool, float]:
    """Zendesk's order; what has no readable position keeps its place behind the others."""
    try:
        return False, float(str(item.get("position")))
    except ValueError:
        return True, 0.0


def _parts(found: Any) -> list[Mapping[str, Any]]:
    """The conditions or actions of a list; what cannot be read as one stays in it as a field without a name, to be reported."""
    if found is None:
        return []
    return [raw if isinstance(raw, Mapping) else {} for raw in (found if isinstance(found, list) else [found])]


def _report(one: Carried, report: list[dict[str, Any]], carried: list[Carried]) -> None:
    if one.does_something():
        carried.append(one)
    report.append({"title": one.title, "_carried": one})


def _why(one: Carried) -> str:
    reasons = [part.why for part in one.parts if part.outcome != "exact" and part.why]
    return "; ".join(dict.fromkeys(reasons)) or ("" if one.outcome() == "exact" else "it has no actions")


def _carry(item: Mapping[str, Any], title: str, kind: str, queues: Mapping[str, str], taken: set[Any]) -> Carried:
    given = item.get("conditions")
    # Zendesk writes conditions below `conditions` or beside it; anything else there is one condition that nobody can read.
    conditions: Mapping[str, Any] = given if isinstance(given, Mapping) else item if given is None else {"all": [given]}
    one = Carried(title, free_key(title, taken), {})
    when: dict[str, Any] = {}
    reads: set[str] = set()
    hopeless = False
    for group in ("all", "any"):
        leaves = []
        for raw in _parts(conditions.get(group)):
            name = f"condition {raw.get('field')} {raw.get('operator') or ''}".rstrip()
            try:
                leaf, difference = condition(raw, kind)
            except NotCarried as refused:
                # A lost condition of `all` would make the rule match too much; a lost one of `any`, too little.
                lost = "" if group == "all" else "; without this one of several ways in, the rule applies less often"
                one.parts.append(Part(name, "left", f"{refused}{lost}"))
                hopeless = hopeless or group == "all"
                one.narrower = True
                continue
            one.parts.append(Part(name, "differs" if difference else "exact", difference))
            leaves.append(leaf)
            reads |= reads_of(leaf)
        if leaves:
            when[group] = leaves
        elif _parts(conditions.get(group)):
            hopeless = True
    if hopeless:
        for action in _parts(item.get("actions")):
            one.parts.append(Part(f"action {action.get('field')}", "left", "the rule's conditions cannot all be carried over"))
        return one
    one.when = when
    one.reads = frozenset(reads)
    one.on = MOMENTS[kind]
    for action in _parts(item.get("actions")):
        _action(one, action, queues)
    return one


def _action(one: Carried, action: Mapping[str, Any], queues: Mapping[str, str]) -> None:
    name, value = str(action.get("field")), action.get("value")
    part = Part(f"action {name}", "exact")
    one.parts.append(part)
    if name in ("current_tags", "remove_tags"):
        words = split(value)
        good = [word.lower() for word in words if TAG.fullmatch(word.lower())]
        if not words:
            part.outcome, part.why = "left", "no tags are named"
        elif len(good) < len(words):
            part.outcome, part.why = ("differs" if good else "left"), "tags with other characters than a-z 0-9 _ - are left out"
        verb = "add_tags" if name == "current_tags" else "remove_tags"
        one.settings |= {f"tags {word}": {verb: [word]} for word in good}
    elif name == "priority" and (word := str(value).lower()) in PRIORITIES:
        one.settings["ticket.priority"] = {"set_priority": word}
    elif name.startswith("custom_fields_"):
        id_ = name.removeprefix("custom_fields_")
        plain = value if isinstance(value, str | int | bool) else None
        if not (id_.isascii() and id_.isdigit()):
            part.outcome, part.why = "left", "custom fields are known by the number of the field"
        elif plain is None:
            part.outcome, part.why = "left", "only a single value can be set in a custom field"
        else:
            one.settings[f"ticket.custom.{id_}"] = {"set_custom_field": {"id": id_, "value": plain}}
    elif name == "assignee_id" and str(value).isdigit():
        one.settings["ticket.assignee_id"] = {"assign": str(value)}
    elif name == "group_id" and str(value).isdigit():
        if str(value) in queues:
            one.group = {"route": queues[str(value)]}
            part.outcome = "differs"
            part.why = "a group becomes a route: it is decided after all escalation rules, and stays until another route wins"
        else:
            part.outcome, part.why = "left", f"no queue of the rulebook has the Zendesk group {value}"
    else:
        part.outcome, part.why = "left", LEFT_ACTIONS.get(name, f"the bridge has no action like {name}")
        if name == "priority":
            part.why = "only low, normal, high and urgent can be set"
        if name == "assignee_id":
            part.why = "an assignee that depends on who acted cannot be named in a rule"
