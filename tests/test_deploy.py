"""Alerts, dashboard and runbook say the same of the same figures, and each figure that they name is there."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tests import databases
from tests.clocks import CountingIds, SettableClock
from tests.web.conftest import furnished
from tsbridge.core.retention import Retention
from tsbridge.core.task_state import Checked, Standing
from tsbridge.store.db import Database
from tsbridge.store.work_tables import workload
from tsbridge.wiring.bridge import probes
from tsbridge.work.loop import Loop
from tsbridge.work.rosters import LiveRoster

ROOT = Path(__file__).resolve().parent.parent
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALERTS = YAML(typ="safe").load(ROOT / "deploy" / "alerts.yml")
DASHBOARD = json.loads((ROOT / "deploy" / "dashboard.json").read_text())
QUESTIONS = ("Is the door open", "Is work flowing", "Are people reached", "Is Zendesk written")
FUNCTIONS = frozenset({"sum", "max", "min", "rate", "increase", "deriv", "max_over_time", "min_over_time", "histogram_quantile"})
OF_EVERY_TARGET = frozenset({"instance", "job"})


# Expressions of Prometheus, as far as ours go


class Selector(NamedTuple):
    """A metric, and what its labels are asked to be: label -> (operator, value)."""

    metric: str
    labels: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Expression:
    """`by`: labels that sums and the like are made by."""

    selectors: tuple[Selector, ...]
    functions: frozenset[str]
    by: frozenset[str]


def read(text: str) -> Expression:
    """Raises ValueError for brackets that do not close, and for what stands between quotes that do not."""
    depth: list[str] = []
    for char in re.sub(r'"[^"]*"', "", text):
        if char == '"':
            raise ValueError("a quote that does not close")
        if char in "([{":
            depth.append(char)
        elif char in ")]}" and (not depth or depth.pop() != "([{"[")]}".index(char)]):
            raise ValueError("brackets that do not close")
    if depth:
        raise ValueError("brackets that do not close")
    groups = re.findall(r"\bby \(([^)]*)\)", text)
    rest = re.sub(r"\bby \([^)]*\)", "", text)
    selectors, functions = [], set()
    for found in re.finditer(r"(?<!\w)([a-zA-Z_]\w*)\s*(\(|\{[^}]*\})?", rest):
        if _within_braces(rest, found.start()):
            continue
        if found[2] == "(":
            functions.add(found[1])
        else:
            labels = {name: (op, value) for name, op, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', found[2] or "")}
            selectors.append(Selector(found[1], labels))
    by = frozenset(label.strip() for group in groups for label in group.split(","))
    return Expression(tuple(selectors), frozenset(functions), by)


def _within_braces(text: str, at: int) -> bool:
    return text.count("{", 0, at) > text.count("}", 0, at)


@pytest.mark.parametrize("text", ["sum(a", "sum(a))", "a{b='c'", 'a{b="c}', "sum(a]"])
def test_an_expression_that_is_not_whole_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="close"):
        read(text)


def test_an_expression_is_taken_apart() -> None:
    found = read('60 * max by (kind, b) (rate(a_total{status="x", route=~"/w/.*"}[5m])) - up > 1')
    assert found.functions == {"max", "rate"}
    assert found.by == {"kind", "b"}
    assert found.selectors == (Selector("a_total", {"status": ("=", "x"), "route": ("=~", "/w/.*")}), Selector("up", {}))


# What is told


Exposed = Mapping[str, Mapping[str, frozenset[str]]]
"""By metric: its labels and the values that were seen."""


@pytest.fixture(scope="module")
def names_of_checks(sqlite_files: databases.Sqlite, postgres: databases.Postgres) -> frozenset[str]:
    """Every check of `/readyz`, of processes that work and of those that leave it to others, on both databases."""
    clock, found = SettableClock(), set[str]()
    for maker in (sqlite_files, postgres):
        with maker.fresh() as url, Database.open(url) as database:
            for loop in (None, Loop((), clock)):
                found |= probes(database, clock, loop, lambda: None, "live", LiveRoster(), Retention()).keys()
    return frozenset(found)


@pytest.fixture(scope="module")
def exposed(sqlite_files: databases.Sqlite, names_of_checks: frozenset[str]) -> Exposed:
    """What `/metrics` tells when something of everything has happened."""
    return seen(asyncio.run(told_by_all(sqlite_files, names_of_checks)))


async def told_by_all(sqlite_files: databases.Sqlite, names_of_checks: frozenset[str]) -> str:
    async def fine() -> Checked:
        return Checked(True, "fine")

    clock = SettableClock()
    standing = Standing(False, timedelta(1), timedelta(0), timedelta(0), 1, {"KeyError": 1}, 1, "KeyError")
    waits = {"case_id": "c", "thread": "t", "ticket": "1", "queue": "safety", "channel": "email", "since": clock.now(), "waits": True}
    with sqlite_files.fresh() as url, Database.open(url) as database:
        async with furnished(database, clock, CountingIds(), bytes) as room:
            await database.write(lambda conn: conn.execute(workload.insert().values(**waits)) and None)
            room.desk.counters.link("look", "shown")
            checks = dict.fromkeys(names_of_checks, fine)
            async with room.other(probes=checks, standings=lambda: {"calls": standing}) as client:
                await client.get("/livez")
                return (await client.get("/metrics")).text


def seen(text: str) -> Exposed:
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return {name: {label: frozenset(values) for label, values in labels.items()} for name, labels in found.items()}


def faults(text: str, exposed: Exposed) -> Iterator[str]:
    """What of an expression is not there."""
    found = read(text)
    yield from (f"{name} is no function we use" for name in found.functions - FUNCTIONS)
    for metric, asked in found.selectors:
        if metric == "up":
            continue
        known = exposed.get(metric)
        if known is None:
            yield f"{metric} is not told"
            continue
        for label, (op, value) in asked.items():
            if label not in known:
                yield f"{metric} has no label {label}"
                continue
            wanted = value.split("|") if op == "=" or re.fullmatch(r"[\w|]+", value) else []  # other patterns are not read
            strange = [one for one in wanted if one not in known[label] and not (label == "status" and one.isdigit())]
            yield from (f"{metric} has no {label} {one}" for one in strange)
        yield from (f"{metric} has no label {label}" for label in found.by - known.keys() - OF_EVERY_TARGET)


# Alerts


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}


def test_alerts_have_what_prometheus_wants_and_ask_for_attention_in_one_of_two_ways() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len(alerts()) == len(rules)
    assert len({group["name"] for group in ALERTS["groups"]}) == len(ALERTS["groups"]) == len(QUESTIONS)
    for rule in rules:
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}, rule["alert"]
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
        assert rule["annotations"].keys() == {"summary", "runbook"}
        assert re.fullmatch(r"\d+[mhd]", rule.get("for", "1m"))
        told = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
        assert set(told) <= read(rule["expr"]).by, f"{rule['alert']} names labels that its expression has not"


def test_every_figure_that_an_alert_goes_by_is_told_with_its_labels(exposed: Exposed) -> None:
    assert {name: found for name, rule in alerts().items() if (found := [*faults(rule["expr"], exposed)])} == {}


def test_an_alert_or_panel_on_what_is_not_told_is_found(exposed: Exposed) -> None:
    wrong = 'max by (no_such) (tsbridge_writebacks{status=~"never|parked", nor="x"}) > avg(tsbridge_no_such)'
    assert sorted(faults(wrong, exposed)) == [
        "avg is no function we use",
        "tsbridge_no_such is not told",
        "tsbridge_writebacks has no label no_such",
        "tsbridge_writebacks has no label nor",
        "tsbridge_writebacks has no status never",
    ]


def test_whatever_readyz_finds_raises_an_alert() -> None:
    rules = alerts()
    assert read(rules["TsbridgeNotReady"]["expr"]).selectors == read(rules["TsbridgeDegraded"]["expr"]).selectors
    assert read(rules["TsbridgeNotReady"]["expr"]).selectors == (Selector("tsbridge_check", {}),)
    assert [rules[name]["expr"].rpartition("== ")[2] for name in ("TsbridgeNotReady", "TsbridgeDegraded")] == ["2", "1"]


# The runbook


class Entry(NamedTuple):
    """One heading of the runbook with what stands below it."""

    section: str
    heading: str
    text: str


def entries() -> list[Entry]:
    found = []
    for part in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        section, _, rest = part.partition("\n")
        for each in re.split(r"^### ", rest, flags=re.MULTILINE)[1:]:
            heading, _, text = each.partition("\n")
            found.append(Entry(section, heading, text))
    return found


def slug(heading: str) -> str:
    """As addresses of headings are made."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_alert_leads_to_its_entry_and_every_entry_to_an_alert() -> None:
    told = {name: entry for entry in entries() if entry.section in QUESTIONS for name in entry.heading.split(", ")}
    assert told.keys() == alerts().keys()
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{slug(told[name].heading)}"
        assert "**look**" in told[name].text
        assert "**do**" in told[name].text
    groups = [{rule["alert"] for rule in group["rules"]} for group in ALERTS["groups"]]
    assert groups == [{name for name, entry in told.items() if entry.section == question} for question in QUESTIONS]


