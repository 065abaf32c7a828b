"""People, groups and organizations of the account, as far as they go beyond creating and finding users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import forbidden, invalid, not_found, page
from tsbridge.simulator.zendesk.props import clean_tags, is_true
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route

FIXED: Final = ("id", "url", "created_at", "updated_at")
FLAGS: Final = ("active", "verified", "shared", "suspended", "shared_phone_number")
ROLES: Final = ("end-user", "agent", "admin")


def shaped(given: Mapping[str, Any]) -> dict[str, Any]:
    """A change without the keys nobody may write."""
    return {k: v for k, v in given.items() if k not in FIXED}


def fitting(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a person that a request sets, each of its kind; others are left out as Zendesk does."""
    return {name: _of_its_kind(name, value) for name, value in given.items() if name in known and name not in FIXED}


def _of_its_kind(name: str, value: Any) -> Any:
    if name == "tags":
        return clean_tags(value or [])
    if name in FLAGS:
        return is_true(value)
    if name == "user_fields":
        value = value or {}
        if not isinstance(value, Mapping):
            raise invalid(name, "User fields: are invalid")
        return dict(value)
    if value is None:
        return None
    if name.endswith("_id") and name != "external_id":
        if not str(value).isdecimal():
            raise invalid(name, f"{name} is not valid")
        return int(value)
    if name == "role" and value not in ROLES:
        raise invalid("role", "Role: is not included in the list")
    return str(value).lower() if name == "email" else str(value)


