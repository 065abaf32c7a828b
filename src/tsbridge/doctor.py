"""`tsbridge doctor`: looks at everything the bridge needs and says in plain words what is missing or wrong, and what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from tsbridge import ZONE_RULES
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import RulebookError
from tsbridge.settings import BadSettings, Settings
from tsbridge.store import about, desired, keep, rulebooks, schema, silence, sqlite, warnings, writemode
from tsbridge.store.db import BadDatabase, Database, parse
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.vendors import reading
from tsbridge.vendors.errors import GiveUp, TryLater, Unauthorized, VendorError
from tsbridge.vendors.zendesk.setup import lacking

API_TOKENS_END: Final = date(2027, 4, 30)
ADMIN_KEY_LENGTH: Final = 24
SKEW_TOLERATED: Final = timedelta(seconds=60)
SIGNED_IN_LATELY: Final = timedelta(days=30)
ROOM_WANTED: Final = 0.10
ROOM_NEEDED: Final = 0.02

FOR_SETUP: Final = ("webhooks:", "triggers:")
"""Scopes that only `tsbridge zendesk setup` needs."""

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Line:
    """One finding. `next_step`: what to do about it; empty when all is well."""

    check: str
    state: State
    words: str
    next_step: str = ""

    def to_json(self) -> dict[str, str]:
        return {"check": self.check, "state": self.state, "words": self.words, "next": self.next_step}


class Zendesk(Protocol):
    """What the doctor asks of Zendesk. `me` raises the vendors' errors; `server_time` is the `Date` of its latest answer."""

    async def me(self) -> Mapping[str, Any]: ...
    @property
    def server_time(self) -> datetime | None: ...


def worst(lines: Iterable[Line]) -> State:
    states = {line.state for line in lines}
    return "bad" if "bad" in states else "warn" if "warn" in states else "ok"


def python() -> list[Line]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        return [Line("python", "bad", f"Python {version} is not supported.", "Install Python 3.11, 3.12 or 3.13 and run `make install`.")]
    return [Line("python", "ok", f"Python {version}.")]


def zones() -> list[Line]:
    return [Line("time zone rules", "ok", f"Calendars go by the packaged rules of time zones, {ZONE_RULES}.")]


def bad_settings(refused: BadSettings) -> list[Line]:
    return [
        Line("settings", "bad", problem, "Correct it in the environment or in .env; .env.example lists every setting.")
        for problem in refused.problems
    ]


def settings(found: Settings, today: date) -> list[Line]:
    """What the settings mean in practice."""
    lines = [Line("settings", "ok", "All settings can be read.")]
    lines += _webhooks("zendesk", bool(found.zendesk_webhook_secrets), "the signing secret of your Zendesk webhook")
    lines += _webhooks(
        "talkdesk", bool(found.talkdesk_webhook_secrets), "a long random text, and have your Talkdesk automations send it as X-Tsbridge-Key"
    )
    lines += _zendesk_settings(found, today)
    if found.writeback != "live":
        meaning = "planned and audited, but never sent" if found.writeback == "dry-run" else "queued until somebody switches to live"
        lines.append(
            Line(
                "writeback",
                "warn",
                f"TSBRIDGE_WRITEBACK says {found.writeback}: changes are {meaning}.",
                "Set TSBRIDGE_WRITEBACK=live when you are ready.",
            )
        )
    if found.admin_key is None:
        lines.append(Line("admin key", "ok", "No admin key is set: keys come from `tsbridge keys create`."))
    elif len(found.admin_key.get_secret_value()) < ADMIN_KEY_LENGTH:
        lines.append(
            Line("admin key", "bad", "The admin key is short enough to be guessed.", f"Use {ADMIN_KEY_LENGTH} random characters or more.")
        )
    if found.signature_tolerance_s == 0:
        lines.append(Line("signatures", "warn", "Signed requests are accepted at any age.", "Set TSBRIDGE_SIGNATURE_TOLERANCE_S to 900."))
    if found.timezone == "UTC":
        lines.append(
            Line(
                "time zone",
                "warn",
                "The team's zone is UTC: rules about hours and weekdays mean UTC.",
                "Set TSBRIDGE_TIMEZONE, for example America/Los_Angeles.",
            )
        )
    if found.talkdesk_client_id is None:
        lines.append(Line("talkdesk", "ok", "No Talkdesk API access is set; calls are heard through webhooks alone."))
    elif found.talkdesk_account is None:
        lines.append(
            Line(
                "talkdesk",
                "bad",
                "Talkdesk's client is set but not the account.",
                "Set TSBRIDGE_TALKDESK_ACCOUNT to the name before .mytalkdesk.com.",
            )
        )
    return lines


