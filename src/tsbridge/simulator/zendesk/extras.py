"""Simple collections that one creates, lists, shows, changes and deletes, views that look at tickets, and smaller routes of tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk import rules
from tsbridge.simulator.zendesk.answers import bad_request, invalid, not_found, page
from tsbridge.simulator.zendesk.metrics import Schedule, times
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route

SHELVES: Final[Mapping[str, tuple[str, str, str]]] = {
    # path: (key of one, name of the store, what must be given)
    "groups": ("group", "groups", "name"),
    "group_memberships": ("group_membership", "memberships", "group_id"),
    "organizations": ("organization", "organizations", "name"),
    "organization_memberships": ("organization_membership", "organization_memberships", "organization_id"),
    "ticket_fields": ("ticket_field", "fields", "title"),
    "views": ("view", "views", "title"),
    "macros": ("macro", "macros", "title"),
    "brands": ("brand", "brands", "name"),
    "ticket_forms": ("ticket_form", "forms", "name"),
    "trigger_categories": ("trigger_category", "categories", "name"),
}
ANY_SHELF: Final = "(" + "|".join(SHELVES) + ")"
EMPTY: Final = {
    "user_fields": "user_fields",
    "organization_fields": "organization_fields",
    "satisfaction_ratings": "satisfaction_ratings",
    "suspended_tickets": "suspended_tickets",
    "targets": "targets",
    "activities": "activities",
    "custom_roles": "custom_roles",
    "sharing_agreements": "sharing_agreements",
    "skips": "skips",
    "dynamic_content/items": "items",
    "channels/voice/phone_numbers": "phone_numbers",
}


class Extras(RouteGroup):
    """Routes that do not depend on how tickets change."""

    # -- collections ---------------------------------------------------------------------------------------------------

    def _shelf(self, word: str) -> tuple[str, dict[int, dict[str, Any]], str]:
        one, name, needed = SHELVES[word]
        shelf: dict[int, dict[str, Any]] = getattr(self.s, name)
        return one, shelf, needed

    @route("GET", f"/api/v2/{ANY_SHELF}")
    def list_shelf(self, asked: Asked, word: str) -> Any:
        return page(list(self._shelf(word)[1].values()), word, asked.query, asked.url)

    @route("GET", f"/api/v2/{ANY_SHELF}/count")
    def count_shelf(self, asked: Asked, word: str) -> Any:
        return {"count": {"value": len(self._shelf(word)[1]), "refreshed_at": self.world.text_of(self.world.now())}}

    @route("GET", f"/api/v2/{ANY_SHELF}/show_many")
    def show_shelf(self, asked: Asked, word: str) -> Any:
        shelf = self._shelf(word)[1]
        wanted = asked.values("external_ids")
        found = [o for o in shelf.values() if o.get("external_id") in wanted] if wanted else [shelf[i] for i in asked.ids() if i in shelf]
        return page(found, word, asked.query, asked.url)

    @route("GET", "/api/v2/(views|macros)/active")
    def active_of_shelf(self, asked: Asked, word: str) -> Any:
        return page([v for v in self._shelf(word)[1].values() if v.get("active", True)], word, asked.query, asked.url)

    @route("POST", f"/api/v2/{ANY_SHELF}")
    def add_to_shelf(self, asked: Asked, word: str) -> Any:
        return self.put_away(word, asked)

    def put_away(self, word: str, asked: Asked) -> Any:
        one, shelf, needed = self._shelf(word)
        given = dict(asked.inside(one))
        if given.get(needed) in (None, ""):
            raise invalid(needed, f"{needed.capitalize()}: cannot be blank", "BlankValue")
        for name in [k for k in given if k.endswith("_id") and k != "external_id"]:
            if given[name] is not None and not str(given[name]).isdecimal():
                raise invalid(name, f"{name} is not valid")
            given[name] = given[name] and int(given[name])
        if word == "organizations" and any(str(o["name"]).lower() == str(given["name"]).lower() for o in shelf.values()):
            raise invalid("name", f"Name: {given['name']} has already been taken", "DuplicateValue")
        id_, stamp = self.world.new_id(), self.world.text_of(self.world.now())
        extra: dict[str, Any] = {"active": True, "position": len(shelf) + 1} if word in ("views", "macros", "ticket_fields") else {}
        if word == "ticket_fields":
            extra |= {"type": "text", "tag": None, "required": False}
        if word == "organizations":
            extra = {"tags": [], "domain_names": [], "external_id": None, "organization_fields": {}, "details": "", "notes": ""}
        if word == "views":
            sides = {side: given.pop(side, None) for side in ("all", "any")}
            extra["conditions"] = {side: value or [] for side, value in sides.items()}
            extra["execution"] = given.pop("output", {})
        url = f"{self.world.url}/api/v2/{word}/{id_}.json"
        shelf[id_] = {**extra, **given, "id": id_, "url": url, "created_at": stamp, "updated_at": stamp}
        return Found(201, {one: shelf[id_]}, {"Location": url})

    @route("GET", f"/api/v2/{ANY_SHELF}/<id>")
    def show_of_shelf(self, asked: Asked, word: str, id_: int) -> Any:
        one, shelf, _ = self._shelf(word)
        if id_ not in shelf:
            raise not_found()
        return {one: shelf[id_]}

    @route("PUT", f"/api/v2/{ANY_SHELF}/<id>")
    def change_of_shelf(self, asked: Asked, word: str, id_: int) -> Any:
        one, shelf, _ = self._shelf(word)
        if id_ not in shelf:
            raise not_found()
        change = {k: v for k, v in asked.inside(one).items() if k not in ("id", "url", "created_at")}
        if word == "views":
            sides = {side: change.pop(side) for side in ("all", "any") if side in change}
            if sides:
                change["conditions"] = {**shelf[id_]["conditions"], **sides}
        shelf[id_].update(change, updated_at=self.world.text_of(self.world.now()))
        return {one: shelf[id_]}

    @route("DELETE", f"/api/v2/{ANY_SHELF}/<id>")
    def delete_of_shelf(self, asked: Asked, word: str, id_: int) -> Any:
        if self._shelf(word)[1].pop(id_, None) is None:
            raise not_found()
        return Found(204, None)

    @route("GET", "/api/v2/(" + "|".join(EMPTY) + ")")
    def nothing_there(self, asked: Asked, word: str) -> Any:
        return page([], EMPTY[word], asked.query, asked.url)

    @route("GET", "/api/v2/locales(?:/(?:agent|public))?")
    def locales(self, asked: Asked) -> Any:
        return {"locales": [{"id": 1, "locale": "en-US", "name": "English", "default": True}]}

    # -- views ---------------------------------------------------------------------------------------------------------

    def _seen(self, id_: int) -> list[dict[str, Any]]:
        view = self.s.views.get(id_)
        if view is None:
            raise not_found()
        look = {"conditions": view.get("conditions") or {}}
        nobody: dict[str, Any] = {"id": None}
        return [t for t in self.s.tickets.values() if rules.holds(look, rules.Occasion(t, t, None, nobody, "web"))]

    @route("GET", "/api/v2/views/compact")
    def compact_views(self, asked: Asked) -> Any:
        return page(list(self.s.views.values())[:32], "views", asked.query, asked.url)

    @route("GET", "/api/v2/views/<id>/tickets")
    def view_tickets(self, asked: Asked, id_: int) -> Any:
        return page(self._seen(id_), "tickets", asked.query, asked.url)

    @route("GET", "/api/v2/views/<id>/execute")
    def execute_view(self, asked: Asked, id_: int) -> Any:
        rows = [{"ticket_id": t["id"], "ticket": {k: t[k] for k in ("id", "subject", "status", "priority")}} for t in self._seen(id_)]
        return {**page(rows, "rows", asked.query, asked.url), "columns": [], "view": {"id": id_}}

    @route("GET", "/api/v2/views/<id>/count")
    def count_view(self, asked: Asked, id_: int) -> Any:
        return {"view_count": self._counted(id_)}

    @route("GET", "/api/v2/views/count_many")
    def count_views(self, asked: Asked) -> Any:
        return {"view_counts": [self._counted(i) for i in asked.ids() if i in self.s.views]}

    def _counted(self, id_: int) -> dict[str, Any]:
        n = len(self._seen(id_))
        url = f"{self.world.url}/api/v2/views/{id_}/count.json"
        return {"view_id": id_, "url": url, "value": n, "pretty": str(n), "fresh": True}

    # -- files and imports ---------------------------------------------------------------------------------------------

    @route("POST", "/api/v2/uploads")
    def upload(self, asked: Asked) -> Any:
        raw = asked.content if isinstance(asked.content, bytes) else b""
        if not raw or not asked.query.get("filename"):
            raise bad_request("InvalidValue", "a body and a filename are needed")
        kind = asked.headers.get("content-type") or "application/octet-stream"
        return Found(201, {"upload": self.world.upload(asked.query["filename"], kind, raw)})

    @route("POST", "/api/v2/imports/tickets")
    def import_ticket(self, asked: Asked) -> Any:
        ticket = self.import_one(asked.inside("ticket"), asked.user)
        return Found(201, {"ticket": ticket, "audit": self.s.audits[ticket["id"]][0]}, {"Location": ticket["url"]})

    def import_one(self, props: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
        """A ticket from elsewhere: no trigger runs; its first comment is the description or the first of `comments`."""
        props = dict(props)
        comments = [c for c in props.pop("comments", None) or () if isinstance(c, Mapping)]
        if comments and not props.get("comment"):
            props["comment"] = {"body": comments[0].get("value") or comments[0].get("body"), "public": comments[0].get("public", True)}
        return self.world.create(props, user, imported=True)

    # -- more about tickets --------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/tickets/recent")
    def recent_tickets(self, asked: Asked) -> Any:
        recent = sorted(self.s.tickets.values(), key=lambda t: (t["updated_at"], t["id"]), reverse=True)
        return page(recent[:5], "tickets", asked.query, asked.url)

    @route("GET", "/api/v2/tickets/<id>/incidents")
    def incidents(self, asked: Asked, id_: int) -> Any:
        self.world.ticket(id_)
        return page([t for t in self.s.tickets.values() if t["problem_id"] == id_], "tickets", asked.query, asked.url)

    @route("GET", "/api/v2/tickets/<id>/(collaborators|followers|email_ccs)")
    def people_of_ticket(self, asked: Asked, id_: int, word: str) -> Any:
        key = {"collaborators": "collaborator_ids", "followers": "follower_ids", "email_ccs": "email_cc_ids"}[word]
        return page([self.s.users[i] for i in self.world.ticket(id_)[key] if i in self.s.users], "users", asked.query, asked.url)

    @route("GET", "/api/v2/tickets/<id>/metrics")
    def metrics_of(self, asked: Asked, id_: int) -> Any:
        return {"ticket_metric": self.metric(self.world.ticket(id_))}

    @route("GET", "/api/v2/ticket_metrics/<id>")
    def metric_of(self, asked: Asked, id_: int) -> Any:
        return {"ticket_metric": self.metric(self.world.ticket(id_))}

    @route("GET", "/api/v2/ticket_metrics")
    def metrics(self, asked: Asked) -> Any:
        answer = page(list(self.s.tickets.values()), "ticket_metrics", asked.query, asked.url)
        return {**answer, "ticket_metrics": [self.metric(ticket) for ticket in answer["ticket_metrics"]]}

    def metric(self, ticket: Mapping[str, Any]) -> dict[str, Any]:
        changes = [e for a in self.s.audits[ticket["id"]] for e in a["events"] if e["type"] == "Change"]
        replies = [c for c in self.s.comments[ticket["id"]] if c["public"] and c["author_id"] != ticket["requester_id"]]
        return {
            "id": ticket["id"],
            "ticket_id": ticket["id"],
            "created_at": ticket["created_at"],
            "updated_at": ticket["updated_at"],
            "group_stations": sum(e["field_name"] == "group_id" for e in changes),
            "assignee_stations": sum(e["field_name"] == "assignee_id" for e in changes),
            "reopens": sum(e["field_name"] == "status" and e["previous_value"] == "solved" and e["value"] == "open" for e in changes),
            "replies": len(replies),
            **times(self.s.audits[ticket["id"]], self._staff(), self._business_hours()),
        }

    def _staff(self) -> set[int]:
        """Who answers as an agent; an integration does not."""
        return {id_ for id_, user in self.s.users.items() if user["role"] in ("agent", "admin")} - {self.world.bridge["id"]}

    def _business_hours(self) -> Schedule | None:
        """The account's schedule: the first one it has."""
        first = min(self.s.schedules, default=None)
        return None if first is None else Schedule(self.s.schedules[first], list(self.s.holidays.get(first, {}).values()))

    @route("GET", "/api/v2/ticket_audits")
    def all_audits(self, asked: Asked) -> Any:
        """The newest first; its cursors have a shape of their own."""
        cursor = asked.query.get("cursor", "")
        way, place = cursor[:1], cursor[1:]
        if cursor and not (way in ("b", "a") and place.isdecimal()):
            raise bad_request("InvalidCursor", "The cursor is not valid")
        found = sorted((a for audits in self.s.audits.values() for a in audits), key=lambda a: -a["id"])
        size = min(int(n), 1_000) if (n := asked.query.get("limit", "")).isdecimal() and int(n) else 1_000
        rest = [a for a in found if not cursor or (a["id"] > int(place) if way == "a" else a["id"] < int(place))]
        shown = rest[-size:] if way == "a" else rest[:size]
        base = f"{self.world.url}/api/v2/ticket_audits.json?cursor="
        older = f"b{shown[-1]['id']}" if shown and shown[-1] is not found[-1] else None
        newer = f"a{shown[0]['id']}" if shown else f"a{place or 0}"  # asked again later, there may be some
        return {
            "audits": shown,
            "before_cursor": older,
            "before_url": older and base + older,
            "after_cursor": newer,
            "after_url": base + newer,
        }

    @route("GET", "/api/v2/incremental/ticket_metric_events")
    def metric_events(self, asked: Asked) -> Any:
        """The account has no SLA policies, so nothing is applied, breached or fulfilled."""
        end = int(self.world.now().timestamp())
        return {"ticket_metric_events": [], "count": 0, "end_of_stream": True, "end_time": end, "next_page": None}

    @route("DELETE", "/api/v2/deleted_tickets/destroy_many")
    def scrub_many(self, asked: Asked) -> Any:
        return self._scrub(asked, asked.ids())

    @route("DELETE", "/api/v2/deleted_tickets/<id>")
    def scrub(self, asked: Asked, id_: int) -> Any:
        if id_ not in self.s.deleted:
            raise not_found()
        return self._scrub(asked, [id_])

    def _scrub(self, asked: Asked, ids: list[int]) -> Any:
        results = []
        for id_ in ids:
            there = id_ in self.s.deleted
            self.world.delete_for_good(id_, asked.user)
            results.append({"id": id_, "success": there})
        return self.world.new_job("Bulk Delete Ticket", results)
