"""Judging beside other engines: CPU per moment, in one run, interleaved, medians of three rounds, matches compared first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks import peers
from benchmarks.rulebooks import World
from tsbridge.core.rules.document import read
from tsbridge.core.rules.facts import Facts
from tsbridge.core.rules.judge import ONLY_MATCHED, Judge, Near
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.language import Rulebook

SIZES: Final = (10, 100, 1_000, 9_900)
AT: Final = datetime(2026, 11, 22, 9, tzinfo=UTC)
ROUNDS: Final = 3
BUDGET_S: Final = 6.0
"""CPU seconds that one contender gets for one round, about: a slow one is asked about fewer moments."""


def run(scale: float = 1.0, seed: int = 31) -> bool:
    """Print the table; False when two contenders disagree about a match."""
    print(f"Judging: CPU microseconds a moment (47 facts, 1.3 kB of text), rules of about 4.5 mixed conditions, seed {seed}\n")
    names: list[str] = []
    figures: dict[tuple[str, int], float] = {}
    agreed = True
    for size in SIZES:
        world = World(seed, size)
        book = read(world.document(size, plain=True))
        moments = [world.facts() for _ in range(max(40, int(400 * scale)))]
        contenders, missing = _contenders(book)
        agreed &= _agree(contenders, moments[:40], size)
        for name in [one[0] for one in contenders] + missing:
            if name not in names:
                names.append(name)
        rounds: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, prepare, match in contenders:
                rounds.setdefault(name, []).append(_cpu_us(prepare, match, moments))
        figures.update({(name, size): statistics.median(found) for name, found in rounds.items()})
    _table(names, figures)
    _whole(seed, scale)
    return agreed


def _contenders(book: Rulebook) -> tuple[list[peers.Contender], list[str]]:
    def facts(given: Mapping[str, Any]) -> Facts:
        return Facts(given, {}, AT, UTC, book.calendars, None)

    found = [peers.ours(book, facts, indexed=True), peers.ours(book, facts, indexed=False)]
    missing = []
    for make in (peers.zen, peers.cel_rust, peers.cel_cpp, peers.clips):
        try:
            found.append(make(book))
        except ImportError:
            missing.append(f"{make.__name__}: not installed")
    return found, missing


def _agree(contenders: list[peers.Contender], moments: list[Any], size: int) -> bool:
    compared = differing = 0
    for moment in moments:
        expected: list[int] | None = None
        for name, prepare, match in contenders:
            found = match(prepare(moment))
            if expected is None:
                expected = found
            compared += 1
            if found != expected:
                differing += 1
                print(f"  {size} rules: {name} found {len(found)} matches, tsbridge {len(expected)}")
    print(f"  {size:>6} rules: {compared} lists of matches compared, {differing} differ")
    return not differing


def _cpu_us(prepare: Callable[[Any], Any], match: peers.Match, moments: list[Any]) -> float:
    """Preparing is counted for nobody but us: our facts are made lazily, so for us it is part of the work."""
    fresh = prepare is not peers.flat and isinstance(prepare(moments[0]), Facts)
    ready = moments if fresh else [prepare(moment) for moment in moments]
    begun, spent, asked = time.process_time(), 0.0, 0
    while spent < BUDGET_S / 12 or asked < 5:
        for one in ready:
            match(prepare(one) if fresh else one)
            asked += 1
            if asked % 5 == 0 and (spent := time.process_time() - begun) > BUDGET_S:
                return spent / asked * 1e6
        spent = time.process_time() - begun
    return spent / asked * 1e6


def _table(names: list[str], figures: dict[tuple[str, int], float]) -> None:
    print(f"\n{'engine':<28}" + "".join(f"{f'{size:,} rules':>20}" for size in SIZES) + f"{'growth 100 to 9,900':>22}")
    for name in names:
        if (name, SIZES[0]) not in figures:
            print(f"{name}")
            continue
        cells = []
        for size in SIZES:
            ratio = figures[name, size] / figures["tsbridge", size]
            cells.append(f"{figures[name, size]:>12.1f}" + (f" {f'{ratio:.1f}x':>7}" if name != "tsbridge" else " " * 8))
        print(f"{name:<28}" + "".join(cells) + f"{figures[name, SIZES[3]] / figures[name, SIZES[1]]:>21.1f}x")
    print()


def _large(seed: int) -> float:
    world = World(seed, 9_900)
    judge = Judge(read(world.document(9_900, plain=True)), UTC)
    moments = [{**world.facts(), "text": world.text(64_000)} for _ in range(220)]
    for moment in moments[:200]:  # what a rule needs is made when it is first asked
        judge.decide(moment, {}, Standing(), AT)
    begun = time.process_time()
    for moment in moments[200:]:
        judge.decide(moment, {}, Standing(), AT)
    return (time.process_time() - begun) / 20 * 1e6


def _whole(seed: int, scale: float) -> None:
    """What the judge takes for everything: decide with effects and due time; explain; building; a body of 64 kB."""
    world = World(seed, 1_000)
    document = world.document(1_000, plain=True)
    begun = time.process_time()
    book = read(document)
    read_s = time.process_time() - begun
    begun = time.process_time()
    judge = Judge(book, UTC)
    build_s = time.process_time() - begun
    moments = [world.facts() for _ in range(max(20, int(200 * scale)))]
    for moment in moments:
        judge.decide(moment, {}, Standing(), AT)

    def cost(work: Callable[[Any], Any], given: list[Any]) -> float:
        begun = time.process_time()
        for moment in given:
            work(moment)
        return (time.process_time() - begun) / len(given) * 1e6

    print(f"  1,000 rules, decided whole               {cost(lambda g: judge.decide(g, {}, Standing(), AT), moments):10.0f} us")
    print(f"  9,900 rules and 64 kB of text            {_large(seed):10.0f} us   aim: 5,000")
    near, every = moments[:20], moments[:5]

    def explained(asked: Near | None) -> Callable[[Any], Any]:
        return lambda given: judge.explain(given, {}, Standing(), AT, near=asked)

    for moment in near:
        judge.explain(moment, {}, Standing(), AT, near=Near(2))
    print(f"  explained: why the matching rules match  {cost(explained(ONLY_MATCHED), near):10.0f} us   aim: 1,000")
    print(f"  explained: with rules that nearly match  {cost(explained(Near(2)), near):10.0f} us")
    print(f"  explained: every rule, as a try does     {cost(explained(None), every):10.0f} us")
    print(f"  reading the document, building the index {read_s * 1e3:10.0f} ms {build_s * 1e3:.0f} ms\n")
