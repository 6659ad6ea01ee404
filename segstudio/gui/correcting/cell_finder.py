"""Finds the superpixels that the canvas waits for in a worker; what was wanted last wins."""

from segstudio.gui.canvas.cell_tiles import TileQuestion
from segstudio.gui.job_bridge import JobBridge, Replies

# Neither a sample that loads nor a thumbnail shall hold up who clicks on a cell.
LANE = "cells"
TITLE = "Find cells"


class CellFinder:
    """Answers the canvas, one tile at a time."""

    def __init__(self, bridge: JobBridge) -> None:
        self._bridge = bridge

    def ask(self, question: TileQuestion) -> None:
        """Looks for a tile; an older question is answered with nothing."""
        replies = Replies(
            done=question.take,
            failed=lambda _: question.take(None),
            cancelled=lambda: question.take(None),
        )
        self._bridge.start(TITLE, question.find, lane=LANE, replaces=TITLE, replies=replies)