def _webhooks(vendor: str, have: bool, what: str) -> list[Line]:
    name = f"TSBRIDGE_{vendor.upper()}_WEBHOOK_SECRETS"
    if have:
        return [Line(f"{vendor} webhooks", "ok", f"/webhooks/{vendor} is open to whoever proves to be {vendor.title()}.")]
    return [
        Line(f"{vendor} webhooks", "warn", f"{name} is not set: /webhooks/{vendor} answers 503 and nothing is heard.", f"Set it to {what}.")
    ]


def _zendesk_settings(found: Settings, today: date) -> list[Line]:
    kind = found.zendesk_credentials
    if found.zendesk_url is None:
        words = "TSBRIDGE_ZENDESK_URL is not set: tickets are judged, but nothing is read from Zendesk or written back."
        return [Line("zendesk", "warn", words, "Set it to https://<your name>.zendesk.com.")]
    if kind is None:
        words = "Zendesk's address is set, but no credentials."
        return [Line("zendesk", "bad", words, "Set TSBRIDGE_ZENDESK_CLIENT_ID and TSBRIDGE_ZENDESK_CLIENT_SECRET.")]
    if kind == "api_token":
        left = (API_TOKENS_END - today).days
        words = f"An API token is used. Zendesk ends API tokens on {API_TOKENS_END}" + (
            f", in {left} days." if left > 0 else ": it is over."
        )
        return [
            Line(
                "zendesk credentials",
                "warn" if left > 0 else "bad",
                words,
                "Move to an OAuth client: TSBRIDGE_ZENDESK_CLIENT_ID and _CLIENT_SECRET.",
            )
        ]
    return [
        Line(
            "zendesk credentials",
            "ok",
            "An OAuth client is used." if kind == "oauth" else "An access token is used; it is not renewed by us.",
        )
    ]


async def zendesk(client: Zendesk, now: Callable[[], datetime]) -> list[Line]:
    """Whether Zendesk can be reached, whom it takes us for, and whether our clocks agree."""
    try:
        user = await client.me()
    except TryLater as failure:
        words = f"Zendesk does not answer as it should just now ({failure.reason})."
        return [
            Line("zendesk connection", "bad", words, "Check TSBRIDGE_ZENDESK_URL, the network and Zendesk's status page; then try again.")
        ]
    except (GiveUp, Unauthorized) as refused:
        words = f"Zendesk does not accept our credentials ({refused.reason})."
        return [
            Line(
                "zendesk connection", "bad", words, "Check them, and that the OAuth client is active, confidential and may read and write."
            )
        ]
    except VendorError as failure:
        words = f"Zendesk could not be asked ({failure.reason})."
        return [Line("zendesk connection", "bad", words, "Check the address in TSBRIDGE_ZENDESK_URL.")]
    id_, role = user.get("id"), user.get("role")
    if role not in ("agent", "admin"):
        words = f"Zendesk knows us as user {id_}, who is no agent: tickets cannot be changed."
        lines = [Line("zendesk connection", "bad", words, "Give that user the role of an agent or admin.")]
    else:
        lines = [Line("zendesk connection", "ok", f"Zendesk knows us as user {id_}, {role}."), _user_of_its_own(user, now())]
    if client.server_time is not None:
        lines.append(_skew(now() - client.server_time))
    return lines


def _user_of_its_own(user: Mapping[str, Any], now: datetime) -> Line:
    """Whether somebody else uses our user. Calls of an OAuth client are no sign-in; those of an API token may be counted as one."""
    signed_in = reading.time(user.get("last_login_at"))
    if signed_in is None or now - signed_in > SIGNED_IN_LATELY:
        return Line(
            "zendesk user", "ok", "Nobody signed in as this user lately. Keep it the bridge's own: no person's, no other program's."
        )
    words = f"Somebody, or an API token, signed in as this user on {signed_in:%Y-%m-%d}: what they do looks like the bridge's work."
    return Line("zendesk user", "warn", words, "Give the bridge a user of its own, and an OAuth client that acts as that user.")


def zendesk_scopes(granted: Sequence[str]) -> Line:
    """What the OAuth token in use may do."""
    missing = lacking(granted)
    if not missing:
        return Line("zendesk scopes", "ok", "The OAuth token may do what the bridge needs.")
    needed = [scope for scope in missing if not scope.startswith(FOR_SETUP)]
    words = f"The OAuth token lacks {', '.join(missing)}."
    return Line("zendesk scopes", "bad" if needed else "warn", words, "Give the OAuth client the scopes read and write, or these.")


