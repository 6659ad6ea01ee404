"""Sets segstudio up on a bare machine and runs its main job or its tests, with the standard library alone.

    python3 bootstrap.py demo    set up, then the main job on bundled frames (offscreen without a display)
    python3 bootstrap.py test    set up, then lint, types and all tests
    python3 bootstrap.py setup   set up only

Words after the command go to it: `python3 bootstrap.py test tests/annotation -k brush`. All tests run in
groups, a process each, two or more at a time; each tells its seconds.
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "segstudio-setup.txt"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
OLDEST_PYTHON = (3, 11)

OFFSCREEN_PACKAGES = (
    "libglib2.0-0",
    "libgl1",
    "libegl1",
    "libxkbcommon0",
    "libfontconfig1",
    "libdbus-1-3",
    "fonts-dejavu-core",
)
WINDOW_PACKAGES = (
    "libxkbcommon-x11-0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-xinerama0",
    "libxcb-xkb1",
)

# Types alone. They name TensorRT itself as what they need, which only machines with a GPU can have.
TYPES_APART = "tensorrt-stubs"
# What no Python can read in them, and what stands there instead.
TYPE_FAULTS = ((r"([(,] *)in: ", r"\1in_: "), (r"channel_axis: int\)", "channel_axis: int = ...)"))

# Runs in the venv: a library that is missing ends it with the loader's own words.
QT_PROBE = """
import sys
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication
app = QApplication(["probe"])
sys.exit(0 if QFontDatabase.families() else "no fonts found")
"""


class SetupError(Exception):
    """A step that the user must do, in one line."""


@dataclass(frozen=True)
class Group:
    """Tests that run in one process: folders, and whether windows are shown in it."""

    folders: tuple[str, ...]
    windows: bool = False


@dataclass(frozen=True)
class Part:
    """One process of `bootstrap.py test`: a name, and the words after `python -m`."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """How a part ended: exit status (negative: the signal), seconds, output, the test that began last."""

    code: int
    seconds: float
    said: bytes
    running: str

    def by_force(self) -> str:
        """What ended a process that did not end by itself, and during which test; else nothing."""
        if self.code >= 0:
            return ""
        names = {member.value: member.name for member in signal.Signals}
        return f", ended by {names.get(-self.code, -self.code)} during {self.running}"


# A process shows windows or computes with torch, as in the program, never both. A folder inside another
# one's is taken out of that; what no line names is in the last. The slowest come first.
GROUPS = (
    Group(("tests/gui",), windows=True),
    Group(("tests/gui/canvas",), windows=True),
    Group(("tests/workflows",)),
    Group(("tests/gui/failures", "tests/gui/dashboards", "tests/e2e/window"), windows=True),
    Group(("tests/deploy", "tests/inference")),
    Group(("tests/training", "tests/networks")),
    Group(("tests/e2e",)),
    Group(("tests",)),
)
CHECKS = (
    Part("mypy", ("mypy",)),
    Part("ruff format", ("ruff", "format", "--check", "-q", ".")),
    Part("ruff check", ("ruff", "check", "-q", ".")),
)
# pytest-qt would load Qt. A fault handler brings a signal stack of its own, on which the handler that
# torch's DataLoader has for ended children can end the process without a trace on some virtual machines.
WITHOUT_WINDOWS = (
    *("-p", "no:pytest-qt", "-p", "no:faulthandler"),
    *("-W", "ignore:Unknown config option:pytest.PytestConfigWarning"),
)
PROCESSES = max(2, min(4, (os.cpu_count() or 1) // 2))
# In this variable a process of tests finds the file for the name of the test that it runs.
NOTE = "SEGSTUDIO_RUNNING_TEST"
# So that it is known what ran, where somebody's patience ends before the tests.
TELL_EVERY_S = 120.0
# pytest's exit status where no test was chosen.
NO_TESTS = 5


def say(text: str) -> None:
    """One line of progress on stderr, so that stdout stays the command's own."""
    print(f"[segstudio] {text}", file=sys.stderr, flush=True)


