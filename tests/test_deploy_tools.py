"""What stands in `deploy/`, by the tools of those who run it: Prometheus's own reads and plays the alerts, systemd's the units, published
schemas the containers and manifests. Which tool is not on this machine is said; `docs/deploy.md` has where they come from."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.test_containers import MANIFESTS, UNITS
from tests.test_deploy import ROOT, alerts

pytestmark = pytest.mark.soak

BEGIN: Final = 120
DAY: Final = 1_440
"""Minutes: when what is wrong begins, and of a day."""


def tool(name: str) -> str:
    """Where it is; without it the test is skipped, and says so."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine: not tried")
    return found


def said_by(*command: str | Path) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120)  # noqa: S603
    assert done.returncode == 0, done.stdout
    return done.stdout


# Prometheus


class Alert(NamedTuple):
    """Series with their value before and after something goes wrong, and by how much they grow each minute from then on. Quiet `quiet`
    minutes after that, firing `fires` minutes after; `labels` of the one that fires, `told` where `$value` stands in its summary."""

    series: Mapping[str, tuple[float, float, float]]
    quiet: int
    fires: int
    labels: Mapping[str, str] = {}
    told: str = ""


def check(name: str, quiet: int, fires: int, bad: int = 1, **labels: str) -> Alert:
    """One that goes by a check of `/readyz`."""
    return Alert({f'tsbridge_check{{job="tsbridge",instance="a",check="{name}"}}': (0, bad, 0)}, quiet, fires, labels)


def gauge(series: str, good: float, bad: float, quiet: int, fires: int, told: str = "", slope: float = 0, **labels: str) -> Alert:
    metric, _, rest = series.partition("{")
    named = ",".join(filter(None, ('job="tsbridge",instance="a"', rest.rstrip("}"))))
    return Alert({f"{metric}{{{named}}}": (good, bad, slope)}, quiet, fires, labels, told)


WRONG: Final[dict[str, Alert]] = {
    "TsbridgeDown": Alert({'up{job="tsbridge",instance="a"}': (1, 0, 0)}, 1, 3, {"instance": "a", "job": "tsbridge"}),
    "TsbridgeNotReady": check("writable", 0, 2, bad=2, check="writable", instance="a"),
    "TsbridgeDegraded": check("cover", 58, 61, check="cover"),
    "TsbridgeDoorCannotStore": gauge('tsbridge_door_answers_total{source="zendesk",status="503",reason="cannot_store"}', 0, 1, -1, 1),
    "TsbridgeRoomEnds": check("room", 8, 11),
    "TsbridgeClockSkew": check("clock", 3, 6, instance="a"),
    "TsbridgeSignaturesRefused": gauge('tsbridge_door_answers_total{source="zendesk",status="401",reason="old"}', 0, 2, 5, 14, slope=2),
    "TsbridgeKeysRefused": gauge('tsbridge_security_events_total{kind="key_refused"}', 0, 2, 5, 14, slope=2),
    "TsbridgeRolesRefused": gauge('tsbridge_security_events_total{kind="role_refused"}', 0, 2, 5, 14, slope=2),
    "TsbridgeWordsReadOften": gauge('tsbridge_security_events_total{kind="words_read"}', 0, 2, 30, 60, "120", slope=2),
    "TsbridgeErased": gauge('tsbridge_erasures_total{asked="people"}', 0, 1, 5, 60, "60", slope=1),
    "TsbridgeErasureUnfinished": gauge("tsbridge_oldest_erasure_age_seconds", 0, 3660, 3, 6, "1h 1m 0s"),
    "TsbridgeTurnedAway": gauge('tsbridge_security_events_total{kind="turned_away"}', 0, 25, 1, 5, slope=25),
    "TsbridgeSourceSilent": gauge('tsbridge_source_silent{source="talkdesk"}', 0, 1, -1, 0, source="talkdesk"),
    "TsbridgeApiBusy": gauge('tsbridge_http_requests_total{method="GET",route="other",status="429"}', 0, 2, 5, 14, slope=2),
    "TsbridgeBehind": gauge("tsbridge_oldest_pending_age_seconds", 0, 61, 1, 3, "1m 1s"),
    "TsbridgeNoWorker": check("workers", 0, 2),
    "TsbridgeTaskHangs": gauge('tsbridge_task_amiss{task="ingest"}', 0, 1, 0, 2, instance="a", task="ingest"),
    "TsbridgeVendorNotRead": check("vendors", 8, 11),
    "TsbridgeQuarantined": gauge('tsbridge_deliveries{source="zendesk",status="quarantined"}', 3, 4, -1, 1),
    "TsbridgeDead": gauge("tsbridge_deliveries_dead", 0, 2, -1, 0, "2"),
    "TsbridgeUnaccounted": Alert(
        {
            'tsbridge_deliveries_received{job="tsbridge",instance="a",source="zendesk"}': (9, 10, 0),
            'tsbridge_deliveries{job="tsbridge",instance="a",source="zendesk",status="applied"}': (6, 6, 0),
            'tsbridge_deliveries{job="tsbridge",instance="a",source="zendesk",status="pending"}': (3, 3, 0),
        },
        -1,
        0,
        {"source": "zendesk"},
    ),
    "TsbridgeLateOrMissing": gauge('tsbridge_watch_findings{kind="step_late"}', 0, 2, -1, 0, "2", kind="step_late"),
    "TsbridgeNobodyWatches": gauge("tsbridge_watch_walk_age_seconds", 300, 1860, -1, 0, "31m 0s"),
    "TsbridgeSealsBehind": check("seals", 1, 3),
    "TsbridgeHeadNotCopied": check("heads", 28, 31),
    "TsbridgeRetentionBehind": check("retention", 358, 361),
    "TsbridgeSharedIds": gauge('tsbridge_shared_ids{kind="ticket"}', 0, 3, -1, 0, "3", kind="ticket"),
    "TsbridgeTextCut": gauge('tsbridge_delivery_warnings{kind="text_cut"}', 0, 1, -1, 1),
    "TsbridgeNobodyTold": gauge('tsbridge_notifications_total{status="nobody"}', 0, 1, -1, 1),
    "TsbridgeSevereInNobodysHands": gauge("tsbridge_cases_severe_unacknowledged", 0, 2, 13, 16, "2"),
    "TsbridgeTellingBehind": gauge("tsbridge_notifications_overdue_seconds", 0, 130, 0, 2, "2m 10s"),
    "TsbridgeTellingFails": gauge('tsbridge_notifications_total{status="failed"}', 0, 1, 1, 30, "30", slope=1),
    "TsbridgeNoRoster": gauge("tsbridge_roster_version", 1, 0, 58, 61),
    "TsbridgeCoverHole": gauge("tsbridge_cover_holes", 0, 2, 8, 11, "2"),
    "TsbridgeFeedUnread": gauge("tsbridge_feeds_failing", 0, 1, 58, 61, "1"),
    "TsbridgeWaysUnproved": gauge('tsbridge_ways{state="unproved"}', 0, 1, DAY - 2, DAY + 1, "1"),
    "TsbridgeWritebackBehind": gauge("tsbridge_oldest_wish_age_seconds", 0, 660, 3, 6, "11m 0s"),
    "TsbridgeWritebackPaused": gauge('tsbridge_writeback_mode{mode="paused"}', 0, 1, 3, 6),
    "TsbridgeRulePaused": gauge("tsbridge_rules_paused", 0, 1, DAY - 2, DAY + 1, "1"),
    "TsbridgeZendeskInTrouble": gauge("tsbridge_zendesk_in_trouble", 0, 1, 13, 16),
    "TsbridgeCredentialsRefused": gauge("tsbridge_credentials_refused", 0, 1, 3, 6),
    "TsbridgeParked": gauge('tsbridge_writebacks{status="parked"}', 0, 1, 13, 16, "1"),
    "TsbridgeLoopSuspected": gauge('tsbridge_writebacks_parked{reason="loop_suspected"}', 0, 1, -1, 0, "1"),
    "TsbridgePartRefused": gauge('tsbridge_writebacks_parked{reason="part_refused"}', 0, 1, -1, 0, "1"),
    "TsbridgeUndone": gauge('tsbridge_drift{cause="trigger"}', 0, 2, 13, 16, "2"),
}

