"""Zendesk triggers and automations, carried over into rules of our language; nothing is lost silently.

Takes what `GET /api/v2/triggers` (or `/automations`) answers, one object or many. Each business rule ends as `exact`,
`differs` (carried over, with the difference named) or `left` (not carried over, and why); each of its parts is named.
Whatever comes in, the rules that go out are sound: what a rulebook cannot hold is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tsbridge.rulebook.zendesk_actions import carry_action
from tsbridge.rulebook.zendesk_conditions import condition
from tsbridge.rulebook.zendesk_leaves import NotCarried, reads_of
from tsbridge.rulebook.zendesk_neighbours import name_neighbours
from tsbridge.rulebook.zendesk_order import GROUP, Carried, Part, free_key, in_our_order, sound, stay_rules
from tsbridge.rulebook.zendesk_updates import CHANGES

MOMENTS: Final = {"triggers": ["ticket.created", *CHANGES], "automations": ["clock", "ticket"]}
"""When Zendesk looks: at every update of a ticket, or by the clock; never when somebody calls."""
HOURLY: Final = "Zendesk asks an automation once an hour, the bridge with every event of the ticket and when its own clock is due"
OFF: Final = "it is switched off in Zendesk"

Item = Mapping[str, Any]


def import_zendesk(answer: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Rules and a report for Zendesk's `triggers` or `automations`; `document` lends its queues (by group id).

    Raises ValueError when `answer` is not what Zendesk's list of triggers or automations looks like.
    """
    found = _items(answer)
    queues = _queues(document)
    taken = _keys(document)
    categories = _categories(answer)
    rules: list[dict[str, Any]] = []
    report: list[dict[str, Any]] = []
    for kind, items in found.items():
        business = [_carry(item, kind, queues, taken) for item in _in_their_order(items, categories)]
        several = {one.category for one in business}
        name_neighbours(business, told_order=len(several) == 1 or several <= categories.keys())
        rules += sound(in_our_order([one for one in business if one.does_something()], taken), queues.values())
        report += [one.shown() for one in business]
    if why := _incomplete(answer, sum(map(len, found.values()))):
        report.append({"title": "More pages", "outcome": "left", "why": why, "parts": []})
    return {"rules": [*rules, *stay_rules(rules, taken)], "report": report}


def _queues(document: Mapping[str, Any]) -> dict[str, str]:
    """The queues by Zendesk's group. A draft may be any object: what is no queue has none."""
    given = document.get("queues")
    queues = {name: queue for name, queue in given.items() if isinstance(queue, Mapping)} if isinstance(given, Mapping) else {}
    return {str(queue["zendesk_group_id"]): name for name, queue in queues.items() if queue.get("zendesk_group_id") is not None}


def _keys(document: Mapping[str, Any]) -> set[Any]:
    given = document.get("rules")
    return {
        key for rule in (given if isinstance(given, list) else ()) if isinstance(rule, Mapping) and isinstance(key := rule.get("key"), str)
    }


def _items(answer: Any) -> dict[str, list[Item]]:
    """The business rules by kind: a list under its name, one alone under its name, or either without any."""
    bare = answer if isinstance(answer, list) else [answer] if isinstance(answer, Mapping) and _bare(answer) else None
    if bare and all(isinstance(item, Mapping) for item in bare):
        kind = "automations" if "/automations/" in str(bare[0].get("url")) else "triggers"
        return {kind: bare}
    found: dict[str, list[Item]] = {}
    for kind in MOMENTS if isinstance(answer, Mapping) else ():
        several, single = answer.get(kind), answer.get(kind.removesuffix("s"))
        items = several if isinstance(several, list) else [single] if single is not None else None
        if items is not None and all(isinstance(item, Mapping) for item in items):
            found[kind] = items
    if not found:
        raise ValueError('expected {"triggers": [...]} or {"automations": [...]} as Zendesk answers it')
    return found


def _bare(answer: Item) -> bool:
    return "conditions" in answer or "all" in answer or "any" in answer


def _incomplete(answer: Any, items: int) -> str:
    """Why `answer` cannot be all there is, "" when nothing says so."""
    if not isinstance(answer, Mapping):
        return ""
    meta, count = answer.get("meta"), answer.get("count")
    several = answer.get("next_page") or answer.get("previous_page") or (isinstance(meta, Mapping) and meta.get("has_more"))
    if several or (isinstance(count, int) and count > items):
        return "this is one page of several: join the lists of all pages and import them at once, as their order counts"
    return ""


