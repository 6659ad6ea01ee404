"""The set-up script: what it says and does without touching this machine."""

import ast
import importlib.util
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_uses_the_standard_library_alone(bootstrap: ModuleType) -> None:
    tree = ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= sys.stdlib_module_names


def test_unknown_command_explains_itself(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["fly"]) == 2
    assert "bootstrap.py demo" in capsys.readouterr().out


def test_old_python_is_refused_in_one_line(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST_PYTHON", (99, 0))
    assert bootstrap.main(["test"]) == 2
    assert "Python 99.0 or newer is needed" in capsys.readouterr().err


def test_packages_are_named_where_they_cannot_be_installed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "administrator", lambda: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(bootstrap.SetupError, match=r"sudo apt-get install libgl1 libegl1"):
        bootstrap.install_system_packages(("libgl1", "libegl1"), "Qt needs system libraries")


def test_setup_is_skipped_while_nothing_changed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stamp = tmp_path / "stamp.txt"
    stamp.write_text(bootstrap.fingerprint(), encoding="utf-8")
    monkeypatch.setattr(bootstrap, "STAMP", stamp)

    def refuse(*_arguments: object, **_options: object) -> None:
        pytest.fail("packages were installed again")

    monkeypatch.setattr(bootstrap.subprocess, "run", refuse)
    bootstrap.install_python_packages()


def test_types_of_tensorrt_are_installed_apart_and_mended(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    types = tmp_path / "lib" / "python3.11" / "site-packages" / "tensorrt_bindings" / "tensorrt.pyi"
    types.parent.mkdir(parents=True)
    types.write_text(
        "class Plugin:\n"
        "    def size(self, in: list[int], out: list[int]) -> int: ...\n"
        "    def scale(self, power: int = 0, channel_axis: int) -> int:\n"
        '        """:arg in: the input"""\n'
    )
    asked: list[list[str]] = []

    def run(command: list[str], **_options: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp.txt")
    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    bootstrap.install_python_packages()
    assert [words[-2:] for words in asked] == [["-e", f"{ROOT}[dev]"], ["--no-deps", "tensorrt-stubs"]]
    mended = types.read_text()
    ast.parse(mended)
    assert ":arg in: the input" in mended
    bootstrap.mend_types()
    assert types.read_text() == mended


def test_every_direct_dependency_is_pinned(bootstrap: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"], bootstrap.TYPES_APART]
    lines = (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    names = {re.split(r"[!<>=~]", name)[0].lower().replace("_", "-") for name in wanted}
    assert names <= pinned
    assert "torch==2.13.0" in lines


PASSES, FAILS = "def test_it(): assert True", "def test_it(): assert False"
DIES = "import os, signal\ndef test_it(): os.kill(os.getpid(), signal.SIGSEGV)"


@pytest.fixture
def small(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project of three tests, each in a group of its own, and this project's conftest."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    for folder in ("gui", "gui/canvas", "other"):
        (tmp_path / "tests" / folder).mkdir()
        name = folder.replace("/", "_")
        (tmp_path / "tests" / folder / f"test_{name}.py").write_text(PASSES, encoding="utf-8")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "CHECKS", ())
    # These tests need none of the plugins, which take most of a second to load.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(bootstrap, "venv_python", lambda: Path(sys.executable))
    return tmp_path / "tests"


def test_all_tests_run_in_groups_and_any_can_fail(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    small: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setattr(bootstrap, "TELL_EVERY_S", 0.01)
    assert bootstrap.test([]) == 0
    said = capfdbinary.readouterr()
    assert said.out.count(b"1 passed") == 3
    assert re.search(rb"tests/gui/canvas: \d+ s so far, in ", said.err)
    assert re.search(rb"tests/gui/canvas: \d+ s\n", said.err)
    (small / "gui" / "canvas" / "test_gui_canvas.py").write_text(FAILS, encoding="utf-8")
    assert bootstrap.test([]) == 1
    said = capfdbinary.readouterr()
    assert (said.out.count(b"1 passed"), said.out.count(b"1 failed")) == (2, 1)
    assert said.err.endswith(b"failed: tests/gui/canvas\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to end a process by")
def test_a_process_that_dies_names_its_test(
    bootstrap: ModuleType, small: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (small / "other" / "test_other.py").write_text(DIES, encoding="utf-8")
    assert bootstrap.test([]) == 1
    said = capfdbinary.readouterr()
    assert said.out.count(b"1 passed") == 2
    assert b"failed: tests, ended by SIGSEGV during tests/other/test_other.py::test_it\n" in said.err


def test_words_choose_tests_of_every_group(
    bootstrap: ModuleType, small: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (small / "other" / "test_other.py").write_text("def test_that(): assert True", encoding="utf-8")
    assert bootstrap.test(["-k", "that"]) == 0
    assert capfdbinary.readouterr().out.count(b"1 passed") == 1
    assert bootstrap.test(["-k", "nothing"]) != 0
    capfdbinary.readouterr()
    # A path is one run, whatever group it belongs to.
    assert bootstrap.test(["tests/gui", "-k", "test_it"]) == 0
    assert b"2 passed" in capfdbinary.readouterr().out


def test_every_test_is_in_one_group_and_windows_are_apart(bootstrap: ModuleType) -> None:
    runs: dict[Path, list[bool]] = {path: [] for path in (ROOT / "tests").rglob("test_*.py")}
    for group in bootstrap.GROUPS:
        words = bootstrap.pytest_words(group, [])
        assert ("no:pytest-qt" in words) != group.windows
        ignored = [ROOT / word.partition("=")[2] for word in words if word.startswith("--ignore=")]
        for folder in group.folders:
            assert (ROOT / folder).is_dir()
            for path in (ROOT / folder).rglob("test_*.py"):
                if not any(path.is_relative_to(other) for other in ignored):
                    runs[path].append(group.windows)
    windows = (ROOT / "tests" / "gui", ROOT / "tests" / "e2e" / "window")
    wrong = [path for path, kinds in runs.items() if kinds != [any(map(path.is_relative_to, windows))]]
    assert not wrong
