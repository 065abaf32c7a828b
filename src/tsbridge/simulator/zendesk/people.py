"""Routes of users and their identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.simulator.zendesk.answers import invalid, page
from tsbridge.simulator.zendesk.directory import fitting
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route
from tsbridge.simulator.zendesk.search import search_users


class People(RouteGroup):
    """End users, agents, admins."""

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
        return Found(201, {"user": self.new_user(asked.inside("user"))})

    @route("POST", "/api/v2/users/create_or_update")
    def create_or_update(self, asked: Asked) -> Any:
        props = asked.inside("user")
        known = self.world.user_by_email(str(props["email"])) if props.get("email") else None
        known = known or next(
            (u for u in self.s.users.values() if props.get("external_id") and u["external_id"] == props["external_id"]), None
        )
        if known is None:
            return Found(201, {"user": self.new_user(props)})
        self.change_user(known, {k: v for k, v in props.items() if k != "email"})
        return {"user": known}

    def new_user(self, props: Mapping[str, Any]) -> dict[str, Any]:
        if not props.get("name"):
            raise invalid("name", "Name: is too short (minimum one character)", "BlankValue")
        if props.get("email") and self.world.user_by_email(str(props["email"])) is not None:
            raise invalid("email", f"Email: {props['email']} is already being used by another user", "DuplicateValue")
        known = ("external_id", "organization_id", "tags", "user_fields", "details", "notes", "verified", "time_zone", "phone", "role")
        more = fitting({k: v for k, v in props.items() if v is not None}, dict.fromkeys(known))
        email = str(props["email"]) if props.get("email") else None
        return self.world.add_user(str(props["name"]), email, **more)

    @route("GET", "/api/v2/users/<id>")
    def show_user(self, asked: Asked, id_: int) -> Any:
        return {"user": self.world.user(id_)}

    @route("PUT", "/api/v2/users/<id>")
    def update_user(self, asked: Asked, id_: int) -> Any:
        user = self.world.user(id_)
        self.change_user(user, asked.inside("user"))
        return {"user": user}

    @route("DELETE", "/api/v2/users/<id>")
    def delete_user(self, asked: Asked, id_: int) -> Any:
        return {"user": self.end_user(id_)}

    def end_user(self, id_: int) -> dict[str, Any]:
        """A deleted user stays readable by id, inactive."""
        user = self.world.user(id_)
        user["active"] = False
        user["updated_at"] = self.world.text_of(self.world.now())
        self.world.tell("deleted", user, {}, self.world.admin, about="user")
        return user

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
