"""What may fail because of the database, and what each failure means for those who ask."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolIsBusy

TAKES_NO_WRITES: Final = frozenset({"25006", "42501"})
"""What PostgreSQL says that takes no writes: one that stands by, that its keeper made read-only when its disk filled, whose files cannot be
written (it says EROFS as a right that is missing), or that took our rights. The driver has these among errors of the work."""
UNREADABLE: Final = frozenset({"XX001", "XX002"})
"""What PostgreSQL says of a table or index that cannot be read."""


class BadDatabase(Exception):
    """The database cannot be used: its URL, or how the server is set up. The text says what to do and holds no password."""


class OtherSchema(OperationalError):
    """The tables are being migrated, or a newer tsbridge has migrated them: nothing of this process is written any more."""

    def __init__(self) -> None:
        super().__init__(None, None, RuntimeError("the database is being migrated, or was by a newer tsbridge"))


def unavailable(failure: BaseException) -> bool:
    """Whether a failure means that the database cannot store right now (full, read-only, locked, gone), not that the work is wrong."""
    if isinstance(failure, DBAPIError) and (failure.connection_invalidated or getattr(failure.orig, "sqlstate", None) in TAKES_NO_WRITES):
        return True
    return isinstance(failure, OperationalError | PoolIsBusy | BadDatabase)


def unusable(failure: BaseException) -> bool:
    """Whether nobody can be answered out of the database right now: `unavailable`, or what is kept cannot be read.

    Of a page that its disk does not give SQLite says that the file is malformed, as of one that is. For work that is no reason to wait:
    perhaps it is about this page alone, and holds up all else.
    """
    if unavailable(failure):
        return True
    orig = failure.orig if isinstance(failure, DBAPIError) else None
    return type(orig).__name__ == "DatabaseError" or getattr(orig, "sqlstate", None) in UNREADABLE