def _skew(off: timedelta) -> Line:
    seconds = off.total_seconds()
    if abs(off) <= SKEW_TOLERATED:
        return Line("clock", "ok", f"Our clock and Zendesk's agree within {max(1, abs(seconds)):.0f} s.")
    way = "fast" if seconds > 0 else "slow"
    return Line(
        "clock",
        "bad",
        f"This machine's clock is {abs(seconds):.0f} s {way}: signed webhooks will be refused.",
        "Switch on time synchronisation (NTP).",
    )


def database(url: str, guessed_zone: str | None = None, setting: str = "live") -> list[Line]:
    """Whether the database can be reached and written, has our schema, keeps what it is told and has room.

    `guessed_zone`: in which Talkdesk's times are read that name none, while no setting says so; a kept mapping may.
    """
    try:
        path = sqlite.path_of(parse(url)) if parse(url).get_backend_name() == "sqlite" else None
        if path is not None and not path.exists():
            return [*_no_file_yet(path), *talkdesk_times(guessed_zone, [])]
        with Database.open(url) as opened:
            return [*_schema(opened), *_contents(opened, guessed_zone, setting), *([] if path is None else _room(path))]
    except BadDatabase as refused:
        return [Line("database", "bad", f"{refused}.", "Correct TSBRIDGE_DATABASE_URL or the server's settings.")]
    except sqlite.UnsafeSqlite as refused:
        return [Line("database", "bad", f"{refused}.", "Run `make install`, or use PostgreSQL.")]
    except (*DATABASE_FAILURES, OSError) as failure:
        return [
            Line(
                "database",
                "bad",
                f"The database cannot be reached ({type(failure).__name__}).",
                "Check TSBRIDGE_DATABASE_URL, that the server runs, and the permissions of the file.",
            )
        ]


def _no_file_yet(path: Path) -> list[Line]:
    if not path.parent.is_dir():
        return [Line("database", "bad", f"The directory {path.parent} does not exist.", "Make it, or correct TSBRIDGE_DATABASE_URL.")]
    return [
        Line("database", "warn", f"{path.name} is not there yet.", "`tsbridge serve` or `tsbridge migrate` makes it."),
        *_library(),
        *_room(path),
    ]


def _library() -> list[Line]:
    try:
        version = sqlite.library().sqlite_version
    except sqlite.UnsafeSqlite as refused:
        return [Line("sqlite", "bad", f"{refused}.", "Run `make install`, or use PostgreSQL.")]
    return [Line("sqlite", "ok", f"SQLite {version}, free of the write-ahead-log bug.")]


def _schema(opened: Database) -> list[Line]:
    found, newest = schema.current(opened), schema.head()
    if found == newest:
        return [Line("schema", "ok", f"The newest schema ({newest}).")]
    try:
        schema.check(opened)
    except schema.SchemaTooNew as refused:
        return [Line("schema", "bad", f"{refused}.", "Install that newer version of tsbridge.")]
    except RuntimeError:
        pass
    return [Line("schema", "bad", f"The schema is {found or 'not there yet'}, this version needs {newest}.", "Run `tsbridge migrate`.")]


def _contents(opened: Database, guessed_zone: str | None, setting: str) -> list[Line]:
    kind = "SQLite" if opened.dialect == "sqlite" else "PostgreSQL"
    found = opened.read_now(about.about)
    lines = _library() if opened.dialect == "sqlite" else []
    lines.append(Line("database", "ok", f"{kind} {found.version} answers; {found.size_bytes / 1e6:.1f} MB."))
    if found.unsafe:
        words = f"The database may lose what it has confirmed: {', '.join(found.unsafe)}."
        lines.append(Line("database durability", "bad", words, "Switch fsync and synchronous_commit on."))
    if schema.current(opened) != schema.head():
        return lines
    try:
        opened.write_now(about.try_writing)
        lines.append(Line("database writable", "ok", "It can be written."))
    except DATABASE_FAILURES as failure:
        words = f"The database cannot be written ({type(failure).__name__})."
        lines.append(Line("database writable", "bad", words, "Look at the disk's room and the permissions of the file and its directory."))
    mappings = opened.read_now(lambda conn: keep.get(conn, keep.mappings("talkdesk"))) or []
    return [
        *lines,
        *rulebook(opened),
        *mode(opened, setting),
        *sources(opened),
        *odd_deliveries(opened),
        *talkdesk_times(guessed_zone, mappings),
    ]


