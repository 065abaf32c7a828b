"""API keys: made here, shown once, never deleted, only revoked."""

from __future__ import annotations

from fastapi import APIRouter

from tsbridge.acts import apikeys
from tsbridge.acts.apikeys import KeyMade
from tsbridge.acts.callers import Role
from tsbridge.store import keys as store
from tsbridge.store.keys import Key
from tsbridge.web.inputs import Body, Id, Line, Time
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.roles import Admin
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/keys", tags=["keys"])


class NewKey(Body):
    name: Line
    role: Role
    expires_at: Time | None = None


@routes.get("")
async def list_keys(services: Made, by: Admin, page: Paged) -> Listed[Key]:
    """Every key ever made, newest first, without its secret."""
    found = await services.ask(store.listed, page.limit + 1, page.after_instant("keys"))
    return page.of("keys", found, lambda key: (instant_part(key.created_at), key.id))


@routes.post("", status_code=201)
async def create_key(services: Made, by: Admin, body: NewKey) -> KeyMade:
    """A new key. Its text is in this answer and nowhere else."""
    minted, pepper = store.mint(services.entropy), await services.gate.pepper()
    return await services.act(by, apikeys.create, minted, pepper, body.name, body.role, body.expires_at)


@routes.delete("/{key_id}", status_code=204)
async def revoke_key(services: Made, by: Admin, key_id: Id) -> None:
    """The key is good for nothing from now on, in every process. Again is fine."""
    await services.act(by, apikeys.revoke, key_id)
