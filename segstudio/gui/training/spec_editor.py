"""The experiment as YAML, to be edited; checked at every pause of typing, with one line at the fault."""

import re
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QColor, QFontDatabase, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dashboards.plot_colours import theme_of
from segstudio.gui.dialogs.export_parts import CalmDecimal, HidingRows
from segstudio.gui.dialogs.import_parts import CalmSpin
from segstudio.gui.panels.parts import caption
from segstudio.workflows.retrain.choice import RetrainChoice

PAUSE_MS = 350
LINE = re.compile(r"line (\d+)")
# Dotted keys and quoted words of a problem that name a place in the text.
KEY = re.compile(r"[A-Za-z_][\w.\[\]]*\.[\w\]]+|'([\w.]+)'")
LINES_SHOWN = 14


class SpecText(QPlainTextEdit):
    """YAML in letters of equal width; Tab leaves it."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Experiment as YAML")
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(12)
        self.setFont(font)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * LINES_SHOWN)

    def mark_line(self, number: int) -> None:
        """Marks a line, counted from 1; 0 marks none."""
        marks = []
        block = self.document().findBlockByNumber(number - 1)
        if number > 0 and block.isValid():
            mark = QTextEdit.ExtraSelection()
            colour = QColor(theme_of(self.palette()).colours["danger-back"])
            mark.format.setBackground(colour)
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            mark.cursor = QTextCursor(block)
            marks.append(mark)
        self.setExtraSelections(marks)


class SpecEditor(QWidget):
    """Fine settings and the spec that all choices come to.

    `changed` follows the settings and an edited text; `check_asked` carries a text to be checked.
    """

    changed = Signal()
    check_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._made = ""
        self._problem = ""
        self.balanced, self.weights = CalmSpin(), CalmDecimal(0, 1, 0.2, "")
        self.balanced.setRange(0, 100)
        self.balanced.setSuffix(" % of the crops")
        self.balanced.setValue(50)
        self.frozen = QCheckBox("Only the decode head learns: faster, and forgets less")
        self.text = SpecText()
        self.said = caption("", "danger", wrap=True)
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("The spec follows the choices again")
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        rows = HidingRows()
        rows.add("Rare classes", self.balanced)
        rows.add("Class weights", self.weights)
        rows.add("Backbone", self.frozen)
        head = QHBoxLayout()
        head.addWidget(caption("Spec", "heading"))
        self.state = caption("follows the choices", "muted")
        head.addWidget(self.state)
        head.addStretch(1)
        head.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(rows)
        layout.addLayout(head)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.said)
        self._show_state()

    def _connect(self) -> None:
        self.balanced.valueChanged.connect(lambda _: self.changed.emit())
        self.weights.valueChanged.connect(lambda _: self.changed.emit())
        self.frozen.toggled.connect(lambda _: self.changed.emit())
        self.text.textChanged.connect(self._typed)
        self.reset.clicked.connect(self._reset)
        self._pause.timeout.connect(lambda: self.check_asked.emit(self.text.toPlainText()))

    @property
    def is_edited(self) -> bool:
        """Whether the text is the user's."""
        return self.text.toPlainText() != self._made

    @property
    def problem(self) -> str:
        """Why the text cannot be used; "" if it can."""
        return self._problem

    def into(self, choice: RetrainChoice) -> RetrainChoice:
        """The choice with the fine settings and, where it was edited, the text."""
        return replace(
            choice,
            balanced_share=self.balanced.value() / 100,
            class_weight_strength=self.weights.value(),
            freeze_backbone=self.frozen.isChecked(),
            spec=self.text.toPlainText() if self.is_edited else "",
        )

    def show_made(self, text: str) -> None:
        """Shows the spec that the choices come to, unless the user has edited it."""
        if self.is_edited and self._made:
            return
        self._made = text
        self.text.blockSignals(True)
        place = self.text.verticalScrollBar().value()
        self.text.setPlainText(text)
        self._made = self.text.toPlainText()
        self.text.verticalScrollBar().setValue(place)
        self.text.blockSignals(False)
        self.show_problem("")

    def show_problem(self, problem: str) -> None:
        """Says what is wrong with the text, and marks its line."""
        self._problem = problem
        self.said.setText(problem)
        self.said.setVisible(bool(problem))
        self.text.mark_line(line_of(problem, self.text.toPlainText()) if problem else 0)
        self._show_state()

    def _typed(self) -> None:
        self._show_state()
        self._pause.start()
        self.changed.emit()

    def _show_state(self) -> None:
        edited = self.is_edited
        self.state.setText("edited: it takes the place of the choices" if edited else "follows the choices")
        self.reset.setVisible(edited)

    def _reset(self) -> None:
        self._pause.stop()
        self.text.setPlainText(self._made)
        self._pause.stop()
        self.show_problem("")


def line_of(problem: str, text: str) -> int:
    """The line, counted from 1, that a problem is about; 0 where it cannot be told."""
    found = LINE.search(problem)
    if found:
        return int(found[1])
    lines = text.splitlines()
    for key in KEY.finditer(problem):
        name = (key[1] or key[0]).rpartition(".")[2].partition("[")[0]
        for number, line in enumerate(lines, 1):
            if re.search(rf"\b{re.escape(name)}:", line):
                return number
    return 0
