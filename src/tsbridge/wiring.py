"""The one place that makes real things out of settings: clock, ids, randomness, the door's proofs, readers, the first rulebook.

Every command needs some of it and none needs all, so what is made by a function is imported there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr
from sqlalchemy import Connection

from tsbridge.core.crashpoint import arm, crashpoint
from tsbridge.core.limits import FEED_BYTES, RECEIPT_BYTES
from tsbridge.core.ports import Clock, Ids
from tsbridge.settings import Settings
from tsbridge.store import rosters, rulebooks, schema
from tsbridge.store.db import Database

if TYPE_CHECKING:
    from tsbridge.feed_source import Source
    from tsbridge.http import Outgoing
    from tsbridge.notify.make import Outside
    from tsbridge.readers import Readers
    from tsbridge.vendors.talkdesk.client import TalkdeskClient
    from tsbridge.vendors.zendesk.client import Credentials, Limits, ZendeskClient
    from tsbridge.vendors.zendesk.read_fields import OwnUser
    from tsbridge.web.webhooks import Entrance

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _LETTERS for second in _LETTERS]
_SHIFTS: Final = tuple(range(120, -1, -10))
_TIME_BITS: Final = 48
_RANDOM_BITS: Final = 80

entropy: Final[Callable[[int], bytes]] = os.urandom


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TimedIds:
    """`<prefix>_<26 letters>`: 48 bits of milliseconds, then 80 random bits, counted up within one millisecond.

    Sorted as text they are sorted by time; a clock that is set back does not break the order within a process.
    """

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._entropy = entropy
        self._last = 0
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        at = int(self._clock.now().timestamp() * 1000) & ((1 << _TIME_BITS) - 1)
        with self._lock:
            if at > self._last >> _RANDOM_BITS:
                # the top bit stays free, so that counting up never reaches the next millisecond
                self._last = (at << _RANDOM_BITS) | (int.from_bytes(self._entropy(_RANDOM_BITS // 8)) >> 1)
            else:
                self._last += 1
            number = self._last
        return f"{prefix}_{''.join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])}"


class NotMigrated(Exception):
    """The database has an older schema, or none: `tsbridge migrate` has to run first."""


def require_schema(database: Database) -> None:
    """Nothing, on a database of our schema. Raises `NotMigrated` or `store.schema.SchemaTooNew`."""
    try:
        schema.check(database)
    except schema.SchemaTooNew:
        raise
    except RuntimeError as refused:
        raise NotMigrated(str(refused)) from None


def starter_path(settings: Settings) -> Path:
    """The rulebook that an empty database gets: the one of the settings, else the bundled one."""
    if settings.rulebook is not None:
        return settings.rulebook
    return bundled("incident-desk.yaml")


def example_roster(settings: Settings) -> Path:
    """The roster of the settings, else the bundled example."""
    return settings.roster or bundled("incident-desk-roster.yaml")


def bundled(name: str) -> Path:
    """A file of `rulebooks/`, in an installation or a checkout."""
    installed = Path(str(files("tsbridge"))) / "_bundled" / "rulebooks"
    folder = installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "rulebooks"
    return folder / name


def publish_starter(database: Database, settings: Settings, clock: Clock) -> int | None:
    """Publish the starter rulebook as version 1 when there is none; returns the version, None when there was one already.

    Raises `core.rules.language.RulebookError` for a file that is no rulebook.
    """
    if database.read_now(rulebooks.has_any):
        return None
    from tsbridge.core.rules.document import read
    from tsbridge.core.rules.read_calendars import of_rulebook
    from tsbridge.files import load_file

    path = starter_path(settings)
    document = load_file(path)
    now = clock.now()
    almanac = of_rulebook(document, settings.zone, now.year)
    book = read(document, almanac)

    def write(conn: Connection) -> int | None:
        rulebooks.lock_first(conn)  # a service and its workers may be started at once
        if rulebooks.has_any(conn):
            return None
        return rulebooks.publish(conn, document, book.hash, f"the starter rulebook, {path.name}", now, "system", almanac=almanac)

    return database.write_now(write)


def publish_first_roster(database: Database, settings: Settings, clock: Clock, ids: Ids) -> int | None:
    """Publish the settings' roster as version 1 when there is none; returns the version, None when there is nothing to do.

    Raises `roster.read_parts.RosterError` for a file that is no roster, `files.BadFile` for one that cannot be read.
    """
    if settings.roster is None or database.read_now(rosters.newest):
        return None
    from tsbridge.acts import rostering
    from tsbridge.acts.ledger import Ledger
    from tsbridge.files import load_file
    from tsbridge.roster.document import read as read_roster

    document = load_file(settings.roster, dates=True)
    roster = read_roster(document)
    note = f"the first roster, {settings.roster.name}"
    entry = Ledger(clock, ids, entropy).entry("system")

    def write(conn: Connection) -> int | None:
        try:
            return rostering.publish(conn, document, roster, note, entry, base=0)
        except rostering.Moved:  # a service and its workers may be started at once
            return None

    return database.write_now(write)


# What the settings say about vendors


def entrances(settings: Settings) -> dict[str, Entrance]:
    """How deliveries come in; a source without a secret lets nobody in."""
    from tsbridge.vendors.talkdesk import payload as talkdesk_payload
    from tsbridge.vendors.talkdesk import verify as talkdesk_proof
    from tsbridge.vendors.zendesk import payload as zendesk_payload
    from tsbridge.vendors.zendesk import verify as zendesk_proof
    from tsbridge.web.webhooks import Entrance

    zendesk, talkdesk = _texts(settings.zendesk_webhook_secrets), _texts(settings.talkdesk_webhook_secrets)
    tolerance = settings.signature_tolerance_s
    return {
        "zendesk": Entrance(
            "zendesk",
            (lambda body, headers, now: zendesk_proof.verify(body, headers, zendesk, now, tolerance)) if zendesk else None,
            zendesk_payload.delivery_key,
            frozenset({zendesk_proof.SIGNATURE, zendesk_proof.TIMESTAMP, "x-zendesk-webhook-id", "x-zendesk-webhook-invocation-id"}),
            lambda body: zendesk_payload.ring_of(body) is not None,
        ),
        "talkdesk": Entrance(
            "talkdesk",
            (lambda body, headers, now: talkdesk_proof.verify(headers, talkdesk)) if talkdesk else None,
            lambda value, body, headers: talkdesk_payload.delivery_key(value, body),
            frozenset({"user-agent"}),
        ),
    }


def readers(settings: Settings, own: Callable[[], OwnUser]) -> Readers:
    """How the deliveries of each source are read into moments."""
    from tsbridge.readers import Readers

    return Readers(own, settings.phone_region, settings.talkdesk_zone)


def zendesk_credentials(settings: Settings, clock: Clock) -> Credentials | None:
    """The best kind that is set."""
    from tsbridge.vendors.zendesk.client import AccessToken, ApiToken, client_credentials

    if settings.zendesk_client_id is not None and settings.zendesk_client_secret is not None:
        return client_credentials(settings.zendesk_client_id, settings.zendesk_client_secret.get_secret_value(), clock, crashpoint)
    if settings.zendesk_access_token is not None:
        return AccessToken(settings.zendesk_access_token.get_secret_value())
    if settings.zendesk_email is not None and settings.zendesk_api_token is not None:
        return ApiToken(settings.zendesk_email, settings.zendesk_api_token.get_secret_value())
    return None


def outgoing(settings: Settings) -> Outgoing:
    """How calls leave."""
    from tsbridge.http import Outgoing

    proxy = None if settings.http_proxy is None else settings.http_proxy.get_secret_value()
    return Outgoing(proxy, settings.no_proxy, settings.ca_bundle)


def make_zendesk(settings: Settings, clock: Clock, heard: Callable[[Limits], None] = lambda limits: None) -> ZendeskClient | None:
    """A client of the settings' Zendesk; None when there is no address or no credentials. Close it. `heard` gets its rate headers."""
    from tsbridge.http import Http
    from tsbridge.vendors.zendesk.client import ZendeskClient

    credentials = zendesk_credentials(settings, clock)
    if settings.zendesk_url is None or credentials is None:
        return None
    return ZendeskClient(Http(settings.zendesk_url, sleep=asyncio.sleep, outgoing=outgoing(settings)), credentials, heard)


