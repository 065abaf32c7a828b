"""Routes that change many records at once. Each makes a job with a result per item; what fails one item leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import ODD_SHAPES, Rejected
from tsbridge.simulator.zendesk.props import clean_tags
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route

Item = Mapping[str, Any]
LONGEST_ID: Final = 20


class Bulk(RouteGroup):
    """Tickets, users and organizations by the hundred, and rules that are thrown away together."""

    # -- tickets -------------------------------------------------------------------------------------------------------

    @route("POST", "/api/v2/tickets/create_many")
    def create_tickets(self, asked: Asked) -> Any:
        return self._made("Bulk Create Ticket", asked.listed("tickets"), lambda props: {"id": self.world.create(props, asked.user)["id"]})

    @route("POST", "/api/v2/imports/tickets/create_many")
    def import_tickets(self, asked: Asked) -> Any:
        return self._made("Bulk Import Ticket", asked.listed("tickets"), lambda props: {"id": self.import_one(props, asked.user)["id"]})

    @route("PUT", "/api/v2/tickets/update_many")
    def update_tickets(self, asked: Asked) -> Any:
        changes = _changes(asked, "ticket")
        return self._done("Bulk Update Ticket", "update", changes, lambda id_, props: self._update_ticket(id_, props, asked.user))

    def _update_ticket(self, id_: int, props: Item, user: Item) -> None:
        ticket = self.world.ticket(id_)
        change = {k: v for k, v in props.items() if k not in ("id", "additional_tags", "remove_tags")}
        if "additional_tags" in props or "remove_tags" in props:
            now = set(ticket["tags"]) | set(clean_tags(props.get("additional_tags") or []))
            change["tags"] = sorted(now - set(clean_tags(props.get("remove_tags") or [])))
        self.world.change(id_, change, user)

    @route("DELETE", "/api/v2/tickets/destroy_many")
    def destroy_tickets(self, asked: Asked) -> Any:
        gone = [{"id": i} for i in asked.ids()]
        return self._done("Bulk Delete Ticket", "delete", gone, lambda id_, _: self.world.delete(id_, asked.user))

    # -- users ---------------------------------------------------------------------------------------------------------

    @route("POST", "/api/v2/users/create_many")
    def create_users(self, asked: Asked) -> Any:
        return self._made("Bulk Create User", asked.listed("users"), lambda props: {"id": self.new_user(props)["id"]})

    @route("POST", "/api/v2/users/create_or_update_many")
    def create_or_update_users(self, asked: Asked) -> Any:
        def one(props: Item) -> Item:
            found = self.create_or_update(Asked(asked.query, {"user": props}, asked.user, asked.url))
            user: Item = found.content["user"] if isinstance(found, Found) else found["user"]
            return {"id": user["id"], "status": "Created" if isinstance(found, Found) else "Updated"}

        return self._made("Bulk Create or Update User", asked.listed("users"), one)

    @route("PUT", "/api/v2/users/update_many")
    def update_users(self, asked: Asked) -> Any:
        return self._done(
            "Bulk Update User", "update", _changes(asked, "user"), lambda id_, props: self.change_user(self.world.user(id_), props)
        )

    @route("DELETE", "/api/v2/users/destroy_many")
    def destroy_users(self, asked: Asked) -> Any:
        return self._done("Bulk Delete User", "delete", _named(asked, self.s.users), lambda id_, _: self.end_user(id_))

    # -- organizations -------------------------------------------------------------------------------------------------

    @route("POST", "/api/v2/organizations/create_many")
    def create_organizations(self, asked: Asked) -> Any:
        def one(props: Item) -> Item:
            made = self.put_away("organizations", Asked({}, {"organization": props}, asked.user, asked.url))
            return {"id": made.content["organization"]["id"]}

        return self._made("Bulk Create Organization", asked.listed("organizations"), one)

    @route("PUT", "/api/v2/organizations/update_many")
    def update_organizations(self, asked: Asked) -> Any:
        def one(id_: int, props: Item) -> None:
            self.change_of_shelf(Asked({}, {"organization": props}, asked.user, asked.url), "organizations", id_)

        return self._done("Bulk Update Organization", "update", _changes(asked, "organization"), one)

    @route("DELETE", "/api/v2/organizations/destroy_many")
    def destroy_organizations(self, asked: Asked) -> Any:
        return self._done(
            "Bulk Delete Organization",
            "delete",
            _named(asked, self.s.organizations),
            lambda id_, _: self.delete_of_shelf(asked, "organizations", id_),
        )

    # -- without a job -------------------------------------------------------------------------------------------------

    @route("DELETE", "/api/v2/(views|macros)/destroy_many")
    def destroy_views_or_macros(self, asked: Asked, word: str) -> Any:
        shelf = self.s.views if word == "views" else self.s.macros
        for id_ in asked.ids():
            shelf.pop(id_, None)
        return Found(204, None)

    # -- what came of each ---------------------------------------------------------------------------------------------

    def _made(self, kind: str, items: Sequence[Item], make: Callable[[Item], Item]) -> Any:
        """A job that creates: each result has the item's place in the request, and the new id or an error."""
        return self.world.new_job(kind, [{"index": n, **_tried(partial(make, item))} for n, item in enumerate(items)])

    def _done(self, kind: str, action: str, items: Sequence[Item], do: Callable[[int, Item], Any]) -> Any:
        """A job that changes or deletes: each result has the item's id and whether it succeeded."""
        results = []
        for item in items:
            given = str(item.get("id"))
            id_ = int(given) if given.isdecimal() and len(given) < LONGEST_ID else 0  # no record has this one
            fault = _tried(partial(_nothing_more, do, id_, item))
            ended = "Failed" if fault else {"update": "Updated", "delete": "Deleted"}[action]
            results.append({"id": id_ or item.get("id"), "action": action, "status": ended, "success": not fault, **fault})
        return self.world.new_job(kind, results)


def _changes(asked: Asked, name: str) -> list[dict[str, Any]]:
    """The changes of an `update_many`: one for all of `ids`, or each its own."""
    if "ids" in asked.query:
        return [{**asked.inside(name), "id": i} for i in asked.ids()]
    return [dict(c) for c in asked.listed(f"{name}s")]


def _named(asked: Asked, shelf: Mapping[int, Item]) -> list[dict[str, Any]]:
    """The records that `ids` or `external_ids` name; of the latter only those that are there."""
    if "external_ids" not in asked.query:
        return [{"id": i} for i in asked.ids()]
    wanted = asked.values("external_ids")
    return [{"id": i} for i, one in shelf.items() if one.get("external_id") in wanted]


def _nothing_more(do: Callable[[int, Item], Any], id_: int, item: Item) -> Item:
    do(id_, item)
    return {}


def _tried(do: Callable[[], Item]) -> Item:
    """What an item came to, or the error it failed with."""
    try:
        return do()
    except Rejected as refused:
        return {"error": refused.word(), "details": refused.says()}
    except ODD_SHAPES:
        return {"error": "InvalidValue", "details": "The item has a shape this endpoint does not take"}
