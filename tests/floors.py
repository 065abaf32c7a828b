"""The floor laws as a checker of source trees: which room may know which, and which things stand in one place only.

Reads the syntax trees, so imports in functions and under TYPE_CHECKING count like any other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FLOORS = {
    "roof": 7,
    "settings": 6,
    "log": 6,
    "web": 5,
    "console": 5,
    "acts": 4,
    "work": 4,
    "vendors": 3,
    "notify": 3,
    "store": 3,
    "rulebook": 3,
    "roster": 3,
    "reports": 3,
    "http": 2,
    "ed25519": 2,
    "aes": 2,
    "core": 1,
}
ROOF = frozenset(
    {
        *(
            "__main__",
            "wiring",
            "child_process",
            "cpu_limit",
            "shutdown",
            "feed_source",
            "delivery_readers",
            "report_process",
            "document_files",
            "server",
            "protocols",
            "door_protocol",
            "connections",
            "cli",
            "doctor",
            "demo",
        ),
    }
)
BESIDE = "simulator"

CORE_LIBRARIES = frozenset({"phonenumbers", "re2", "holidays", "orjson"})
IMPURE = frozenset(
    {
        *("os", "io", "socket", "ssl", "select", "selectors", "asyncio", "threading", "multiprocessing", "concurrent", "subprocess"),
        *("signal", "shutil", "tempfile", "pathlib", "glob", "random", "secrets", "uuid", "time", "sqlite3", "logging", "http", "ftplib"),
        *("smtplib", "urllib.request", "importlib", "resource", "platform", "getpass"),
    }
)
CLOCKS = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"})
ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.environb", "os.putenv"})
SPEAKING_SQL = frozenset({"execute", "exec_driver_sql", "executemany", "scalars", "scalar"})


@dataclass(frozen=True)
class Module:
    """A module of the tree: its dotted name, its room, what it imports (dotted, most exact) and its syntax tree."""

    name: str
    room: str
    tree: ast.Module
    imports: tuple[tuple[str, int], ...]


def read(root: Path) -> dict[str, Module]:
    """Every module under `root` (the directory of the package)."""
    files = {_dotted(root, path): path for path in sorted(root.rglob("*.py"))}
    found = {}
    for name, path in files.items():
        tree = ast.parse(path.read_text(), str(path))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        found[name] = Module(name, _room(name), tree, tuple(_imports(tree, package, files.keys())))
    return found


def violations(root: Path) -> list[str]:
    """What breaks a floor law under `root`, one line each; empty when the house stands."""
    modules = read(root)
    package = root.name
    broken: list[str] = []
    for module in modules.values():
        broken += _layers(module, package)
        broken += _single_places(module, package)
        if module.room == "core":
            broken += _pure(module, package)
    broken += [f"a circle of imports: {' -> '.join(circle)}" for circle in circles(modules)]
    return sorted(broken)


def circles(modules: dict[str, Module]) -> list[list[str]]:
    """Modules that import each other, directly or around some corners."""
    edges = {
        name: sorted({target for target, _ in module.imports if target in modules and target != name}) for name, module in modules.items()
    }
    reach: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        todo = list(edges[start])
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += edges[here]
        reach[start] = seen
    groups = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in edges if name in reach[name]}
    return [list(group) for group in sorted(groups)]


def _dotted(root: Path, path: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(name: str) -> str:
    room = ([*name.split("."), ""])[1]
    return "roof" if room in ROOF else room


def _imports(tree: ast.Module, package: str, known: object) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            whole = node.module or ""
            if node.level:
                start = package.split(".")
                whole = ".".join([*start[: len(start) - node.level + 1], *([node.module] if node.module else [])])
            for alias in node.names:
                exact = f"{whole}.{alias.name}"
                yield (exact if exact in known else whole), node.lineno  # type: ignore[operator]


def _layers(module: Module, package: str) -> Iterator[str]:
    for target, line in module.imports:
        if target.split(".")[0] != package:
            continue
        room = _room(target)
        if room in ("", module.room):
            continue
        where = f"{module.name}:{line} imports {target}"
        if module.room == BESIDE:
            yield f"{where}: the simulator imports nothing of the rest"
        elif room == BESIDE:
            if module.room != "roof":
                yield f"{where}: only the roof knows the simulator"
        elif room not in FLOORS or module.room not in FLOORS:
            yield f"{where}: a room that is in no plan"
        elif room == "web" and module.name.startswith(f"{package}.cli."):
            yield f"{where}: the command line calls the same acts as the API, not the API"
        elif FLOORS[room] > FLOORS[module.room]:
            yield f"{where}: imports point down"
        elif FLOORS[room] == FLOORS[module.room]:
            yield f"{where}: rooms of one floor do not know each other"
        elif room in ("settings", "log") and module.room != "roof":
            yield f"{where}: only the roof looks into the attic"


def _single_places(module: Module, package: str) -> Iterator[str]:
    inside = module.name.removeprefix(package + ".")
    beside = module.room == BESIDE or inside.startswith("demo")  # the demo drives the bridge from outside, as a person would
    for node in ast.walk(module.tree):
        line = getattr(node, "lineno", 0)
        for library, names in _foreign(node):
            if library == "sqlalchemy" and module.room not in ("store", BESIDE) and names != ["Connection"]:
                yield f"{module.name}:{line} imports SQLAlchemy: only the store speaks SQL (a Connection may be handed on)"
            if library in ("httpx", "httpcore", "respx") and not beside and inside != "http":
                yield f"{module.name}:{line} imports {library}: only `http` knows the HTTP client"
            if library == "cryptography" and inside not in ("ed25519", "aes"):
                yield f"{module.name}:{line} imports cryptography: only `ed25519` and `aes` know the library of signatures and ciphers"
            if library == "joserfc" and inside != "vendors.oidc.tokens":
                yield f"{module.name}:{line} imports joserfc: only `vendors.oidc.tokens` knows the library of tokens"
            if library in ("aiohttp", "requests", "httpx2", "urllib3"):
                yield f"{module.name}:{line} imports {library}: not a library of this house"
        if isinstance(node, ast.Call):
            called = _path(node.func)
            if (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in SPEAKING_SQL
                and module.room in ("web", "console", "acts", "reports", "work", "core", "roof", "vendors", "notify", "http")
            ):
                yield f"{module.name}:{line} calls .{node.func.attr}(): only the store speaks SQL"
            if any(called.endswith(clock) for clock in CLOCKS) and not beside and inside != "wiring.clock_and_ids":
                yield f"{module.name}:{line} calls {called}(): only wiring reads the clock"
        if isinstance(node, ast.Attribute) and _path(node) in ENVIRONMENT and not beside and inside != "settings.load":
            yield f"{module.name}:{line} uses {_path(node)}: only settings read the environment"
        if isinstance(node, ast.ImportFrom) and node.module == "os" and not beside and inside != "settings.load":
            for alias in node.names:
                if f"os.{alias.name}" in ENVIRONMENT:
                    yield f"{module.name}:{line} imports os.{alias.name}: only settings read the environment"


def _pure(module: Module, package: str) -> Iterator[str]:
    for target, line in module.imports:
        top = target.split(".")[0]
        if top in IMPURE or target in IMPURE:
            yield f"{module.name}:{line} imports {target}: core does no I/O, reads no clock, draws no random number"
        elif top not in sys.stdlib_module_names and top not in CORE_LIBRARIES and top != package:
            yield f"{module.name}:{line} imports {target}: core knows the standard library and {', '.join(sorted(CORE_LIBRARIES))}"
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("open", "print", "input", "exec", "eval", "__import__")
        ):
            yield f"{module.name}:{node.lineno} calls {node.func.id}(): core does no I/O"


def _foreign(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name.split(".")[0], []
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.split(".")[0], [alias.name for alias in node.names]


def _path(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        before = _path(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return node.id if isinstance(node, ast.Name) else ""
