"""The page of failures: every region where a model is wrong, chosen by one query, seen in six ways."""

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QWidget,
)

from segstudio.gui.dashboards.page import DashboardPage, fill, stacked
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.counted import CountedView
from segstudio.gui.failures.detail import SegmentDetail
from segstudio.gui.failures.facts import meaning, pair, pixels
from segstudio.gui.failures.gallery import Gallery
from segstudio.gui.failures.neighbours_view import NeighboursView
from segstudio.gui.failures.orders import CHOICES, SUSPECT, Rows
from segstudio.gui.failures.query_panel import QueryPanel
from segstudio.gui.failures.save_list import SaveList
from segstudio.gui.failures.segment_rows import SegmentTableView
from segstudio.gui.failures.similar import SimilarSearch
from segstudio.gui.failures.sizes_view import RowsView, SizesView
from segstudio.gui.failures.slices_view import SlicesView
from segstudio.gui.failures.verdicts import SegmentVerdicts
from segstudio.gui.panels.parts import EmptyState, Segments, caption
from segstudio.gui.session import Session
from segstudio.gui.view.shown_region import ShownRegion
from segstudio.metrics.segment_shape import SegmentSpot
from segstudio.project.sample import Changes
from segstudio.project.verdicts import Destination, Verdict

# Letters of a model's name that are in sight.
NAME_LENGTH = 20
NO_OTHER = "No other model"
# What the order is called where it is none of those that can be chosen.
LIKENESS, A_COLUMN = "Most alike", "A column"
TABS = (
    ("gallery", "Gallery", "Pictures, the worst first"),
    ("table", "Table", "Every figure of every failure"),
    ("sizes", "Sizes", "How much is found of small and large regions"),
    ("rows", "Rows", "How much is found from the image's top to its bottom"),
    ("slices", "Slices", "Scores by folder, split, status and tag"),
    ("neighbours", "Neighbours", "What failures lie beside, and which classes help each other"),
)
VERDICT_KEYS = {
    Qt.Key.Key_1: Verdict.MODEL_WRONG,
    Qt.Key.Key_2: Verdict.LABEL_WRONG,
    Qt.Key.Key_3: Verdict.POLICY_UNCLEAR,
}
# What these keys type says which they are: keyboards differ in whether Shift is needed for it.
TYPED = {"1": Qt.Key.Key_1, "2": Qt.Key.Key_2, "3": Qt.Key.Key_3, "/": Qt.Key.Key_Slash}
OPEN_KEYS = (Qt.Key.Key_O, Qt.Key.Key_Return, Qt.Key.Key_Enter)
OWN_KEYS = (*VERDICT_KEYS, *OPEN_KEYS, Qt.Key.Key_S, Qt.Key.Key_Slash)
NO_SCORES = (
    "No evaluation yet",
    "Correct some of the masks, then press Evaluate: every region where the model is wrong is found, "
    "measured and shown here, the most expensive first.",
)
NO_DETAILS = (
    "This evaluation knows no regions",
    "It was made before errors were kept one by one, or every mask changed since. Press Evaluate to "
    "measure the samples again.",
)
NO_ERRORS = ("Nothing is wrong", "The predictions of this model agree with every evaluated mask.")
NONE_FIT = "No failure fits this query.\nTake a condition away."


