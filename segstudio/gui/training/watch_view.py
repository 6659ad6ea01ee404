"""Sample predictions over time: a slider over the validations; image, truth and prediction side by side."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dashboards.page import offer
from segstudio.gui.dashboards.plot_colours import theme_of
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.job_bridge import Replies
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.gui.training.run_words import ENDED
from segstudio.gui.training.training_runs import LOOK_LANE
from segstudio.gui.training.watched import WatchedPictures, WatchedReader
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.watched import Watched

# Narrower than this share of the pictures' shape, they stand below each other.
WIDE = 1.35
NONE_YET = (
    "No predictions yet",
    "After each validation a few held-out samples are predicted and shown here.",
)
MADE_NONE = ("No predictions", "This run made none: it ended before its first validation, or had none.")


class Pane(QWidget):
    """A picture as large as it fits, with its name above."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = caption(name, "section")
        self.pixmap = QPixmap()
        self._scaled = QPixmap()
        self.setAccessibleName(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._name, 0, Qt.AlignmentFlag.AlignTop)
        layout.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Room for a small picture."""
        return QSize(240, 180)

    def show_picture(self, image: QImage | None) -> None:
        """Shows a picture, or that there is none."""
        self.pixmap = QPixmap() if image is None else QPixmap.fromImage(image)
        self._fit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the picture again."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Scaled once, not at every paint."""
        ratio = self.devicePixelRatioF()
        room = QSize(self.width(), self.height() - self._top()) * ratio
        if self.pixmap.isNull() or room.isEmpty():
            self._scaled = QPixmap()
            return
        self._scaled = self.pixmap.scaled(
            room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        self._scaled.setDevicePixelRatio(ratio)

    def _top(self) -> int:
        return self._name.sizeHint().height() + 6

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the picture below its name."""
        painter = QPainter(self)
        if not self._scaled.isNull():
            painter.drawPixmap(0, self._top(), self._scaled)
            return
        theme = theme_of(self.palette())
        area = QRectF(0, self._top(), self.width(), self.height() - self._top())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("hover"))
        painter.drawRoundedRect(area, 6, 6)


class Panes(QWidget):
    """The three pictures, beside or below each other, as the room asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.panes = {name: Pane(name) for name in ("Image", "Truth", "Prediction")}
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        for pane in self.panes.values():
            self._row.addWidget(pane, 1)

    def show_pictures(self, found: WatchedPictures) -> None:
        """Shows a sample at a step."""
        for pane, image in zip(self.panes.values(), (found.image, found.truth, found.predicted), strict=True):
            pane.show_picture(image)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turns the row into a column where that shows the pictures larger."""
        super().resizeEvent(event)
        wide = self.width() >= WIDE * self.height()
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)


class WatchView(QWidget):
    """Pictures of one run; `moved` follows the slider. Who looks at the newest validation follows it."""

    moved = Signal(int)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._reader: WatchedReader | None = None
        self._steps: tuple[int, ...] = ()
        self._keys: tuple[str, ...] = ()
        self.sample = QComboBox()
        self.sample.setAccessibleName("Sample")
        self.sample.setMinimumWidth(220)
        self.before = QPushButton("Previous")
        self.after = QPushButton("Next")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Validation")
        self.slider.setPageStep(1)
        self.step = caption("", "muted")
        self.panes = Panes()
        self._lay_out()
        self.sample.currentIndexChanged.connect(lambda _: self._read())
        self.before.clicked.connect(lambda: self._step(-1))
        self.after.clicked.connect(lambda: self._step(1))
        self.slider.valueChanged.connect(self._moved)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(8)
        for widget in (self.sample, self.before, self.after):
            line.addWidget(widget)
        line.addSpacing(16)
        line.addWidget(self.slider, 1)
        line.addWidget(self.step)
        contents = QWidget()
        rows = QVBoxLayout(contents)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(12)
        rows.addLayout(line)
        rows.addWidget(self.panes, 1)
        self._body = QStackedWidget()
        self._body.addWidget(contents)
        self._none = Placeholder(*NONE_YET)
        self._body.addWidget(self._none)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)
        self._body.setCurrentIndex(1)

    def show_run(self, run: RunFolder, count: int) -> None:
        """Looks what a run left; `count` is how many validations were told to have left pictures."""
        status = self._session.runs.now.of(run.path)
        self._none.explain(*(MADE_NONE if status is not None and status.state in ENDED else NONE_YET))
        if self._reader is not None and self._reader.run == run and count == len(self._steps):
            return
        if self._reader is None or self._reader.run != run:
            self._reader, self._steps, self._keys = WatchedReader(run), (), ()
            self._body.setCurrentIndex(1)
        reader = self._reader

        def done(found: Watched) -> None:
            if self._reader is reader:
                self._found(found)

        self._session.bridge.start(
            "Look for pictures", lambda _: reader.look(), lane=LOOK_LANE, replaces="watched",
            replies=Replies(done=done),
        )  # fmt: skip

    def _found(self, found: Watched) -> None:
        steps, keys = tuple(sorted(found.pictures)), tuple(found.samples)
        if (steps, keys) == (self._steps, self._keys):
            return
        follows = self.slider.value() >= len(self._steps) - 1
        self._steps, self._keys = steps, keys
        self._body.setCurrentIndex(0 if steps else 1)
        offer(self.sample, keys, self.sample.currentText())
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(len(steps) - 1, 0))
        if follows:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self._read()

    def _step(self, by: int) -> None:
        count = self.sample.count()
        if count:
            self.sample.setCurrentIndex((self.sample.currentIndex() + by) % count)

    def _moved(self, place: int) -> None:
        self.moved.emit(place)
        self._read()

    def _read(self) -> None:
        reader, key, place = self._reader, self.sample.currentText(), self.slider.value()
        palette = self._session.classes.palette
        if reader is None or not key or place >= len(self._steps) or palette is None:
            return
        step, colours = self._steps[place], palette.colours()
        self.step.setText(f"step {step:,}  ·  {place + 1} of {len(self._steps)}")

        def done(found: WatchedPictures) -> None:
            if self._reader is reader:
                self.panes.show_pictures(found)

        self._session.bridge.start(
            "Make pictures", lambda _: reader.pictures(key, step, colours), lane=LOOK_LANE,
            replaces="watched pictures", replies=Replies(done=done, failed=self._session.explain),
        )  # fmt: skip
