"""Second choices, the walk through disagreements and regions that are alike, by real keys and clicks."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from segstudio import images
from segstudio.annotation.alike import Likeness
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import region_at
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.view import View
from segstudio.gui.correcting.alike_crops import EDGE, crop
from segstudio.gui.dialogs.alike import AlikeDialog
from segstudio.gui.dialogs.batch_progress import BatchProgress
from segstudio.gui.dialogs.candidates import CandidateChooser
from segstudio.gui.main_window import MainWindow
from segstudio.gui.memory import Memory
from segstudio.gui.message import ERROR
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.region_highlight import view_on
from segstudio.inference.core import Kind
from segstudio.project.batches import BatchState, begin_batch, list_batches
from segstudio.project.sample import SampleStatus
from segstudio.settings import Settings
from segstudio.workflows.relabel_alike import Order, relabel, search
from tests.gui.conftest import (
    CAR,
    HEIGHT,
    PALETTE,
    ROAD,
    SKY,
    WIDTH,
    FakeBackend,
    Studio,
    make_image,
    predicted_mask,
)

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
BUS, TRAIN, TRUCK = PALETTE.index("bus"), PALETTE.index("train"), PALETTE.index("truck")
Mask = NDArray[np.uint8]


def first_mask() -> Mask:
    """A bus and a train on a road under the sky."""
    mask = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
    mask[:20] = SKY
    mask[24:40, 10:40] = BUS
    mask[44:56, 60:80] = TRAIN
    return mask


def predicted() -> Mask:
    """The bus is a train, part of the road a car, and the sky ends two pixels lower."""
    ids = first_mask()
    ids[24:40, 10:40] = TRAIN
    ids[50:60, 5:15] = CAR
    ids[20:22] = SKY
    return ids


@pytest.fixture
def depot(studio: Studio, tmp_path: Path) -> Studio:
    """Three samples with that mask and prediction, the first one open."""
    root = tmp_path / "depot"
    root.mkdir()
    for number in range(3):
        images.write_image(root / f"frame_{number}.png", make_image(number))
        images.write_mask(root / "masks" / f"frame_{number}.png", first_mask(), PALETTE.colours())
    studio.open(root)
    studio.session.set_status([f"frame_{number}" for number in range(3)], SampleStatus.IN_PROGRESS)
    project = studio.session.project
    assert project is not None
    confidence = np.full((HEIGHT, WIDTH), 204, np.uint8)
    confidence[50:60, 5:15] = 255
    second = np.full((HEIGHT, WIDTH), 255, np.uint8)
    margin = np.full((HEIGHT, WIDTH), 204, np.uint8)
    second[24:40, 10:30], margin[24:40, 10:40] = TRUCK, 153
    for number in range(3):
        changes = project.save_prediction(
            f"frame_{number}", predicted(), confidence, "m", second=second, margin=margin
        )
        studio.session.note(changes)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.settle()
    return studio


def point_at(studio: Studio, x: int, y: int) -> None:
    """Moves the mouse to a pixel's middle."""
    for place in ((x - 3.5, y + 0.5), (x + 0.5, y + 0.5)):
        QTest.mouseMove(studio.canvas, studio.point(*place))


def with_box(rows: slice, columns: slice, class_id: int) -> Mask:
    """The first mask with a box of a class."""
    mask = first_mask()
    mask[rows, columns] = class_id
    return mask


def titles(studio: Studio) -> list[str]:
    """The steps of the history, without the one that stands for the start."""
    return studio.window.editor.history.titles[1:]


