"""Routes of triggers and automations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.simulator.zendesk.answers import invalid, not_found, page
from tsbridge.simulator.zendesk.props import is_true
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route
from tsbridge.simulator.zendesk.rule_checks import check_rule
from tsbridge.simulator.zendesk.rules import ACTIONS, CONDITIONS


class RuleRoutes(RouteGroup):
    """Triggers and automations: two kinds of rules with the same routes."""

    def _make(self, name: str, into: dict[int, dict[str, Any]], asked: Asked, plural: str | None = None) -> Any:
        id_ = self.world.new_id()
        made = {
            "active": True,
            "position": len(into) + 1,
            **asked.inside(name),
            "id": id_,
            "url": f"{self.world.url}/api/v2/{plural or name + 's'}/{id_}.json",
        }
        if name in ("trigger", "automation"):
            made["conditions"] = _sides(made)
            made["raw_title"] = made.get("title")
            if not made.get("title") or not made.get("actions"):
                raise invalid("title" if not made.get("title") else "base", "cannot be blank", "BlankValue")
        made["position"] = len(into) + 1 if made["position"] is None else made["position"]
        _check_shape(made)
        if name == "trigger":
            check_rule(made, self.s)
        stamp = self.world.text_of(self.world.now())
        into[id_] = {**made, "created_at": stamp, "updated_at": stamp}
        return Found(201, {name: into[id_]})

    def _ruled(self, word: str) -> tuple[str, dict[int, dict[str, Any]]]:
        return (word.removesuffix("s"), self.s.triggers if word == "triggers" else self.s.automations)

    @route("GET", "/api/v2/(triggers|automations)")
    def list_rules(self, asked: Asked, word: str) -> Any:
        rules = sorted(self._ruled(word)[1].values(), key=lambda r: (r["position"], r["id"]))
        if "active" in asked.query:
            rules = [r for r in rules if str(r["active"]).lower() == asked.query["active"]]
        return page(rules, word, asked.query, asked.url)

    @route("GET", "/api/v2/(triggers|automations)/active")
    def active_rules(self, asked: Asked, word: str) -> Any:
        return page([r for r in self._ruled(word)[1].values() if r["active"]], word, asked.query, asked.url)

    @route("GET", "/api/v2/(triggers|automations)/search")
    def search_rules(self, asked: Asked, word: str) -> Any:
        text = asked.query.get("query", "").lower()
        return page([r for r in self._ruled(word)[1].values() if text in str(r["title"]).lower()], word, asked.query, asked.url)

    @route("POST", "/api/v2/(triggers|automations)")
    def add_rule(self, asked: Asked, word: str) -> Any:
        name, into = self._ruled(word)
        return self._make(name, into, asked)

    @route("PUT", "/api/v2/triggers/reorder")
    def reorder_triggers(self, asked: Asked) -> Any:
        """`trigger_ids` lists every active trigger in its new order."""
        content = asked.content if isinstance(asked.content, Mapping) else {}
        wanted = content.get("trigger_ids")
        active = {i for i, t in self.s.triggers.items() if t["active"]}
        if not isinstance(wanted, list) or set(wanted) != active:
            raise invalid("base", "trigger_ids must name every active trigger", "InvalidValue")
        for place, id_ in enumerate(wanted, 1):
            self.s.triggers[id_]["position"] = place
        return {"triggers": [self.s.triggers[i] for i in wanted]}

    @route("PUT", "/api/v2/(triggers|automations)/update_many")
    def update_rules(self, asked: Asked, word: str) -> Any:
        _, into = self._ruled(word)
        changes = [dict(c) for c in asked.listed(word)]
        if not all(c.get("id") in into for c in changes):
            raise not_found()
        for change in changes:
            _check_shape(change)
        for change in changes:
            into[change["id"]].update({k: v for k, v in change.items() if k in ("position", "active", "category_id")})
        return page([into[c["id"]] for c in changes], word, asked.query, asked.url)

    @route("DELETE", "/api/v2/(triggers|automations)/destroy_many")
    def destroy_rules(self, asked: Asked, word: str) -> Any:
        _, into = self._ruled(word)
        for id_ in asked.ids():
            into.pop(id_, None)
        return Found(204, None)

    @route("GET", "/api/v2/triggers/definitions")
    def trigger_definitions(self, asked: Asked) -> Any:
        conditions = [{"subject": name, "title": name.replace("_", " ").capitalize()} for name in CONDITIONS]
        actions = [{"subject": name, "title": name.replace("_", " ").capitalize()} for name in ACTIONS]
        return {"definitions": {"conditions_all": conditions, "conditions_any": conditions, "actions": actions}}

    @route("GET", "/api/v2/(triggers|automations)/<id>")
    def show_rule(self, asked: Asked, word: str, id_: int) -> Any:
        name, into = self._ruled(word)
        if id_ not in into:
            raise not_found()
        return {name: into[id_]}

    @route("PUT", "/api/v2/(triggers|automations)/<id>")
    def update_rule(self, asked: Asked, word: str, id_: int) -> Any:
        name, into = self._ruled(word)
        if id_ not in into:
            raise not_found()
        change = {k: v for k, v in asked.inside(name).items() if k not in ("id", "url")}
        if {"all", "any", "conditions"} & set(change):
            change["conditions"] = _sides(change, into[id_]["conditions"])
        _check_shape(change)
        if name == "trigger":
            check_rule({**into[id_], **change}, self.s)
        into[id_].update(change, updated_at=self.world.text_of(self.world.now()))
        return {name: into[id_]}

    @route("DELETE", "/api/v2/(triggers|automations)/<id>")
    def delete_rule(self, asked: Asked, word: str, id_: int) -> Any:
        if self._ruled(word)[1].pop(id_, None) is None:
            raise not_found()
        return Found(204, None)


def _sides(rule: dict[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A rule's conditions, however they were written: inside `conditions`, or as its own `all` and `any`, which are taken off it."""
    given = rule.get("conditions") or {}
    if not isinstance(given, Mapping):
        raise invalid("conditions", "Conditions: are invalid")
    own = {side: rule.pop(side) for side in ("all", "any") if side in rule}
    return {"all": [], "any": [], **(known or {}), **given, **own}


def _check_shape(rule: dict[str, Any]) -> None:
    """A place is a number, a title a text; whether a rule is active may be written as text."""
    if rule.get("position", 0) is None:
        del rule["position"]
    if type(rule.get("position", 0)) is not int:
        raise invalid("position", "Position: is not a number")
    if not isinstance(rule.get("title", ""), str):
        raise invalid("title", "Title: is invalid")
    if "active" in rule:
        rule["active"] = is_true(rule["active"])
