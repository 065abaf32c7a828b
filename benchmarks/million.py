"""A long history must not slow the present: a database with a million decisions and a million deliveries, 200,000 of them still waiting,
and how long claiming, the figures, the audit by every filter and by every pair of them, and the explanation of one decision take.

Some hundred stories walk from bytes to decisions; the rest are their copies, made by a statement for each table, with ids, times and
versions of their own, and chained one by one.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import combinations, islice
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    Table,
    Text,
    cast,
    column,
    func,
    insert,
    join,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy import table as table_of

from benchmarks import journey
from benchmarks.door import postgres_urls, sqlite_urls
from tests.clocks import START, CountingIds, SettableClock
from tests.console.conftest import visiting
from tests.web.conftest import ADMIN, furnished
from tests.work.walk import Walk, call, ticket
from tsbridge.__main__ import spare_the_collector
from tsbridge.acts.audit_lines import Decisions
from tsbridge.acts.people import handles_of
from tsbridge.core.chain import link_hash
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.document_files import load_file
from tsbridge.store import (
    claiming,
    columns,
    decision_tables,
    facets,
    inbox_tables,
    link_tables,
    proof,
    routing,
    runaway,
    schema,
    terms,
    version_tables,
)
from tsbridge.store.case_tables import cases
from tsbridge.store.db import Database
from tsbridge.store.routing_filter import RoutingFilter
from tsbridge.store.work_tables import workload
from tsbridge.web.pages import DEFAULT_LIMIT, seal_cursor

T = TypeVar("T")
STORIES: Final = 400
PENDING: Final = 0.2
VERSIONS: Final = 20
LEASE: Final = timedelta(seconds=60)
CLAIM_MS, FIGURES_MS, AUDIT_MS, GUARD_MS, HISTORY_MS, NOW_MS = 5.0, 50.0, 50.0, 50.0, 100.0, 150.0
ROWS_A_SECOND: Final = 50_000
CHAIN_S: Final = 10.0
STARTER: Final = Path(__file__).resolve().parents[1] / "rulebooks" / "incident-desk.yaml"

TEXTS: Final = (
    *("my dog was bitten", "the sitter never came", "I want a refund for the vet bill", "our cat ran away", "thank you", "he has a knife"),
    *("a journalist called me", "the sofa was chewed and stained", "she asked me to pay by venmo", "how do I change my address"),
)
OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "cases": ("id",),
    "interactions": ("id", "case_key", "case_id"),
    "handles": ("value", "interaction"),
    "decisions": ("id", "moment", "event_id", "case_id", "interaction", "revises", "superseded_by"),
    "decision_rules": (),
    "decision_tags": (),
    "escalations": ("id", "case_id", "interaction"),
    "desired": ("ticket", "id", "case_id"),
    "workload": ("thread", "case_id"),
    "inbox": ("id", "dedupe_key", "rang_for", "covered_by"),
}
"""By table the columns in which a copy has names of its own."""
TABLES: Final[Mapping[str, Table]] = {**columns.metadata.tables, "workload": workload}
MOVED: Final = ("at", "recorded_at", "opened_at", "last_at", "asked_at", "received_at", "due_at", "settled_at")
APART: Final = timedelta(minutes=5)
"""Between a story and its next copy."""
AT_ONCE: Final = 25
PAGES: Final = 100
NAMES: Final = {"from": "since", "to": "until", "person": "people"}
MEANT: Final[Mapping[str, Callable[[str], Any]]] = {
    **{"from": read_instant, "to": read_instant, "person": handles_of, "agent": lambda agent: (agent,)},
    **{"severity": int, "version": int, "changed": lambda value: value == "true"},
}
"""How the API understands what is asked for."""
CACHE_KIB: Final = 500_000
CHANNELS: Final = ("email", "web", "chat", "messaging")


# Making it


def build(database: Database, decisions: int, stories: int = STORIES, versions: int = VERSIONS) -> None:
    """Stories that walked, and as many copies of them as it takes. What decisions of copies saw is what the first ones saw."""
    schema.migrate(database)
    _stories(database, stories, versions)
    there, high = database.read_now(_there)
    copies = -(-decisions // there)
    database.write_now(lambda conn: _set_aside(conn, "CREATE TABLE first_{0} AS SELECT * FROM {0}"))
    for first in range(1, copies, AT_ONCE):
        span = (first, min(first + AT_ONCE, copies) - 1)
        database.write_now(lambda conn, span=span: _copy_all(conn, span, high, copies, versions))  # type: ignore[misc]
    database.write_now(lambda conn: _set_aside(conn, "DROP TABLE first_{0}"))
    _chain_all(database, high)
    database.write_now(lambda conn: _wait(conn, int(decisions * PENDING)))
    later = START + copies * APART + facets.SETTLED
    while database.write_now(lambda conn: facets.sum_up(conn, later)):
        pass
    database.write_now(lambda conn: conn.exec_driver_sql("ANALYZE") and None if conn.dialect.name == "postgresql" else None)


def _stories(database: Database, stories: int, versions: int) -> None:
    """About five moments each: people write, write again, call; agents answer; tickets are solved."""
    rng, clock = random.Random(5), SettableClock()  # noqa: S311
    walk = Walk(database, clock, load_file(STARTER))
    for _ in range(versions - 1):
        walk.publish(load_file(STARTER))
    told = []
    for story in range(stories):
        person, name, minute = str(10_000 + story), str(100_000 + story), story * 3
        words = rng.choice(TEXTS)
        told.append(ticket("created", minute, name, text=words, person=person, description=words, channel=rng.choice(CHANNELS)))
        for step in range(rng.randrange(1, 6)):
            by = rng.choice(("", "", "900"))
            told.append(ticket("commented", minute + 1 + step, name, text=rng.choice(TEXTS), person=person, by=by))
        if rng.random() < 0.5:
            phone = f"+1415555{story:04d}"
            told += [call("call.started", minute + 7, f"c{story}", phone=phone), call("call.ended", minute + 8, f"c{story}", phone=phone)]
        if rng.random() < 0.3:
            told.append(ticket("updated", minute + 9, name, person=person, status="solved", by="900"))
        if rng.random() < 0.3:
            told.append(ticket("updated", minute + 10, name, person=person, assignee_id=str(rng.randrange(901, 921)), by="900"))
    walk.tell(told)
    walk.work()


def _there(conn: Connection) -> tuple[int, int]:
    """How many decisions there are, and the highest number of one."""
    count, high = conn.execute(select(func.count(), func.max(decision_tables.decisions.c.number))).one()
    return count, high


def _set_aside(conn: Connection, statement: str) -> None:
    """What walked, in tables of their own: a copy is not to look through the copies before."""
    for name in OWN:
        conn.exec_driver_sql(statement.format(name))


def _copy_all(conn: Connection, span: tuple[int, int], high: int, copies: int, versions: int) -> None:
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")
    k = select(literal_column(str(span[0])).label("k")).cte("copies", recursive=True)
    k = k.union_all(select(k.c.k + 1).where(k.c.k < span[1]))
    for name, own in OWN.items():
        conn.execute(_copy(TABLES[name], own, k, high, copies, versions))


def _copy(table: Table, own: Sequence[str], numbers: Any, high: int, copies: int, versions: int) -> Any:
    k, made = numbers.c.k, {}
    first = table_of(f"first_{table.name}", *(column(one.name) for one in table.c))
    for one in table.c:
        stored = first.c[one.name]
        if one.name in own:
            made[one.name] = stored.op("||")("." + cast(k, Text))
        elif one.name == "number":
            made[one.name] = stored + k * high
        elif one.name == "rulebook_version":
            made[one.name] = 1 + k * (versions - 1) // copies
        elif one.name in MOVED and table.name != "handles":
            made[one.name] = stored + k * literal(APART // columns.MICROSECOND, BigInteger)
        elif one.name == "body":
            made[one.name] = literal(b" " * 200, LargeBinary)  # one that was encrypted is no body when it is cut
        elif table.name != "inbox" or one.name != "seq":
            made[one.name] = stored
    chosen = select(*made.values()).select_from(join(first, numbers, literal_column("1") == literal_column("1")))
    return insert(table).from_select(list(made), chosen.order_by(k, *([first.c.seq] if table.name == "inbox" else [])))


def _chain_all(database: Database, high: int) -> None:
    """Every decision's entry, hashed with the one before it."""

    def begin(conn: Connection) -> tuple[dict[str, Any], dict[int, str], Any]:
        first = {
            row.id: row.record for row in conn.execute(select(decision_tables.chain).where(decision_tables.chain.c.kind == "decision"))
        }
        book = {row.version: row.hash for row in conn.execute(select(version_tables.rulebooks.c.version, version_tables.rulebooks.c.hash))}
        return (
            first,
            book,
            conn.execute(
                select(decision_tables.chain.c.seq, decision_tables.chain.c.hash).order_by(decision_tables.chain.c.seq.desc()).limit(1)
            ).one(),
        )

    first, book, last = database.read_now(begin)
    low, seq, previous = high, last.seq, last.hash
    d = decision_tables.decisions.c
    columns = (d.number, d.id, d.at, d.recorded_at, d.event_id, d.case_id, d.source, d.interaction, d.moment, d.rulebook_version, d.revises)

    def entries(conn: Connection) -> tuple[int, int, str]:
        seq_, previous_, rows = seq, previous, []
        chosen = conn.execute(select(*columns).where(d.number > low).order_by(d.number).limit(10_000)).all()
        for row in chosen:
            record = {**first[row.id.rpartition(".")[0]], "id": row.id, "at": instant_text(row.at), "moment": row.moment}
            record |= {"recorded_at": instant_text(row.recorded_at), "case_id": row.case_id, "revises": row.revises}
            record |= {"number": row.number} if "number" in record else {}
            if record["type"] == "decision":
                record |= {"event_id": row.event_id, "interaction": {"source": row.source, "id": row.interaction}}
                record |= {"rulebook": {"version": row.rulebook_version, "hash": book[row.rulebook_version]}}
            seq_ += 1
            hashed = link_hash(seq_, previous_, record)
            rows.append({"seq": seq_, "kind": "decision", "id": row.id, "record": record, "previous_hash": previous_, "hash": hashed})
            previous_ = hashed
        if rows:
            conn.execute(insert(decision_tables.chain), rows)
        return (chosen[-1].number if chosen else 0), seq_, previous_

    while (step := database.write_now(entries))[0]:
        low, seq, previous = step


