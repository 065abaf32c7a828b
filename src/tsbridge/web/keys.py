"""API keys: made here, shown once, never deleted, only revoked."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from sqlalchemy import Connection

from tsbridge.core.times import time_text
from tsbridge.store import keys as store
from tsbridge.web.auth import Admin
from tsbridge.web.desk import Made
from tsbridge.web.inputs import Body, Id, Line, Time
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.problems import invalid, not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import key_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/keys", tags=["keys"])


class NewKey(Body):
    name: Line
    role: Literal["viewer", "supervisor", "ops", "admin"]
    expires_at: Time | None = None


@routes.get("")
async def list_keys(desk: Made, by: Admin, page: Paged) -> dict[str, Any]:
    """Every key ever made, newest first, without its secret."""
    after = page.after_instant("keys")
    rows = await desk.database.read(lambda conn: store.listed(conn, page.limit + 1, after))
    return page.answer("keys", rows, lambda key: (instant_part(key.created_at), key.id), key_item)


@routes.post("", status_code=201)
async def create_key(desk: Made, by: Admin, body: NewKey) -> dict[str, Any]:
    """A new key. Its text is in this answer and nowhere else."""
    if body.expires_at is not None and body.expires_at <= desk.clock.now():
        raise invalid("body", "#/expires_at", "Expected a time in the future.")
    pepper = await desk.gate.pepper()
    minted = store.mint(desk.entropy)
    entry = desk.entry(by.name)

    def write(conn: Connection) -> store.Key:
        key = store.create(conn, minted, name=body.name, role=body.role, at=entry.at, expires_at=body.expires_at, pepper=pepper)
        entry.change(conn, "key.create", key.id, None, store.recorded(conn, key.id))
        return key

    key = await desk.database.write(write)
    return {**key_item(key), "key": minted.text}


@routes.delete("/{key_id}", status_code=204)
async def revoke_key(desk: Made, by: Admin, key_id: Id) -> None:
    """The key is good for nothing from now on, in every process. Again is fine."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> bool:
        found = store.find(conn, key_id)
        if found is None:
            return False
        if store.revoke(conn, key_id, entry.at):
            entry.change(conn, "key.revoke", key_id, {"revoked_at": None}, {"revoked_at": time_text(entry.at)})
        return True

    if not await desk.database.write(write):
        raise not_found("key")
