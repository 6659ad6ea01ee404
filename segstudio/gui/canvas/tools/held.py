"""Tools whose stroke lasts as long as the button is down: what brush and wand share."""

from typing import Protocol

from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import Point
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.tool import CanvasTool, Touch


class HeldStroke(Protocol):
    """A stroke that was begun in a document."""

    def move(self, point: Point) -> Rect:
        """Goes on to a point; returns what may have changed."""

    def finish(self) -> Edit | None:
        """Ends it; returns the edit, or None when no pixel changed."""

    def cancel(self) -> Rect:
        """Takes it back; returns what changed."""


class HeldTool(CanvasTool):
    """Begins a stroke at a press, moves it along, and ends it as one edit when the button comes up."""

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._stroke: HeldStroke | None = None

    @property
    def is_held(self) -> bool:
        """See CanvasTool."""
        return self._stroke is not None

    def begin(self, touch: Touch) -> HeldStroke | None:
        """The stroke of a press in a mask that may be edited, or None where it means nothing."""
        raise NotImplementedError

    def press(self, touch: Touch) -> None:
        """Begins the stroke."""
        self._stroke = self.begin(touch)
        if self._stroke is not None:
            self._canvas.update_image_rect(self._stroke.move(touch.point))
            self._canvas.stroke_active.emit(True)

    def drag(self, touch: Touch) -> None:
        """Moves it along."""
        if self._stroke is not None:
            self._canvas.update_image_rect(self._stroke.move(touch.point))

    def release(self, touch: Touch) -> None:
        """Ends it."""
        self.finish()

    def cancel(self) -> bool:
        """Takes it back."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return False
        self._canvas.update_image_rect(stroke.cancel())
        self._canvas.stroke_active.emit(False)
        return True

    def finish(self) -> None:
        """Ends it as one edit."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            self._canvas.report_edit(stroke.finish())
            self._canvas.stroke_active.emit(False)

    def focus_lost(self) -> None:
        """Ends it: nobody may say that the button came up."""
        self.finish()