def _wait(conn: Connection, pending: int) -> None:
    """The newest deliveries wait, and every delivery was received."""
    last = conn.execute(select(func.max(inbox_tables.inbox.c.seq))).scalar_one()
    waits = {"status": "pending", "settled_at": None, "attempts": 0, "reason": None, "rang_for": None, "covered_by": None}
    conn.execute(update(inbox_tables.inbox).where(inbox_tables.inbox.c.seq > last - pending).values(**waits))
    conn.execute(inbox_tables.received.delete())
    heard = select(inbox_tables.inbox.c.source, literal_column("0"), func.count() + func.sum(inbox_tables.inbox.c.duplicates))
    conn.execute(insert(inbox_tables.received).from_select(["source", "lane", "count"], heard.group_by(inbox_tables.inbox.c.source)))


# Measuring it


def measure(database: Database, times: int = 100, most: int | None = None) -> bool:
    """Print the table of one database; whether it holds the bars. `most`: of each kind of questions of the audit only so many."""
    spare_the_collector()  # as the service does
    good = _line("claiming 50 deliveries", _claims(database, 2 * times), CLAIM_MS)
    good &= _line(
        "a look of the runaway guard", _timed(times, lambda: database.read_now(lambda conn: runaway.samples(conn, VERSIONS, 500))), GUARD_MS
    )
    good &= _proven(database)
    good &= asyncio.run(_now_page(database, times))
    good &= asyncio.run(journey.asked(database, min(times, journey.TIMES)))
    return asyncio.run(_over_http(database, times, most)) and good


