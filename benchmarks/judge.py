"""What the judge takes for everything: deciding, explaining, large texts, dear patterns; building and publishing ten thousand rules."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from operator import truediv
from typing import Any, Final

from benchmarks.peers import AT
from benchmarks.rulebooks import World
from tsbridge.child_process import build_rulebook
from tsbridge.core.rules.compiled import compiled
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge, Near
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.plan import scans_of
from tsbridge.core.rules.shown import NEAR
from tsbridge.core.rules.text import BadPattern, search

LARGE: Final = 9_900
TIMES: Final = 3
BUILDS: Final = 7
BUILD, MEMORY_MIB, P99, BODY_MS, PATTERN_MS, EXPLAIN_US = 2.5, 40, 2.0, 5.0, 1.0, 1_000
DEAR: Final = (
    *("a.*b", "(a|e|i).*(x|y|z).*q", r"(?i)(\w+\s+){3}zzz", "(a*b*c*d*)*z", ".{1,100}zz", r"\b\w{5}\b.*\d{4}", "(.*)(.*)(.*)q{9}"),
    *(r"(?i)[^ ]+ [^ ]+ [^ ]+ [^ ]+ qq", "(((a?){20}){20})b", r"(\pL|\pN)+\s(\pL|\pN)+q", "x*y*z*w*v*u*t*$", "(?s).*.*.*=.*"),
)
"""Patterns that are dear to look for where they are accepted."""
MEASURE_MEMORY: Final = """
import gc, sys
from benchmarks.rulebooks import World
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from datetime import UTC
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
book = read(World(int(sys.argv[1]), int(sys.argv[2])).document(int(sys.argv[2]), plain=True))
gc.collect(); before = resident()
judge = Judge(book, UTC)
gc.collect(); print(resident() - before)
"""


def run(scale: float = 1.0, seed: int = 31) -> bool:
    """Print the figures."""
    _one(seed, scale)
    _large(seed)
    _publishing(seed)
    return True


def _one(seed: int, scale: float) -> None:
    """1,000 rules and a moment."""
    world = World(seed, 1_000)
    judge = Judge(read(world.document(1_000, plain=True)), UTC)
    moments = [world.facts() for _ in range(max(20, int(200 * scale)))]

    def explained(near: Near | None) -> Callable[[Any], Any]:
        return lambda given: judge.explain(given, {}, Standing(), AT, near=near)

    print(f"The judge: CPU microseconds a moment, 1,000 rules, seed {seed}, medians of {TIMES}\n")
    _row("decided whole, with effects and due time", _us(lambda g: judge.decide(g, {}, Standing(), AT), moments))
    _row("explained: why the matching rules match", _us(explained(Near(0)), moments))
    _row("explained whole, with what nearly matched", _us(explained(NEAR), moments), EXPLAIN_US)
    _row("every rule explained, as a try does", _us(explained(None), moments[:5]))


def _large(seed: int) -> None:
    """Large texts and dear patterns."""
    world = World(seed, LARGE)
    judge = Judge(read(world.document(LARGE, plain=True)), UTC)
    moments = [{**world.facts(), "text": world.text(64_000)} for _ in range(120)]
    for moment in moments[:100]:  # what a rule needs is made when it is first asked
        judge.decide(moment, {}, Standing(), AT)
    body = _us(lambda given: judge.decide(given, {}, Standing(), AT), moments[100:]) / 1e3
    text, found = world.text(64_000), []
    for source in DEAR:
        try:
            search(source, text)
        except BadPattern:
            continue
        found.append((_us(lambda one, source=source: search(source, one), [text] * 20) / 1e3, source))
    worst, source = max(found)
    print(f"\nLarge texts, milliseconds; of {len(DEAR)} dear patterns {len(DEAR) - len(found)} are refused, the dearest is {source}\n")
    _row(f"{LARGE:,} rules and 64 kB of text", body, BODY_MS)
    _row("the dearest accepted pattern on 64 kB", worst, PATTERN_MS)


def _publishing(seed: int) -> None:
    """Building ten thousand rules, what that holds, and what live work notices of it."""
    document = World(seed, LARGE).document(LARGE, plain=True)
    book = read(document)
    naive, judged = [], []
    gc.disable()  # as in the process that builds
    for _ in range(BUILDS):
        begun = time.process_time()
        scans = scans_of(book.rules)
        closures = [compiled(rule.when, scans) for rule in book.rules]
        naive.append((time.process_time() - begun) * 1e3)
        begun = time.process_time()
        judge = Judge(book, UTC)
        judged.append((time.process_time() - begun) * 1e3)
    gc.enable()
    asked = [sys.executable, "-c", MEASURE_MEMORY, str(seed), str(LARGE)]
    held = float(subprocess.run(asked, capture_output=True, check=True, text=True).stdout)  # noqa: S603  # ourselves
    del judge
    world = World(seed, 1_000)
    live = Judge(read(world.document(1_000, plain=True)), UTC)
    moments = [world.facts() for _ in range(200)]
    idle = _p99(live, moments, lambda: time.sleep(2))
    begun = time.perf_counter()
    busy = _p99(live, moments, lambda: build_rulebook(document, UTC, 2026))
    took = (time.perf_counter() - begun) * 1e3
    print(f"\nPublishing {LARGE:,} rules\n")
    _row(f"{len(closures):,} naive closures, ms", statistics.median(naive))
    _row("the judge, ms", statistics.median(judged))
    _row("times the naive closures", statistics.median(map(truediv, judged, naive)), BUILD)
    _row("memory of the judge, MiB", held, MEMORY_MIB)
    _row("made ready in a process of its own, ms", took)
    _row("a moment judged here, p99, us", idle)
    _row("the same while a rulebook is made ready", busy)
    _row("times as long", busy / idle, P99)
    print()


def _row(what: str, figure: float, most: float | None = None) -> None:
    bar = "" if most is None else f"   at most {most:,g}{'' if figure <= most else '   MISSED'}"
    print(f"  {what:<44}{figure:>12,.{0 if figure >= 100 else 1 if figure >= 3 else 2}f}{bar}")


def _p99(judge: Judge, moments: Sequence[Any], meanwhile: Callable[[], Any]) -> float:
    """Microseconds of wall time of the slowest hundredth of judgements while something else goes on in a thread."""
    other = threading.Thread(target=meanwhile)
    for moment in moments:
        judge.decide(moment, {}, Standing(), AT)
    other.start()
    took: list[float] = []
    while other.is_alive():
        for moment in moments:
            begun = time.perf_counter()
            judge.decide(moment, {}, Standing(), AT)
            took.append(time.perf_counter() - begun)
    return statistics.quantiles(took, n=100)[98] * 1e6


def _us(work: Callable[[Any], Any], given: Sequence[Any]) -> float:
    for one in given:
        work(one)
    rounds = []
    for _ in range(TIMES):
        begun = time.process_time()
        for one in given:
            work(one)
        rounds.append((time.process_time() - begun) / len(given) * 1e6)
    return statistics.median(rounds)
