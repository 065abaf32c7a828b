"""Every setting with its default and what makes it sound. No error text repeats a value."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from tsbridge.core import retention, zones
from tsbridge.core.chain import SHORTEST_KEY
from tsbridge.core.retention import Retention
from tsbridge.core.roster import LOOPBACK
from tsbridge.notify.ways import Mail, read_mail

PREFIX: Final = "TSBRIDGE_"
HIDDEN: Final = frozenset({"test_crash"})
"""For tests of this project only; documented nowhere else."""
PUBLIC_TEST_SECRET: Final = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105  # public
"""Zendesk signs the test deliveries of a webhook that is not saved yet with this; everybody knows it."""

Role = Literal["viewer", "supervisor", "ops", "admin"]


class BadSettings(Exception):
    """Settings that cannot be used. `problems`: one line each, naming the setting, what was expected and what kind came."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


_COMMA: Final = re.compile(r"(?<!\\),")
"""A comma that stands between two secrets; one inside a secret has a backslash before it."""


def _comma_separated(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip().replace("\\,", ",") for part in _COMMA.split(value) if part.strip())


SHORTEST_ADMIN_KEY: Final = 24
SHORTEST_SECRET: Final = 16
MOST_SECRETS: Final = 6
"""Two webhooks of Zendesk's, each with up to two that it had before."""
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_comma_separated)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
ISSUER: Final = "https://<identity provider>, with its path if it has one"
HOST: Final = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:]+", re.ASCII)