def _proven(database: Database) -> bool:
    """The chain alone, and all that `verify` holds beside it."""
    (broken, count, _), alone = _took(lambda: database.read_now(proof.walk))
    verdict, whole = _took(lambda: database.read_now(proof.verify))
    missed = "" if alone <= CHAIN_S else "  MISSED"
    print(f"{count} entries proven in {alone:.1f} s{missed}, with all that lies beside them in {whole:.1f} s")
    return not broken and verdict["ok"] and not missed


def _took(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _claims(database: Database, count: int) -> list[float]:
    """As workers do: claim, settle, claim again. The commit, which is the disk's, is left out."""
    times: list[float] = []
    now = database.read_now(lambda conn: conn.execute(select(func.max(inbox_tables.inbox.c.due_at))).scalar_one())

    def work(conn: Connection) -> None:
        began = time.perf_counter()
        rows = claiming.claim(conn, "bench", now, LEASE, 50)
        times.append(time.perf_counter() - began)
        claiming.settle(conn, [claiming.Settlement(row, "ignored", "said_before") for row in rows], now)

    for _ in range(count):
        database.write_now(work)
    return times


async def _now_page(database: Database, times: int) -> bool:
    """The page of the console that somebody has open all shift, all cases but the resolved ones open."""
    at = database.read_now(lambda conn: conn.execute(select(func.max(cases.c.last_at))).scalar_one())
    async with visiting(database, "admin", clock=SettableClock(at)) as visitor:
        took = []
        for _ in range(times):
            began = time.perf_counter()
            (await visitor.look("now")).raise_for_status()
            took.append(time.perf_counter() - began)
    return _line("the console's page now", took, NOW_MS)


async def _over_http(database: Database, times: int, most: int | None) -> bool:
    """What people and Prometheus ask for, through the whole API, inside this process."""
    async with furnished(database, SettableClock(), CountingIds("http"), random.Random(7).randbytes) as room:  # noqa: S311
        transport = httpx.ASGITransport(app=room.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://bench.test", headers={"Authorization": f"Bearer {ADMIN}"}, timeout=120
        ) as client:
            good = _line("GET /metrics", [await _asked(client, "/metrics", {}) for _ in range(times)], FIGURES_MS)
            ids = database.read_now(_some_ids)[:times]
            good &= _line("one decision explained", [await _asked(client, f"/v1/audit/routing/{id_}", {}) for id_ in ids], AUDIT_MS)
            cases = database.read_now(_some_cases)[:times]
            good &= _line("all of one case", [await _asked(client, f"/v1/audit/cases/{id_}", {}) for id_ in cases], HISTORY_MS)
            good &= _streams(database)
            return await _audit(client, database, most) and good


def _streams(database: Database) -> bool:
    """Everything as CSV and as NDJSON, as the API and the command line write it: rows a second, and how much the process grew."""
    good = True
    for form in ("CSV", "NDJSON"):
        lines, size, before, began = Decisions(RoutingFilter(), as_csv=form == "CSV"), 0, _resident_kib(), time.perf_counter()
        while not lines.over:
            size += len(database.read_now(lines.piece))
        rate = lines.count / (time.perf_counter() - began)
        grown, slow = (_resident_kib() - before) >> 10, "" if rate >= ROWS_A_SECOND else "  MISSED"
        print(f"{form}: {lines.count} rows, {size >> 20} MiB, {rate:.0f} rows a second, {grown} MiB more memory{slow}")
        good &= not slow
    return good


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


async def _audit(client: httpx.AsyncClient, database: Database, most: int | None) -> bool:
    """Every filter alone and every two of them: their first page, and the hundredth or the last."""
    values = database.read_now(_values)
    alone = [{name: value} for name, some in values.items() for value in some]
    two = [{one: values[one][n], other: values[other][n]} for one, other in combinations(values, 2) for n in (0, -1)]
    good, slow = True, dict[str, float]()
    for how, asked in (("one filter", alone), ("two filters", two)):
        for which in ("first", f"{PAGES}th"):
            times = []
            for params in asked[:most]:
                cursor = {} if which == "first" else database.read_now(lambda conn, params=params: _far_on(conn, params))
                times.append(await _asked(client, "/v1/audit/routing", {**params, **cursor}))
                slow[f"{' '.join(f'{name}={value}' for name, value in params.items())}, {which}"] = times[-1]
            good &= _line(f"the {which} page by {how}", times, AUDIT_MS)
    worst = sorted(slow, key=lambda name: -slow[name])[:3]
    print("slowest:", "; ".join(f"{name}: {1000 * slow[name]:.0f} ms" for name in worst))
    return good


def _far_on(conn: Connection, params: Mapping[str, str]) -> dict[str, str]:
    """The cursor of the hundredth page, of the last one where there are fewer."""
    told: dict[str, Any] = {NAMES.get(name, name): MEANT.get(name, str)(value) for name, value in params.items() if name != "q"}
    if "q" in params:
        told["words"] = terms.meant(conn, terms.Titles(), params["q"])
    numbers = routing._numbers(conn, RoutingFilter(**told), DEFAULT_LIMIT, routing.newest(conn) + 1)
    before = list(islice(numbers, (PAGES - 1) * DEFAULT_LIMIT))
    last = before[-1:] if len(before) == (PAGES - 1) * DEFAULT_LIMIT else before[: (len(before) - 1) // DEFAULT_LIMIT * DEFAULT_LIMIT][-1:]
    return {"cursor": seal_cursor("routing", (last[0],))} if last else {}


async def _asked(client: httpx.AsyncClient, path: str, params: Mapping[str, str]) -> float:
    began = time.perf_counter()
    (await client.get(path, params=params)).raise_for_status()
    return time.perf_counter() - began


def _some_cases(conn: Connection) -> list[str]:
    """Some that walked, with their moments, and some of their copies."""
    d = decision_tables.decisions.c
    high = conn.execute(select(func.max(d.number))).scalar_one()
    wanted = [*random.Random(4).sample(range(1, 1_000), 50), *random.Random(4).sample(range(1, high), 100)]  # noqa: S311
    return list(dict.fromkeys(conn.execute(select(d.case_id).where(d.number.in_(wanted)).order_by(d.number)).scalars()))


def _some_ids(conn: Connection) -> list[str]:
    high = conn.execute(select(func.max(decision_tables.decisions.c.number))).scalar_one()
    wanted = random.Random(3).sample(range(1, high), 100)  # noqa: S311
    return list(conn.execute(select(decision_tables.decisions.c.id).where(decision_tables.decisions.c.number.in_(wanted))).scalars())


def _values(conn: Connection) -> dict[str, list[str]]:
    """For each filter a value that much has, and one that little has."""
    d, high = decision_tables.decisions.c, conn.execute(select(func.max(decision_tables.decisions.c.number))).scalar_one()
    middle = conn.execute(select(decision_tables.decisions).where(d.number >= high // 2, d.severity == 1).order_by(d.number).limit(1)).one()
    person = conn.execute(
        select(link_tables.handles.c.value).where(
            link_tables.handles.c.interaction == middle.interaction, link_tables.handles.c.kind == "zendesk_user"
        )
    )
    calls = conn.execute(select(d.interaction).where(d.number >= high // 3, d.source == "talkdesk").order_by(d.number).limit(1))
    return {
        "from": [instant_text(middle.at), instant_text(START + APART)],
        "to": [instant_text(middle.at + 100 * APART), instant_text(START + 2 * APART)],
        "case": [middle.case_id],
        "ticket": [middle.interaction],
        "call": [calls.scalar_one()],
        "person": [person.scalars().first() or "41"],
        **{name: [common, rare] for name, (common, rare) in _common_and_rare(conn).items()},
        "kind": ["routing", "escalation"],
        "version": ["3", str(VERSIONS - 2)],
        "changed": ["true", "false"],
        "q": ["safety", "chat knife"],
    }


def _common_and_rare(conn: Connection) -> dict[str, tuple[str, str]]:
    """What most decisions of the middle have, and what fewest have."""
    d = decision_tables.decisions
    middle = conn.execute(select(func.max(d.c.number))).scalar_one() // 2
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("rule", "queue", "agent", "tag", "category", "channel", "severity")}
    for row in conn.execute(select(d).where(d.c.number >= middle).order_by(d.c.number).limit(2_000)):
        for facet, value in facets.facets_of(row):
            name = "rule" if facet in facets.RULE_KINDS else facet
            if name in counts:
                counts[name][value] += 1
    ranked = {name: [value for value, _ in found.most_common()] or ["nobody"] for name, found in counts.items()}
    return {name: (values[0], values[-1]) for name, values in ranked.items()}


def _timed(times: int, work: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def _line(what: str, times: Sequence[float], aim_ms: float) -> bool:
    ordered = sorted(times)
    p50, p95 = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95))
    print(f"{what:<44}{len(times):>7}{p50:>9.1f}{p95:>9.1f}{1000 * ordered[-1]:>9.1f}{aim_ms:>7.0f}{'' if p95 <= aim_ms else '  MISSED'}")
    return p95 <= aim_ms


def run(decisions: int, databases: Sequence[str] = ("SQLite", "PostgreSQL")) -> bool:
    """True when all bars are held."""
    good = True
    for name, urls in (("SQLite", sqlite_urls), ("PostgreSQL", postgres_urls)):
        if name not in databases:
            continue
        with urls() as fresh, Database.open(fresh()) as database:
            began = time.perf_counter()
            build(database, decisions)
            took = time.perf_counter() - began
            print(f"{name}: {decisions} decisions and as many deliveries, {PENDING:.0%} of them waiting, made in {took:.0f} s\n")
            print(f"{'':<44}{'times':>7}{'p50 ms':>9}{'p95 ms':>9}{'max':>9}{'aim':>7}")
            good &= measure(database)
            print()
    return good
