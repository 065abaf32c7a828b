"""Where signed heads of the chain go, and who signs them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from tsbridge.core import roster
from tsbridge.core.errors import GiveUp
from tsbridge.core.heads import Head
from tsbridge.core.moments import read_instant
from tsbridge.core.ports import Clock
from tsbridge.notify.messages import Message, Recipient
from tsbridge.notify.ways import Way
from tsbridge.settings.model import Settings
from tsbridge.store.db import Database
from tsbridge.store.sealkey import SealKeys
from tsbridge.work.heads import Place, Sign, Signed

SIGNED_WITHIN_S: Final = 30.0
Roster = Callable[[Connection], roster.Roster | None]


def places(settings: Settings, database: Database, clock: Clock, live: Roster, make: Callable[[roster.Way], Way]) -> Mapping[str, Place]:
    """By name where heads go: a file, a way of the live roster."""
    found: dict[str, Place] = {}
    if (file := settings.heads_kept) is not None:
        found["file"] = to_file(file)
    if (name := settings.heads_way) is not None:

        async def to_way(signed: Signed) -> None:
            known = await database.read(live)
            way = None if known is None else next((one for one in known.ways if one.key == name), None)
            if way is None:
                raise GiveUp("unknown_way")
            await make(way).send(Recipient(None, None, None), message(signed))

        found["way"] = to_way
    return found


def to_file(file: Path) -> Place:
    """A line more in a file for its owner alone, on disk before it counts."""

    async def place(signed: Signed) -> None:
        await asyncio.to_thread(append, file, signed)

    return place


def append(file: Path, signed: Signed) -> None:
    """Raises OSError. Behind a line that was cut short, by a full disk or a lost machine, the next one begins anew."""
    with open(file, "ab+", opener=partial(os.open, mode=0o600)) as kept:
        if end := kept.seek(0, os.SEEK_END):
            kept.seek(end - 1)
            if kept.read() != b"\n":
                kept.write(b"\n")
        kept.write(f"{json.dumps(signed, separators=(',', ':'))}\n".encode())
        kept.flush()
        os.fsync(kept.fileno())


def message(signed: Signed) -> Message:
    """A head as people keep it: no more than what it is."""
    text = f"Keep this line: it shows later that the audit up to entry {signed['seq']} is still the one it was.\n\n{json.dumps(signed)}"
    at = read_instant(signed["at"])
    subject = f"Head of the audit's chain: entry {signed['seq']}"
    return Message(f"ntf_head_{signed['hash'][:32]}", at, subject, text, MappingProxyType(dict(signed)), type="tsbridge.head")


def signing(keys: SealKeys) -> Sign:
    """Signs heads."""
    sign = signer(keys)

    async def signed(head: Head) -> Signed:
        return head.signed(*await sign(head.message()))

    return signed


def signer(keys: SealKeys) -> Callable[[bytes], Awaitable[tuple[str, str]]]:
    """Signs in a process that ends with it (`tsbridge.ed25519`): the public key and the signature, hex. Raises OSError."""

    async def sign(message: bytes) -> tuple[str, str]:
        keys.ready()
        argv = (sys.executable, "-m", "tsbridge.ed25519")
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(SIGNED_WITHIN_S):
                out, _ = await child.communicate(f"{keys.seeds()[0].hex()}\n{message.hex()}\n".encode())
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        key, _, signature = out.decode().strip().partition(" ")
        if child.returncode or not signature:
            raise OSError("it could not be signed")
        return key, signature

    return sign
