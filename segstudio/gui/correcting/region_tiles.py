"""All regions of one class in the listed samples: the search for them, their order and their crops."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QPixmap

from segstudio.annotation.regions import region_at
from segstudio.errors import SegstudioError
from segstudio.gui.correcting.alike_crops import crop, image_or_none
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import SEARCH_LANE
from segstudio.gui.samples.pictures import Limits, Pictures, to_qimage
from segstudio.gui.session import Session
from segstudio.jobs import Job, JobContext
from segstudio.project.project import Project
from segstudio.project.sample_queue import Source
from segstudio.workflows.class_regions import ClassRegion, find_regions_of_class

REGION_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
LARGEST, SMALLEST, DOUBTFUL = "largest", "smallest", "doubtful"
ORDERS: Mapping[str, Callable[[ClassRegion], float]] = {
    LARGEST: lambda region: -region.area,
    SMALLEST: lambda region: region.area,
    # Without a prediction nothing is known: behind all of which something is.
    DOUBTFUL: lambda region: 2.0 if math.isnan(region.support) else region.support,
}
# Rows that arrive are put in order this often at most.
SORT_PAUSE_S = 0.5
LIMITS = Limits(room=160 * 2**20, waiting=120, batch=12)


@dataclass(frozen=True)
class Search:
    """What is looked for."""

    class_id: int
    source: Source


class RegionModel(QAbstractListModel):
    """One row a region; `moved` tells that there are more, or that the search ended."""

    moved = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._pictures = Pictures(session.bridge, "Crops", _make, LIMITS)
        self._pictures.ready.connect(self._refresh)
        self._rows: list[ClassRegion] = []
        self._places: dict[ClassRegion, int] = {}
        self._arrived: list[ClassRegion] = []
        self._sorted_at = 0.0
        self._job: Job[int] | None = None
        self.search: Search | None = None
        self.order = LARGEST
        session.project_changed.connect(self.clear)

    @property
    def is_searching(self) -> bool:
        """Whether more may come."""
        return self._job is not None

    @property
    def searched(self) -> tuple[float, float]:
        """How many samples of how many were looked through."""
        return (self._job.done, self._job.total) if self._job is not None else (0, 0)

    def clear(self) -> None:
        """Forgets all regions and ends the search."""
        if self._job is not None:
            self._job.cancel()
        self._job, self.search = None, None
        self._arrived = []
        self._pictures.set_project(self._session.project)
        self.beginResetModel()
        self._rows, self._places = [], {}
        self.endResetModel()
        self.moved.emit()

    def look_for(self, search: Search) -> None:
        """Looks for other regions, in the samples that are listed now."""
        self.clear()
        project = self._session.project
        if project is None:
            return
        self.search = search
        keys = [sample.key for sample in self._session.book.listed]

        def over(_: object = None) -> None:
            if self._job is job:
                self._job = None
                self._take_in()

        def failed(error: SegstudioError) -> None:
            over()
            self._session.explain(error)

        def arrive(found: list[ClassRegion]) -> None:
            if self._job is job:
                self._arrived += found
                if monotonic() - self._sorted_at > SORT_PAUSE_S:
                    self._take_in()

        job = self._job = self._session.bridge.start(
            "Look for regions",
            lambda context: find_regions_of_class(project, keys, search.class_id, search.source, context),
            lane=SEARCH_LANE,
            replaces="regions",
            replies=Replies(done=over, failed=failed, cancelled=over, event=arrive),
        )

    def set_order(self, order: str) -> None:
        """Puts them in one of ORDERS."""
        self.order = order
        self._sort()

    def _take_in(self) -> None:
        arrived, self._arrived = self._arrived, []
        if arrived:
            self.beginInsertRows(ROOT, len(self._rows), len(self._rows) + len(arrived) - 1)
            self._rows += arrived
            self.endInsertRows()
            self._sort()
        self._sorted_at = monotonic()
        self.moved.emit()

    def _sort(self) -> None:
        """What is chosen stays chosen, wherever it goes."""
        self.layoutAboutToBeChanged.emit()
        before = self._rows
        self._rows = sorted(before, key=ORDERS[self.order])
        self._places = {region: row for row, region in enumerate(self._rows)}
        old = self.persistentIndexList()
        self.changePersistentIndexList(old, [self.index(self._places[before[one.row()]]) for one in old])
        self.layoutChanged.emit()

    # -- what a view asks ---------------------------------------------------------------------------------

    def rowCount(self, parent: Index = ROOT) -> int:
        """Number of regions."""
        return 0 if parent.isValid() else len(self._rows)

    def row(self, region: ClassRegion) -> int | None:
        """Where a region stands."""
        return self._places.get(region)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Key, region, picture and texts of a row."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        region = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return region.key
        if role == REGION_ROLE:
            return region
        if role == Qt.ItemDataRole.DecorationRole and self.search is not None:
            what = (region, self.search.source)
            pixmap = self._pictures.get(region, what)
            return QPixmap() if self._pictures.is_unreadable(region) else pixmap
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            place = f"at {region.rect.x}, {region.rect.y}"
            return f"{region.key}\n{region_text(region)}, {place}"
        return None

    def _refresh(self, region: ClassRegion) -> None:
        row = self._places.get(region)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])


def region_text(region: ClassRegion) -> str:
    """Area of a region, and how far the model agrees."""
    text = f"{region.area:,} px"
    return text if math.isnan(region.support) else f"{text}  ·  {region.support * 100:.0f} % sure"


def _make(
    context: JobContext, project: Project, wanted: Mapping[ClassRegion, tuple[ClassRegion, Source]]
) -> None:
    """Reads each sample once: its regions come one after the other."""
    read: tuple[str, Any, Any] = ("", None, None)
    for region, (_, source) in sorted(wanted.items(), key=lambda entry: entry[0].key):
        context.check()
        if read[0] != region.key:
            read = (region.key, image_or_none(project, region.key), _ids_or_none(project, region.key, source))
        _, image, ids = read
        x, y = region.start
        fits = image is not None and ids is not None and ids.shape == image.shape[:2]
        if fits and y < ids.shape[0] and x < ids.shape[1]:
            context.event((region, to_qimage(crop(image, region_at(ids, x, y)))))
        else:
            context.event((region, None))


def _ids_or_none(project: Project, key: str, source: Source) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
    try:
        return project.queue.ids(key, source)
    except SegstudioError:
        return None
