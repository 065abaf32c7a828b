"""Data of every earlier schema, taken over: a build of each revision works on deliveries of its own, this build migrates what it kept,
proves it, says the same of it, and goes on with the stories. Afterwards the earlier build refuses the database and leaves it alone.

And on PostgreSQL an upgrade under load: a newer build migrates while this one serves and deliveries come, and both go on.

The earlier builds are those of this repository's history: `python -m benchmarks upgrades`, with `--n` only so many of them, spread evenly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.builds import ROOT, Build, here, of
from benchmarks.deliveries import Sent, many
from benchmarks.door import free_port, postgres_urls
from benchmarks.driver import SECRET, request
from benchmarks.service import KEY

BEFORE, AFTER, PEOPLE = 40, 30, 20
"""Deliveries that the earlier build works on, and that this one goes on with."""
WITHIN_S: Final = 90.0
SHOWN: Final = ("id", "status", "severity", "category", "queue", "acknowledged")
"""Of a case: what an upgrade may not change."""
WHO_ACKNOWLEDGED: Final = "0026"
"""With it what counts as acknowledging was settled anew, and cases of before were judged again by that."""


def run(most: int | None) -> bool:
    """True when every revision was taken over."""
    faults = rolled()
    good = not faults
    print(
        f"An upgrade on PostgreSQL while deliveries come: {'; '.join(faults) or 'all answered with 202, all applied, the chain whole'}\n",
        flush=True,
    )
    builds = list(revisions())
    if most is not None and most < len(builds):
        builds = [builds[place * len(builds) // most] for place in range(most)]
    print(f"Upgrades of {len(builds)} earlier revisions on SQLite, {BEFORE} deliveries before, {AFTER} after\n")
    for number, (revision, commit) in enumerate(builds, 1):
        began = time.monotonic()
        with of(commit) as earlier, tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
            faults = upgraded(earlier, Path(folder), [name for name in SHOWN if revision >= WHO_ACKNOWLEDGED or name != "acknowledged"])
        good &= not faults
        told = "; ".join(faults) or "taken over, proven, the same, gone on with; the earlier build refuses it"
        print(f"{number:>3} of {len(builds)}  {revision} ({commit})  {time.monotonic() - began:>4.0f} s  {told}", flush=True)
    return good


def rolled() -> list[str]:
    """What went wrong when a newer build took the place of this one on PostgreSQL while deliveries came."""
    faults: list[str] = []
    with postgres_urls() as fresh, tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder, database, told = Path(name), fresh(), many(BEFORE + 3 * AFTER, PEOPLE, 8, datetime.now(UTC))
        newer = _newer(folder / "tree")
        command(here(), folder, database, "migrate")
        with serving(here(), folder, database) as old:
            deliver(old, told[:BEFORE])
            goes_on = threading.Thread(target=_go_on, args=(old, told[BEFORE : BEFORE + 2 * AFTER], faults))
            goes_on.start()
            if (done := command(newer, folder, database, "migrate")).returncode:
                faults.append(f"migrate ended with {done.returncode}: {done.stdout[-300:]}")
            case = old.get("/v1/cases", params={"limit": 1}).json()["items"][0]["id"]
            if (answer := old.post(f"/v1/cases/{case}/acknowledge").status_code) != 503:
                faults.append(f"the old build answered an act with {answer}")
            with serving(newer, folder, database) as new:
                send(new, told[BEFORE + 2 * AFTER :])
                goes_on.join()
                until_worked_on(new)
                kept = new.get("/v1/events", params={"limit": 200}).json()["items"]
                if (applied := sum(one["status"] == "applied" for one in kept)) != len(told):
                    faults.append(f"{applied} of {len(told)} deliveries applied")
        if (verified := command(newer, folder, database, "audit", "verify")).returncode:
            faults.append(f"verify ended with {verified.returncode}: {verified.stdout[-300:]}")
    return faults


def _go_on(client: httpx.Client, told: Sequence[Sent], faults: list[str]) -> None:
    for one in told:
        try:
            send(client, [one])
        except (RuntimeError, httpx.HTTPError) as failure:
            faults.append(f"{type(failure).__name__} {failure}")
        time.sleep(0.1)


def _newer(tree: Path) -> Build:
    """This build with one more migration."""
    for name in ("src", "migrations", "rulebooks"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    newest = max(path.name[:4] for path in (tree / "migrations" / "versions").glob("[0-9]*.py"))
    lines = (
        *("import sqlalchemy as sa", "from alembic import op"),
        *("revision = '9999'", f"down_revision = '{newest}'", "branch_labels = depends_on = None"),
        *("def upgrade():", "    op.add_column('cases', sa.Column('newer', sa.Text()))"),
        *("def downgrade():", "    op.drop_column('cases', 'newer')", ""),
    )
    (tree / "migrations" / "versions" / "9999_newer.py").write_text("\n".join(lines))
    return Build("newer", tree)


def revisions() -> Iterator[tuple[str, str]]:
    """Each earlier revision of the schema with the last commit that had it: the one before the next revision came."""
    names = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    for name, following in pairwise(names):
        asked = ["git", "-C", str(ROOT), "log", "--diff-filter=A", "--format=%h", "-1", "--", f"migrations/versions/{following}"]
        commit = subprocess.run(asked, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()  # noqa: S603
        if commit and _line_of_migrations(f"{commit}~1"):
            yield name[:4], f"{commit}~1"


def _line_of_migrations(commit: str) -> bool:
    """Whether they stand in one line: a commit between two that were made side by side has no database."""
    asked = ["git", "-C", str(ROOT), "ls-tree", "--name-only", commit, "migrations/versions/"]
    names = subprocess.run(asked, stdout=subprocess.PIPE, check=True, text=True).stdout.split()  # noqa: S603
    numbers = [Path(name).name[:4] for name in names if name.endswith(".py")]
    return len(numbers) == len(set(numbers))


def upgraded(earlier: Build, folder: Path, shown: Sequence[str]) -> list[str]:
    """What went wrong when this build took over what `earlier` had kept in `folder`; `shown`: what of cases may not be otherwise."""
    database, told = folder / "desk.db", many(BEFORE + AFTER, PEOPLE, 7, datetime.now(UTC))
    url = f"sqlite:///{database}"
    try:
        with serving(earlier, folder, url) as client:
            deliver(client, told[:BEFORE])
            taken_in_hand = acknowledge_one(client)
            before, decisions = told_of_cases(client, shown), told_of_decisions(client)
        done = command(here(), folder, url, "migrate")
        if done.returncode:
            return [f"migrate ended with {done.returncode}: {done.stdout[-300:]}"]
        faults = [f"{what}: {fault}" for what in ("migrated", "gone on") for fault in went_on(folder, url, what, told, before, decisions)]
        if not taken_in_hand:
            faults.append("no case was acknowledged before")
        size = database.stat().st_size
        refused = command(earlier, folder, url, "serve", "--port", str(free_port()))
        if not refused.returncode or database.stat().st_size != size:
            faults.append(f"the earlier build ended with {refused.returncode} on the new schema")
    except (RuntimeError, subprocess.TimeoutExpired) as trouble:
        return [str(trouble)]
    return faults


def went_on(
    folder: Path, url: str, what: str, told: Sequence[Sent], before: Mapping[str, Any], decisions: Mapping[str, Any]
) -> Iterator[str]:
    """With this build: the chain is whole, nothing that stood there is otherwise, and what comes is worked on."""
    verified = command(here(), folder, url, "audit", "verify")
    if verified.returncode:
        yield f"verify ended with {verified.returncode}: {verified.stdout[-300:]}"
    with serving(here(), folder, url) as client:
        now, still = told_of_cases(client, SHOWN), told_of_decisions(client)
        if what == "migrated":
            for name, is_now, was in (("cases", now, before), ("decisions", still, decisions)):
                if not was:
                    yield f"there were no {name}"
                if otherwise := _otherwise(is_now, was):
                    counts = Counter(otherwise)
                    yield f"of {len(was)} {name} are otherwise: {', '.join(f'{what} {n}' for what, n in sorted(counts.items()))}"
            deliver(client, told[BEFORE:])
        elif len(still) <= len(decisions):
            yield "nothing new was decided"


@contextmanager
def serving(build: Build, folder: Path, database: str) -> Iterator[httpx.Client]:
    """The whole service of a build on a database."""
    port = free_port()
    environ = _environ(build, database)
    log = folder / "service.log"
    with log.open("ab") as lines:
        what = [sys.executable, "-m", "tsbridge", "serve", "--port", str(port)]
        process = subprocess.Popen(what, cwd=folder, env=environ, stdout=lines, stderr=lines)  # noqa: S603
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + WITHIN_S
        while not answers(f"{url}/readyz"):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{build.name} does not serve: {log.read_text()[-400:]}")
            time.sleep(0.1)
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as client:
            yield client
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def command(build: Build, folder: Path, database: str, *words: str) -> subprocess.CompletedProcess[str]:
    environ = _environ(build, database)
    what = [sys.executable, "-m", "tsbridge", *words]
    return subprocess.run(  # noqa: S603
        what, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=WITHIN_S
    )


def _environ(build: Build, database: str) -> dict[str, str]:
    return build.environ(database_url=database, admin_key=KEY, zendesk_webhook_secrets=SECRET)


def deliver(client: httpx.Client, told: Sequence[Sent]) -> None:
    """Signed, each answered with 202; returns when all are worked on."""
    send(client, told)
    until_worked_on(client)


def send(client: httpx.Client, told: Sequence[Sent]) -> None:
    for one in told:
        head, _, body = request(one.body).partition(b"\r\n\r\n")
        lines = (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        headers = {name.decode(): value.decode() for name, value in lines if name not in (b"Host", b"Content-Length")}
        answer = client.post("/webhooks/zendesk", content=body, headers=headers)
        if answer.status_code != 202:
            raise RuntimeError(f"a delivery was answered with {answer.status_code}")


def until_worked_on(client: httpx.Client) -> None:
    until = time.monotonic() + WITHIN_S
    while client.get("/v1/events", params={"status": "pending", "limit": 1}).json()["items"]:
        if time.monotonic() > until:
            raise RuntimeError("deliveries are not worked on")
        time.sleep(0.2)
    if stuck := [one for status in ("dead", "quarantined") for one in client.get("/v1/events", params={"status": status}).json()["items"]]:
        raise RuntimeError(f"{len(stuck)} deliveries are stuck")


def acknowledge_one(client: httpx.Client) -> bool:
    cases = client.get("/v1/cases", params={"limit": 1}).json()["items"]
    return bool(cases) and client.post(f"/v1/cases/{cases[0]['id']}/acknowledge").is_success


def told_of_cases(client: httpx.Client, shown: Sequence[str]) -> dict[str, Any]:
    return {item["id"]: _shown(item, shown) for item in client.get("/v1/cases", params={"limit": 200}).json()["items"]}


def told_of_decisions(client: httpx.Client) -> dict[str, Any]:
    items = client.get("/v1/audit/routing", params={"limit": 200}).json()["items"]
    return {
        item["id"]: {"rules": [rule["key"] for rule in item["rules"]], **_shown(item["outcome"], ("tags_added", "severity", "queue"))}
        for item in items
    }


def _shown(item: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Of what has these names: the first builds said less."""
    return {name: item[name] for name in names if name in item}


def _otherwise(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """What of what was there before is otherwise now, once for each."""
    return [
        "gone" if id_ not in now else name
        for id_, told in before.items()
        for name, value in told.items()
        if now.get(id_, {}).get(name) != value
    ]
