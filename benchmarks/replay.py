"""A rulebook of 200 rules over 100,000 stored moments: how long a replay takes on one core, and how much memory."""

from __future__ import annotations

import hashlib
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
from sqlalchemy import Connection, insert

from benchmarks.rulebooks import World
from benchmarks.service import KEY, running
from tsbridge.core.contacts import counts_at
from tsbridge.core.link import case_key
from tsbridge.core.moments import Actor, Interaction, Moment, Text, canonical, to_json
from tsbridge.core.replay import Tally
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.story import Told, judge_story
from tsbridge.store import history, rulebooks, schema
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions
from tsbridge.store.decisions import rules_of
from tsbridge.store.link_tables import interactions
from tsbridge.store.moment_tables import moments
from tsbridge.work.replay_jobs import PAGE, Contest

START = datetime(2026, 1, 1, tzinfo=UTC)
A_CASE = 5
UNTOLD = ("text", "subject", "event", "source")
DELIVERED = (
    *("channel", "requester.id", "tags", "ticket.assignee_id", "ticket.brand_id", "ticket.external_id", "ticket.form_id"),
    *("ticket.group_id", "ticket.is_public", "ticket.priority", "ticket.status", "ticket.type"),
)
"""What the captured event bodies of the tests tell of a ticket."""
SEED = 11


def run(scale: float = 1.0) -> bool:
    """Print the tables; False when a decision was not reproduced or two runs differ."""
    good = measure(int(100_000 * scale), anew=False)
    return measure(int(10_000 * scale), anew=True) and good


def measure(count: int, *, anew: bool) -> bool:
    rules = 200
    telling = "each tells forty facts, all of them changed" if anew else "each tells what a delivery tells"
    print(f"Replay: {count:,} stored moments x {rules} rules, {telling}; SQLite, one process, one thread\n")
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'replay.db'}")
        schema.migrate(database)
        world = World(SEED, rules)
        document = world.document(rules - 10, routing=9)
        begun = time.perf_counter()
        fill(database, world, document, count // A_CASE, anew=anew)
        print(f"  {'history made in':<28}{time.perf_counter() - begun:8.1f} s")
        first, one, mismatches, peak = replay(database, document)
        second, other, _, again = replay(database, document)
        print(f"  {'first replay':<28}{first:8.1f} s   {first / count * 1e6:6.0f} us a moment   aim for 100,000: under 30 s")
        print(f"  {'second replay':<28}{second:8.1f} s")
        print(f"  {'peak memory after each':<28}{peak:8.0f} MiB  {again:.0f} MiB")
        print(f"  {'same bytes':<28}{'yes' if one == other else 'NO':>8}   mismatches {mismatches}\n")
        database.close()
        good = one == other and not mismatches
        if not anew:
            good &= as_a_job(Path(folder) / "replay.db", document, count)
    return good


def as_a_job(path: Path, document: Any, count: int) -> bool:
    """The same in the running service, as ops would start it: over HTTP, kept page by page, behind live work."""
    with running(database_url=f"sqlite:///{path}") as service:
        client = httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
        begun = time.perf_counter()
        id_ = client.post("/v1/rulebook/replay", json={"document": document}).raise_for_status().json()["id"]
        while (job := client.get(f"/v1/rulebook/replay/{id_}").raise_for_status().json())["status"] in ("queued", "running"):
            time.sleep(0.2)
        took = time.perf_counter() - begun
        memory = service.figures().rss_mib
        client.close()
    print(f"  {'as a job in the service':<28}{took:8.1f} s   {took / count * 1e6:6.0f} us a moment of wall time")
    print(f"  {'its memory afterwards':<28}{memory:8.0f} MiB")
    print(f"  {'':<28}{job['status']:>8}   mismatches {job['summary']['mismatches']}, decisions {job['summary']['decisions']:,}\n")
    return job["status"] == "done" and not job["summary"]["mismatches"]


def replay(database: Database, document: Any) -> tuple[float, str, int, float]:
    """CPU seconds, a digest of the summary and all moves, mismatches, and the peak memory of the process in MiB so far."""
    book = read(document)
    judge = Judge(book, UTC)
    newest = database.read_now(history.last_at)
    assert newest is not None
    asked = Contest(judge, book.hash, {1: book.hash}, False, lambda version: judge, None, newest + timedelta(microseconds=1))
    tally, digest, cursor = Tally(UTC), hashlib.sha256(), ""
    begun = time.process_time()  # one core's, whatever else the machine does

    def page(conn: Connection) -> list[history.StoredCase]:
        return history.page(conn, cursor, PAGE, contacts=asked.needs_contacts)

    while stored := database.read_now(page):
        for case in stored:
            compared = asked.compared(case)
            tally.add(case.id, compared)
            for one in compared:
                if one.changed:
                    digest.update(canonical([case.id, one.decision_id, one.before.to_json(), one.after.to_json()]))
        cursor = stored[-1].id
    seconds = time.process_time() - begun
    digest.update(canonical(tally.summary()))
    return seconds, digest.hexdigest(), tally.mismatches, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(database: Database, world: World, document: Any, number: int, *, anew: bool) -> None:
    """`number` cases of five moments each, with the decisions a live service would have recorded."""
    book = read(document)
    judge = Judge(book, UTC)
    database.write_now(lambda conn: rulebooks.publish(conn, document, book.hash, "bench", START, "bench"))
    seq = 0
    for start in range(0, number, 500):
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("moments", "interactions", "cases", "decisions")}
        for n in range(start, min(start + 500, number)):
            subject = Interaction("zendesk", str(n + 1))
            story = [Told(moment, 1) for moment in moments_of(world, subject, anew=anew)]
            case_id = case_key(subject)
            _, judged = judge_story(
                case_id, story, story[-1].moment.at, lambda _: judge, lambda at: counts_at((), at), clock_version=lambda _: 1
            )
            for told in story:
                rows["moments"].append(moment_row(told.moment))
            opened, last = story[0].moment.at, story[-1].moment.at
            life = {"opened_at": opened, "last_at": last}
            rows["interactions"].append(
                {"source": "zendesk", "id": subject.id, "case_key": case_id, "case_id": case_id, "channel": None, **life}
            )
            rows["cases"].append({"id": case_id, "status": "open", "tags": [], "state": {}, **life})
            for one in judged:
                seq += 1
                rows["decisions"].append(
                    {
                        "seq": seq,
                        "id": f"dec_{seq}",
                        "at": one.at,
                        "recorded_at": one.at,
                        "moment": one.moment,
                        "event": one.event,
                        "case_id": case_id,
                        "source": "zendesk",
                        "interaction": subject.id,
                        "rulebook_version": 1,
                        "mode": "live",
                        "outcome": one.outcome,
                        "matched": [list(rule) for rule in rules_of(one)],
                        "salt": "",
                    }
                )
        tables = {"moments": moments, "interactions": interactions, "cases": cases, "decisions": decisions}

        def write(conn: Connection, rows: dict[str, list[dict[str, Any]]] = rows, tables: dict[str, Any] = tables) -> None:
            for name, table in tables.items():
                conn.execute(insert(table), rows[name])

        database.write_now(write)


