"""Shows an error segment in the editor: its sample, the region in view and outlined, and the way back."""

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.gui.commands.command_group import Window
from segstudio.gui.message import INFO, WARNING, Message
from segstudio.gui.pages import EDITOR
from segstudio.gui.view.region_highlight import RegionHighlight, view_on
from segstudio.gui.view.shown_region import ShownRegion
from segstudio.metrics.segment_shape import shape_of

TOPIC = "region"


class RegionOpener(QObject):
    """Answers `Session.region_asked`; the outline stays until an edit, Escape, or another sample."""

    def __init__(self, parent: QObject, window: Window) -> None:
        super().__init__(parent)
        self._window = window
        self._session = window.session
        self._canvas = window.link.canvas
        self.highlight = RegionHighlight(self._canvas)
        self._asked: ShownRegion | None = None
        self._is_shown = False
        session = self._session
        session.region_asked.connect(self.open)
        session.sample_opened.connect(self._opened)
        session.documents.edited.connect(lambda *_: self._leave())
        session.project_changed.connect(self._leave)
        surround = self._canvas.parentWidget()
        if surround is not None:
            surround.installEventFilter(self)

    def open(self, asked: ShownRegion) -> None:
        """Opens the sample of a region; the rest follows when it is read."""
        session = self._session
        if session.book.get(asked.spot.key) is None:
            session.message.emit(
                Message(WARNING, f"{asked.spot.key} is no longer in this folder", topic=TOPIC)
            )
            return
        self._leave()
        self._asked = asked
        self._window.show_page(EDITOR)
        session.open_sample(asked.spot.key)

    def _opened(self, key: str) -> None:
        asked, self._asked = self._asked, None
        if asked is None or key != asked.spot.key:
            self._leave()
        elif self._canvas.has_image:
            self._show(asked)

    def _show(self, asked: ShownRegion) -> None:
        session, canvas, prediction = self._session, self._canvas, self._session.prediction
        rect = Rect(*asked.spot.box).clip(*canvas.image_size)
        if rect.is_empty:
            return
        known = prediction is not None and prediction.model == asked.model
        self._window.view.set_layer("difference" if known else "mask")
        canvas.set_view(view_on(canvas.view, rect, canvas.screen_size()))
        mask, said = session.saved_mask(), prediction.ids if known and prediction is not None else None
        shape = shape_of(asked.spot, mask, said) if mask is not None else None
        if shape is None:
            shape = np.ones((rect.height, rect.width), bool)
        self._is_shown = True
        self.highlight.show_region(Region(asked.spot.truth, rect, shape, int(np.count_nonzero(shape))))
        back = Message(INFO, asked.text, topic=TOPIC, action="Back", act=self._window.go_back)
        session.message.emit(back)

    def _leave(self) -> None:
        self._asked = None
        if self._is_shown:
            self._is_shown = False
            self.highlight.show_region(None)
            self._session.resolved.emit(TOPIC)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Escape ends it, where the canvas itself had no use for the key."""
        pressed = event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
        if self._is_shown and pressed and QApplication.focusWidget() is self._canvas:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape:
                self._leave()
                return True
        return super().eventFilter(watched, event)
