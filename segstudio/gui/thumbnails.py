"""Thumbnails of samples: made in a worker when a row is first seen, cached on disk and in memory."""

import logging
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Sample

LOG = logging.getLogger(__name__)
LANE = "thumbnails"
EDGE = 192
KEPT = 600
# Rows that scrolled past while a batch ran are not worth their time any more.
WAITING = 48
BATCH = 8


class Thumbnails(QObject):
    """Small pictures by sample key; `ready` tells when one that was asked for has come."""

    ready = Signal(str)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._project: Project | None = None
        self._pixmaps: OrderedDict[str, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._unreadable: set[str] = set()
        self._busy = False

    def set_project(self, project: Project | None) -> None:
        """Forgets all pictures and serves another project."""
        self._project = project
        self._pixmaps.clear()
        self._waiting.clear()
        self._unreadable.clear()

    def is_unreadable(self, key: str) -> bool:
        """Whether the sample's image could not be read."""
        return key in self._unreadable

    def get(self, sample: Sample) -> QPixmap | None:
        """The sample's picture, or None while a worker makes it (or when it cannot be read)."""
        pixmap = self._pixmaps.get(sample.key)
        if pixmap is not None:
            self._pixmaps.move_to_end(sample.key)
            return pixmap
        if self._project is not None and sample.key not in self._unreadable:
            self._waiting[sample.key] = None
            self._waiting.move_to_end(sample.key)
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
            self._next_batch()
        return None

    def _next_batch(self) -> None:
        project = self._project
        if self._busy or not self._waiting or project is None:
            return
        batch = [self._waiting.popitem()[0] for _ in range(min(BATCH, len(self._waiting)))]
        self._busy = True

        def deliver(event: tuple[str, QImage | None]) -> None:
            if project is self._project:
                self._deliver(*event)

        replies = Replies(
            done=lambda _: self._batch_over(),
            failed=lambda _: self._batch_over(),
            cancelled=self._batch_over,
            event=deliver,
        )
        self._bridge.start(
            "Thumbnails", lambda context: _make(context, project, batch), lane=LANE, replies=replies
        )

    def _batch_over(self) -> None:
        self._busy = False
        self._next_batch()

    def _deliver(self, key: str, picture: QImage | None) -> None:
        if picture is None:
            self._unreadable.add(key)
        else:
            self._pixmaps[key] = QPixmap.fromImage(picture)
            while len(self._pixmaps) > KEPT:
                self._pixmaps.popitem(last=False)
        self._waiting.pop(key, None)
        self.ready.emit(key)


def to_qimage(rgb: NDArray[np.uint8]) -> QImage:
    """A copy of an RGB array uint8 [H,W,3] as a QImage that owns its pixels."""
    height, width = rgb.shape[:2]
    rgb = np.ascontiguousarray(rgb)
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _make(context: JobContext, project: Project, keys: list[str]) -> None:
    for key in keys:
        context.check()
        try:
            picture = to_qimage(project.thumbnail(key, EDGE))
        except SegstudioError as error:
            LOG.info("no thumbnail: %s", error)
            picture = None
        context.event((key, picture))
