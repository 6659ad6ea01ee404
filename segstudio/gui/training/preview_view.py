"""What a retraining would learn from: classes in both splits as bars, warnings, and pairs that look alike."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.chart import swatch
from segstudio.gui.dashboards.class_table import thousands
from segstudio.gui.dashboards.plot_colours import series_colour, theme_of
from segstudio.gui.dialogs.import_parts import say
from segstudio.gui.dialogs.import_texts import breakable
from segstudio.gui.panels.parts import ElidedLabel, caption
from segstudio.gui.session import Session
from segstudio.workflows.retrain.preview import ClassPreview, Leak, RetrainPreview

HEADINGS = ("Class", "Learn", "Score")
LEARN, SCORE = 0, 2
# Pairs that are shown with their pictures; the others are counted.
PAIRS_SHOWN = 3
PICTURE_HEIGHT = 44
LEAST_SHARE = 0.004


class PreviewView(QWidget):
    """A row a class; warnings below, worst first."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.key = QLabel()
        self.table = BarTable("Classes to learn and to score", BarTableModel(HEADINGS, 1, "Pixels"))
        self.table.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.table.setMinimumSize(360, 260)
        self.said = caption("", "muted", wrap=True)
        self.warnings = caption("", wrap=True)
        self.warnings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pairs = QVBoxLayout()
        self.pairs.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(caption("What it learns", "heading"))
        head.addStretch(1)
        head.addWidget(self.key)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.said)
        layout.addWidget(self.warnings)
        layout.addLayout(self.pairs)

    def show_waiting(self, text: str) -> None:
        """Says what is being counted, or why there is nothing to show; the table stays as it was."""
        say(self.said, text)

    def show_nothing(self) -> None:
        """The choice comes to nothing: what was shown is of another one."""
        self.table.rows.show_bars([])
        say(self.warnings, "")
        self._show_pairs(())

    def show_preview(self, found: RetrainPreview) -> None:
        """Shows classes, warnings and pairs."""
        theme = theme_of(self.palette())
        names = (("learnt from", LEARN), ("scored on", SCORE))
        self.key.setText("&nbsp;&nbsp; ".join(swatch(name, series_colour(at), theme) for name, at in names))
        shown = [one for one in found.classes if one.train_pixels or one.validation_pixels]
        most = max((max(one.train_pixels, one.validation_pixels) for one in shown), default=1)
        colours = self._colours()
        self.table.rows.show_bars([_row(one, most, colours.get(one.name)) for one in shown])
        absent = len(found.classes) - len(shown)
        say(self.said, f"{absent} classes of the project are in none of these samples." if absent > 1 else "")
        say(self.warnings, "\n".join(f"⚠  {text[:1].upper()}{text[1:]}." for text in found.warnings))
        self._show_pairs(found.leaks)

    def _colours(self) -> dict[str, QColor]:
        palette = self._session.classes.palette
        return {entry.name: QColor(*entry.rgb) for entry in palette.classes} if palette else {}

    def _show_pairs(self, leaks: Sequence[Leak]) -> None:
        while (entry := self.pairs.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for leak in leaks[:PAIRS_SHOWN]:
            self.pairs.addWidget(PairRow(self._session, leak))
        if len(leaks) > PAIRS_SHOWN:
            names = ", ".join(f"{leak.validation} like {leak.train}" for leak in leaks[PAIRS_SHOWN:])
            more = ElidedLabel(f"and {len(leaks) - PAIRS_SHOWN} more: {names}", Qt.TextElideMode.ElideRight)
            more.setProperty("role", "small")
            self.pairs.addWidget(more)


class PairRow(QWidget):
    """Two samples that look alike, one of which is learnt and one scored."""

    def __init__(self, session: Session, leak: Leak) -> None:
        super().__init__()
        self._session = session
        self._pictures = {key: QLabel() for key in (leak.validation, leak.train)}
        words = QVBoxLayout()
        words.setSpacing(0)
        for text in (f"scored: {leak.validation}", f"learnt: {leak.train}"):
            line = ElidedLabel(breakable(text))
            line.setProperty("role", "small")
            words.addWidget(line)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for picture in self._pictures.values():
            picture.setFixedHeight(PICTURE_HEIGHT)
            layout.addWidget(picture)
        layout.addLayout(words, 1)
        session.thumbnails.ready.connect(self._show)
        for key in self._pictures:
            self._show(key)

    def pictures(self) -> list[QPixmap]:
        """What is shown of both, null for one that is not there yet."""
        return [label.pixmap() for label in self._pictures.values()]

    def _show(self, key: str) -> None:
        label, sample = self._pictures.get(key), self._session.book.get(key)
        pixmap = self._session.thumbnails.get(sample) if label is not None and sample is not None else None
        if label is not None and isinstance(pixmap, QPixmap) and not pixmap.isNull():
            ratio = self.devicePixelRatioF()
            scaled = pixmap.scaledToHeight(
                round(PICTURE_HEIGHT * ratio), Qt.TransformationMode.SmoothTransformation
            )
            scaled.setDevicePixelRatio(ratio)
            label.setPixmap(scaled)


def _row(one: ClassPreview, most: int, colour: QColor | None) -> BarRow:
    texts = (
        one.name,
        f"{one.train_samples:,}" if one.train_samples else "none",
        f"{one.validation_samples:,}" if one.validation_samples else "none",
    )
    tip = (
        f"{one.name}: {thousands(one.train_pixels)} pixels in {one.train_samples} samples to learn from,"
        f" {thousands(one.validation_pixels)} in {one.validation_samples} to score;"
        f" centre of {100 * one.drawn_share:.1f} % of the crops"
    )
    bar = Bar(
        ((_share(one.train_pixels, most), series_colour(LEARN)),),
        below=((_share(one.validation_pixels, most), series_colour(SCORE)),),
    )
    return BarRow(texts, bar, tip, one.name, colour)


def _share(pixels: int, most: int) -> float:
    """The fourth root of the share: a class a thousand times as rare still has a bar."""
    return max((pixels / most) ** 0.25, LEAST_SHARE) if pixels else 0.0
