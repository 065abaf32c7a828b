"""What `tsbridge doctor` says, in plain words, of Python, the settings and Zendesk: what is missing or wrong, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, Protocol

from tsbridge import ZONE_RULES
from tsbridge.core.errors import GiveUp, TryLater, Unauthorized, VendorError
from tsbridge.settings.model import BadSettings, Settings
from tsbridge.vendors import reading
from tsbridge.vendors.zendesk.setup import lacking

API_TOKENS_END: Final = date(2027, 4, 30)
SKEW_TOLERATED: Final = timedelta(seconds=60)
SIGNED_IN_LATELY: Final = timedelta(days=30)

NAMES_TOLD: Final = 20
"""Findings about names; `tsbridge rules check` tells all."""
FOR_SETUP: Final = ("webhooks:", "triggers:")
"""Scopes that only `tsbridge zendesk setup` needs."""

ASK_AGAIN: Final = "Check TSBRIDGE_ZENDESK_URL, the network and Zendesk's status page; then try again."
IN_BETWEEN: Final[Mapping[str, str]] = {
    "proxy_refused": "Check TSBRIDGE_HTTP_PROXY, its user and password, and that the proxy lets calls to Zendesk pass.",
    "certificate": "Whoever answers there is certified by nobody known: give the certificate of your own authority in TSBRIDGE_CA_BUNDLE.",
}
"""What to do when a call did not get as far as Zendesk."""

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
    lines += [
        Line("secrets", "bad", f"{problem}.", "Make a longer random one; a service that begins anew does not start with this one.")
        for problem in found.guessable
    ]
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
    lines += _outgoing(found)
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


def _outgoing(found: Settings) -> list[Line]:
    """By which way calls leave, where it is not the plain one."""
    lines = []
    if found.http_proxy is not None:
        beside = f", but for {len(found.no_proxy)} hosts" if found.no_proxy else ""
        lines.append(Line("proxy", "ok", f"Outgoing calls go by a proxy{beside}; mail does not."))
    if found.ca_bundle is not None:
        lines.append(Line("certificates", "ok", "Those of TSBRIDGE_CA_BUNDLE are trusted besides the public ones."))
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
        return [Line("zendesk connection", "bad", words, IN_BETWEEN.get(failure.reason, ASK_AGAIN))]
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


def zendesk_names(findings: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What the live rulebook and roster name and Zendesk does not have, as the check tells it."""
    if not findings:
        return [Line("zendesk names", "ok", "Zendesk has the groups, fields and agents that the live rulebook and roster name.")]
    return [
        Line(
            "zendesk names",
            "warn" if one["severity"] == "warning" else "ok",
            f"{one['path'] or 'the live rulebook'}: {one['message'].rstrip('.')}.",
            "Correct it in the rulebook or roster, or make it at Zendesk.",
        )
        for one in findings[:NAMES_TOLD]
    ]


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
