"""Small pictures that a worker makes when they are first seen: the newest wish first, the rest forgotten."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.jobs import JobContext
from segstudio.project.project import Project

LANE = "thumbnails"
# Makes pictures of what is wished for by key; each goes out as the event (key, QImage), or (key, None) for
# what cannot be read.
Make = Callable[[JobContext, Project, Mapping[Any, Any]], None]


@dataclass(frozen=True)
class Limits:
    """How much a set of pictures may hold.

    Attributes:
        room: bytes of finished pictures; those that were seen longest ago go first.
        waiting: wishes that are kept; rows that scrolled past are not worth their time any more.
        batch: wishes that one Job fulfils.
    """

    room: int = 96 * 2**20
    waiting: int = 48
    batch: int = 8


@dataclass(frozen=True)
class _Wish:
    what: Any
    state: Hashable


class Pictures(QObject):
    """Pictures by key; `ready` tells when one that was asked for has come."""

    ready = Signal(object)

    def __init__(self, bridge: JobBridge, title: str, make: Make, limits: Limits) -> None:
        super().__init__()
        self._bridge = bridge
        self._title, self._make, self._limits = title, make, limits
        self._project: Project | None = None
        self._round = 0
        self._pixmaps: OrderedDict[Hashable, tuple[Hashable, QPixmap]] = OrderedDict()
        self._bytes = 0
        self._waiting: OrderedDict[Hashable, _Wish] = OrderedDict()
        self._unreadable: dict[Hashable, Hashable] = {}
        self._making: Mapping[Hashable, _Wish] = {}
        self._making_round = 0

    def set_project(self, project: Project | None) -> None:
        """Forgets all pictures, also those under way, and serves a project."""
        self._project = project
        self._round += 1
        self._pixmaps.clear()
        self._bytes = 0
        self._waiting.clear()
        self._unreadable.clear()

    def is_unreadable(self, key: Hashable) -> bool:
        """Whether there can be no picture."""
        return key in self._unreadable

    def get(self, key: Hashable, what: Any, state: Hashable = None) -> QPixmap | None:
        """A picture, or None while a worker makes it or where it cannot be made.

        Args:
            key: names it.
            what: what the worker needs to know.
            state: what the picture depends on; one of another state is shown until the new one is there.
        """
        known, pixmap = self._pixmaps.get(key, (None, None))
        if pixmap is not None:
            self._pixmaps.move_to_end(key)
        if (pixmap is None or known != state) and not self._is_known_unreadable(key, state):
            self._wish(key, _Wish(what, state))
        return pixmap

    def shown(self, key: Hashable, what: Any) -> QPixmap | None:
        """As `get`, with a null pixmap where there can be no picture."""
        pixmap = self.get(key, what)
        return QPixmap() if pixmap is None and self.is_unreadable(key) else pixmap

    def _is_known_unreadable(self, key: Hashable, state: Hashable) -> bool:
        return key in self._unreadable and self._unreadable[key] == state

    def _wish(self, key: Hashable, wish: _Wish) -> None:
        # What is under way for an older round will not be shown.
        under_way = self._making.get(key) if self._making_round == self._round else None
        if self._project is None or (under_way is not None and under_way.state == wish.state):
            return
        self._waiting[key] = wish
        self._waiting.move_to_end(key)
        while len(self._waiting) > self._limits.waiting:
            self._waiting.popitem(last=False)
        self._next_batch()

    def _next_batch(self) -> None:
        project, current = self._project, self._round
        if self._making or not self._waiting or project is None:
            return
        count = min(self._limits.batch, len(self._waiting))
        batch = self._making = dict(self._waiting.popitem() for _ in range(count))
        self._making_round = current
        wanted = {key: wish.what for key, wish in batch.items()}

        def deliver(event: tuple[Hashable, QImage | None]) -> None:
            if current == self._round:
                self._deliver(event[0], batch[event[0]].state, event[1])

        replies = Replies(
            done=lambda _: self._over(), failed=lambda _: self._over(), cancelled=self._over, event=deliver
        )
        self._bridge.start(
            self._title, lambda context: self._make(context, project, wanted), lane=LANE, replies=replies
        )

    def _over(self) -> None:
        self._making = {}
        self._next_batch()

    def _deliver(self, key: Hashable, state: Hashable, picture: QImage | None) -> None:
        if picture is None:
            self._unreadable[key] = state
        else:
            self._unreadable.pop(key, None)
            _, older = self._pixmaps.pop(key, (None, None))
            self._bytes -= _size(older)
            pixmap = QPixmap.fromImage(picture)
            self._pixmaps[key] = (state, pixmap)
            self._bytes += _size(pixmap)
            while self._bytes > self._limits.room and len(self._pixmaps) > 1:
                self._bytes -= _size(self._pixmaps.popitem(last=False)[1][1])
        self.ready.emit(key)


def _size(pixmap: QPixmap | None) -> int:
    return 0 if pixmap is None else pixmap.width() * pixmap.height() * 4


def to_qimage(rgb: NDArray[np.uint8]) -> QImage:
    """A copy of an RGB array uint8 [H,W,3] as a QImage that owns its pixels."""
    height, width = rgb.shape[:2]
    rgb = np.ascontiguousarray(rgb)
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
