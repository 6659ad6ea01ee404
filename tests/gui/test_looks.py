"""The window's ways to look at a sample: layers, comparison, adjustments, differences, minimap, readings."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.annotation.mask import MaskDocument
from segstudio.gui.canvas.adjust import NEUTRAL, Adjustment
from segstudio.gui.canvas.difference import DifferenceKind
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.correcting import region_area
from segstudio.gui.correcting.region_area import RegionArea
from segstudio.gui.panels.status_bar import reading_text
from segstudio.gui.view.view_state import LAYERS, ViewState
from tests.gui.conftest import CAR, HEIGHT, ROAD, SKY, WIDTH, FakeBackend, Studio, fill_folder

SHIFT = Qt.KeyboardModifier.ShiftModifier


def predicted(studio: Studio, folder: Path) -> Studio:
    """The folder's first sample, open and predicted."""
    studio.open(folder)
    studio.key(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.settle()
    return studio


def hover(studio: Studio, x: float, y: float) -> None:
    """Points at an image pixel."""
    QTest.mouseMove(studio.canvas, studio.point(x, y))
    QApplication.processEvents()


# -- choices -------------------------------------------------------------------------------------------------


def test_next_layer_goes_through_what_there_is() -> None:
    view = ViewState()
    view.next_layer()
    assert view.layer == "mask"
    view.set_available({"prediction", "difference", "confidence"})
    shown = []
    for _ in range(5):
        view.next_layer()
        shown.append(view.shown_layer)
    assert shown == ["prediction", "difference", "confidence", "mask", "prediction"]
    view.set_available({"version"})
    assert view.shown_layer == "mask"
    view.next_layer()
    assert view.shown_layer == "version"
    assert set(LAYERS) == {layer.value for layer in Layer} - {"image"}


def test_a_comparison_chosen_again_ends() -> None:
    view = ViewState()
    view.set_comparison("split")
    assert "compare.split" in view.ticks()
    view.set_comparison("split")
    assert "compare.off" in view.ticks()


def test_what_is_compared_with_falls_back_to_the_image() -> None:
    view = ViewState()
    assert view.shown_other == "image"
    view.set_available({"prediction"})
    assert view.shown_other == "prediction"


# -- window --------------------------------------------------------------------------------------------------


def test_m_shows_only_layers_that_exist(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_M)
    assert studio.layer() is Layer.MASK
    predicted(studio, folder)
    layers = []
    for _ in range(4):
        studio.key(Qt.Key.Key_M)
        layers.append(studio.layer())
    assert layers == [Layer.PREDICTION, Layer.DIFFERENCE, Layer.CONFIDENCE, Layer.MASK]
    studio.window.link.looks.show_version(np.full((HEIGHT, WIDTH), CAR, np.uint8))
    for _ in range(4):
        studio.key(Qt.Key.Key_M)
    assert studio.layer() is Layer.VERSION
    assert studio.window.editor.view_bar.layers.value == "version"
    studio.open_sample(studio.session.book.listed[1].key)
    assert studio.layer() is Layer.MASK
    assert studio.canvas.overlay.version is None


def test_a_version_of_another_size_is_not_offered(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.window.link.looks.show_version(np.zeros((3, 3), np.uint8))
    assert studio.canvas.overlay.version is None


def test_keys_split_move_the_divider_and_stand_side_by_side(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    predicted(studio, folder)
    twin = studio.window.editor.compared.twin
    studio.key(Qt.Key.Key_F6)
    assert studio.canvas.shown_layers() == (Layer.MASK, Layer.PREDICTION)
    before = studio.canvas.divider.column()
    studio.key(Qt.Key.Key_Right, SHIFT)
    assert studio.canvas.divider.column() > before
    studio.key(Qt.Key.Key_F6, SHIFT)
    assert studio.canvas.shown_layers()[1] is Layer.MASK
    studio.key(Qt.Key.Key_F6)
    assert studio.canvas.shown_layers() == (Layer.MASK,)
    assert twin.isHidden()
    studio.window.actions_by_id["other.prediction"].trigger()
    studio.key(Qt.Key.Key_F7)
    assert twin.isVisible()
    assert abs(twin.width() - studio.canvas.width()) <= 1
    assert twin.shown_layers() == (Layer.PREDICTION,)
    assert twin.scene.image is studio.canvas.scene.image
    studio.canvas.zoom_by(2.0)
    assert twin.view == studio.canvas.view
    studio.key(Qt.Key.Key_F7)
    assert twin.isHidden()


def test_the_divider_follows_the_mouse(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_F6)
    canvas = studio.canvas
    start = QPoint(canvas.divider.column(), 30)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(canvas, start + QPoint(100, 0))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(100, 0))
    assert canvas.divider.column() == pytest.approx(start.x() + 100, abs=1)
    assert studio.window.view.split == pytest.approx(canvas.divider.column() / canvas.width(), abs=0.01)


def test_blinking_shows_what_is_compared_with(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    predicted(studio, folder)
    studio.window.view.set_other("difference")
    QTest.keyPress(studio.canvas, Qt.Key.Key_Backslash)
    assert studio.layer() is Layer.DIFFERENCE
    QTest.keyRelease(studio.canvas, Qt.Key.Key_Backslash)
    assert studio.layer() is Layer.MASK


def test_a_stroke_in_the_split_shows_the_mask_everywhere(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    predicted(studio, folder)
    studio.key(Qt.Key.Key_F6)
    right = studio.point(80, 10)
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=right)
    assert studio.canvas.shown_layers() == (Layer.MASK,)
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=right)
    assert len(studio.canvas.shown_layers()) == 2


def test_adjustments_are_turned_and_reset(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    bar = studio.window.editor.view_bar
    studio.key(Qt.Key.Key_F8)
    popover = bar.popover
    assert popover.isVisible()
    QTest.keyClick(popover.sliders["brightness"], Qt.Key.Key_Right)
    popover.sliders["local"].setValue(40)
    assert studio.canvas.scene.adjustment == Adjustment(brightness=1, local=40)
    assert bar.adjust.isChecked()
    assert "Shift+F8" in studio.canvas.captions.captions()[0].text
    QTest.keyClick(popover.sliders["brightness"], Qt.Key.Key_Escape)
    assert not popover.isVisible()
    assert studio.canvas.hasFocus()
    studio.key(Qt.Key.Key_F8, SHIFT)
    assert studio.canvas.scene.adjustment == NEUTRAL
    assert not bar.adjust.isChecked()
    assert studio.canvas.captions.captions() == []
    assert popover.sliders["local"].value() == 0


def test_kinds_of_difference(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    predicted(studio, folder)
    bar, style = studio.window.editor.view_bar, studio.canvas.overlay
    assert bar.difference.isHidden()
    studio.window.actions_by_id["layer.difference"].trigger()
    assert not bar.difference.isHidden()
    bar.difference.setCurrentIndex(1)
    bar.difference.activated.emit(1)
    assert style.style.difference is DifferenceKind.ACTIVE
    studio.session.classes.set_active(CAR)
    assert style.style.active == CAR
    assert studio.canvas.legend.class_name == "car"
    assert not studio.canvas.legend.rect().isEmpty()
    studio.window.actions_by_id["differ.wide"].trigger()
    bar.border.setValue(5)
    assert (style.style.difference, style.style.border) == (DifferenceKind.WIDE, 5)
    studio.window.actions_by_id["layer.confidence"].trigger()
    assert not studio.canvas.legend.rect().isEmpty()
    studio.window.actions_by_id["layer.mask"].trigger()
    assert studio.canvas.legend.rect().isEmpty()


def test_switches_of_the_view_menu(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    actions, canvas = studio.window.actions_by_id, studio.canvas
    before = canvas.minimap.enabled
    studio.key(Qt.Key.Key_F9)
    assert (before, canvas.minimap.enabled) == (True, False)
    for name in ("view.patterns", "view.names"):
        actions[name].trigger()
    studio.settle()
    assert actions["view.patterns"].isChecked()
    assert actions["view.names"].isChecked()
    assert canvas.overlay.style.patterns
    assert canvas.names.enabled
    assert canvas.names.names[ROAD] == "road"


def test_zoom_and_place_are_carried_to_the_next_sample(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.window.actions_by_id["view.keep"].trigger()
    studio.canvas.zoom_to(6.0)
    studio.canvas.set_view(studio.canvas.view.moved(-33, 21))
    view = studio.canvas.view
    studio.open_sample(studio.session.book.listed[1].key)
    assert studio.canvas.view == view


# -- readings ------------------------------------------------------------------------------------------------


def test_the_reading_tells_place_colour_classes_and_area(
    studio: Studio, folder: Path, backend: FakeBackend
) -> None:
    predicted(studio, folder)
    hover(studio, 40.5, 50.5)
    reading = studio.window.link.reading(40, 50)
    assert reading is not None
    assert reading.area == WIDTH * HEIGHT // 2
    assert reading_text(reading)[2] == "road   ·   model: car 80 %   ·   region: 3,072 px"
    assert studio.window.status.classes.text() == reading_text(reading)[2]
    assert studio.window.status.place.text() == "40, 50"
    hover(studio, 40.5, 10.5)
    assert studio.window.status.classes.text().startswith("sky   ·")
    assert studio.window.status.classes.text().endswith("region: 3,072 px")
    studio.session.classes.set_active(CAR)
    studio.drag((40.5, 10.5))
    hover(studio, 41.5, 10.5)
    painted = int((studio.mask() == CAR).sum())
    assert studio.window.status.classes.text().startswith("car   ·")
    assert studio.window.status.classes.text().endswith(f"region: {painted:,} px")
    assert int((studio.mask() == SKY).sum()) == WIDTH * HEIGHT // 2 - painted


def test_large_regions_are_measured_by_a_worker(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_area, "NEAR", 16)
    studio.open(fill_folder(tmp_path / "street"))
    hover(studio, 20.5, 50.5)
    reading = studio.window.link.reading(20, 50)
    assert reading is not None
    assert reading.area is None
    studio.wait(lambda: "region: 3,072 px" in studio.window.status.classes.text())
    studio.settle()


def test_nothing_is_measured_during_a_stroke(studio: Studio) -> None:
    area = RegionArea(studio.session.bridge)
    document = MaskDocument(np.zeros((8, 8), np.uint8))
    assert area.at(document, 1, 1) == 64
    document.begin("Brush")
    assert area.at(document, 1, 1) is None
    document.abort()
    assert area.at(document, 1, 1) == 64


def test_a_version_that_is_looked_at_becomes_a_layer(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    old = np.full((HEIGHT, WIDTH), CAR, np.uint8)
    studio.session.versions.show_pixels(studio.session.current or "", "12:00", old)
    assert studio.layer() is Layer.VERSION
    assert studio.canvas.overlay.source() is old
    assert studio.window.editor.view_bar.layers.value == "version"
    studio.session.versions.hide()
    assert studio.layer() is Layer.MASK
    assert studio.canvas.overlay.version is None
