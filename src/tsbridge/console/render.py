"""Templates and what they may call: everything that is not a template's own is escaped; times are the team's, with their age."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tsbridge.acts.words import is_severe
from tsbridge.core.redaction import personal

ASSETS: Final[Mapping[str, str]] = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
NAV: Final = (
    *(
        ("now", "Now", "viewer"),
        ("cases", "Cases", "viewer"),
        ("audit", "Audit", "viewer"),
        ("rulebook", "Rulebook", "viewer"),
        ("roster", "Roster", "viewer"),
        ("reports", "Reports", "viewer"),
        ("patterns", "Patterns", "supervisor"),
        ("writeback", "Write-back", "supervisor"),
    ),
    *(("events", "Events", "ops"), ("keys", "Health", "viewer")),
)
"""Pages, and the lowest role that sees each."""


class Asset:
    """A file of the package. `name` changes with its bytes, so that browsers may keep it."""

    def __init__(self, file: str) -> None:
        self.body = (files("tsbridge.console") / "static" / file).read_bytes()
        self.kind = ASSETS[file]
        stem, _, end = file.rpartition(".")
        self.name = f"{stem}.{hashlib.sha256(self.body).hexdigest()[:12]}.{end}"


class Pages:
    """The templates of the package. `zone`: the team's; `zendesk_url`: where links to tickets lead."""

    def __init__(self, zone: tzinfo, zendesk_url: str | None, version: str) -> None:
        found = {file: Asset(file) for file in ASSETS}
        self.assets = {asset.name: asset for asset in found.values()}
        self._zone = zone
        self._zendesk_url = zendesk_url
        self._templates = Environment(
            loader=PackageLoader("tsbridge.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.globals |= {
            "asset": lambda file: f"/console/static/{found[file].name}",
            "nav": NAV,
            "version": version,
            "zone": str(zone),
            "visit": None,
            "address": address,
            "severe": is_severe,
            "personal": personal,
        }
        self._templates.filters |= {
            "when": self.when,
            "clock": self.clock,
            "since": self.since,
            "ticket": self.ticket,
            "span": span_text,
            "path": lambda text: quote(str(text), safe=""),
        }

    def render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(values)

    def when(self, at: datetime | None) -> str:
        """A day and time on the team's clock."""
        return self._time(at, "%a %d %b %H:%M")

    def clock(self, at: datetime | None) -> str:
        return self._time(at, "%H:%M:%S")

    def since(self, at: datetime | None, now: datetime) -> str:
        """How long ago, or how long until, with the time beside the pointer; the script keeps it going."""
        if at is None:
            return ""
        local = at.astimezone(self._zone)
        title = f"{local:%a %d %b %Y %H:%M:%S} {zone_name(local)}"
        return Markup('<time datetime="{}" title="{}" data-age>{}</time>').format(_iso(at), title, ago(at, now))

    def ticket(self, number: str) -> str:
        """The number, leading to the configured Zendesk where there is one."""
        if self._zendesk_url is None:
            return Markup("{}").format(number)
        link = Markup('<a href="{}/agent/tickets/{}" rel="noreferrer" target="_blank">#{}</a>')
        return link.format(self._zendesk_url, quote(number, safe=""), number)

    def _time(self, at: datetime | None, form: str) -> str:
        if at is None:
            return ""
        local = at.astimezone(self._zone)
        title = f"{local:%a %d %b %Y %H:%M:%S} {zone_name(local)}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(_iso(at), title, local.strftime(form))


def zone_name(local: datetime) -> str:
    return local.tzname() or ""


def ago(at: datetime, now: datetime) -> str:
    seconds = int((now - at).total_seconds())
    if abs(seconds) < 1:
        return "now"
    return f"{span_text(seconds)} ago" if seconds > 0 else f"in {span_text(-seconds)}"


def span_text(seconds: float) -> str:
    """In the two largest units."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min"
    if whole < 172_800:
        return f"{whole // 3_600} h {whole % 3_600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3_600} h"


def address(path: str, **asked: Any) -> str:
    """An address of the console with what is asked there; what is None or empty is left out."""
    told = urlencode([(name, str(value)) for name, value in asked.items() if value not in (None, "")])
    return f"/console/{path}" + (f"?{told}" if told else "")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
