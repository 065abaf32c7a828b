"""Ways and iCalendar feeds as a roster writes them. What lets somebody in has no place in a document that others read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from tsbridge.core.roster import LOOPBACK, Feed, Way
from tsbridge.core.rules.findings import NAME, escape, nearest
from tsbridge.roster.read_parts import Parts

KINDS: Final = ("smtp", "slack", "teams", "webhook", "apprise")
SECRET_ADDRESS: Final = ("slack", "teams", "apprise")
"""Kinds whose very address lets whoever has it send."""
MEANS: Final = ("off", "rotation", "shift")
LONGEST_URL: Final = 2_000
WRITTEN: Final = ("secret", "password", "token", "key", "api_key")
"""Names that people give to secrets."""
VARIABLES: Final = "TSBRIDGE_WAY_"
"""How the variables begin that a way may name."""
_VARIABLE: Final = re.compile(VARIABLES + r"[A-Z0-9_]{1,60}(?<!_FILE)", re.ASCII)
_KEYS: Final = ("kind", "url", "url_file", "url_env", "secret_file", "secret_env", "title", "description")
_MOVE_IT: Final = "a secret stands in the document; put it into a file and name that file in {name}"
_PRIVATE: Final = re.compile(r"/private[-/]|[0-9a-fA-F]{24,}", re.ASCII)
"""As addresses of calendars show that whoever knows them may read them."""


class Ways(Parts):
    """Reads `ways` and `calendars`."""

    def way(self, key: str, value: Any) -> Way | None:
        path = f"/ways/{escape(key)}"
        if not self.told_apart(value, path, _KEYS, "secret_file or secret_env"):
            return None
        self.words(value, path, "title", "description")
        kind = value.get("kind")
        if kind not in KINDS:
            self.wrong(f"{path}/kind", "kind", f"expected one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
            return None
        has_secret = kind in SECRET_ADDRESS
        url = self.url(value.get("url"), f"{path}/url", has_secret)
        url_file, secret_file = (self.file(value.get(name), f"{path}/{name}") for name in ("url_file", "secret_file"))
        url_env, secret_env = (self.variable(value.get(name), f"{path}/{name}") for name in ("url_env", "secret_env"))
        if secret_file is not None and secret_env is not None:
            self.wrong(path, "secret", "expected secret_file or secret_env; both stand there")
        if kind == "smtp":
            for name in _KEYS[1:6]:
                if name in value:
                    self.wrong(
                        f"{path}/{name}", "unknown_key", "mail is sent as TSBRIDGE_SMTP_URL says; a way of kind smtp takes no address"
                    )
        else:
            self.one_address(value, path, has_secret, ("url", "url_file", "url_env"))
        return Way(key, kind, url, url_file, secret_file, url_env, secret_env)

    def feeds(self, most: int) -> tuple[Feed, ...]:
        """Feeds, sorted by key; one of time off that has none is called after its agent."""
        found: list[Feed] = []
        taken: set[str] = set()
        for place, value in enumerate(self.listed("calendars", most)):
            path = f"/calendars/{place}"
            if not self.told_apart(value, path, ("key", "agent", "means", "url", "url_file", "title", "description"), "url_file"):
                continue
            self.words(value, path, "title", "description")
            means = value.get("means")
            if means not in MEANS:
                self.wrong(f"{path}/means", "value", f"expected one of {', '.join(MEANS)}{nearest(means, MEANS)}")
                continue
            agent = value.get("agent")
            if means == "off" or agent is not None:
                self.known(agent, self.agent_keys, f"{path}/agent", "unknown_agent", "agent")
            key = value.get("key")
            if key is None and means == "off":
                number, base = 1, f"off-{agent}"
                while (key := base if number == 1 else f"{base}-{number}") in taken:
                    number += 1
            if not isinstance(key, str) or not NAME.fullmatch(key):
                self.wrong(f"{path}/key", "key", f"expected key: what the {means} that is kept elsewhere is called here")
                continue
            if key in taken or (means != "off" and key in self.section_keys(f"{means}s")):
                self.wrong(f"{path}/key", "duplicate_key", "something else has this key already")
            taken.add(key)
            url = self.url(value.get("url"), f"{path}/url", False)
            self.one_address(value, path, False, ("url", "url_file"))
            found.append(Feed(key, None if agent is None else str(agent), means, url, self.file(value.get("url_file"), f"{path}/url_file")))
        return tuple(sorted(found, key=lambda feed: feed.key))

    def section_keys(self, part: str) -> frozenset[str]:
        found = self.document.get(part)
        return frozenset(key for key in found if isinstance(key, str)) if isinstance(found, Mapping) else frozenset()

    def told_apart(self, value: Any, path: str, keys: tuple[str, ...], instead: str) -> bool:
        """As `mapping`; a member that is called like a secret is told as one."""
        if isinstance(value, Mapping):
            hidden = [name for name in WRITTEN if name in value and name not in keys]
            for name in hidden:
                self.wrong(f"{path}/{name}", "secret_in_document", _MOVE_IT.format(name=instead))
            value = {name: part for name, part in value.items() if name not in hidden}
        return self.mapping(value, path, keys)

    def one_address(self, value: Mapping[str, Any], path: str, secret: bool, names: tuple[str, ...]) -> None:
        given = [name for name in names if value.get(name) is not None]
        if len(given) != 1:
            wanted = "url_file: the path of the file with its address" if secret else "url, or url_file: the path of the file with it"
            variable = f", or url_env: a variable {VARIABLES}…" if "url_env" in names else ""
            self.wrong(path, "address", f"expected {wanted}{variable}" + (f"; {' and '.join(given)} stand there" if given else ""))

    def url(self, value: Any, path: str, secret: bool) -> str | None:
        if value is None:
            return None
        parts = _parts(value)
        if parts is not None and parts.hostname in LOOPBACK:
            return str(value)
        if secret:
            self.wrong(path, "secret_in_document", "whoever knows this address may send; " + _MOVE_IT.format(name="url_file"))
            return None
        if parts is None:
            self.wrong(path, "url", "expected an address like https://pager.example/hook; plain http only to this machine itself")
            return None
        if parts.username or parts.password or parts.query or _PRIVATE.search(parts.path):
            self.wrong(path, "secret_in_document", "this address holds what lets somebody in; " + _MOVE_IT.format(name="url_file"))
            return None
        return str(value)

    def file(self, value: Any, path: str) -> str | None:
        found = self.line(value, path)
        if found is not None and not found.startswith("/"):
            self.wrong(path, "path", "expected the whole path of a file, from /")
            return None
        return found

    def variable(self, value: Any, path: str) -> str | None:
        """The name of a variable of the environment; others than those for ways are not handed out."""
        if value is None:
            return None
        if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
            self.wrong(path, "variable", f"expected the name of a variable that begins with {VARIABLES}, like {VARIABLES}CHAT")
            return None
        return value


def _parts(value: Any) -> SplitResult | None:
    """An address that may be sent to; None for anything else."""
    if not isinstance(value, str) or len(value) > LONGEST_URL or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or (parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK)):
        return None
    return parts