def venv_python() -> Path:
    """The interpreter inside the virtual environment."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has_display() -> bool:
    """Whether a window can be shown here."""
    if platform.system() != "Linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def administrator() -> list[str] | None:
    """The words that make a command run with system rights without a question, or None."""
    if not hasattr(os, "geteuid"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def install_system_packages(packages: tuple[str, ...], why: str) -> None:
    """Installs Debian packages where that is allowed, else raises SetupError that names them."""
    by_hand = f"{why}: run `sudo apt-get install {' '.join(packages)}`, then start again"
    if not shutil.which("apt-get"):
        raise SetupError(f"{why}: install your system's counterparts of {' '.join(packages)}")
    prefix = administrator()
    if prefix is None:
        raise SetupError(by_hand)
    say(f"{why}: installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
        result = subprocess.run([*prefix, *command], env=environment, capture_output=True, text=True)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or ["no reason given"]
            raise SetupError(f"{by_hand} (apt-get said: {lines[-1]})")


def make_venv() -> None:
    """Creates `.venv` unless a working one is there."""
    python = venv_python()
    if (
        python.exists()
        and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    ):
        return
    say("creating .venv")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0 and "ensurepip" in result.stdout + result.stderr:
        install_system_packages(
            (f"python3.{sys.version_info.minor}-venv",), "Python's venv module is missing"
        )
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no reason given"]
        raise SetupError(f"cannot create {VENV}: {lines[-1]}")


def fingerprint() -> str:
    """What the installed packages depend on: when it is unchanged, nothing is installed again."""
    digest = hashlib.sha256(f"{sys.version}\n{ROOT}\n".encode())
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def install_python_packages() -> None:
    """Installs segstudio (editable) with the pinned versions of everything that it needs."""
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == fingerprint():
        return
    say("installing Python packages (a few minutes the first time)")
    command = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    command += ["-c", str(CONSTRAINTS)]
    for wanted in (["-e", f"{ROOT}[dev]"], ["--no-deps", TYPES_APART]):
        if subprocess.run([*command, *wanted], cwd=ROOT).returncode != 0:
            raise SetupError(
                "pip could not install the packages: its reason stands above; mend it and start again"
            )
    mend_types()
    STAMP.write_text(fingerprint(), encoding="utf-8")


def mend_types() -> None:
    """Makes TensorRT's types readable; those that are so already stay as they are."""
    places = ("lib/python3*/site-packages", "Lib/site-packages")
    for path in {found for place in places for found in VENV.glob(f"{place}/tensorrt_bindings/tensorrt.pyi")}:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines):
            for fault, instead in TYPE_FAULTS if line.lstrip().startswith("def ") else ():
                lines[number] = re.sub(fault, instead, lines[number])
        path.write_text("".join(lines), encoding="utf-8")


def probe_qt(offscreen: bool) -> str:
    """Starts Qt in the venv; returns "" when it works, else the last line of what went wrong."""
    environment = dict(os.environ)
    if offscreen:
        environment["QT_QPA_PLATFORM"] = "offscreen"
    result = subprocess.run([venv_python(), "-c", QT_PROBE], env=environment, capture_output=True, text=True)
    if result.returncode == 0:
        return ""
    return (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]


def prepare_qt() -> None:
    """Makes sure that Qt starts, offscreen and (where there is a display) in a window."""
    for offscreen, packages in ((True, OFFSCREEN_PACKAGES), (False, WINDOW_PACKAGES)):
        if not offscreen and not has_display():
            return
        problem = probe_qt(offscreen)
        if not problem:
            continue
        if platform.system() != "Linux":
            raise SetupError(f"Qt does not start: {problem}")
        install_system_packages(packages, f"Qt needs system libraries ({problem})")
        problem = probe_qt(offscreen)
        if problem:
            raise SetupError(f"Qt still does not start: {problem}")


