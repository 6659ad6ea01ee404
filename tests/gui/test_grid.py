"""The grid of samples and of regions: what tiles show, keys, choosing, batches, and the way to the editor."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPushButton

from segstudio import images
from segstudio.gui.correcting.region_tiles import REGION_ROLE
from segstudio.gui.panels.ask_popover import AskPopover
from segstudio.gui.panels.grid_page import GridPage
from segstudio.gui.panels.tile_view import TileView
from segstudio.gui.samples.overlay_pictures import laid_over, look_of
from segstudio.gui.view.view_state import ViewState
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.class_regions import ClassRegion
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

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
PLAIN = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def grid(studio: Studio, tmp_path: Path) -> GridPage:
    """Thirty samples, two with masks, shown as tiles."""
    studio.open(fill_folder(tmp_path / "street", count=30, masks=2))
    studio.key(Qt.Key.Key_G)
    studio.settle()
    page = studio.window.grid
    assert studio.window.page == "samples"
    assert page.isVisible()
    return page


def press(
    view: TileView, *keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    for key in keys:
        QTest.keyClick(view, key, modifier)


def click(view: TileView, row: int, modifier: Qt.KeyboardModifier = PLAIN) -> None:
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def middle_colour(pixmap: QPixmap, share: float) -> QColor:
    """The colour in the middle of a picture, so far down."""
    picture = pixmap.toImage()
    return picture.pixelColor(picture.width() // 2, round(picture.height() * share))


class TestTiles:
    """A view of any number of equal tiles."""

    def test_every_tile_is_where_a_click_finds_it(self, grid: GridPage) -> None:
        view = grid.tiles
        for row in range(view.count):
            index = view.model().index(row, 0)
            assert view.indexAt(view.visualRect(index).center()).row() == row
        assert not view.indexAt(QPoint(view.viewport().width() - 1, 2)).isValid()
        places = [view.visualRect(view.model().index(row, 0)) for row in range(view.count)]
        assert not any(a.intersects(b) for a in places for b in places if a is not b)

    def test_arrows_move_in_lines(self, grid: GridPage) -> None:
        view, columns = grid.tiles, grid.tiles.columns
        assert 1 < columns < 30
        click(view, 0)
        press(view, Qt.Key.Key_Right, Qt.Key.Key_Down)
        assert grid.chosen_rows() == [columns + 1]
        press(view, Qt.Key.Key_Up, Qt.Key.Key_Up)
        assert view.currentIndex().row() == 1
        press(view, Qt.Key.Key_End)
        assert grid.chosen_rows() == [29]
        assert view.viewport().rect().contains(view.visualRect(view.currentIndex()))
        press(view, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_Left)
        assert view.currentIndex().row() == 0

    def test_shift_chooses_from_tile_to_tile_in_reading_order(self, grid: GridPage) -> None:
        view, columns = grid.tiles, grid.tiles.columns
        click(view, 1)
        press(view, Qt.Key.Key_Down, modifier=SHIFT)
        assert grid.chosen_rows() == list(range(1, columns + 2))
        click(view, 3)
        click(view, 0, SHIFT)
        assert grid.chosen_rows() == [0, 1, 2, 3]
        click(view, 2, CONTROL)
        assert grid.chosen_rows() == [0, 1, 3]
        press(view, Qt.Key.Key_A, modifier=CONTROL)
        assert grid.chosen_rows() == list(range(30))
        assert "30 of 30 samples chosen" in grid.count.text()

    def test_a_drag_chooses_what_it_touches(self, grid: GridPage) -> None:
        view, columns = grid.tiles, grid.tiles.columns
        gap = view.viewport().width() - 2
        start = QPoint(gap, view.visualRect(view.model().index(0, 0)).center().y())
        end = view.visualRect(view.model().index(2 * columns - 2, 0)).center()
        QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(view.viewport(), QPoint(start.x() - 30, start.y() + 20))
        QTest.mouseMove(view.viewport(), end)
        QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=end)
        assert grid.chosen_rows() == [columns - 2, columns - 1, 2 * columns - 2, 2 * columns - 1]

    def test_the_size_is_remembered_and_keeps_the_place(self, grid: GridPage, studio: Studio) -> None:
        view = grid.tiles
        view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
        first = view.indexAt(QPoint(20, view.tile.height() // 2)).row()
        grid.zoom.setValue(120)
        assert view.viewport().rect().intersects(view.visualRect(view.model().index(first, 0)))
        assert studio.session.memory.tools["grid_tile"] == 120

    def test_letters_go_to_the_window(self, grid: GridPage, studio: Studio) -> None:
        grid.tiles.setFocus()
        press(grid.tiles, Qt.Key.Key_G)
        assert studio.window.page == "editor"


class TestPictures:
    """What tiles show."""

    def picture(self, grid: GridPage, studio: Studio, row: int) -> QPixmap:
        index = grid.model.index(row)
        grid.model.data(index, Qt.ItemDataRole.DecorationRole)
        studio.settle()
        pixmap = grid.model.data(index, Qt.ItemDataRole.DecorationRole)
        assert isinstance(pixmap, QPixmap)
        return pixmap

    def test_the_mask_lies_over_the_thumbnail(self, grid: GridPage, studio: Studio) -> None:
        studio.window.view.set_opacity(1.0)
        pixmap = self.picture(grid, studio, 0)
        sky, road = (QColor(*PALETTE.classes[class_id].rgb) for class_id in (SKY, ROAD))
        assert middle_colour(pixmap, 0.2) == sky
        assert middle_colour(pixmap, 0.8) == road
        studio.session.classes.toggle_solo(SKY)
        pixmap = self.picture(grid, studio, 0)
        assert middle_colour(pixmap, 0.2) == sky
        assert middle_colour(pixmap, 0.8) != road

    def test_a_save_and_a_prediction_show_at_once(self, grid: GridPage, studio: Studio) -> None:
        studio.window.view.set_opacity(1.0)
        before = middle_colour(self.picture(grid, studio, 5), 0.8)
        project = studio.session.project
        assert project is not None
        ids = np.full((HEIGHT, WIDTH), CAR, np.uint8)
        studio.session.note(project.save_prediction("frame_5", ids, ids, "m"))
        car = QColor(*PALETTE.classes[CAR].rgb)
        assert before != car
        assert middle_colour(self.picture(grid, studio, 5), 0.8) == car
        studio.session.note(project.save_mask("frame_5", true_mask()))
        assert middle_colour(self.picture(grid, studio, 5), 0.8) == QColor(*PALETTE.classes[ROAD].rgb)

    def test_an_image_that_cannot_be_read_is_told(self, studio: Studio, tmp_path: Path) -> None:
        root = fill_folder(tmp_path / "broken", count=2)
        (root / "frame_1.png").write_bytes(b"no picture")
        studio.open(root)
        studio.window.show_page("samples")
        studio.wait(lambda: studio.window.grid.model.is_unreadable("frame_1"))

    def test_mixing_is_that_of_the_canvas(self, studio: Studio, folder: Path) -> None:
        studio.open(folder)
        view = ViewState()
        view.set_opacity(0.5)
        look = look_of(PALETTE.colours(), view, studio.session.classes)
        rgb = np.full((4, 6, 3), 100, np.uint8)
        ids = np.full((2, 3), CAR, np.uint8)
        ids[0] = 255
        mixed = laid_over(rgb, ids, look)
        assert (mixed[:2] == 100).all()
        expected = np.rint(100 * (127 / 255) + np.array(PALETTE.classes[CAR].rgb) * (128 / 255))
        np.testing.assert_allclose(mixed[3, 0], expected, atol=1)


class TestOpening:
    """From a tile to the editor."""

    def test_enter_opens_the_sample(self, grid: GridPage, studio: Studio) -> None:
        click(grid.tiles, 7)
        press(grid.tiles, Qt.Key.Key_Return)
        key = studio.session.book.listed[7].key
        studio.wait(lambda: studio.session.current == key)
        assert studio.window.page == "editor"

    def test_a_double_click_opens_it_too(self, grid: GridPage, studio: Studio) -> None:
        place = grid.tiles.visualRect(grid.tiles.model().index(4, 0)).center()
        click(grid.tiles, 4)
        QTest.mouseDClick(grid.tiles.viewport(), Qt.MouseButton.LeftButton, pos=place)
        studio.wait(lambda: studio.session.current == studio.session.book.listed[4].key)
        assert studio.window.page == "editor"

    def test_the_open_sample_is_the_chosen_tile(self, grid: GridPage, studio: Studio) -> None:
        studio.window.show_page("editor")
        studio.open_sample("frame_20")
        studio.window.show_page("samples")
        assert grid.chosen() == ["frame_20"]

    def test_both_queries_are_one(self, grid: GridPage, studio: Studio) -> None:
        grid.bar.search.setFocus()
        QTest.keyClicks(grid.bar.search, "mask_class=sky")
        QTest.keyClick(grid.bar.search, Qt.Key.Key_Return)
        studio.wait(lambda: grid.model.rowCount() == 2)
        assert grid.tiles.hasFocus()
        assert studio.window.editor.samples.bar.search.text() == "mask_class=sky"

    def test_the_filter_key_types_into_the_query_of_the_page(self, grid: GridPage, studio: Studio) -> None:
        QTest.keyClick(grid.tiles, Qt.Key.Key_G, CONTROL)
        assert grid.bar.search.hasFocus()
        studio.window.show_page("editor")
        studio.window.link.canvas.setFocus()
        studio.key(Qt.Key.Key_G, CONTROL)
        assert studio.window.editor.samples.bar.search.hasFocus()


def entry(button: QPushButton, text: str) -> None:
    """Chooses an entry of a button's menu."""
    menu = button.menu()
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == text).trigger()


