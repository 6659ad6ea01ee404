"""Rect: a half-open rectangle of pixels, the currency between tools, documents and the canvas."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rect:
    """Columns x..x+width-1 and rows y..y+height-1; empty when a side is 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column behind it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.y + self.height

    @property
    def is_empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.width <= 0 or self.height <= 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index for an array [H,W]."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def union(self, other: "Rect") -> "Rect":
        """The smallest rectangle that holds both; empty ones do not count."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Rect(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def intersection(self, other: "Rect") -> "Rect":
        """What both share; sides are never negative."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width = min(self.right, other.right) - x
        height = min(self.bottom, other.bottom) - y
        return Rect(x, y, max(0, width), max(0, height))

    def grown(self, margin: int) -> "Rect":
        """The rectangle with a margin of pixels on every side."""
        return Rect(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def moved(self, dx: int, dy: int) -> "Rect":
        """The rectangle elsewhere."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def clip(self, width: int, height: int) -> "Rect":
        """The part inside an image of that size."""
        return self.intersection(Rect(0, 0, width, height))


EMPTY = Rect(0, 0, 0, 0)
