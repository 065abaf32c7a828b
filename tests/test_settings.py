"""Settings: what is read, what is refused, and that nothing is said twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tsbridge.notify.ways import Mail
from tsbridge.settings.forms import PUBLIC_TEST_SECRET
from tsbridge.settings.load import load
from tsbridge.settings.model import DOCUMENTED, SECRET_NAMES, BadSettings, Settings

ROOT = Path(__file__).resolve().parent.parent


def refused(**environ: str) -> str:
    with pytest.raises(BadSettings) as caught:
        load(environ, None)
    return str(caught.value)


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = load({}, None)
    assert settings.database_url.get_secret_value() == "sqlite:///tsbridge.db"
    assert (settings.writeback, settings.timezone, settings.phone_region) == ("live", "UTC", "US")
    assert (settings.zendesk_updates_per_minute, settings.signature_tolerance_s) == (60, 900)
    assert settings.zendesk_url is None
    assert settings.zendesk_webhook_secrets == ()
    assert settings.zendesk_credentials is None


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("TSBRIDGE_PORT=1000\nTSBRIDGE_TIMEZONE=Europe/Berlin\nSOMEBODY_ELSE=1\n")
    settings = load({"TSBRIDGE_PORT": "2000", "PATH": "/bin"}, env)
    assert (settings.port, settings.timezone) == (2000, "Europe/Berlin")


def test_an_unknown_name_is_refused_with_the_nearest_known_one_wherever_it_stands(tmp_path: Path) -> None:
    assert "TSBRIDGE_WRITE_BACK in the environment is not a setting; did you mean TSBRIDGE_WRITEBACK?" in refused(
        TSBRIDGE_WRITE_BACK="live"
    )
    env = tmp_path / ".env"
    env.write_text("TSBRIDGE_ZENDESK_URI=https://acme.zendesk.com\n")
    with pytest.raises(BadSettings, match=r"TSBRIDGE_ZENDESK_URI in .*\.env is not a setting; did you mean TSBRIDGE_ZENDESK_URL\?"):
        load({}, env)


def test_a_lower_case_name_is_refused_instead_of_overlooked() -> None:
    assert "did you mean TSBRIDGE_PORT?" in refused(tsbridge_port="80")


@pytest.mark.parametrize("name", sorted(SECRET_NAMES - {"TSBRIDGE_DATABASE_URL"}))
def test_every_secret_may_come_from_a_file_and_shows_in_no_text(name: str, tmp_path: Path) -> None:
    urls = {"TSBRIDGE_SMTP_URL": "smtp://desk:{}@mail.example", "TSBRIDGE_HTTP_PROXY": "http://desk:{}@proxy.example:3128"}
    urls |= dict.fromkeys(("TSBRIDGE_SEAL_KEY", "TSBRIDGE_DATA_KEY"), "{} and thirteen more")
    content = urls.get(name, "{}").format("a-very-secret-thing")
    secret = tmp_path / "secret"
    secret.write_text(content + "\n")
    partners = {
        "TSBRIDGE_ZENDESK_CLIENT_SECRET": {"TSBRIDGE_ZENDESK_CLIENT_ID": "x"},
        "TSBRIDGE_ZENDESK_API_TOKEN": {"TSBRIDGE_ZENDESK_EMAIL": "x"},
        "TSBRIDGE_TALKDESK_CLIENT_SECRET": {"TSBRIDGE_TALKDESK_CLIENT_ID": "x"},
        "TSBRIDGE_SMTP_URL": {"TSBRIDGE_MAIL_FROM": "desk@example.com"},
    }
    settings = load({name + "_FILE": str(secret), **partners.get(name, {})}, None)
    value = getattr(settings, name.removeprefix("TSBRIDGE_").lower())
    (held,) = value if isinstance(value, tuple) else (value,)
    assert held.get_secret_value() == content
    assert "a-very-secret-thing" not in repr(settings)


def test_a_secret_and_its_file_together_are_refused(tmp_path: Path) -> None:
    assert "both set" in refused(TSBRIDGE_ADMIN_KEY="x", TSBRIDGE_ADMIN_KEY_FILE=str(tmp_path / "x"))


def test_a_secret_file_that_cannot_be_read_is_named() -> None:
    assert refused(TSBRIDGE_ADMIN_KEY_FILE="/nowhere/at/all").startswith("TSBRIDGE_ADMIN_KEY_FILE: expected")


def test_only_secrets_come_from_files() -> None:
    assert "TSBRIDGE_PORT_FILE in the environment is not a setting" in refused(TSBRIDGE_PORT_FILE="/etc/port")


def test_a_comma_inside_a_secret_has_a_backslash_before_it() -> None:
    settings = load({"TSBRIDGE_ZENDESK_WEBHOOK_SECRETS": r"a\,b,c\\,d"}, None)
    assert [secret.get_secret_value() for secret in settings.zendesk_webhook_secrets] == ["a,b", r"c\,d"]


def test_several_webhook_secrets_are_split_at_commas() -> None:
    settings = load({"TSBRIDGE_ZENDESK_WEBHOOK_SECRETS": "new, old ,"}, None)
    assert [secret.get_secret_value() for secret in settings.zendesk_webhook_secrets] == ["new", "old"]


def test_the_public_test_secret_of_zendesk_is_refused() -> None:
    assert "public secret" in refused(TSBRIDGE_ZENDESK_WEBHOOK_SECRETS=f"mine,{PUBLIC_TEST_SECRET}")


@pytest.mark.parametrize(
    "url", ["https://acme.zendesk.com", "https://acme.zendesk.com/", "http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost"]
)
def test_a_zendesk_address_is_taken_in_its_plain_form(url: str) -> None:
    assert load({"TSBRIDGE_ZENDESK_URL": url}, None).zendesk_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.zendesk.com",
        "http://127.0.0.1.example.com",
        "https://me:secret@acme.zendesk.com",
        "https://acme.zendesk.com/agent",
        "acme.zendesk.com",
        "ftp://acme",
        "https://[::1",
    ],
)
def test_another_zendesk_address_is_refused_without_being_repeated(url: str) -> None:
    text = refused(TSBRIDGE_ZENDESK_URL=url)
    assert text.startswith("TSBRIDGE_ZENDESK_URL: expected https://")
    assert "secret" not in text


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql"])
def test_a_database_that_keeps_nothing_or_is_unknown_is_refused(url: str) -> None:
    assert refused(TSBRIDGE_DATABASE_URL=url).startswith("TSBRIDGE_DATABASE_URL: expected")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TSBRIDGE_PORT", "notaport"),
        ("TSBRIDGE_PORT", "70000"),
        ("TSBRIDGE_WRITEBACK", "perhaps"),
        ("TSBRIDGE_TIMEZONE", "Mars/Olympus"),
        ("TSBRIDGE_TIMEZONE", "/etc/passwd"),
        ("TSBRIDGE_TALKDESK_TIMEZONE", "Mars/Olympus"),
        ("TSBRIDGE_PUBLIC_URL", "http://desk.example"),
        ("TSBRIDGE_PUBLIC_URL", "https://desk.example/bridge"),
        ("TSBRIDGE_SMTP_URL", "smtp://mail.example:587"),
        ("TSBRIDGE_SMTP_URL", "https://u:p@mail.example"),
        ("TSBRIDGE_SMTP_URL", "smtp://u@mail.example"),
        ("TSBRIDGE_SMTP_URL", "smtp://u:p@mail.example/?tls=off"),
        ("TSBRIDGE_MAIL_FROM", "Desk <desk@example.com>"),
        ("TSBRIDGE_PHONE_REGION", "usa"),
        ("TSBRIDGE_RULEBOOK", "/nowhere/rules.yaml"),
        ("TSBRIDGE_ROSTER", "/nowhere/roster.yaml"),
        ("TSBRIDGE_SIGNATURE_TOLERANCE_S", "-1"),
        ("TSBRIDGE_METRICS_ROLE", "boss"),
        ("TSBRIDGE_TRUSTED_PROXIES", "proxy.example"),
        ("TSBRIDGE_TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_bad_value_names_its_setting_and_is_not_repeated(name: str, value: str) -> None:
    text = refused(**{name: value})
    assert text.startswith(f"{name}: expected")
    assert value not in text


def test_everything_wrong_is_named_at_once() -> None:
    assert len(refused(TSBRIDGE_PORT="x", TSBRIDGE_WRITEBACK="x", TSBRIDGE_NONSENSE="x").splitlines()) == 3


@pytest.mark.parametrize("name", ["seal_key", "data_key"])
def test_a_short_key_is_refused_and_several_are_kept_in_their_order(name: str) -> None:
    setting = f"TSBRIDGE_{name.upper()}"
    assert f"{setting}: expected at least 32 random characters in each key" in refused(**{setting: "x" * 31})
    assert getattr(load({setting: f"{'n' * 32}, {'o' * 32}"}, None), f"{name}s") == ("n" * 32, "o" * 32)
    assert getattr(load({}, None), f"{name}s") == ()


def test_half_a_credential_is_refused() -> None:
    assert "belong together" in refused(TSBRIDGE_ZENDESK_CLIENT_ID="bridge")


def test_an_identity_provider_needs_to_know_us_and_a_way_back() -> None:
    issuer, client = {"TSBRIDGE_OIDC_ISSUER": "https://id.example.com/realms/desk"}, {"TSBRIDGE_OIDC_CLIENT_ID": "tsbridge"}
    assert "belong together" in refused(**issuer)
    assert "TSBRIDGE_PUBLIC_URL" in refused(**issuer, **client)
    back = {"TSBRIDGE_PUBLIC_URL": "https://desk.example.com"}
    assert load({**issuer, **client, **back}, None).roles_by_claim["supervisor"] == "supervisor"
    named = load({**issuer, **client, **back, "TSBRIDGE_OIDC_ROLES": "desk=leads=supervisor, desk-ops=ops"}, None)
    assert named.roles_by_claim == {"desk=leads": "supervisor", "desk-ops": "ops"}
    for wrong in ("http://id.example.com", "https://id.example.com/?a=b", "id.example.com", "https://ana@id.example.com"):
        assert "TSBRIDGE_OIDC_ISSUER: expected" in refused(**{**issuer, **client, **back, "TSBRIDGE_OIDC_ISSUER": wrong})
    for wrong in ("desk-leads", "=ops", "desk-leads=boss"):
        assert "TSBRIDGE_OIDC_ROLES: expected" in refused(TSBRIDGE_OIDC_ROLES=wrong)


def test_oauth_is_preferred_over_tokens() -> None:
    everything = {
        "TSBRIDGE_ZENDESK_CLIENT_ID": "a",
        "TSBRIDGE_ZENDESK_CLIENT_SECRET": "b",
        "TSBRIDGE_ZENDESK_ACCESS_TOKEN": "c",
        "TSBRIDGE_ZENDESK_EMAIL": "d",
        "TSBRIDGE_ZENDESK_API_TOKEN": "e",
    }
    assert load(everything, None).zendesk_credentials == "oauth"
    del everything["TSBRIDGE_ZENDESK_CLIENT_ID"], everything["TSBRIDGE_ZENDESK_CLIENT_SECRET"]
    assert load(everything, None).zendesk_credentials == "access_token"


def test_an_empty_value_counts_as_not_set() -> None:
    assert load({"TSBRIDGE_ZENDESK_URL": "", "TSBRIDGE_PORT": " "}, None) == load({}, None)


def test_the_example_file_holds_every_setting_with_its_default() -> None:
    text = (ROOT / ".env.example").read_text()
    assert re.findall(r"^(TSBRIDGE_\w+)=", text, re.MULTILINE) == list(dict.fromkeys(re.findall(r"^(TSBRIDGE_\w+)=", text, re.MULTILINE)))
    assert set(re.findall(r"^(TSBRIDGE_\w+)=", text, re.MULTILINE)) == set(DOCUMENTED)
    assert load({}, ROOT / ".env.example") == Settings()


def test_the_readme_explains_every_setting() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in DOCUMENTED if f"`{name}`" not in text] == []
    named = set(re.findall(r"TSBRIDGE_[A-Z_]*[A-Z]", text))
    assert "`TSBRIDGE_WAY_<NAME>`" in text
    assert {name for name in named if name.removesuffix("_FILE") not in (*DOCUMENTED, "TSBRIDGE_WAY")} == set()


def test_mail_goes_encrypted_and_with_a_login_except_to_this_machine() -> None:
    def mail(url: str, public_url: str = "") -> Mail:
        found = load({"TSBRIDGE_SMTP_URL": url, "TSBRIDGE_MAIL_FROM": "desk@example.com", "TSBRIDGE_PUBLIC_URL": public_url}, None).mail
        assert found is not None
        return found

    starttls = mail("smtp://us%40er:p%3Aw@mail.example", "https://desk.example:8443")
    assert (starttls.port, starttls.tls, starttls.starttls, starttls.user, starttls.password) == (587, False, True, "us@er", "p:w")
    assert starttls.domain == "desk.example"
    assert "p:w" not in repr(starttls)
    tls = mail("smtps://user:word@mail.example")
    assert (tls.port, tls.tls, tls.starttls, tls.domain) == (465, True, False, "example.com")
    here = mail("smtp://127.0.0.1:2525")
    assert (here.port, here.tls, here.starttls, here.user) == (2525, False, False, None)


def test_a_mail_server_without_a_sender_is_refused_without_repeating_its_password() -> None:
    said = refused(TSBRIDGE_SMTP_URL="smtp://user:hush-hush@mail.example:587")
    assert "TSBRIDGE_MAIL_FROM" in said
    assert "hush" not in said


def test_variables_that_ways_may_name_are_taken_as_they_are_or_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("whsec_x\n")
    settings = load({"TSBRIDGE_WAY_CHAT": "https://chat.example/x", "TSBRIDGE_WAY_KEY_FILE": str(tmp_path / "key")}, None)
    assert settings.variables == {"TSBRIDGE_WAY_CHAT": "https://chat.example/x", "TSBRIDGE_WAY_KEY": "whsec_x"}
    assert "chat.example" not in repr(settings)
    assert "both set" in refused(TSBRIDGE_WAY_CHAT="x", TSBRIDGE_WAY_CHAT_FILE=str(tmp_path / "key"))
    assert "not a setting" in refused(TSBRIDGE_WAYS="x")
    assert "not a setting" in refused(TSBRIDGE_WAY_="x")


@pytest.mark.parametrize(
    "url", ["proxy.example:3128", "socks5://proxy.example", "http://", "http://proxy.example/path", "http://u:hush-hush@proxy.example:x"]
)
def test_what_is_no_proxy_is_refused_without_repeating_it(url: str) -> None:
    said = refused(TSBRIDGE_HTTP_PROXY=url)
    assert said.startswith("TSBRIDGE_HTTP_PROXY: expected http://host:port")
    assert "hush" not in said


def test_restricted_categories_are_words_with_commas_between() -> None:
    assert load({"TSBRIDGE_RESTRICTED_CATEGORIES": "personal_safety, safety_incident,"}, None).restricted_categories == (
        "personal_safety",
        "safety_incident",
    )


@pytest.mark.parametrize("hosts", ["http://chat.internal", "chat.internal:80", "*.internal", "a b"])
def test_hosts_beside_the_proxy_are_hosts(hosts: str) -> None:
    assert refused(TSBRIDGE_NO_PROXY=hosts).startswith("TSBRIDGE_NO_PROXY: expected hosts")


@pytest.mark.parametrize("content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_of_certificates_that_cannot_be_read_is_refused_at_start(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    assert refused(TSBRIDGE_CA_BUNDLE=str(path)) == "TSBRIDGE_CA_BUNDLE: expected the path of a readable file of certificates (PEM)"