class TestBatches:
    """What is done to all chosen samples."""

    def statuses(self, studio: Studio, count: int) -> list[SampleStatus]:
        return [sample.status for sample in studio.session.book.samples[:count]]

    def test_a_status_is_set_and_taken_back(self, grid: GridPage, studio: Studio) -> None:
        before = self.statuses(studio, 5)
        click(grid.tiles, 0)
        click(grid.tiles, 3, SHIFT)
        entry(grid.status_button, "Accepted")
        studio.settle()
        assert self.statuses(studio, 5) == [*[SampleStatus.ACCEPTED] * 4, SampleStatus.UNLABELLED]
        assert "4 samples: accepted" in studio.messages()
        message = studio.window.messages.messages[-1]
        assert message.act is not None
        message.act()
        studio.settle()
        assert self.statuses(studio, 5) == before
        assert "4 samples: accepted" not in studio.messages()

    def test_rejected_samples_need_a_reason(self, grid: GridPage, studio: Studio) -> None:
        click(grid.tiles, 0)
        click(grid.tiles, 1, SHIFT)
        entry(grid.status_button, "Rejected…")
        popover = grid.findChild(AskPopover)
        assert popover is not None
        QTest.keyClicks(popover.field, "left edge")
        QTest.keyClick(popover.field, Qt.Key.Key_Return)
        studio.settle()
        rejected = studio.session.book.samples[:2]
        assert [(one.status, one.reason) for one in rejected] == [(SampleStatus.REJECTED, "left edge")] * 2

    def test_a_split_is_set_also_a_new_one(self, grid: GridPage, studio: Studio) -> None:
        click(grid.tiles, 0)
        entry(grid.split_button, "val")
        studio.settle()
        click(grid.tiles, 1, CONTROL)
        dialog = grid.ask_split()
        field = dialog.findChild(QLineEdit)
        assert isinstance(field, QLineEdit)
        QTest.keyClicks(field, "gold")
        QTest.keyClick(field, Qt.Key.Key_Return)
        studio.settle()
        assert [sample.split for sample in studio.session.book.samples[:3]] == ["gold", "gold", ""]
        assert "gold" in grid.batches.splits()
        message = studio.window.messages.messages[-1]
        assert message.act is not None
        message.act()
        studio.settle()
        assert [sample.split for sample in studio.session.book.samples[:2]] == ["val", ""]

    def test_samples_are_given_to_a_person_and_taken_back(self, grid: GridPage, studio: Studio) -> None:
        click(grid.tiles, 0)
        click(grid.tiles, 1, CONTROL)
        entry(grid.assign_button, "Somebody else…")
        popover = grid.findChild(AskPopover)
        assert popover is not None
        QTest.keyClicks(popover.field, "ada")
        QTest.keyClick(popover.field, Qt.Key.Key_Return)
        studio.settle()
        assert [sample.assignee for sample in studio.session.book.samples[:3]] == ["ada", "ada", ""]
        message = studio.window.messages.messages[-1]
        assert message.act is not None
        message.act()
        studio.settle()
        assert {sample.assignee for sample in studio.session.book.samples} == {""}

    def test_chosen_samples_are_predicted(self, studio: Studio, folder: Path, backend: FakeBackend) -> None:
        studio.open(folder)
        studio.window.show_page("samples")
        studio.settle()
        grid = studio.window.grid
        click(grid.tiles, 1)
        click(grid.tiles, 2, CONTROL)
        grid.predict_button.click()
        studio.settle()
        assert studio.session.project is not None
        assert studio.session.project.predicted_keys() == {"frame_1", "frame_2"}

    def test_nothing_chosen_can_be_changed(self, grid: GridPage) -> None:
        grid.tiles.clearSelection()
        for button in (grid.status_button, grid.split_button, grid.predict_button, grid.open_button):
            assert not button.isEnabled()


