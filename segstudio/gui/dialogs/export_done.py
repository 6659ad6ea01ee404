"""The last page of the wizard: the verdict on every format, and all that is known of the selected one."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from segstudio.gui.dialogs.export_detail import Detail
from segstudio.gui.dialogs.export_results import COLUMNS, ROLES, SIGNS, Finished, State, figures, to_csv
from segstudio.gui.dialogs.export_table import FigureRow, ResultTable
from segstudio.gui.dialogs.import_form import free_name
from segstudio.gui.dialogs.import_parts import FittingArea, fact
from segstudio.gui.icons import Icons
from segstudio.gui.models.model_exports import Ended, ModelExports
from segstudio.gui.panels.parts import rule
from segstudio.gui.theme import ThemeSwitch
from segstudio.inference.catalog import ModelEntry
from segstudio.workflows.exports.formats import FORMATS

HEADINGS = {"Format": "", "Verdict": ""} | {column.heading: column.tip for column in COLUMNS}
SIGN_LINES = 1.8
DETAIL_LINES = 8
# Formats that the window's own backends run.
RUNNABLE = ("onnx", "openvino", "tensorrt")


class ResultPage(QWidget):
    """`selected` says that another format is shown."""

    selected = Signal()

    def __init__(self, ended: Ended, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__()
        self.ended = ended
        self._themes, self._icons = themes, icons
        # A key that is held down passes rows by without a page for each.
        self._later = QTimer(self, interval=0, singleShot=True)
        self._later.timeout.connect(self._show_detail)
        self.table = ResultTable("Verdicts", HEADINGS, 2, themes, icons, shrinks=True)
        self.table.rows.show_rows([verdict_row(one, ended.finished) for one in ended.finished])
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._later.start())
        self.area = FittingArea()
        self.area.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # The table comes first; what is left is the area's.
        self.area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.area.setMinimumHeight(self.fontMetrics().height() * DETAIL_LINES)
        self.area.setAccessibleName("About the selected format")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(self._make_head())
        layout.addWidget(self.table)
        layout.addWidget(rule())
        layout.addWidget(self.area, 1)
        states = [one.state for one in ended.finished]
        # What was refused is what there is to read about.
        self.table.selectRow(states.index(State.REFUSED) if State.REFUSED in states else 0)

    def _make_head(self) -> QHBoxLayout:
        ended = self.ended
        made = sum(one.state is State.MADE for one in ended.finished)
        worst = State.MADE if made == len(ended.finished) else State.MISSING if made else State.REFUSED
        sign = QToolButton()
        self._icons.bind(sign, SIGNS[worst], ROLES[worst])
        side = round(sign.fontMetrics().height() * SIGN_LINES)
        sign.setIconSize(QSize(side, side))
        sign.setStyleSheet("border: none; padding: 0;")
        sign.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        sign.setAccessibleName(worst.value)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(fact(head_text(ended), "large"))
        words.addWidget(fact(str(ended.out), "muted"))
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        return head

    def _show_detail(self) -> None:
        self.area.setWidget(Detail(self.current, self._themes, self._icons))
        self.area.verticalScrollBar().setValue(0)
        self.selected.emit()

    @property
    def current(self) -> Finished:
        """The format of the selected row."""
        return self.ended.finished[max(self.table.currentIndex().row(), 0)]

    @property
    def can_add(self) -> bool:
        """Whether the selected format is one that this window can run."""
        return self.current.folder is not None and self.current.format.startswith(RUNNABLE)


class ResultButtons(QWidget):
    """What can be done with the results: look at them, copy them, predict with them."""

    def __init__(self, exports: ModelExports) -> None:
        super().__init__()
        self._exports = exports
        self._page: ResultPage | None = None
        self._taken: frozenset[str] = frozenset()
        self._added: dict[Path, str] = {}
        self.folder_button = QPushButton("Open folder")
        self.page_button = QPushButton("Open report")
        self.copy_button = QPushButton("Copy as CSV")
        self.add_button = QPushButton("Add to models")
        self.folder_button.clicked.connect(self._open_folder)
        self.page_button.clicked.connect(self._open_page)
        self.copy_button.clicked.connect(self._copy)
        self.add_button.clicked.connect(self._add)
        exports.added.connect(self._was_added)
        exports.add_failed.connect(lambda _: self._sync())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for button in (self.folder_button, self.page_button, self.copy_button, self.add_button):
            layout.addWidget(button)

    def show_results(self, page: ResultPage) -> None:
        """Works on another page."""
        self._page = page
        self._added = {}
        page.selected.connect(self._sync)
        self._sync()

    def show_models(self, models: Sequence[ModelEntry]) -> None:
        """Whose names are taken."""
        self._taken = frozenset(entry.name for entry in models)
        self._sync()

    def _sync(self) -> None:
        page = self._page
        if page is None:
            return
        ended, folder = page.ended, page.current.folder
        self.folder_button.setEnabled(any(one.folder for one in ended.finished) or ended.page is not None)
        self.page_button.setEnabled(ended.page is not None)
        added = self._added.get(folder, "") if folder else ""
        self.add_button.setText("Added" if added else "Add to models")
        self.add_button.setEnabled(page.can_add and not added)
        tip = f"Copies it into the models as {self._free_name(page)}, to predict with it here"
        if added:
            tip = f"It is in the models as {added}"
        elif not page.can_add:
            tip = "Only what was made and what runs here can be added: ONNX, OpenVINO and TensorRT"
        self.add_button.setToolTip(tip)

    def _open_folder(self) -> None:
        if self._page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._page.ended.out)))

    def _open_page(self) -> None:
        if self._page is not None and self._page.ended.page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._page.ended.page)))

    def _copy(self) -> None:
        if self._page is not None:
            QGuiApplication.clipboard().setText(to_csv(self._page.ended.finished))

    def _free_name(self, page: ResultPage) -> str:
        return free_name(name_of(page.ended, page.current), self._taken)

    def _add(self) -> None:
        page = self._page
        if page is not None and page.can_add and page.current.folder is not None:
            self.add_button.setEnabled(False)
            self._exports.add(page.current.folder, self._free_name(page))

    def _was_added(self, folder: Path, name: str) -> None:
        self._added[folder] = name
        self._sync()


def verdict_row(one: Finished, others: tuple[Finished, ...]) -> FigureRow:
    """One line of the table; the bar compares the speeds of all formats."""
    speeds = [speed for other in others if (speed := _speed(other))]
    # One bar alone would compare nothing.
    fastest = max(speeds) if len(speeds) > 1 else 0.0
    role = ROLES[one.state]
    return FigureRow(
        (FORMATS[one.format].title, one.state.value, *figures(one)),
        {0: role, 1: role} if one.state is not State.MADE else {1: role},
        SIGNS[one.state],
        role,
        _speed(one) / fastest if fastest and _speed(one) else None,
        tip=one.reason,
    )


def _speed(one: Finished) -> float:
    speeds = one.report.evidence.speeds if one.report else ()
    return speeds[0].after if speeds else 0.0


def head_text(ended: Ended) -> str:
    """How many formats were made of which model."""
    made = sum(one.state is State.MADE for one in ended.finished)
    count = len(ended.finished)
    if made == count:
        return f"{ended.model} is exported" + (f" to {count} formats" if count > 1 else "")
    return (
        f"{made or 'None'} of {count} formats of {ended.model} made" if count > 1 else "Nothing was exported"
    )


def name_of(ended: Ended, one: Finished) -> str:
    """What a format is called in the catalog, such as street-b0-int8."""
    return f"{ended.model}-{one.format.removeprefix('onnx-')}"
