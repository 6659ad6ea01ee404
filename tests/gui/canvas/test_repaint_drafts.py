"""Cells, outlines, clicks and boxes under way: what dirty rectangles leave on screen is a whole repaint's."""

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from segstudio.gui.canvas.modes import ToolName, ToolOptions
from tests.gui.canvas.conftest import CONTROL, MIDDLE, NONE, RIGHT, SHIFT, SIZE, Hand, Make
from tests.gui.canvas.test_cells_and_edges import Squares
from tests.gui.canvas.test_repaint import on_screen

STEPS = 30
ROUNDING = 1
KEYS = (Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Space)


class Restless:
    """A user of one tool who does things in random order."""

    def __init__(self, hand: Hand, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.hand = hand
        self.acts: tuple[Callable[[], object], ...] = (
            self.hover, self.hover, self.click, self.click, self.drag, self.zoom, self.pan, self.key,
        )  # fmt: skip

    def place(self) -> tuple[float, float]:
        x, y = self.random.uniform((-10, -10), (SIZE[0] + 10, SIZE[1] + 10))
        return self.hand.canvas.view.to_image(float(x), float(y))

    def modifier(self) -> Qt.KeyboardModifier:
        return (NONE, NONE, CONTROL, SHIFT)[int(self.random.integers(4))]

    def hover(self) -> None:
        self.hand.move(*self.place(), self.modifier())

    def click(self) -> None:
        if self.random.random() < 0.2:
            self.hand.click(*self.place(), RIGHT)
        else:
            self.hand.click(*self.place(), modifier=self.modifier())

    def drag(self) -> None:
        self.hand.press(*self.place())
        for _ in range(int(self.random.integers(1, 4))):
            self.hand.move(*self.place())
            QApplication.processEvents()
        self.hand.release(*self.place())

    def zoom(self) -> None:
        x, y = self.random.uniform((0, 0), SIZE)
        self.hand.wheel(float(x), float(y), float(self.random.integers(-2, 3)))

    def pan(self) -> None:
        start = self.place()
        self.hand.press(*start, MIDDLE)
        self.hand.move(*self.place())
        self.hand.release(*start, MIDDLE)

    def key(self) -> None:
        self.hand.key(KEYS[int(self.random.integers(len(KEYS)))])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tool", [ToolName.SUPERPIXEL, ToolName.SCISSORS, ToolName.SEGMENT])
def test_nothing_is_left_behind(hand: Make, tool: ToolName, seed: int) -> None:
    made = hand(value=7, scale=1.5)
    canvas = made.canvas
    canvas.options = ToolOptions(cell=16)
    canvas.set_tool(tool)
    canvas.set_embedding(Squares(made.mask.shape))
    user = Restless(made, seed)
    for _ in range(STEPS):
        user.acts[int(user.random.integers(len(user.acts)))]()
        seen = on_screen(canvas)
        canvas.update()
        # Parts of a smooth line are rounded otherwise than the whole.
        assert np.abs(seen.astype(int) - on_screen(canvas)).max() <= ROUNDING
