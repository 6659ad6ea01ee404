"""The pane of one error segment: large pictures, what is known of it, and what can be done about it."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.errors import SegstudioError
from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.facts import (
    DESTINATION_TEXT,
    VERDICT_TEXT,
    decisions,
    facts,
    meaning,
    pair,
    support,
)
from segstudio.gui.failures.pictures import panes, see
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import FAILURES_LANE
from segstudio.gui.panels.parts import ElidedLabel, EmptyState, caption
from segstudio.gui.samples.pictures import to_qimage
from segstudio.gui.session import Session
from segstudio.metrics.segment_shape import SegmentSpot
from segstudio.project.verdicts import Verdict

LARGE, SMALL = (720, 480), (324, 216)
WIDTH = 348
OTHER_MODEL = "The prediction is not kept any more: predict it again"
KEYS = {Verdict.MODEL_WRONG: "1", Verdict.LABEL_WRONG: "2", Verdict.POLICY_UNCLEAR: "3"}


class Picture(QWidget):
    """An image that fills its width at a fixed shape, or a text in its place."""

    def __init__(self, name: str, shape: tuple[int, int]) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._shape = shape
        self._image: QImage | None = None
        self._text = ""
        self.setMinimumHeight(60)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_image(self, image: QImage | None, text: str = "") -> None:
        """Shows an image, or a text without one."""
        self._image, self._text = image, text
        self.setAccessibleDescription(text)
        self.update()

    def heightForWidth(self, width: int) -> int:
        """The shape's."""
        return width * self._shape[1] // self._shape[0]

    def sizeHint(self) -> QSize:
        """As large as it is usually shown."""
        return QSize(160, self.heightForWidth(160))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the image over the whole widget."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self._image is not None:
            painter.drawImage(self.rect(), self._image)
        elif self._text:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._text)


