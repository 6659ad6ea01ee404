"""Collects cyclic garbage on the window's thread: a widget that another thread frees ends the process."""

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000


class GarbageCollector(QObject):
    """Takes the place of Python's own collector, which runs on whichever thread allocates."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        # What was imported lives as long as the process; looking through it again would take 100 ms and more.
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(collect_due)
        self._timer.start()


def collect_due() -> None:
    """Collects the oldest generation whose threshold is passed, as Python's own collector would."""
    counts, thresholds = gc.get_count(), gc.get_threshold()
    due = [generation for generation in (0, 1, 2) if counts[generation] > thresholds[generation]]
    if due:
        gc.collect(due[-1])
