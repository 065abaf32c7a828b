"""Whose deliveries are heard: those of the first Zendesk account and of no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from tsbridge.store import stored_values
from tsbridge.store.locks import Contended
from tsbridge.work.rings import Read

ACCOUNT: Final = "zendesk_account"
"""Kept: the first account of each kind of name that was heard, `{"id": …, "name": …}`."""
FOREIGN: Final = "foreign_account"


def without_foreign(read: Sequence[Read], accounts: Mapping[str, str]) -> list[Read]:
    """Deliveries of another account say nothing: before anything is asked about their tickets, which are not ours."""
    known, found = dict(accounts), []
    for one in read:
        if one.account is not None and one.malformed is None:
            kind, _, name = one.account.partition(":")
            if known.setdefault(kind, name) != name:
                one = replace(one, moments=(), malformed=FOREIGN)
        found.append(one)
    return found


class Accounts:
    """The accounts heard so far, in one transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._kept: dict[str, str] | None = None
        self._heard_first = False

    def is_foreign(self, account: str | None) -> bool:
        """Whether a delivery is of another account than the first one heard."""
        if account is None:
            return False
        kind, _, name = account.partition(":")
        kept = self._kept = self._kept or stored_values.get(self._conn, ACCOUNT) or {}
        if kind not in kept:
            self._kept, self._heard_first = {**kept, kind: name}, True
            return False
        return bool(kept[kind] != name)

    def keep(self) -> None:
        """Keep the account that was heard first, as the last of all: who hears it meanwhile waits from then on. Raises Contended when
        somebody has kept another one."""
        if not self._heard_first or self._kept is None:
            return
        kept = stored_values.lock(self._conn, ACCOUNT, self._kept)
        if any(kept.get(kind, name) != name for kind, name in self._kept.items()):
            raise Contended(None)
        if kept != self._kept:
            stored_values.put(self._conn, ACCOUNT, {**kept, **self._kept})
