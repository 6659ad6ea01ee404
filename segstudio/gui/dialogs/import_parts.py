"""The parts of the import dialog that know nothing of a model: source row, drop area, progress, rows."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dialogs.import_texts import breakable
from segstudio.gui.models.model_imports import SUFFIXES, clean_source
from segstudio.gui.panels.parts import ElidedLabel, caption, rule

STEPS = 1000
# The box lends its style to the field inside it, which would draw it a second time and hide the figure.
BOX_STYLE = """
QSpinBox { padding: 1px 0; }
QSpinBox:disabled { color: palette(placeholder-text); }
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: none; }
"""
FIELD_STYLE = "border: none; background: transparent; padding: 0 8px; min-height: 0;"


class FittingArea(QScrollArea):
    """Scrolls only what does not fit: it asks for the height of its content."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def heightForWidth(self, width: int) -> int:
        """The height of the content, whose texts wrap."""
        content = self.widget()
        if content is None:
            return super().heightForWidth(width)
        return max(content.heightForWidth(width), content.minimumSizeHint().height())


class SourceRow(QWidget):
    """A field for a path or an id, and buttons to find one. `chosen` carries what a button found."""

    edited = Signal()
    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit()
        self.field.setAccessibleName("Model to import")
        self.field.setPlaceholderText("Path or Hugging Face id")
        # A dropped file would be typed into the field as an address; the dialog takes it instead.
        self.field.setAcceptDrops(False)
        self.field.textEdited.connect(lambda _: self.edited.emit())
        self.file_button = QPushButton("File…")
        self.file_button.clicked.connect(self._ask_file)
        self.folder_button = QPushButton("Folder…")
        self.folder_button.clicked.connect(self._ask_folder)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.file_button)
        row.addWidget(self.folder_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(caption("Which model?", "large"))
        layout.addLayout(row)

    @property
    def source(self) -> str:
        """What the field names."""
        return clean_source(self.field.text())

    def _ask_file(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        dialog = file_dialog(self, "A model's file", f"Models ({kinds})", "All files (*)")
        dialog.fileSelected.connect(self.chosen)
        dialog.open()

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, "A model's folder")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.chosen)
        dialog.open()


def file_dialog(parent: QWidget, title: str, *kinds: str) -> QFileDialog:
    """A dialog for one existing file of these kinds; not open yet."""
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters(list(kinds))
    return dialog


class DropZone(QWidget):
    """What the dialog shows while it knows of no model: what can be dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("dropZone")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 32, 24, 32)
        layout.setSpacing(8)
        kinds = "Weights of TAO, NVlabs, mmsegmentation or Hugging Face, an ONNX file, or a model folder."
        lines = (
            caption("Drop a file or a folder here", "heading"),
            caption(kinds, "muted", wrap=True),
            caption("  ".join(SUFFIXES), "small", wrap=True),
        )
        layout.addStretch(1)
        for line in lines:
            line.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(line)
        layout.addStretch(1)

    def set_over(self, over: bool) -> None:
        """Shows that what is dragged can be dropped."""
        self.setProperty("over", "true" if over else "false")
        self.style().unpolish(self)
        self.style().polish(self)


class ProgressRow(QWidget):
    """What a Job is doing, and how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.text)
        layout.addWidget(self.bar)

    def show_progress(self, text: str, done: float = 0, total: float = 0) -> None:
        """Shows that `done` of `total` is finished; total 0 means unknown."""
        self.bar.setRange(0, STEPS if total else 0)
        if total:
            self.bar.setValue(round(STEPS * min(done / total, 1.0)))
        self.text.setText(text[:1].upper() + text[1:])


class Rows(QGridLayout):
    """Names at the left, values at the right, remarks below the values: one grid, so that all align."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.setHorizontalSpacing(16)
        self.setVerticalSpacing(8)
        self.setColumnStretch(1, 1)

    def add(self, name: str, value: QWidget, buddy: QWidget | None = None) -> QLabel:
        """Adds a row; a screen reader says the name for the buddy."""
        label = caption(name, "muted")
        top = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        # The text of a field stands a little below the field's edge, and the name stands beside the text.
        label.setContentsMargins(0, 4 if buddy else 0, 0, 0)
        row = self.rowCount()
        self.addWidget(label, row, 0, top)
        self.addWidget(value, row, 1)
        if buddy is not None:
            label.setBuddy(buddy)
            buddy.setAccessibleName(name)
        return label

    def add_fact(self, name: str, text: str) -> None:
        """Adds a row of text."""
        self.add(name, fact(text))

    def add_field(self, name: str, field: QWidget, *others: QWidget) -> None:
        """Adds a row with a field and what belongs to it on its right."""
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(field, 1)
        for other in others:
            line.addWidget(other)
        box = QWidget()
        line.setContentsMargins(0, 0, 0, 0)
        box.setLayout(line)
        self.add(name, box, field)

    def add_remark(self, text: str = "", role: str = "small") -> QLabel:
        """Adds a line below a value, hidden while it says nothing."""
        label = fact(text, role)
        label.setVisible(bool(text))
        self.addWidget(label, self.rowCount(), 1)
        return label

    def add_rule(self) -> None:
        """Adds a line across."""
        self.addWidget(rule(), self.rowCount(), 0, 1, 2)


class CalmCombo(QComboBox):
    """A combo that no long entry widens and no wheel changes: the page below the pointer is scrolled."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves it to the page."""
        event.ignore()


class CalmSpin(QSpinBox):
    """A box for pixels that no wheel changes."""

    def __init__(self) -> None:
        super().__init__()
        self.setSuffix(" px")
        self.setStyleSheet(BOX_STYLE)
        self.lineEdit().setStyleSheet(FIELD_STYLE)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leaves it to the page."""
        event.ignore()


def fact(text: str, role: str = "") -> QLabel:
    """A text from a file: never taken for markup, broken anywhere, and free to be copied."""
    label = caption(breakable(text), role, wrap=True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def say(label: QLabel, text: str) -> None:
    """Shows a text in a line of its own, or hides the line."""
    label.setText(breakable(text))
    label.setVisible(bool(text))