def mode(opened: Database, setting: str) -> list[Line]:
    """Which mode of write-back counts, and why."""
    found, planned = opened.read_now(lambda conn: (writemode.in_force(conn, setting), desired.planned(conn)))
    backlog = f" Planned for {planned} tickets and not sent." if planned else ""
    words = f"Write-back is {found.effective}: {found.because}.{backlog}"
    if found.effective == writemode.LIVE:
        return [Line("write-back", "ok", words)]
    return [Line("write-back", "warn", words, "When you are ready, set TSBRIDGE_WRITEBACK=live and switch /v1/writebacks/mode to live.")]


def sources(opened: Database) -> list[Line]:
    """Who says nothing although it usually would."""
    return [
        Line(
            f"{source} webhooks heard",
            "warn",
            f"Nothing was heard from {source.title()} since {since:%Y-%m-%d %H:%M} UTC, which is unusual at this time of the week.",
            "Look whether its webhooks are still switched on and reach this machine; `tsbridge zendesk setup --plan` shows Zendesk's.",
        )
        for source, since in opened.read_now(silence.silent).items()
    ]


WARNINGS: Final[Mapping[str, tuple[str, str]]] = {
    "placeholder": ("placeholders that nobody had filled in were left out", "Correct them in the template at the vendor."),
    "channel": ("channels came that we have no word for, so rules see none", "Write rules for them with `channel` `not_present`."),
    "time_ahead": (
        "times lay more than five minutes ahead, so the time of receipt counted",
        "Look at this machine's clock, and at the zone of what the vendor's template sends.",
    ),
    "time_too_old": ("times lay before any account began, so the time of receipt counted", "Look at what the vendor's template sends."),
    "history_cut": (
        "tickets had more than a thousand updates when they were first heard of: the oldest are not in their stories",
        "Nothing; what rules need of such a ticket they find in its newer updates.",
    ),
    "text_cut": (
        "cases had more than 64 KiB of text when they were judged: rules saw the newest part of it",
        "Look at the decisions whose outcome has `cut`; close a very long ticket and go on in a follow-up.",
    ),
    "time_unreadable": ("times could not be read, so the time of receipt counted", "Have the vendor's template send ISO 8601."),
}


def odd_deliveries(opened: Database) -> list[Line]:
    """What deliveries held that could not be taken as it was said: each kind once, with what names it."""
    lines = []
    for kind, found in opened.read_now(warnings.noted).items():
        if kind in WARNINGS:  # of times without a zone another line tells
            words, advice = WARNINGS[kind]
            named = f" ({', '.join(found.details)})" if found.details else ""
            often = "once" if found.count == 1 else f"{found.count} times"
            lines.append(Line(f"deliveries: {kind}", "warn", f"{often}, last on {found.last:%Y-%m-%d}: {words}{named}.", advice))
    return lines


def talkdesk_times(guessed_zone: str | None, mappings: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Whether anybody said in which zone Talkdesk's times are; a mapping says it for the bodies it reads."""
    if guessed_zone is None or (mappings and all(mapping.get("timezone") for mapping in mappings)):
        return []
    words = f"Talkdesk's times that name no zone are read in the team's, {guessed_zone}: a guess."
    return [Line("talkdesk times", "warn", words, "Set TSBRIDGE_TALKDESK_TIMEZONE to the zone of your Talkdesk account.")]


def rulebook(opened: Database) -> list[Line]:
    try:
        live = opened.read_now(rulebooks.live)
    except rulebooks.NoRulebook:
        return [Line("rulebook", "warn", "No rulebook has been published yet.", "`tsbridge serve` publishes the starter rulebook.")]
    try:
        book = read(live.document)
    except RulebookError as refused:
        words = f"Version {live.version} has {len(refused.findings)} faults for this tsbridge."
        return [Line("rulebook", "bad", words, "Run `tsbridge rules export`, `tsbridge rules check`, then publish a repaired one.")]
    ungrouped = [name for name, queue in book.queues.items() if queue.zendesk_group_id is None]
    lines = [
        Line("rulebook", "ok", f"Version {live.version} is live: {len(book.escalation)} escalation and {len(book.routing)} routing rules.")
    ]
    if ungrouped:
        words = f"Queues without a Zendesk group: {', '.join(sorted(ungrouped))}. Cases routed there change no ticket's group."
        lines.append(Line("queues", "warn", words, "Give each queue its zendesk_group_id in the rulebook."))
    return lines


def _room(path: Path) -> list[Line]:
    disk = shutil.disk_usage(path.parent)
    share = disk.free / disk.total
    words = f"{disk.free / 1e9:.1f} GB free where the database lies ({share:.0%})."
    if share < ROOM_NEEDED:
        return [Line("disk", "bad", words, "Make room now: without it nothing can be kept.")]
    return [Line("disk", "warn" if share < ROOM_WANTED else "ok", words, "Make room." if share < ROOM_WANTED else "")]
