"""A tile of superpixels that a tool waits for: asked on the window's thread, found wherever there is time."""

from collections.abc import Callable
from dataclasses import dataclass

from segstudio.annotation.superpixels import Numbers, Superpixels, Tile
from segstudio.jobs import JobContext


@dataclass(frozen=True, eq=False)
class TileQuestion:
    """Asks for the cells of a tile.

    Attributes:
        cells: of which image.
        tile: which of them.
        answered: called on the window's thread with this question once the tile is at hand, or never will be.
    """

    cells: Superpixels
    tile: Tile
    answered: Callable[["TileQuestion"], None]

    def find(self, context: JobContext) -> Numbers:
        """The tile's cells, on any thread.

        Raises:
            Cancelled: the context says so.
        """
        return self.cells.find(self.tile, context.check)

    def take(self, found: Numbers | None) -> None:
        """Answers, on the window's thread; None says that nobody looks any more."""
        if found is not None:
            self.cells.keep(self.tile, found)
        self.answered(self)
