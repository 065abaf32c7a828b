"""`tsbridge keys`: API keys, made here, shown once, never deleted, only revoked."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Connection

from tsbridge.acts import apikeys, shape
from tsbridge.acts.callers import ROLES
from tsbridge.acts.errors import Invalid
from tsbridge.cli.frame import AsJson, Limit, group, house, refuse, say, table, time_option
from tsbridge.store import keys as store
from tsbridge.wiring.clock_and_ids import entropy

app = group()


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What or whom the key is for, as the audit shall show it.")],
    role: Annotated[str, typer.Option(help="viewer, supervisor, ops or admin; each may what those before it may.")] = "viewer",
    expires_at: Annotated[str | None, typer.Option(help="A time such as 2027-01-01T00:00:00Z; without it the key does not expire.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once."""
    if role not in ROLES:
        refuse(f"--role: expected one of {', '.join(ROLES)}")
    if not 0 < len(name.strip()) <= 200:
        refuse("NAME: expected 1 to 200 characters")
    until = time_option("expires-at", expires_at)
    minted = store.mint(entropy)
    with house() as made:

        def write(conn: Connection) -> apikeys.KeyMade:
            return apikeys.create(conn, made.entry(), minted, store.pepper(conn, entropy), name.strip(), role, until)

        try:
            key = made.write(write)
        except Invalid:
            refuse("--expires-at: expected a time in the future")
    lines = [f"Key {key.id} for the role {key.role}. Keep it now, it is not shown again:", "", f"  {minted.text}"]
    say(as_json, shape.as_json(key), lines)


@app.command("list")
def list_keys(limit: Limit = 200, as_json: AsJson = False) -> None:
    """Every key ever made, without its secret."""
    with house() as made:
        items = shape.as_json(made.read(lambda conn: store.listed(conn, limit)))
    columns = ("id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at")
    say(as_json, {"items": items}, table(items, columns, "No keys yet. Make one: tsbridge keys create NAME --role viewer"))


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id of the key: its 8 characters after tsb_.")], as_json: AsJson = False) -> None:
    """From now on the key is good for nothing. Again is fine."""
    with house() as made:
        fresh = made.write(lambda conn: apikeys.revoke(conn, made.entry(), key_id))
    say(as_json, {"id": key_id, "revoked": True}, [f"Key {key_id} {'is revoked' if fresh else 'was revoked before'}."])