class TestSecondChoice:
    """Shift+R goes down the ranking, Ctrl+R lists it, Shift+U takes all."""

    def test_presses_go_down_the_ranking_and_are_one_step(self, depot: Studio) -> None:
        bus = region_at(first_mask(), 20, 30)
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, SHIFT)
        np.testing.assert_array_equal(depot.mask() == TRAIN, (first_mask() == TRAIN) | (first_mask() == BUS))
        assert any("train 0.80, choice 1 of 2 for bus" in text for text in depot.messages())
        depot.key(Qt.Key.Key_R, SHIFT)
        assert (depot.mask()[bus.rect.slices] == TRUCK).all()
        assert any("truck 0.13, choice 2 of 2" in text for text in depot.messages())
        assert titles(depot) == ["Second choice: truck, 480 px"]
        depot.key(Qt.Key.Key_Z, CONTROL)
        np.testing.assert_array_equal(depot.mask(), first_mask())

    def test_after_the_last_choice_comes_its_own_class(self, depot: Studio) -> None:
        point_at(depot, 20, 30)
        for _ in range(3):
            depot.key(Qt.Key.Key_R, SHIFT)
        np.testing.assert_array_equal(depot.mask(), first_mask())
        assert any(text.startswith("Back to bus") for text in depot.messages())
        depot.key(Qt.Key.Key_R, SHIFT)
        assert (depot.mask()[24:40, 10:40] == TRAIN).all()

    def test_another_edit_begins_a_new_ranking(self, depot: Studio) -> None:
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, SHIFT)
        depot.session.classes.set_active(CAR)
        depot.drag((70, 10), (80, 10))
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, SHIFT)
        assert [title.partition(":")[0] for title in titles(depot)] == [
            "Second choice",
            "Brush",
            "Second choice",
        ]

    def test_a_digit_takes_from_the_list_at_the_cursor(self, depot: Studio) -> None:
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, CONTROL)
        chooser = depot.window.findChild(CandidateChooser)
        assert chooser is not None
        assert [(row.name, round(row.score, 2)) for row in chooser.rows.rows] == [
            ("train", 0.8),
            ("truck", 0.13),
        ]
        assert chooser.hasFocus()
        near = chooser.pos() - depot.canvas.mapTo(depot.window, depot.point(20.5, 30.5))
        assert 0 < near.x() < 40
        assert 0 < near.y() < 40
        QTest.keyClick(chooser, Qt.Key.Key_2)
        assert (depot.mask()[24:40, 10:40] == TRUCK).all()
        assert depot.canvas.hasFocus()
        assert titles(depot) == ["Second choice: truck, 480 px"]

    @pytest.mark.parametrize(
        ("keys", "class_id"),
        [
            ((Qt.Key.Key_Return,), TRAIN),
            ((Qt.Key.Key_Down, Qt.Key.Key_Return), TRUCK),
            ((Qt.Key.Key_Escape,), BUS),
        ],
    )
    def test_arrows_enter_and_escape(self, depot: Studio, keys: tuple[Qt.Key, ...], class_id: int) -> None:
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, CONTROL)
        chooser = depot.window.findChild(CandidateChooser)
        assert chooser is not None
        for key in keys:
            QTest.keyClick(chooser, key)
        assert (depot.mask()[24:40, 10:40] == class_id).all()
        assert depot.canvas.hasFocus()

    def test_a_click_takes_and_a_click_elsewhere_leaves(self, depot: Studio) -> None:
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, CONTROL)
        chooser = depot.window.findChild(CandidateChooser)
        assert chooser is not None
        place = chooser.rows.rect().center()
        place.setY(chooser.rows.height() - 4)
        QTest.mouseClick(chooser.rows, Qt.MouseButton.LeftButton, pos=place)
        assert (depot.mask()[24:40, 10:40] == TRUCK).all()
        depot.key(Qt.Key.Key_R, CONTROL)
        depot.window.editor.samples.bar.search.setFocus()
        depot.wait(lambda: not [c for c in depot.window.findChildren(CandidateChooser) if c.isVisible()])
        assert depot.window.editor.samples.bar.search.hasFocus()

    def test_a_locked_class_stays(self, depot: Studio) -> None:
        depot.session.classes.toggle_locked(BUS)
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, SHIFT)
        np.testing.assert_array_equal(depot.mask(), first_mask())
        assert any("nothing to change; locked classes stay" in text for text in depot.messages())

    def test_where_the_model_agrees_it_says_so(self, depot: Studio) -> None:
        point_at(depot, 50, 5)
        depot.key(Qt.Key.Key_R, SHIFT)
        assert "The model sees nothing but sky here" in depot.messages()
        np.testing.assert_array_equal(depot.mask(), first_mask())

    def test_accepting_here_takes_every_pixel_of_the_region(self, depot: Studio) -> None:
        point_at(depot, 90, 60)
        depot.key(Qt.Key.Key_U, SHIFT)
        road = first_mask() == ROAD
        np.testing.assert_array_equal(depot.mask(), np.where(road, predicted(), first_mask()))
        assert titles(depot)[0].startswith("Accept the model here, ")
        depot.key(Qt.Key.Key_U, SHIFT)
        assert any(text.startswith("The model says road here too") for text in depot.messages())

    def test_without_the_cursor_it_asks_for_it(self, depot: Studio) -> None:
        depot.canvas.left.emit()
        depot.window.actions_by_id["region.second_choice"].trigger()
        assert any("Point at a region" in text for text in depot.messages())


