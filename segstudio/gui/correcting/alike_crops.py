"""Small pictures of regions with their outlines, made in a worker when a row is first seen."""

import logging
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from segstudio import images
from segstudio.annotation.alike import Alike
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.errors import SegstudioError
from segstudio.gui.samples.pictures import Limits, Pictures, to_qimage
from segstudio.gui.session import Session
from segstudio.jobs import JobContext
from segstudio.project.project import Project

LOG = logging.getLogger(__name__)
# Pixels of a crop's longer side: sharp at 200 % too.
EDGE = 320
LEAST_SIDE = 24
MARGIN_SHARE = 0.3
ASPECT = 1.5
LIGHT, DARK = (255, 214, 10), (0, 0, 0)
Rgb = NDArray[np.uint8]


class AlikeCrops(QObject):
    """Pictures by row number; `ready` tells when one that was asked for has come."""

    ready = Signal(object)

    def __init__(self, parent: QObject, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self._pictures = Pictures(session.bridge, "Crops", _make, Limits(waiting=64, batch=12))
        self._pictures.ready.connect(self.ready)
        self.forget()

    def forget(self) -> None:
        """Other rows come: nothing that is here or under way is of use."""
        self._pictures.set_project(self._session.project)

    def get(self, row: int, key: str, found: Alike) -> QPixmap | None:
        """The picture of a row, or None while a worker makes it; an empty one if it cannot be made."""
        return self._pictures.shown(row, (key, found.region))


def _make(context: JobContext, project: Project, wanted: Mapping[int, tuple[str, Region]]) -> None:
    """Reads each image once: rows of one sample come one after the other."""
    read: tuple[str, Rgb | None] = ("", None)
    for row, (key, region) in sorted(wanted.items(), key=lambda entry: entry[0]):
        context.check()
        if read[0] != key:
            read = (key, image_or_none(project, key))
        picture = to_qimage(crop(read[1], region)) if read[1] is not None else None
        context.event((row, picture))


def image_or_none(project: Project, key: str) -> Rgb | None:
    """A sample's image uint8 [H,W,3]; None where it cannot be read."""
    try:
        return images.read_image(project.sample(key).image)
    except SegstudioError as error:
        LOG.info("no crop: %s", error)
        return None


def crop(image: Rgb, region: Region) -> Rgb:
    """The part of an image uint8 [H,W,3] around a region, 320 pixels long, with its outline."""
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
    draw_outline(picture, inside)
    return picture


def draw_outline(picture: Rgb, inside: NDArray[np.uint8]) -> None:
    """Draws the outline of what is not 0 in uint8 [H,W] into a picture uint8 [H,W,3]."""
    lines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for colour, width in ((DARK, 4), (LIGHT, 2)):
        cv2.drawContours(picture, lines, -1, colour, width)


def _as_a_cell(rect: Rect) -> Rect:
    """The rectangle grown to the shape of a cell's picture: what is around a region costs no room there."""
    wider = max(round(rect.height * ASPECT) - rect.width, 0)
    higher = max(round(rect.width / ASPECT) - rect.height, 0)
    return Rect(rect.x - wider // 2, rect.y - higher // 2, rect.width + wider, rect.height + higher)
