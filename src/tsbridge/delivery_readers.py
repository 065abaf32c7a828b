"""How the deliveries of each source are read into moments: here, or in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import Any, Final

from tsbridge.child_process import Limits, in_child
from tsbridge.core import strict_json
from tsbridge.core.ports import Died
from tsbridge.store.claiming import Claimed
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.talkdesk import mapping
from tsbridge.vendors.talkdesk import normalize as talkdesk_normalize
from tsbridge.vendors.zendesk import normalize as zendesk_normalize
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.work.reading import Reader, read
from tsbridge.work.rings import Read

ALONE: Final = Limits(seconds=60.0, computing_s=10, memory=1 << 30)
"""For one delivery of a megabyte at most, which takes a hundredth of each."""
TRIES: Final = 2
"""A process may be killed for reasons that are not the delivery's: it is to blame when two in a row did not come back."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of all sources. `own`: whom we write as, as far as we know by now; `zone`: of Talkdesk's times that name none."""

    own: Callable[[], OwnUser]
    phone_region: str
    zone: tzinfo

    def here(self) -> dict[str, Reader]:
        """To be called in this process, whoever we are by then."""
        return {"zendesk": self._zendesk_now, "talkdesk": self._now()["talkdesk"]}

    async def alone(self, row: Claimed, mappings: Any, *, impressions: bool) -> Read:
        """What a delivery says, read in a process of its own. Raises `Died` when that dies of it, `NoProcess` when there is none."""
        return await asyncio.to_thread(read_in_child, row, self._now()[row.source], mappings, impressions)

    def _zendesk_now(self, row: Claimed, mappings: Any) -> Normalized:
        return _zendesk(row, mappings, own=self.own(), phone_region=self.phone_region)

    def _now(self) -> dict[str, Reader]:
        """Readers that can be sent to another process."""
        return {
            "zendesk": partial(_zendesk, own=self.own(), phone_region=self.phone_region),
            "talkdesk": partial(_talkdesk, phone_region=self.phone_region, zone=self.zone),
        }


def read_in_child(row: Claimed, reader: Reader, mappings: Any, impressions: bool, *, limits: Limits = ALONE, tries: int = TRIES) -> Read:
    """`work.reading.read` in a process of its own. Raises `Died` when as many as `tries` in a row did not come back."""
    for left in reversed(range(tries)):
        try:
            return in_child(_read_whole, row, reader, mappings, impressions, limits=limits)
        except Died:
            if not left:
                raise
    raise ValueError("expected at least one try")


def _read_whole(row: Claimed, reader: Reader, mappings: Any, impressions: bool) -> Read:
    """Runs over there. Where memory is bounded, running out of it is what another one would die of."""
    one = read(row, reader, mappings, impressions=impressions)
    if one.fault is not None and one.fault[0] == MemoryError.__name__:
        raise MemoryError
    return one


def _zendesk(row: Claimed, _: Any, *, own: OwnUser, phone_region: str) -> Normalized:
    return zendesk_normalize.read(row.body, received_at=row.received_at, own=own, phone_region=phone_region)


def _talkdesk(row: Claimed, mappings: Any, *, phone_region: str, zone: tzinfo) -> Normalized:
    shapes = mapping.read(mappings or [])
    body = strict_json.read(row.body)
    return talkdesk_normalize.normalize(body, received_at=row.received_at, phone_region=phone_region, zone=zone, mappings=shapes)
