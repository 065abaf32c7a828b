"""Zendesk's REST routes over the world: method and path patterns to functions. With and without `.json`."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tsbridge.simulator.zendesk.acts import check_subscriptions
from tsbridge.simulator.zendesk.answers import Rejected, bad_request, forbidden, invalid, no_endpoint, not_found, page
from tsbridge.simulator.zendesk.directory import Directory
from tsbridge.simulator.zendesk.extras import Extras
from tsbridge.simulator.zendesk.routes import ROUTES, Asked, Found, route
from tsbridge.simulator.zendesk.rules import ACTIONS, CONDITIONS
from tsbridge.simulator.zendesk.search import search_all, search_tickets, search_users
from tsbridge.simulator.zendesk.world import World, clean_tags


class Api(Extras, Directory):
    """The account's public API. A method answers its content, or `Found` for another status than 200."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.s = world.store

    def answer(self, method: str, path: str, asked: Asked) -> Found:
        allowed = False
        for wanted, expression, name in ROUTES:
            hit = expression.match(path)
            if hit is None:
                continue
            if wanted != method:
                allowed = True
                continue
            parts = [int(p) if p.isdigit() else p for p in hit.groups()]
            found = getattr(self, name)(asked, *parts)
            return found if isinstance(found, Found) else Found(200, found)
        raise no_endpoint() if not allowed else Rejected(405, {"error": "MethodNotAllowed", "description": "Method not allowed"})

    # -- tickets -----------------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/tickets")
    def list_tickets(self, asked: Asked) -> Any:
        tickets: Sequence[Any] = [t for _, t in sorted(self.s.tickets.items())]
        if "external_id" in asked.query:
            tickets = [t for t in tickets if t["external_id"] == asked.query["external_id"]]
        order = asked.query.get("sort", "")
        if order.lstrip("-") in ("updated_at", "id", "status"):
            tickets = sorted(tickets, key=lambda t: (t[order.lstrip("-")], t["id"]), reverse=order.startswith("-"))
        return page(tickets, "tickets", asked.query, asked.url)

    @route("GET", "/api/v2/tickets/count")
    def count_tickets(self, asked: Asked) -> Any:
        return {"count": {"value": len(self.s.tickets), "refreshed_at": self.world.text_of(self.world.now())}}

    @route("GET", "/api/v2/tickets/show_many")
    def show_many_tickets(self, asked: Asked) -> Any:
        found = [self.s.tickets[id_] for id_ in asked.ids() if id_ in self.s.tickets]
        return {"tickets": found, "next_page": None, "previous_page": None, "count": len(found)}

    @route("POST", "/api/v2/tickets")
    def create_ticket(self, asked: Asked) -> Any:
        key = asked.headers.get("idempotency-key")
        seen = str(asked.content)
        if key and key in self.s.once:
            body, id_ = self.s.once[key]
            if body != seen:
                raise bad_request("IdempotentRequestError", "The request parameters do not match the previous request with this key")
            return Found(201, {"ticket": self.world.ticket(id_), "audit": self.s.audits[id_][0]}, {"x-idempotency-lookup": "hit"})
        ticket = self.world.create(asked.inside("ticket"), asked.user)
        if key:
            self.s.once[key] = (seen, ticket["id"])
        headers = {"Location": ticket["url"], **({"x-idempotency-lookup": "miss"} if key else {})}
        return Found(201, {"ticket": ticket, "audit": self.s.audits[ticket["id"]][0]}, headers)

    @route("POST", "/api/v2/tickets/create_many")
    def create_many(self, asked: Asked) -> Any:
        results = []
        for index, props in enumerate(asked.listed("tickets")):
            made = self.world.create(props, asked.user)
            results.append({"index": index, "id": made["id"]})
        return self.world.new_job("Bulk Create Ticket", results)

    @route("PUT", "/api/v2/tickets/update_many")
    def update_many(self, asked: Asked) -> Any:
        results: list[dict[str, Any]] = []
        if "ids" in asked.query:
            common = asked.inside("ticket")
            results += [self._bulk_one(id_, common, asked.user) for id_ in asked.ids()]
        else:
            results += [self._bulk_one(int(props.get("id") or 0), props, asked.user) for props in asked.listed("tickets")]
        return self.world.new_job("Bulk Update Ticket", results)

    def _bulk_one(self, id_: int, props: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
        done = {"id": id_, "action": "update", "status": "Updated", "success": True}
        try:
            ticket = self.world.ticket(id_)
            change = {k: v for k, v in props.items() if k not in ("id", "additional_tags", "remove_tags")}
            if "additional_tags" in props or "remove_tags" in props:
                now = set(ticket["tags"]) | set(clean_tags(props.get("additional_tags") or []))
                change["tags"] = sorted(now - set(clean_tags(props.get("remove_tags") or [])))
            self.world.change(id_, change, user)
        except Rejected as refused:
            error = refused.body.get("error") if isinstance(refused.body, Mapping) else "Failed"
            details = str(refused.body.get("description", "")) if isinstance(refused.body, Mapping) else ""
            return {**done, "status": "Failed", "success": False, "error": error, "details": details}
        return done

    @route("GET", "/api/v2/tickets/<id>")
    def show_ticket(self, asked: Asked, id_: int) -> Any:
        ticket = self.world.ticket(id_)
        found: dict[str, Any] = {"ticket": ticket}
        include = asked.query.get("include", "").split(",")
        if "users" in include:
            found["users"] = [
                u for i in {ticket["requester_id"], ticket["assignee_id"], ticket["submitter_id"]} if (u := self.s.users.get(i or 0))
            ]
        if "groups" in include:
            found["groups"] = [g for i in (ticket["group_id"],) if (g := self.s.groups.get(i or 0))]
        return found

    @route("PUT", "/api/v2/tickets/<id>")
    def update_ticket(self, asked: Asked, id_: int) -> Any:
        props = asked.inside("ticket")
        warned = sorted(set(props) & {"url", "created_at", "id", "via"})
        ticket, audit = self.world.change(id_, props, asked.user)
        return Found(
            200,
            {"ticket": copy.deepcopy(ticket), "audit": audit},
            {"X-Zendesk-API-Warn": f"Removed restricted keys {warned}"} if warned else {},
        )

    @route("DELETE", "/api/v2/tickets/destroy_many")
    def destroy_many(self, asked: Asked) -> Any:
        results = []
        for id_ in asked.ids():
            try:
                self.world.delete(id_, asked.user)
                results.append({"id": id_, "action": "destroy", "status": "Deleted", "success": True})
            except Rejected:
                results.append({"id": id_, "action": "destroy", "status": "Failed", "success": False, "error": "RecordNotFound"})
        return self.world.new_job("Bulk Delete Ticket", results)

    @route("DELETE", "/api/v2/tickets/<id>")
    def delete_ticket(self, asked: Asked, id_: int) -> Any:
        self.world.delete(id_, asked.user)
        return Found(204, None)

    @route("GET", "/api/v2/deleted_tickets")
    def deleted_tickets(self, asked: Asked) -> Any:
        keys = ("id", "subject", "description", "deleted_at")
        return page(
            [{k: t.get(k) for k in keys} | {"previous_state": "open", "actor": {"id": asked.user["id"]}} for t in self.s.deleted.values()],
            "deleted_tickets",
            asked.query,
            asked.url,
        )

    @route("PUT", "/api/v2/deleted_tickets/<id>/restore")
    def restore_ticket(self, asked: Asked, id_: int) -> Any:
        self.world.restore(id_, asked.user)
        return {}

    @route("POST", "/api/v2/tickets/<id>/merge")
    def merge_ticket(self, asked: Asked, id_: int) -> Any:
        content = asked.content if isinstance(asked.content, Mapping) else {}
        given = content.get("ids") or ()
        if not isinstance(given, list) or not given or not all(str(i).isdigit() for i in given):
            raise bad_request("InvalidValue", "ids must be a list of ticket ids")
        sources = [int(i) for i in given]
        self.world.merge(id_, sources, asked.user, content.get("target_comment"), content.get("source_comment"))
        return self.world.new_job("Ticket Merge", [{"id": i, "success": True} for i in sources])

    @route("GET", "/api/v2/tickets/<id>/tags")
    def show_tags(self, asked: Asked, id_: int) -> Any:
        return {"tags": self.world.ticket(id_)["tags"]}

    @route("POST", "/api/v2/tickets/<id>/tags")
    def set_tags(self, asked: Asked, id_: int) -> Any:
        return Found(201, self._tags(asked, id_, "set"))

    @route("PUT", "/api/v2/tickets/<id>/tags")
    def add_tags(self, asked: Asked, id_: int) -> Any:
        return self._tags(asked, id_, "add")

    @route("DELETE", "/api/v2/tickets/<id>/tags")
    def remove_tags(self, asked: Asked, id_: int) -> Any:
        return self._tags(asked, id_, "remove")

    def _tags(self, asked: Asked, id_: int, how: str) -> Any:
        content = asked.content if isinstance(asked.content, Mapping) else {}
        return {"tags": self.world.set_tags(id_, content.get("tags") or [], how, content, asked.user)}

    @route("GET", "/api/v2/tags")
    def all_tags(self, asked: Asked) -> Any:
        counts: dict[str, int] = {}
        for ticket in self.s.tickets.values():
            for tag in ticket["tags"]:
                counts[tag] = counts.get(tag, 0) + 1
        return page([{"name": n, "count": c} for n, c in sorted(counts.items())], "tags", asked.query, asked.url)

    @route("GET", "/api/v2/tickets/<id>/comments")
    def comments(self, asked: Asked, id_: int) -> Any:
        self.world.ticket(id_)
        found = self.s.comments[id_]
        if asked.query.get("sort") == "-created_at" or asked.query.get("sort_order") == "desc":
            found = found[::-1]
        answer = page(found, "comments", asked.query, asked.url)
        if "users" in asked.query.get("include", ""):
            answer["users"] = [self.s.users[i] for i in sorted({c["author_id"] for c in found}) if i in self.s.users]
        return answer

    @route("PUT", "/api/v2/tickets/<id>/comments/<id>/make_private")
    def make_private(self, asked: Asked, id_: int, comment_id: int) -> Any:
        for comment in self.s.comments.get(id_, ()):
            if comment["id"] == comment_id:
                comment["public"] = False
                self.world.tell("comment_made_private", self.world.ticket(id_), {"comment": {"id": str(comment_id)}}, asked.user)
                return {}
        raise not_found()

    @route("GET", "/api/v2/tickets/<id>/audits")
    def audits(self, asked: Asked, id_: int) -> Any:
        self.world.ticket(id_)
        found = self.s.audits[id_]
        if asked.query.get("sort") == "-created_at" or asked.query.get("sort_order") == "desc":
            found = found[::-1]
        return page(found, "audits", asked.query, asked.url)

    @route("GET", "/api/v2/tickets/<id>/audits/<id>")
    def audit(self, asked: Asked, id_: int, audit_id: int) -> Any:
        for found in self.s.audits.get(id_, ()):
            if found["id"] == audit_id:
                return {"audit": found}
        raise not_found()

    @route("GET", "/api/v2/users/<id>/tickets/requested")
    def requested(self, asked: Asked, id_: int) -> Any:
        return page([t for t in self.s.tickets.values() if t["requester_id"] == id_], "tickets", asked.query, asked.url)

    @route("GET", "/api/v2/users/<id>/tickets/assigned")
    def assigned(self, asked: Asked, id_: int) -> Any:
        return page([t for t in self.s.tickets.values() if t["assignee_id"] == id_], "tickets", asked.query, asked.url)

    # -- jobs, search, exports ----------------------------------------------------------------------------------------

    @route("GET", "/api/v2/job_statuses/show_many")
    def show_jobs(self, asked: Asked) -> Any:
        wanted = asked.query.get("ids", "").split(",")
        return {"job_statuses": [self.s.jobs[i] for i in wanted if i in self.s.jobs]}

    @route("GET", "/api/v2/job_statuses")
    def list_jobs(self, asked: Asked) -> Any:
        return page(list(self.s.jobs.values()), "job_statuses", asked.query, asked.url)

    @route("GET", "/api/v2/job_statuses/<word>")
    def show_job(self, asked: Asked, id_: Any) -> Any:
        if str(id_) not in self.s.jobs:
            raise not_found()
        return {"job_status": self.world.job(str(id_))}

    @route("GET", "/api/v2/search")
    def search(self, asked: Asked) -> Any:
        query = asked.query.get("query", "")
        found = search_all(self.world, query, asked.query)
        depth = max(int(n) if (n := asked.query.get("page", "1")).isdigit() else 1, 1)
        size = min(int(n) if (n := asked.query.get("per_page", "100")).isdigit() else 100, 100)
        if depth > 1 and depth * size > 1_000:
            raise Rejected(
                422, {"error": "Search Response Limits", "description": "Requested response size was greater than Search Response Limits"}
            )
        return {**page(found, "results", asked.query, asked.url), "facets": None}

    @route("GET", "/api/v2/search/count")
    def search_count(self, asked: Asked) -> Any:
        return {"count": len(search_all(self.world, asked.query.get("query", ""), asked.query))}

    @route("GET", "/api/v2/search/export")
    def search_export(self, asked: Asked) -> Any:
        kind = asked.query.get("filter[type]")
        if kind not in ("ticket", "user"):
            raise bad_request("InvalidValue", "filter[type] is needed")
        query = asked.query.get("query", "")
        found = search_tickets(self.world, query) if kind == "ticket" else search_users(self.world, query)
        sized = {"page[size]": "100", **asked.query}
        return page([{**f, "result_type": kind} for f in found], "results", sized, asked.url)

    @route("GET", "/api/v2/incremental/tickets/cursor")
    def cursor_export(self, asked: Asked) -> Any:
        start = asked.query.get("start_time", "")
        cursor = asked.query.get("cursor")
        if cursor is None and not start.isdigit():
            raise bad_request("InvalidValue", "start_time is needed")
        if cursor is None and int(start) > self.world.now().timestamp() - 60:
            raise Rejected(
                422, {"error": "StartTimeTooRecent", "description": "Too recent start_time. Use a start_time older than 60 seconds"}
            )
        since = (float(start), -1) if cursor is None else _read_cursor(cursor)
        limit = min(max(int(asked.query["per_page"]), 1), 1_000) if asked.query.get("per_page", "").isdigit() else 1_000
        tickets, end, done = self.world.export(since, limit)
        if asked.query.get("exclude_deleted") == "true":
            tickets = [t for t in tickets if t["status"] != "deleted"]
        after = f"{end[0]:.6f}_{end[1]}"
        base = f"{self.world.url}/api/v2/incremental/tickets/cursor.json"
        return {
            "tickets": tickets,
            "after_cursor": after,
            "after_url": f"{base}?cursor={after}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": done,
        }

    @route("GET", "/api/v2/incremental/tickets")
    def time_export(self, asked: Asked) -> Any:
        start = asked.query.get("start_time", "")
        if not start.isdigit():
            raise bad_request("InvalidValue", "start_time is needed")
        tickets, end, done = self.world.export((float(start) - 0.5, -1), 1_000)
        end_time = int(end[0]) if tickets else int(start)
        base = f"{self.world.url}/api/v2/incremental/tickets.json"
        return {
            "tickets": tickets,
            "count": len(tickets),
            "end_of_stream": done,
            "end_time": end_time,
            "next_page": f"{base}?start_time={end_time}",
        }

    @route("GET", "/api/v2/incremental/users")
    def users_export(self, asked: Asked) -> Any:
        users = list(self.s.users.values())
        now = int(self.world.now().timestamp())
        return {"users": users, "count": len(users), "end_of_stream": True, "end_time": now, "next_page": None}

    @route("GET", "/api/v2/incremental/users/cursor")
    def users_cursor(self, asked: Asked) -> Any:
        return {
            "users": list(self.s.users.values()),
            "after_cursor": "end",
            "after_url": None,
            "before_cursor": None,
            "end_of_stream": True,
        }

    @route("GET", "/api/v2/incremental/ticket_events")
    def ticket_events(self, asked: Asked) -> Any:
        start = int(asked.query["start_time"]) if asked.query.get("start_time", "").isdigit() else 0
        newest = self.world.now().timestamp() - 60
        found = []
        for audits in self.s.audits.values():
            for audit in audits:
                at = _seconds(audit["created_at"])
                if start <= at <= newest:
                    children = [{**e, "event_type": e["type"], "via": audit["via"]["channel"]} for e in audit["events"]]
                    found.append(
                        {
                            "id": audit["id"],
                            "ticket_id": audit["ticket_id"],
                            "timestamp": at,
                            "created_at": audit["created_at"],
                            "updater_id": audit["author_id"],
                            "via": audit["via"]["channel"],
                            "event_type": "Audit",
                            "child_events": children,
                        }
                    )
        found.sort(key=lambda e: (e["timestamp"], e["id"]))
        end = found[-1]["timestamp"] if found else start
        return {
            "ticket_events": found[:1_000],
            "count": len(found[:1_000]),
            "end_of_stream": len(found) <= 1_000,
            "end_time": end,
            "next_page": f"{asked.url}?start_time={end}",
        }

    # -- people ------------------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/users/me")
    def me(self, asked: Asked) -> Any:
        return {"user": asked.user}

    @route("GET", "/api/v2/users")
    def list_users(self, asked: Asked) -> Any:
        roles = {v for k, values in asked.query.items() if k in ("role", "role[]") for v in values.split(",")}
        return page(
            [u for u in self.s.users.values() if u["active"] and (not roles or u["role"] in roles)], "users", asked.query, asked.url
        )

    @route("GET", "/api/v2/users/count")
    def count_users(self, asked: Asked) -> Any:
        return {"count": {"value": len(self.s.users), "refreshed_at": self.world.text_of(self.world.now())}}

    @route("GET", "/api/v2/users/show_many")
    def show_many_users(self, asked: Asked) -> Any:
        if "external_ids" in asked.query:
            wanted = asked.query["external_ids"].split(",")
            found = [u for u in self.s.users.values() if u["external_id"] in wanted]
        else:
            found = [self.s.users[i] for i in asked.ids() if i in self.s.users]
        return {"users": found, "next_page": None, "previous_page": None, "count": len(found)}

    @route("GET", "/api/v2/users/search")
    def users_search(self, asked: Asked) -> Any:
        if "external_id" in asked.query:
            found = [u for u in self.s.users.values() if u["external_id"] == asked.query["external_id"]]
        else:
            found = search_users(self.world, asked.query.get("query", ""))
        return page(found, "users", asked.query, asked.url)

    @route("GET", "/api/v2/users/autocomplete")
    def users_autocomplete(self, asked: Asked) -> Any:
        return page(search_users(self.world, asked.query.get("name", "")), "users", asked.query, asked.url)

    @route("POST", "/api/v2/users")
    def create_user(self, asked: Asked) -> Any:
        return Found(201, {"user": self._new_user(asked.inside("user"))})

    @route("POST", "/api/v2/users/create_or_update")
    def create_or_update(self, asked: Asked) -> Any:
        props = asked.inside("user")
        known = self.world.user_by_email(str(props["email"])) if props.get("email") else None
        known = known or next(
            (u for u in self.s.users.values() if props.get("external_id") and u["external_id"] == props["external_id"]), None
        )
        if known is None:
            return Found(201, {"user": self._new_user(props)})
        known.update({k: v for k, v in props.items() if k in known and k not in ("id", "url", "email")})
        return {"user": known}

    @route("POST", "/api/v2/users/create_many")
    def create_users(self, asked: Asked) -> Any:
        made = [self._new_user(props) for props in asked.listed("users")]
        return self.world.new_job("Bulk Create User", [{"index": i, "id": u["id"]} for i, u in enumerate(made)])

    def _new_user(self, props: Mapping[str, Any]) -> dict[str, Any]:
        if not props.get("name"):
            raise invalid("name", "Name: is too short (minimum one character)", "BlankValue")
        if props.get("email") and self.world.user_by_email(str(props["email"])) is not None:
            raise invalid("email", f"Email: {props['email']} is already being used by another user", "DuplicateValue")
        known = ("external_id", "organization_id", "tags", "user_fields", "details", "notes", "verified", "time_zone")
        more = {k: props[k] for k in known if k in props}
        return self.world.add_user(
            str(props["name"]), props.get("email"), role=str(props.get("role") or "end-user"), phone=props.get("phone"), **more
        )

    @route("GET", "/api/v2/users/<id>")
    def show_user(self, asked: Asked, id_: int) -> Any:
        return {"user": self.world.user(id_)}

    @route("PUT", "/api/v2/users/<id>")
    def update_user(self, asked: Asked, id_: int) -> Any:
        user = self.world.user(id_)
        user.update({k: v for k, v in asked.inside("user").items() if k in user and k not in ("id", "url", "created_at")})
        user["updated_at"] = self.world.text_of(self.world.now())
        return {"user": user}

    @route("DELETE", "/api/v2/users/<id>")
    def delete_user(self, asked: Asked, id_: int) -> Any:
        user = self.world.user(id_)
        user["active"] = False
        return {"user": user}

    @route("GET", "/api/v2/users/<id>/identities")
    def identities(self, asked: Asked, id_: int) -> Any:
        self.world.user(id_)
        kinds = {v for k, values in asked.query.items() if k.startswith("type") for v in values.split(",")}
        found = [i for i in self.s.identities.values() if i["user_id"] == id_ and (not kinds or i["type"] in kinds)]
        return page(found, "identities", asked.query, asked.url)

    @route("POST", "/api/v2/users/<id>/identities")
    def add_identity(self, asked: Asked, id_: int) -> Any:
        self.world.user(id_)
        props = asked.inside("identity")
        return Found(201, {"identity": self.world.add_identity(id_, str(props.get("type")), str(props.get("value")))})

    # -- the rest of the account ---------------------------------------------------------------------------------------

    @route("GET", "/api/v2/business_hours/schedules")
    def schedules(self, asked: Asked) -> Any:
        intervals = [{"start_time": 1440 * day + 540, "end_time": 1440 * day + 1020} for day in range(1, 6)]
        return {"schedules": [{"id": 1, "name": "Office", "time_zone": "Pacific Time (US & Canada)", "intervals": intervals}]}

    @route("GET", "/api/v2/slas/policies")
    def slas(self, asked: Asked) -> Any:
        return page([], "sla_policies", asked.query, asked.url)

    @route("GET", "/api/v2/account/settings")
    def settings(self, asked: Asked) -> Any:
        return {"settings": {"tickets": {"tagging": True}, "active_features": {"business_hours": True}}}

    @route("GET", "/api/v2/oauth/tokens/current")
    def current_token(self, asked: Asked) -> Any:
        return {"token": {"id": 1, "user_id": asked.user["id"], "scopes": ["read", "write"]}}

    # -- triggers, automations, webhooks -------------------------------------------------------------------------------

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
            made["conditions"] = {"all": made.pop("all", []), "any": made.pop("any", []), **(made.get("conditions") or {})}
            made["raw_title"] = made.get("title")
            if not made.get("title") or not made.get("actions"):
                raise invalid("title" if not made.get("title") else "base", "cannot be blank", "BlankValue")
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
        changes = asked.listed(word)
        if not all(c.get("id") in into for c in changes):
            raise not_found()
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
        sides = {side: change.pop(side) for side in ("all", "any") if side in change}
        if sides:
            change["conditions"] = {**into[id_]["conditions"], **(change.get("conditions") or {}), **sides}
        into[id_].update(change, updated_at=self.world.text_of(self.world.now()))
        return {name: into[id_]}

    @route("DELETE", "/api/v2/(triggers|automations)/<id>")
    def delete_rule(self, asked: Asked, word: str, id_: int) -> Any:
        if self._ruled(word)[1].pop(id_, None) is None:
            raise not_found()
        return Found(204, None)

    @route("GET", "/api/v2/webhooks")
    def list_webhooks(self, asked: Asked) -> Any:
        found = [self._shown(w) for w in self.s.webhooks.values()]
        named = asked.query.get("filter[name_contains]")
        found = [w for w in found if named is None or named.lower() in w["name"].lower()]
        return page(found, "webhooks", {"page[size]": "100", **asked.query}, asked.url)

    @route("POST", "/api/v2/webhooks")
    def add_webhook(self, asked: Asked) -> Any:
        props = self._cloned(asked) if "clone_webhook_id" in asked.query else asked.inside("webhook")
        if asked.user["role"] == "end-user":
            raise forbidden()
        missing = [k for k in ("name", "endpoint", "http_method", "request_format", "status") if not props.get(k)]
        if missing:
            raise bad_request("InvalidWebhook", f"{missing[0]} is missing")
        check_subscriptions(props.get("subscriptions") or ["conditional_ticket_events"])
        rng = self.world.random
        id_ = "01" + "".join(rng.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(24))
        stamp = self.world.text_of(self.world.now())
        secret = (
            str(props.get("signing_secret", {}).get("secret") if isinstance(props.get("signing_secret"), Mapping) else "") or self._secret()
        )
        self.s.webhooks[id_] = {
            "subscriptions": ["conditional_ticket_events"],
            **{k: v for k, v in props.items() if k != "signing_secret"},
            "id": id_,
            "secret": secret,
            "created_at": stamp,
            "updated_at": stamp,
            "created_by": str(asked.user["id"]),
            "updated_by": str(asked.user["id"]),
        }
        return Found(201, {"webhook": self._shown(self.s.webhooks[id_])})

    def _cloned(self, asked: Asked) -> Mapping[str, Any]:
        given = self._webhook(asked.query["clone_webhook_id"])
        return {k: v for k, v in given.items() if k not in ("secret", "id", "authentication")}

    def _secret(self) -> str:
        return base64.b64encode(self.world.random.randbytes(24)).decode()

    def _shown(self, webhook: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in webhook.items() if k != "secret"}

    def _webhook(self, id_: Any) -> dict[str, Any]:
        found = self.s.webhooks.get(str(id_))
        if found is None:
            raise Rejected(404, {"errors": [{"code": "WebhookNotFound", "title": "Webhook not found", "detail": "Webhook not found"}]})
        return found

    @route("GET", "/api/v2/webhooks/<word>")
    def show_webhook(self, asked: Asked, id_: Any) -> Any:
        return {"webhook": self._shown(self._webhook(id_))}

    @route("PUT", "/api/v2/webhooks/<word>")
    def update_webhook(self, asked: Asked, id_: Any) -> Any:
        self._webhook(id_).update({k: v for k, v in asked.inside("webhook").items() if k not in ("id", "subscriptions")})
        return Found(204, None)

    @route("PATCH", "/api/v2/webhooks/<word>")
    def patch_webhook(self, asked: Asked, id_: Any) -> Any:
        return self.update_webhook(asked, id_)

    @route("DELETE", "/api/v2/webhooks/<word>")
    def delete_webhook(self, asked: Asked, id_: Any) -> Any:
        self._webhook(id_)
        del self.s.webhooks[str(id_)]
        return Found(204, None)

    @route("GET", "/api/v2/webhooks/<word>/signing_secret")
    def signing_secret(self, asked: Asked, id_: Any) -> Any:
        return {"signing_secret": {"algorithm": "SHA256", "secret": self._webhook(id_)["secret"]}}

    @route("POST", "/api/v2/webhooks/<word>/signing_secret")
    def reset_secret(self, asked: Asked, id_: Any) -> Any:
        self._webhook(id_)["secret"] = self._secret()
        return Found(201, {"signing_secret": {"algorithm": "SHA256", "secret": self._webhook(id_)["secret"]}})


def _read_cursor(cursor: str) -> tuple[float, int]:
    at, _, revision = cursor.partition("_")
    try:
        return float(at), int(revision)
    except ValueError:
        raise bad_request("InvalidCursor", "The cursor is not valid") from None


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
