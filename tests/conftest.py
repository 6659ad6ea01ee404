"""Fixtures that every test shares: an isolated home, the real frames where they are, offscreen Qt."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
RUNNING_TEST = "SEGSTUDIO_RUNNING_TEST"

# How long an example takes says something about the machine alone. All tests by bootstrap.py are to say the
# same twice; runs by hand look for new examples.
settings.register_profile(
    "segstudio",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=RUNNING_TEST in os.environ,
)
settings.load_profile("segstudio")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_runtest_logstart(nodeid: str) -> None:
    """Leaves a note of the test that runs, for whoever finds this process ended without a word."""
    if file := os.environ.get(RUNNING_TEST):
        Path(file).write_text(nodeid, encoding="utf-8")


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, caches, logs and imported models of a test stay in a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SEGSTUDIO_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def no_handler_of_ended_children() -> Iterator[None]:
    """Takes back the handler that torch's DataLoader leaves in the process of all tests.

    With it, the end of any later child is a signal that is handled on pytest's alternate stack; on some
    virtual machines the kernel now and then fails to do that, and ends the process without a trace.
    """
    yield
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The folder of real dashcam frames with masks (`images/{train,val}`, `masks/{train,val}`), or a skip."""
    folder = Path(os.environ.get("SEGSTUDIO_CAMVID", REPOSITORY.parent / "shared" / "data" / "camvid"))
    if not (folder / "images" / "val").is_dir():
        pytest.skip("real frames are not here: set SEGSTUDIO_CAMVID to a CamVid folder to run this")
    return folder