class FailuresView(DashboardPage):
    """Head, query, tabs and the pane of the current segment; everything follows one `FailureBook`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.book = FailureBook(self, session)
        self.verdicts, self.similar = SegmentVerdicts(session, self.book), SimilarSearch(session, self.book)
        self.model_choice, self.compared_choice = QComboBox(), QComboBox()
        self.evaluate_button = QPushButton("Evaluate")
        self.query = QueryPanel(session, self.book)
        self.tabs = Segments("View", TABS)
        self.order_choice = QComboBox()
        self.save_list = SaveList(session, self.book)
        self.gallery, self.table = Gallery(session, self.book), SegmentTableView(self.book)
        self.counted: tuple[CountedView, ...] = (
            SizesView(session, self.book),
            RowsView(session, self.book),
            SlicesView(session, self.book),
            NeighboursView(session, self.book),
        )
        self.detail = SegmentDetail(session, self.book)
        self.placeholder = Placeholder(*NO_SCORES)
        self._pages = QStackedWidget()
        self._none = EmptyState(NONE_FIT)
        self._build()
        self._connect()
        self.follow(self.evaluate_button, "Evaluate")

    # -- making -------------------------------------------------------------------------------------------

    def _build(self) -> None:
        for box, name in ((self.model_choice, "Model"), (self.compared_choice, "Compared with")):
            box.setMinimumWidth(150)
            # A long name must not make the whole page wider than the window.
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(NAME_LENGTH)
            box.setAccessibleName(name)
        self.compared_choice.setToolTip("Marks what this other model did not get wrong: change=broken")
        self.evaluate_button.setProperty("role", "primary")
        self.evaluate_button.setToolTip("Compare what the model predicts with the masks of this project")
        self.order_choice.addItems(list(CHOICES))
        self.order_choice.setAccessibleName("Order")
        self.tabs.set_value(TABS[0][0])
        for widget in (self.gallery, self.table, *self.counted, self._none):
            self._pages.addWidget(widget)
        controls = (
            caption("Model", "muted"),
            self.model_choice,
            caption("Compared with", "muted"),
            self.compared_choice,
            self.evaluate_button,
        )
        self.lay_out("Failures", controls, self._contents(), self.placeholder)

    def _contents(self) -> QWidget:
        left, column = stacked(8)
        column.setContentsMargins(0, 0, 16, 0)
        tabs = QHBoxLayout()
        tabs.setSpacing(12)
        tabs.addWidget(self.tabs)
        tabs.addStretch(1)
        self._order_name = caption("First", "muted")
        tabs.addWidget(self._order_name)
        tabs.addWidget(self.order_choice)
        tabs.addWidget(self.save_list)
        column.addWidget(self.query)
        column.addLayout(tabs)
        column.addWidget(self._pages, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(left)
        splitter.addWidget(self.detail)
        splitter.setStretchFactor(0, 1)
        return splitter

    def _connect(self) -> None:
        book, session = self.book, self._session
        session.changed.connect(self._follow_changes)
        session.project_changed.connect(lambda: self.query.show_query(""))
        self.evaluate_button.clicked.connect(self._evaluate)
        for box in (self.model_choice, self.compared_choice):
            box.activated.connect(lambda _: self.show_contents())
        self.order_choice.activated.connect(lambda _: book.sort(CHOICES[self.order_choice.currentText()]))
        self.tabs.chosen.connect(lambda _: self._show_tab())
        self.query.line.left.connect(self._give_focus)
        book.loaded.connect(self._loaded)
        book.chosen_changed.connect(self._chosen)
        for view in self.counted:
            view.narrowed.connect(self.query.narrow)
            view.gallery_asked.connect(self._show_in_gallery)
        for listed in (self.gallery, self.table):
            listed.doubleClicked.connect(lambda _: self.open_current())
        self.detail.open_asked.connect(self.open_current)
        self.detail.similar_asked.connect(self._find_similar)
        self.detail.verdict_chosen.connect(self.say)
        self.detail.destination_chosen.connect(self.send)

    # -- what others ask ----------------------------------------------------------------------------------

    def show_query(self, text: str, model: str = "") -> None:
        """Looks at the failures of a query, in pictures: those of a model, or of the chosen one."""
        if model and model != self.model_choice.currentText():
            self.book.load(model, "")
        if SUSPECT in text:
            self.book.sort(CHOICES["Mask in doubt"])
        self.tabs.set_value("gallery")
        self._show_tab()
        self.query.show_query(text)

    def _show_in_gallery(self, conditions: str) -> None:
        self.query.narrow(conditions)
        self.tabs.set_value("gallery")
        self._show_tab()
        self._give_focus()

    # -- reading ------------------------------------------------------------------------------------------

    def show_contents(self) -> None:
        """Reads the chosen model's failures again."""
        other = self.compared_choice.currentText()
        self.book.load(self.model_choice.currentText(), "" if other == NO_OTHER else other)

    def _follow_changes(self, changes: Changes) -> None:
        if changes.samples or changes.statuses:
            self.refresh()
        elif changes.reviews and not changes.scores:
            self.book.refresh_words()
        if changes.predictions:
            self.gallery.renew()
            self.detail.renew(changes.predictions)

    def _evaluate(self) -> None:
        self._session.evaluate()

    def _loaded(self) -> None:
        failures, models = self.book.failures, self.book.models
        shown = failures.evaluation.model if failures is not None else ""
        fill(self.model_choice, models)
        self.model_choice.setCurrentText(shown)
        self.model_choice.setToolTip(shown)
        fill(self.compared_choice, [NO_OTHER, *(model for model in models if model != shown)])
        palette = self._session.classes.palette
        colours = [QColor(*entry.rgb) for entry in palette.classes] if palette is not None else []
        self.table.rows.set_colours(colours)
        reason = None
        if failures is None:
            reason = NO_SCORES
        elif not failures.table.samples:
            reason = NO_DETAILS
        elif not failures.table.count:
            reason = NO_ERRORS
        if reason is not None:
            self.placeholder.explain(*reason)
        self.show_placeholder(reason is not None)

    # -- showing ------------------------------------------------------------------------------------------

    def _chosen(self) -> None:
        names = {order: name for name, order in CHOICES.items()}
        self.order_choice.setCurrentText(names.get(self.book.order, ""))
        if self.book.order not in names:
            self.order_choice.setPlaceholderText(LIKENESS if self.book.among_text else A_COLUMN)
            self.order_choice.setCurrentIndex(-1)
        self._show_tab()

    def _show_tab(self) -> None:
        value = self.tabs.value
        listed = value in ("gallery", "table")
        self._order_name.setVisible(listed)
        self.order_choice.setVisible(listed)
        self.save_list.setVisible(listed)
        place = [name for name, _, _ in TABS].index(value)
        empty = listed and not len(self.book.chosen.rows)
        self._pages.setCurrentIndex(self._pages.indexOf(self._none) if empty else place)

    def showEvent(self, event: QShowEvent) -> None:
        """Gives the list the keyboard, so that its keys act at once."""
        super().showEvent(event)
        self._give_focus()

    def _give_focus(self) -> None:
        (self.table if self.tabs.value == "table" else self.gallery).setFocus()

    # -- what the user does -------------------------------------------------------------------------------

    def selected_rows(self) -> Rows:
        """int64 [m], numbers of the selected segments."""
        if self.tabs.value == "table":
            return self.table.selected_rows()
        if self.tabs.value == "gallery":
            return self.gallery.selected_rows()
        return self.book.or_current(np.zeros(0, np.int64))

    def say(self, verdict: Verdict) -> None:
        """Says whose fault the selected segments are, and goes on to the next one."""
        rows = self.selected_rows()
        self.verdicts.say(rows, verdict)
        if len(rows) == 1:
            self.book.step(1)

    def send(self, to: Destination) -> None:
        """Sends the selected segments somewhere, or takes them back from there."""
        self.verdicts.send(self.selected_rows(), to)

    def open_current(self) -> None:
        """Shows the current segment in the editor."""
        failures, row = self.book.failures, self.book.current
        if failures is not None and row >= 0:
            spot, model = SegmentSpot.of(failures.table, row), failures.evaluation.model
            text = f"{pair(failures, row)}, {pixels(spot.area)}. {meaning(failures, row)}"
            self._session.region_asked.emit(ShownRegion(spot, model, text))

    def _find_similar(self) -> None:
        self.tabs.set_value("gallery")
        self._show_tab()
        self.similar.find(self.book.current)

    def event(self, event: QEvent) -> bool:
        """Keeps the page's keys from the window's shortcuts."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._is_own(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def _is_own(self, event: QKeyEvent) -> bool:
        allowed = Qt.KeyboardModifier.KeypadModifier
        if event.text() in TYPED:
            allowed |= Qt.KeyboardModifier.ShiftModifier
        if event.modifiers() & ~allowed or _key(event) not in OWN_KEYS or self.placeholder.isVisible():
            return False
        # Elsewhere Enter ends a query or presses a button, and comes here because nobody keeps it.
        enters = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        return not enters or self.focusWidget() in (self.gallery, self.table)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """1, 2 and 3 say whose fault it is, Enter and O open it, S sends it, / goes to the query."""
        key = _key(event)
        if not self._is_own(event) or event.isAutoRepeat():
            super().keyPressEvent(event)
        elif key in VERDICT_KEYS:
            self.say(VERDICT_KEYS[key])
        elif key in OPEN_KEYS:
            self.open_current()
        elif key == Qt.Key.Key_S:
            self.detail.show_destinations()
        else:
            self.query.line.setFocus()
            self.query.line.selectAll()


def _key(event: QKeyEvent) -> Qt.Key:
    """The key by what it types, where that is a sign of the page; else as it is named."""
    return TYPED.get(event.text(), Qt.Key(event.key()))
