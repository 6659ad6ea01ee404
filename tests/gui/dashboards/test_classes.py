"""The table of classes: its numbers, its order, and the questions about error segments that it asks."""

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.class_table import (
    ACCURACY,
    BAR,
    BOUNDARY,
    CLASS,
    COST,
    DIFFERENCE,
    F1,
    HEADINGS,
    IOU,
    PIXELS,
    REFERENCE,
    REGIONS,
    SAMPLES,
    ClassTable,
    percent,
    points,
    short,
    thousands,
)
from segstudio.gui.dashboards.classes_view import ClassesView
from segstudio.gui.dashboards.plot_colours import KIND_COLOURS
from segstudio.metrics.segment_query import matching
from segstudio.workflows.class_scores import NO_REFERENCE
from segstudio.workflows.reference import load_reference
from tests.gui.conftest import CAR, PALETTE
from tests.gui.dashboards.desk import (
    BUS,
    CAR_IOU,
    CLASSES,
    FIRST,
    ROAD_IOU,
    SKY_IOU,
    Desk,
    click_heading,
    counts,
    note,
    store_counts,
    store_evaluations,
    texts,
    visible_placeholder,
)


def classes_page(desk: Desk) -> ClassesView:
    view = desk.page("classes")
    assert isinstance(view, ClassesView)
    return view


def table(desk: Desk) -> ClassTable:
    return classes_page(desk).scores.table


def compare(desk: Desk, text: str) -> None:
    """Chooses what to compare with."""
    view = classes_page(desk)
    view.compare_choice.setCurrentText(text)
    view.compare_choice.activated.emit(view.compare_choice.currentIndex())
    desk.settle()


def rows_of(shown: ClassTable) -> dict[str, list[str]]:
    """Texts by class."""
    columns = [texts(shown, number) for number in range(len(HEADINGS))]
    return {name: [column[row] for column in columns] for row, name in enumerate(columns[CLASS])}


def place_of(shown: ClassTable, class_id: int, column: int, share: float = 0.5) -> QPoint:
    """A place in a class's cell, as a share of its width."""
    shown.choose(class_id)
    cell = shown.visualRect(shown.currentIndex().siblingAtColumn(column))
    return QPoint(round(cell.left() + cell.width() * share), cell.center().y())


def test_without_scores_the_page_says_what_to_do(opened: Desk) -> None:
    view = classes_page(opened)
    text = visible_placeholder(view)
    assert "No scores yet" in text
    assert "Evaluate" in text
    assert not view.scores.table.isVisible()
    assert not view.evaluate_button.isEnabled()


def test_scores_are_the_hand_computed_ones(opened: Desk) -> None:
    shown = table(opened)
    store_counts(opened)
    assert visible_placeholder(classes_page(opened)) == ""
    compare(opened, NO_REFERENCE)
    assert shown.isColumnHidden(REFERENCE)
    found = rows_of(shown)
    lost = 3 - ROAD_IOU - SKY_IOU - CAR_IOU
    # Of two samples either may be drawn twice: the interval's ends are those of the single ones.
    road = [percent(700 / 850), percent(11_000 / 11_200)]
    assert found["road"] == [
        "road", "", f"{percent(ROAD_IOU)} [{short(700 / 850)}–{short(11_000 / 11_200)}], 2 samples", "–", "–",
        f"{(1 - ROAD_IOU) / lost * 100:.1f} %", "97.5", percent(11_700 / 11_750), "98.5", "–", "2", "–",
        "12.0 k",
    ]  # fmt: skip
    assert road[0] < road[1]
    assert found["car"][ACCURACY:] == ["75.0", "60.0", "66.7", "–", "1", "–", "200"]
    for name in set(PALETTE.names) - {"road", "sky", "car"}:
        assert found[name][IOU:] == ["absent", *["–"] * 7, "0", "–", "0"]
    figures = {key: tile.figure for key, tile in classes_page(opened).scores.tiles.tiles.items()}
    assert figures == {
        "miou": f"{(ROAD_IOU + SKY_IOU + CAR_IOU) / 3 * 100:.1f} %",
        "boundary": "–",
        "macc": f"{(0.975 + 0.8 + 0.75) / 3 * 100:.1f} %",
        "aacc": f"{(11_700 + 400 + 150) / 12_700 * 100:.1f} %",
        "samples": "2",
    }
    assert "press Evaluate" in classes_page(opened).scores.protocol.text()


def test_a_rare_class_says_on_how_little_its_figure_stands(opened: Desk) -> None:
    store_evaluations(opened)
    found = rows_of(table(opened))
    assert found["car"][IOU] == "50.0 [0.0–100], 2 samples"
    assert (found["car"][REGIONS], found["car"][PIXELS], found["car"][BOUNDARY]) == ("2", "960", "50.0")
    assert found["bus"][IOU] == "0.0 [0.0–0.0]"
    assert "in no mask" in table(opened).rows.index(BUS, IOU).data(Qt.ItemDataRole.ToolTipRole)
    assert "press Evaluate" not in classes_page(opened).scores.protocol.text()


