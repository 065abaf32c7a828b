"""The figures of `/metrics` about this process: its tasks, and what `/readyz` finds. Labels are names of ours, few of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tsbridge.core.task_state import Checked, Standing


class TaskFigures(Collector):
    """How the tasks of this process stand."""

    def __init__(self, standings: Mapping[str, Standing]) -> None:
        self._standings = sorted(standings.items())

    def collect(self) -> Iterator[Metric]:
        lasting = GaugeMetricFamily(
            "tsbridge_task_round_seconds",
            "How long each task of this process has been in the round it is in; 0 while it rests.",
            labels=["task"],
        )
        limits = GaugeMetricFamily(
            "tsbridge_task_limit_seconds", "How long a round of the task may last: then it is ended.", labels=["task"]
        )
        signs = GaugeMetricFamily(
            "tsbridge_task_last_sign_age_seconds", "How long ago a round of the task ended well, or it was begun.", labels=["task"]
        )
        amiss = GaugeMetricFamily("tsbridge_task_amiss", "1 for a task that hangs or keeps failing.", labels=["task"])
        rounds = CounterMetricFamily("tsbridge_task_rounds", "Rounds of the task that ended, however.", labels=["task"])
        failures = CounterMetricFamily(
            "tsbridge_task_failures", "Rounds of the task that failed, by kind of failure.", labels=["task", "kind"]
        )
        for name, one in self._standings:
            lasting.add_metric([name], one.lasted.total_seconds())
            limits.add_metric([name], one.limit.total_seconds())
            signs.add_metric([name], max(0.0, one.sign.total_seconds()))
            amiss.add_metric([name], float(one.amiss is not None))
            rounds.add_metric([name], one.rounds)
            for kind, count in sorted(one.failures.items()):
                failures.add_metric([name, kind], count)
        yield from (lasting, limits, signs, amiss, rounds, failures)


class CheckFigures(Collector):
    """What a look at ourselves found."""

    def __init__(self, checks: Mapping[str, Checked]) -> None:
        self._checks = checks

    def collect(self) -> Iterator[Metric]:
        words = "What /readyz finds, by check: 0 good, 1 degraded, 2 the work cannot be done."
        family = GaugeMetricFamily("tsbridge_check", words, labels=["check"])
        for name, one in sorted(self._checks.items()):
            family.add_metric([name], float(one.degraded) if one.ok else 2.0)
        yield family
