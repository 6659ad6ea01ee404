"""Full, read-only, pulled and shared disks: every message says what is wrong, and no pixel is lost."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from segstudio import images
from segstudio.annotation.history import LIMIT_BYTES
from segstudio.gui.dialogs.outside_change import OutsideChangeDialog
from segstudio.gui.dialogs.unsaved import LOST, UnsavedDialog
from segstudio.gui.message import ERROR, Message
from segstudio.gui.samples import sample_loader
from segstudio.gui.saving.documents import KEPT
from segstudio.project.lock import FILE
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.versions import Why
from tests.gui.conftest import CAR, PALETTE, ROAD, Studio, fill_folder, true_mask

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


def stroke(studio: Studio, y: int = 10) -> NDArray[np.uint8]:
    """One stroke of a car; the mask after it."""
    studio.session.classes.set_active(CAR)
    studio.drag((10, y), (80, y))
    return studio.mask().copy()


def in_file(studio: Studio, wanted: NDArray[np.uint8]) -> bool:
    """Whether frame_0's file holds that mask."""
    saved = studio.file_mask("frame_0")
    return saved is not None and np.array_equal(saved, wanted)


def save_fails(studio: Studio) -> None:
    """Ctrl+S, until the status says that it failed."""
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: studio.window.status.saved.text() == "Saving failed")


def save_works(studio: Studio) -> None:
    """Ctrl+S, and at once: not by the next attempt of the program's own, 15 s later."""
    # The offscreen platform does not give the keyboard back when a dialog closes.
    studio.window.activateWindow()
    studio.wait(studio.window.isActiveWindow)
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: studio.window.status.saved.text() == "Saved")


def lasting(studio: Studio) -> list[str]:
    return [message.text for message in studio.window.messages.messages if message.lasting]


class TestWhenItIsSaved:
    """A second after the last stroke (see the flow), on leaving the sample, the window or the program."""

    def test_when_another_window_gets_the_keyboard(
        self, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        studio.open(folder)
        wanted = stroke(studio)
        studio.session.documents._timer.stop()
        monkeypatch.setattr(studio.window, "isActiveWindow", lambda: False)
        QApplication.sendEvent(studio.window, QEvent(QEvent.Type.ActivationChange))
        studio.wait(lambda: in_file(studio, wanted))

    def test_when_another_sample_is_opened(self, studio: Studio, folder: Path) -> None:
        studio.open(folder)
        wanted = stroke(studio)
        studio.session.documents._timer.stop()
        studio.key(Qt.Key.Key_D)
        studio.wait(lambda: in_file(studio, wanted))

    def test_strokes_during_a_save_are_saved_before_the_window_closes(
        self, studio: Studio, folder: Path
    ) -> None:
        studio.open(folder)
        stroke(studio)
        studio.session.documents.save("frame_0")
        wanted = stroke(studio, 40)
        studio.window.close()
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)
        assert not list((folder / ".segstudio").rglob("*.journal"))

    def test_strokes_during_a_save_are_saved_before_the_folder_closes(
        self, studio: Studio, folder: Path
    ) -> None:
        studio.open(folder)
        stroke(studio)
        studio.session.documents.save("frame_0")
        wanted = stroke(studio, 40)
        studio.key(Qt.Key.Key_W, CONTROL)
        studio.wait(lambda: studio.session.project is None)
        studio.settle()
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)
        assert not list((folder / ".segstudio").rglob("*.journal"))

    @pytest.mark.parametrize("by", ["window", "folder", "other"])
    def test_a_stroke_under_way_when_it_closes(
        self, studio: Studio, folder: Path, tmp_path: Path, by: str
    ) -> None:
        studio.open(folder)
        stroke(studio)
        QTest.mousePress(studio.canvas, LEFT, pos=studio.point(10, 40))
        QTest.mouseMove(studio.canvas, studio.point(80, 40))
        wanted = studio.mask().copy()
        if by == "window":
            studio.window.close()
        elif by == "other":
            studio.open(fill_folder(tmp_path / "other"))
        else:
            studio.window.actions_by_id["file.close"].trigger()
            studio.wait(lambda: studio.session.project is None)
            studio.settle()
        assert wanted[40, 40] == CAR
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)
        assert not list((folder / ".segstudio").rglob("*.journal"))


