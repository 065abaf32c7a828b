"""Every setting with its default and what makes it sound. No error text repeats a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tsbridge.core import retention, zones
from tsbridge.core.retention import Retention
from tsbridge.notify.ways import Mail, read_mail
from tsbridge.settings.forms import (
    Certificates,
    DatabaseUrl,
    Hosts,
    Issuer,
    Keys,
    MailServer,
    Networks,
    Proxy,
    PublicUrl,
    ReadableFile,
    Role,
    Roles,
    TimeToKeep,
    WebhookSecrets,
    Words,
    ZendeskUrl,
    Zone,
)

PREFIX: Final = "TSBRIDGE_"
HIDDEN: Final = frozenset({"test_crash"})
"""For tests of this project only; documented nowhere else."""
SHORTEST_ADMIN_KEY: Final = 24
SHORTEST_SECRET: Final = 16


class BadSettings(Exception):
    """Settings that cannot be used. `problems`: one line each, naming the setting, what was expected and what kind came."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Settings(BaseSettings):
    """Every setting, by its name without `TSBRIDGE_` and in lower case. Made by `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: DatabaseUrl = SecretStr("sqlite:///tsbridge.db")
    zendesk_url: ZendeskUrl | None = None
    zendesk_client_id: str | None = None
    zendesk_client_secret: SecretStr | None = None
    zendesk_access_token: SecretStr | None = None
    zendesk_email: str | None = None
    zendesk_api_token: SecretStr | None = None
    zendesk_webhook_secrets: WebhookSecrets = ()
    talkdesk_webhook_secrets: WebhookSecrets = ()
    talkdesk_account: str | None = None
    talkdesk_client_id: str | None = None
    talkdesk_client_secret: SecretStr | None = None
    talkdesk_region: Literal["us", "eu", "ca", "au"] = "us"
    writeback: Literal["live", "dry-run", "paused"] = "live"
    admin_key: SecretStr | None = None
    timezone: Zone = "UTC"
    talkdesk_timezone: Zone | None = None
    phone_region: str = Field(default="US", pattern=r"^[A-Z]{2}$")
    seal_key: Keys = ()
    data_key: Keys = ()
    heads_into: Path | None = None
    heads_way: str | None = Field(default=None, min_length=1, max_length=200)
    public_url: PublicUrl | None = None
    smtp_url: MailServer | None = None
    mail_from: str | None = Field(default=None, pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$", max_length=254)
    http_proxy: Proxy | None = None
    no_proxy: Hosts = ()
    ca_bundle: Certificates | None = None
    rulebook: ReadableFile | None = None
    roster: ReadableFile | None = None
    zendesk_updates_per_minute: int = Field(default=60, ge=1, le=100_000)
    zendesk_reads_per_minute: int = Field(default=120, ge=1, le=100_000)
    keep_bodies: TimeToKeep = "30d"
    keep_texts: TimeToKeep = retention.FOREVER
    restricted_categories: Words = ()
    signature_tolerance_s: int = Field(default=900, ge=0, le=86_400)
    pack_to: Words = ()
    oidc_issuer: Issuer | None = None
    oidc_client_id: str | None = Field(default=None, min_length=1, max_length=500)
    oidc_client_secret: SecretStr | None = None
    oidc_scopes: str = Field(default="openid email profile", pattern=r"^openid( [!#-\[\]-~]+)*$", max_length=500)
    oidc_name_claim: str = Field(default="email", min_length=1, max_length=200)
    oidc_role_claim: str = Field(default="groups", min_length=1, max_length=200)
    oidc_roles: Roles = ()
    session_idle_minutes: int = Field(default=120, ge=5, le=720)
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    trusted_proxies: Networks = ()
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
