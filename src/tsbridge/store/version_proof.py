"""Whether the published versions of a document are what the audit's changes say, both ways.

What no change tells of is found at seq 0: it stands nowhere in the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Table, select

from tsbridge.core.rules.language import content_hash
from tsbridge.store.decision_tables import changes
from tsbridge.store.tolerant import columns

RULEBOOK: Final = ("rulebook.publish", "rulebook.restore")
ROSTER: Final = ("roster.publish", "roster.restore")


Broken = dict[str, Any]


def broken(conn: Connection, table: Table, what: str, actions: tuple[str, ...], *, first_may_lack: bool = False) -> Iterator[Broken]:
    """One entry for each version that differs from what was recorded, was never recorded, or is gone. `first_may_lack`: version 1 was
    not recorded in earlier days, and is held by the decisions that name its hash."""
    recorded = select(*columns(changes)).where(changes.c.action.in_(actions)).order_by(changes.c.seq)
    told = {(row["after"] or {}).get("version"): row for row in conn.execute(recorded).mappings()}
    for row in conn.execute(select(*columns(table)).order_by(table.c.version)).mappings():
        name, change = f"version {row['version']} of the {what}", told.pop(row["version"], None)
        if change is None and (row["version"] > 1 or not first_may_lack):
            yield {"seq": 0, "why": f"{name} was never recorded"}
        elif content_hash(row["document"]) != row["hash"] or (change is not None and not _same(row, change, change["after"])):
            yield {"seq": 0 if change is None else change["seq"], "why": f"{name} differs from what was recorded"}
    for version, change in told.items():
        yield {"seq": change["seq"], "why": f"version {version} of the {what} is gone"}


def _same(row: RowMapping, change: RowMapping, after: Mapping[str, Any]) -> bool:
    said = (after.get("hash"), after.get("note"), change["at"], change["actor"])
    return said == (row["hash"], row["note"], row["published_at"], row["published_by"])
