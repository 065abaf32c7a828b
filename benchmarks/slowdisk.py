"""A disk that takes its time to bring a commit to safety: a library that PostgreSQL loads before all others."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

SOURCE: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    usleep(MICROSECONDS);
    return real(fd);
}
"""
"""PostgreSQL brings its log to disk with this call, and nothing else."""


def library(seconds: float, folder: Path) -> Path:
    """Compiled in a folder; commits take this much longer."""
    source, made = folder / "slow.c", folder / "slow.so"
    source.write_text(SOURCE.replace("MICROSECONDS", str(round(seconds * 1e6))))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"], check=True)  # noqa: S603, S607
    return made


def commit_s(url: str) -> float:
    """How long a commit takes that has something to bring to disk: the median of a few."""
    import psycopg

    taken = []
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("CREATE TABLE commits (n integer)")
        for number in range(15):
            begun = time.monotonic()
            connection.execute("INSERT INTO commits VALUES (%s)", (number,))
            taken.append(time.monotonic() - begun)
        connection.execute("DROP TABLE commits")
    return statistics.median(taken)
