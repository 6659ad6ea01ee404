"""Thumbnails of samples: made in a worker when a row is first seen, cached on disk and in memory."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from segstudio import images
from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.jobs import JobContext
from segstudio.project.project import Project, Sample

LOG = logging.getLogger(__name__)
LANE = "thumbnails"
EDGE = 192
KEPT = 600
# Rows that scrolled past while a batch ran are not worth their time any more.
WAITING = 48
BATCH = 8


@dataclass(frozen=True)
class _Wanted:
    key: str
    image: Path
    thumbnail: Path


class Thumbnails(QObject):
    """Small pictures by sample key; `ready` tells when one that was asked for has come."""

    ready = Signal(str)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._project: Project | None = None
        self._pixmaps: OrderedDict[str, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[str, _Wanted] = OrderedDict()
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
            path = self._project.thumb_path(sample.key)
            self._waiting[sample.key] = _Wanted(sample.key, sample.image, path)
            self._waiting.move_to_end(sample.key)
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
            self._next_batch()
        return None

    def _next_batch(self) -> None:
        if self._busy or not self._waiting:
            return
        batch = [self._waiting.popitem()[1] for _ in range(min(BATCH, len(self._waiting)))]
        self._busy = True
        project = self._project

        def deliver(event: tuple[str, QImage | None]) -> None:
            if project is self._project:
                self._deliver(*event)

        replies = Replies(
            done=lambda _: self._batch_over(),
            failed=lambda _: self._batch_over(),
            cancelled=self._batch_over,
            event=deliver,
        )
        self._bridge.start("Thumbnails", lambda context: _make(context, batch), lane=LANE, replies=replies)

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


def _make(context: JobContext, batch: list[_Wanted]) -> None:
    for wanted in batch:
        context.check()
        try:
            rgb = _read_or_make(wanted)
        except SegstudioError as error:
            LOG.info("no thumbnail: %s", error)
            context.event((wanted.key, None))
            continue
        context.event((wanted.key, to_qimage(rgb)))


def _read_or_make(wanted: _Wanted) -> NDArray[np.uint8]:
    stored = wanted.thumbnail
    try:
        if stored.stat().st_mtime >= wanted.image.stat().st_mtime:
            return images.read_image(stored)
    except (OSError, SegstudioError):
        LOG.debug("thumbnail %s is made anew", stored)
    rgb = images.thumbnail(wanted.image, EDGE)
    try:
        stored.parent.mkdir(parents=True, exist_ok=True)
        images.write_image(stored, rgb)
    except (OSError, SegstudioError) as error:
        # A folder that cannot be written costs speed only.
        LOG.info("thumbnail %s was not kept: %s", stored, error)
    return rgb