class TestAFullDisk:
    """The fake refuses what the system's own calls would refuse."""

    def test_the_strip_stays_names_all_and_leaves(
        self, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        studio.open(folder)
        with monkeypatch.context() as patch:
            refuse_writes(patch)
            first = stroke(studio)
            save_fails(studio)
            assert any("journal" in text and "No space left" in text for text in studio.messages())
            studio.open_sample("frame_1")
            second = stroke(studio, 40)
            save_fails(studio)
            studio.settle()
            assert len(lasting(studio)) == 1
            assert "2 samples are not saved (frame_0, frame_1)" in lasting(studio)[0]
            assert "No space left" in lasting(studio)[0]
            # Neither other problems nor a click take the strip away.
            for number in range(4):
                studio.session.message.emit(Message(ERROR, f"problem {number}"))
            assert len(lasting(studio)) == 1
            np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), true_mask())
            assert studio.session.documents.dirty_keys == {"frame_0", "frame_1"}
            assert [path.name for path in (folder / "masks").glob(".*")] == []
        message = next(entry for entry in studio.window.messages.messages if entry.lasting)
        assert message.act is not None
        message.act()
        studio.wait(lambda: studio.window.status.saved.text() == "Saved")
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), first)
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_1.png"), second)
        assert lasting(studio) == []

    def test_the_journal_catches_up(
        self, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        studio.open(folder)
        with monkeypatch.context() as patch:
            refuse_writes(patch)
            stroke(studio)
        assert any("journal" in text for text in studio.messages())
        held = studio.session.documents.journals_hold
        wanted = stroke(studio, 40)
        assert (held, studio.session.documents.journals_hold) == (False, True)
        assert not any("journal" in text for text in studio.messages())
        project = studio.session.project
        assert project is not None
        np.testing.assert_array_equal(project.recovery.mask("frame_0"), wanted)

    def test_a_version_that_cannot_be_kept_stops_no_save(self, studio: Studio, folder: Path) -> None:
        studio.open(folder)
        (folder / ".segstudio" / "versions").write_text("a file where the folder should be")
        wanted = stroke(studio)
        save_works(studio)
        studio.settle()
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)
        assert len([text for text in studio.messages() if "no version of frame_0 is kept" in text]) == 1
        (folder / ".segstudio" / "versions").unlink()
        stroke(studio, 40)
        save_works(studio)
        studio.settle()
        assert not any("no version" in text for text in studio.messages())


def refuse_writes(patch: pytest.MonkeyPatch) -> None:
    """From now on a full disk, as the system's own calls tell it."""

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(os, "fsync", refuse)
    patch.setattr(os, "write", refuse)