def moments_of(world: World, subject: Interaction, *, anew: bool) -> Iterator[Moment]:
    """A ticket's story: created with all its facts, then four comments.

    A comment tells the twelve facts that Zendesk's event bodies carry, some of them changed; with `anew` it tells all forty, all other.
    """
    rng = Random(int(subject.id))  # noqa: S311
    at = START + timedelta(minutes=int(subject.id))
    facts = world.facts()
    for n in range(A_CASE):
        later = world.facts()
        if n == 0:
            texts = (Text("subject", facts["subject"]), Text("description", facts["text"]))
        else:
            texts = (Text("comment", world.text(200)),)
            if anew:
                facts = later
            else:
                facts |= {name: later[name] for name in ("ticket.status", rng.choice(["ticket.priority", "ticket.group_id", "tags"]))}
        told = {name: value for name, value in facts.items() if name not in UNTOLD and not name.startswith("case.")}
        if n and not anew:
            told = {name: told.get(name) for name in DELIVERED}
        event = "ticket.created" if n == 0 else "ticket.commented"
        actor = Actor("requester", "41") if rng.random() < 0.5 else Actor("agent", "7")
        yield Moment(
            "zendesk", subject.id, event, at + timedelta(minutes=9 * n), facts=tuple(sorted(told.items())), texts=texts, actor=actor
        )


def moment_row(moment: Moment) -> dict[str, Any]:
    return {
        "digest": moment.digest,
        "event_id": "evt_bench",
        "source": moment.source,
        "interaction": moment.interaction,
        "event": moment.event,
        "at": moment.at,
        "body": to_json(moment),
        "rulebook_version": 1,
    }
