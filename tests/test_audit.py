"""What the service is made of, and which of it is known to be vulnerable: found where it is, and never "none" where nobody could say."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools.audit import NotKnown, asked, bill, components, in_records, is_affected, main, records_of

ROOT = Path(__file__).resolve().parent.parent
RUNS = (ROOT / "requirements.lock").read_text()
BUILDS = (ROOT / "requirements-dev.lock").read_text()
DIGEST = "a" * 64
LOCK = f"left-pad==1.3.0 \\\n    --hash=sha256:{DIGEST}\nRight.Pad[more]==2.0 ; sys_platform == 'linux' \\\n    --hash=sha256:{DIGEST}\n"


def record(ident: str, name: str, **affected: Any) -> dict[str, Any]:
    return {"id": ident, "affected": [{"package": {"ecosystem": "PyPI", "name": name}, **affected}]}


def since(*events: dict[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


def test_every_line_of_the_locks_is_a_component_with_its_hashes() -> None:
    for lock in (RUNS, BUILDS):
        found = components(lock)
        assert len(found) == lock.count("==") - lock.count("== '") > 40
        assert sum(len(one.hashes) for one in found) == lock.count("--hash=sha256:")
    assert [(one.name, one.version) for one in components(LOCK)] == [("left-pad", "1.3.0"), ("right-pad", "2.0")]


@pytest.mark.parametrize("line", ["left-pad==1.3.0", f"left-pad>=1.3 --hash=sha256:{DIGEST}", "./somewhere"])
def test_a_line_that_pins_nothing_or_has_no_hash_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="expected name==version with hashes"):
        components(line)


def test_the_bill_names_everything_once_says_what_runs_and_is_the_same_for_the_same_locks() -> None:
    runs, builds = components(RUNS), components(BUILDS)
    made = bill(runs, builds)
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    named = [one["bom-ref"] for one in made["components"]]
    assert len(named) == len(set(named)) == len({*runs, *builds})
    assert {one["bom-ref"] for one in made["components"] if one["scope"] == "required"} == {one.purl for one in runs}
    assert made["dependencies"] == [{"ref": made["metadata"]["component"]["bom-ref"], "dependsOn": sorted(one.purl for one in runs)}]
    assert all(part["hashes"] for part in made["components"])
    assert bill(reversed(runs), builds) == made
    assert bill(runs[1:], builds)["serialNumber"] != made["serialNumber"]


@pytest.mark.parametrize(
    ("affected", "is_it"),
    [
        ({"versions": ["1.3.0"]}, True),
        ({"versions": ["1.2.9"]}, False),
        (since({"introduced": "0"}), True),
        (since({"introduced": "0"}, {"fixed": "1.3.0"}), False),
        (since({"introduced": "1.3.0"}, {"fixed": "1.3.1"}), True),
        (since({"introduced": "1.3.1"}), False),
        (since({"introduced": "0"}, {"last_affected": "1.3.0"}), True),
        (since({"introduced": "0"}, {"last_affected": "1.2"}), False),
        (since({"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.3.0rc1"}, {"fixed": "1.10"}), True),
        (since({"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.10"}), False),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
        (since({"introduced": "not a version"}), True),
    ],
)
def test_a_version_is_affected_as_the_schema_says(affected: dict[str, Any], is_it: bool) -> None:
    assert is_affected("1.3.0", affected) is is_it


def test_records_are_held_against_the_locks_by_name_and_withdrawn_ones_do_not_count() -> None:
    parts = components(LOCK)
    records = [
        record("OSV-1", "Left_Pad", versions=["1.3.0"]),
        record("OSV-2", "right-pad", versions=["1.0"]),
        {**record("OSV-3", "left-pad", versions=["1.3.0"]), "withdrawn": "2026-01-01T00:00:00Z"},
        {"id": "OSV-4", "affected": [{"package": {"ecosystem": "npm", "name": "left-pad"}, "versions": ["1.3.0"]}]},
    ]
    assert in_records(parts, records) == {parts[0]: ["OSV-1"]}


@pytest.fixture
def locks(tmp_path: Path) -> list[str]:
    lock = tmp_path / "lock"
    lock.write_text(LOCK)
    return ["--runs", str(lock), "--builds", str(lock), "--sbom", str(tmp_path / "made" / "sbom.json")]


def test_what_is_vulnerable_fails_and_what_is_not_passes_by_a_given_database(
    locks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("OSV-1.json", json.dumps(record("OSV-1", "left-pad", versions=["1.3.0"])))
    assert main([*locks, "--database", str(packed)]) == 1
    assert "left-pad 1.3.0 (runs): OSV-1" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "made" / "sbom.json").read_text())["components"]) == 2
    one = tmp_path / "one.json"
    one.write_text(json.dumps(record("OSV-1", "left-pad", versions=["1.2.0"])))
    assert main([*locks, "--database", str(one)]) == 0


def test_a_database_that_is_away_empty_or_none_at_all_is_no_good_news(locks: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"no zip")
    (tmp_path / "list.json").write_text("[]")
    for name in ("away.json", "empty", "broken.zip", "list.json"):
        assert main([*locks, "--database", str(tmp_path / name)]) == 2, name
        with pytest.raises(NotKnown):
            list(records_of(tmp_path / name))


@contextmanager
def osv(answer: Any) -> Iterator[tuple[str, list[Any]]]:
    """An OSV that answers what `answer(queries)` says, and what it was asked."""
    heard: list[Any] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(answer(heard[-1]["queries"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_osv_is_asked_about_everything_page_by_page() -> None:
    parts = components(LOCK)

    def answer(queries: list[Any]) -> Any:
        if queries[0].get("page_token") == "more":
            return {"results": [{"vulns": [{"id": "OSV-2"}]}]}
        return {"results": [{"vulns": [{"id": "OSV-1"}], "next_page_token": "more"}, {}]}

    with osv(answer) as (api, heard):
        assert asked(parts, api) == {parts[0]: ["OSV-1", "OSV-2"]}
    assert heard[0]["queries"][1] == {"package": {"name": "right-pad", "ecosystem": "PyPI"}, "version": "2.0"}


def test_an_osv_that_cannot_be_asked_or_leaves_something_out_is_no_good_news(locks: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*locks, "--api", "http://127.0.0.1:1"]) == 2
    assert "OSV cannot be asked" in capsys.readouterr().err
    with osv(lambda queries: {"results": [{}]}) as (api, _):
        assert main([*locks, "--api", api]) == 2
