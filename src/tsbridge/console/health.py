"""How the service is, by its own probes; and the keys that let people and programs in."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from tsbridge.console.forms import Column, Table
from tsbridge.console.frame import Visit
from tsbridge.store import keys

MOST: Final = 200
KEYS: Final = ("id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at")


async def page(visit: Visit) -> Response:
    """Probes for everybody; keys, without their secrets, for admins."""
    probes = visit.console.probes
    names = sorted(probes)
    checks = dict(zip(names, await asyncio.gather(*(probes[name]() for name in names)), strict=True))
    found = await visit.console.database.read(lambda conn: keys.listed(conn, MOST)) if visit.may("admin") else []
    return visit.show("keys.html", here="keys", checks=checks, keys=found, new=None)


async def key_table(visit: Visit) -> Table:
    found = await visit.console.database.read(lambda conn: keys.listed(conn, MOST))
    return Table("keys", [Column(key, key.replace("_", " ")) for key in KEYS], [[getattr(one, key) for key in KEYS] for one in found])
