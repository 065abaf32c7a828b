"""The real service in processes that are forked from one that has imported it already: starting costs a moment, not seconds."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *(f"tsbridge.wiring.{name}" for name in ("start", "bridge", "running", "workers", "prepare", "clients")),
        *("tsbridge.web.app", "tsbridge.web.webhooks", "tsbridge.console.app", "tsbridge.console.made", "tsbridge.document_files"),
        *("tsbridge.vendors.zendesk.client", "tsbridge.vendors.talkdesk.client", "tsbridge.delivery_readers", "tsbridge.feed_source"),
        *("tsbridge.http", "tsbridge.notify.make", "tsbridge.acts.ledger", "tsbridge.acts.rostering", "tests.hanging"),
    ]
)
"""All that a service reads once it has begun: it is read once for all of them."""


def _run(settings: Mapping[str, str], log_file: str, work: Callable[..., bool], *arguments: Any) -> None:
    """Runs in the forked process."""
    from tsbridge import log

    for name in [name for name in os.environ if name.startswith("TSBRIDGE_")]:
        del os.environ[name]
    os.environ.update(settings)
    with Path(log_file).open("a") as lines:
        log.configure("info", lines)
        sys.exit(0 if work(*arguments) else 1)


def _service(port: int | None) -> bool:
    """`tsbridge serve` on this port, or `tsbridge worker` for None."""
    from tsbridge.settings.load import load
    from tsbridge.wiring import start

    return start.work(load()) if port is None else start.serve(load(), "127.0.0.1", port, workers_inside=True)


def start(folder: Path, port: int | None, **settings: str) -> BaseProcess:
    """`tsbridge serve` on this port, or `tsbridge worker` for None, with these settings and no others."""
    return _begun(folder, _service, port, **settings)


def _begun(folder: Path, work: Callable[..., bool], *arguments: Any, **settings: str) -> BaseProcess:
    started = _context.Process(target=_run, args=(settings, str(folder / "log"), work, *arguments), daemon=True)
    started.start()
    return started


@contextmanager
def serving(folder: Path, port: int, **settings: str) -> Iterator[BaseProcess]:
    """`tsbridge serve` with these settings and no others; killed at the end if it still lives."""
    with doing(folder, _service, port, **settings) as started:
        yield started


@contextmanager
def doing(folder: Path, work: Callable[..., bool], *arguments: Any, **settings: str) -> Iterator[BaseProcess]:
    """`work` with these settings and no others, in a process that ends with 0 for True, else with 1; killed in the end if it lives."""
    started = _begun(folder, work, *arguments, **settings)
    try:
        yield started
    finally:
        if started.is_alive():
            started.kill()
        started.join(10)
        started.close()
