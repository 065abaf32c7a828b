"""`tsbridge keys`: API keys, made here, shown once, never deleted, only revoked."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Connection

from tsbridge.cli.frame import AsJson, Failed, Limit, group, house, refuse, say, table, time_option
from tsbridge.core.times import time_text
from tsbridge.store import keys as store
from tsbridge.web.shapes import key_item
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
    from tsbridge.acts.callers import ROLES

    if role not in ROLES:
        refuse(f"--role: expected one of {', '.join(ROLES)}")
    if not 0 < len(name.strip()) <= 200:
        refuse("NAME: expected 1 to 200 characters")
    until = time_option("expires-at", expires_at)
    with house() as made:
        now = made.clock.now()
        if until is not None and until <= now:
            refuse("--expires-at: expected a time in the future")
        minted = store.mint(entropy)

        def write(conn: Connection) -> store.Key:
            pepper = store.pepper(conn, entropy)
            key = store.create(conn, minted, name=name.strip(), role=role, at=now, expires_at=until, pepper=pepper)
            made.entry().change(conn, "key.create", key.id, None, store.recorded(conn, key.id))
            return key

        key = made.write(write)
    lines = [f"Key {key.id} for the role {key.role}. Keep it now, it is not shown again:", "", f"  {minted.text}"]
    say(as_json, {**key_item(key), "key": minted.text}, lines)


@app.command("list")
def list_keys(limit: Limit = 200, as_json: AsJson = False) -> None:
    """Every key ever made, without its secret."""
    with house() as made:
        items = [key_item(key) for key in made.read(lambda conn: store.listed(conn, limit))]
    columns = ("id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at")
    say(as_json, {"items": items}, table(items, columns, "No keys yet. Make one: tsbridge keys create NAME --role viewer"))


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id of the key: its 8 characters after tsb_.")], as_json: AsJson = False) -> None:
    """From now on the key is good for nothing. Again is fine."""
    with house() as made:
        now = made.clock.now()

        def write(conn: Connection) -> bool:
            if store.find(conn, key_id) is None:
                raise Failed("There is no key of this id; see tsbridge keys list.")
            if store.revoke(conn, key_id, now):
                made.entry().change(conn, "key.revoke", key_id, {"revoked_at": None}, {"revoked_at": time_text(now)})
                return True
            return False

        fresh = made.write(write)
    say(as_json, {"id": key_id, "revoked": True}, [f"Key {key_id} {'is revoked' if fresh else 'was revoked before'}."])
