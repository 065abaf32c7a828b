"""What every command shares: opening the house, printing for people or machines, exit codes 0 fine, 1 problems, 2 misuse."""

from __future__ import annotations

import gc
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tsbridge.acts.ledger import Entry
    from tsbridge.settings.model import Settings
    from tsbridge.store.db import Database
    from tsbridge.wiring.clock_and_ids import SystemClock, TimedIds

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most this many, newest first.")]


owners_alone: Final = partial(os.open, mode=0o600)
"""Opens files that are written for people to take away: a new one is its owner's alone, whatever the umask."""


class Failed(Exception):
    """A command that found a problem. The words say what to do; `code` is the exit code, `data` goes to `--json`."""

    def __init__(self, words: str, *, code: int = 1, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(words)
        self.code = code
        self.data = dict(data or {})


def group() -> typer.Typer:
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def spare_the_collector() -> None:
    """Let the garbage collector look less often, and never again at what has been imported.

    A page of history is some ten thousand values, none of them in a circle: at Python's own pace it is looked through a dozen times.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def say(as_json: bool, data: Any, lines: Iterable[str]) -> None:
    """Print the data as one JSON document, or the lines."""
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True, default=str))
    else:
        for line in lines:
            typer.echo(line)


def done(ok: bool) -> None:
    """Leave with 0 or 1."""
    if not ok:
        raise typer.Exit(1)


def refuse(words: str) -> NoReturn:
    """Misuse: exit code 2."""
    raise Failed(words, code=2)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> Iterator[str]:
    """Rows as aligned columns."""
    if not rows:
        yield empty
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in [list(columns), *cells]) for place in range(len(columns))]
    for line in [[column.upper() for column in columns], *cells]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return " ".join(str(one) for one in value)
    return str(value)


def time_option(name: str, value: str | None) -> datetime | None:
    if value is None:
        return None
    from tsbridge.core.times import read_time

    try:
        return read_time(value)
    except ValueError as problem:
        refuse(f"--{name}: {problem}")


def span_options(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """What `--from` and `--to` say."""
    begins, ends = time_option("from", since), time_option("to", until)
    if begins is not None and ends is not None and begins > ends:
        refuse("--to: expected a time that is not before --from")
    return begins, ends


@dataclass(frozen=True, slots=True)
class House:
    """What a command works with."""

    settings: Settings
    database: Database
    clock: SystemClock
    ids: TimedIds

    def entry(self) -> Entry:
        """What the operating system's user changes now, for the audit."""
        from tsbridge.acts.ledger import Ledger
        from tsbridge.wiring.clock_and_ids import entropy

        return Ledger(self.clock, self.ids, entropy).entry(actor())

    def read(self, work: Callable[[Connection], T]) -> T:
        return self.database.read_now(work)

    def write(self, work: Callable[[Connection], T]) -> T:
        return self.database.write_now(work)


@contextmanager
def house(*, any_schema: bool = False) -> Iterator[House]:
    """The settings' database, opened and closed. Refuses another schema than ours unless told otherwise."""
    from tsbridge.settings.load import load
    from tsbridge.store.db import Database
    from tsbridge.wiring.clock_and_ids import SystemClock, TimedIds, entropy
    from tsbridge.wiring.prepare import require_schema

    settings = load()
    with Database.open(settings.database_url.get_secret_value(), settings.seal_keys, settings.data_keys) as database:
        if not any_schema:
            require_schema(database)
        yield House(settings, database, SystemClock(), TimedIds(SystemClock(), entropy))


@contextmanager
def at_hand(settings: Settings) -> Iterator[Database | None]:
    """The settings' database; None where there is none that could be used, or none of today's schema."""
    from tsbridge.store import schema, sqlite
    from tsbridge.store.availability import BadDatabase
    from tsbridge.store.db import Database, parse
    from tsbridge.store.views import DATABASE_FAILURES

    url = settings.database_url.get_secret_value()
    with ExitStack() as stack:
        database = None
        try:
            path = sqlite.path_of(parse(url)) if parse(url).get_backend_name() == "sqlite" else None
            if path is None or path.exists():
                database = stack.enter_context(Database.open(url, settings.seal_keys, settings.data_keys))
                schema.check(database)
        except (BadDatabase, sqlite.UnsafeSqlite, RuntimeError, *DATABASE_FAILURES, OSError):
            database = None
        yield database


def actor() -> str:
    """Whom the audit names for what the command line changed: the operating system's user, by number where it has no name."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def wants_json() -> bool:
    return "--json" in sys.argv[1:]
