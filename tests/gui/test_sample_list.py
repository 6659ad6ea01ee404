"""The list of samples in the window: queries, orders, saved filters, and what a start brings back."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QLineEdit

from segstudio import images
from segstudio.gui.panels.queue_bar import QueueBar
from segstudio.gui.samples.sample_book import PLAIN
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.sample_orders import CLASS, GAIN, RANDOM
from tests.gui.conftest import CAR, HEIGHT, ROAD, SKY, WIDTH, Studio, fill_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images; predictions in three of them, of which frame_2 is the least sure and has a car."""
    root = fill_folder(tmp_path / "street")
    with Project.open(root, palette="cityscapes") as project:
        for number, sure in ((1, 200), (2, 50), (3, 120)):
            ids = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
            ids[: 10 * number] = SKY
            if number == 2:
                ids[:, :20] = CAR
            plane = np.full_like(ids, sure)
            project.save_prediction(f"frame_{number}", ids, plane, "m", second=ids, margin=plane)
    return root


def bar(studio: Studio) -> QueueBar:
    return studio.window.editor.samples.bar


def listed(studio: Studio) -> list[int]:
    return [int(sample.key[-1]) for sample in studio.session.book.listed]


def query(studio: Studio, text: str) -> None:
    """Types a query in place of the last one."""
    search = bar(studio).search
    search.setFocus()
    search.selectAll()
    QTest.keyClicks(search, text)
    studio.wait(lambda: studio.session.book.wanted.query == text)
    studio.settle()


def order(studio: Studio, kind: str) -> None:
    """Chooses an order in the list of orders."""
    box = bar(studio).order
    box.setCurrentIndex(box.findData(kind))
    box.activated.emit(box.currentIndex())
    studio.settle()


def test_a_query_lists_what_fulfils_it(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "class=car")
    assert listed(studio) == [2]
    query(studio, "status=predicted & conf<0.6")
    assert listed(studio) == [2, 3]
    query(studio, "frame 3")
    assert listed(studio) == [3]


def test_a_slip_is_shown_in_place_and_the_last_list_stays(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "conf<0.3")
    assert listed(studio) == [2]
    query(studio, "clas=car")
    assert bar(studio).trouble.isVisible()
    assert "no word 'clas'" in bar(studio).trouble.text()
    assert "use name" in bar(studio).search.toolTip()
    assert listed(studio) == [2]
    assert not studio.messages()
    query(studio, "class=car")
    assert not bar(studio).trouble.isVisible()
    assert "use name" not in bar(studio).search.toolTip()


