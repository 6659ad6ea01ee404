"""Active time is counted while somebody does something, and every save and verdict takes its part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect
from segstudio.gui.review.work_log import IDLE_S, ActivityClock, WorkLog
from segstudio.project.review_records import Effort
from tests.gui.conftest import WAIT_MS


class Time:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def log(time: Time) -> WorkLog:
    return WorkLog(ActivityClock(time))


def edit(pixels: int) -> Edit:
    before = np.zeros((4, 8), np.uint8)
    after = before.copy()
    after.ravel()[:pixels] = 1
    made = Edit.of("Brush", Rect(0, 0, 8, 4), before, after)
    assert made is not None
    return made


def test_a_minute_after_the_last_input_counts_and_no_more(time: Time) -> None:
    clock = ActivityClock(time)
    time.now += 500
    assert clock.take() == 0
    clock.touched()
    time.now += 30
    assert clock.take() == 30
    time.now += 1000
    assert clock.take() == 30
    assert clock.take() == 0
    clock.touched()
    time.now += 10
    clock.left()
    time.now += 20
    assert clock.take() == 10


@given(st.lists(st.integers(0, 200), max_size=20), st.lists(st.booleans(), min_size=21, max_size=21))
def test_the_sum_does_not_depend_on_when_it_is_asked_for(gaps: list[int], asked: list[bool]) -> None:
    time = Time()
    clock, total = ActivityClock(time), 0.0
    clock.touched()
    for gap, ask in zip(gaps, asked, strict=False):
        time.now += gap
        if ask:
            total += clock.take()
        clock.touched()
    assert total + clock.take() == sum(min(gap, IDLE_S) for gap in gaps)


def test_each_sample_has_its_own_effort(log: WorkLog, time: Time) -> None:
    log.open("a")
    log.clock.touched()
    time.now += 20
    log.edited("a", edit(5))
    log.edited("a", edit(7))
    log.open("b")
    time.now += 4
    assert log.take("b") == Effort(4.0)
    assert log.take("a") == Effort(20.0, 2, 12)
    assert log.take("a") == Effort()


def test_what_could_not_be_recorded_is_kept(log: WorkLog, time: Time) -> None:
    log.open("a")
    log.edited("a", edit(3))
    taken = log.take("a")
    log.edited("a", edit(4))
    log.give_back("a", taken)
    assert log.take("a") == Effort(0.0, 2, 7)
    log.edited("a", edit(4))
    log.clear()
    assert log.take("a") == Effort()


def test_only_a_window_in_front_counts(time: Time, qtbot: object) -> None:
    from PySide6.QtWidgets import QWidget

    from segstudio.gui.review.work_log import ActivityWatch

    window = QWidget()
    canvas = QWidget(window)
    clock = ActivityClock(time)
    ActivityWatch(window, canvas, clock)
    QTest.mouseMove(canvas)
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Wheel))
    time.now += 5
    assert clock.take() == 0
    window.show()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window, WAIT_MS)
    QTest.keyClick(window, Qt.Key.Key_B)
    time.now += 5
    assert clock.take() == 5
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowDeactivate))
    time.now += 5
    assert clock.take() == 0
    window.close()
    window.deleteLater()