def feed_source(settings: Settings) -> Source:
    """Where the roster's iCalendar feeds come from."""
    from tsbridge.feed_source import Source
    from tsbridge.http import Http

    way = outgoing(settings)
    return Source(lambda origin: Http(origin, sleep=asyncio.sleep, outgoing=way, largest=FEED_BYTES), lambda path: path.read_text("utf-8"))


def make_talkdesk(settings: Settings, clock: Clock) -> TalkdeskClient | None:
    """A client of the settings' Talkdesk account; None when the account or the client is not set. Close it."""
    from tsbridge.http import Http
    from tsbridge.vendors.talkdesk.client import TalkdeskClient, hosts

    account, client_id, secret = settings.talkdesk_account, settings.talkdesk_client_id, settings.talkdesk_client_secret
    if account is None or client_id is None or secret is None:
        return None
    found = hosts(account, settings.talkdesk_region)
    identity, api = (Http(host, sleep=asyncio.sleep, outgoing=outgoing(settings)) for host in (found.identity, found.api))
    return TalkdeskClient(identity, api, client_id, secret.get_secret_value(), clock, asyncio.sleep)


def outside(settings: Settings, clock: Clock) -> Outside:
    """What the ways of the roster send with."""
    from tsbridge.http import Http
    from tsbridge.notify.make import Outside

    way = outgoing(settings)
    http = partial(Http, sleep=asyncio.sleep, outgoing=way, most=1, largest=RECEIPT_BYTES)
    return Outside(http, clock, settings.mail, variables=settings.variables)


def _texts(secrets: tuple[SecretStr, ...]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets)


def salt() -> str:
    return entropy(16).hex()


def worker_name() -> str:
    """Names this process in leases: no other one, now or later, has the same."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{entropy(4).hex()}"


def arm_crashpoint(settings: Settings) -> None:
    if settings.test_crash is not None:
        arm(settings.test_crash, lambda: os.kill(os.getpid(), signal.SIGKILL))