class TestRegions:
    """Every region of one class."""

    @pytest.fixture
    def grid(self, studio: Studio, tmp_path: Path) -> GridPage:
        """Cars in the masks of frame_1 (40 and 12 px) and frame_2 (300 px); the model sees the last alone."""
        root = fill_folder(tmp_path / "cars", count=4, masks=0)
        for number, places in ((1, ((10, 10, 8, 5), (50, 40, 4, 3))), (2, ((30, 20, 20, 15),))):
            mask = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
            for x, y, width, height in places:
                mask[y : y + height, x : x + width] = CAR
            images.write_mask(root / "masks" / f"frame_{number}.png", mask, PALETTE.colours())
        with Project.open(root, palette="cityscapes") as project:
            for number in (1, 2):
                project.save_prediction(f"frame_{number}", mask, np.full_like(mask, 204), "m")
        studio.open(root)
        studio.session.classes.set_active(CAR)
        studio.key(Qt.Key.Key_G, CONTROL | SHIFT)
        studio.settle()
        return studio.window.grid

    def areas(self, grid: GridPage) -> list[int]:
        model = grid.crops.model()
        found = [model.index(row, 0).data(REGION_ROLE) for row in range(model.rowCount())]
        return [region.area for region in found if isinstance(region, ClassRegion)]

    def test_they_come_in_an_order(self, grid: GridPage, studio: Studio) -> None:
        assert grid.mode == "regions"
        assert grid.crops.isVisible()
        assert self.areas(grid) == [300, 40, 12]
        grid.regions.orders.buttons["smallest"].click()
        assert self.areas(grid) == [12, 40, 300]
        grid.regions.orders.buttons["doubtful"].click()
        assert sorted(self.areas(grid)[:2]) == [12, 40]
        text = str(grid.crops.model().index(2, 0).data(Qt.ItemDataRole.AccessibleTextRole))
        assert "frame_2" in text
        assert "80 % sure" in text
        grid.regions.sources.buttons["prediction"].click()
        studio.settle()
        assert self.areas(grid) == [300, 300]

    def test_what_is_chosen_stays_chosen_while_more_come(self, grid: GridPage) -> None:
        found, chosen = grid.found, grid.crops.selectionModel()
        rows = [grid.crops.model().index(row, 0).data(REGION_ROLE) for row in range(3)]
        click(grid.crops, 1)
        resets: list[None] = []
        found.modelReset.connect(lambda: resets.append(None))
        found._arrived = [replace(rows[0], key="frame_3"), replace(rows[2], key="frame_3")]
        found._take_in()
        assert self.areas(grid) == [300, 300, 40, 12, 12]
        assert [index.data(REGION_ROLE) for index in chosen.selectedIndexes()] == [rows[1]]
        assert chosen.currentIndex().row() == 2
        grid.regions.orders.buttons["smallest"].click()
        assert [index.data(REGION_ROLE) for index in chosen.selectedIndexes()] == [rows[1]]
        assert not resets

    def test_the_filter_bounds_the_search(self, grid: GridPage, studio: Studio) -> None:
        grid.bar.search.setFocus()
        QTest.keyClicks(grid.bar.search, "frame_1")
        studio.wait(lambda: len(studio.session.book.listed) == 1)
        grid.regions.again.click()
        studio.settle()
        assert self.areas(grid) == [40, 12]

    def test_crops_show_them(self, grid: GridPage, studio: Studio) -> None:
        model = grid.crops.model()
        pictures = [model.index(row, 0).data(Qt.ItemDataRole.DecorationRole) for row in range(3)]
        studio.settle()
        pictures = [model.index(row, 0).data(Qt.ItemDataRole.DecorationRole) for row in range(3)]
        assert all(isinstance(entry, QPixmap) and not entry.isNull() for entry in pictures)

    def test_enter_shows_the_place_in_the_editor(self, grid: GridPage, studio: Studio) -> None:
        click(grid.crops, 2)
        press(grid.crops, Qt.Key.Key_Return)
        studio.wait(lambda: studio.session.current == "frame_1" and studio.session.opening is None)
        QApplication.processEvents()
        view, (width, height) = studio.canvas.view, studio.canvas.screen_size()
        x, y = view.to_screen(52, 41.5)
        assert abs(x - width / 2) <= 2
        assert abs(y - height / 2) <= 2

    def test_a_class_that_nobody_has_is_told(self, grid: GridPage, studio: Studio) -> None:
        grid.look_for(SKY)
        studio.settle()
        assert self.areas(grid) == []
        assert not grid.crops.isVisible()
        assert "region of sky" in grid.regions.empty_text()

    def test_another_project_forgets_them(self, grid: GridPage, studio: Studio, tmp_path: Path) -> None:
        studio.open(fill_folder(tmp_path / "other"))
        assert self.areas(grid) == []
        assert grid.mode == "samples"
