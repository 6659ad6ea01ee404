"""Open a folder, paint, undo, switch, save: the main job with real events."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio import images
from segstudio.annotation.journal import read_journal
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.dialogs.palette_choice import PaletteChoice
from segstudio.project.sample import SampleStatus
from tests.gui.conftest import CAR, SKY, Studio, fill_folder, true_mask

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
UNLABELLED = 255


def test_open_list_paint_autosave(studio: Studio, folder: Path) -> None:
    studio.window.dialogs.open_folder(folder)
    choice = studio.window.findChild(PaletteChoice)
    assert choice is not None
    QTest.mouseClick(choice.create_button, Qt.MouseButton.LeftButton)
    studio.wait(lambda: studio.session.current == "frame_0")
    listed = [
        studio.window.editor.samples.model.data(studio.window.editor.samples.model.index(row))
        for row in range(4)
    ]
    assert listed == ["frame_0", "frame_1", "frame_2", "frame_3"]
    studio.open_sample("frame_2")
    assert (studio.mask() == UNLABELLED).all()
    studio.session.classes.set_active(CAR)
    studio.drag((20, 20), (60, 20))
    assert studio.mask()[20, 40] == CAR
    assert studio.window.status.saved.text() == "Unsaved"
    studio.wait(lambda: studio.file_mask("frame_2") is not None)
    saved = studio.file_mask("frame_2")
    assert saved is not None
    np.testing.assert_array_equal(saved, studio.mask())
    studio.wait(lambda: studio.window.status.saved.text() == "Saved")
    sample = studio.session.book.get("frame_2")
    assert sample is not None
    studio.wait(lambda: studio.session.book.get("frame_2").status is SampleStatus.IN_PROGRESS)  # type: ignore[union-attr]  # looked up above


def test_clicking_a_row_opens_its_sample(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    view = studio.window.editor.samples.view
    box = view.visualRect(studio.window.editor.samples.model.index(3))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    studio.wait(lambda: studio.session.current == "frame_3")
    assert studio.session.loaded is not None
    assert studio.session.loaded.image is not None
    assert (studio.session.loaded.image[..., 0] == 3).all()
    assert studio.canvas.hasFocus()


def test_undo_and_redo_by_keys(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    before = studio.mask().copy()
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    first = studio.mask().copy()
    studio.drag((10, 50), (80, 50))
    second = studio.mask().copy()
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), first)
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), before)
    assert not studio.window.actions_by_id["edit.undo"].isEnabled()
    studio.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    studio.key(Qt.Key.Key_Y, CONTROL)
    np.testing.assert_array_equal(studio.mask(), second)


def test_history_lists_steps_and_jumps(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    before = studio.mask().copy()
    studio.session.classes.set_active(CAR)
    for y in (10, 30, 50):
        studio.drag((10, y), (80, y))
    history = studio.window.editor.history
    assert len(history.titles) == 4
    assert history.titles[0] == "As opened"
    assert history.titles[1].startswith("Brush: car, ")
    rows = history.view
    QTest.mouseClick(
        rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualRect(rows.model().index(0, 0)).center()
    )
    np.testing.assert_array_equal(studio.mask(), before)
    assert len(history.titles) == 4
    assert rows.currentIndex().row() == 0


def test_history_survives_switching_samples(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    before = studio.mask().copy()
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    studio.key(Qt.Key.Key_D)
    studio.wait(lambda: studio.session.current == "frame_1")
    studio.wait(lambda: "frame_0" not in studio.session.documents.dirty_keys)
    assert len(studio.window.editor.history.titles) == 1
    studio.key(Qt.Key.Key_A)
    studio.wait(lambda: studio.session.current == "frame_0")
    assert studio.mask()[10, 40] == CAR
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), before)
    studio.wait(lambda: np.array_equal(studio.file_mask("frame_0"), before))  # type: ignore[arg-type]  # numpy takes None


def test_switching_in_mid_stroke_keeps_the_stroke_with_its_sample(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(CAR)
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(20, 10))
    QTest.mouseMove(studio.canvas, studio.point(60, 10))
    studio.open_sample("frame_1")
    assert (studio.mask() == true_mask()).all()
    studio.wait(lambda: (saved := studio.file_mask("frame_0")) is not None and saved[10, 40] == CAR)
    np.testing.assert_array_equal(studio.file_mask("frame_1"), true_mask())


def test_painting_without_a_pause_is_saved_all_the_same(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.gui.saving.documents.LONGEST_WAIT_S", 0.2)
    monkeypatch.setattr("segstudio.gui.saving.documents.AUTOSAVE_MS", 150)
    studio.open(folder)
    studio.session.classes.set_active(CAR)
    strokes = iter(range(100_000))

    def paint_on() -> bool:
        column = 10 + next(strokes) % 70
        studio.drag((column, 5), (column + 5, 50))
        saved = studio.file_mask("frame_0")
        return saved is not None and bool((saved == CAR).any())

    studio.wait(paint_on)


@pytest.mark.parametrize(
    ("key", "modifier", "slot"),
    [
        (Qt.Key.Key_3, Qt.KeyboardModifier.NoModifier, 2),
        (Qt.Key.Key_0, Qt.KeyboardModifier.NoModifier, 9),
        (Qt.Key.Key_4, SHIFT, 13),
        (Qt.Key.Key_Exclam, SHIFT, 10),
    ],
)
def test_class_by_digit(
    studio: Studio, folder: Path, key: Qt.Key, modifier: Qt.KeyboardModifier, slot: int
) -> None:
    studio.open(folder)
    studio.key(key, modifier)
    assert studio.session.classes.active == slot
    assert studio.canvas.active_class == slot


def test_relabel_by_class_key_under_the_cursor(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_R)
    assert studio.canvas.tool is ToolName.RELABEL
    QTest.mouseMove(studio.canvas, studio.point(50, 50))
    studio.key(Qt.Key.Key_4, SHIFT)
    assert (studio.mask()[32:] == CAR).all()
    assert (studio.mask()[:32] == SKY).all()
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), true_mask())


def test_relabel_by_click_and_lock(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.toggle_locked(SKY)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_R)
    studio.click(50, 10)
    np.testing.assert_array_equal(studio.mask(), true_mask())
    studio.click(50, 50)
    assert (studio.mask()[32:] == CAR).all()


def test_every_commit_is_in_the_journal_before_it_is_saved(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    assert studio.session.project is not None
    path = studio.session.project.recovery.path("frame_0")
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    content = read_journal(path)
    assert content is not None
    assert len(content.records) == 1
    studio.key(Qt.Key.Key_Z, CONTROL)
    content = read_journal(path)
    assert content is not None
    assert len(content.records) == 2
    studio.wait(lambda: not path.exists())


def test_quitting_saves(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    wanted = studio.mask().copy()
    studio.window.close()
    np.testing.assert_array_equal(images.read_mask(folder / "masks" / "frame_0.png"), wanted)


def test_a_failed_save_keeps_the_edits_and_says_so_once(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    masks = folder / "masks"
    masks.rename(folder / "elsewhere")
    masks.write_text("a file where the folder should be")
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: studio.window.status.saved.text() == "Saving failed")
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.settle()
    assert len([text for text in studio.messages() if "is not saved" in text]) == 1
    assert "frame_0" in studio.session.documents.dirty_keys
    masks.unlink()
    (folder / "elsewhere").rename(masks)
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: studio.window.status.saved.text() == "Saved")
    assert not any("is not saved" in text for text in studio.messages())


def test_a_mask_that_cannot_be_read_blocks_editing(studio: Studio, folder: Path) -> None:
    path = folder / "masks" / "frame_0.png"
    path.write_bytes(path.read_bytes()[:60])
    broken = path.read_bytes()
    studio.open(folder)
    assert not studio.can_edit()
    assert studio.session.problem is not None
    studio.drag((10, 10), (80, 10))
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.settle()
    assert path.read_bytes() == broken
    assert studio.session.problem.message in studio.messages()
    studio.open_sample("frame_1")
    assert studio.can_edit()
    assert not any("frame_0" in text for text in studio.messages())


def test_an_image_that_cannot_be_read_is_named(studio: Studio, folder: Path) -> None:
    (folder / "frame_1.png").write_bytes(b"no image")
    studio.open(folder)
    studio.open_sample("frame_1")
    assert studio.session.entry is None
    assert any("frame_1" in text for text in studio.messages())
    studio.key(Qt.Key.Key_D)
    studio.wait(lambda: studio.session.current == "frame_2")


def test_submit_marks_and_goes_on(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_Return, CONTROL)
    studio.wait(lambda: studio.session.current == "frame_1")
    assert studio.session.project is not None
    assert studio.session.project.sample("frame_0").status is SampleStatus.SUBMITTED


def test_next_that_needs_work_skips_what_is_done(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_D, SHIFT)
    studio.wait(lambda: studio.session.current == "frame_2")


def test_filter_narrows_list_and_navigation(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    panel = studio.window.editor.samples
    panel.bar.search.setFocus()
    QTest.keyClicks(panel.bar.search, "frame_3")
    studio.wait(lambda: panel.model.rowCount() == 1)
    QTest.keyClick(panel.bar.search, Qt.Key.Key_Return)
    studio.wait(lambda: studio.session.current == "frame_3")
    panel.bar.search.clear()
    studio.wait(lambda: panel.model.rowCount() == 4)


def test_the_view_comes_back_with_its_sample(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.canvas.zoom_by(3.0)
    view = studio.canvas.view_state()
    studio.open_sample("frame_1")
    assert studio.canvas.view_state() != view
    studio.open_sample("frame_0")
    assert studio.canvas.view_state() == view
    studio.window.view.set_keep_view(True)
    studio.open_sample("frame_2")
    assert studio.canvas.view_state() == view


def test_an_empty_folder_says_what_to_do(studio: Studio, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    studio.session.open_project(empty, "cityscapes")
    studio.wait(lambda: studio.session.project is not None)
    studio.settle()
    assert studio.session.current is None
    fill_folder(empty, 1, 0)
    QTest.keyClick(studio.window, Qt.Key.Key_F5)
    studio.wait(lambda: studio.session.current == "frame_0")
    QApplication.processEvents()


def test_the_last_sample_is_opened_again(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.open_sample("frame_2")
    studio.key(Qt.Key.Key_W, CONTROL)
    studio.wait(lambda: studio.session.project is None)
    studio.settle()
    assert studio.window.pages.currentWidget() is studio.window.start
    studio.open(folder)
    assert studio.session.current == "frame_2"
