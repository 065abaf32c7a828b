"""Long work on a rulebook done in a process of its own: nothing that goes on here waits for it.

That process runs `main`: it is handed a function with a document and what else it takes, hands back what came of it, and ends.
"""

from __future__ import annotations

import copyreg
import gc
import io
import logging
import pickle  # what is read comes from a process that we started ourselves
import subprocess
import sys
from collections.abc import Callable
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final, TypeVar

from tsbridge.core.rules.findings import Finding
from tsbridge.rulebook.check import check
from tsbridge.rulebook.ready import Ready, make_ready

T = TypeVar("T")

LONGEST_S: Final = 300.0
MANY: Final = 200
"""So many rules are worth a process of their own to be checked: it takes a third of a second to begin."""
DOCUMENT: Final = "document"
MAIN: Final = "from tsbridge.apart import main; main()"

log = logging.getLogger("tsbridge.apart")


def ready_apart(document: Any, zone: tzinfo) -> Ready:
    """`rulebook.ready.make_ready`, elsewhere."""
    return apart(make_ready, document, zone)


def check_apart(document: Any, zone: tzinfo, *, triggers: Any = None, about: str | None = None) -> tuple[Finding, ...]:
    """`rulebook.check.check`, elsewhere when it takes long."""
    rules = document.get("rules") if isinstance(document, dict) else None
    if about is not None or not isinstance(rules, list) or len(rules) < MANY:
        return check(document, zone, triggers=triggers, about=about)
    return apart(_checked, document, zone, triggers)


def _checked(document: Any, zone: tzinfo, triggers: Any) -> tuple[Finding, ...]:
    return check(document, zone, triggers=triggers)


def apart(work: Callable[..., T], document: Any, *more: Any, python: str = sys.executable) -> T:
    """`work(document, *more)` in another process; here where none can be had. What it says with a `ValueError` is said here, too."""
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter and module
            [python, "-P", "-c", MAIN],
            input=pickle.dumps((work, document, more), pickle.HIGHEST_PROTOCOL),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as failed:
        log.warning("work on a rulebook is done in this process", extra={"kind": type(failed).__name__})
        return work(document, *more)
    came, refused = received(done.stdout, document)
    if refused is not None:
        raise ValueError(refused)
    result: T = came
    return result


def sent(value: Any, document: Any) -> bytes:
    """A value as bytes, without the document, which the other side has."""
    into = io.BytesIO()
    _Sender(into, document).dump(value)
    return into.getvalue()


def received(told: bytes, document: Any) -> Any:
    """Back from `sent`."""
    return _Receiver(io.BytesIO(told), document).load()


def _read_only(found: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(found)


class _Sender(pickle.Pickler):
    dispatch_table = copyreg.dispatch_table | {MappingProxyType: lambda proxy: (_read_only, (dict(proxy),))}

    def __init__(self, into: io.BytesIO, document: Any) -> None:
        super().__init__(into, pickle.HIGHEST_PROTOCOL)
        self._document = document

    def persistent_id(self, value: Any) -> str | None:
        return DOCUMENT if value is self._document else None


class _Receiver(pickle.Unpickler):
    def __init__(self, told: io.BytesIO, document: Any) -> None:
        super().__init__(told)
        self._document = document

    def persistent_load(self, name: str) -> Any:
        return self._document


def main() -> None:
    gc.disable()
    work, document, more = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started us
    came, refused = None, None
    try:
        came = work(document, *more)
    except ValueError as problem:
        refused = str(problem)
    sys.stdout.buffer.write(sent((came, refused), document))
