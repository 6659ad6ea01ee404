"""The list of a mask's earlier states: a click looks at one or hides it, a button restores it."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from segstudio.gui.panels.parts import EmptyState, RowList
from segstudio.gui.samples.sample_versions import WHY_TEXT, SampleVersions, clock
from segstudio.project.versions import Version

TOP = QModelIndex()
EMPTY_TEXT = "Earlier states of this mask appear here once it is saved."
Index = QModelIndex | QPersistentModelIndex


class VersionModel(QAbstractListModel):
    """Versions, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: list[Version] = []

    def set_versions(self, versions: Sequence[Version]) -> None:
        """Lists others; they come oldest first."""
        self.beginResetModel()
        self.versions = list(reversed(versions))
        self.endResetModel()

    def rowCount(self, parent: Index = TOP) -> int:
        """How many there are."""
        return 0 if parent.isValid() else len(self.versions)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """What a row says."""
        version = self.versions[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return version_text(version)
        if role == Qt.ItemDataRole.ToolTipRole:
            return version_tip(version)
        return None


class VersionList(QWidget):
    """Follows the versions of the open sample."""

    def __init__(self, versions: SampleVersions) -> None:
        super().__init__()
        self._versions = versions
        self.model = VersionModel()
        self.view = RowList("Versions of this mask")
        self.view.setModel(self.model)
        self.view.setObjectName("history")
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.clicked.connect(self._look)
        self.view.activated.connect(self._look)
        # A second click on the row hides the version again, and the button with it.
        self.restore_button = QPushButton("Restore")
        self.restore_button.setToolTip("Make this version the mask; one edit that can be undone")
        self.restore_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._stack = QStackedLayout()
        self._stack.addWidget(EmptyState(EMPTY_TEXT))
        self._stack.addWidget(self.view)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 4, 12, 4)
        foot.addStretch(1)
        foot.addWidget(self.restore_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._stack, 1)
        layout.addLayout(foot)
        versions.listed.connect(self._list)
        versions.shown_changed.connect(self._show)
        self._list()
        self._show()

    @property
    def texts(self) -> list[str]:
        """What the rows say, the newest first."""
        return [version_text(version) for version in self.model.versions]

    def _list(self) -> None:
        self.model.set_versions(self._versions.versions)
        self._stack.setCurrentIndex(1 if self.model.versions else 0)
        self._show()

    def _show(self) -> None:
        shown = self._versions.shown
        rows = self.model.versions
        self.restore_button.setVisible(shown is not None and shown.restores)
        if shown is not None and shown.version in rows:
            self.view.setCurrentIndex(self.model.index(rows.index(shown.version)))
        else:
            self.view.setCurrentIndex(QModelIndex())

    def _look(self, index: QModelIndex) -> None:
        version = self.model.versions[index.row()]
        shown = self._versions.shown
        if shown is not None and shown.version == version:
            self._versions.hide()
        else:
            self._versions.show(version)


def version_text(version: Version) -> str:
    """One line such as "14:02  Saved, 812 px"."""
    text = f"{clock(version.when)}  {WHY_TEXT[version.note.why]}"
    return text if not version.pixels else f"{text}, {version.pixels:,} px"


def version_tip(version: Version) -> str:
    """When exactly, who, which model, how much differs from the version before."""
    lines = [f"{WHY_TEXT[version.note.why]}, {datetime.fromtimestamp(version.when):%Y-%m-%d %H:%M:%S}"]
    lines += [f"by {version.who}"] if version.who else []
    lines += [f"model {version.note.model}"] if version.note.model else []
    if version.pixels is not None:
        lines.append(f"{version.pixels:,} pixels differ from the version before")
    return "\n".join([*lines, "Click: look at it, or back at the mask"])