class ScoringBackend(FakeBackend):
    """The same answer with scores of which road is the best everywhere, and truck the next."""

    def core_kind(self) -> Kind:  # type: ignore[override]  # this one gives scores
        return "logits"

    def scores(self, pixels: object) -> NDArray[np.float32]:
        found = np.zeros((1, PALETTE.count, 8, 12), np.float32)
        found[0, [ROAD, TRUCK]] = [[[5.0]], [[4.0]]]
        return found


@pytest.mark.parametrize("kept", [True, False])
def test_a_prediction_of_the_window_keeps_its_runner_up(
    qtbot: QtBot,
    themes: ThemeSwitch,
    folder: Path,
    backend: FakeBackend,
    monkeypatch: pytest.MonkeyPatch,
    kept: bool,
) -> None:
    monkeypatch.setattr("segstudio.gui.models.predictions.open_backend", lambda *_: ScoringBackend())
    settings = Settings.load()
    settings.set("runner_up", kept)
    window = MainWindow(Session(settings, Memory()), themes)
    window.resize(1280, 800)
    window.show()
    studio = Studio(window, qtbot)
    studio.open(folder)
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.settle()
    said = studio.session.prediction
    assert said is not None
    np.testing.assert_array_equal(said.ids, predicted_mask())
    if kept:
        assert said.second is not None
        np.testing.assert_array_equal(said.second, np.where(said.ids == ROAD, TRUCK, ROAD))
        point_at(studio, 80, 50)
        studio.key(Qt.Key.Key_R, SHIFT)
        assert studio.mask()[60, 80] == TRUCK
    else:
        assert said.second is None
    window.close()
    window.deleteLater()


