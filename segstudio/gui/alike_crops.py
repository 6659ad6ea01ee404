"""Small pictures of regions with their outlines, made in a worker when a row is first seen."""

import logging
from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from segstudio import images
from segstudio.annotation.alike import Alike
from segstudio.annotation.rect import Rect
from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import Replies
from segstudio.gui.session import Session
from segstudio.gui.thumbnails import LANE, to_qimage
from segstudio.jobs import JobContext
from segstudio.project.project import Project

LOG = logging.getLogger(__name__)
# Pixels of a crop's longer side: sharp at 200 % too.
EDGE = 320
LEAST_SIDE = 24
MARGIN_SHARE = 0.3
ASPECT = 1.5
KEPT = 800
WAITING, BATCH = 64, 12
LIGHT, DARK = (255, 214, 10), (0, 0, 0)
Rgb = NDArray[np.uint8]


class AlikeCrops(QObject):
    """Pictures by row number; `ready` tells when one that was asked for has come."""

    ready = Signal(int)

    def __init__(self, parent: QObject, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self._round = 0
        self._pixmaps: OrderedDict[int, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[int, tuple[str, Alike]] = OrderedDict()
        self._busy = False

    def forget(self) -> None:
        """Other rows come: nothing that is here or under way is of use."""
        self._round += 1
        self._pixmaps.clear()
        self._waiting.clear()

    def get(self, row: int, key: str, found: Alike) -> QPixmap | None:
        """The picture of a row, or None while a worker makes it."""
        pixmap = self._pixmaps.get(row)
        if pixmap is not None:
            self._pixmaps.move_to_end(row)
            return pixmap
        self._waiting[row] = (key, found)
        self._waiting.move_to_end(row)
        while len(self._waiting) > WAITING:
            self._waiting.popitem(last=False)
        self._next_batch()
        return None

    def _next_batch(self) -> None:
        project = self._session.project
        if self._busy or not self._waiting or project is None:
            return
        rows = sorted(self._waiting)[:BATCH]
        wanted = [(row, *self._waiting.pop(row)) for row in rows]
        self._busy, current = True, self._round

        def deliver(event: tuple[int, QImage | None]) -> None:
            row, picture = event
            if current == self._round:
                self._pixmaps[row] = QPixmap.fromImage(picture) if picture is not None else QPixmap()
                while len(self._pixmaps) > KEPT:
                    self._pixmaps.popitem(last=False)
                self.ready.emit(row)

        replies = Replies(
            done=lambda _: self._over(), failed=lambda _: self._over(), cancelled=self._over, event=deliver
        )
        self._session.bridge.start(
            "Crops", lambda context: _make(context, project, wanted), lane=LANE, replies=replies
        )

    def _over(self) -> None:
        self._busy = False
        self._next_batch()


def _make(context: JobContext, project: Project, wanted: list[tuple[int, str, Alike]]) -> None:
    """Reads each image once: rows of one sample come one after the other."""
    read: tuple[str, Rgb | None] = ("", None)
    for row, key, found in wanted:
        context.check()
        if read[0] != key:
            try:
                read = (key, images.read_image(project.sample(key).image))
            except SegstudioError as error:
                LOG.info("no crop: %s", error)
                read = (key, None)
        picture = to_qimage(crop(read[1], found)) if read[1] is not None else None
        context.event((row, picture))


def crop(image: Rgb, found: Alike) -> Rgb:
    """The part of an image uint8 [H,W,3] around a region, 320 pixels long, with its outline."""
    region = found.region
    rect = region.rect
    margin = max(
        int(max(rect.width, rect.height) * MARGIN_SHARE), (LEAST_SIDE - max(rect.width, rect.height)) // 2, 4
    )
    around = _as_a_cell(rect.grown(margin)).clip(image.shape[1], image.shape[0])
    scale = EDGE / max(around.width, around.height)
    size = (max(round(around.width * scale), 1), max(round(around.height * scale), 1))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    picture = np.asarray(cv2.resize(image[around.slices], size, interpolation=kind), np.uint8)
    inside = np.zeros((around.height, around.width), np.uint8)
    inner = Rect(rect.x - around.x, rect.y - around.y, rect.width, rect.height).clip(
        around.width, around.height
    )
    inside[inner.slices] = region.inside[: inner.height, : inner.width]
    inside = np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    lines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for colour, width in ((DARK, 4), (LIGHT, 2)):
        cv2.drawContours(picture, lines, -1, colour, width)
    return picture


def _as_a_cell(rect: Rect) -> Rect:
    """The rectangle grown to the shape of a cell's picture: what is around a region costs no room there."""
    wider = max(round(rect.height * ASPECT) - rect.width, 0)
    higher = max(round(rect.width / ASPECT) - rect.height, 0)
    return Rect(rect.x - wider // 2, rect.y - higher // 2, rect.width + wider, rect.height + higher)