class TestQuitting:
    """The window does not close over edits that are in no file before the user has seen so."""

    def blocked(self, studio: Studio, folder: Path) -> NDArray[np.uint8]:
        studio.open(folder)
        (folder / "masks").rename(folder / "elsewhere")
        (folder / "masks").write_text("a file where the folder should be")
        wanted = stroke(studio)
        studio.window.close()
        return wanted

    def repair(self, folder: Path) -> None:
        (folder / "masks").unlink()
        (folder / "elsewhere").rename(folder / "masks")

    def test_the_next_folder_is_not_credited_with_the_work(
        self, studio: Studio, folder: Path, tmp_path: Path
    ) -> None:
        studio.open(folder)
        (folder / "masks").rename(folder / "elsewhere")
        (folder / "masks").write_text("a file where the folder should be")
        stroke(studio)
        studio.session.open_project(fill_folder(tmp_path / "other"), "cityscapes")
        dialog = self.asked(studio)
        QTest.mouseClick(dialog.leave_button, LEFT)
        studio.settle()
        self.repair(folder)
        assert studio.session.work_log.take("frame_0").strokes == 0

    def test_staying_keeps_the_edits(self, studio: Studio, folder: Path) -> None:
        wanted = self.blocked(studio, folder)
        dialog = studio.window.findChild(UnsavedDialog)
        assert dialog is not None
        assert studio.window.isVisible()
        QTest.mouseClick(dialog.stay_button, LEFT)
        self.repair(folder)
        studio.settle()
        save_works(studio)
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)

    def test_leaving_keeps_them_in_the_journal(self, studio: Studio, folder: Path) -> None:
        wanted = self.blocked(studio, folder)
        dialog = studio.window.findChild(UnsavedDialog)
        assert dialog is not None
        QTest.mouseClick(dialog.leave_button, LEFT)
        assert not studio.window.isVisible()
        self.repair(folder)
        with Project.open(folder) as project:
            assert project.recovery.pending() == ["frame_0"]
            np.testing.assert_array_equal(project.recovery.mask("frame_0"), wanted)

    def asked(self, studio: Studio) -> UnsavedDialog:
        studio.wait(lambda: studio.window.findChild(UnsavedDialog) is not None)
        dialog = studio.window.findChild(UnsavedDialog)
        assert dialog is not None
        return dialog

    def texts(self, dialog: UnsavedDialog) -> str:
        return "\n".join(part.text() for part in dialog.findChildren(QLabel))

    @pytest.mark.parametrize("known", [True, False])
    def test_closing_the_folder_asks_too(self, studio: Studio, folder: Path, known: bool) -> None:
        studio.open(folder)
        (folder / "masks").rename(folder / "elsewhere")
        (folder / "masks").write_text("a file where the folder should be")
        wanted = stroke(studio)
        if known:
            save_fails(studio)
        studio.key(Qt.Key.Key_W, CONTROL)
        dialog = self.asked(studio)
        assert "frame_0" in self.texts(dialog)
        assert studio.session.project is not None
        QTest.mouseClick(dialog.stay_button, LEFT)
        self.repair(folder)
        studio.settle()
        save_works(studio)
        assert in_file(studio, wanted)
        studio.window.activateWindow()
        studio.wait(studio.window.isActiveWindow)
        studio.key(Qt.Key.Key_W, CONTROL)
        assert studio.session.project is None

    def test_edits_during_the_wait_are_in_the_file_before_the_folder_closes(
        self, studio: Studio, folder: Path
    ) -> None:
        studio.open(folder)
        stroke(studio)
        studio.key(Qt.Key.Key_W, CONTROL)
        wanted = stroke(studio, 40)
        studio.wait(lambda: studio.session.project is None)
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)

    @pytest.mark.parametrize("stays", [True, False])
    def test_another_folder_asks_about_what_was_painted_while_it_was_read(
        self, studio: Studio, folder: Path, tmp_path: Path, stays: bool
    ) -> None:
        other = fill_folder(tmp_path / "other")
        studio.open(folder)
        (folder / "masks").rename(folder / "elsewhere")
        (folder / "masks").write_text("a file where the folder should be")
        studio.session.open_project(other, "cityscapes")
        wanted = stroke(studio)
        dialog = self.asked(studio)
        assert studio.session.project is not None
        assert studio.session.project.root == folder.resolve()
        QTest.mouseClick(dialog.stay_button if stays else dialog.leave_button, LEFT)
        studio.settle()
        self.repair(folder)
        assert studio.session.project is not None
        assert studio.session.project.root == (folder if stays else other).resolve()
        assert (other / ".segstudio" / FILE).exists() is not stays
        if stays:
            save_works(studio)
            assert in_file(studio, wanted)
        else:
            assert any("frame_0 of the folder that was closed" in text for text in studio.messages())
            with Project.open(folder) as project:
                np.testing.assert_array_equal(project.recovery.mask("frame_0"), wanted)

    def test_what_no_journal_has_is_not_promised(
        self, studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        studio.open(folder)
        with monkeypatch.context() as patch:
            refuse_writes(patch)
            stroke(studio)
            studio.key(Qt.Key.Key_W, CONTROL)
            dialog = self.asked(studio)
            assert LOST in self.texts(dialog)
            QTest.mouseClick(dialog.leave_button, LEFT)
            studio.settle()
        (left,) = [one for one in studio.window.messages.messages if "that was closed" in one.text]
        assert "lost" in left.hint


def test_a_read_only_folder(studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open(folder)
    real = os.replace

    def refuse(source: Path, target: Path) -> None:
        if Path(target).parent.name == "masks":
            raise PermissionError(errno.EACCES, "Permission denied")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        stroke(studio)
        save_fails(studio)
        assert "Permission denied" in lasting(studio)[0]
        assert "frame_0.png" in lasting(studio)[0]
    np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), true_mask())
    save_works(studio)


