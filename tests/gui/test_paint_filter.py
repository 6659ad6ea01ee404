"""The paint filter: rules by clicks and keys, what they spare in painting and accepting, and the banner."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.correcting.paint_filter import NO_PREDICTION, PaintRules
from segstudio.gui.panels.filter_bar import FilterRules
from tests.gui.conftest import CAR, FakeBackend, Studio, predicted_mask, true_mask

SHIFT = Qt.KeyboardModifier.ShiftModifier
CAR_BOX = (slice(40, 56), slice(30, 60))


def rules_window(studio: Studio) -> FilterRules:
    """What Shift+T opens."""
    studio.key(Qt.Key.Key_T, SHIFT)
    found = QApplication.activePopupWidget()
    assert isinstance(found, FilterRules)
    return found


def click(box: object) -> None:
    """The mouse on the square of a check box."""
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QCheckBox

    assert isinstance(box, QCheckBox)
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def test_first_t_asks_for_rules_and_later_ones_switch(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    assert not studio.window.editor.filter_banner.isVisible()
    studio.key(Qt.Key.Key_T)
    window = QApplication.activePopupWidget()
    assert isinstance(window, FilterRules)
    click(window.under_start)
    window.close()
    paint_filter, banner = studio.session.paint_filter, studio.window.editor.filter_banner
    assert paint_filter.in_force == PaintRules(under_start=True)
    assert banner.isVisible()
    assert "stroke begins" in banner.text.text()
    studio.key(Qt.Key.Key_T)
    assert paint_filter.in_force == PaintRules()
    assert not banner.isVisible()
    studio.key(Qt.Key.Key_T)
    assert paint_filter.in_force == PaintRules(under_start=True)
    QTest.mouseClick(banner.off, Qt.MouseButton.LeftButton)
    assert not paint_filter.is_on


def test_painting_over_chosen_classes_only(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(5)
    before = studio.mask().copy()
    window = rules_window(studio)
    click(window.over)
    # It begins with the active class; the class of the pixel in the middle is chosen instead.
    assert window.ticked == {5}
    wanted = int(before[30, 40])
    studio.session.paint_filter.set_rules(over=frozenset({wanted}))
    window.close()
    studio.canvas.set_brush_radius(200)
    studio.drag((40, 30), (44, 32))
    np.testing.assert_array_equal(studio.mask() == 5, (before == wanted) | (before == 5))


def test_stroke_spares_all_but_the_class_where_it_begins(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(5)
    before = studio.mask().copy()
    studio.session.paint_filter.set_rules(under_start=True)
    studio.canvas.set_brush_radius(200)
    studio.drag((40.5, 30.5), (44, 32))
    start = before[30, 40]
    np.testing.assert_array_equal(studio.mask() == 5, (before == start) | (before == 5))


def test_rules_that_ask_the_model(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.session.classes.set_active(5)
    before = studio.mask().copy()
    window = rules_window(studio)
    click(window.differing)
    window.close()
    banner = studio.window.editor.filter_banner
    assert NO_PREDICTION in banner.text.text()
    studio.canvas.set_brush_radius(200)
    studio.drag((40, 30), (44, 32))
    np.testing.assert_array_equal(studio.mask(), before)
    studio.key(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    studio.wait(lambda: studio.session.prediction is not None)
    assert NO_PREDICTION not in banner.text.text()
    studio.drag((40, 30), (44, 32))
    differs = before != predicted_mask()
    assert differs.any()
    np.testing.assert_array_equal(studio.mask()[differs], 5)
    np.testing.assert_array_equal(studio.mask()[~differs], before[~differs])


def test_confidence_limit(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    # The fake model is 204 / 255 = 80 % sure everywhere.
    studio.open(folder)
    studio.key(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.session.classes.set_active(5)
    before = studio.mask().copy()
    window = rules_window(studio)
    window.limit.setValue(80)
    window.close()
    assert studio.session.paint_filter.in_force == PaintRules(unsure=80)
    studio.canvas.set_brush_radius(200)
    studio.drag((40, 30), (44, 32))
    np.testing.assert_array_equal(studio.mask(), before)
    studio.session.paint_filter.set_rules(unsure=81)
    studio.drag((40, 30), (44, 32))
    assert (studio.mask() == 5).all()


def test_accepting_keeps_to_the_filter(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    studio.wait(lambda: studio.session.prediction is not None)
    before = studio.mask().copy()
    spared = int(true_mask()[CAR_BOX][0, 0])
    others = frozenset(range(19)) - {spared}
    studio.session.paint_filter.set_rules(over=others)
    studio.window.editing.accept_all()
    np.testing.assert_array_equal(studio.mask()[before == spared], spared)
    studio.session.paint_filter.set_on(False)
    studio.window.editing.accept_all()
    assert (studio.mask()[CAR_BOX] == CAR).all()


def test_another_project_starts_without_a_filter(studio: Studio, folder: Path, tmp_path: Path) -> None:
    studio.open(folder)
    studio.session.paint_filter.set_rules(over=frozenset({3}))
    studio.open(folder)
    assert studio.session.paint_filter.rules.is_empty
    assert not studio.window.editor.filter_banner.isVisible()
