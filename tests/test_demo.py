"""The demo as the README has it, small: everything real, on this machine alone."""

from __future__ import annotations

import subprocess
import sys


def test_a_small_weekend_ends_as_its_stories_expect() -> None:
    command = [sys.executable, "-m", "tsbridge", "demo", "--tickets", "20", "--calls", "10"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)  # noqa: S603
    assert ended.returncode == 0, ended.stdout[-4_000:]
    assert "Every expected tag arrived." in ended.stdout
