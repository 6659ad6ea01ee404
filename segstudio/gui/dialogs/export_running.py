"""The page of the wizard while a model is exported: a row a format with what became of it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QToolButton, QVBoxLayout, QWidget

from segstudio.gui.dialogs.export_results import ROLES, SIGNS, Finished, State, figures
from segstudio.gui.dialogs.import_parts import ProgressRow
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import ElidedLabel, caption
from segstudio.jobs import Job
from segstudio.workflows.exports.formats import FORMATS

SIGN_SIDE = 18
BEGINNING = "Reading the model and the images"


class RunningPage(QWidget):
    """Waiting, working, made, refused or not made: the formats in the order in which they are made."""

    def __init__(self, formats: Sequence[str], icons: Icons) -> None:
        super().__init__()
        self._formats = tuple(formats)
        self._icons = icons
        self._finished = 0
        self.progress = ProgressRow()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(12)
        self._grid.setColumnStretch(2, 1)
        self._signs: list[QToolButton] = []
        self.texts: list[ElidedLabel] = []
        for number, name in enumerate(self._formats):
            self._add_row(number, FORMATS[name].title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        layout.addWidget(self.progress)
        layout.addLayout(self._grid)
        layout.addStretch(1)
        self.progress.show_progress("Starting…")
        self._begin(BEGINNING)

    def _add_row(self, number: int, title: str) -> None:
        sign = QToolButton()
        sign.setIconSize(QSize(SIGN_SIDE, SIGN_SIDE))
        sign.setStyleSheet("border: none; padding: 0;")
        sign.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        text = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        text.setProperty("role", "muted")
        for column, widget in enumerate((sign, caption(title, "heading"), text)):
            self._grid.addWidget(widget, number, column)
        self._signs.append(sign)
        self.texts.append(text)
        self._show(number, State.WAITING, "")

    def _show(self, number: int, state: State, text: str) -> None:
        self._icons.bind(self._signs[number], SIGNS[state], ROLES[state])
        self._signs[number].setAccessibleName(state.value)
        self.texts[number].setText(f"{state.value}: {text}" if text else state.value)

    def _begin(self, text: str) -> None:
        """The first format without a result is the one that is worked on."""
        if self._finished < len(self._formats):
            self._show(self._finished, State.WORKING, text)

    def show_progress(self, job: Job[Any]) -> None:
        """Shows how far all of it is, and what is being done."""
        name, _, text = job.text.partition(": ")
        number = self._finished + 1
        words = f"{min(number, len(self._formats))} of {len(self._formats)} formats"
        self.progress.show_progress(words, job.done, job.total)
        # A report may still be on its way for a format that has ended already.
        if self._finished < len(self._formats) and name == self._formats[self._finished]:
            self._begin(text)

    def show_finished(self, one: Finished) -> None:
        """Shows what became of a format, and goes on to the next one."""
        number = self._formats.index(one.format)
        equal, _, after, *_ = figures(one)
        text = one.reason
        if not text and one.report:
            text = f"{equal} of the ids equal" + (f", mIoU {after}" if after != "–" else "")
        self._show(number, one.state, text)
        self._finished = number + 1
        self._begin("")
