"""Who changes something and when: what every change hands on to the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tsbridge.store import chain


class Record(NamedTuple):
    """`by`: a person's or key's name, or `system`; `change_id`: of the entry in the audit; `salt`: of its commitments."""

    at: datetime
    by: str
    change_id: str
    salt: str

    def change(self, conn: Connection, action: str, subject: str, before: Any, after: Any, also: Sequence[str] = ()) -> None:
        """Put the change on record, in the caller's transaction. `also` as of `store.chain.add_change`."""
        chain.add_change(
            conn,
            id=self.change_id,
            at=self.at,
            actor=self.by,
            action=action,
            subject=subject,
            before=before,
            after=after,
            salt=self.salt,
            also=also,
        )