def set_up() -> None:
    """Everything between a fresh clone and a program that runs; quick when it was done before."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise SetupError(f"Python {wanted} or newer is needed, this is {platform.python_version()}")
    make_venv()
    install_python_packages()
    prepare_qt()


def run(*arguments: str | Path) -> int:
    """Runs the venv's Python in the project's folder."""
    return subprocess.run([venv_python(), *arguments], cwd=ROOT).returncode


def demo(arguments: list[str]) -> int:
    """The main job on bundled frames: in a window, or offscreen with a picture of every screen."""
    if has_display() or "--headless" in arguments:
        return run("-m", "segstudio", "demo", *arguments)
    say("no display here: the demo runs offscreen and saves pictures to demo-output/")
    return run("-m", "segstudio", "demo", "--headless", "--screenshots", "demo-output", *arguments)


def test(arguments: list[str]) -> int:
    """Format, lint and type checks, then every test; words that were given choose tests alone.

    Words that name a file or a folder are one run of pytest; other words (`-k brush`) go to every group.
    """
    if any((ROOT / word.partition("::")[0]).exists() for word in arguments):
        return run("-m", "pytest", "-q", *arguments)
    parts = [
        Part(" ".join(group.folders), pytest_words(group, arguments))
        for group in GROUPS
        if any((ROOT / folder).is_dir() for folder in group.folders)
    ]
    return run_parts(parts if arguments else [*parts, *CHECKS], narrowed=bool(arguments))


def pytest_words(group: Group, arguments: list[str]) -> tuple[str, ...]:
    """What runs a group's tests: its folders, less those inside them that belong to another group."""
    within = tuple(f"{folder}/" for folder in group.folders)
    others = sorted(folder for other in GROUPS if other is not group for folder in other.folders)
    return (
        *("pytest", "-q", "-p", "no:cacheprovider"),
        *(() if group.windows else WITHOUT_WINDOWS),
        *(folder for folder in group.folders if (ROOT / folder).is_dir()),
        *(f"--ignore={folder}" for folder in others if folder.startswith(within)),
        *arguments,
    )


def run_parts(parts: list[Part], narrowed: bool) -> int:
    """Runs the parts, some at a time, and prints what each said when it has ended; 0 if none failed.

    Where words `narrowed` the tests, a part that has none of them is no failure.
    """
    failed, empty, began = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(PROCESSES) as pool:
        started = {
            pool.submit(run_part, part, Path(folder) / str(number)): part for number, part in enumerate(parts)
        }
        try:
            for future in as_completed(started):
                part, ended = started[future], future.result()
                tell(part, ended)
                if narrowed and ended.code == NO_TESTS:
                    empty += 1
                elif ended.code:
                    failed.append(part.name + ended.by_force())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    say(f"together: {time.monotonic() - began:.0f} s")
    for name in failed:
        say(f"failed: {name}")
    return 1 if failed else NO_TESTS if empty == len(parts) else 0


def tell(part: Part, ended: Ended) -> None:
    """Prints what a part said, and its seconds."""
    sys.stdout.flush()
    sys.stdout.buffer.write(ended.said)
    sys.stdout.flush()
    say(f"{part.name}: {ended.seconds:.0f} s{ended.by_force()}")


def run_part(part: Part, folder: Path) -> Ended:
    """Runs one part in a process of its own, with its files in `folder`; tells now and then how far it is."""
    folder.mkdir()
    said, note, began = folder / "said.txt", folder / "running.txt", time.monotonic()
    environment = {**os.environ, NOTE: str(note)}
    with said.open("wb") as output:
        command = [str(venv_python()), "-m", *part.words]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(TELL_EVERY_S)
                continue
            say(f"{part.name}: {time.monotonic() - began:.0f} s so far, in {running_test(note)}")
    return Ended(process.returncode, time.monotonic() - began, said.read_bytes(), running_test(note))


def running_test(note: Path) -> str:
    """The test that a process of tests began last."""
    return (note.read_text(encoding="utf-8") if note.exists() else "") or "no test"


def setup(_arguments: list[str]) -> int:
    """Nothing more than the set-up that every command begins with."""
    return 0


COMMANDS = {"demo": demo, "test": test, "setup": setup}


def main(arguments: list[str]) -> int:
    """Sets up, then runs the named command; returns the exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        print((__doc__ or "").strip())
        return 0 if arguments[:1] in ([], ["-h"], ["--help"]) else 2
    try:
        set_up()
    except SetupError as error:
        say(str(error))
        return 2
    return COMMANDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
