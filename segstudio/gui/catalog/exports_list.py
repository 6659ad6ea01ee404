"""What was exported of a model, with what was measured of it, and where it lies."""

from pathlib import Path

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedLayout,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.catalog.folders import open_folder
from segstudio.gui.catalog.texts import export_row
from segstudio.gui.dashboards.figures_table import RIGHT
from segstudio.gui.panels.parts import EmptyState
from segstudio.workflows.export_history import ExportedFormat, ExportRecord

HEADINGS = ("Format", "Same ids", "mIoU", "images/s", "Made")
EMPTY_TEXT = "Nothing was exported of this model yet. Export… makes ONNX, OpenVINO, TensorRT and more of it."


class ExportsList(QWidget):
    """A row a format, the newest first; buttons open its folder and the report."""

    def __init__(self) -> None:
        super().__init__()
        self._exports: tuple[tuple[ExportRecord, ExportedFormat], ...] = ()
        self.rows = QTreeWidget()
        self.rows.setObjectName("figures")
        self.rows.setAccessibleName("Exports")
        self.rows.setRootIsDecorated(False)
        self.rows.setHeaderLabels(list(HEADINGS))
        self.rows.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for column in range(1, len(HEADINGS) - 1):
            self.rows.headerItem().setTextAlignment(column, RIGHT)
        self.rows.setUniformRowHeights(True)
        self.folder_button = QPushButton("Open folder")
        self.report_button = QPushButton("Open report")
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.folder_button)
        foot.addWidget(self.report_button)
        foot.addStretch(1)
        shown = QWidget()
        rows = QVBoxLayout(shown)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        rows.addWidget(self.rows, 1)
        rows.addLayout(foot)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(EmptyState(EMPTY_TEXT))
        self._stack.addWidget(shown)
        self.rows.currentItemChanged.connect(lambda *_: self._enable())
        self.rows.itemActivated.connect(lambda *_: self._open())
        self.folder_button.clicked.connect(self._open)
        self.report_button.clicked.connect(self._open_report)

    def show_exports(self, exports: tuple[tuple[ExportRecord, ExportedFormat], ...]) -> None:
        """Lists exports; those whose folder is gone are grey."""
        self._exports = exports
        self.rows.clear()
        muted = self.palette().brush(QPalette.ColorRole.PlaceholderText)
        for record, one in exports:
            row = QTreeWidgetItem(list(export_row(record.when, one)))
            for column in range(len(HEADINGS)):
                row.setToolTip(column, one.folder)
                if not one.is_there:
                    row.setForeground(column, muted)
                if 0 < column < len(HEADINGS) - 1:
                    row.setTextAlignment(column, RIGHT)
            self.rows.addTopLevelItem(row)
        self._stack.setCurrentIndex(1 if exports else 0)
        if exports:
            self.rows.setCurrentIndex(self.rows.model().index(0, 0))
        self._enable()

    def _current(self) -> tuple[ExportRecord, ExportedFormat] | None:
        number = self.rows.currentIndex().row()
        return self._exports[number] if 0 <= number < len(self._exports) else None

    def _enable(self) -> None:
        current = self._current()
        self.folder_button.setEnabled(current is not None and current[1].is_there)
        self.report_button.setEnabled(current is not None and Path(current[0].page).is_file())

    def _open(self) -> None:
        current = self._current()
        if current is not None and current[1].is_there:
            open_folder(Path(current[1].folder))

    def _open_report(self) -> None:
        current = self._current()
        if current is not None:
            open_folder(Path(current[0].page))
