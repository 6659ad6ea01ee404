"""What dirty rectangles and scrolling leave on screen is what a fresh canvas would draw, pixel for pixel."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.gui.canvas.adjust import Adjustment
from segstudio.gui.canvas.base import NEAREST_FROM
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.difference import DifferenceKind
from segstudio.gui.canvas.modes import Layer, OutlineMode, ShapeOp, ToolName, ToolOptions
from tests.gui.canvas.conftest import COLOURS, CONTROL, LEFT, MIDDLE, RIGHT, SIZE, Hand, picture, pixels_of

SEQUENCES = 30
ACTIONS = 25
TOOLS = (
    ToolName.BRUSH, ToolName.ERASER, ToolName.POLYGON, ToolName.FILL, ToolName.RELABEL, ToolName.WAND,
    ToolName.SHAPE, ToolName.PAN, ToolName.LASSO, ToolName.EXTEND,
)  # fmt: skip
CLICKED = (ToolName.FILL, ToolName.RELABEL, ToolName.ACCEPT_REGION, ToolName.WAND, ToolName.SHAPE)
OPS = (ShapeOp.GROW, ShapeOp.SHRINK, ShapeOp.SMOOTH, ShapeOp.FILL_HOLES, ShapeOp.MERGE)
Random = np.random.Generator


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Callable[[], Canvas]]:
    """Makes shown canvases of one size."""
    made: list[Canvas] = []

    def make() -> Canvas:
        canvas = Canvas()
        made.append(canvas)
        canvas.resize(*SIZE)
        canvas.show()
        qtbot.waitExposed(canvas)
        return canvas

    yield make
    for canvas in made:
        canvas.close()
        canvas.deleteLater()


def on_screen(canvas: Canvas) -> NDArray[np.uint8]:
    """What the window holds after all paints that are due; nothing is painted for the question."""
    # The screen grabs the backing store, whereas QWidget.grab would paint the widget anew.
    for _ in range(3):
        QApplication.processEvents()
    return pixels_of(canvas.screen().grabWindow(canvas.winId()).toImage())


def twin(canvas: Canvas, fresh: Canvas, rgb: NDArray[np.uint8]) -> None:
    """Brings a fresh canvas to the same state, so that its one paint draws everything."""
    document = canvas.document
    assert document is not None
    fresh.set_image(rgb)
    fresh.set_document(MaskDocument(document.array))
    fresh.set_prediction(canvas.overlay.prediction, canvas.overlay.confidence)
    fresh.set_version(canvas.overlay.version)
    fresh.overlay.style = canvas.overlay.style
    fresh.set_layer(canvas.overlay.layer)
    fresh.scene.adjustment, fresh.captions.reset_key = canvas.scene.adjustment, canvas.captions.reset_key
    layers = canvas.shown_layers()
    fresh.set_split(canvas.divider.share, layers[-1], named=canvas.captions.named)
    fresh.minimap.corner = canvas.minimap.corner
    fresh.minimap.enabled, fresh.names.enabled = canvas.minimap.enabled, canvas.names.enabled
    fresh.set_brush_radius(canvas.brush_radius)
    fresh.options = canvas.options
    fresh.set_tool(canvas.tool)
    fresh.set_view(canvas.view)
    # The window system tells windows that appear or go about the cursor: before the test puts it somewhere.
    for _ in range(3):
        QApplication.processEvents()


def put_cursor(canvas: Canvas, cursor: QPointF | None) -> None:
    """Moves the cursor to a place of the canvas or away from it."""
    if cursor is None:
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    else:
        Hand(canvas).move_on_screen(cursor)


class Session:
    """A user who does things in random order on one canvas."""

    def __init__(self, canvas: Canvas, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.canvas = canvas
        self.hand = Hand(canvas)
        width, height = (int(value) for value in self.random.integers(20, 400, 2))
        self.rgb = picture(seed, width, height)
        small = self.random.choice(np.array([0, 1, 5, 11, 255], np.uint8), (height // 9 + 1, width // 9 + 1))
        mask = np.kron(small, np.ones((9, 9), np.uint8))[:height, :width].astype(np.uint8)
        canvas.set_colours(COLOURS)
        canvas.set_image(self.rgb)
        canvas.set_document(MaskDocument(mask))
        canvas.set_version(np.roll(mask, 3, axis=0))
        canvas.set_prediction(np.roll(mask, 7, axis=1), picture(seed + 1, width, height)[..., 0].copy())
        canvas.fit()
        self.actions: tuple[Callable[[], object], ...] = (
            self.stroke, self.stroke, self.click, self.polygon, self.lasso, self.cut, self.wand, self.undo,
            self.redo, self.zoom, self.zoom, self.pan, self.pan, self.opacity, self.outline, self.hide,
            self.layer, self.look, self.split, self.tool, self.brush, self.hover, self.leave, self.cancelled,
            self.peek, self.locked,
        )  # fmt: skip

    def run(self, count: int) -> None:
        """Does `count` things; sometimes the window paints between two of them, sometimes not."""
        for _ in range(count):
            self.actions[int(self.random.integers(len(self.actions)))]()
            if self.random.random() < 0.7:
                QApplication.processEvents()

    def place(self) -> tuple[float, float]:
        """An image point that is on screen, or a little beside it."""
        x, y = self.random.uniform((-20, -20), (SIZE[0] + 20, SIZE[1] + 20))
        return self.canvas.view.to_image(float(x), float(y))

    def stroke(self) -> None:
        self.canvas.set_tool(ToolName.ERASER if self.random.random() < 0.3 else ToolName.BRUSH)
        self.canvas.set_active_class(int(self.random.integers(19)))
        self.hand.press(*self.place(), RIGHT if self.random.random() < 0.2 else LEFT)
        for _ in range(int(self.random.integers(1, 5))):
            self.hand.move(*self.place())
            if self.random.random() < 0.7:
                QApplication.processEvents()
        held = RIGHT if self.hand.buttons & RIGHT else LEFT
        self.hand.release(*self.place(), held)

    def cancelled(self) -> None:
        self.canvas.set_tool(ToolName.BRUSH)
        self.hand.press(*self.place())
        self.hand.move(*self.place())
        QApplication.processEvents()
        self.hand.key(Qt.Key.Key_Escape)
        self.hand.release(*self.place())

    def click(self) -> None:
        self.canvas.set_tool(CLICKED[int(self.random.integers(len(CLICKED)))])
        op, far = OPS[int(self.random.integers(len(OPS)))], int(self.random.integers(1, 9))
        self.canvas.options = ToolOptions(op, distance=far, radius=far, tolerance=40)
        self.canvas.set_active_class(int(self.random.integers(19)))
        point = self.place()
        if self.random.random() < 0.5:
            self.hand.click(*point)
        else:
            self.hand.click(*point, modifier=CONTROL)

    def cut(self) -> None:
        self.canvas.set_tool(ToolName.SHAPE)
        self.canvas.options = ToolOptions(ShapeOp.SPLIT)
        self._drag_about(4)

    def wand(self) -> None:
        self.canvas.set_tool(ToolName.WAND)
        self.canvas.options = ToolOptions(tolerance=int(self.random.integers(20, 90)))
        self._drag_about(4)

    def lasso(self) -> None:
        self.canvas.set_tool(ToolName.EXTEND if self.random.random() < 0.5 else ToolName.LASSO)
        self._drag_about(9)

    def _drag_about(self, most: int) -> None:
        self.hand.press(*self.place())
        for _ in range(int(self.random.integers(1, most))):
            self.hand.move(*self.place())
            QApplication.processEvents()
        if self.random.random() < 0.2:
            self.hand.key(Qt.Key.Key_Escape)
        self.hand.release(*self.place())

    def polygon(self) -> None:
        self.canvas.set_tool(ToolName.POLYGON)
        for _ in range(int(self.random.integers(2, 6))):
            self.hand.click(*self.place())
            if self.random.random() < 0.5:
                QApplication.processEvents()
        if self.random.random() < 0.7:
            self.hand.double(*self.place())
        else:
            self.hand.key(Qt.Key.Key_Escape)

    def undo(self) -> None:
        assert self.canvas.document is not None
        rect = self.canvas.document.undo()
        if rect is not None:
            self.canvas.mask_changed(rect)

    def redo(self) -> None:
        assert self.canvas.document is not None
        rect = self.canvas.document.redo()
        if rect is not None:
            self.canvas.mask_changed(rect)

    def zoom(self) -> None:
        x, y = self.random.uniform((0, 0), SIZE)
        self.hand.wheel(float(x), float(y), float(self.random.integers(-4, 5)))

    def pan(self) -> None:
        start = self.random.uniform((50, 50), (SIZE[0] - 50, SIZE[1] - 50))
        point = self.canvas.view.to_image(float(start[0]), float(start[1]))
        self.hand.press(*point, MIDDLE)
        for _ in range(int(self.random.integers(1, 6))):
            start = start + self.random.uniform(-40, 40, 2)
            self.hand.move_on_screen(QPointF(float(start[0]), float(start[1])))
            if self.random.random() < 0.5:
                QApplication.processEvents()
        self.hand.release(*point, MIDDLE)

    def opacity(self) -> None:
        self.canvas.set_opacity(float(self.random.choice([0.0, 0.3, 0.5, 0.85, 1.0])))

    def outline(self) -> None:
        self.canvas.set_outline(list(OutlineMode)[int(self.random.integers(3))])

    def hide(self) -> None:
        self.canvas.set_hidden(frozenset(int(value) for value in self.random.integers(0, 19, 2)))
        self.canvas.set_solo(None if self.random.random() < 0.6 else int(self.random.integers(19)))

    def layer(self) -> None:
        self.canvas.set_layer(list(Layer)[int(self.random.integers(len(Layer)))])

    def look(self) -> None:
        kind = list(DifferenceKind)[int(self.random.integers(3))]
        self.canvas.set_difference(kind, int(self.random.integers(1, 6)), int(self.random.integers(19)))
        self.canvas.set_patterns(bool(self.random.random() < 0.4))
        self.canvas.set_names(bool(self.random.random() < 0.4))
        self.canvas.set_minimap(bool(self.random.random() < 0.6))
        if self.random.random() < 0.3:
            bright, local = int(self.random.integers(-60, 60)), int(self.random.choice([0, 0, 60]))
            self.canvas.set_adjustment(Adjustment(brightness=bright, local=local))
            self.canvas.captions.reset_key = "F8"

    def split(self) -> None:
        share = None if self.random.random() < 0.4 else float(self.random.uniform(0.1, 0.9))
        self.canvas.set_split(
            share, list(Layer)[int(self.random.integers(len(Layer)))], named=share is not None
        )

    def tool(self) -> None:
        self.canvas.set_tool(TOOLS[int(self.random.integers(len(TOOLS)))])

    def brush(self) -> None:
        self.canvas.set_brush_radius(float(self.random.uniform(0.5, 60)))

    def hover(self) -> None:
        for _ in range(3):
            self.hand.move(*self.place())
            QApplication.processEvents()

    def leave(self) -> None:
        put_cursor(self.canvas, None)

    def peek(self) -> None:
        self.canvas.peek(True)
        QApplication.processEvents()
        self.canvas.peek(False)

    def locked(self) -> None:
        self.canvas.set_filter(Protection(frozenset(int(value) for value in self.random.integers(0, 19, 3))))


def difference(seen: NDArray[np.uint8], wanted: NDArray[np.uint8], *, scale: float = 1.0) -> str:
    """Where two pictures differ, in words; empty when they do not."""
    wrong = (seen != wanted).any(axis=2)
    if not wrong.any():
        return ""
    rows, columns = np.nonzero(wrong)
    most = int(np.abs(seen.astype(int) - wanted).max())
    interpolated = scale < NEAREST_FROM and scale != 1.0
    # OpenCV's warpAffine counts from the drawn strip's corner: now and then a value rounds the other way.
    if interpolated and most == 1 and wrong.mean() < 0.01:
        return ""
    box = f"x {columns.min()}..{columns.max()}, y {rows.min()}..{rows.max()}"
    return f"{wrong.sum()} pixels differ by up to {most} in {box}"


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_incremental_painting_equals_a_full_repaint(window: Callable[[], Canvas], seed: int) -> None:
    canvas = window()
    session = Session(canvas, seed)
    for part in range(3):
        session.run(ACTIONS // 3)
        cursor: QPointF | None = None
        if part < 2:
            cursor = QPointF(*(float(value) for value in session.random.uniform((0, 0), SIZE)))
        fresh = window()
        twin(canvas, fresh, session.rgb)
        put_cursor(canvas, cursor)
        put_cursor(fresh, cursor)
        # Minimap and names follow after a moment; here at once.
        canvas.settle()
        fresh.settle()
        fresh.update()
        found = difference(on_screen(canvas), on_screen(fresh), scale=canvas.view.scale)
        assert not found, f"{found}; {canvas.view}, {canvas.tool}, {canvas.overlay.layer}"
        fresh.hide()


def test_the_screen_is_really_compared(window: Callable[[], Canvas]) -> None:
    canvas = window()
    session = Session(canvas, 1)
    before = on_screen(canvas)
    assert canvas.document is not None
    canvas.document.array[:] = 1
    assert not difference(on_screen(canvas), before), "asking for the screen painted it"
    canvas.update()
    fresh = window()
    twin(canvas, fresh, session.rgb)
    put_cursor(canvas, None)
    put_cursor(fresh, None)
    fresh.update()
    seen = on_screen(canvas)
    assert difference(seen, before)
    assert not difference(seen, on_screen(fresh))
