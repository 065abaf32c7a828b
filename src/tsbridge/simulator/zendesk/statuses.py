"""Routes of custom statuses: names of their own for new, open, pending, on-hold and solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.simulator.zendesk.answers import invalid, not_found
from tsbridge.simulator.zendesk.mirrors import LABELS
from tsbridge.simulator.zendesk.props import is_true
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route

CATEGORIES = tuple(word for word, _ in LABELS)


class Statuses(RouteGroup):
    """Each has a category; one of each category is its default, which a ticket gets with the plain status."""

    @route("GET", "/api/v2/custom_statuses")
    def custom_statuses(self, asked: Asked) -> Any:
        found = list(self.s.statuses.values())
        for name in ("active", "default"):
            if name in asked.query:
                found = [one for one in found if one[name] == is_true(asked.query[name])]
        wanted = asked.values("status_categories")
        return {"custom_statuses": [one for one in found if not wanted or one["status_category"] in wanted]}

    @route("POST", "/api/v2/custom_statuses")
    def add_custom_status(self, asked: Asked) -> Any:
        given = asked.inside("custom_status")
        if given.get("status_category") not in CATEGORIES:
            raise invalid("status_category", "Status category: is not included in the list")
        if not given.get("agent_label"):
            raise invalid("agent_label", "Agent label: cannot be blank", "BlankValue")
        id_, stamp = self.world.new_id(), self.world.text_of(self.world.now())
        label = str(given["agent_label"])
        self.s.statuses[id_] = {
            "id": id_,
            "status_category": given["status_category"],
            "active": True,
            "default": False,
            "created_at": stamp,
            "url": f"{self.world.url}/api/v2/custom_statuses/{id_}.json",
            **_labels({"end_user_label": label, "description": "", **given}),
        }
        return Found(201, {"custom_status": self._changed(id_, {})})

    @route("GET", "/api/v2/custom_statuses/<id>")
    def show_custom_status(self, asked: Asked, id_: int) -> Any:
        return {"custom_status": self._status(id_)}

    @route("PUT", "/api/v2/custom_statuses/<id>")
    def change_custom_status(self, asked: Asked, id_: int) -> Any:
        """Labels and whether it is in use; the default of a category stays in use."""
        known, given = self._status(id_), asked.inside("custom_status")
        change = _labels(given)
        if "active" in given:
            if known["default"] and not is_true(given["active"]):
                raise invalid("active", "Active: a default status cannot be deactivated")
            change["active"] = is_true(given["active"])
        return {"custom_status": self._changed(id_, change)}

    @route("PUT", "/api/v2/custom_status/default")
    def choose_default_statuses(self, asked: Asked) -> Any:
        """`ids`: the new default of its category each."""
        content = asked.content if isinstance(asked.content, Mapping) else {}
        chosen = [self._status(int(i)) for i in str(content.get("ids") or "").split(",") if i.isdecimal()]
        for one in chosen:
            for other in self.s.statuses.values():
                if other["status_category"] == one["status_category"]:
                    other["default"] = other is one
            one["active"] = True
        return {"custom_statuses": chosen}

    def _status(self, id_: int) -> dict[str, Any]:
        if id_ not in self.s.statuses:
            raise not_found()
        return self.s.statuses[id_]

    def _changed(self, id_: int, change: Mapping[str, Any]) -> dict[str, Any]:
        self.s.statuses[id_].update(change, updated_at=self.world.text_of(self.world.now()))
        return self.s.statuses[id_]


def _labels(given: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of a status, each of a label under both its names."""
    labels = {name: str(given[name]) for name in ("agent_label", "end_user_label") if name in given}
    described = {"description": str(given["description"])} if "description" in given else {}
    return labels | {f"raw_{name}": label for name, label in labels.items()} | described
