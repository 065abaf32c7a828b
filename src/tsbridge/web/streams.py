"""Answers that take a while to send: they end when whoever asked may no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tsbridge.acts.callers import Caller
from tsbridge.web.auth import Gate


class CutOff(Exception):
    """An answer ends in its middle, for its reader to see: the connection is closed without the end of the body."""


async def while_good(gate: Gate, by: Caller, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, as long as the key that asked for them is good. Raises `CutOff`."""
    async for piece in pieces:
        if not await gate.still(by):
            gate.security.saw("export_ended")
            raise CutOff
        yield piece
