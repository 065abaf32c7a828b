"""`tsbridge erase`: a plan, the deed, a certificate that is proven with the database, without it, and not when somebody altered it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.clocks import SettableClock
from tests.test_cli import Run, migrated, run  # noqa: F401, the fixtures of the command line
from tests.web.conftest import BOOK
from tests.work.walk import Walk, ticket
from tsbridge.store import erasing
from tsbridge.store.db import Database

MAIL = "p41@example.com"


def remembers(url: str) -> None:
    with Database.open(url) as database:
        walk = Walk(database, SettableClock(datetime(2026, 11, 22, 9, tzinfo=UTC)), BOOK)
        walk.tell([ticket("created", 0, text="it bit me"), ticket("created", 1, "4712", text="not me", person="42")])
        walk.work()


def test_a_person_is_planned_for_forgotten_and_certified(run: Run, migrated: str, tmp_path: Path) -> None:  # noqa: F811
    remembers(migrated)
    plan = run("erase", "--email", MAIL, "--plan")
    assert plan.code == 0
    assert "1 tickets and calls about them, in 1 cases" in plan.out
    assert MAIL not in plan.out
    file, chain = tmp_path / "certificate.json", tmp_path / "chain.ndjson"
    told = run("erase", "--email", MAIL, "--into", str(file), "--json")
    assert (told.code, told.json["status"]) == (0, "done")
    assert not any(MAIL.encode() in one.read_bytes() for one in tmp_path.iterdir())
    assert run("audit", "verify").code == 0
    assert run("audit", "export", "--chain", "--into", str(chain)).code == 0
    key = json.loads(file.read_text())["public_key"]
    elsewhere = ("--export", str(chain), "--public-key", key)
    assert run("erase", "--verify", str(file)).out == "The certificate holds.\n"
    assert run("erase", "--verify", str(file), *elsewhere).code == 0
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(told.json))
    assert run("erase", "--verify", str(answer), *elsewhere).out == "The certificate holds.\n", "the API answers with as much around it"
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps({**json.loads(file.read_text()), "interactions": 0}))
    for more in ((), elsewhere):
        assert "does NOT hold: it is not what was signed" in run("erase", "--verify", str(altered), *more).out
    chain.write_text("\n".join(chain.read_text().splitlines()[:-1]))
    assert run("erase", "--verify", str(file), *elsewhere).code == 1
    assert run("erase", "--email", MAIL).code == 1


def test_an_erasure_by_command_is_counted_for_the_figures_of_the_service_and_a_plan_is_not(run: Run, migrated: str) -> None:  # noqa: F811
    remembers(migrated)
    assert run("erase", "--email", MAIL, "--plan").code == 0
    assert run("erase", "--email", MAIL).code == 0
    with Database.open(migrated) as database:
        assert database.read_now(erasing.begun) == {"people": 1, "zendesk": 0}
        assert database.read_now(erasing.unfinished) == (0, None)


def test_what_names_nobody_or_two_is_misuse(run: Run, migrated: str) -> None:  # noqa: F811
    assert run("erase").code == 2
    assert run("erase", "--email", MAIL, "--phone", "+14155550123").code == 2
    told = run("erase", "--phone", "lilac")
    assert (told.code, "lilac" in told.err) == (2, False)
    assert run("erase", "--rewrite").out == "There was nothing to write anew.\n"
