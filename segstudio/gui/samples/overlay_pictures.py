"""Thumbnails with the mask, or else the prediction, laid over them in the colours of the canvas."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from segstudio.errors import SegstudioError
from segstudio.gui.class_state import ClassState
from segstudio.gui.samples.pictures import Limits, Pictures, to_qimage
from segstudio.gui.session import Session
from segstudio.gui.view.view_state import ViewState
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample

LOG = logging.getLogger(__name__)
# Longer sides of pictures in pixels; the smallest that is not blurred is taken.
EDGES = (192, 384)
LIMITS = Limits(room=192 * 2**20, waiting=160, batch=12)
IGNORE = 255
Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class OverlayLook:
    """How ids become colours: 256 RGB triplets and 256 opacities, 0-255, as bytes."""

    colours: bytes
    opacities: bytes


def look_of(colours: Rgb, view: ViewState, classes: ClassState) -> OverlayLook:
    """The look of the canvas's overlay, with colours uint8 [256,3]: its opacity, hidden and solo classes."""
    opacities = np.full(256, round(view.opacity * 255) if view.overlay else 0, np.uint8)
    if classes.solo is not None:
        others = np.arange(256) != classes.solo
        opacities[others] = 0
    opacities[[*classes.hidden, IGNORE]] = 0
    return OverlayLook(np.ascontiguousarray(colours, np.uint8).tobytes(), opacities.tobytes())


def laid_over(rgb: Rgb, ids: NDArray[np.uint8], look: OverlayLook) -> Rgb:
    """A picture uint8 [H,W,3] with ids uint8 [h,w] over it, stretched to its size."""
    height, width = rgb.shape[:2]
    if ids.shape != (height, width):
        ids = np.asarray(cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    colours = np.frombuffer(look.colours, np.uint8).reshape(256, 3)[ids].astype(np.int32)
    opacity = np.frombuffer(look.opacities, np.uint8)[ids].astype(np.int32)[..., None]
    mixed: Rgb = ((rgb * (255 - opacity) + colours * opacity + 127) // 255).astype(np.uint8)
    return mixed


class OverlayPictures(QObject):
    """Pictures by sample key, for one size and look at a time; `ready` tells which one to show anew."""

    ready = Signal(object)
    looks_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._pictures = Pictures(session.bridge, "Overlays", _make, LIMITS)
        self._pictures.ready.connect(self.ready)
        self._edge = EDGES[0]
        self._look = OverlayLook(bytes(768), bytes(256))
        self._changes: Counter[str] = Counter()
        self._session = session
        session.changed.connect(self._changed)
        session.project_changed.connect(self._project_changed)
        self._project_changed()

    def set_look(self, look: OverlayLook) -> None:
        """Shows overlays in another look; what is there stays until it is made anew."""
        if look != self._look:
            self._look = look
            self.looks_changed.emit()

    def set_edge(self, pixels: float) -> None:
        """Makes pictures sharp at a longer side of so many device pixels."""
        self._edge = next((edge for edge in EDGES if edge >= pixels), EDGES[-1])

    def is_unreadable(self, key: str) -> bool:
        """Whether the sample's image could not be read."""
        return self._pictures.is_unreadable(key)

    def get(self, sample: Sample) -> QPixmap | None:
        """The sample's picture, or None while a worker makes it (or when it cannot be read)."""
        key = sample.key
        what = (self._edge, self._look)
        return self._pictures.get(key, what, (*what, self._changes[key]))

    def _project_changed(self) -> None:
        self._changes.clear()
        self._pictures.set_project(self._session.project)

    def _changed(self, changes: Changes) -> None:
        for key in changes.masks | changes.predictions:
            self._changes[key] += 1
            self.ready.emit(key)


def _make(context: JobContext, project: Project, wanted: Mapping[str, tuple[int, OverlayLook]]) -> None:
    for key, (edge, look) in wanted.items():
        context.check()
        try:
            picture = project.thumbnail(key, edge)
        except SegstudioError as error:
            LOG.info("no thumbnail: %s", error)
            context.event((key, None))
            continue
        ids = project.overlays.get(key, edge)
        context.event((key, to_qimage(picture if ids is None else laid_over(picture, ids, look))))
