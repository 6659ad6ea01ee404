"""Small pictures on demand: the newest wish first, old wishes and old pictures forgotten, states followed."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from segstudio.gui.samples.pictures import Limits, Pictures
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from tests.gui.conftest import WAIT_MS, Studio

SIDE = 4
BYTES = SIDE * SIDE * 4


class Maker:
    """Makes plain pictures, notes what it was asked for, and can be held up."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_go = Event()
        self.may_go.set()

    def __call__(self, context: JobContext, project: Project, wanted: Mapping[str, object]) -> None:
        self.batches.append(list(wanted))
        assert self.may_go.wait(WAIT_MS / 1000)
        for key, what in wanted.items():
            picture = QImage(SIDE, SIDE, QImage.Format.Format_RGB888)
            picture.fill(Qt.GlobalColor.red if what == "red" else Qt.GlobalColor.blue)
            context.event((key, None if what == "broken" else picture))


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def pictures(studio: Studio, folder: Path, maker: Maker) -> Pictures:
    """Room for two pictures, three wishes, two at a time."""
    studio.open(folder)
    found = Pictures(studio.session.bridge, "Test", maker, Limits(room=2 * BYTES, waiting=3, batch=2))
    found.set_project(studio.session.project)
    return found


def test_the_newest_wish_comes_first_and_old_ones_are_forgotten(
    studio: Studio, pictures: Pictures, maker: Maker
) -> None:
    maker.may_go.clear()
    for key in "abcdef":
        assert pictures.get(key, "blue") is None
    maker.may_go.set()
    studio.settle()
    # The first was under way at once; b and c scrolled past while it was.
    assert maker.batches == [["a"], ["f", "e"], ["d"]]
    # There is room for two.
    assert [key for key in "abcdef" if pictures.get(key, "blue") is not None] == ["d", "e"]


def test_a_picture_of_another_state_is_shown_until_the_new_one_comes(
    studio: Studio, pictures: Pictures, maker: Maker
) -> None:
    pictures.get("a", "blue", state=1)
    studio.settle()
    old = pictures.get("a", "red", state=2)
    assert old is not None
    assert old.toImage().pixelColor(0, 0) == Qt.GlobalColor.blue
    studio.settle()
    new = pictures.get("a", "red", state=2)
    assert new is not None
    assert new.toImage().pixelColor(0, 0) == Qt.GlobalColor.red
    assert len(maker.batches) == 2


def test_what_cannot_be_made_is_not_asked_for_again_until_it_changes(
    studio: Studio, pictures: Pictures, maker: Maker
) -> None:
    pictures.get("a", "broken", state=1)
    studio.settle()
    assert pictures.is_unreadable("a")
    assert pictures.get("a", "broken", state=1) is None
    studio.settle()
    assert len(maker.batches) == 1
    pictures.get("a", "blue", state=2)
    studio.settle()
    assert pictures.get("a", "blue", state=2) is not None
    assert not pictures.is_unreadable("a")


def test_pictures_of_another_project_do_not_arrive(studio: Studio, pictures: Pictures, maker: Maker) -> None:
    maker.may_go.clear()
    pictures.get("a", "blue")
    pictures.set_project(None)
    maker.may_go.set()
    studio.settle()
    assert pictures.get("a", "blue") is None
    assert len(maker.batches) == 1


def test_what_was_under_way_is_made_again_for_a_new_round(
    studio: Studio, pictures: Pictures, maker: Maker
) -> None:
    maker.may_go.clear()
    pictures.get("a", "blue")
    pictures.set_project(studio.session.project)
    assert pictures.get("a", "red") is None
    maker.may_go.set()
    studio.settle()
    made = pictures.get("a", "red")
    assert made is not None
    assert made.toImage().pixelColor(0, 0) == Qt.GlobalColor.red
    assert maker.batches == [["a"], ["a"]]