def test_the_reference_stands_beside_with_its_difference(opened: Desk) -> None:
    store_counts(opened)
    view, shown = classes_page(opened), table(opened)
    published = load_reference().for_palette("cityscapes")
    box = view.compare_choice
    assert [box.itemText(row) for row in range(box.count())] == [
        *(row.name for row in published),
        NO_REFERENCE,
    ]
    for row in published:
        compare(opened, row.name)
        found = rows_of(shown)
        assert all(found[name][REFERENCE] == percent(row.iou.get(name)) for name in PALETTE.names)
        assert found["car"][DIFFERENCE] == points(CAR_IOU - row.iou["car"])
        assert found["train"][DIFFERENCE] == "–"
        assert row.protocol in view.scores.protocol.text()
        bar = shown.rows.index(CAR, BAR).data(BAR_ROLE)
        assert isinstance(bar, Bar)
        assert bar.tick == row.iou["car"]
        assert bar.parts[0][0] == pytest.approx(CAR_IOU)


def test_another_model_can_be_compared_with(opened: Desk) -> None:
    store_evaluations(opened)
    store_evaluations(opened, "better", is_right=True)
    view = classes_page(opened)
    view.model_choice.setCurrentText("better")
    view.model_choice.activated.emit(0)
    opened.settle()
    compare(opened, "Model fake")
    assert rows_of(table(opened))["car"][IOU : DIFFERENCE + 1] == [
        "100.0 [100–100], 2 samples",
        "50.0",
        "+50.0",
    ]
    assert "the same 2 samples" in view.scores.protocol.text()


def test_what_costs_most_stands_first_and_the_costs_are_whole(opened: Desk) -> None:
    store_evaluations(opened)
    shown = table(opened)
    assert texts(shown, CLASS)[:2] == ["bus", "car"]
    assert texts(shown, COST)[:3] == ["66.7 %", "33.3 %", "0.0 %"]
    assert set(texts(shown, COST)[4:]) == {"–"}


@pytest.mark.parametrize("number", [IOU, DIFFERENCE, ACCURACY, F1, PIXELS, SAMPLES])
def test_a_heading_sorts_numbers_as_numbers_and_absent_ones_last(opened: Desk, number: int) -> None:
    store_counts(opened)
    shown = table(opened)
    orders = {}
    for _ in range(2):
        click_heading(shown, number)
        orders[shown.horizontalHeader().sortIndicatorOrder()] = texts(shown, number)
    assert len(orders) == 2
    falling = orders[Qt.SortOrder.DescendingOrder]
    assert falling == orders[Qt.SortOrder.AscendingOrder][::-1]
    if number in (PIXELS, SAMPLES):
        assert falling[-1] == "0"
    else:
        assert set(falling[3:]) == {"absent" if number == IOU else "–"}
        assert len(falling) == CLASSES
        values = [float(text.split()[0]) for text in falling[:3]]
        assert values == sorted(values, reverse=True)


def test_a_third_click_brings_the_palette_order(opened: Desk) -> None:
    store_counts(opened)
    shown = table(opened)
    for _ in range(3):
        assert texts(shown, CLASS) != list(PALETTE.names)
        click_heading(shown, IOU)
    assert texts(shown, CLASS) == list(PALETTE.names)


def test_sorting_and_the_chosen_class_stay_when_scores_change(opened: Desk) -> None:
    shown = table(opened)
    store_counts(opened)
    shown.sortByColumn(PIXELS, Qt.SortOrder.DescendingOrder)
    shown.choose(CAR)
    project = opened.session.project
    assert project is not None
    note(opened, project.record_counts("frame_2", "fake", counts(bus__bus=50_000)))
    assert texts(shown, CLASS)[:2] == ["bus", "road"]
    assert texts(shown, PIXELS)[0] == "50.0 k"
    chosen = shown.chosen()
    assert chosen is not None
    assert chosen.name == "car"


def test_the_bar_is_the_ledger(opened: Desk) -> None:
    store_evaluations(opened)
    shown = table(opened)
    bar = shown.rows.index(CAR, BAR).data(BAR_ROLE)
    assert isinstance(bar, Bar)
    assert sum(share for share, _ in bar.parts) == pytest.approx(1)
    tip = next(tip for tip in bar.tips if "taken over" in tip)
    assert tip == "car, taken over: 50.0 points (50.0 of its own pixels lost, 0.0 taken from others)"
    compare(opened, NO_REFERENCE)
    y = place_of(shown, CAR, BAR).y()
    shown.choose(PALETTE.index("road"))
    QApplication.processEvents()
    image = shown.viewport().grab().toImage()
    cell = shown.visualRect(shown.currentIndex().siblingAtColumn(BAR))
    wanted = QColor(KIND_COLOURS["taken_over"])
    row = [image.pixelColor(x, y) for x in range(cell.left(), cell.right() + 1)]
    assert sum(colour == wanted for colour in row) == pytest.approx((cell.width() - 16) / 2, abs=3)


