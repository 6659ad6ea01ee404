"""The shape of the house: import direction, Qt and torch only in their rooms, sizes, no circles."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "segstudio"

# Higher rows may import lower rows; the rooms of one row do not import each other.
ROWS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("gui",),
    ("workflows",),
    ("training", "deploy"),
    ("networks",),
    ("inference", "project"),
    ("annotation", "metrics", "scenes", "corruptions"),
    ("images", "run_lengths", "query"),
    ("jobs",),
    ("settings",),
    ("paths",),
    ("errors",),
)
LEVEL = {room: level for level, row in enumerate(ROWS) for room in row}

TORCH_ROOMS = ("networks/", "training/", "deploy/")
MODULES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "segstudio" and len(parts) > 1 else None


def imports(path: Path, *, for_types: bool = True) -> list[tuple[str, int]]:
    """Absolute names that a module imports, with line numbers; without those for types alone if wished."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if not for_types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped |= set(ast.walk(node))
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def test_every_room_has_its_row() -> None:
    rooms = {name for path in MODULES if (name := room(module_name(path)))}
    assert rooms <= LEVEL.keys()


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_import_direction(path: Path) -> None:
    own = room(module_name(path))
    if own is None:
        return
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {own} imports {other}"
        for name, line in imports(path)
        if (other := room(name)) and other != own and LEVEL[other] <= LEVEL[own]
    ]
    assert not wrong, "\n".join(wrong)


def test_qt_only_in_the_gui() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        if room(module_name(path)) != "gui"
        for name, line in imports(path)
        if name.split(".")[0] in {"PySide6", "pyqtgraph", "qtawesome"}
    ]
    assert not wrong


def test_torch_only_in_its_rooms() -> None:
    wrong = [
        f"{relative}:{line}"
        for path in MODULES
        if not (relative := path.relative_to(PACKAGE).as_posix()).startswith(TORCH_ROOMS)
        for name, line in imports(path)
        if name.split(".")[0] in {"torch", "lightning_fabric"}
    ]
    assert not wrong


def test_packages_have_empty_init() -> None:
    filled = [path for path in PACKAGE.rglob("__init__.py") if path.read_text(encoding="utf-8").strip()]
    assert not filled


def test_module_sizes() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in MODULES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_every_module_says_its_job() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_no_import_circles() -> None:
    names = {module_name(path): path for path in MODULES}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        targets = set()
        for imported, _ in imports(path, for_types=False):
            candidate = imported
            while candidate and candidate not in names:
                candidate = candidate.rpartition(".")[0]
            if candidate and candidate not in {name, "segstudio"}:
                targets.add(candidate)
        graph[name] = targets
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for target in graph[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def import_with_blocked(blocked: tuple[str, ...], modules: list[str]) -> subprocess.CompletedProcess[str]:
    """Imports modules in a child process in which the blocked packages cannot be imported."""
    code = (
        "import importlib, sys\n"
        f"for name in {blocked!r}: sys.modules[name] = None\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_core_runs_without_qt() -> None:
    rooms = ("gui", "cli", "__main__")
    modules = [name for path in MODULES if room(name := module_name(path)) not in rooms]
    result = import_with_blocked(("PySide6", "pyqtgraph", "qtawesome"), modules)
    assert result.returncode == 0, result.stderr


def test_everything_outside_the_torch_rooms_runs_without_torch() -> None:
    modules = [
        module_name(path)
        for path in MODULES
        if not path.relative_to(PACKAGE).as_posix().startswith(TORCH_ROOMS) and path.name != "__main__.py"
    ]
    result = import_with_blocked(("torch", "lightning_fabric"), modules)
    assert result.returncode == 0, result.stderr
