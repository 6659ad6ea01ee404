"""The parts of the export wizard that know nothing of an export: cards, rows to tick, fields for folders."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dialogs.import_parts import BOX_STYLE, FIELD_STYLE, say
from segstudio.gui.models.model_imports import clean_source
from segstudio.gui.panels.parts import caption

CARD_STYLE = """
QPushButton { text-align: left; border-radius: 8px; padding: 0; min-height: 0; }
QPushButton:checked { background: palette(highlight); border-color: palette(link); }
"""
TICK_STYLE = """
QCheckBox:disabled { color: palette(placeholder-text); }
QCheckBox::indicator:disabled { background: palette(window); }
"""
# What the style draws left of a tick's text.
TICK_INDENT = 24


# Of a row; it gives the width of all.
LONGEST_NAME = "Fixed image size__"


class PresetCard(QPushButton):
    """A large choice with a title and a text that wraps."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setStyleSheet(CARD_STYLE)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self._words = QVBoxLayout(self)
        self._words.setContentsMargins(12, 8, 12, 8)
        self._words.setSpacing(2)
        for line in (caption(title, "heading"), caption(text, "small", wrap=True)):
            line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self._words.addWidget(line)
        self._words.addStretch(1)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        """That of its words, not of the button's empty text."""
        return self._words.totalSizeHint()

    def minimumSizeHint(self) -> QSize:
        """As narrow as its longest word."""
        return self._words.totalMinimumSize()

    def hasHeightForWidth(self) -> bool:
        """Its text wraps."""
        return True

    def heightForWidth(self, width: int) -> int:
        """The height of its words."""
        return self._words.totalHeightForWidth(width)


class TickRow(QWidget):
    """Something to tick, what it is for, and why it cannot be ticked. `ticked` follows the user."""

    ticked = Signal(bool)

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.box = QCheckBox(title)
        self.box.setStyleSheet(TICK_STYLE)
        self.box.setAccessibleDescription(text)
        self.box.clicked.connect(self.ticked)
        self._text = caption(text, "small", wrap=True)
        self._lack = caption("", "small", wrap=True)
        self._lack.setStyleSheet("font-style: italic;")
        self._lack.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lack.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.box)
        for line in (self._text, self._lack):
            line.setContentsMargins(TICK_INDENT, 0, 0, 0)
            layout.addWidget(line)

    def show_state(self, *, ticked: bool, lack: str) -> None:
        """Ticks it or not; what is lacking greys it and is said below."""
        self.box.setEnabled(not lack)
        self.box.setChecked(ticked and not lack)
        say(self._lack, lack)


class FolderField(QWidget):
    """A field for a folder and a button to find one. `edited` follows typing and choosing."""

    edited = Signal()

    def __init__(self, name: str, prompt: str = "") -> None:
        super().__init__()
        self._name = name
        self.field = QLineEdit()
        self.field.setAccessibleName(name)
        self.field.setPlaceholderText(prompt)
        self.field.textEdited.connect(lambda _: self.edited.emit())
        self.button = QPushButton("Folder…")
        self.button.setAccessibleName(f"{name}: choose a folder")
        self.button.clicked.connect(self._ask)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.button)
        self.setFocusProxy(self.field)

    @property
    def path(self) -> str:
        """What the field names, "" for nothing."""
        return clean_source(self.field.text())

    def _ask(self) -> None:
        dialog = QFileDialog(self, self._name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._take)
        dialog.open()

    def _take(self, path: str) -> None:
        self.field.setText(path)
        self.edited.emit()


class CalmDecimal(QDoubleSpinBox):
    """A box for a decimal that no wheel changes."""

    def __init__(self, least: float, most: float, value: float, unit: str) -> None:
        super().__init__()
        self.setRange(least, most)
        self.setSingleStep(0.1)
        self.setDecimals(2)
        self.setSuffix(f" {unit}")
        self.setValue(value)
        self.setStyleSheet(BOX_STYLE.replace("QSpinBox", "QDoubleSpinBox"))
        self.lineEdit().setStyleSheet(FIELD_STYLE)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves it to the page."""
        event.ignore()


class HidingRows(QGridLayout):
    """Names at the left, fields at the right, each row shown or hidden by its name; remarks below."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.setHorizontalSpacing(16)
        self.setVerticalSpacing(8)
        self.setColumnStretch(1, 1)
        # The blocks of a form stand below each other and align.
        self.setColumnMinimumWidth(0, QFontMetrics(QApplication.font()).horizontalAdvance(LONGEST_NAME))
        self._rows: dict[str, list[QWidget]] = {}

    def add(self, name: str, field: QWidget, key: str = "") -> None:
        """Adds a row; its key is its name unless given."""
        label = caption(name, "muted")
        label.setBuddy(field)
        label.setContentsMargins(0, 4, 0, 0)
        if not field.accessibleName():
            field.setAccessibleName(name)
        row = self.rowCount()
        self.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        self.addWidget(field, row, 1)
        self._rows[key or name] = [label, field]

    def add_remark(self, role: str = "small") -> QLabel:
        """Adds a line below a field, hidden while it says nothing; see `say`."""
        label = caption("", role, wrap=True)
        label.hide()
        self.addWidget(label, self.rowCount(), 1)
        return label

    def show_only(self, shown: Sequence[str], among: Sequence[str]) -> None:
        """Shows some of the rows and hides the others."""
        for key in among:
            for widget in self._rows[key]:
                widget.setVisible(key in shown)
