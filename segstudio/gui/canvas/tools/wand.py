"""The magic wand: paints the pixels whose colour is like the pressed one's, and shows which before."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import Point
from segstudio.annotation.wand import Colours, Reach
from segstudio.gui.canvas import cursors, outlines
from segstudio.gui.canvas.changes import LARGE
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.held import HeldTool
from segstudio.gui.canvas.tools.tool import UNLABELLED, Pixel, Touch
from segstudio.gui.canvas.wand_stroke import Preview, WandStroke, preview

# Screen pixels that the wand is dragged for one step of its tolerance.
SCREEN_PER_TOLERANCE = 4.0


class WandTool(HeldTool):
    """Gives them the active class; its opposite erases. A drag to the right raises the tolerance."""

    has_options = True

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._colours: Colours | None = None
        self._seen: tuple[object, Preview] | None = None
        # What was just painted is not to be seen through a tint.
        self._muted = False

    def begin(self, touch: Touch) -> WandStroke | None:
        """See HeldTool."""
        canvas = self._canvas
        colours = self._known_colours()
        assert canvas.document is not None
        if touch.pixel is None or colours is None:
            return None
        value, title = (UNLABELLED, "Erase by wand") if touch.opposite else (canvas.active_class, "Wand")
        return WandStroke(
            canvas.document,
            colours,
            self._reach(self._shown(touch.pixel) if canvas.options.within_view else colours.whole, LARGE),
            touch.pixel,
            canvas.options.tolerance,
            canvas.view.scale / SCREEN_PER_TOLERANCE,
            value,
            canvas.protection_at(touch.pixel),
            touch.point,
            title,
        )

    def _known_colours(self) -> Colours | None:
        if self._colours is None and self._canvas.rgb is not None:
            self._colours = Colours(self._canvas.rgb)
        return self._colours

    def _reach(self, within: Rect, most: int | None = None) -> Reach:
        options = self._canvas.options
        return Reach(within, options.connected, options.smoothing, most)

    def _shown(self, pixel: Pixel) -> Rect:
        """The part of the image that is on screen, and in any case a pixel."""
        canvas = self._canvas
        seen = outlines.visible(canvas.view, QRect(0, 0, *canvas.screen_size())).clip(*canvas.image_size)
        return seen.union(Rect(*pixel, 1, 1))

    def finish(self) -> None:
        """Ends it as one edit; what is too large for this thread is made by a worker."""
        stroke = self._stroke
        self._muted = stroke is not None
        super().finish()
        change = stroke.deferred() if isinstance(stroke, WandStroke) else None
        if change is not None:
            self._canvas.change_mask(change)

    def hover(self, touch: Touch) -> None:
        """The next click is shown again."""
        self._muted = False

    def forget(self) -> None:
        """The next image has other colours."""
        self._colours = self._seen = None

    def marks(self, cursor: Point) -> QRect:
        """See CanvasTool."""
        shown = self._preview(cursor)
        return QRect() if shown is None else cursors.screen_rect(self._canvas.view, shown.rect, 3)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Tints what a click would take; where pixels are large it is outlined too."""
        shown = self._preview(cursor)
        if shown is None:
            return
        view = self._canvas.view
        outlines.draw_tint(painter, view, shown.rect, shown.cover, cursors.CHOSEN)
        if shown.step == 1:
            # As many edges as pixels may have to be drawn: at the screen's cost, not line by line.
            cursors.draw_edges(painter, view, shown.rect, shown.cover, screen)

    def _preview(self, cursor: Point | None) -> Preview | None:
        """What a click at the cursor would take of what is on screen; None while it means nothing."""
        canvas = self._canvas
        pixel = canvas.pixel_at(cursor) if cursor is not None else None
        rgb, colours = canvas.rgb, self._known_colours()
        busy = self.is_held or self._muted or not canvas.editable
        if busy or pixel is None or rgb is None or colours is None:
            return None
        key = (pixel, canvas.options, canvas.view, canvas.screen_size())
        if self._seen is None or self._seen[0] != key:
            reach = self._reach(self._shown(pixel))
            self._seen = (key, preview(rgb, colours, pixel, canvas.options.tolerance, reach))
        return self._seen[1]
