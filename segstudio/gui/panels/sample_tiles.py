"""The tiles of the grid: a picture with the words below it, for samples and for regions."""

from collections import OrderedDict
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.gui.correcting.region_tiles import REGION_ROLE, region_text
from segstudio.gui.panels.sample_rows import SAMPLE_ROLE, SampleModel
from segstudio.gui.samples.sample_book import STATUS_ROLE, STATUS_TEXT
from segstudio.gui.theme import Theme, ThemeSwitch
from segstudio.project.sample import Sample
from segstudio.workflows.class_regions import ClassRegion

Index = QModelIndex | QPersistentModelIndex
GAP, PAD = 3, 6
# Height of a picture for each pixel of its width.
SHAPE = 0.66
DOT = 7.0
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
SELECTED, FOCUSED = QStyle.StateFlag.State_Selected, QStyle.StateFlag.State_HasFocus
# Texts that are kept cut to their width.
CUT_TEXTS = 4000


@dataclass(frozen=True)
class TileText:
    """What stands below a picture; `role` is the theme's colour of the dot, "" for none."""

    upper: str
    lower: str
    role: str = ""


def tile_size(width: int, font: QFont) -> QSize:
    """A tile of about a width, in pixels, with two lines of text in a font."""
    inner = width - 2 * (GAP + PAD)
    return QSize(width, round(inner * SHAPE) + 2 * (GAP + PAD) + 2 * line_height(font) + 4)


def line_height(font: QFont) -> int:
    """Pixels that a line of text takes."""
    return QFontMetrics(font).height() + 1


class TileDelegate(QStyledItemDelegate):
    """Paints one tile; what it says comes from the subclass."""

    def __init__(self, themes: ThemeSwitch, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes
        self._letters = Letters(parent.font())

    def text_of(self, index: Index) -> TileText | None:
        """What a tile says; None leaves it empty."""
        raise NotImplementedError

    def picture_of(self, index: Index) -> QPixmap | None:
        """What it shows: None while it is made, an empty one where there can be none."""
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        return pixmap if isinstance(pixmap, QPixmap) else None

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one tile."""
        text = self.text_of(index)
        if text is None:
            return
        theme = self._themes.current
        letters = self._letters = self._letters.of(option.font)
        cell = option.rect.adjusted(GAP, GAP, -GAP, -GAP)
        _paint_back(painter, cell, option.state, theme)
        inner = cell.adjusted(PAD, PAD, -PAD, -PAD)
        picture = QRect(inner.topLeft(), QSize(inner.width(), inner.height() - 2 * letters.line - 4))
        paint_whole(painter, picture, self.picture_of(index), theme)
        words = QRect(inner.left(), picture.bottom() + 5, inner.width(), letters.line)
        _paint_words(painter, words, letters, text, theme)


class SampleTileDelegate(TileDelegate):
    """The tile of a sample: its name and status."""

    def text_of(self, index: Index) -> TileText | None:
        """Name and status."""
        sample, model = index.data(SAMPLE_ROLE), index.model()
        if not isinstance(sample, Sample) or not isinstance(model, SampleModel):
            return None
        status = STATUS_TEXT[sample.status]
        parts = ["Random" if model.is_drawn(sample.key) else "", status, sample.split]
        lower = "  ·  ".join(filter(None, parts))
        return TileText(sample.key.rpartition("/")[2], lower, STATUS_ROLE[sample.status])

    def picture_of(self, index: Index) -> QPixmap | None:
        """The thumbnail with its overlay."""
        model = index.model()
        if isinstance(model, SampleModel) and model.is_unreadable(str(index.data())):
            return QPixmap()
        return super().picture_of(index)


class RegionTileDelegate(TileDelegate):
    """The tile of a region: its sample and its size."""

    def text_of(self, index: Index) -> TileText | None:
        """Sample, area and how far the model agrees."""
        region = index.data(REGION_ROLE)
        if not isinstance(region, ClassRegion):
            return None
        return TileText(region.key.rpartition("/")[2], region_text(region))


class Letters:
    """The two fonts of a tile, and texts cut to its width: measured once, for tiles are painted often."""

    def __init__(self, font: QFont) -> None:
        self.font = font
        self.small = QFont(font)
        self.small.setPixelSize(max(round(font.pixelSize() * 0.85), 9))
        self.line = line_height(font)
        self._metrics = (QFontMetrics(self.font), QFontMetrics(self.small))
        self._cut: OrderedDict[tuple[str, int, bool], str] = OrderedDict()

    def of(self, font: QFont) -> "Letters":
        """These, or others where the font is another."""
        if font != self.font:
            return Letters(font)
        return self

    def cut(self, text: str, width: int, *, small: bool) -> str:
        """A text that fits into a width, in pixels."""
        known = self._cut.get((text, width, small))
        if known is None:
            side = Qt.TextElideMode.ElideRight if small else Qt.TextElideMode.ElideMiddle
            known = self._cut[text, width, small] = self._metrics[small].elidedText(text, side, width)
            if len(self._cut) > CUT_TEXTS:
                self._cut.popitem(last=False)
        return known


def paint_whole(painter: QPainter, box: QRect, pixmap: QPixmap | None, theme: Theme) -> None:
    """The whole picture in the middle of a box, on the canvas's grey; an empty one says so."""
    painter.fillRect(box, theme.colour("canvas"))
    if pixmap is not None and not pixmap.isNull():
        wide, high = pixmap.width(), pixmap.height()
        scale = min(box.width() / wide, box.height() / high)
        width, height = round(wide * scale), round(high * scale)
        left = box.left() + (box.width() - width) // 2
        top = box.top() + (box.height() - height) // 2
        painter.drawPixmap(QRect(left, top, width, height), pixmap)
    elif pixmap is not None:
        painter.setPen(theme.colour("danger"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "unreadable")


def _paint_back(painter: QPainter, cell: QRect, state: QStyle.StateFlag, theme: Theme) -> None:
    selected, focused = bool(state & SELECTED), bool(state & FOCUSED)
    if selected or state & QStyle.StateFlag.State_MouseOver:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("selection" if selected else "hover"))
        painter.drawRoundedRect(cell, 6, 6)
    if selected or focused:
        painter.setPen(QPen(theme.colour("focus" if focused else "accent"), 2 if focused else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(cell).adjusted(1, 1, -1, -1), 6, 6)


def _paint_words(painter: QPainter, upper: QRect, letters: Letters, text: TileText, theme: Theme) -> None:
    lower = upper.translated(0, letters.line)
    if text.role:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(text.role))
        painter.drawEllipse(QRectF(lower.left(), lower.center().y() + 1 - DOT / 2, DOT, DOT))
        lower = lower.adjusted(13, 0, 0, 0)
    painter.setFont(letters.font)
    painter.setPen(theme.colour("text"))
    painter.drawText(upper, LEFT, letters.cut(text.upper, upper.width(), small=False))
    painter.setFont(letters.small)
    painter.setPen(theme.colour("muted"))
    painter.drawText(lower, LEFT, letters.cut(text.lower, lower.width(), small=True))
