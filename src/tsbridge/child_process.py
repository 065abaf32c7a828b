"""Work that could hold or break a service, done in a process of its own: rulebooks, and deliveries that may kill whoever reads them.

That process runs `main`: it is handed a function with a document and what else it takes, hands back what came of it, and ends.
"""

from __future__ import annotations

import copyreg
import gc
import io
import logging
import pickle  # what is read comes from a process that we started ourselves
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from tsbridge.core.ports import Died
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.ready import Ready, make_ready

T = TypeVar("T")

MANY: Final = 200
"""So many rules or triggers are worth a process of their own: it takes a third of a second to begin."""
LONG: Final = 64 << 10
"""So many bytes of a rulebook's text are."""
DOCUMENT: Final = "document"
NICE: Final = 10
"""Who asks for much computing waits longer on a busy machine; deliveries do not."""
BEGUN: Final = b"begun\n"
"""The first a process says: it is there, and has understood what to do."""

log = logging.getLogger("tsbridge.child_process")


class Limits(NamedTuple):
    """What a process may use: seconds on the clock, seconds of computing, bytes of memory; None for what it needs."""

    seconds: float
    computing_s: int | None = None
    memory: int | None = None


RULEBOOKS: Final = Limits(300.0)


class NoProcess(Exception):
    """None could be had that began the work."""


class Ended(Exception):
    """This process is about to end, and ended the one that did the work. Neither is to blame."""


_running: Final[set[subprocess.Popen[bytes]]] = set()
_ended: Final[set[subprocess.Popen[bytes]]] = set()


def build_rulebook(document: Any, zone: tzinfo, year: int) -> Ready:
    """`rulebook.ready.make_ready`, in a process of its own."""
    return in_child_or_here(make_ready, document, zone, read_roster, year)


def in_child_if_large(work: Callable[..., T], document: Any, *more: Any) -> T:
    """`work(document, *more)`, in a process of its own when it takes long: of a rulebook or Zendesk's triggers, or the text of one.

    Raises as `in_child_or_here`."""
    return in_child_or_here(work, document, *more) if _large(document) else work(document, *more)


def _large(document: Any) -> bool:
    if isinstance(document, bytes):
        return len(document) > LONG
    parts = document.values() if isinstance(document, dict) else ()
    return any(isinstance(part, list) and len(part) >= MANY for part in parts)


def in_child_or_here(work: Callable[..., T], document: Any, *more: Any, limits: Limits = RULEBOOKS, python: str = sys.executable) -> T:
    """`work(document, *more)` in another process; here where none can be had. Raises what `in_child` does, but `NoProcess`."""
    try:
        return in_child(work, document, *more, limits=limits, python=python)
    except NoProcess as failed:
        log.warning("work on a rulebook is done in this process", extra={"kind": type(failed.__cause__).__name__})
        return work(document, *more)


def in_child(work: Callable[..., T], document: Any, *more: Any, limits: Limits, python: str = sys.executable) -> T:
    """`work(document, *more)` in another process, which gives way to this one. What it says with a `ValueError` is said here, too.

    Raises `NoProcess`, or `Died` when it did not come back, whatever it was: that is not to be tried here; or `Ended`.
    """
    command = f"import os; os.nice({NICE}); from tsbridge.child_process import main; main({limits.computing_s}, {limits.memory})"
    told = _whole((work, document, more))
    try:
        child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [python, "-P", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what a dying interpreter says may quote what people wrote
        )
    except OSError as failed:
        raise NoProcess from failed
    with child:
        _running.add(child)
        try:
            came, _ = child.communicate(told, timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            log.error("work in a process of its own took too long", extra={"seconds": limits.seconds})
            raise Died from None
        finally:
            child.kill()
            _running.discard(child)
    if child in _ended:
        _ended.discard(child)
        raise Ended
    if not came.startswith(BEGUN) and child.returncode >= 0:
        raise NoProcess from subprocess.CalledProcessError(child.returncode, "python")
    answer = came[len(BEGUN) :]
    if child.returncode != 0 or not answer:
        log.error("a process died of its work", extra={"status": child.returncode})
        raise Died
    result, refused = received(answer, document)
    if refused is not None:
        raise ValueError(refused)
    return result  # type: ignore[no-any-return]


def end_children() -> int:
    """End the processes of this one, which is about to end itself; whoever waits for one hears `Ended`. How many there were."""
    ending = tuple(_running)
    for child in ending:
        _ended.add(child)
        child.kill()
    return len(ending)


def _whole(value: Any) -> bytes:
    into = io.BytesIO()
    _Pickler(into, pickle.HIGHEST_PROTOCOL).dump(value)
    return into.getvalue()


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


class _Pickler(pickle.Pickler):
    dispatch_table = copyreg.dispatch_table | {MappingProxyType: lambda proxy: (_read_only, (dict(proxy),))}


class _Sender(_Pickler):
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


def main(computing_s: int | None = None, memory: int | None = None) -> None:
    gc.disable()
    work, document, more = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started us
    for what, most in ((resource.RLIMIT_CPU, computing_s), (resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        if most is not None:
            with suppress(OSError, ValueError):  # not every system has each of them
                resource.setrlimit(what, (most, most))
    sys.stdout.buffer.write(BEGUN)
    sys.stdout.buffer.flush()
    came, refused = None, None
    try:
        came = work(document, *more)
    except ValueError as problem:
        refused = str(problem)
    sys.stdout.buffer.write(sent((came, refused), document))
