"""Which tests one worker runs: those of a module, which share what it has filled; reports on one database, which share some weeks."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

LONG: Final = (
    *("tests/test_crashes.py", "tests/test_demo.py", "tests/reports/ on postgresql", "tests/test_canaries.py", "tests/test_serve.py"),
    *("tests/test_shutdown.py", "tests/store/test_sealing.py", "tests/work/test_writeback_trouble.py", "tests/work/test_erasing.py"),
)
"""What takes longest is begun first, so that nobody waits for it in the end."""


class Together(LoadScopeScheduling):
    """Takes the place of `--dist loadgroup`, whose groups pytest 9.2 does not see: pytest-xdist 3.8 writes them where nothing is read."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module.startswith("tests/reports/"):
            return f"tests/reports/ on {'postgresql' if '[postgresql' in nodeid else 'sqlite'}"
        return module

    def _assign_work_unit(self, node: WorkerController) -> None:
        for long in reversed([long for long in LONG if long in self.workqueue]):
            self.workqueue.move_to_end(long, last=False)
        super()._assign_work_unit(node)
