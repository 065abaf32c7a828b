"""The real service in processes that are forked from one that has imported it already: starting costs a moment, not seconds."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tsbridge.wiring.start"])


def _run(settings: Mapping[str, str], port: int | None, log_file: str) -> None:
    """Runs in the forked process: the service on a port, or workers alone."""
    from tsbridge import log
    from tsbridge.settings.load import load
    from tsbridge.wiring import start

    for name in [name for name in os.environ if name.startswith("TSBRIDGE_")]:
        del os.environ[name]
    os.environ.update(settings)
    with Path(log_file).open("a") as lines:
        log.configure("info", lines)
        if port is None:
            start.work(load())
            sys.exit(0)
        sys.exit(0 if start.serve(load(), "127.0.0.1", port, workers_inside=True) else 1)


def start(folder: Path, port: int | None, **settings: str) -> BaseProcess:
    """`tsbridge serve` on this port, or `tsbridge worker` for None, with these settings and no others."""
    started = _context.Process(target=_run, args=(settings, port, str(folder / "log")), daemon=True)
    started.start()
    return started


@contextmanager
def serving(folder: Path, port: int, **settings: str) -> Iterator[BaseProcess]:
    """`tsbridge serve` with these settings and no others; killed at the end if it still lives."""
    started = start(folder, port, **settings)
    try:
        yield started
    finally:
        if started.is_alive():
            started.kill()
        started.join(10)
        started.close()
