"""What is asked of either kind of database: that it runs work, a transaction each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine

T = TypeVar("T")
Work = Callable[[Connection], T]

READERS: Final = 4
"""How many read at a time."""


class Side(Protocol):
    """How one kind of database runs work."""

    revision: str | None

    def submit(self, work: Work[T], *, write: bool, urgent: bool, any_schema: bool) -> Future[T]: ...
    def run(self, work: Work[T], *, write: bool) -> T: ...
    def on_change(self, told: Callable[[], object]) -> None: ...
    def look(self) -> Future[None]: ...
    def rewrite(self, most_bytes: int) -> Future[bool]: ...
    def close(self) -> None: ...


def transact(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as conn:
        return work(conn)


def done(result: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(result)
    return future
