"""How much work goes into each mask: active seconds, strokes and pixels, taken by whatever records them."""

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from segstudio.annotation.history import Edit
from segstudio.project.review_records import NO_EFFORT, Effort

# So long after the last input somebody still counts as active: looking is work too.
IDLE_S = 60.0
INPUTS = frozenset(
    {
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.Wheel,
        QEvent.Type.KeyPress,
        QEvent.Type.TabletMove,
        QEvent.Type.TabletPress,
        QEvent.Type.TouchUpdate,
    }
)


class ActivityClock:
    """Adds up the seconds in which somebody was active; `now` tells the time in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._total = 0.0
        self._counted = 0.0
        self._last: float | None = None

    def _count(self) -> float:
        now = self._now()
        if self._last is not None:
            self._total += max(min(now, self._last + IDLE_S) - self._counted, 0.0)
        self._counted = now
        return now

    def touched(self) -> None:
        """Somebody did something."""
        self._last = self._count()

    def left(self) -> None:
        """Attention went elsewhere; nothing counts until the next input."""
        self._count()
        self._last = None

    def take(self) -> float:
        """The seconds since the last call."""
        self._count()
        total, self._total = self._total, 0.0
        return total


class WorkLog(QObject):
    """Keeps the effort of every sample until somebody takes it to record it."""

    def __init__(self, clock: ActivityClock | None = None) -> None:
        super().__init__()
        self.clock = clock or ActivityClock()
        self._current: str | None = None
        self._efforts: dict[str, Effort] = {}

    def open(self, key: str | None) -> None:
        """Another sample is worked on from now on, or none; what was not recorded of the last one stays."""
        self._book()
        self._current = key

    def clear(self) -> None:
        """Forgets everything: another project comes."""
        self.open(None)
        self._efforts.clear()

    def edited(self, key: str, edit: Edit) -> None:
        """Counts an edit that was made."""
        self.give_back(key, Effort(0.0, 1, edit.pixels))

    def take(self, key: str) -> Effort:
        """The effort of a sample since it was taken last."""
        self._book()
        return self._efforts.pop(key, NO_EFFORT)

    def give_back(self, key: str, effort: Effort) -> None:
        """Keeps an effort for the next who takes it, since it could not be recorded."""
        if effort != NO_EFFORT:
            self._efforts[key] = self._efforts.get(key, NO_EFFORT) + effort

    def _book(self) -> None:
        seconds = self.clock.take()
        if self._current is not None and seconds > 0:
            self.give_back(self._current, Effort(seconds))


class ActivityWatch(QObject):
    """Tells a clock of input on a canvas and of keys, while their window has the focus."""

    def __init__(self, window: QWidget, canvas: QWidget, clock: ActivityClock) -> None:
        super().__init__(window)
        self._window = window
        self._clock = clock
        for watched in (window, canvas):
            watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Only listens."""
        if event.type() in INPUTS:
            if self._window.isActiveWindow():
                self._clock.touched()
        elif event.type() == QEvent.Type.WindowDeactivate and watched is self._window:
            self._clock.left()
        return False
