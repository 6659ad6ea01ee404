"""The classes dashboard: how well a model's predictions agree with the masks, class by class."""

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QPushButton

from segstudio.gui.dashboards.class_table import ClassTable, percent
from segstudio.gui.dashboards.page import DashboardPage, fill, stacked
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.workflows.reference import ReferenceScores, load_reference
from segstudio.workflows.scoreboard import Scoreboard, build_scoreboard

NO_REFERENCE = "No reference"
TILES = {
    "miou": ("mIoU", "mean over classes that occur"),
    "macc": ("mAcc", "mean recall"),
    "aacc": ("aAcc", "share of right pixels"),
    "samples": ("Samples", "with mask and prediction"),
}


class ClassesView(DashboardPage):
    """Tiles, and a table with a bar a class; everything follows the stored confusion counts."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._reference = load_reference()
        self.model_choice = QComboBox()
        self.reference_choice = QComboBox()
        self.evaluate_button = QPushButton("Evaluate")
        self.tiles = TileRow(TILES)
        self.table = ClassTable()
        self.protocol = caption("", "small", wrap=True)
        self.placeholder = Placeholder("No scores yet", "")
        self._lay_out()
        self.follow(self.evaluate_button, "Evaluate")
        self.evaluate_button.clicked.connect(self._evaluate)
        self.model_choice.activated.connect(lambda _: self._show())
        self.reference_choice.activated.connect(lambda _: self._show())

    def _lay_out(self) -> None:
        self.model_choice.setMinimumWidth(180)
        self.model_choice.setAccessibleName("Model")
        self.reference_choice.setMinimumWidth(220)
        self.reference_choice.setAccessibleName("Reference")
        self.evaluate_button.setProperty("role", "primary")
        self.evaluate_button.setToolTip("Compare stored predictions with the masks of this project")
        scores, inner = stacked(16)
        inner.addWidget(self.tiles)
        inner.addWidget(self.table, 1)
        inner.addWidget(self.protocol)
        controls = (
            caption("Model", "muted"),
            self.model_choice,
            caption("Compare with", "muted"),
            self.reference_choice,
            self.evaluate_button,
        )
        self.lay_out("Class scores", controls, scores, self.placeholder)

    def _evaluate(self) -> None:
        if self._session.project is not None:
            self._session.predictions.evaluate(self._session.project)

    def show_contents(self) -> None:
        """Reads the choice of models and references again, then the scores."""
        project = self._session.project
        fill(self.model_choice, project.evaluated_models() if project else [])
        references = self._reference.for_palette(project.palette.name) if project else ()
        fill(self.reference_choice, [*(row.name for row in references), NO_REFERENCE])
        self._show()

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
            self.show_placeholder(True)
            return
        reference = self._chosen_reference()
        palette = project.palette

        def show(board: Scoreboard) -> None:
            self.table.rows.show_scoreboard(board, [QColor(*entry.rgb) for entry in palette.classes])
            self._show_tiles(board, reference)
            self.show_placeholder(False)

        published = reference.iou if reference else None
        self.read(lambda: build_scoreboard(project.counts(model), palette, model, published), show)

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
