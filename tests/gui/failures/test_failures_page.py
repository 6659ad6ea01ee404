"""The page of failures in the window: from a class to its worst region on the canvas, and back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QFileDialog, QLabel, QMenu, QWidget

from segstudio import images, paths
from segstudio.annotation.palette import load_palette
from segstudio.annotation.rect import Rect
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.dashboards.class_table import BAR
from segstudio.gui.dashboards.classes_view import ClassesView
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.failures.detail import OTHER_MODEL
from segstudio.gui.failures.facts import decisions
from segstudio.gui.failures.orders import Order
from segstudio.gui.failures.pictures import PANE
from segstudio.gui.failures.segment_rows import KEYS
from segstudio.gui.failures.sizes_view import SizesView
from segstudio.gui.failures.view import FailuresView
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.project.project import Project
from segstudio.project.sample_queue import SAMPLES, SEGMENTS
from segstudio.project.verdicts import Destination, SegmentPlace, Verdict
from tests.gui.conftest import (
    CAR,
    HEIGHT,
    PALETTE,
    ROAD,
    SKY,
    WIDTH,
    FakeBackend,
    Studio,
    fill_folder,
    true_mask,
)
from tests.gui.dashboards.test_classes import place_of

PICTURE = Qt.ItemDataRole.DecorationRole
BUS, TREE = PALETTE.index("bus"), PALETTE.index("vegetation")
# The worst one: a car on road that is not there, then a stripe of sky that was called vegetation.
ERRORS = (Rect(30, 40, 30, 16), Rect(0, 0, 40, 4))


def said() -> np.ndarray:
    """What the model says of every sample."""
    ids = true_mask()
    ids[ERRORS[0].slices] = CAR
    ids[ERRORS[1].slices] = TREE
    return ids


def measure(project: Project, key: str, model: str, ids: np.ndarray) -> None:
    """Evaluates a sample as a Job does: the mask is looked at, then measured."""
    truth, digest = project.look_at_mask(key)
    assert truth is not None
    sure = np.full(ids.shape, 204, np.uint8)
    found = evaluate_sample(truth, ids, project.palette.count, confidence=sure)
    project.evaluation.record(key, model, found, mask_hash=digest)


def evaluated(root: Path, *, stored: bool = True, count: int = 3) -> Path:
    """A project whose samples were predicted and evaluated by the model "fake"; the last one is right."""
    fill_folder(root, count, count)
    project = Project.open(root, palette="cityscapes")
    project.rescan()
    for number, sample in enumerate(project.samples()):
        ids = true_mask() if number == count - 1 else said()
        if number == 1:
            ids[30:32, :10] = BUS
        if stored:
            project.save_prediction(sample.key, ids, np.full(ids.shape, 204, np.uint8), "fake")
        measure(project, sample.key, "fake", ids)
    project.close()
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return evaluated(tmp_path / "street")


def page(studio: Studio) -> FailuresView:
    """The page on screen, once everything is read."""
    studio.window.show_page("failures")
    studio.settle()
    found = studio.window.pages.currentWidget()
    assert isinstance(found, FailuresView)
    return found


def opened(studio: Studio, root: Path) -> FailuresView:
    """The page of a project."""
    studio.open(root)
    return page(studio)


def areas(view: FailuresView) -> list[int]:
    """The pixels of the chosen segments in their order."""
    assert view.book.failures is not None
    return [int(area) for area in view.book.failures.table.rows.area[view.book.chosen.rows]]


def click(view: QAbstractItemView, row: int, column: int = 0, *, twice: bool = False) -> None:
    """A click in the middle of a cell."""
    place = view.visualRect(view.model().index(row, column)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    if twice:
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()


def ask(studio: Studio, view: FailuresView, text: str) -> None:
    """Types a query in place of the one that is there."""
    line = view.query.line
    line.setFocus()
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Backspace)
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Escape)
    studio.wait(lambda: view.book.chosen.query == text or view.query.problem.isVisible())
    studio.settle()


def words(widget: QWidget) -> str:
    """All visible texts."""
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


# -- the way there and back ----------------------------------------------------------------------------------


def test_from_a_class_to_its_worst_region_in_three_clicks(studio: Studio, root: Path) -> None:
    studio.open(root)
    studio.window.show_page("classes")
    studio.settle()
    classes = studio.window.pages.currentWidget()
    assert isinstance(classes, ClassesView)
    # 1: the right end of a class's bar is what was taken from it by an error.
    shown = classes.scores.table
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place_of(shown, CAR, BAR, 0.9))
    studio.settle()
    view = studio.window.pages.currentWidget()
    assert isinstance(view, FailuresView)
    assert view.query.line.text() == "class=car kind=invented"
    assert areas(view) == [480, 480]
    # 2: a picture, 3: open.
    click(view.gallery, 0, 1)
    assert view.book.failures is not None
    assert (
        view.book.failures.table.samples[int(view.book.failures.table.sample[view.book.current])] == "frame_1"
    )
    QTest.mouseClick(view.detail.open_button, Qt.MouseButton.LeftButton)
    studio.wait(lambda: studio.session.current == "frame_1" and studio.session.opening is None)
    studio.settle()
    assert studio.window.pages.currentWidget() is studio.window.editor
    assert studio.layer() is Layer.DIFFERENCE
    region = studio.window.opener.highlight
    assert region.isVisible()
    assert region._region is not None
    assert region._region.rect == ERRORS[0]
    assert region._region.area == 480
    screen, middle = studio.canvas.rect().center(), studio.point(45, 48)
    assert (screen - middle).manhattanLength() < 60
    assert any("road as car" in text for text in studio.messages())


def test_alt_left_comes_back_to_the_same_place(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "area>100")
    QTest.mouseClick(view.tabs.buttons["table"], Qt.MouseButton.LeftButton)
    click(view.table, 2, 1)
    row = view.book.current
    QTest.keyClick(view.table, Qt.Key.Key_Return)
    studio.settle()
    assert studio.window.pages.currentWidget() is studio.window.editor
    QTest.keyClick(studio.canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    studio.settle()
    assert studio.window.pages.currentWidget() is view
    assert view.query.line.text() == "area>100"
    assert view.tabs.value == "table"
    assert view.book.current == row
    assert view.table.currentIndex().row() == 2


def test_an_edit_ends_the_outline_and_the_page_finds_its_segment_again(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "area=480")
    click(view.gallery, 0, 1, twice=True)
    studio.wait(lambda: studio.session.current == "frame_1")
    studio.settle()
    assert studio.window.opener.highlight.isVisible()
    studio.open_sample("frame_0")
    assert not studio.window.opener.highlight.isVisible()
    studio.drag((5, 5), (20, 8))
    studio.window.editing.save()
    studio.settle()
    studio.window.go_back()
    studio.settle()
    # The edited sample has no scores any more; the segment of the other one is still the current one.
    assert view.book.failures is not None
    assert view.book.failures.table.samples == ("frame_1", "frame_2")
    assert areas(view) == [480]
    current = view.book.failures.table
    assert current.samples[int(current.sample[view.book.current])] == "frame_1"
    assert current.rows.area[view.book.current] == 480


@pytest.mark.parametrize("key", [Qt.Key.Key_O, Qt.Key.Key_Enter])
def test_keys_open_and_escape_ends_the_outline(studio: Studio, root: Path, key: Qt.Key) -> None:
    view = opened(studio, root)
    before = studio.window.view.outline
    QTest.keyClick(view.gallery, key)
    studio.settle()
    assert studio.window.pages.currentWidget() is studio.window.editor
    # O is a key of the editor, too; here it is the page's.
    assert studio.window.view.outline == before
    assert studio.window.opener.highlight.isVisible()
    studio.key(Qt.Key.Key_Escape)
    assert not studio.window.opener.highlight.isVisible()


def test_a_prediction_of_another_model_shows_the_mask_and_the_box(studio: Studio, tmp_path: Path) -> None:
    view = opened(studio, evaluated(tmp_path / "other", stored=False))
    ask(studio, view, "area=480")
    assert view.detail.pictures[2].accessibleDescription() == OTHER_MODEL
    view.open_current()
    studio.settle()
    assert studio.layer() is Layer.MASK
    region = studio.window.opener.highlight._region
    assert region is not None
    assert (region.rect, region.area) == (ERRORS[0], 480)


# -- the query -----------------------------------------------------------------------------------------------


def test_typing_filters_and_says_what_it_costs(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    # The few pixels of bus are all that the model says of it, and cost the most.
    assert areas(view) == [20, 480, 480, 160, 160]
    ask(studio, view, "gt=sky pred=vegetation")
    assert areas(view) == [160, 160]
    assert view.book.failures is not None
    assert "<b>2</b> of 5 failures" in view.query.summary.text()
    assert "points of sky's IoU" in view.query.summary.text()
    union_sky, union_tree = WIDTH * HEIGHT // 2 * 3, 320
    wanted = 320 * (1 / union_sky + 1 / union_tree) / 5
    assert view.book.chosen.cost == pytest.approx(wanted, rel=1e-4)


def test_a_bad_query_says_why_and_keeps_what_was_found(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "gt=sky")
    before = areas(view)
    QTest.keyClicks(view.query.line, " pred=zebra")
    studio.wait(view.query.problem.isVisible)
    assert "no class 'zebra'" in view.query.problem.text()
    assert not view.query.summary.isVisible()
    assert areas(view) == before
    ask(studio, view, "")
    assert not view.query.problem.isVisible()
    assert len(areas(view)) == 5


def test_a_word_that_is_begun_is_offered_and_is_no_mistake(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    line = view.query.line
    line.setFocus()
    QTest.keyClicks(line, "bes")
    assert line.offered() == ["beside="]
    studio.qtbot.wait(300)
    assert not view.query.problem.isVisible()
    popup = QApplication.activePopupWidget() or line._popup
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert line.text() == "beside="
    QTest.keyClicks(line, "ro")
    assert line.offered()[0] == "beside=road"


def test_no_hits_say_so(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "area>100000")
    assert "No failure fits" in words(view)
    assert view.book.current == -1
    assert "Choose a failure" in words(view.detail)
    ask(studio, view, "gt=sky")
    assert "No failure fits" not in words(view)
    assert view.book.current >= 0


# -- table and gallery ---------------------------------------------------------------------------------------


def test_a_heading_sorts_and_a_second_click_turns_it_round(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    QTest.mouseClick(view.tabs.buttons["table"], Qt.MouseButton.LeftButton)
    header = view.table.horizontalHeader()
    column = KEYS.index("area")
    place = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
    orders = []
    for _ in range(2):
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
        studio.settle()
        orders.append(areas(view))
    assert sorted(orders[0]) in orders
    assert orders[0] == orders[1][::-1]
    assert view.book.order.key == "area"
    view.order_choice.setCurrentText("Least sure")
    view.order_choice.activated.emit(3)
    studio.settle()
    assert view.book.order == Order("margin", falling=False)
    assert header.sortIndicatorSection() == KEYS.index("margin")


def test_the_table_says_what_the_row_is(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "sample=frame_1 pred=bus")
    model = view.table.rows
    texts = {key: model.index(0, column).data() for column, key in enumerate(KEYS)}
    assert texts | {"cost": "", "edge": ""} == {
        "cost": "",
        "gt": "sky",
        "pred": "bus",
        "kind": "edge slack",
        "area": "20",
        "share": "< 1 %",
        "hit": "94 %",
        "conf": "80 %",
        "margin": "–",
        "edge": "",
        "row": "5, 31",
        "sample": "frame_1",
        "verdict": "",
        "sent": "",
    }
    assert model.index(0, KEYS.index("gt")).data(Qt.ItemDataRole.DecorationRole).name() == "#4682b4"


def test_arrows_go_through_the_gallery_line_by_line(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    assert view.gallery.segments.columns == 3
    seen = [view.book.position(view.book.current)]
    for key in (
        Qt.Key.Key_Right,
        Qt.Key.Key_Right,
        Qt.Key.Key_Down,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_Right,
    ):
        QTest.keyClick(view.gallery, key)
        seen.append(view.book.position(view.book.current))
    assert seen == [0, 1, 2, 4, 0, 4, 4]


def test_pictures_come_from_a_worker(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    model = view.gallery.segments
    studio.wait(lambda: all(model.at(place).data(PICTURE) is not None for place in range(5)))
    assert model.at(0).data(PICTURE).width() == 3 * PANE[0]
    assert view.gallery.grab().toImage().width() > 0
    tip = view.gallery.segments.at(1).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "road as car\n480 px · 80 % · invented\nframe_0"


def test_an_image_that_is_gone_is_said_in_place(studio: Studio, tmp_path: Path) -> None:
    root = evaluated(tmp_path / "gone", count=4)
    studio.open(root)
    (root / "frame_2.png").unlink()
    view = page(studio)
    ask(studio, view, "sample=frame_2")
    assert "frame_2" in view.detail.pictures[0].accessibleDescription()
    crops, rows = view.gallery.segments.crops, view.book.chosen.rows.tolist()
    studio.wait(lambda: len(rows) == 2 and all(crops.is_unreadable(row) for row in rows))
    view.open_current()
    studio.settle()
    assert studio.window.pages.currentWidget() is studio.window.editor
    assert not studio.window.opener.highlight.isVisible()


# -- verdicts ------------------------------------------------------------------------------------------------


def test_verdict_keys_say_go_on_and_take_back(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    first = view.book.current
    QTest.keyClick(view.gallery, Qt.Key.Key_2)
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert [decision.verdict for decision in project.verdicts.all()] == [Verdict.LABEL_WRONG]
    assert view.book.current != first
    # Digits are class keys in the editor; here they are not.
    assert studio.session.classes.active == 0
    view.book.set_current(first)
    assert view.detail.verdicts[Verdict.LABEL_WRONG].isChecked()
    ask(studio, view, "verdict=label_wrong")
    assert len(areas(view)) == 1
    QTest.mouseClick(view.detail.verdicts[Verdict.LABEL_WRONG], Qt.MouseButton.LeftButton)
    studio.settle()
    assert project.verdicts.all() == []
    assert areas(view) == []


def test_several_are_sent_at_once_and_ignored_ones_are_hidden(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    QTest.mouseClick(view.tabs.buttons["table"], Qt.MouseButton.LeftButton)
    click(view.table, 0)
    place = view.table.visualRect(view.table.model().index(1, 0)).center()
    QTest.mouseClick(
        view.table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, place
    )
    view.detail.destinations[Destination.IGNORE].trigger()
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert len(project.verdicts.sent_to(Destination.IGNORE)) == 2
    assert len(areas(view)) == 3
    view.query.hide_ignored.click()
    studio.settle()
    assert len(areas(view)) == 5
    click(view.table, 0)
    view.detail.destinations[Destination.IGNORE].trigger()
    studio.settle()
    assert len(project.verdicts.sent_to(Destination.IGNORE)) == 1


# -- the counted views ---------------------------------------------------------------------------------------


def test_a_click_on_a_size_adds_it_to_the_query(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "class=sky")
    QTest.mouseClick(view.tabs.buttons["sizes"], Qt.MouseButton.LeftButton)
    studio.settle()
    sizes = view.counted[0]
    assert isinstance(sizes, SizesView)
    table = sizes.table
    assert [table.model().index(0, column).data() for column in (0, 3)] == ["32–47 px high", "3"]
    click(table, 0)
    studio.settle()
    assert view.query.line.text() == "gt=sky true_height>=32 true_height<48"
    assert set(areas(view)) == {160, 20}


def test_rows_slices_and_neighbours_narrow_the_query(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    wanted = {
        "rows": ("gt=road row>=0.7 row<0.8", 1),
        "slices": ("gt=road split=none", 0),
        "neighbours": ('gt=road beside="no class"', 0),
    }
    for number, name in enumerate(("rows", "slices", "neighbours"), start=1):
        ask(studio, view, "gt=road")
        QTest.mouseClick(view.tabs.buttons[name], Qt.MouseButton.LeftButton)
        studio.settle()
        counted = view.counted[number]
        if name == "slices":
            QTest.mouseClick(counted.by.buttons["split"], Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
            studio.settle()
        table = counted.beside if name == "neighbours" else counted.table  # type: ignore[attr-defined]
        query, row = wanted[name]
        lines = [line.conditions for line in table.rows.lines]
        row = lines.index(query) if query in lines else row
        click(table, row)
        studio.settle()
        assert view.query.line.text() == query, lines


# -- empty states --------------------------------------------------------------------------------------------


def placeholder(view: FailuresView) -> str:
    assert view.placeholder.isVisible()
    assert isinstance(view.placeholder, Placeholder)
    return words(view.placeholder)


def test_without_an_evaluation_the_page_says_what_to_do_and_evaluates(
    studio: Studio, backend: FakeBackend, folder: Path
) -> None:
    view = opened(studio, folder)
    assert "press Evaluate" in placeholder(view)
    QTest.mouseClick(view.evaluate_button, Qt.MouseButton.LeftButton)
    studio.settle()
    assert not view.placeholder.isVisible()
    # The fake model sees a car on the road of both masks.
    assert areas(view) == [480, 480]
    assert view.model_choice.currentText() == "fake"


def test_counts_without_regions_ask_for_an_evaluation(studio: Studio, folder: Path) -> None:
    project = Project.open(folder, palette="cityscapes")
    found = evaluate_sample(true_mask(), said(), PALETTE.count)
    project.look_at_mask("frame_0")
    project.record_counts("frame_0", "old", found.confusion)
    project.close()
    assert "Press Evaluate" in placeholder(opened(studio, folder))


def test_a_model_that_is_always_right_has_no_failures(studio: Studio, folder: Path) -> None:
    project = Project.open(folder, palette="cityscapes")
    measure(project, "frame_0", "good", true_mask())
    project.close()
    assert "Nothing is wrong" in placeholder(opened(studio, folder))


def test_another_project_brings_its_own_failures(studio: Studio, root: Path, tmp_path: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "gt=sky")
    studio.open(fill_folder(tmp_path / "empty", 2, 0))
    assert page(studio) is view
    assert "No evaluation yet" in placeholder(view)
    assert view.query.line.text() == ""


def test_models_are_compared(studio: Studio, root: Path) -> None:
    project = Project.open(root)
    for sample in project.samples():
        ids = true_mask()
        ids[ERRORS[0].slices] = CAR
        ids[60:, 80:] = SKY
        measure(project, sample.key, "old", ids)
    project.close()
    view = opened(studio, root)
    view.compared_choice.setCurrentText("old")
    view.compared_choice.activated.emit(1)
    studio.settle()
    # Of five failures the two of the car were there before; three corners and a car are right now.
    assert "3 broken</a>, 4 fixed" in view.query.summary.text()
    view.query.summary.linkActivated.emit("change=broken")
    studio.settle()
    assert sorted(areas(view)) == [20, 160, 160]


def test_150_classes_and_long_names(studio: Studio, tmp_path: Path) -> None:
    palette = load_palette("ade20k-150")
    root = tmp_path / "rooms"
    images.write_image(root / f"{'a very long name ' * 6}.png", np.zeros((80, 120, 3), np.uint8))
    project = Project.open(root, palette="ade20k-150")
    truth, ids = np.zeros((80, 120), np.uint8), np.zeros((80, 120), np.uint8)
    for number in range(150):
        place = (slice(number // 15 * 8, number // 15 * 8 + 6), slice(number % 15 * 8, number % 15 * 8 + 6))
        truth[place] = number
        ids[place] = (number + 1) % 150
    key = project.samples()[0].key
    project.save_mask(key, truth)
    measure(project, key, "m", ids)
    project.close()
    studio.open(root, "ade20k-150")
    view = page(studio)
    assert len(areas(view)) == 150
    for name in ("table", "sizes", "rows", "slices", "neighbours"):
        QTest.mouseClick(view.tabs.buttons[name], Qt.MouseButton.LeftButton)
        studio.settle()
    ask(studio, view, f'class="{palette.names[77]}"')
    assert len(areas(view)) == 2
    assert view.minimumSizeHint().width() <= 1200, view.window().minimumSizeHint()


def test_road_is_not_lost(root: Path) -> None:
    """The masks of these tests are what they say."""
    assert np.count_nonzero(said() != true_mask()) == 480 + 160
    assert true_mask()[40, 30] == ROAD


# -- saved queries, similar ones, training -------------------------------------------------------------------


def test_queries_are_saved_used_and_deleted(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    saved = view.query.saved
    ask(studio, view, "gt=sky area>100")
    dialog = saved.ask_name()
    dialog.setTextValue("large sky")
    dialog.accept()
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert project.queue.filters(SEGMENTS) == {"large sky": "gt=sky area>100"}
    assert project.queue.filters(SAMPLES) == {}
    ask(studio, view, "")
    saved.menu().aboutToShow.emit()
    saved.menu().actions()[0].trigger()
    studio.settle()
    assert view.query.line.text() == "gt=sky area>100"
    assert areas(view) == [160, 160]
    deleting = saved.menu().actions()[-1].menu()
    assert isinstance(deleting, QMenu)
    deleting.actions()[0].trigger()
    studio.settle()
    assert saved.filters == {}


def test_similar_ones_are_looked_at_alone_until_all_are_wanted(
    studio: Studio, root: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Colours:
        """Sees the prediction where it knows it, and nothing else."""

        def __init__(self, *_: object) -> None: ...

        def look(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            shares = np.eye(PALETTE.count, dtype=np.float32)[said()].transpose(2, 0, 1)
            return shares, shares[[CAR, TREE, SKY]]

    monkeypatch.setattr("segstudio.gui.failures.similar.FeatureSegmenter", Colours)
    view = opened(studio, root)
    ask(studio, view, "gt=road")
    QTest.mouseClick(view.detail.similar_button, Qt.MouseButton.LeftButton)
    studio.settle()
    assert "Like road as car" in view.query.summary.text()
    assert areas(view)[:2] == [480, 480]
    ask(studio, view, "")
    assert len(areas(view)) >= 2
    assert "Like road as car" in view.query.summary.text()
    view.query.summary.linkActivated.emit("all")
    studio.settle()
    assert len(areas(view)) == 5
    assert view.book.order == Order()


def test_similar_ones_need_the_model(studio: Studio, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    view = opened(studio, root)
    QTest.mouseClick(view.detail.similar_button, Qt.MouseButton.LeftButton)
    studio.settle()
    assert any("no longer here" in text for text in studio.messages())


def test_the_pane_says_how_often_training_has_seen_the_like(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    assert "no evaluated sample is in the split" in view.detail.training.text()
    project = studio.session.project
    assert project is not None
    studio.session.note(project.set_split(["frame_0", "frame_2"], "train"))
    studio.settle()
    ask(studio, view, "sample=frame_1 gt=road")
    assert view.detail.training.text() == "2 regions like it in 2 images; 2 of road in 2"


# -- Enter ---------------------------------------------------------------------------------------------------


def test_enter_in_the_query_or_on_a_button_opens_nothing(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    view.query.line.setFocus()
    QTest.keyClicks(view.query.line, "gt=sky")
    QTest.keyClick(view.query.line, Qt.Key.Key_Escape)
    QTest.keyClick(view.query.line, Qt.Key.Key_Return)
    studio.settle()
    assert studio.window.pages.currentWidget() is view
    assert view.book.chosen.query == "gt=sky"
    view.detail.send_button.setFocus()
    QTest.keyClick(view.model_choice, Qt.Key.Key_Return)
    studio.settle()
    assert studio.window.pages.currentWidget() is view


def test_enter_on_a_figure_shows_its_failures(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "class=road")
    QTest.mouseClick(view.tabs.buttons["sizes"], Qt.MouseButton.LeftButton)
    studio.settle()
    sizes = view.counted[0]
    assert isinstance(sizes, SizesView)
    sizes.table.setFocus()
    sizes.table.setCurrentIndex(sizes.table.model().index(0, 0))
    QTest.keyClick(sizes.table, Qt.Key.Key_Return)
    studio.settle()
    assert studio.window.pages.currentWidget() is view
    assert view.tabs.value == "gallery"
    assert view.query.line.text() == "gt=road true_height>=32 true_height<48"
    assert view.focusWidget() is view.gallery


# -- several at once, and what comes while one decides -------------------------------------------------------


@pytest.mark.parametrize("name", ["gallery", "table"])
def test_several_stay_selected_after_a_decision(studio: Studio, root: Path, name: str) -> None:
    view = opened(studio, root)
    QTest.mouseClick(view.tabs.buttons[name], Qt.MouseButton.LeftButton)
    shown: QAbstractItemView = view.gallery if name == "gallery" else view.table
    shown.setFocus()
    shown.selectAll()
    assert view.selected_rows().tolist() == view.book.chosen.rows.tolist()
    QTest.keyClick(shown, Qt.Key.Key_1)
    studio.settle()
    assert len(view.selected_rows()) == 5
    QTest.keyClick(shown, Qt.Key.Key_2)
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert [decision.verdict for decision in project.verdicts.all()] == [Verdict.LABEL_WRONG] * 5
    # In another order, and among fewer segments, those that are still there stay selected.
    view.book.sort(Order("area", falling=False))
    studio.settle()
    assert len(view.selected_rows()) == 5
    view.query.show_query("area>100")
    studio.settle()
    assert len(areas(view)) == 4
    assert sorted(view.selected_rows().tolist()) == sorted(view.book.chosen.rows.tolist())
    assert view.book.position(view.book.current) >= 0
    QTest.keyClick(shown, Qt.Key.Key_2)
    studio.settle()
    assert len(project.verdicts.all()) == 1


def test_two_quick_decisions_are_both_seen(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    project, failures = studio.session.project, view.book.failures
    assert project is not None
    assert failures is not None
    places = [SegmentPlace.of(failures.table, row) for row in (0, 1)]
    project.verdicts.say(places[:1], Verdict.MODEL_WRONG)
    project.verdicts.say(places[1:], Verdict.LABEL_WRONG)
    view.book.refresh_words()
    # The answer to an older question comes while this one is under way.
    view.book._take_words(failures, dict(failures.table.by_row))
    assert view.book.failures is not failures
    studio.settle()
    assert view.book.failures is not None
    assert [decisions(view.book.failures, row)[0] for row in (0, 1)] == [
        Verdict.MODEL_WRONG,
        Verdict.LABEL_WRONG,
    ]
    assert view.book.has_rows_of(failures)


def test_a_verdict_is_never_written_into_another_project(studio: Studio, root: Path, tmp_path: Path) -> None:
    view = opened(studio, root)
    rows = view.selected_rows()
    old = view.book.project
    studio.session.open_project(evaluated(tmp_path / "other", count=2), "cityscapes")
    studio.wait(lambda: studio.session.project is not None and studio.session.project is not old)
    # At once, before anything of the new project is read.
    view.verdicts.say(rows, Verdict.MODEL_WRONG)
    studio.settle()
    assert studio.session.project is not None
    assert studio.session.project.verdicts.all() == []


def test_other_predictions_are_drawn_at_once(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    crops, current = view.gallery.segments.crops, view.book.current
    studio.wait(lambda: crops.get(current, None) is not None)
    failures, project = view.book.failures, studio.session.project
    assert failures is not None
    assert project is not None
    key = SegmentPlace.of(failures.table, current).key
    started: list[str] = []
    studio.session.bridge.started.connect(lambda job: started.append(job.title))
    changes = project.save_prediction(key, true_mask(), np.full((HEIGHT, WIDTH), 204, np.uint8), "other")
    studio.session.note(changes)
    studio.settle()
    studio.wait(lambda: "Pictures of failures" in started)
    assert view.detail.pictures[2].accessibleDescription() == OTHER_MODEL


# -- keys of other keyboards, and the way back to the list ---------------------------------------------------


def test_signs_that_need_shift_on_other_keyboards(studio: Studio, root: Path) -> None:
    view = opened(studio, root)
    shift = Qt.KeyboardModifier.ShiftModifier
    for key, text in ((Qt.Key.Key_Ampersand, "1"), (Qt.Key.Key_Slash, "/")):
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(view.gallery, QKeyEvent(kind, key, shift, text))
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert [decision.verdict for decision in project.verdicts.all()] == [Verdict.MODEL_WRONG]
    assert view.focusWidget() is view.query.line


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_the_query_gives_the_keyboard_back(studio: Studio, root: Path, key: Qt.Key) -> None:
    view = opened(studio, root)
    QTest.keyClick(view.gallery, Qt.Key.Key_Slash)
    assert view.focusWidget() is view.query.line
    QTest.keyClick(view.query.line, key)
    studio.settle()
    assert view.focusWidget() is view.gallery
    assert studio.window.pages.currentWidget() is view


# -- the list as a file --------------------------------------------------------------------------------------


def test_the_chosen_failures_are_written_in_their_order(studio: Studio, root: Path, tmp_path: Path) -> None:
    view = opened(studio, root)
    ask(studio, view, "area>100")
    QTest.mouseClick(view.save_list, Qt.MouseButton.LeftButton)
    dialog = view.save_list.findChild(QFileDialog)
    assert dialog is not None
    dialog.selectFile(str(tmp_path / "worst.json"))
    dialog.accept()
    studio.settle()
    rows = json.loads((tmp_path / "worst.json").read_text())
    assert [row["area"] for row in rows] == areas(view) == [480, 480, 160, 160]
    assert "4 failures written to worst.json" in studio.messages()
    view.save_list.save(tmp_path / "no such folder" / "worst.csv")
    view.save_list.save(tmp_path / "worst.txt")
    studio.settle()
    assert any("worst.txt is neither CSV nor JSON" in text for text in studio.messages())