def test_keys_follow_the_order(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    order(studio, "uncertain")
    assert listed(studio) == [2, 3, 1, 0]
    studio.open_sample("frame_2")
    studio.key(Qt.Key.Key_D)
    studio.wait(lambda: studio.session.current == "frame_3")
    studio.key(Qt.Key.Key_A)
    studio.wait(lambda: studio.session.current == "frame_2")


def test_orders_with_a_choice(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(SKY)
    order(studio, CLASS)
    # The masks of the first two are half sky, the others' predictions less.
    assert listed(studio)[:2] == [0, 1]
    assert bar(studio).order.currentText() == "Most sky"
    studio.session.classes.set_active(CAR)
    assert bar(studio).order.currentText() == "Most sky"
    order(studio, CLASS)
    assert listed(studio)[0] == 2
    seeds = set()
    for _ in range(3):
        order(studio, RANDOM)
        seeds.add(studio.session.book.wanted.order.seed)
    assert len(seeds) == 3


def test_enter_opens_the_first_of_the_new_list(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    search = bar(studio).search
    search.setFocus()
    QTest.keyClicks(search, "class=car")
    QTest.keyClick(search, Qt.Key.Key_Return)
    studio.wait(lambda: studio.session.current == "frame_2")


def test_no_hits_say_what_to_do(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "class=train")
    assert listed(studio) == []
    panel = studio.window.editor.samples
    assert not panel.view.isVisible()
    assert "0 of 4 samples" in panel.count.text()
    search = bar(studio).search
    search.clear()
    studio.wait(lambda: listed(studio) == [0, 1, 2, 3])
    assert panel.view.isVisible()


def test_status_and_query_combine(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "class=sky")
    box = bar(studio).status
    box.setCurrentIndex(box.findText("Predicted"))
    studio.settle()
    assert listed(studio) == [2, 3]


def test_a_change_leaves_the_rows_where_they_are(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "status=predicted")
    studio.open_sample("frame_2")
    studio.session.set_status(["frame_2"], SampleStatus.SUBMITTED)
    studio.settle()
    assert listed(studio) == [2, 3]
    query(studio, "status=predicted conf<0.9")
    assert listed(studio) == [3]


def test_models_that_are_listed_again_leave_the_rows_where_they_are(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "status=predicted")
    studio.session.set_status(["frame_2"], SampleStatus.SUBMITTED)
    studio.settle()
    studio.session.predictions.models_changed.emit()
    studio.settle()
    assert listed(studio) == [2, 3]
    studio.session.predictions.current = "another"
    studio.session.predictions.models_changed.emit()
    studio.settle()
    assert listed(studio) == [3]


def test_filters_are_saved_used_and_deleted(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "class=car")
    dialog = bar(studio).ask_name()
    field = dialog.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    QTest.keyClicks(field, "cars")
    QTest.keyClick(field, Qt.Key.Key_Return)
    studio.settle()
    assert studio.session.project is not None
    assert studio.session.project.queue.filters("samples") == {"cars": "class=car"}
    bar(studio).search.clear()
    studio.wait(lambda: len(listed(studio)) == 4)
    menu = bar(studio).saved.menu()
    next(action for action in menu.actions() if action.text() == "cars").trigger()
    studio.settle()
    assert listed(studio) == [2]
    forget = next(action for action in menu.actions() if action.text() == "Delete").menu()
    forget.actions()[0].trigger()  # type: ignore[attr-defined]  # the stubs know it as an object
    studio.settle()
    assert studio.session.project.queue.filters("samples") == {}
    assert [action.text() for action in menu.actions()] == ["Save this filter…"]
    assert studio.window.findChild(QInputDialog) is None


def test_query_order_and_sample_are_there_again(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    query(studio, "status=predicted")
    order(studio, "uncertain")
    studio.open_sample("frame_3")
    studio.session.close_project()
    studio.settle()
    assert studio.session.book.wanted == PLAIN
    studio.open(folder)
    assert bar(studio).search.text() == "status=predicted"
    assert listed(studio) == [2, 3]
    assert studio.session.current == "frame_3"


def test_masks_that_came_from_elsewhere_are_measured_after_opening(studio: Studio, tmp_path: Path) -> None:
    root = fill_folder(tmp_path / "old", masks=2)
    studio.open(root)
    query(studio, "mask_class=sky")
    assert listed(studio) == [0, 1]
    mask = np.full((HEIGHT, WIDTH), CAR, np.uint8)
    assert studio.session.project is not None
    images.write_mask(root / "masks" / "frame_3.png", mask, studio.session.project.palette.colours())
    studio.session.rescan()
    studio.settle()
    query(studio, "mask_class=car")
    assert listed(studio) == [3]


def test_random_picks_are_marked(studio: Studio, tmp_path: Path) -> None:
    studio.open(fill_folder(tmp_path / "many", count=40, masks=0))
    order(studio, GAIN)
    drawn = studio.session.book.drawn
    assert drawn
    model = studio.window.editor.samples.model
    row = studio.session.book.row(min(drawn))
    assert row is not None
    assert "at random" in model.data(model.index(row), Qt.ItemDataRole.ToolTipRole)
    order(studio, "name")
    assert not studio.session.book.drawn


def test_a_large_folder_is_worked_on_before_all_of_it_is_listed(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.gui.opened_project.AT_ONCE", 1)
    lengths: list[int] = []
    studio.session.book.reset.connect(lambda: lengths.append(len(studio.session.book.listed)))
    studio.open(folder)
    assert next(length for length in lengths if length) == 1
    assert len(studio.session.book.listed) == lengths[-1] > 1
    assert studio.session.current == studio.session.book.samples[0].key
    studio.session.open_sample(studio.session.book.samples[-1].key)
    studio.settle()
    studio.open(folder)
    assert studio.session.current == studio.session.book.samples[-1].key
