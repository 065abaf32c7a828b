"""What every test may ask for: an empty database of each kind, a clock that stands still, ids that count, no way out to the network."""

from __future__ import annotations

import gc
import ipaddress
import logging
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from hypothesis import settings

from tests import databases
from tests.clocks import CountingIds, SettableClock
from tests.seeds import examples
from tests.together import Together
from tsbridge.store.db import Database

settings.register_profile("tsbridge", examples(30, 100, deadline=None))  # a busy machine is no bug
settings.load_profile("tsbridge")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        databases.begin_run()


ON_BOTH = ("tests/store/", "tests/work/test_walk_laws.py", "tests/work/test_beside.py", "tests/work/test_any_order.py")
"""What runs on both databases for every change: the store, and the laws."""


@pytest.hookimpl(tryfirst=True)  # before marks are looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Above the store each test has one of the two databases, by its name, one in six PostgreSQL; `make soak` has both."""
    for item in items:
        kind = item.callspec.params.get("fresh_url") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
        if kind is not None and not item.nodeid.startswith(ON_BOTH) and not _has_one_alone(item):
            chosen = "postgresql" if zlib.crc32(item.nodeid.partition("[")[0].encode()) % 6 == 0 else "sqlite"
            if kind != chosen:
                item.add_marker(pytest.mark.soak)


def _has_one_alone(item: pytest.Item) -> bool:
    """Whether the test itself says which databases it is for."""
    return any("fresh_url" in mark.args[0] for mark in item.iter_markers("parametrize"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: it is not looked at whenever garbage is collected."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        databases.end_run()


@pytest.fixture(autouse=True)
def logs_are_heard() -> Iterator[None]:
    """A command that silences its logs for good silences no later test, and one that says everything makes none talk."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Postgres]:
    server = databases.Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_files() -> Iterator[databases.Sqlite]:
    files = databases.Sqlite()
    yield files
    files.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[str]]:
    """Makes as many databases as a test wants: `with fresh_url() as url`; `migrated=False` for one without tables."""
    maker: databases.Sqlite | databases.Postgres = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    return maker.fresh


@pytest.fixture
def database_url(fresh_url: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    """The URL of a migrated, empty database."""
    with fresh_url() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database, open."""
    with Database.open(database_url, make=databases.kept_engine) as opened:
        yield opened


@pytest.fixture
def make_database(fresh_url: Callable[..., AbstractContextManager[str]]) -> Iterator[Callable[[], Database]]:
    """Empty databases, one per call: for property tests, where each example needs its own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Database.open(stack.enter_context(fresh_url()), make=databases.kept_engine))


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def ids() -> CountingIds:
    return CountingIds()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that no fake answers fails, instead of reaching the world."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: Any) -> None:
        if host in (None, "", "localhost", b"localhost"):
            return
        try:
            inside = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
        except ValueError:
            inside = False
        if not inside:
            raise OSError(f"a test tried to reach {host!r}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            check(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family != socket.AF_UNIX:
            check(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        check(host)
        return getaddrinfo(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