class TestDisagreements:
    """N, Shift+N, Enter and Shift+Enter."""

    @staticmethod
    def text(studio: Studio) -> str:
        return studio.window.corrections.walk.strip.text.text()

    def go(self, studio: Studio, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> str:
        studio.key(Qt.Key.Key_N, modifier)
        studio.settle()
        return self.text(studio)

    def test_they_come_by_weight_and_are_centred_and_outlined(self, depot: Studio) -> None:
        assert self.go(depot) == "1 of 2: mask bus, model train, 480 px, 0.80 sure"
        walk = depot.window.corrections.walk
        assert walk.strip.isVisible()
        assert walk.highlight.isVisible()
        width, height = depot.canvas.screen_size()
        x, y = depot.canvas.view.to_screen(25, 32)
        assert abs(x - width / 2) <= 1
        assert abs(y - height / 2) <= 1
        grey = walk.highlight.grab().toImage()
        places = ((x, y) for x in range(grey.width()) for y in range(grey.height()))
        assert sum(grey.pixelColor(*place).name() == "#ffd60a" for place in places) > 100
        assert self.go(depot) == "2 of 2: mask road, model car, 100 px, 1.00 sure"
        assert self.go(depot).startswith("1 of 2")
        assert self.go(depot, SHIFT).startswith("2 of 2")

    def test_enter_takes_the_models_side_and_goes_on(self, depot: Studio) -> None:
        self.go(depot)
        depot.key(Qt.Key.Key_Return)
        depot.settle()
        expected = with_box(slice(24, 40), slice(10, 40), TRAIN)
        np.testing.assert_array_equal(depot.mask(), expected)
        assert titles(depot)[-1].startswith("Take the model's side, 480 px")
        assert self.text(depot) == "1 of 1: mask road, model car, 100 px, 1.00 sure"
        depot.key(Qt.Key.Key_Return)
        depot.settle()
        assert self.text(depot) == "Mask and model agree but for bands of 2 px or less"
        assert not depot.window.corrections.walk.strip.model_button.isEnabled()
        depot.key(Qt.Key.Key_Z, CONTROL)
        depot.key(Qt.Key.Key_Z, CONTROL)
        np.testing.assert_array_equal(depot.mask(), first_mask())
        depot.wait(lambda: self.text(depot).startswith("2 of 2: mask road, model car"))

    def test_the_accept_key_takes_the_region_that_is_shown(self, depot: Studio) -> None:
        self.go(depot)
        self.go(depot)
        point_at(depot, 10, 55)
        depot.key(Qt.Key.Key_U, SHIFT)
        depot.settle()
        np.testing.assert_array_equal(depot.mask(), with_box(slice(50, 60), slice(5, 15), CAR))
        assert self.text(depot).startswith("1 of 1: mask bus")

    def test_what_is_kept_does_not_come_back(self, depot: Studio) -> None:
        self.go(depot)
        depot.key(Qt.Key.Key_Return, SHIFT)
        assert self.text(depot).startswith("1 of 1: mask road, model car")
        depot.key(Qt.Key.Key_Escape)
        assert not depot.window.corrections.walk.is_on
        assert self.go(depot).startswith("1 of 1: mask road, model car")
        np.testing.assert_array_equal(depot.mask(), first_mask())
        depot.open_sample("frame_1")
        depot.wait(lambda: depot.session.prediction is not None)
        assert self.go(depot).startswith("1 of 2: mask bus")
        depot.open_sample("frame_0")
        depot.wait(lambda: depot.session.prediction is not None)
        assert self.go(depot).startswith("1 of 1: mask road")

    def test_the_list_follows_an_edit_by_hand(self, depot: Studio) -> None:
        self.go(depot)
        depot.key(Qt.Key.Key_R)
        depot.session.classes.set_active(TRAIN)
        depot.click(20.5, 30.5)
        depot.wait(lambda: self.text(depot).startswith("Settled; 1 left"))
        assert not depot.window.corrections.walk.highlight.isVisible()
        depot.key(Qt.Key.Key_Return)
        depot.settle()
        assert self.text(depot).startswith("1 of 1: mask road, model car")

    def test_what_undoing_brings_back_is_asked_again(self, depot: Studio) -> None:
        self.go(depot)
        point_at(depot, 20, 30)
        depot.key(Qt.Key.Key_R, SHIFT)
        depot.wait(lambda: self.text(depot).startswith("Settled; 1 left"))
        depot.key(Qt.Key.Key_Z, CONTROL)
        depot.key(Qt.Key.Key_Return)
        depot.settle()
        assert self.text(depot).startswith("1 of 2: mask bus, model train")
        np.testing.assert_array_equal(depot.mask(), first_mask())

    def test_enter_still_closes_a_polygon(self, depot: Studio) -> None:
        self.go(depot)
        depot.key(Qt.Key.Key_P)
        assert depot.tool() is ToolName.POLYGON
        depot.session.classes.set_active(CAR)
        for place in ((12, 26), (20, 26), (20, 34)):
            depot.click(*place)
        depot.key(Qt.Key.Key_Return)
        assert [title.partition(":")[0] for title in titles(depot)] == ["Polygon"]

    def test_buttons_do_the_same(self, depot: Studio) -> None:
        self.go(depot)
        strip = depot.window.corrections.walk.strip
        QTest.mouseClick(strip.on, Qt.MouseButton.LeftButton)
        assert self.text(depot).startswith("2 of 2")
        QTest.mouseClick(strip.mask_button, Qt.MouseButton.LeftButton)
        QTest.mouseClick(strip.model_button, Qt.MouseButton.LeftButton)
        depot.settle()
        assert (depot.mask()[24:40, 10:40] == TRAIN).all()
        QTest.mouseClick(strip.cross, Qt.MouseButton.LeftButton)
        assert not strip.isVisible()
        assert depot.canvas.hasFocus()

    def test_bands_and_unlabelled_pixels_when_asked(self, depot: Studio) -> None:
        self.go(depot)
        strip = depot.window.corrections.walk.strip
        strip.border.setValue(1)
        depot.settle()
        depot.wait(lambda: " of 3:" in self.text(depot))
        document = depot.session.entry
        assert document is not None
        depot.key(Qt.Key.Key_E)
        depot.drag((70, 4), (80, 4))
        depot.settle()
        QTest.mouseClick(strip.unlabelled, Qt.MouseButton.LeftButton)
        depot.settle()
        depot.wait(lambda: " of 4:" in self.text(depot))
        assert depot.session.memory.tools["disagreement_border"] == 1

    def test_a_locked_class_stays(self, depot: Studio) -> None:
        depot.session.classes.toggle_locked(BUS)
        self.go(depot)
        depot.key(Qt.Key.Key_Return)
        depot.settle()
        np.testing.assert_array_equal(depot.mask(), first_mask())
        assert "Nothing to change; locked classes stay" in depot.messages()

    def test_the_outline_follows_the_view(self, depot: Studio) -> None:
        self.go(depot)
        highlight = depot.window.corrections.walk.highlight
        before = highlight.geometry()
        depot.canvas.set_view(depot.canvas.view.moved(40, 10))
        depot.wait(lambda: highlight.geometry() == before.translated(40, 10))

    def test_menu_actions_begin_the_walk(self, depot: Studio) -> None:
        depot.window.actions_by_id["model.take_side"].trigger()
        depot.settle()
        assert self.text(depot).startswith("1 of 2")
        np.testing.assert_array_equal(depot.mask(), first_mask())
        depot.window.actions_by_id["model.keep_side"].trigger()
        assert self.text(depot).startswith("1 of 1")


@pytest.mark.parametrize(
    ("view", "rect", "scale"),
    [
        (View(2.0, 0, 0), Rect(10, 10, 60, 50), 2.0),
        (View(8.0, 5, 5), Rect(0, 0, 1000, 10), 0.48),
        (View(0.5, 0, 0), Rect(100, 100, 20, 20), 10.0),
        (View(0.5, 0, 0), Rect(100, 100, 2, 1), 16.0),
        (View(20.0, 0, 0), Rect(3, 3, 2, 2), 20.0),
    ],
)
def test_a_view_on_a_region(view: View, rect: Rect, scale: float) -> None:
    found = view_on(view, rect, (800, 600))
    assert found.scale == pytest.approx(scale)
    x, y = found.to_screen(rect.x + rect.width / 2, rect.y + rect.height / 2)
    assert abs(x - 400) <= 0.5
    assert abs(y - 300) <= 0.5


class TestAlike:
    """Shift+G and its dialog."""

    @staticmethod
    def open_dialog(studio: Studio, x: int = 20, y: int = 30) -> AlikeDialog:
        point_at(studio, x, y)
        studio.key(Qt.Key.Key_G, SHIFT)
        dialog = studio.window.findChild(AlikeDialog)
        assert dialog is not None
        studio.settle()
        return dialog

    @staticmethod
    def choose_target(dialog: AlikeDialog, class_id: int) -> None:
        dialog.form.target.setCurrentIndex(dialog.form.target.findData(class_id))

    def test_all_buses_become_trains_and_come_back(self, depot: Studio) -> None:
        project = depot.session.project
        assert project is not None
        before = {key: project.mask_path(key).read_bytes() for key in ("frame_0", "frame_1", "frame_2")}
        dialog = self.open_dialog(depot)
        assert dialog.form.likeness == Likeness(BUS)
        assert dialog.count.text() == "3 regions in 3 samples"
        self.choose_target(dialog, TRAIN)
        assert dialog.relabel_button.text() == "Relabel 3 regions in 3 samples"
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        depot.wait(lambda: not depot.session.documents.dirty_keys)
        depot.settle()
        expected = with_box(slice(24, 40), slice(10, 40), TRAIN)
        for key in before:
            np.testing.assert_array_equal(depot.file_mask(key), expected)
        np.testing.assert_array_equal(depot.mask(), expected)
        assert titles(depot) == ["Relabel bus as train, 480 px"]
        message = next(m for m in depot.window.messages.messages if m.action == "Undo batch")
        assert message.text == "Relabelled 3 regions in 3 samples, 1,440 px"
        depot.window.actions_by_id["edit.undo_batch"].trigger()
        progress = depot.window.findChild(BatchProgress)
        assert progress is not None
        assert progress.isModal()
        depot.settle()
        depot.wait(lambda: not depot.window.findChildren(BatchProgress))
        depot.wait(lambda: not depot.session.documents.dirty_keys)
        depot.settle()
        assert {key: project.mask_path(key).read_bytes() for key in before} == before
        np.testing.assert_array_equal(depot.mask(), first_mask())
        assert "Undone: Relabel bus as train, 3 samples" in depot.messages()

    def test_the_open_sample_alone_is_an_ordinary_edit(self, depot: Studio) -> None:
        dialog = self.open_dialog(depot)
        dialog.form.scope.setCurrentIndex(0)
        depot.wait(lambda: dialog.count.text() == "1 region in 1 sample")
        depot.settle()
        self.choose_target(dialog, CAR)
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        assert titles(depot) == ["Relabel bus as car, 480 px"]
        project = depot.session.project
        assert project is not None
        assert list_batches(project.batches_dir) == []
        depot.wait(lambda: depot.window.isActiveWindow())
        depot.key(Qt.Key.Key_Z, CONTROL)
        np.testing.assert_array_equal(depot.mask(), first_mask())

    def test_unticked_regions_and_accepted_samples_stay(self, depot: Studio) -> None:
        depot.session.set_status(["frame_2"], SampleStatus.ACCEPTED)
        depot.settle()
        dialog = self.open_dialog(depot)
        self.choose_target(dialog, CAR)
        depot.wait(lambda: dialog.grid.visualRect(dialog.model.index(1)).isValid())
        place = dialog.grid.visualRect(dialog.model.index(1)).center()
        QTest.mouseClick(dialog.grid.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert dialog.remark.text() == "2 ticked  ·  1 in accepted samples stay"
        QTest.mouseClick(dialog.form.accepted, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
        assert dialog.relabel_button.text() == "Relabel 2 regions in 2 samples"
        QTest.mouseClick(dialog.form.accepted, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
        assert dialog.relabel_button.text() == "Relabel 1 region in 1 sample"
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        assert (depot.mask()[24:40, 10:40] == CAR).all()
        for key in ("frame_1", "frame_2"):
            np.testing.assert_array_equal(depot.file_mask(key), first_mask())

    def test_space_ticks_and_all_and_none(self, depot: Studio) -> None:
        dialog = self.open_dialog(depot)
        dialog.grid.setFocus()
        dialog.grid.setCurrentIndex(dialog.model.index(0))
        QTest.keyClick(dialog.grid, Qt.Key.Key_Space)
        assert dialog.remark.text() == "2 ticked"
        QTest.mouseClick(dialog.none_button, Qt.MouseButton.LeftButton)
        assert dialog.relabel_button.text() == "Relabel"
        assert not dialog.relabel_button.isEnabled()
        QTest.mouseClick(dialog.all_button, Qt.MouseButton.LeftButton)
        assert dialog.relabel_button.text() == "Relabel 3 regions in 3 samples"
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        depot.settle()
        np.testing.assert_array_equal(depot.mask(), first_mask())

    def test_filters_and_the_empty_state(self, depot: Studio) -> None:
        dialog = self.open_dialog(depot)
        dialog.form.least.setValue(481)
        depot.wait(lambda: dialog.count.text() == "0 regions in 0 samples")
        depot.settle()
        assert dialog.empty.isVisible()
        dialog.form.least.setValue(1)
        dialog.form.second.setCurrentIndex(dialog.form.second.findData(TRAIN))
        depot.wait(lambda: dialog.count.text() == "3 regions in 3 samples")
        dialog.form.touching.setCurrentIndex(dialog.form.touching.findData(SKY))
        depot.wait(lambda: dialog.count.text() == "0 regions in 0 samples")
        depot.settle()
        QTest.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
        depot.settle()

    def test_regions_of_the_prediction_change_the_mask(self, depot: Studio) -> None:
        dialog = self.open_dialog(depot, 25, 5)
        QTest.mouseClick(dialog.form.source.buttons["prediction"], Qt.MouseButton.LeftButton)
        dialog.form.class_box.setCurrentIndex(dialog.form.class_box.findData(CAR))
        assert not dialog.relabel_button.isEnabled()
        depot.wait(lambda: dialog.relabel_button.isEnabled())
        assert [finds.regions[0].area for finds in dialog.model.chosen()] == [100, 100, 100]
        self.choose_target(dialog, CAR)
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        expected = with_box(slice(50, 60), slice(5, 15), CAR)
        np.testing.assert_array_equal(depot.file_mask("frame_1"), expected)
        np.testing.assert_array_equal(depot.mask(), expected)

    def test_locked_classes_stay(self, depot: Studio) -> None:
        depot.session.classes.toggle_locked(BUS)
        dialog = self.open_dialog(depot)
        self.choose_target(dialog, CAR)
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        np.testing.assert_array_equal(depot.mask(), first_mask())
        assert "Nothing changed; locked classes stay" in depot.messages()

    def test_a_sample_edited_since_is_not_undone_and_is_named(self, depot: Studio) -> None:
        dialog = self.open_dialog(depot)
        self.choose_target(dialog, CAR)
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        depot.session.classes.set_active(SKY)
        depot.key(Qt.Key.Key_B)
        depot.drag((50, 60), (60, 60))
        painted = depot.mask().copy()
        depot.window.actions_by_id["edit.undo_batch"].trigger()
        depot.settle()
        np.testing.assert_array_equal(depot.mask(), painted)
        np.testing.assert_array_equal(depot.file_mask("frame_1"), first_mask())
        message = next(m for m in depot.window.messages.messages if m.text.startswith("Undone"))
        assert "frame_0: it was edited since" in message.hint

    def test_a_batch_that_a_crash_stopped_is_offered_at_the_next_start(self, depot: Studio) -> None:
        session = depot.session
        project = session.project
        assert project is not None
        root, wanted = project.root, Likeness(BUS)
        found, _ = search(project, project.samples(), wanted)
        result = relabel(project, found[1:], Order(wanted, CAR, "Relabel bus as car"))
        batch = begin_batch(project.batches_dir, "other")
        batch.end()
        facts = project.batches_dir / result.batch / "batch.json"
        facts.write_text(facts.read_text().replace('"done"', '"running"'))
        session.close_project()
        depot.settle()
        depot.open(root)
        message = next(m for m in depot.window.messages.messages if "stopped half way" in m.text)
        assert message.act is not None
        message.act()
        depot.settle()
        np.testing.assert_array_equal(depot.file_mask("frame_2"), first_mask())
        project = session.project
        assert project is not None
        assert list_batches(project.batches_dir)[0].state is BatchState.UNDONE

    def test_a_batch_is_cancelled_by_its_button(self, depot: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        dialog = self.open_dialog(depot)
        self.choose_target(dialog, CAR)
        project = depot.session.project
        assert project is not None
        real = project.save_mask

        def save(key: str, mask: Mask, **options: bool) -> object:
            depot.session.jobs.active()[0].cancel()
            return real(key, mask, **options)  # type: ignore[arg-type]  # whatever the caller gave

        monkeypatch.setattr(project, "save_mask", save)
        QTest.mouseClick(dialog.relabel_button, Qt.MouseButton.LeftButton)
        depot.settle()
        assert CAR in np.unique(depot.file_mask("frame_1"))  # type: ignore[arg-type]  # it is there
        np.testing.assert_array_equal(depot.file_mask("frame_2"), first_mask())
        assert any("frame_2: it was cancelled before" in m.hint for m in depot.window.messages.messages)

    def test_undo_without_a_batch_says_so(self, depot: Studio) -> None:
        depot.window.actions_by_id["edit.undo_batch"].trigger()
        depot.settle()
        assert "There is no batch to undo" in depot.messages()
        assert not [m for m in depot.window.messages.messages if m.level == ERROR]


def test_a_crop_shows_the_region_in_its_surroundings() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:24] = 1
    picture = crop(image, region_at(mask, 21, 20))
    assert max(picture.shape[:2]) == EDGE
    assert picture.shape[1] >= picture.shape[0]
    assert (picture == (255, 214, 10)).all(axis=2).any()
