"""Thumbnails of samples: made in a worker when a row is first seen, cached on disk and in memory."""

import logging
from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge
from segstudio.gui.samples.pictures import Limits, Pictures, to_qimage
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Sample

LOG = logging.getLogger(__name__)
EDGE = 192


class Thumbnails(QObject):
    """Small pictures by sample key; `ready` tells when one that was asked for has come."""

    ready = Signal(object)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._pictures = Pictures(bridge, "Thumbnails", _make, Limits())
        self._pictures.ready.connect(self.ready)

    def set_project(self, project: Project | None) -> None:
        """Forgets all pictures and serves another project."""
        self._pictures.set_project(project)

    def is_unreadable(self, key: str) -> bool:
        """Whether the sample's image could not be read."""
        return self._pictures.is_unreadable(key)

    def get(self, sample: Sample) -> QPixmap | None:
        """The sample's picture, or None while a worker makes it (or when it cannot be read)."""
        return self._pictures.get(sample.key, sample.key)


def _make(context: JobContext, project: Project, wanted: Mapping[str, str]) -> None:
    for key in wanted:
        context.check()
        try:
            picture = to_qimage(project.thumbnail(key, EDGE))
        except SegstudioError as error:
            LOG.info("no thumbnail: %s", error)
            picture = None
        context.event((key, picture))