class SegmentDetail(QWidget):
    """Follows the book's current segment."""

    verdict_chosen = Signal(object)
    destination_chosen = Signal(object)
    open_asked = Signal()
    similar_asked = Signal()

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__()
        self.setMinimumWidth(WIDTH)
        self._session = session
        self._book = book
        self._stack = QStackedWidget()
        self.title = ElidedLabel("", Qt.TextElideMode.ElideRight)
        self.title.setProperty("role", "large")
        self.sample = ElidedLabel()
        self.sample.setProperty("role", "muted")
        self.meaning = caption("", wrap=True)
        self.pictures = (
            Picture("Image", LARGE),
            Picture("Truth", SMALL),
            Picture("Prediction", SMALL),
        )
        self.captions = (caption("Truth", "small"), caption("Model", "small"))
        self.verdicts = {verdict: self._button(verdict) for verdict in Verdict}
        self.send_button, self.send_menu = self._make_send()
        self.open_button = QPushButton("Open in editor")
        self.similar_button = QPushButton("Similar")
        self.training = caption("", wrap=True)
        self._facts = QGridLayout()
        self._lay_out()
        book.current_changed.connect(self._follow)
        book.loaded.connect(self._follow)
        book.words_changed.connect(self._show_decisions)
        self._follow()

    # -- making -------------------------------------------------------------------------------------------

    def _button(self, verdict: Verdict) -> QPushButton:
        button = QPushButton(VERDICT_TEXT[verdict])
        button.setCheckable(True)
        button.setToolTip(f"Say so and go on ({KEYS[verdict]}); again takes it back")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.verdict_chosen.emit(verdict))
        return button

    def _make_send(self) -> tuple[QPushButton, QMenu]:
        button = QPushButton("Send to  ▾")
        button.setToolTip("Send it somewhere, or take it back (S)")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self)
        self.destinations = {}
        for to, text in DESTINATION_TEXT.items():
            action = menu.addAction(text)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, to=to: self.destination_chosen.emit(to))
            self.destinations[to] = action
        button.setMenu(menu)
        return button, menu

    def _lay_out(self) -> None:
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(16, 0, 12, 0)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.sample)
        column.addWidget(self.pictures[0])
        column.addLayout(self._pair())
        column.addSpacing(2)
        column.addWidget(self.meaning)
        column.addLayout(self._facts)
        column.addWidget(caption("In training", "muted"))
        column.addWidget(self.training)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(contents)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._facts.setHorizontalSpacing(16)
        self._facts.setVerticalSpacing(2)
        self._facts.setColumnStretch(1, 1)
        shown = QWidget()
        rows = QVBoxLayout(shown)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        rows.addWidget(scroll, 1)
        rows.addLayout(self._buttons())
        self._stack.addWidget(shown)
        self._stack.addWidget(EmptyState("Choose a failure to see it large."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def _pair(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        for column in range(2):
            grid.addWidget(self.captions[column], 0, column)
            grid.addWidget(self.pictures[column + 1], 1, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _buttons(self) -> QVBoxLayout:
        said, done = QHBoxLayout(), QHBoxLayout()
        for button in self.verdicts.values():
            said.addWidget(button, 1)
        self.open_button.setProperty("role", "primary")
        self.open_button.setToolTip("Show it on the canvas (Enter or O); Alt+Left comes back")
        self.open_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.open_button.clicked.connect(self.open_asked)
        self.similar_button.setToolTip("Find failures that look like this one to the model")
        self.similar_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.similar_button.clicked.connect(self.similar_asked)
        done.addWidget(self.send_button)
        done.addWidget(self.similar_button)
        done.addWidget(self.open_button, 1)
        column = QVBoxLayout()
        column.setContentsMargins(16, 0, 0, 0)
        column.setSpacing(6)
        for row in (said, done):
            row.setSpacing(6)
            column.addLayout(row)
        return column

    # -- showing ------------------------------------------------------------------------------------------

    def _follow(self, _: int = -1) -> None:
        failures, row = self._book.failures, self._book.current
        there = failures is not None and row >= 0
        self._stack.setCurrentIndex(0 if there else 1)
        if failures is None or row < 0:
            return
        table = failures.table
        self.title.setText(pair(failures, row))
        self.sample.setText(table.samples[int(table.sample[row])])
        self.meaning.setText(meaning(failures, row))
        self.captions[0].setText(f"Truth: {table.name(int(table.rows.truth[row]))}")
        self.captions[1].setText(f"Model: {table.name(int(table.rows.predicted[row]))}")
        self._show_facts(facts(failures, row))
        self._show_decisions()
        self._show_pictures()
        self._show_training()

    def _show_facts(self, found: Sequence[tuple[str, str]]) -> None:
        while (entry := self._facts.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.deleteLater()
        for number, (name, text) in enumerate(found):
            value = QLabel(text)
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addWidget(caption(name, "muted"), number, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(value, number, 1)

    def _show_decisions(self) -> None:
        failures, row = self._book.failures, self._book.current
        if failures is None or row < 0:
            return
        verdict, sent = decisions(failures, row)
        for known, button in self.verdicts.items():
            button.setChecked(known is verdict)
        for to, action in self.destinations.items():
            action.setChecked(to in sent)

    def _show_pictures(self) -> None:
        project, failures, row = self._session.project, self._book.failures, self._book.current
        palette = self._session.classes.palette
        if project is None or failures is None or palette is None:
            return
        spot, model = SegmentSpot.of(failures.table, row), failures.evaluation.model
        colours = palette.colours()

        def work(_: object) -> tuple[QImage | None, ...]:
            seen = see(project, spot.key, model)
            # Each at its own size, or the outlines of the small ones would be lost in shrinking.
            small = panes(seen, spot, colours, SMALL)
            planes = (panes(seen, spot, colours, LARGE).image, small.truth, small.predicted)
            return tuple(None if plane is None else to_qimage(plane) for plane in planes)

        def is_shown() -> bool:
            return failures.evaluation.model == model and row == self._book.current

        def done(images: tuple[QImage | None, ...]) -> None:
            if is_shown():
                texts = ("", "Its mask is not there", OTHER_MODEL)
                for picture, image, text in zip(self.pictures, images, texts, strict=True):
                    picture.show_image(image, text)

        def failed(error: SegstudioError) -> None:
            if is_shown():
                for picture, text in zip(self.pictures, (str(error), "", ""), strict=True):
                    picture.show_image(None, text)

        self._session.bridge.start(
            "Show a failure",
            work,
            lane=FAILURES_LANE,
            replaces="failure detail",
            replies=Replies(done=done, failed=failed),
        )

    def _show_training(self) -> None:
        failures, row = self._book.failures, self._book.current
        if failures is None:
            return

        def done(text: str) -> None:
            if row == self._book.current:
                self.training.setText(text)

        self._session.bridge.start(
            "Count regions like a failure",
            lambda _: support(failures, row),
            lane=FAILURES_LANE,
            replaces="failure support",
            replies=Replies(done=done),
        )

    def renew(self, keys: Collection[str]) -> None:
        """Samples have other predictions: the pictures are made again where the current one is of them."""
        failures, row = self._book.failures, self._book.current
        if failures is not None and row >= 0 and SegmentSpot.of(failures.table, row).key in keys:
            self._show_pictures()

    def show_destinations(self) -> None:
        """Opens the menu of where it can be sent."""
        self.send_button.showMenu()
