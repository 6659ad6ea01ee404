"""The correction queue: sent regions are shown one after the other, across samples, until they are done."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.gui.correcting.segment_walk import EMPTY, OUTSIDE, SegmentWalk
from segstudio.project.verdicts import Destination, SegmentPlace
from tests.gui.conftest import CAR, ROAD, Studio
from tests.gui.test_model_corrections import BUS, TRAIN, depot

__all__ = ["depot"]
ALT = Qt.KeyboardModifier.AltModifier
BUS_PLACE = (10, 24, 30, 16)


@pytest.fixture
def queued(depot: Studio) -> Studio:
    """In the last sample a bus called train, in the first a road called car, and one without a reason."""
    project = depot.session.project
    assert project is not None
    places = [
        SegmentPlace("frame_2", BUS, TRAIN, BUS_PLACE),
        SegmentPlace("frame_0", ROAD, CAR, (5, 50, 10, 10)),
        SegmentPlace("frame_0", TRAIN, BUS, (60, 44, 20, 12)),
    ]
    depot.session.note(project.verdicts.send(places, Destination.QUEUE))
    depot.key(Qt.Key.Key_N, ALT)
    depot.settle()
    return depot


def walk(studio: Studio) -> SegmentWalk:
    return studio.window.corrections.queue


def left(studio: Studio) -> int:
    project = studio.session.project
    assert project is not None
    return len(project.verdicts.sent_to(Destination.QUEUE))


def test_an_empty_queue_says_where_it_is_filled(depot: Studio) -> None:
    told: list[str] = []
    depot.session.message.connect(lambda message: told.append(message.text))
    depot.key(Qt.Key.Key_N, ALT)
    depot.settle()
    assert told == [EMPTY]
    assert not walk(depot).is_on


def test_regions_come_by_sample_with_their_wrong_pixels_outlined(queued: Studio) -> None:
    found = walk(queued)
    assert found.current == SegmentPlace("frame_0", ROAD, CAR, (5, 50, 10, 10))
    assert "1 of 3: road as car" in found.strip.text.text()
    assert found.highlight.isVisible()
    queued.key(Qt.Key.Key_N, ALT)
    queued.key(Qt.Key.Key_N, ALT)
    queued.settle()
    assert queued.session.current == "frame_2"
    view, screen = queued.canvas.view, queued.canvas.screen_size()
    middle = (view.left + 25 * view.scale, view.top + 32 * view.scale)
    assert middle == pytest.approx((screen[0] / 2, screen[1] / 2), abs=1)
    QTest.mouseClick(found.strip.back, Qt.MouseButton.LeftButton)
    queued.settle()
    assert queued.session.current == "frame_0"


def test_enter_takes_a_region_off_and_goes_on_to_the_end(queued: Studio) -> None:
    queued.key(Qt.Key.Key_Return)
    queued.settle()
    assert left(queued) == 2
    QTest.mouseClick(walk(queued).strip.done, Qt.MouseButton.LeftButton)
    queued.settle()
    assert queued.session.current == "frame_2"
    queued.key(Qt.Key.Key_Return)
    queued.settle()
    assert left(queued) == 0
    assert not walk(queued).is_on


def test_leaving_and_going_elsewhere_keep_the_queue(queued: Studio) -> None:
    queued.key(Qt.Key.Key_Escape)
    assert not walk(queued).is_on
    assert not walk(queued).highlight.isVisible()
    queued.key(Qt.Key.Key_N, ALT)
    queued.settle()
    assert walk(queued).is_on
    queued.session.open_sample("frame_1")
    queued.settle()
    assert not walk(queued).is_on
    assert left(queued) == 3


def test_one_walk_ends_where_the_other_begins(queued: Studio) -> None:
    corrections = queued.window.corrections
    queued.key(Qt.Key.Key_N)
    queued.settle()
    assert (corrections.walk.is_on, corrections.queue.is_on) == (True, False)
    queued.key(Qt.Key.Key_Return)
    queued.settle()
    # Enter took the model's side; the queue lost nothing.
    assert left(queued) == 3
    queued.key(Qt.Key.Key_N, ALT)
    queued.settle()
    assert (corrections.walk.is_on, corrections.queue.is_on) == (False, True)


def test_a_region_outside_its_image_is_said_and_can_be_settled(depot: Studio) -> None:
    project = depot.session.project
    assert project is not None
    gone = SegmentPlace("frame_0", ROAD, CAR, (400, 300, 10, 10))
    depot.session.note(project.verdicts.send([gone], Destination.QUEUE))
    depot.key(Qt.Key.Key_N, ALT)
    depot.settle()
    assert walk(depot).current == gone
    assert OUTSIDE in walk(depot).strip.text.text()
    assert not walk(depot).highlight.isVisible()
    QTest.mouseClick(walk(depot).strip.done, Qt.MouseButton.LeftButton)
    depot.settle()
    assert left(depot) == 0
