"""A desk with a project for the page of runs, and a trainer that learns nothing."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from segstudio import paths
from segstudio.gui.memory import Memory
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.settings import Settings
from segstudio.workflows.retrain import supervise
from tests.gui.conftest import WAIT_MS
from tests.gui.dashboards.desk import Desk

STAND_IN = Path(__file__).with_name("stand_in_trainer.py")


@pytest.fixture
def opened(
    themes: ThemeSwitch, qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A project of four samples, without any model; no run is started."""
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    monkeypatch.setattr(supervise, "start_next", lambda _: None)
    desk = Desk(Session(Settings.load(), Memory()), themes, qtbot)
    desk.session.open_project(folder, "cityscapes")
    qtbot.waitUntil(lambda: desk.session.entry is not None, timeout=WAIT_MS)
    desk.settle()
    yield desk
    assert desk.session.close()


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are started as ever, in processes of their own, but nothing is learnt in them."""
    command = (sys.executable, str(STAND_IN))
    monkeypatch.setattr(supervise, "start_next", partial(supervise.start_next, command=command))
