"""The progress page: figures by status, day and person, and the balance of the classes."""

import csv
import os

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.progress_view import ProgressView
from segstudio.project.lock import user_name
from segstudio.project.sample import SampleStatus
from tests.gui.conftest import CAR, HEIGHT, WIDTH, predicted_mask
from tests.gui.dashboards.desk import Desk, colours, note, texts, visible_placeholder


def progress_page(desk: Desk) -> ProgressView:
    view = desk.page("progress")
    assert isinstance(view, ProgressView)
    return view


def figures(view: ProgressView) -> dict[str, str]:
    return {key: tile.figure for key, tile in view.tiles.tiles.items()}


def test_samples_are_shown_by_status_day_and_person(opened: Desk) -> None:
    view = progress_page(opened)
    # Masks that came with the images count as accepted, but are nobody's work.
    assert figures(view)["done"] == "50 %"
    assert figures(view)["pace"] == "–"
    assert view.nobody.isVisible()
    project = opened.session.project
    assert project is not None
    note(opened, project.set_status(["frame_2"], SampleStatus.ACCEPTED))
    note(opened, project.set_status(["frame_0"], SampleStatus.SUBMITTED))
    note(opened, project.set_status(["frame_3"], SampleStatus.REJECTED))
    assert figures(view) == {"done": "75 %", "open": "0", "rejected": "1", "pace": "2.0"}
    assert "Accepted 2 (50 %)" in view.statuses.accessibleName()
    assert [texts(view.days, column) for column in (1, 2)] == [["2"], ["3"]]
    assert [texts(view.people, column) for column in range(4)] == [[user_name()], ["1"], ["1"], ["1"]]
    assert not view.nobody.isVisible()
    bar = view.days.rows.index(0, 3).data(BAR_ROLE)
    assert isinstance(bar, Bar)
    assert [share for share, _ in bar.parts] == pytest.approx([1 / 3] * 3)
    assert "Submitted: 1" in bar.tips[0]
    rows = dict(csv.reader(view.statuses.to_csv().splitlines()))
    assert rows == {"part": "value", "Submitted": "1", "Accepted": "2", "Rejected": "1"}


def test_classes_are_counted_by_split(opened: Desk) -> None:
    view = progress_page(opened)
    assert "No sample is in train or val yet" in view.balance.note.text()
    whole = view.balance.table.rows.index(0, 4).data(BAR_ROLE)
    assert isinstance(whole, Bar)
    assert (whole.parts[0][0], whole.below) == (1.0, ())
    project = opened.session.project
    assert project is not None
    changes = project.set_split(["frame_0"], "train") | project.set_split(["frame_1"], "val")
    changes |= project.save_mask("frame_1", predicted_mask())
    note(opened, changes)
    balance = view.balance
    found = {
        row[0]: row[1:] for row in zip(*(texts(balance.table, place) for place in range(4)), strict=True)
    }
    half = HEIGHT // 2 * WIDTH
    assert found["sky"] == (str(2 * half), str(half), str(half))
    assert found["car"] == ("480", "0", "480")
    # Of the road, one mask lacks what the car covers.
    assert found["road"] == (str(2 * half - 480), str(half), str(half - 480))
    assert "In val, but in no mask of train: car." in balance.note.text()
    QTest.mouseClick(balance.whats.buttons["regions"], Qt.MouseButton.LeftButton)
    assert dict(zip(texts(balance.table, 0), texts(balance.table, 1), strict=True))["car"] == "1"
    rows = list(csv.DictReader(balance.to_csv().splitlines()))
    assert (rows[CAR]["pixels_all"], rows[CAR]["holding_val"]) == ("480", "1")


def test_a_page_without_masks_says_what_to_do(opened: Desk) -> None:
    project = opened.session.project
    assert project is not None
    for key in ("frame_0", "frame_1"):
        os.unlink(project.mask_path(key))
    view = progress_page(opened)
    assert "No masks yet" in view.balance.note.text()
    assert visible_placeholder(view) == ""


def test_closing_the_project_empties_the_page(opened: Desk) -> None:
    view = progress_page(opened)
    assert texts(view.balance.table, 0)
    opened.session.close_project()
    opened.settle()
    assert "No samples yet" in visible_placeholder(view)
    assert not texts(view.balance.table, 0)


def test_the_page_follows_the_theme(opened: Desk) -> None:
    shades = []
    for theme in ("light", "dark"):
        opened.themes.choose(theme)
        image = progress_page(opened).grab().toImage()
        assert len(colours(image)) > 8
        shades.append(image.pixelColor(3, 3).lightness())
    assert shades[0] > 200
    assert shades[1] < 80
