"""The laws of the house hold, and the checker would notice if they did not."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests.floors import violations

ROOT = Path(__file__).resolve().parent.parent


def test_the_house_keeps_its_floor_laws() -> None:
    assert violations(ROOT / "src" / "tsbridge") == []


PLANTED = [
    ("core/a.py", "from tsbridge.store import b", "imports point down"),
    ("core/a.py", "def late():\n    from tsbridge.store import b", "imports point down"),
    ("core/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tsbridge.store.b", "imports point down"),
    ("core/a.py", "from ..store import b", "imports point down"),
    ("store/a.py", "from tsbridge.vendors import b", "do not know each other"),
    ("acts/a.py", "from tsbridge.work import b", "do not know each other"),
    ("acts/a.py", "from tsbridge.web import b", "imports point down"),
    ("console/a.py", "from tsbridge.web import b", "do not know each other"),
    ("web/a.py", "from tsbridge.console import b", "do not know each other"),
    ("console/a.py", "def f(conn):\n    conn.execute('x')", "only the store speaks SQL"),
    ("reports/a.py", "from tsbridge.store import b", "do not know each other"),
    ("acts/a.py", "def f(conn):\n    conn.execute('x')", "only the store speaks SQL"),
    ("settings.py", "from tsbridge import log", "do not know each other"),
    ("web/a.py", "from tsbridge.settings import Settings", "imports point down"),
    ("web/a.py", "from tsbridge import wiring", "imports point down"),
    ("cli/a.py", "def late():\n    from tsbridge.web import b", "the same acts"),
    ("attic/a.py", "from tsbridge.core import b", "in no plan"),
    ("simulator/a.py", "from tsbridge.core import b", "imports nothing of the rest"),
    ("web/a.py", "from tsbridge.simulator import b", "only the roof knows the simulator"),
    ("core/a.py", "import random", "no random number"),
    ("core/a.py", "import pydantic", "core knows the standard library"),
    ("core/a.py", "open('x')", "core does no I/O"),
    ("core/a.py", "from datetime import datetime\nx = datetime.now()", "only wiring reads the clock"),
    ("work/a.py", "import datetime\nx = datetime.datetime.now()", "only wiring reads the clock"),
    ("store/a.py", "import time\nx = time.time()", "only wiring reads the clock"),
    ("web/a.py", "from sqlalchemy import select", "only the store speaks SQL"),
    ("web/a.py", "def f(conn):\n    conn.execute('x')", "only the store speaks SQL"),
    ("work/a.py", "import httpx", "only `http` knows the HTTP client"),
    ("vendors/zendesk/normalize.py", "import httpx", "only `http` knows the HTTP client"),
    ("vendors/zendesk/client.py", "import httpx", "only `http` knows the HTTP client"),
    ("notify/a.py", "import httpx", "only `http` knows the HTTP client"),
    ("notify/a.py", "from tsbridge.vendors import b", "do not know each other"),
    ("core/a.py", "from tsbridge.http import Http", "imports point down"),
    ("store/a.py", "from cryptography.hazmat import b", "only `ed25519` and `aes` know the library"),
    ("console/a.py", "from joserfc import b", "only `vendors.oidc.tokens` knows the library"),
    ("simulator/a.py", "import requests", "not a library of this house"),
    ("work/a.py", "import os\nx = os.environ['A']", "only settings read the environment"),
    ("wiring.py", "from os import getenv", "only settings read the environment"),
]


@pytest.mark.parametrize(("path", "code", "law"), PLANTED)
def test_a_planted_violation_is_found(path: str, code: str, law: str, tmp_path: Path) -> None:
    house = build(tmp_path, {path: code})
    found = violations(house)
    assert len(found) == 1
    assert law in found[0]


def test_a_circle_is_found_around_corners_and_inside_functions(tmp_path: Path) -> None:
    house = build(
        tmp_path,
        {
            "core/x.py": "from tsbridge.core import y",
            "core/y.py": "from tsbridge.core.z import something",
            "core/z.py": "def late():\n    from tsbridge.core import x",
        },
    )
    assert violations(house) == ["a circle of imports: tsbridge.core.x -> tsbridge.core.y -> tsbridge.core.z"]


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    house = build(
        tmp_path,
        {
            "wiring/clock_and_ids.py": "from datetime import datetime\n"
            "from tsbridge import settings, log\nfrom tsbridge.simulator import b\nx = datetime.now()",
            "settings/load.py": "import os\nx = os.environ",
            "web/a.py": "from sqlalchemy import Connection\nfrom tsbridge.store import b\nfrom tsbridge.core import b as c",
            "vendors/zendesk/client.py": "from tsbridge.http import Http",
            "http.py": "import httpx\nfrom tsbridge.core import b",
            "notify/a.py": "from tsbridge.http import Http",
            "store/a.py": "from sqlalchemy import select\nimport time",
            "core/a.py": "import re2\nimport phonenumbers\nimport json\nfrom tsbridge.core import b",
        },
    )
    assert violations(house) == []


def build(tmp_path: Path, extra: dict[str, str]) -> Path:
    """A little house with an empty module `b` in every room, and `extra`."""
    rooms = ("core", "store", "vendors", "vendors/zendesk", "notify", "web", "console", "work", "simulator")
    files = {"__init__.py": "", "settings/__init__.py": "", "log.py": "", "wiring.py": "", "http.py": ""}
    files |= {f"{room}/{name}.py": "" for room in rooms for name in ("__init__", "b")}
    house = tmp_path / "tsbridge"
    for path, code in {**files, **extra}.items():
        (house / path).parent.mkdir(parents=True, exist_ok=True)
        (house / path).write_text(code)
    return house


def test_the_http_client_that_mocks_cannot_see_is_not_installed() -> None:
    assert importlib.util.find_spec("httpx2") is None


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_the_lock_of_tests_is_installed_as_it_is(name: str) -> None:
    """It leaves out the browser that one of its packages asks for."""
    installs = re.findall(r"pip install [^&]*?-r requirements-dev.lock", (ROOT / name).read_text(), re.DOTALL)
    assert installs
    assert all("--no-deps --require-hashes" in one for one in installs)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_are_hashed_and_hold_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|index-url|find-links|httpx2|^-e|^--(?!hash)", text, re.MULTILINE)
    pinned = re.findall(r"^([a-z0-9][\w.-]*)==\S+", text, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pinned) == len(blocks) > 20
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_runs_in_production_is_locked_alike_for_development() -> None:
    def pins(name: str) -> dict[str, str]:
        found = re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
        return dict(found)

    small, large = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: large.get(name) for name in small} == small
