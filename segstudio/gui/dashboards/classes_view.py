"""The classes dashboard: how well a model's predictions agree with the masks, class by class."""

import itertools

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPushButton, QStackedWidget, QWidget

from segstudio.gui.dashboards.calibration_view import CalibrationView
from segstudio.gui.dashboards.class_scores_view import ClassScoresView
from segstudio.gui.dashboards.confusion_view import ConfusionView
from segstudio.gui.dashboards.page import DashboardPage, offer
from segstudio.gui.dashboards.past_scores_view import PastScoresView
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.panels.parts import Segments, caption
from segstudio.gui.session import Session
from segstudio.workflows.class_scores import ClassScores, read_class_scores, read_past_scores
from segstudio.workflows.reference import load_reference

PARTS = (
    ("scores", "Scores", "IoU, support and errors of every class"),
    ("confusion", "Confusion", "Which class is called which"),
    ("calibration", "Calibration", "Whether the model is as sure as it is right"),
    ("past", "Over time", "All evaluated models, one after the other"),
)


class ClassesView(DashboardPage):
    """Four views of one evaluated model; `segments_asked` is a query of error segments, such as gt=train."""

    segments_asked = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._reference = load_reference()
        self.parts = Segments("View", PARTS)
        self.model_choice = QComboBox()
        self.compare_choice = QComboBox()
        self.evaluate_button = QPushButton("Evaluate")
        self.scores = ClassScoresView(session)
        self.confusion = ConfusionView(session)
        self.calibration = CalibrationView(session)
        self.past = PastScoresView(session, self._reference)
        self._found: ClassScores | None = None
        self._unshown: dict[str, ClassScoresView | ConfusionView | CalibrationView] = {}
        self.placeholder = Placeholder("No scores yet", "")
        self._stack = QStackedWidget()
        self._lay_out()
        self.follow(self.evaluate_button, "Evaluate")
        self._connect()
        self.show_part("scores")

    def _lay_out(self) -> None:
        for box, name, width in (
            (self.model_choice, "Model", 150),
            (self.compare_choice, "Compare with", 180),
        ):
            box.setMinimumWidth(width)
            # Names of models may be long; the box's tip and its list show them whole.
            box.setMaximumWidth(width + 60)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setAccessibleName(name)
        self.evaluate_button.setProperty("role", "primary")
        self.evaluate_button.setToolTip("Compare stored predictions with the masks of this project")
        for view in (self.scores, self.confusion, self.calibration, self.past):
            self._stack.addWidget(view)
        self._against = caption("against", "muted")
        controls: list[QWidget] = [
            self.parts, self.model_choice, self._against, self.compare_choice, self.evaluate_button
        ]  # fmt: skip
        self.lay_out("Class scores", controls, self._stack, self.placeholder)
        # Who comes to the page stands on what it is for.
        chain = (self.evaluate_button, *self.parts.buttons.values())
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _connect(self) -> None:
        self.evaluate_button.clicked.connect(self._evaluate)
        self.parts.chosen.connect(self.show_part)
        self.model_choice.activated.connect(lambda _: self._read())
        self.compare_choice.activated.connect(lambda _: self._read())
        self.scores.table.asked.connect(self.segments_asked)
        self.confusion.asked.connect(self.segments_asked)
        self.segments_asked.connect(
            lambda query: self._session.segments_asked.emit(query, self.model_choice.currentText())
        )

    def show_part(self, name: str) -> None:
        """Shows one view, by its key in PARTS."""
        self.parts.set_value(name)
        self._stack.setCurrentIndex([key for key, _, _ in PARTS].index(name))
        for control in (self._against, self.compare_choice):
            control.setVisible(name == "scores")
        self.model_choice.setVisible(name != "past")
        self._show_current()
        self._read_past()

    def _evaluate(self) -> None:
        self._session.evaluate()

    def show_contents(self) -> None:
        """Reads the choice of models again, then the scores."""
        self._read()
        self._read_past()

    def _read(self) -> None:
        project, reference = self._session.project, self._reference
        if project is None:
            self._show_nothing()
            return
        wanted = self.model_choice.currentText()
        compared = self.compare_choice.currentText() if self.compare_choice.count() else None
        self.read(
            lambda context: read_class_scores(project, wanted, compared, reference, context), self._show
        )

    def _read_past(self) -> None:
        project = self._session.project
        if project is not None and self.parts.value == "past":
            self.read(
                lambda context: read_past_scores(project, context),
                lambda past: self.past.show_past(past, project.palette),
                what="past",
            )

    def _show_nothing(self) -> None:
        self._found = None
        for box in (self.model_choice, self.compare_choice):
            box.clear()
        self.placeholder.explain(
            "No scores yet",
            "Predict the samples, correct some of the masks, then press Evaluate: the table compares "
            "the model's predictions with your masks, class by class.",
        )
        self.show_placeholder(True)

    def _show(self, found: ClassScores) -> None:
        if found.board is None:
            self._show_nothing()
            return
        offer(self.model_choice, found.models, found.model)
        offer(self.compare_choice, found.choices, found.compared)
        self._found = found
        self._unshown = {"scores": self.scores, "confusion": self.confusion, "calibration": self.calibration}
        self._show_current()
        self.show_placeholder(False)

    def _show_current(self) -> None:
        """Gives the view on screen the newest scores; those that nobody looks at wait: drawing takes time."""
        view = self._unshown.pop(self.parts.value, None)
        if view is not None and self._found is not None:
            view.show_scores(self._found)
