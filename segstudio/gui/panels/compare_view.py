"""The canvas, and its twin beside it while two layers are compared side by side."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.twin import Twin
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.view.view_state import ViewState


class CompareView(QWidget):
    """Two equal halves, or the canvas alone."""

    def __init__(self, canvas: Canvas, view: ViewState) -> None:
        super().__init__()
        self._view = view
        self.canvas = canvas
        self.twin = Twin(canvas)
        self._line = QFrame()
        self._line.setFixedWidth(2)
        self._line.setObjectName("compareLine")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(canvas, 1)
        layout.addWidget(self._line)
        layout.addWidget(self.twin, 1)
        canvas.hovered.connect(self._hovered)
        canvas.left.connect(lambda: self.twin.crosshair.show(None))
        self.twin.pointed.connect(canvas.crosshair.show)
        view.changed.connect(self._follow)
        self._follow()

    def show_keys(self, keys: KeyBook) -> None:
        """Names the keys in force."""
        for captions in (self.canvas.captions, self.twin.captions):
            captions.reset_key = keys.text("view.neutral")

    def _hovered(self, x: int, y: int) -> None:
        if not self.twin.isHidden():
            self.twin.crosshair.show((x + 0.5, y + 0.5) if x >= 0 else None)

    def _follow(self) -> None:
        beside = self._view.comparison == "beside"
        self.twin.set_layer(Layer[self._view.shown_other.upper()])
        if beside == self.twin.isHidden():
            for widget in (self.twin, self._line):
                widget.setVisible(beside)
            self.canvas.crosshair.show(None)
            self.twin.crosshair.show(None)
