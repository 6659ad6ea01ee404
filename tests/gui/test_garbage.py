"""Cyclic garbage is freed by the window's thread, whichever thread made it."""

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from segstudio.gui.garbage import GarbageCollector, collect_due


class Cycle:
    """Refers to itself, and tells which thread freed it."""

    def __init__(self, freed: list[int]) -> None:
        self.me, self.freed = self, freed

    def __del__(self) -> None:
        self.freed.append(threading.get_ident())


@pytest.fixture
def collector() -> Iterator[GarbageCollector]:
    owner = QObject()
    yield GarbageCollector(owner)
    owner.deleteLater()


def test_a_worker_that_allocates_frees_nothing(collector: GarbageCollector, qtbot: QtBot) -> None:
    freed: list[int] = []

    def work() -> None:
        Cycle(freed)
        # Far more than the threshold at which Python's own collector would run on this thread.
        assert len([[] for _ in range(50_000)]) == 50_000

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert freed == []
    kept: list[list[int]] = []

    def is_freed() -> bool:
        # More new objects than the threshold, whatever else is freed meanwhile.
        kept.extend([] for _ in range(2 * gc.get_threshold()[0]))
        return bool(freed)

    qtbot.waitUntil(is_freed, timeout=60_000)
    assert freed == [threading.get_ident()]


def test_older_generations_have_their_turn() -> None:
    gc.disable()
    kept: list[list[int]] = []
    for _ in range(gc.get_threshold()[1] + 2):
        kept += [[] for _ in range(gc.get_threshold()[0] + 1)]
        collect_due()
    assert gc.get_count()[2] > 0
    assert kept