def test_a_pulled_disk_gets_no_folders_in_its_place(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    stroke(studio)
    away = folder.with_name("pulled")
    folder.rename(away)
    wanted = stroke(studio, 40)
    assert any("the journal" in text and "is not there" in text for text in studio.messages())
    save_fails(studio)
    studio.settle()
    assert "is not there" in lasting(studio)[0]
    assert not folder.exists()
    away.rename(folder)
    save_works(studio)
    np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)


class TestAnotherProgram:
    """The file was replaced while its mask is open here with edits."""

    def change(self, studio: Studio, folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(mine, theirs); returns with the question on screen."""
        studio.open(folder)
        theirs = np.full((64, 96), ROAD, np.uint8)
        images.write_mask(folder / "masks" / "frame_0.png", theirs, PALETTE.colours())
        mine = stroke(studio)
        save_fails(studio)
        studio.settle()
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), theirs)
        return mine, theirs

    def test_a_verdict_waits_until_it_is_decided(self, studio: Studio, folder: Path) -> None:
        mine, _ = self.change(studio, folder)
        book = studio.session.book
        studio.session.set_status(["frame_0", "frame_1"], SampleStatus.SUBMITTED)
        studio.settle()
        assert [sample.status for sample in book.samples[:2]] == [
            SampleStatus.ACCEPTED,
            SampleStatus.SUBMITTED,
        ]
        assert "frame_0 keeps its status: its mask is not saved" in studio.messages()
        QTest.mouseClick(self.ask(studio).mine_button, LEFT)
        studio.wait(lambda: in_file(studio, mine))
        studio.settle()
        studio.session.set_status(["frame_0"], SampleStatus.SUBMITTED)
        studio.settle()
        assert book.samples[0].status is SampleStatus.SUBMITTED
        assert not any("keeps its status" in text for text in studio.messages())

    def ask(self, studio: Studio) -> OutsideChangeDialog:
        message = next(entry for entry in studio.window.messages.messages if entry.lasting)
        assert "changed by another program" in message.text
        assert message.act is not None
        message.act()
        studio.wait(lambda: studio.window.findChild(OutsideChangeDialog) is not None)
        dialog = studio.window.findChild(OutsideChangeDialog)
        assert dialog is not None
        return dialog

    def test_keep_mine(self, studio: Studio, folder: Path) -> None:
        mine, theirs = self.change(studio, folder)
        QTest.mouseClick(self.ask(studio).mine_button, LEFT)
        studio.wait(lambda: studio.window.status.saved.text() == "Saved")
        studio.settle()
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), mine)
        assert lasting(studio) == []
        project = studio.session.project
        assert project is not None
        kept = {version.note.why: version for version in project.versions("frame_0")}
        np.testing.assert_array_equal(images.read_mask(kept[Why.FOUND].file), theirs)

    def test_take_theirs(self, studio: Studio, folder: Path) -> None:
        mine, theirs = self.change(studio, folder)
        QTest.mouseClick(self.ask(studio).theirs_button, LEFT)
        studio.wait(lambda: studio.can_edit() and np.array_equal(studio.mask(), theirs))
        studio.settle()
        assert lasting(studio) == []
        assert studio.session.documents.dirty_keys == frozenset()
        project = studio.session.project
        assert project is not None
        (aside,) = [one for one in project.versions("frame_0") if one.note.why is Why.PUT_ASIDE]
        np.testing.assert_array_equal(images.read_mask(aside.file), mine)

    def test_look_first(self, studio: Studio, folder: Path) -> None:
        mine, theirs = self.change(studio, folder)
        QTest.mouseClick(self.ask(studio).look_button, LEFT)
        assert studio.session.version_shown is not None
        np.testing.assert_array_equal(studio.session.version_shown, theirs)
        np.testing.assert_array_equal(studio.mask(), mine)
        assert len(lasting(studio)) == 1
        QTest.mouseClick(self.ask(studio).mine_button, LEFT)
        studio.wait(lambda: studio.window.status.saved.text() == "Saved")

    def test_a_file_that_cannot_be_read_cannot_be_taken(self, studio: Studio, folder: Path) -> None:
        studio.open(folder)
        (folder / "masks" / "frame_0.png").write_bytes(b"torn")
        mine = stroke(studio)
        save_fails(studio)
        dialog = self.ask(studio)
        assert not dialog.theirs_button.isEnabled()
        assert not dialog.look_button.isEnabled()
        QTest.mouseClick(dialog.mine_button, LEFT)
        studio.wait(lambda: studio.window.status.saved.text() == "Saved")
        np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), mine)

    def test_a_clean_mask_follows_its_file(self, studio: Studio, folder: Path) -> None:
        studio.open(folder)
        stroke(studio)
        save_works(studio)
        theirs = np.full((64, 96), ROAD, np.uint8)
        images.write_mask(folder / "masks" / "frame_0.png", theirs, PALETTE.colours())
        QTest.keyClick(studio.window, Qt.Key.Key_F5)
        studio.wait(lambda: studio.can_edit() and np.array_equal(studio.mask(), theirs))


def wrong_size(path: Path) -> None:
    images.write_mask(path, np.zeros((64, 97), np.uint8), PALETTE.colours())


def colours(path: Path) -> None:
    images.write_image(path, PALETTE.colours()[true_mask()])


def unknown_ids(path: Path) -> None:
    images.write_mask(path, np.full((64, 96), 77, np.uint8), PALETTE.colours())


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(truncated, "frame_0.png"), (wrong_size, "97"), (colours, "holds colours"), (unknown_ids, "77")],
)
def test_a_mask_that_cannot_be_used_blocks_editing(
    studio: Studio, folder: Path, damage: Callable[[Path], None], reason: str
) -> None:
    path = folder / "masks" / "frame_0.png"
    damage(path)
    content = path.read_bytes()
    studio.open(folder)
    assert not studio.can_edit()
    assert any(reason in text for text in studio.messages())
    stroke_is_refused(studio)
    studio.open_sample("frame_1")
    studio.open_sample("frame_0")
    assert path.read_bytes() == content


def stroke_is_refused(studio: Studio) -> None:
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.settle()
    assert studio.session.documents.dirty_keys == frozenset()


def test_a_folder_that_somebody_else_has_open_names_them(studio: Studio, folder: Path) -> None:
    lock = {"user": "anna", "host": "her-desk", "pid": 1, "since": "2026-01-01 10:00", "token": "x"}
    (folder / ".segstudio").mkdir()
    (folder / ".segstudio" / FILE).write_text(json.dumps(lock))
    studio.session.open_project(folder, "cityscapes")
    studio.wait(lambda: any("anna on her-desk has this project open" in text for text in studio.messages()))
    assert studio.session.project is None
    assert json.loads((folder / ".segstudio" / FILE).read_text())["user"] == "anna"


def test_the_memory_of_twenty_samples_is_bounded() -> None:
    """At most 1.5 GB: histories, masks of 2 MP with what was saved, decoded frames, 500 MB for the rest."""
    masks = KEPT * 2 * 2048 * 1024
    assert KEPT == 20
    assert LIMIT_BYTES + masks + sample_loader.LIMIT_BYTES + 500 * 2**20 <= 1.5e9
