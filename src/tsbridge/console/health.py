"""How the service is, by its own probes; and the keys that let people and programs in."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Final

from starlette.responses import Response

from tsbridge.acts import apikeys
from tsbridge.acts.apikeys import KeyMade
from tsbridge.acts.callers import ROLES
from tsbridge.console.forms import Table, table_of
from tsbridge.console.frame import NoPage, Visit
from tsbridge.reports.groups import DAY, start_of
from tsbridge.store import keys

MOST: Final = 200
KEYS: Final = ("id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at")


async def page(visit: Visit) -> Response:
    """Probes for everybody; keys, without their secrets, for admins."""
    return await _shown(visit, None)


async def create(visit: Visit) -> Response:
    """A new key. Its text is on this page, this once, and nowhere else."""
    role = visit.needed("role")
    if role not in ROLES:
        raise NoPage(422, f"Expected one of {', '.join(ROLES)}.")
    expires = _day(visit)
    minted, pepper = keys.mint(visit.console.entropy), await visit.console.gate.pepper()
    made = await visit.act(apikeys.create, minted, pepper, visit.needed("name"), role, expires)
    return await _shown(visit, made)


async def revoke(visit: Visit) -> Response:
    """Good for nothing from now on; whoever is signed in with it is signed out."""
    await visit.act(apikeys.revoke, visit.in_path("id"))
    return visit.go("/keys")


def _day(visit: Visit) -> datetime | None:
    """The end of a day of the team's zone."""
    text = visit.sent("until", 10, lines=False)
    if not text:
        return None
    try:
        return start_of(date.fromisoformat(text) + DAY, visit.console.zone)
    except (ValueError, OverflowError):
        raise NoPage(422, "Expected a day like 2027-01-31.") from None


async def _shown(visit: Visit, made: KeyMade | None) -> Response:
    probes = visit.console.probes
    names = sorted(probes)
    checks = dict(zip(names, await asyncio.gather(*(probes[name]() for name in names)), strict=True))
    found = await visit.console.database.read(lambda conn: keys.listed(conn, MOST)) if visit.may("admin") else []
    return visit.show("keys.html", here="keys", checks=checks, keys=found, made=made, roles=ROLES)


async def key_table(visit: Visit) -> Table:
    found = await visit.console.database.read(lambda conn: keys.listed(conn, MOST))
    return table_of("keys", KEYS, found)
