"""Crashes of before, bugs, and errors: what the user is told and what is kept."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio import images, paths
from segstudio.annotation.journal import Journal
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.regions import region_at
from segstudio.annotation.tools import paint_region
from segstudio.errors import SegstudioError
from segstudio.gui.crash_net import CrashNet, qt_message, start_logging
from segstudio.gui.dialogs.bug_report import BugReport
from segstudio.gui.dialogs.recovery import RecoveryDialog
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from tests.gui.conftest import CAR, Studio, true_mask


@pytest.fixture
def crashed(folder: Path) -> Path:
    """A project whose frame_0 and frame_2 have edits in journals that no file has."""
    project = Project.open(folder, palette="cityscapes")
    for key in ("frame_0", "frame_2"):
        mask = project.load_mask(key)
        if mask is None:
            mask = np.full((64, 96), 255, np.uint8)
        document = MaskDocument(mask)
        journal = Journal(project.recovery.path(key), document.array)
        edit = document.apply(
            "Relabel", document.whole(), lambda array: paint_region(array, region_at(array, 50, 50), CAR)
        )
        assert edit is not None
        journal.append(edit)
        journal.close()
    project.close()
    return folder


def dialog_of(studio: Studio) -> RecoveryDialog:
    dialog = studio.window.findChild(RecoveryDialog)
    assert dialog is not None
    return dialog


def test_recover_writes_the_journals(studio: Studio, crashed: Path) -> None:
    studio.open(crashed)
    dialog = dialog_of(studio)
    assert list(dialog.boxes) == ["frame_0", "frame_2"]
    assert studio.session.entry is None
    QTest.mouseClick(dialog.recover_button, Qt.MouseButton.LeftButton)
    studio.wait(lambda: any("Recovered 2" in text for text in studio.messages()))
    studio.wait(lambda: studio.session.entry is not None)
    expected = true_mask()
    expected[32:] = CAR
    np.testing.assert_array_equal(studio.mask(), expected)
    np.testing.assert_array_equal(images.read_mask(crashed / "masks" / "frame_0.png"), expected)
    assert (images.read_mask(crashed / "masks" / "frame_2.png") == CAR).all()
    assert studio.session.project is not None
    assert studio.session.project.recovery.pending() == []
    assert studio.session.project.sample("frame_2").status is SampleStatus.IN_PROGRESS


def test_discard_keeps_the_masks(studio: Studio, crashed: Path) -> None:
    studio.open(crashed)
    dialog = dialog_of(studio)
    QTest.mouseClick(dialog.discard_button, Qt.MouseButton.LeftButton)
    studio.wait(lambda: studio.session.entry is not None)
    studio.settle()
    np.testing.assert_array_equal(studio.mask(), true_mask())
    assert studio.file_mask("frame_2") is None
    assert studio.session.project is not None
    assert studio.session.project.recovery.pending() == []


def test_deciding_later_blocks_only_those_samples(studio: Studio, crashed: Path) -> None:
    studio.open(crashed)
    dialog_of(studio).reject()
    studio.drag((10, 10), (80, 10))
    studio.settle()
    np.testing.assert_array_equal(images.read_mask(crashed / "masks" / "frame_0.png"), true_mask())
    assert any("edits from before a crash" in text for text in studio.messages())
    studio.open_sample("frame_1")
    assert studio.session.entry is not None
    assert studio.session.project is not None
    assert studio.session.project.recovery.pending() == ["frame_0", "frame_2"]


def test_one_of_two_is_recovered(studio: Studio, crashed: Path) -> None:
    studio.open(crashed)
    dialog = dialog_of(studio)
    dialog.boxes["frame_2"].setChecked(False)
    assert dialog.recover_button.text() == "Recover 1"
    dialog.recover_button.click()
    studio.wait(lambda: studio.session.entry is not None)
    studio.settle()
    assert studio.session.pending == {"frame_2"}


def test_a_bug_in_a_job_is_reported_with_its_trace(studio: Studio, folder: Path) -> None:
    studio.open(folder)

    def stumble(_: JobContext) -> None:
        raise ZeroDivisionError("in the works")

    studio.session.bridge.start("Stumble", stumble)
    studio.wait(lambda: studio.window.findChild(BugReport) is not None)
    report = studio.window.findChild(BugReport)
    assert report is not None
    report.copy_button.click()
    copied = QApplication.clipboard().text()
    assert "ZeroDivisionError: in the works" in copied
    assert "def stumble" in copied or "in stumble" in copied
    report.accept()


def test_an_error_in_a_job_is_a_message(studio: Studio) -> None:
    def refuse(_: JobContext) -> None:
        raise SegstudioError("the lamp is broken", hint="change it")

    studio.session.bridge.start("Refuse", refuse)
    studio.wait(lambda: "the lamp is broken" in studio.messages())
    assert studio.window.messages.messages[0].hint == "change it"


def test_opening_what_is_no_folder_is_a_message(studio: Studio, tmp_path: Path) -> None:
    studio.window.dialogs.open_folder(tmp_path / "nothing")
    assert any("is no folder" in text for text in studio.messages())
    assert studio.session.project is None


def test_uncaught_exceptions_become_signals(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real calls would end pytest's own watch for crashes, for all tests that follow.
    watched: list[str] = []
    monkeypatch.setattr("faulthandler.enable", lambda file: watched.append(Path(file.name).name))
    monkeypatch.setattr("faulthandler.disable", lambda: watched.append("none"))
    net = CrashNet()
    bugs: list[tuple[str, str]] = []
    problems: list[SegstudioError] = []
    net.bug.connect(lambda summary, trace: bugs.append((summary, trace)))
    net.problem.connect(problems.append)
    net.install()
    try:
        try:
            raise ValueError("lost")
        except ValueError as error:
            sys.excepthook(type(error), error, error.__traceback__)
        refusal = SegstudioError("no")
        sys.excepthook(type(refusal), refusal, None)
        thread = threading.Thread(target=lambda: [][1], name="falls")
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: len(bugs) == 2 and len(problems) == 1)
    finally:
        net.remove()
    assert watched == ["crash.log", "none"]
    assert bugs[0][0] == "ValueError: lost"
    assert "IndexError" in bugs[1][1]


def test_the_log_holds_what_qt_says() -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    path = start_logging()
    try:
        from PySide6.QtCore import QMessageLogContext, QtMsgType

        qt_message(QtMsgType.QtWarningMsg, QMessageLogContext(), "a wire is loose")
        assert path.parent == paths.user_log_dir()
        assert "segstudio.qt: a wire is loose" in path.read_text(encoding="utf-8")
    finally:
        for writer in [entry for entry in root.handlers if entry not in before]:
            root.removeHandler(writer)
            writer.close()


def test_starting_the_window_imports_neither_torch_nor_plots() -> None:
    code = (
        "import sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from segstudio.gui import app\n"
        "application = app.make_application()\n"
        "QTimer.singleShot(300, application.closeAllWindows)\n"
        "assert app.main(None) == 0\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'torch', 'pyqtgraph', 'onnxruntime', 'openvino', 'transformers'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