CALM: Final[dict[str, Alert]] = {
    "TsbridgeQuarantined": gauge('tsbridge_deliveries{source="zendesk",status="quarantined"}', 10, 6, -1, 1),
    "TsbridgeTextCut": gauge('tsbridge_delivery_warnings{kind="text_cut"}', 10, 6, -1, 1),
}
"""What gets better is no alarm: a count of what is there that falls is no counter that began anew."""


def played(name: str, wrong: Alert, *, fires: bool = True) -> dict[str, Any]:
    """As `promtool test rules` takes it."""
    rule = alerts()[name]
    series = [
        {"series": of, "values": f"{good}+0x{BEGIN - 1} {bad}+{slope}x{wrong.fires + 5}"} for of, (good, bad, slope) in wrong.series.items()
    ]
    summary = rule["annotations"]["summary"]
    for label, value in wrong.labels.items():
        summary = summary.replace(f"{{{{ $labels.{label} }}}}", value)
    for shown in ("{{ $value | humanizeDuration }}", "{{ $value }}"):
        summary = summary.replace(shown, wrong.told)
    assert "{{" not in summary, f"{name}: {summary}"
    fired = {"exp_labels": {**rule["labels"], **wrong.labels}, "exp_annotations": {**rule["annotations"], "summary": summary}}
    looks = {BEGIN + wrong.quiet: [], BEGIN + wrong.fires: [fired] if fires else []}
    return {
        "interval": "1m",
        "name": name,
        "input_series": series,
        "alert_rule_test": [{"eval_time": f"{at}m", "alertname": name, "exp_alerts": expected} for at, expected in looks.items()],
    }


def test_every_alert_is_quiet_until_its_time_and_then_fires_with_what_it_says(tmp_path: Path) -> None:
    promtool = tool("promtool")
    assert WRONG.keys() == alerts().keys()
    said_by(promtool, "check", "rules", ROOT / "deploy" / "alerts.yml")
    files = []
    for name, wrong in WRONG.items():
        rules, tests = tmp_path / f"{name}.yml", tmp_path / f"{name}.test.yml"
        rules.write_text(json.dumps({"groups": [{"name": "tsbridge", "rules": [alerts()[name]]}]}))
        plays = [played(name, wrong), *(played(name, calm, fires=False) for of, calm in CALM.items() if of == name)]
        tests.write_text(json.dumps({"rule_files": [rules.name], "evaluation_interval": "1m", "tests": plays}))
        files.append(tests)
    assert said_by(promtool, "test", "rules", *files).count("SUCCESS") == len(files)


# systemd, Compose, Kubernetes


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_in_the_units(unit: Path, tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/tsbridge/.venv/bin/tsbridge", "/bin/true"))  # where it is not installed
    assert said_by(analyze, "verify", here) == ""


def test_compose_is_as_its_specification_wants_it() -> None:
    said_by(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yaml")


def test_manifests_are_as_kubernetes_wants_them() -> None:
    said_by(tool("kubernetes-validate"), "--strict", *MANIFESTS)
