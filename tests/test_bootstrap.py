"""The set-up script: what it says and does without touching this machine."""

import ast
import importlib.util
import re
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


def test_all_tests_run_in_two_processes_and_either_can_fail(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """The window's tests and the others, each in a project of one test."""
    for folder, source in (("gui", "def test_it(): assert {}"), ("other", "def test_it(): assert {}")):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"test_{folder}.py").write_text(
            source.format("True"), encoding="utf-8"
        )
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "venv_python", lambda: Path(sys.executable))
    assert bootstrap.test_everything() == 0
    assert capfdbinary.readouterr().out.count(b"1 passed") == 2
    for folder in ("gui", "other"):
        file = tmp_path / "tests" / folder / f"test_{folder}.py"
        file.write_text("def test_it(): assert False", encoding="utf-8")
        assert bootstrap.test_everything() == 1
        assert b"1 failed" in capfdbinary.readouterr().out
        file.write_text("def test_it(): assert True", encoding="utf-8")
