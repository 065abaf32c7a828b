"""Who changes something and when: the one place where a change gets its time, its id and its salt, and is put on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.ports import Clock, Ids
from tsbridge.store import chain


class Entry(NamedTuple):
    """`by`: a person's or key's name, or `system`; `id`: of the entry in the audit; `salt`: of its commitments.

    Drawn before the transaction that it belongs to, which may be tried twice.
    """

    at: datetime
    by: str
    id: str
    salt: str

    def change(self, conn: Connection, action: str, subject: str, before: Any, after: Any, also: Sequence[str] = ()) -> None:
        """Put the change on record, in the caller's transaction. `also` as of `store.chain.add_change`."""
        chain.add_change(
            conn,
            id=self.id,
            at=self.at,
            actor=self.by,
            action=action,
            subject=subject,
            before=before,
            after=after,
            salt=self.salt,
            also=also,
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """`entropy(n)`: n random bytes."""

    clock: Clock
    ids: Ids
    entropy: Callable[[int], bytes]

    def entry(self, by: str) -> Entry:
        """What `by` changes now; the entry is made when the act says what changed."""
        return Entry(self.clock.now(), by, self.ids.new("chg"), self.entropy(16).hex())
