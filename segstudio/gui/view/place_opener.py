"""Opens a sample and brings a place in it into sight, once it is on the canvas."""

from PySide6.QtCore import QObject

from segstudio.annotation.rect import Rect
from segstudio.gui.session import Session
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.gui.view.region_highlight import view_on


class PlaceOpener(QObject):
    """Made after the link, whose own view of a sample that opens comes first."""

    def __init__(self, session: Session, link: CanvasLink) -> None:
        super().__init__(link)
        self._session, self._link = session, link
        self._wanted: tuple[str, Rect] | None = None
        session.sample_opened.connect(self._opened)

    def open(self, key: str, rect: Rect | None = None) -> None:
        """Opens a sample; with a rectangle, in image pixels, in the middle of the view."""
        session = self._session
        self._wanted = (key, rect) if rect is not None else None
        if session.current == key and session.opening is None:
            self._opened(key)
        else:
            session.open_sample(key)

    def _opened(self, key: str) -> None:
        wanted, canvas = self._wanted, self._link.canvas
        if wanted is None or wanted[0] != key:
            return
        self._wanted = None
        if canvas.has_image:
            canvas.set_view(view_on(canvas.view, wanted[1], canvas.screen_size()))