class Settings(BaseSettings):
    """Every setting, by its name without `TSBRIDGE_` and in lower case. Made by `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr = SecretStr("sqlite:///tsbridge.db")
    zendesk_url: str | None = None
    zendesk_client_id: str | None = None
    zendesk_client_secret: SecretStr | None = None
    zendesk_access_token: SecretStr | None = None
    zendesk_email: str | None = None
    zendesk_api_token: SecretStr | None = None
    zendesk_webhook_secrets: Secrets = ()
    talkdesk_webhook_secrets: Secrets = ()
    talkdesk_account: str | None = None
    talkdesk_client_id: str | None = None
    talkdesk_client_secret: SecretStr | None = None
    talkdesk_region: Literal["us", "eu", "ca", "au"] = "us"
    writeback: Literal["live", "dry-run", "paused"] = "live"
    admin_key: SecretStr | None = None
    timezone: str = "UTC"
    talkdesk_timezone: str | None = None
    phone_region: str = Field(default="US", pattern=r"^[A-Z]{2}$")
    seal_key: Secrets = ()
    data_key: Secrets = ()
    heads_into: Path | None = None
    heads_way: str | None = Field(default=None, min_length=1, max_length=200)
    public_url: str | None = None
    smtp_url: SecretStr | None = None
    mail_from: str | None = Field(default=None, pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$", max_length=254)
    http_proxy: SecretStr | None = None
    no_proxy: Hosts = ()
    ca_bundle: Path | None = None
    rulebook: Path | None = None
    roster: Path | None = None
    zendesk_updates_per_minute: int = Field(default=60, ge=1, le=100_000)
    zendesk_reads_per_minute: int = Field(default=120, ge=1, le=100_000)
    keep_bodies: str = "30d"
    keep_texts: str = retention.FOREVER
    restricted_categories: Words = ()
    signature_tolerance_s: int = Field(default=900, ge=0, le=86_400)
    pack_to: Words = ()
    oidc_issuer: str | None = None
    oidc_client_id: str | None = Field(default=None, min_length=1, max_length=500)
    oidc_client_secret: SecretStr | None = None
    oidc_scopes: str = Field(default="openid email profile", pattern=r"^openid( [!#-\[\]-~]+)*$", max_length=500)
    oidc_name_claim: str = Field(default="email", min_length=1, max_length=200)
    oidc_role_claim: str = Field(default="groups", min_length=1, max_length=200)
    oidc_roles: Words = ()
    session_idle_minutes: int = Field(default=120, ge=5, le=720)
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    trusted_proxies: Hosts = ()
    worker_port: int = Field(default=0, ge=0, le=65_535)
    metrics_role: Role | None = None
    docs_role: Role | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    test_crash: str | None = None
    ways: Mapping[str, SecretStr] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` has gathered: it knows the order, the files and the unknown names."""
        return (init_settings,)

    @field_validator("database_url")
    @classmethod
    def _a_database_we_know(cls, value: SecretStr) -> SecretStr:
        scheme, separator, rest = value.get_secret_value().partition("://")
        if scheme.partition("+")[0] not in ("sqlite", "postgresql") or not separator:
            raise ValueError("expected sqlite:///file.db or postgresql://user:password@host/db")
        if scheme.startswith("sqlite") and rest.partition("?")[0] in ("", "/", "/:memory:"):
            raise ValueError("expected the path of a file, as in sqlite:///tsbridge.db; a database in memory keeps nothing")
        return value

    @field_validator("zendesk_url")
    @classmethod
    def _an_origin(cls, value: str | None) -> str | None:
        return None if value is None else _origin(value, "https://<your name>.zendesk.com")

    @field_validator("public_url")
    @classmethod
    def _where_people_reach_us(cls, value: str | None) -> str | None:
        return None if value is None else _origin(value, "https://<name of this service>")

    @field_validator("oidc_issuer")
    @classmethod
    def _a_provider(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            _origin(f"{parts.scheme}://{parts.netloc}", ISSUER)
            if parts.query or parts.fragment:
                raise ValueError(f"expected {ISSUER}, as the provider itself writes it")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(given and role in get_args(Role) for given, _, role in (one.rpartition("=") for one in value)):
            raise ValueError(f"expected pairs, comma-separated, each as in desk-leads=supervisor, of the roles {', '.join(get_args(Role))}")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_mail(value.get_secret_value(), "desk@localhost", None)
        return value

    @field_validator("http_proxy")
    @classmethod
    def _a_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        wanted = "expected http://host:port or http://user:password@host:port (https for a proxy that speaks TLS), without a path"
        if value is not None:
            try:
                parts = urlsplit(value.get_secret_value())
                good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            except ValueError:
                good = False
            if not good or parts.path not in ("", "/") or parts.query or parts.fragment:
                raise ValueError(wanted)
        return value

    @field_validator("no_proxy")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(one.lower() for one in value)
        if not all(HOST.fullmatch(one) for one in found):
            raise ValueError("expected hosts, comma-separated, each as in chat.example.com or, for all below it, .example.com")
        return found

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ipaddress.ip_network(one)) for one in value)
        except ValueError:
            raise ValueError("expected addresses or networks, comma-separated, each as in 10.0.0.7 or 10.0.0.0/24") from None

    @field_validator("ca_bundle")
    @classmethod
    def _certificates(cls, value: Path | None) -> Path | None:
        try:
            if value is not None:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
        except (OSError, ValueError):
            raise ValueError("expected the path of a readable file of certificates (PEM)") from None
        return value

    @field_validator("keep_bodies", "keep_texts")
    @classmethod
    def _a_time_to_keep(cls, value: str) -> str:
        retention.read(value)
        return value

    @field_validator("zendesk_webhook_secrets", "talkdesk_webhook_secrets")
    @classmethod
    def _not_too_many(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if len(value) > MOST_SECRETS:
            raise ValueError(f"expected at most {MOST_SECRETS} secrets: those in use and those they replace")
        if any(secret.get_secret_value() == PUBLIC_TEST_SECRET for secret in value):
            raise ValueError("this is Zendesk's public secret for unsaved webhooks; expected the secret of your own webhook")
        return value

    @field_validator("seal_key", "data_key")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in value):
            raise ValueError(f"expected at least {SHORTEST_KEY} random characters in each key")
        return value

    @field_validator("timezone", "talkdesk_timezone")
    @classmethod
    def _a_known_zone(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                zones.zone(value)
        except LookupError:
            raise ValueError("expected a time zone such as Europe/Berlin or America/Los_Angeles") from None
        return value

    @field_validator("rulebook", "roster")
    @classmethod
    def _a_file(cls, value: Path | None, about: ValidationInfo) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"expected the path of a {about.field_name} file; there is no such file")
        return value

    @model_validator(mode="after")
    def _whole_credentials(self) -> Settings:
        pairs = (
            ("zendesk_client_id", "zendesk_client_secret"),
            ("zendesk_email", "zendesk_api_token"),
            ("talkdesk_client_id", "talkdesk_client_secret"),
            ("smtp_url", "mail_from"),
            ("oidc_issuer", "oidc_client_id"),
        )
        for one, other in pairs:
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"{name_of(one)} and {name_of(other)} belong together: set both or neither")
        if self.oidc_issuer is not None and self.public_url is None:
            raise ValueError(f"{name_of('oidc_issuer')} needs {name_of('public_url')}: where the provider sends people back to")
        return self

    @property
    def guessable(self) -> tuple[str, ...]:
        """What is short enough to be guessed, in words: an error of `doctor`, and refused where nothing runs yet."""
        secrets = {"zendesk_webhook_secrets": self.zendesk_webhook_secrets, "talkdesk_webhook_secrets": self.talkdesk_webhook_secrets}
        found = [
            f"{name_of(field)}: expected at least {SHORTEST_SECRET} characters in each secret (a comma inside one is written \\,)"
            for field, given in secrets.items()
            if any(len(secret.get_secret_value()) < SHORTEST_SECRET for secret in given)
        ]
        if self.admin_key is not None and len(self.admin_key.get_secret_value()) < SHORTEST_ADMIN_KEY:
            found.append(f"{name_of('admin_key')}: expected at least {SHORTEST_ADMIN_KEY} random characters")
        return tuple(found)

    @property
    def seal_keys(self) -> tuple[str, ...]:
        """What vouches for decisions until they are sealed, the one that signs first; empty where nobody said."""
        return tuple(key.get_secret_value() for key in self.seal_key)

    @property
    def data_keys(self) -> tuple[str, ...]:
        """What personal values are encrypted under, the one for new ones first; empty where nobody said."""
        return tuple(key.get_secret_value() for key in self.data_key)

    @property
    def heads_kept(self) -> Path | None:
        """The file that signed heads of the chain are written to: the one named, else one beside a SQLite database."""
        if self.heads_into is not None:
            return self.heads_into
        scheme, _, rest = self.database_url.get_secret_value().partition(":///")
        return Path(f"{rest}.heads") if scheme.partition("+")[0] == "sqlite" and rest else None

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.timezone)

    @property
    def talkdesk_zone(self) -> ZoneInfo:
        """Of Talkdesk's times that name none; the team's where nobody said."""
        return zones.zone(self.talkdesk_timezone or self.timezone)

    @property
    def guessed_talkdesk_zone(self) -> str | None:
        """The zone that Talkdesk's times are read in although nobody said so; None where somebody did, or Talkdesk is not heard."""
        return self.timezone if self.talkdesk_timezone is None and self.talkdesk_webhook_secrets else None

    @property
    def kept(self) -> Retention:
        """For how long what is kept stays."""
        return Retention(retention.read(self.keep_bodies), retention.read(self.keep_texts))

    @property
    def roles_by_claim(self) -> dict[str, str]:
        """By a value of the provider's claim the role it gives; where nobody said, each role by its own name."""
        pairs = [one.rpartition("=") for one in self.oidc_roles] or [(role, "=", role) for role in get_args(Role)]
        return {given.strip(): role for given, _, role in pairs}

    @property
    def mail(self) -> Mail | None:
        """How mail is handed in; None where nobody said."""
        if self.smtp_url is None or self.mail_from is None:
            return None
        return replace(read_mail(self.smtp_url.get_secret_value(), self.mail_from, self.public_url), ca_bundle=self.ca_bundle)

    @property
    def variables(self) -> dict[str, str]:
        """What ways of the roster may name, by the whole name."""
        return {name: value.get_secret_value() for name, value in self.ways.items()}

    @property
    def zendesk_credentials(self) -> Literal["oauth", "access_token", "api_token"] | None:
        """Which kind is used; the best one wins when several are set."""
        if self.zendesk_client_id is not None:
            return "oauth"
        if self.zendesk_access_token is not None:
            return "access_token"
        return "api_token" if self.zendesk_email is not None else None


def name_of(field: str) -> str:
    return PREFIX + field.upper()


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation)


NAMES: Final = {name_of(field): field for field in Settings.model_fields if field != "ways"}
SECRET_NAMES: Final = frozenset(name for name, field in NAMES.items() if _is_secret(field))
DOCUMENTED: Final = tuple(name for name, field in NAMES.items() if field not in HIDDEN)


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
