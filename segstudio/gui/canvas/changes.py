"""A change of the mask that may be too large for the window's thread."""

from collections.abc import Callable
from dataclasses import dataclass

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import Mask
from segstudio.jobs import JobContext

# Changes of as many pixels are made by a worker: 3 million take about as long as a window may stand still.
LARGE = 3_000_000


@dataclass(frozen=True)
class MaskChange:
    """One step of a mask's history that is still to be made.

    Attributes:
        document: the mask's.
        title: of the step.
        rect: what may change; empty rectangles change nothing.
        make: paints a mask of the document's size; may ask its context whether to stop.
        nothing: what to say when no pixel changed; "" for nothing.
    """

    document: MaskDocument
    title: str
    rect: Rect
    make: Callable[[Mask, JobContext], object]
    nothing: str = ""

    @property
    def is_large(self) -> bool:
        """Whether a worker should make it."""
        inside = self.rect.clip(self.document.width, self.document.height)
        return inside.width * inside.height >= LARGE