def test_what_raises_no_alert_says_why() -> None:
    without = [entry for entry in entries() if entry.section == "What raises no alert"]
    assert len(without) > 5
    assert [entry.heading for entry in without if not re.search(r"\*\*no alert\*\*: \S", entry.text)] == []


def test_links_inside_the_runbook_lead_somewhere() -> None:
    headings = {slug(line.lstrip("# ")) for line in RUNBOOK.splitlines() if line.startswith("#")}
    assert {link for link in re.findall(r"\]\(#([^)]+)\)", RUNBOOK)} <= headings


def test_the_runbook_has_every_alarm_of_the_log() -> None:
    told = {name for entry in entries() for line in entry.text.splitlines() if "log" in line for name in re.findall(r"`([^`]+)`", line)}
    raised = set()
    for path in (ROOT / "src" / "tsbridge" / "work").glob("*.py"):
        for name in re.findall(r"\b_?alarm\(\s*(\"[^\"]+\"|[A-Z_]+)[,)]", path.read_text()):
            raised.add(name.strip('"') if name[0] == '"' else getattr(importlib.import_module(f"tsbridge.work.{path.stem}"), name))
    assert len(raised) > 12
    assert raised - told == set()


def test_the_runbook_says_of_every_check_what_it_means(names_of_checks: frozenset[str]) -> None:
    table = RUNBOOK.partition("\n## Checks")[2].partition("\n## ")[0]
    assert {found for line in table.splitlines() for found in re.findall(r"^\| `(\w+)` \|", line)} == names_of_checks


# The dashboard


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def test_the_dashboard_asks_the_four_questions_and_its_panels_have_their_places() -> None:
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == [f"{question}?" for question in QUESTIONS]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken)), "two panels in one place"
    assert max(x for x, _ in taken) == 23
    assert all(panel["description"] and panel["targets"] for panel in panels())


def test_every_figure_of_the_dashboard_is_told_with_its_labels(exposed: Exposed) -> None:
    assert {text: found for text in expressions() if (found := [*faults(text, exposed)])} == {}


def test_every_figure_that_is_told_is_on_the_dashboard(exposed: Exposed) -> None:
    shown = {metric for text in expressions() for metric, _ in read(text).selectors}
    told = {name for name in exposed if name.startswith("tsbridge_") and not name.endswith(("_count", "_sum", "_created"))}
    assert told - shown == set()
