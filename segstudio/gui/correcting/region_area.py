"""How large the region under the cursor is: small ones at once, large ones by a worker at rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_at
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.jobs import JobContext

# A window around the cursor in which the region is looked for at once: some milliseconds at most.
NEAR = 1024
REST_MS = 200
TITLE = "Measure region"


@dataclass(frozen=True)
class _Found:
    """A region of a document at a revision; `is_whole` is false while only a part of it was looked at."""

    document: MaskDocument
    revision: int
    region: Region
    is_whole: bool

    def holds(self, document: MaskDocument, x: int, y: int) -> bool:
        rect = self.region.rect
        if document is not self.document or document.revision != self.revision:
            return False
        inside = rect.x <= x < rect.right and rect.y <= y < rect.bottom
        return inside and bool(self.region.inside[y - rect.y, x - rect.x])


class RegionArea(QObject):
    """Areas in pixels, found again only when the cursor leaves a region or the mask changes."""

    measured = Signal()

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._found: _Found | None = None
        self._wanted: tuple[MaskDocument, int, int] | None = None
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self._measure)

    def drop(self) -> None:
        """Measures nothing any more: the folder or the window closes."""
        self._rest.stop()
        self._wanted = self._found = None

    def at(self, document: MaskDocument, x: int, y: int) -> int | None:
        """The area of the region that holds a pixel; None while it is being measured, or a stroke goes on."""
        if document.in_stroke:
            return None
        if self._found is None or not self._found.holds(document, x, y):
            self._found = _near(document, x, y)
        if self._found.is_whole:
            self._rest.stop()
            return self._found.region.area
        self._wanted = document, x, y
        self._rest.start()
        return None

    def _measure(self) -> None:
        if self._wanted is None:
            return
        document, x, y = self._wanted
        if document.in_stroke:
            return
        revision = document.revision

        def work(_: JobContext) -> Region:
            return region_at(document.array, x, y)

        def done(region: Region) -> None:
            # An edit in the meantime makes what was seen of the mask worthless.
            if document.revision == revision and not document.in_stroke:
                self._found = _Found(document, revision, region, True)
                self.measured.emit()

        self._bridge.start(TITLE, work, lane="io", replaces=TITLE, replies=Replies(done=done))


def _near(document: MaskDocument, x: int, y: int) -> _Found:
    """What can be said from the pixels around the cursor."""
    window = Rect(x - NEAR // 2, y - NEAR // 2, NEAR, NEAR).clip(document.width, document.height)
    pixels: NDArray[np.uint8] = document.array[window.slices]
    part = region_at(np.ascontiguousarray(pixels), x - window.x, y - window.y)
    rect = part.rect
    cut = (
        (rect.x == 0 and window.x > 0)
        or (rect.y == 0 and window.y > 0)
        or (rect.right == window.width and window.right < document.width)
        or (rect.bottom == window.height and window.bottom < document.height)
    )
    placed = Rect(rect.x + window.x, rect.y + window.y, rect.width, rect.height)
    region = Region(part.class_id, placed, part.inside, part.area)
    return _Found(document, document.revision, region, not cut)