def _categories(answer: Any) -> dict[str, float]:
    """The places of the categories that triggers are asked by, as `GET /api/v2/trigger_categories` gives them beside the triggers."""
    given = answer.get("trigger_categories") if isinstance(answer, Mapping) else None
    return {str(one.get("id")): _place(one)[1] for one in given if isinstance(one, Mapping)} if isinstance(given, list) else {}


def _in_their_order(items: Sequence[Item], categories: Mapping[str, float]) -> list[Item]:
    """Zendesk asks category by category, and in each by position. Where nothing tells the order of the categories it is that of the
    list, unless the positions go on through all of them."""
    several = list(dict.fromkeys(_category(item) for item in items))
    if all(name in categories for name in several):
        return sorted(items, key=lambda item: (categories[_category(item)], _place(item)))
    places = [_place(item) for item in items]
    if len(several) == 1 or len(set(places)) == len(places):
        return sorted(items, key=_place)
    return sorted(items, key=lambda item: (several.index(_category(item)), _place(item)))


def _category(item: Item) -> str:
    return "" if item.get("category_id") is None else str(item["category_id"])


def _place(item: Item) -> tuple[bool, float]:
    """A position; what has no readable one keeps its place behind the others."""
    try:
        return False, float(str(item.get("position")))
    except ValueError:
        return True, 0.0


def _parts(found: Any) -> list[Item]:
    """The conditions or actions of a list; what cannot be read as one stays in it as a field without a name, to be reported.

    Old accounts answer fields with the list they are chosen from behind them: `assignee_id#all_agents`.
    """
    if found is None:
        return []
    parts = [raw if isinstance(raw, Mapping) else {} for raw in (found if isinstance(found, list) else [found])]
    return [{**raw, "field": name.partition("#")[0]} if isinstance(name := raw.get("field"), str) else raw for raw in parts]


def _conditions(item: Item) -> dict[str, list[Item]]:
    """Zendesk writes conditions below `conditions` or beside it; anything else there is one condition that nobody can read."""
    given = item.get("conditions")
    below: Item = given if isinstance(given, Mapping) else {} if given is None else {"all": [given]}
    return {group: [*_parts(below.get(group)), *_parts(item.get(group))] for group in ("all", "any")}


def _carry(item: Item, kind: str, queues: Mapping[str, str], taken: set[Any]) -> Carried:
    title = str(item.get("title") or item.get("raw_title") or "untitled")
    one = Carried(title, free_key(title, taken), {}, on=MOMENTS[kind], category=_category(item))
    if item.get("active") in (False, "false"):
        conditions = [_name(raw) for group in _conditions(item).values() for raw in group]
        actions = [f"action {action.get('field')}" for action in _parts(item.get("actions"))]
        one.parts = [Part(what, "left", OFF) for what in (*conditions, *actions)] or [Part("all of it", "left", OFF)]
        return one
    carried = _carry_conditions(one, item)
    if carried and kind == "automations":
        one.parts.append(Part("the hour", "differs", HOURLY))
    before = len(one.parts)
    for action in _parts(item.get("actions")):
        carry_action(one, action, queues)
    if not carried:
        for part in one.parts[before:]:
            part.outcome, part.why = "left", "the rule's conditions cannot all be carried over"
        one.stays |= {**one.settings, **({GROUP: one.group} if one.group else {})}
        one.settings, one.group = {}, None
    return one


def _name(raw: Item) -> str:
    return f"condition {raw.get('field')} {raw.get('operator') or ''}".rstrip()


def _carry_conditions(one: Carried, item: Item) -> bool:
    """Fill in when `one` applies; False when too much is lost for it to apply where it should."""
    carried = True
    reads: set[str] = set()
    for group, raws in _conditions(item).items():
        leaves = []
        for raw in raws:
            try:
                leaf, difference = condition(raw)
            except NotCarried as refused:
                # A lost condition of `all` would make the rule match too much; a lost one of `any`, too little.
                lost = "" if group == "all" else "; without this one of several ways in, the rule applies less often"
                one.parts.append(Part(_name(raw), "left", f"{refused}{lost}"))
                carried = carried and group != "all"
                one.narrower = True
                continue
            one.parts.append(Part(_name(raw), "differs" if difference else "exact", difference))
            leaves.append(leaf)
            reads |= reads_of(leaf)
        if leaves:
            one.when[group] = leaves
        carried = carried and bool(leaves or not raws)
    one.reads = frozenset(reads)
    return carried