class Directory(RouteGroup):
    """Routes about people and what they belong to."""

    # -- users -------------------------------------------------------------------------------------------------------

    def change_user(self, user: dict[str, Any], given: Mapping[str, Any]) -> None:
        user.update(fitting(given, user))
        user["updated_at"] = self.world.text_of(self.world.now())

    @route("GET", "/api/v2/deleted_users")
    def deleted_users(self, asked: Asked) -> Any:
        return page([u for u in self.s.users.values() if not u["active"]], "deleted_users", asked.query, asked.url)

    @route("DELETE", "/api/v2/deleted_users/<id>")
    def forget_user(self, asked: Asked, id_: int) -> Any:
        """Deleted for good, which only a deleted user can be: no word about the person is left."""
        user = self.world.user(id_)
        if user["active"]:
            raise forbidden()
        self.change_user(user, {"name": "Permanently Deleted User", "email": None, "phone": None, "external_id": None, "tags": []})
        self.s.identities = {i: one for i, one in self.s.identities.items() if one["user_id"] != id_}
        return {"deleted_user": user}

    @route("PUT", "/api/v2/users/<id>/merge")
    def merge_users(self, asked: Asked, id_: int) -> Any:
        """The user in the path goes into the one in the body: tickets and identities move, the first is gone."""
        lost, kept = self.world.user(id_), self.world.user(int(str(asked.inside("user").get("id") or 0)))
        if lost["role"] != "end-user" or lost is kept:
            raise invalid("base", "Only an end user can be merged into another user")
        for ticket in self.s.tickets.values():
            if ticket["requester_id"] == lost["id"]:
                ticket["requester_id"] = kept["id"]
        for identity in self.s.identities.values():
            if identity["user_id"] == lost["id"]:
                identity.update(user_id=kept["id"], primary=False)
        lost.update(active=False, email=None, phone=None)
        self.world.tell("merged", lost, {"user": {"id": str(kept["id"])}}, asked.user, about="user")
        return {"user": kept}

    @route("GET", "/api/v2/users/<id>/related")
    def user_related(self, asked: Asked, id_: int) -> Any:
        self.world.user(id_)
        tickets = list(self.s.tickets.values())
        return {
            "user_related": {
                "requested_tickets": sum(t["requester_id"] == id_ for t in tickets),
                "assigned_tickets": sum(t["assignee_id"] == id_ for t in tickets),
                "ccd_tickets": sum(id_ in t["collaborator_ids"] for t in tickets),
                "organization_subscriptions": 0,
            }
        }

    @route("GET", "/api/v2/users/<id>/tickets/ccd")
    def ccd(self, asked: Asked, id_: int) -> Any:
        return page([t for t in self.s.tickets.values() if id_ in t["collaborator_ids"]], "tickets", asked.query, asked.url)

    @route("GET", "/api/v2/users/<id>/identities/<id>")
    def show_identity(self, asked: Asked, id_: int, identity: int) -> Any:
        return {"identity": self._identity(id_, identity)}

    @route("PUT", "/api/v2/users/<id>/identities/<id>")
    def update_identity(self, asked: Asked, id_: int, identity: int) -> Any:
        found = self._identity(id_, identity)
        found.update({k: v for k, v in asked.inside("identity").items() if k in ("value", "verified")})
        return {"identity": found}

    @route("PUT", "/api/v2/users/<id>/identities/<id>/verify")
    def verify_identity(self, asked: Asked, id_: int, identity: int) -> Any:
        found = self._identity(id_, identity)
        found["verified"] = True
        return {"identity": found}

    @route("PUT", "/api/v2/users/<id>/identities/<id>/request_verification")
    def request_verification(self, asked: Asked, id_: int, identity: int) -> Any:
        self._identity(id_, identity)
        return {}

    @route("PUT", "/api/v2/users/<id>/identities/<id>/make_primary")
    def make_primary(self, asked: Asked, id_: int, identity: int) -> Any:
        chosen = self._identity(id_, identity)
        mine = [i for i in self.s.identities.values() if i["user_id"] == id_]
        for one in mine:
            if one["type"] == chosen["type"]:
                one["primary"] = one is chosen
        if chosen["type"] == "email":
            self.world.user(id_)["email"] = chosen["value"]
        return page(mine, "identities", asked.query, asked.url)

    @route("DELETE", "/api/v2/users/<id>/identities/<id>")
    def delete_identity(self, asked: Asked, id_: int, identity: int) -> Any:
        self._identity(id_, identity)
        del self.s.identities[identity]
        return Found(204, None)

    def _identity(self, user: int, identity: int) -> dict[str, Any]:
        found = self.s.identities.get(identity)
        if found is None or found["user_id"] != user:
            raise not_found()
        return found

    # -- tags of people and organizations ------------------------------------------------------------------------------

    @route("GET", "/api/v2/(users|organizations)/<id>/tags")
    def tags_of(self, asked: Asked, word: str, id_: int) -> Any:
        return {"tags": self._tagged(word, id_)["tags"]}

    @route("POST", "/api/v2/(users|organizations)/<id>/tags")
    def set_tags_of(self, asked: Asked, word: str, id_: int) -> Any:
        return Found(201, self._retag(asked, word, id_, lambda now, given: given))

    @route("PUT", "/api/v2/(users|organizations)/<id>/tags")
    def add_tags_to(self, asked: Asked, word: str, id_: int) -> Any:
        return self._retag(asked, word, id_, lambda now, given: now | given)

    @route("DELETE", "/api/v2/(users|organizations)/<id>/tags")
    def remove_tags_of(self, asked: Asked, word: str, id_: int) -> Any:
        return self._retag(asked, word, id_, lambda now, given: now - given)

    def _tagged(self, word: str, id_: int) -> dict[str, Any]:
        found = (self.s.users if word == "users" else self.s.organizations).get(id_)
        if found is None:
            raise not_found()
        found.setdefault("tags", [])
        return found

    def _retag(self, asked: Asked, word: str, id_: int, how: Any) -> Any:
        found = self._tagged(word, id_)
        given = asked.content.get("tags") if isinstance(asked.content, Mapping) else None
        found["tags"] = sorted(how(set(found["tags"]), set(clean_tags(given or []))))
        found["updated_at"] = self.world.text_of(self.world.now())
        return {"tags": found["tags"]}

    # -- who belongs where ---------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/groups/assignable")
    def assignable(self, asked: Asked) -> Any:
        return page(list(self.s.groups.values()), "groups", asked.query, asked.url)

    @route("GET", "/api/v2/group_memberships/assignable")
    def assignable_memberships(self, asked: Asked) -> Any:
        return page(list(self.s.memberships.values()), "group_memberships", asked.query, asked.url)

    @route("GET", "/api/v2/groups/<id>/memberships(?:/assignable)?")
    def memberships_of_group(self, asked: Asked, id_: int) -> Any:
        found = [m for m in self.s.memberships.values() if m["group_id"] == id_]
        return page(found, "group_memberships", asked.query, asked.url)

    @route("GET", "/api/v2/groups/<id>/users")
    def group_users(self, asked: Asked, id_: int) -> Any:
        members = [m["user_id"] for m in self.s.memberships.values() if m["group_id"] == id_]
        return page([self.s.users[u] for u in members if u in self.s.users], "users", asked.query, asked.url)

    @route("GET", "/api/v2/users/<id>/groups")
    def groups_of(self, asked: Asked, id_: int) -> Any:
        mine = {m["group_id"] for m in self.s.memberships.values() if m["user_id"] == id_}
        return page([g for i, g in self.s.groups.items() if i in mine], "groups", asked.query, asked.url)

    @route("GET", "/api/v2/users/<id>/group_memberships")
    def memberships_of(self, asked: Asked, id_: int) -> Any:
        return page([m for m in self.s.memberships.values() if m["user_id"] == id_], "group_memberships", asked.query, asked.url)

    @route("PUT", "/api/v2/users/<id>/group_memberships/<id>/make_default")
    def default_membership(self, asked: Asked, id_: int, membership: int) -> Any:
        mine = [m for m in self.s.memberships.values() if m["user_id"] == id_]
        if all(m["id"] != membership for m in mine):
            raise not_found()
        for one in mine:
            one["default"] = one["id"] == membership
        return page(mine, "group_memberships", asked.query, asked.url)

    @route("GET", "/api/v2/(users|organizations)/<id>/organization_memberships")
    def organization_memberships_of(self, asked: Asked, word: str, id_: int) -> Any:
        key = "user_id" if word == "users" else "organization_id"
        found = [m for m in self.s.organization_memberships.values() if m.get(key) == id_]
        return page(found, "organization_memberships", asked.query, asked.url)

    @route("GET", "/api/v2/users/<id>/organizations")
    def organizations_of(self, asked: Asked, id_: int) -> Any:
        mine = {m.get("organization_id") for m in self.s.organization_memberships.values() if m.get("user_id") == id_}
        mine.add(self.world.user(id_)["organization_id"])
        return page([o for i, o in self.s.organizations.items() if i in mine], "organizations", asked.query, asked.url)

    # -- organizations -------------------------------------------------------------------------------------------------

    @route("GET", "/api/v2/organizations/(search|autocomplete)")
    def find_organizations(self, asked: Asked, word: str) -> Any:
        wanted, name = asked.query.get("external_id"), asked.query.get("name", "").lower()
        found = [
            o
            for o in self.s.organizations.values()
            if (o.get("external_id") == wanted if wanted is not None else str(o["name"]).lower().startswith(name))
        ]
        return page(found, "organizations", asked.query, asked.url)

    @route("POST", "/api/v2/organizations/create_or_update")
    def create_or_update_organization(self, asked: Asked) -> Any:
        props = asked.inside("organization")
        known = next(
            (
                o
                for o in self.s.organizations.values()
                if o["id"] == props.get("id") or (props.get("external_id") and o.get("external_id") == props["external_id"])
            ),
            None,
        )
        if known is None:
            return self.put_away("organizations", asked)
        known.update(shaped(props), updated_at=self.world.text_of(self.world.now()))
        return {"organization": known}

    @route("GET", "/api/v2/organizations/<id>/users")
    def users_of_organization(self, asked: Asked, id_: int) -> Any:
        members = {m.get("user_id") for m in self.s.organization_memberships.values() if m.get("organization_id") == id_}
        found = [u for u in self.s.users.values() if u["organization_id"] == id_ or u["id"] in members]
        return page(found, "users", asked.query, asked.url)

    @route("GET", "/api/v2/organizations/<id>/related")
    def related_to_organization(self, asked: Asked, id_: int) -> Any:
        if id_ not in self.s.organizations:
            raise not_found()
        tickets = sum(t["organization_id"] == id_ for t in self.s.tickets.values())
        users = sum(u["organization_id"] == id_ for u in self.s.users.values())
        return {"organization_related": {"tickets_count": tickets, "users_count": users}}

    @route("GET", "/api/v2/organizations/<id>/tickets")
    def tickets_of_organization(self, asked: Asked, id_: int) -> Any:
        return page([t for t in self.s.tickets.values() if t["organization_id"] == id_], "tickets", asked.query, asked.url)
