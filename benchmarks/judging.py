"""Judging beside other engines: CPU per moment, in one run, matches compared first.

A machine may be half as fast a minute later, so each engine is timed between two timings of ours, and what counts is the
median of such ratios over the rounds.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks import peers
from benchmarks.peers import Contender
from benchmarks.peers_clips import clips
from benchmarks.peers_json import business_rules, json_logic
from benchmarks.rulebooks import World
from tsbridge.core.rules.document import read
from tsbridge.core.rules.language import Rulebook

SIZES: Final = (10, 100, 1_000, 9_900)
ROUNDS: Final = 3
BUDGET_S: Final = 6.0
"""CPU seconds that one contender gets for one round, about: a slow one is asked about fewer moments."""
FEW: Final = 10
PEERS: Final = (
    *(peers.zen, peers.cel_rust, peers.cel_cpp, clips),
    *(peers.rule_engine, json_logic, business_rules),
)
OURS: Final = "tsbridge"
BARS: Final[Mapping[int, Mapping[str, float]]] = {
    100: dict.fromkeys(("zen-engine", "CEL (Rust)", "CEL (C++)", "CLIPS", "rule-engine", "JSON-Logic", "business-rules"), 2.5),
    1_000: {
        **{"zen-engine": 10, "CEL (Rust)": 20, "CEL (C++)": 20, "CLIPS": 7},
        **{"rule-engine": 150, "JSON-Logic": 150, "business-rules": 150},
    },
    9_900: {"zen-engine": 60, "CEL (Rust)": 150, "CEL (C++)": 150, "CLIPS": 6},
}
"""How many times our time each peer shall take at least."""
GROWTH, GROWTH_ALIKE = 6.0, 1.5

GROWTH_ROUNDS: Final = 9

Figures = dict[tuple[str, int], float]
"""By engine and number of rules."""


def run(scale: float = 1.0, seed: int = 31) -> bool:
    """Print the table and what became of the bars; False when two contenders disagree about a match."""
    print(f"Judging: CPU microseconds a moment (47 facts, 1.3 kB of text), rules of about 4.5 mixed conditions, seed {seed}\n")
    names: list[str] = []
    figures: Figures = {}
    ratios: Figures = {}
    agreed = True
    grown: list[tuple[Contender, Sequence[Any]]] = []
    for size in SIZES:
        world = World(seed, size)
        book = read(world.document(size, plain=True))
        moments = [world.facts() for _ in range(max(40, int(400 * scale)))]
        contenders, missing = _contenders(book)
        agreed &= _agree(contenders, moments[:40], size)
        names += [name for name in [*(one.name for one in contenders), *missing] if name not in names]
        for name, us, ratio in _timed(contenders, moments):
            figures[name, size], ratios[name, size] = us, ratio
        if size in (100, 9_900):
            grown.append((contenders[0], moments))
    _table(names, figures, ratios)
    _bars(ratios, _growth(*grown), _growth_alike(seed, scale))
    return agreed


def _contenders(book: Rulebook) -> tuple[list[Contender], list[str]]:
    found = [peers.ours(book, indexed=True), peers.ours_from_scratch(book), peers.ours(book, indexed=False)]
    missing = []
    written = peers.cheap_first(book)
    for make in PEERS:
        try:
            found.append(make(written))
        except ImportError:
            missing.append(f"{make.__name__}: not installed")
    return found, missing


def _agree(contenders: Sequence[Contender], moments: Sequence[Any], size: int) -> bool:
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


def _timed(contenders: Sequence[Contender], moments: Sequence[Any]) -> list[tuple[str, float, float]]:
    """Each contender: its microseconds, and how many times ours they are."""
    us: dict[str, list[float]] = {one.name: [] for one in contenders}
    ratios: dict[str, list[float]] = {one.name: [] for one in contenders}
    ours, *others = contenders
    for _ in range(ROUNDS):
        before = _cpu_us(ours, moments)
        for one in others:
            took, after = _cpu_us(one, moments), _cpu_us(ours, moments)
            us[one.name].append(took)
            ratios[one.name].append(2 * took / (before + after))
            us[ours.name].append(before := after)
            ratios[ours.name].append(1)
    return [(name, statistics.median(found), statistics.median(ratios[name])) for name, found in us.items()]


def _cpu_us(contender: Contender, moments: Sequence[Any]) -> float:
    """Facts are prepared afresh, a few at a time, as ours remember what was found in them; preparing is not counted.

    Nor is looking for garbage among everybody's rules: it is off, as in `timeit`.
    """
    spent, asked = 0.0, 0
    while spent < BUDGET_S / 12:
        for start in range(0, len(moments), FEW):
            ready = [contender.prepare(one) for one in moments[start : start + FEW]]
            gc.disable()
            begun = time.process_time()
            for one in ready:
                contender.match(one)
            spent += time.process_time() - begun
            gc.enable()
            asked += len(ready)
            if spent > BUDGET_S:
                return spent / asked * 1e6
    return spent / asked * 1e6


def _growth(few: tuple[Contender, Sequence[Any]], many: tuple[Contender, Sequence[Any]]) -> float:
    """How many times as long the second takes as the first, each with moments of its own."""
    return statistics.median(_cpu_us(*many) / _cpu_us(*few) for _ in range(GROWTH_ROUNDS))


def _growth_alike(seed: int, scale: float) -> tuple[float, float]:
    """How much longer a moment takes when 100 rules become 9,900 and as many match as before; and how many match."""
    world, other = World(seed, 100), World(seed + 1, 9_900, "other")
    moments = [world.facts() for _ in range(max(40, int(400 * scale)))]
    few = world.document(100, plain=True)
    last = few["rules"].pop()
    strangers = read(other.document(9_800, plain=True))
    _, prepare, match = peers.ours(strangers, indexed=True)
    met = {place for moment in moments for place in match(prepare(moment))}
    rules = [{**rule, "key": f"other-{rule['key']}"} for place, rule in enumerate(strangers.document["rules"][:-1]) if place not in met]
    small, large = (peers.ours(read({**few, "rules": [*few["rules"], *more, last]}), indexed=True) for more in ([], rules))
    matches = sum(len(large.match(large.prepare(moment))) for moment in moments) / len(moments)
    return _growth((small, moments), (large, moments)), matches


def _table(names: Sequence[str], figures: Figures, ratios: Figures) -> None:
    print(f"\n{'engine':<28}" + "".join(f"{f'{size:,} rules':>20}" for size in SIZES) + f"{'growth 100 to 9,900':>22}")
    for name in names:
        if (name, SIZES[0]) not in figures:
            print(f"{name}")
            continue
        cells = []
        for size in SIZES:
            ratio = f"{ratios[name, size]:.1f}x"
            cells.append(f"{figures[name, size]:>12.1f}" + (f" {ratio:>7}" if name != OURS else " " * 8))
        print(f"{name:<28}" + "".join(cells) + f"{figures[name, SIZES[3]] / figures[name, SIZES[1]]:>21.1f}x")
    print()


def _bars(ratios: Figures, growth: float, alike: tuple[float, float]) -> None:
    for size, wanted in BARS.items():
        for name, times in wanted.items():
            if (name, size) in ratios:
                ratio = ratios[name, size]
                print(f"  {size:>6,} rules: {name:<16}{ratio:8.1f}x   at least {times:g}x{_missed(ratio >= times)}")
    print(f"  from 100 to 9,900 rules         {growth:8.1f}x   at most {GROWTH:g}x{_missed(growth <= GROWTH)}")
    ratio, matches = alike
    print(f"  the same, {matches:.1f} matches in both {ratio:8.1f}x   at most {GROWTH_ALIKE:g}x{_missed(ratio <= GROWTH_ALIKE)}\n")


def _missed(met: bool) -> str:
    return "" if met else "   MISSED"
