"""What every plot can do: copy its figures as CSV, and save its picture as PNG or SVG."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.job_bridge import Replies
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.images import atomic_write

PICTURES = ("PNG (*.png)", "SVG (*.svg)")


class PlotMenu(QPushButton):
    """The button that every plot has in its corner; it is not in the picture."""

    def __init__(
        self,
        session: Session,
        plot: QWidget,
        figures: Callable[[], str],
        svg: Callable[[], str] | None = None,
    ) -> None:
        """`figures` gives the CSV, `svg` a drawing of its own in place of what is on screen."""
        super().__init__("Save ▾")
        self.setObjectName("plotMenu")
        self._session, self._plot, self._figures, self._svg = session, plot, figures, svg
        menu = QMenu(self)
        menu.addAction("Copy as CSV", self.copy)
        menu.addAction("Save as PNG or SVG…", self.ask_file)
        self.setMenu(menu)
        self.setProperty("role", "quiet")
        self.setToolTip("Copy the figures, or save the picture")
        self.setAccessibleName("Copy or save this plot")

    def copy(self) -> None:
        """Puts the figures on the clipboard, as CSV."""
        QGuiApplication.clipboard().setText(self._figures())

    def ask_file(self) -> None:
        """Asks where to save the picture."""
        dialog = QFileDialog(self, "Save the plot")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(PICTURES))
        dialog.setDefaultSuffix("png")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(chosen[:3].lower()))
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.open()

    def save(self, path: Path) -> None:
        """Writes the picture in a worker: SVG by that suffix, else PNG as it is on screen."""
        content = self._drawn(path.suffix.lower() == ".svg")
        replies = Replies(failed=self._session.explain)
        self._session.bridge.start(
            f"Save {path.name}", lambda _: atomic_write(path, content), replies=replies
        )

    def _drawn(self, as_svg: bool) -> bytes:
        if as_svg and self._svg is not None:
            return self._svg().encode()
        focused = self.hasFocus()
        self.hide()
        layout = self._plot.layout()
        if layout is not None:
            layout.activate()
        content = svg_of(self._plot) if as_svg else png_of(self._plot)
        self.show()
        if focused:
            self.setFocus()
        return content


class Titled(QWidget):
    """Something with a title and a menu above it, which together are what is saved."""

    def __init__(
        self,
        session: Session,
        title: str,
        contents: QWidget,
        figures: Callable[[], str],
        controls: Sequence[QWidget] = (),
    ) -> None:
        super().__init__()
        self.setAccessibleName(title)
        self.title = caption(title, "strong")
        self.tools = PlotMenu(session, self, figures)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addStretch(1)
        for control in (*controls, self.tools):
            head.addWidget(control)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(contents, 1)


def png_of(widget: QWidget) -> bytes:
    """A widget as it is on screen, in the pixels of the screen."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    return bytes(buffer.data().data())


def svg_of(widget: QWidget) -> bytes:
    """A widget as vectors, in the colours of the theme."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(widget.size())
    generator.setViewBox(QRect(QPoint(), widget.size()))
    generator.setTitle(widget.accessibleName())
    painter = QPainter(generator)
    widget.render(painter, QPoint())
    painter.end()
    return bytes(buffer.data().data())


def to_csv(headings: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Rows as RFC 4180 has them; None is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(headings)
    writer.writerows(rows)
    return stream.getvalue()
