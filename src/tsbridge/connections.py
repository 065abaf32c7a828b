"""Who stays connected when there are many, and how much is held of what nobody vouches for yet.

Nobody is locked out by those who only wait: the one that has waited longest, of the address with the most, makes room for who comes.
Whoever proved on a connection who they are counts no longer as a stranger on it. A vendor opens a hundred connections at once and means
each of them: who has only just come is a stranger that waits for nothing but us.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, Protocol

CONNECTIONS: Final = 2_000
FOR_THE_DOOR: Final = 200
"""Of these, for deliveries and for who asks how the service is."""
PER_ADDRESS: Final = 50
"""Strangers that have waited for long. A proxy stands for many and is named in the settings."""
LONG_S: Final = 5.0
"""As long as a head may take: by then whoever has something to say has begun."""
UNPROVEN_BYTES: Final = 16 << 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Guest(Protocol):
    """A connection as it is seen from here."""

    def leave(self) -> None:
        """Close at once: somebody else needs the room."""

    def refuse(self) -> None:
        """Have the sender come again: too much is held already."""


class Connections:
    """All of one process. A guest is a stranger until it is proven; it waits unless a whole request of it is being answered."""

    def __init__(
        self,
        proxies: Iterable[str] = (),
        most: int = CONNECTIONS,
        told: Callable[[str], object] = lambda reason: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`proxies`: addresses and networks that stand for many people each. `told`: hears why somebody was turned away: crowded, full,
        unproven_full or too_slow."""
        self._proxies = tuple(ipaddress.ip_network(one) for one in proxies)
        self._most = most
        self._monotonic = monotonic
        self.told = told
        self._kept = min(FOR_THE_DOOR, most // 10)
        self._guests: dict[Guest, str] = {}
        self._strangers: dict[str, dict[Guest, float]] = {}
        """Those that wait, by address, since when; who has waited longest first."""
        self._known: dict[Guest, None] = {}
        """Those that wait, and were proven before."""
        self._proven: set[Guest] = set()
        self._held: dict[Guest, int] = {}
        """Bytes of bodies of the unproven, whose came first first."""
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._guests)

    @property
    def held(self) -> int:
        return self._bytes

    @property
    def waiting(self) -> int:
        """How many there are of whom no request is being answered."""
        return len(self._known) + sum(map(len, self._strangers.values()))

    @property
    def crowded(self) -> bool:
        """Whether only as much room is left as is kept for the door."""
        return len(self._guests) > self._most - self._kept

    def come(self, guest: Guest, host: str | None) -> bool:
        """Let it in; False when there is no room, as everybody there is being answered."""
        place = neighbourhood(host or "")
        now, near = self._monotonic(), self._strangers.get(place, {})
        if len(near) >= PER_ADDRESS and not self._is_proxy(host):
            for other, since in list(near.items())[: len(near) - PER_ADDRESS + 1]:
                if since <= now - LONG_S:
                    self._have_leave(other, "crowded")
        if len(self._guests) >= self._most and not self._make_room():
            self.told("full")
            return False
        self._guests[guest] = place
        self._strangers.setdefault(place, {})[guest] = now
        return True

    def go(self, guest: Guest) -> None:
        self.busy(guest)
        self.let_go(guest)
        self._proven.discard(guest)
        self._guests.pop(guest, None)

    def busy(self, guest: Guest) -> None:
        """A request of it is whole and is being answered."""
        self._known.pop(guest, None)
        place = self._guests.get(guest, "")
        near = self._strangers.get(place)
        if near is not None and near.pop(guest, None) is not None and not near:
            del self._strangers[place]

    def waits(self, guest: Guest) -> None:
        """It was answered; the next request may come."""
        place = self._guests.get(guest)
        if place is None:
            return
        if guest in self._proven:
            self._known[guest] = None
        else:
            self._strangers.setdefault(place, {})[guest] = self._monotonic()

    def proven(self, guest: Guest) -> None:
        """Somebody on it has proved who they are."""
        self.let_go(guest)
        if guest not in self._proven:
            waited = guest in self._strangers.get(self._guests.get(guest, ""), ())
            self.busy(guest)
            self._proven.add(guest)
            if waited:
                self.waits(guest)

    def hold(self, guest: Guest, size: int) -> None:
        """So many more bytes of an unproven request are held. Where that is too much in all, those whose came first go."""
        self._held[guest] = self._held.get(guest, 0) + size
        self._bytes += size
        while self._bytes > UNPROVEN_BYTES:
            oldest = next(iter(self._held))
            self.let_go(oldest)
            self.told("unproven_full")
            oldest.refuse()

    def let_go(self, guest: Guest) -> None:
        """What was held of it is proven, answered or gone."""
        if guest in self._held:
            self._bytes -= self._held.pop(guest)

    def _make_room(self) -> bool:
        waiting = max(self._strangers.values(), key=len, default=self._known)
        if not waiting:
            return False
        self._have_leave(next(iter(waiting)), "full")
        return True

    def _have_leave(self, guest: Guest, reason: str) -> None:
        self.told(reason)
        self.go(guest)
        guest.leave()

    def _is_proxy(self, host: str | None) -> bool:
        try:
            found = ipaddress.ip_address(host or "")
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return any((mapped or found) in network for network in self._proxies)


@lru_cache(maxsize=1_024)
def neighbourhood(host: str) -> str:
    """Those who are counted as one address: of IPv6 a whole network of 64 bits, which one sender is given."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv4Address):
        return host
    mapped = found.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
