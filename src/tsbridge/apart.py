"""A rulebook made ready in a process of its own: thousands of rules take a second, and nothing that goes on here waits for it.

That process runs `main`: it is handed a document and a zone, hands back what `rulebook.ready` makes of them, and ends.
"""

from __future__ import annotations

import copyreg
import gc
import io
import logging
import os
import pickle  # what is read comes from a process that we started ourselves
import subprocess
import sys
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final

from tsbridge.rulebook.ready import Ready, make_ready

LONGEST_S: Final = 60.0
NICE: Final = 5
"""How far it steps back for live work."""
DOCUMENT: Final = "document"
MAIN: Final = "from tsbridge.apart import main; main()"

log = logging.getLogger("tsbridge.apart")


def ready_apart(document: Any, zone: tzinfo, python: str = sys.executable) -> Ready:
    """What `make_ready` says, made elsewhere; made here where no other process can be had."""
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter and module
            [python, "-P", "-c", MAIN],
            input=pickle.dumps((document, zone), pickle.HIGHEST_PROTOCOL),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as failed:
        log.warning("a rulebook is made ready in this process", extra={"kind": type(failed).__name__})
        return make_ready(document, zone)
    return received(done.stdout, document)


def sent(ready: Ready, document: Any) -> bytes:
    """`ready` as bytes, without the document, which the other side has."""
    into = io.BytesIO()
    _Sender(into, document).dump(ready)
    return into.getvalue()


def received(told: bytes, document: Any) -> Ready:
    """Back from `sent`."""
    ready: Ready = _Receiver(io.BytesIO(told), document).load()
    return ready


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
    os.nice(NICE)
    gc.disable()
    document, zone = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started us
    sys.stdout.buffer.write(sent(make_ready(document, zone), document))