def test_the_grey_of_iou_is_seen_in_either_theme(opened: Desk) -> None:
    store_evaluations(opened)
    shown = table(opened)
    for theme, is_dark in (("dark", True), ("light", False), ("dark", True)):
        opened.themes.choose(theme)
        QApplication.processEvents()
        opened.settle()
        bar = shown.rows.index(CAR, BAR).data(BAR_ROLE)
        assert isinstance(bar, Bar)
        assert (bar.parts[0][1].lightness() > 128) == is_dark


def test_double_click_and_enter_ask_for_the_segments_of_a_class(opened: Desk) -> None:
    store_evaluations(opened)
    shown = table(opened)
    asked = QSignalSpy(classes_page(opened).segments_asked)
    place = place_of(shown, CAR, CLASS)
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.count() == 0
    QTest.mouseDClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.keyClick(shown, Qt.Key.Key_Down)
    QTest.keyClick(shown, Qt.Key.Key_Return)
    found = [asked.at(number)[0] for number in range(asked.count())]
    after = texts(shown, CLASS)[texts(shown, CLASS).index("car") + 1]
    assert found == ["class=car", f"class={after}"]
    shown.choose(PALETTE.index("traffic light"))
    QTest.keyClick(shown, Qt.Key.Key_Return)
    assert asked.at(asked.count() - 1)[0] == 'class="traffic light"'


def test_a_click_on_a_part_of_the_bar_asks_for_its_kind(opened: Desk) -> None:
    store_evaluations(opened)
    shown = table(opened)
    asked = QSignalSpy(classes_page(opened).segments_asked)
    # The first half is IoU, the second what was taken over.
    right, wrong = place_of(shown, CAR, BAR, 0.25), place_of(shown, CAR, BAR, 0.75)
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=right)
    assert asked.count() == 0
    QTest.mouseMove(shown.viewport(), wrong)
    assert shown.viewport().cursor().shape() == Qt.CursorShape.PointingHandCursor
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=wrong)
    assert asked.at(0)[0] == "class=car kind=taken_over"
    project = opened.session.project
    assert project is not None
    # What it asks for can be asked.
    chosen = matching(project.evaluation.load("fake").table, asked.at(0)[0])
    assert int(chosen.sum()) == 1


def test_the_model_is_chosen_and_kept(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    project = opened.session.project
    assert project is not None
    note(opened, project.record_counts("frame_0", "other", counts(car__car=9)))
    assert [view.model_choice.itemText(row) for row in range(view.model_choice.count())] == ["fake", "other"]
    assert view.model_choice.currentText() == "fake"
    view.model_choice.setCurrentIndex(1)
    view.model_choice.activated.emit(1)
    opened.settle()
    assert rows_of(view.scores.table)["car"][IOU].startswith("100.0")
    assert view.scores.tiles.tiles["samples"].figure == "1"
    note(opened, project.record_counts("frame_1", "fake", FIRST))
    assert view.model_choice.currentText() == "other"


def test_an_edited_mask_takes_its_scores_away(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    project = opened.session.project
    assert project is not None
    mask = project.load_mask("frame_0")
    assert mask is not None
    mask[0, 0] = CAR
    note(opened, project.save_mask("frame_0", mask))
    assert view.scores.tiles.tiles["samples"].figure == "1"
    assert rows_of(view.scores.table)["car"][IOU] == "absent"


def test_the_figures_can_be_taken_along(opened: Desk) -> None:
    store_evaluations(opened)
    classes_page(opened).scores.tools.copy()
    rows = list(csv.DictReader(QGuiApplication.clipboard().text().splitlines()))
    car = rows[CAR]
    assert (car["class"], float(car["iou"]), float(car["lost_taken_over"])) == ("car", 0.5, 0.5)
    assert rows[PALETTE.index("train")]["iou"] == ""
    np.testing.assert_allclose(sum(float(row["cost"]) for row in rows if row["cost"]), 1)


def test_all_columns_fit_into_a_small_window(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    view.resize(1280, 800)
    opened.settle()
    shown = view.scores.table
    assert view.width() == 1280
    assert not shown.horizontalScrollBar().isVisible()
    assert shown.columnWidth(BAR) >= 120


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (9_999, "9999"), (10_000, "10.0 k"), (123_456, "123.5 k"), (1_000_000, "1.0 M"),
     (2_500_000_000, "2.5 G")],
)  # fmt: skip
def test_large_counts_are_short(count: int, text: str) -> None:
    assert thousands(count) == text


def test_closing_the_project_empties_the_dashboards(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    opened.session.close_project()
    opened.settle()
    assert view.model_choice.count() == 0
    assert "No scores yet" in visible_placeholder(view)
