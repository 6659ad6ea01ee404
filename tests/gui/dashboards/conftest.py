"""The desk that the dashboards stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from segstudio import paths
from segstudio.gui.memory import Memory
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.settings import Settings
from tests.gui.conftest import WAIT_MS
from tests.gui.dashboards.desk import Desk


@pytest.fixture
def opened(
    themes: ThemeSwitch, qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A project of four samples, without any model."""
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    desk = Desk(Session(Settings.load(), Memory()), themes, qtbot)
    desk.session.open_project(folder, "cityscapes")
    qtbot.waitUntil(lambda: desk.session.entry is not None, timeout=WAIT_MS)
    desk.settle()
    yield desk
    assert desk.session.close()
