"""The classes dashboard: how well a model's predictions agree with the masks, class by class."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dashboards.class_table import ClassTable, percent
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.project.sample import Changes
from segstudio.workflows.reference import ReferenceScores, load_reference
from segstudio.workflows.scoreboard import Scoreboard, build_scoreboard

NO_REFERENCE = "No reference"
TILES = {
    "miou": ("mIoU", "mean over classes that occur"),
    "macc": ("mAcc", "mean recall"),
    "aacc": ("aAcc", "share of right pixels"),
    "samples": ("Samples", "with mask and prediction"),
}


class ClassesView(QWidget):
    """Tiles, and a table with a bar a class; everything follows the stored confusion counts."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._reference = load_reference()
        self._stale = True
        self.setObjectName("page")
        self.model_choice = QComboBox()
        self.reference_choice = QComboBox()
        self.evaluate_button = QPushButton("Evaluate")
        self.tiles = TileRow(TILES)
        self.table = ClassTable()
        self.protocol = caption("", "small", wrap=True)
        self.placeholder = Placeholder("No scores yet", "")
        self._body = QStackedWidget()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.model_choice.setMinimumWidth(180)
        self.model_choice.setAccessibleName("Model")
        self.reference_choice.setMinimumWidth(220)
        self.reference_choice.setAccessibleName("Reference")
        self.evaluate_button.setProperty("role", "primary")
        self.evaluate_button.setToolTip("Compare stored predictions with the masks of this project")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(caption("Class scores", "title"))
        head.addStretch(1)
        head.addWidget(caption("Model", "muted"))
        head.addWidget(self.model_choice)
        head.addSpacing(8)
        head.addWidget(caption("Compare with", "muted"))
        head.addWidget(self.reference_choice)
        head.addSpacing(8)
        head.addWidget(self.evaluate_button)
        scores = QWidget()
        inner = QVBoxLayout(scores)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(16)
        inner.addWidget(self.tiles)
        inner.addWidget(self.table, 1)
        inner.addWidget(self.protocol)
        self._body.addWidget(scores)
        self._body.addWidget(self.placeholder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(self._body, 1)

    def _connect(self) -> None:
        session = self._session
        session.changed.connect(self._changed)
        session.project_changed.connect(self.refresh)
        session.predictions.models_changed.connect(self._enable)
        session.bridge.finished.connect(lambda _: self._enable())
        session.bridge.started.connect(lambda _: self._enable())
        self.evaluate_button.clicked.connect(self._evaluate)
        self.model_choice.activated.connect(lambda _: self._show())
        self.reference_choice.activated.connect(lambda _: self._show())
        self.refresh()

    def _changed(self, changes: Changes) -> None:
        if changes.scores:
            self.refresh()

    def _evaluate(self) -> None:
        if self._session.project is not None:
            self._session.predictions.evaluate(self._session.project)

    def _enable(self) -> None:
        session = self._session
        busy = any(job.title.startswith("Evaluate") for job in session.jobs.active())
        ready = session.project is not None and session.predictions.entry is not None
        self.evaluate_button.setEnabled(ready and not busy)

    def refresh(self) -> None:
        """Reads the choice of models and references again, then the scores; later when not on screen."""
        if not self.isVisible():
            self._stale = True
            return
        self._stale = False
        project = self._session.project
        models = project.evaluated_models() if project else []
        fill(self.model_choice, models)
        references = self._reference.for_palette(project.palette.name) if project else ()
        fill(self.reference_choice, [*(row.name for row in references), NO_REFERENCE])
        self._enable()
        self._show()

    def showEvent(self, event: object) -> None:
        """Catches up with what happened meanwhile."""
        super().showEvent(event)  # type: ignore[arg-type]  # Qt passes its own event
        if self._stale:
            self.refresh()

    def _chosen_reference(self) -> ReferenceScores | None:
        name = self.reference_choice.currentText()
        return next((row for row in self._reference.classes if row.name == name), None)

    def _show(self) -> None:
        project, model = self._session.project, self.model_choice.currentText()
        if project is None or not model:
            self.placeholder.explain(
                "No scores yet",
                "Predict the samples, correct some of the masks, then press Evaluate: the table compares "
                "the model's predictions with your masks, class by class.",
            )
            self._body.setCurrentIndex(1)
            return
        reference = self._chosen_reference()
        board = build_scoreboard(
            project.counts(model), project.palette, model, reference.iou if reference else None
        )
        colours = [QColor(*entry.rgb) for entry in project.palette.classes]
        self.table.rows.show_scoreboard(board, colours)
        self._show_tiles(board, reference)
        self._body.setCurrentIndex(0)

    def _show_tiles(self, board: Scoreboard, reference: ReferenceScores | None) -> None:
        for key, value in (("miou", board.miou), ("macc", board.macc), ("aacc", board.aacc)):
            self.tiles.show_figure(key, "–" if value is None else f"{percent(value)} %")
        self.tiles.show_figure("samples", str(board.samples))
        remark = TILES["miou"][1]
        text = "Fractions are summed over all samples before dividing; absent classes do not count."
        if reference is not None:
            remark = f"{reference.name}: {percent(reference.miou)} %"
            text = (
                f"Reference: {reference.source} ({reference.protocol}). Its protocol differs from yours: "
                "read the difference as a hint, not as a rank."
            )
        self.tiles.show_figure("miou", self.tiles.tiles["miou"].figure, remark)
        self.protocol.setText(text)


def fill(box: QComboBox, texts: list[str]) -> None:
    """Replaces the entries of a combo box and keeps the chosen one where it still exists."""
    chosen = box.currentText()
    box.blockSignals(True)
    box.clear()
    box.addItems(texts)
    found = box.findText(chosen, Qt.MatchFlag.MatchExactly)
    box.setCurrentIndex(max(found, 0) if texts else -1)
    box.blockSignals(False)
