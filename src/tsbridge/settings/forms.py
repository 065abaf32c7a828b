"""The forms in which settings are given: types that read a value, or say what was expected. No error text repeats a value."""

from __future__ import annotations

import ipaddress
import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_settings import NoDecode

from tsbridge.core import retention, zones
from tsbridge.core.chain import SHORTEST_KEY
from tsbridge.core.roster import LOOPBACK
from tsbridge.notify.ways import read_mail

PUBLIC_TEST_SECRET: Final = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105  # public
"""Zendesk signs the test deliveries of a webhook that is not saved yet with this; everybody knows it."""
MOST_SECRETS: Final = 6
"""Two webhooks of Zendesk's, each with up to two that it had before."""
ISSUER: Final = "https://<identity provider>, with its path if it has one"

_COMMA: Final = re.compile(r"(?<!\\),")
"""A comma that stands between two secrets; one inside a secret has a backslash before it."""
_HOST: Final = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:]+", re.ASCII)

Role = Literal["viewer", "supervisor", "ops", "admin"]


def _comma_separated(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip().replace("\\,", ",") for part in _COMMA.split(value) if part.strip())


def _database(value: SecretStr) -> SecretStr:
    scheme, separator, rest = value.get_secret_value().partition("://")
    if scheme.partition("+")[0] not in ("sqlite", "postgresql") or not separator:
        raise ValueError("expected sqlite:///file.db or postgresql://user:password@host/db")
    if scheme.startswith("sqlite") and rest.partition("?")[0] in ("", "/", "/:memory:"):
        raise ValueError("expected the path of a file, as in sqlite:///tsbridge.db; a database in memory keeps nothing")
    return value


def _webhook_secrets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(value) > MOST_SECRETS:
        raise ValueError(f"expected at most {MOST_SECRETS} secrets: those in use and those they replace")
    if any(secret.get_secret_value() == PUBLIC_TEST_SECRET for secret in value):
        raise ValueError("this is Zendesk's public secret for unsaved webhooks; expected the secret of your own webhook")
    return value


def _keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(key.get_secret_value()) < SHORTEST_KEY for key in value):
        raise ValueError(f"expected at least {SHORTEST_KEY} random characters in each key")
    return value


def _origin(value: str, example: str) -> str:
    """`https://host[:port]` in its plain form."""
    wanted = f"expected {example}, without a path (plain http only for this machine itself)"
    try:
        parts: SplitResult = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(wanted)
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ValueError(wanted)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    _origin(f"{parts.scheme}://{parts.netloc}", ISSUER)
    if parts.query or parts.fragment:
        raise ValueError(f"expected {ISSUER}, as the provider itself writes it")
    return value


def _roles(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(given and role in get_args(Role) for given, _, role in (one.rpartition("=") for one in value)):
        raise ValueError(f"expected pairs, comma-separated, each as in desk-leads=supervisor, of the roles {', '.join(get_args(Role))}")
    return value


def _mail_server(value: SecretStr) -> SecretStr:
    read_mail(value.get_secret_value(), "desk@localhost", None)
    return value


def _proxy(value: SecretStr) -> SecretStr:
    wanted = "expected http://host:port or http://user:password@host:port (https for a proxy that speaks TLS), without a path"
    try:
        parts = urlsplit(value.get_secret_value())
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(wanted)
    return value


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(one.lower() for one in value)
    if not all(_HOST.fullmatch(one) for one in found):
        raise ValueError("expected hosts, comma-separated, each as in chat.example.com or, for all below it, .example.com")
    return found


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(one)) for one in value)
    except ValueError:
        raise ValueError("expected addresses or networks, comma-separated, each as in 10.0.0.7 or 10.0.0.0/24") from None


def _certificates(value: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
    except (OSError, ValueError):
        raise ValueError("expected the path of a readable file of certificates (PEM)") from None
    return value


def _time_to_keep(value: str) -> str:
    retention.read(value)
    return value


def _zone(value: str) -> str:
    try:
        zones.zone(value)
    except LookupError:
        raise ValueError("expected a time zone such as Europe/Berlin or America/Los_Angeles") from None
    return value


def _file(value: Path, about: ValidationInfo) -> Path:
    if not value.is_file():
        raise ValueError(f"expected the path of a {about.field_name} file; there is no such file")
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_comma_separated)]
WebhookSecrets = Annotated[Secrets, AfterValidator(_webhook_secrets)]
Keys = Annotated[Secrets, AfterValidator(_keys)]
Hosts = Annotated[Words, AfterValidator(_hosts)]
Networks = Annotated[Words, AfterValidator(_networks)]
Roles = Annotated[Words, AfterValidator(_roles)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
ZendeskUrl = Annotated[str, AfterValidator(lambda value: _origin(value, "https://<your name>.zendesk.com"))]
PublicUrl = Annotated[str, AfterValidator(lambda value: _origin(value, "https://<name of this service>"))]
Issuer = Annotated[str, AfterValidator(_issuer)]
MailServer = Annotated[SecretStr, AfterValidator(_mail_server)]
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
Certificates = Annotated[Path, AfterValidator(_certificates)]
ReadableFile = Annotated[Path, AfterValidator(_file)]
TimeToKeep = Annotated[str, AfterValidator(_time_to_keep)]
Zone = Annotated[str, AfterValidator(_zone)]
