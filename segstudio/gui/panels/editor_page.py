"""The editor: samples left, tools and canvas in the middle, classes, prediction and history right."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.correcting.editing import Editing
from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.panels.classes_panel import ClassesPanel, panel_column
from segstudio.gui.panels.comment_list import EMPTY_TEXT
from segstudio.gui.panels.compare_view import CompareView
from segstudio.gui.panels.filter_bar import FilterBanner, FilterRules
from segstudio.gui.panels.history_panel import HistoryPanel
from segstudio.gui.panels.parts import EmptyState, rule
from segstudio.gui.panels.prediction_panel import PredictionFacts, PredictionPanel
from segstudio.gui.panels.review_banner import ReviewBanner
from segstudio.gui.panels.review_panel import ReviewPanel
from segstudio.gui.panels.samples_panel import SamplesPanel
from segstudio.gui.panels.tool_extras import ToolExtras
from segstudio.gui.panels.tool_options import ToolOptionsBar
from segstudio.gui.panels.tool_strip import ToolStrip
from segstudio.gui.panels.view_bar import ViewBar
from segstudio.gui.samples.sample_lister import SampleLister
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.gui.view.view_state import ViewState
from segstudio.inference.spec import ModelSpec
from segstudio.project.sample_facts import agreement

COUNT_PAUSE_MS = 150
LEFT, RIGHT = 264, 288
NO_IMAGES = """This folder has no images.
Put some in it and press {file.rescan}, or open another folder ({file.open})."""
UNREADABLE = "This image cannot be read.\nPress {go.next} for the next one."


class EditorPage(QWidget):
    """Lays out the editor's panels and keeps them in step with the Session.

    `placed` names the open sample and its place in the list.
    """

    placed = Signal(str, str)

    def __init__(
        self,
        session: Session,
        lister: SampleLister,
        editing: Editing,
        view: ViewState,
        themes: ThemeSwitch,
        icons: Icons,
        actions: ActionSet,
    ) -> None:
        super().__init__()
        self._session = session
        self._actions = actions
        self.canvas = Canvas()
        self.link = CanvasLink(session, view, self.canvas)
        self.compared = CompareView(self.canvas, view)
        self.samples = SamplesPanel(lister, session.classes, session.thumbnails, themes, icons)
        self.classes = ClassesPanel(session.classes, themes, icons)
        self.prediction = PredictionPanel(icons)
        self.history = HistoryPanel(themes, session.versions, icons)
        self.review = ReviewPanel(themes)
        self.review_banner = ReviewBanner(icons)
        self.view_bar = ViewBar(view, actions, icons)
        self.tools = ToolStrip(actions)
        self.tool_options = ToolOptionsBar(self.link.tool_state)
        self.tool_extras = ToolExtras(self.link.tool_state, session.classes)
        self.tool_options.add_options(self.tool_extras)
        self.tool_options.add_button(actions.button("tool.filter_rules"))
        self.filter_banner = FilterBanner(session.paint_filter, session.classes, icons)
        self._count_pause = QTimer(self, interval=COUNT_PAUSE_MS, singleShot=True)
        self._count_pause.timeout.connect(self._count_pixels)
        self.left, self.right = self._make_left(), self._make_right()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for column in (self.left, self._make_centre(), self.right):
            self.splitter.addWidget(column)
        self.splitter.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self._connect(editing, view)

    def _make_left(self) -> QWidget:
        self.samples.setMinimumWidth(168)
        return self.samples

    def _make_right(self) -> QWidget:
        column = panel_column()
        column.setMinimumWidth(264)
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.classes, 5)
        layout.addWidget(rule())
        layout.addWidget(self.prediction)
        layout.addWidget(rule())
        layout.addWidget(self.review)
        layout.addWidget(rule())
        layout.addWidget(self.history, 1)
        self.history.setMinimumHeight(156)
        for panel in (self.prediction, self.review):
            # Where room lacks, lists get shorter; buttons stay whole.
            panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        return column

    def _make_centre(self) -> QWidget:
        centre, surround = QWidget(), QWidget()
        surround.setObjectName("canvasSurround")
        surround.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._empty = EmptyState()
        self._stack = QStackedLayout(surround)
        self._stack.addWidget(self.compared)
        self._stack.addWidget(self._empty)
        across = QHBoxLayout()
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.tools)
        across.addWidget(surround, 1)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.view_bar)
        layout.addWidget(self.tool_options)
        layout.addWidget(self.filter_banner)
        layout.addWidget(self.review_banner)
        layout.addLayout(across, 1)
        return centre

    def _connect(self, editing: Editing, view: ViewState) -> None:
        session = self._session
        self.samples.opened.connect(session.open_sample)
        self.history.jumped.connect(editing.jump)
        self.history.versions.restore_button.clicked.connect(editing.restore_version)
        for panel in (self.prediction, self.review):
            panel.asked.connect(lambda action_id: self._actions[action_id].trigger())
        self.prediction.model_chosen.connect(session.predictions.choose)
        self.tools.radius_changed.connect(self.canvas.set_brush_radius)
        self.canvas.brush_radius_changed.connect(self.tools.show_radius)
        self.link.tool_changed.connect(lambda tool: self.tool_options.show_tool(ToolName(tool)))
        self.tool_options.finished.connect(self.canvas.setFocus)
        self.link.tool_changed.connect(lambda tool: self.tool_extras.show_tool(ToolName(tool)))
        self.tool_extras.finished.connect(self.canvas.setFocus)
        session.project_changed.connect(self.tool_extras.show_classes)
        self.view_bar.popover.closed.connect(self.canvas.setFocus)
        self.filter_banner.asked.connect(self.ask_filter)
        session.prediction_changed.connect(
            lambda: self.filter_banner.show_prediction(session.prediction is not None)
        )
        session.sample_opened.connect(self._sample_opened)
        session.book.reset.connect(self._show_place)
        session.project_changed.connect(self._project_changed)
        session.history_changed.connect(self._history_changed)
        session.prediction_changed.connect(self._count_pause.start)
        session.document_changed.connect(lambda _: self._count_pause.start())
        session.predictions.models_changed.connect(self._show_models)
        view.changed.connect(self._show_colours)
        self.tools.show_radius(self.canvas.brush_radius)
        self._show_models()

    def set_widths(self, sizes: Sequence[int] = ()) -> None:
        """Sets the columns' widths, as they were last time or as they usually are."""
        usual = [LEFT, max(self.width() - LEFT - RIGHT, 1), RIGHT]
        self.splitter.setSizes(list(sizes) if len(sizes) == len(usual) else usual)

    def toggle_left(self) -> None:
        """Shows or hides the samples."""
        self.left.setVisible(self.left.isHidden())

    def find_samples(self) -> None:
        """Lets the user type a query."""
        self.left.show()
        self.samples.bar.take_keyboard()

    def toggle_right(self) -> None:
        """Shows or hides classes, prediction and history."""
        self.right.setVisible(self.right.isHidden())

    def ask_filter(self) -> FilterRules:
        """Opens the small window with the paint filter's rules."""
        rules = FilterRules(self._session.paint_filter, self._session.classes, self)
        rules.show_below(self.tool_options)
        return rules

    def show_enabled(self) -> None:
        """Follows the actions' state where buttons are not made from them."""
        for panel in (self.prediction, self.review):
            panel.show_enabled({name: self._actions[name].isEnabled() for name in panel.buttons})

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        panels = (self.view_bar, self.compared, self.tools, self.tool_options, self.prediction, self.review)
        for panel in panels:
            panel.show_keys(keys)
        self.history.comments.show_empty_text(keys.fill(EMPTY_TEXT))
        self.filter_banner.show_keys(keys)
        self._show_place()

    def _project_changed(self) -> None:
        self._show_colours()
        self.classes.reload(self.link.colours())
        self._history_changed()
        self._count_pixels()
        self._show_place()

    def _show_colours(self) -> None:
        self.classes.model.set_colours(self.link.colours())

    def _sample_opened(self, key: str) -> None:
        self.samples.show_current(key)
        self._show_place()
        self._history_changed()
        self.canvas.setFocus()

    def _show_place(self) -> None:
        session = self._session
        key = session.current
        row = session.book.row(key) if key is not None else None
        total = len(session.book.listed)
        self.placed.emit(key or "", f"{row + 1:,} of {total:,}" if row is not None else "")
        unreadable = session.loaded is not None and session.loaded.image is None
        self._empty.set_text(self._actions.keys.fill(UNREADABLE if unreadable else NO_IMAGES))
        is_empty = unreadable or (session.project is not None and not session.book.samples)
        self._stack.setCurrentWidget(self._empty if is_empty else self.compared)

    def _history_changed(self) -> None:
        entry = self._session.entry
        history = entry.document.history if entry is not None else None
        edits = history.edits if history is not None else ()
        self.history.show_steps(edits, history.position if history else 0, self._session.classes.name)
        self.samples.model.set_unsaved(self._session.documents.dirty_keys)
        self._count_pause.start()

    def _show_models(self) -> None:
        predictions = self._session.predictions
        models = {entry.name: model_tip(entry.spec) for entry in predictions.models if entry.spec}
        self.prediction.show_models(models, predictions.current)

    def _count_pixels(self) -> None:
        session = self._session
        entry, prediction = session.entry, session.prediction
        mask = entry.document.array if entry is not None else None
        self.classes.model.set_shares(shares(mask) if mask is not None else None)
        if prediction is None:
            self.prediction.show_facts(None)
            return
        sure = float(cv2.mean(prediction.confidence)[0]) / 255
        same = agreement(mask, prediction.ids) if mask is not None else None
        self.prediction.show_facts(PredictionFacts(prediction.model, sure, same))


def model_tip(spec: ModelSpec) -> str:
    """What the list of models says about one when pointed at."""
    text = f"{spec.architecture}, {len(spec.classes)} classes"
    return f"{text}\n{spec.trained_on}" if spec.trained_on else text


def shares(mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64 [256]: the share of pixels of every value, 0-1."""
    histogram = cv2.calcHist([mask], [0], None, [256], [0.0, 256.0])
    counts: NDArray[np.float64] = histogram.ravel().astype(np.float64)
    return counts / max(mask.size, 1)
