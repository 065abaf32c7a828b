"""Routes of tickets: one and many, their tags, comments and audits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tsbridge.simulator.zendesk.answers import bad_request, forbidden, invalid, not_found, page
from tsbridge.simulator.zendesk.props import is_true
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route


class Tickets(RouteGroup):
    """Tickets and what belongs to them."""

    @route("GET", "/api/v2/tickets")
    def list_tickets(self, asked: Asked) -> Any:
        tickets: Sequence[Any] = [t for _, t in sorted(self.s.tickets.items())]
        if "external_id" in asked.query:
            tickets = [t for t in tickets if t["external_id"] == asked.query["external_id"]]
        name, backwards = asked.query.get("sort", "").lstrip("-"), asked.query.get("sort", "").startswith("-")
        if not any(key.startswith("page[") for key in asked.query) and "sort_by" in asked.query:  # cursor pages pass it over
            name, backwards = asked.query["sort_by"], asked.query.get("sort_order") == "desc"
        if name in ("created_at", "updated_at", "id", "status"):
            tickets = sorted(tickets, key=lambda t: (t[name], t["id"]), reverse=backwards)
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
        warned = sorted(set(props) & {"url", "created_at", "id", "via", "description"})
        ticket, audit = self.world.change(id_, props, asked.user)
        return Found(
            200,
            {"ticket": copy.deepcopy(ticket), "audit": audit},
            {"X-Zendesk-API-Warn": f"Removed restricted keys {warned}"} if warned else {},
        )

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
        self.world.merge(
            id_,
            sources,
            asked.user,
            content.get("target_comment"),
            content.get("source_comment"),
            target_public=is_true(content.get("target_comment_is_public", False)),
            source_public=is_true(content.get("source_comment_is_public", False)),
        )
        return self.world.new_job("Ticket Merge", [{"id": i, "success": True} for i in sources])

    @route("POST", "/api/v2/tickets/<id>/satisfaction_rating")
    def rate_ticket(self, asked: Asked, id_: int) -> Any:
        """What the requester, and nobody else, thinks of a solved ticket."""
        ticket, given = self.world.ticket(id_), asked.inside("satisfaction_rating")
        if asked.user["id"] != ticket["requester_id"] or ticket["status"] not in ("solved", "closed"):
            raise forbidden()
        if given.get("score") not in ("good", "bad"):
            raise invalid("score", "Score: is invalid")
        said = given.get("comment")
        rating = {"id": self.world.new_id(), "score": given["score"], "comment": None if said is None else str(said)}
        self.world.change(id_, {}, asked.user, via="web", rating=rating)
        return {"satisfaction_rating": rating}

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
        found = _in_order(self.s.comments[id_], asked)
        answer = page(found, "comments", asked.query, asked.url)
        if "users" in asked.query.get("include", ""):
            answer["users"] = [self.s.users[i] for i in sorted({c["author_id"] for c in found}) if i in self.s.users]
        return answer

    @route("PUT", "/api/v2/tickets/<id>/comments/<id>/make_private")
    def make_private(self, asked: Asked, id_: int, comment_id: int) -> Any:
        for comment in self.s.comments.get(id_, ()):
            if comment["id"] == comment_id:
                comment["public"] = False
                self.world.ticket(id_)["is_public"] = any(c["public"] for c in self.s.comments[id_])
                self.world.tell("comment_made_private", self.world.ticket(id_), {"comment": {"id": str(comment_id)}}, asked.user)
                return {}
        raise not_found()

    @route("GET", "/api/v2/tickets/<id>/audits")
    def audits(self, asked: Asked, id_: int) -> Any:
        self.world.ticket(id_)
        found = _in_order(self.s.audits[id_], asked)
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


def _in_order(oldest_first: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """As the query asks: the newest first, or as they came."""
    newest_first = asked.query.get("sort") == "-created_at" or asked.query.get("sort_order") == "desc"
    return oldest_first[::-1] if newest_first else oldest_first
