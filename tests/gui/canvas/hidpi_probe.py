"""Run in a process of its own at a display scale: tells as JSON how many pixels of a canvas are wrong.

python -m tests.gui.canvas.hidpi_probe, with QT_SCALE_FACTOR set. The canvas lies at an odd place of its
window, so that its corner is no whole screen pixel.
"""

import json
import sys

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.annotation.mask import MaskDocument
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.modes import Layer, OutlineMode, ToolName
from segstudio.gui.canvas.painting import surround
from segstudio.gui.canvas.view import View
from tests.gui.canvas.conftest import COLOURS, patchwork, picture, pixels_of

PLACE, SIZE = (13, 7), (211, 157)
WIDTH, HEIGHT = 150, 120


def on_screen(window: QWidget) -> NDArray[np.uint8]:
    """What the window holds, uint8 [H,W,3] in screen pixels."""
    for _ in range(3):
        QApplication.processEvents()
    # The backing store itself: a grab of the screen comes scaled, and QWidget.grab would paint anew.
    store = window.backingStore().paintDevice()
    assert isinstance(store, QImage)
    return pixels_of(store)


def expected(canvas: Canvas, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The canvas's pixels with opaque labels, counted one by one."""
    width, height = canvas.screen_size()
    shown = np.full((height, width, 3), surround(canvas), np.uint8)
    view = canvas.view
    for row in range(height):
        y = int(np.floor((row + 0.5 - view.top) / view.scale))
        if not 0 <= y < mask.shape[0]:
            continue
        xs = np.floor((np.arange(width) + 0.5 - view.left) / view.scale).astype(int)
        inside = (xs >= 0) & (xs < mask.shape[1])
        shown[row, inside] = COLOURS[mask[y, xs[inside]]]
    return shown


def wrong(window: QWidget, canvas: Canvas, mask: NDArray[np.uint8], first: int = 0, last: int = 0) -> int:
    """How many of the canvas's screen pixels are wrong; widget columns first..last-1 do not count."""
    ratio = canvas.devicePixelRatioF()
    left, top = (int(np.floor(place * ratio + 0.5)) for place in PLACE)
    wanted = expected(canvas, mask)
    height, width = int(SIZE[1] * ratio), int(SIZE[0] * ratio)
    seen = on_screen(window)[top : top + height, left : left + width]
    differs = (seen != wanted[:height, :width]).any(axis=2)
    differs[:, int(first * ratio) : int(np.ceil(last * ratio))] = False
    return int(differs.sum())


def send(canvas: Canvas, kind: QEvent.Type, x: float, y: float, held: Qt.MouseButton) -> None:
    """A mouse event at an image point."""
    ratio = canvas.devicePixelRatioF()
    left, top = canvas.view.to_screen(x, y)
    place = QPointF(left / ratio, top / ratio)
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    modifier = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        canvas, QMouseEvent(kind, place, canvas.mapToGlobal(place), button, held, modifier)
    )


def closes(canvas: Canvas, document: MaskDocument) -> bool:
    """Whether a click 7 widget pixels beside a polygon's first corner closes it."""
    canvas.set_view(View(3.0, -37, -51))
    canvas.set_tool(ToolName.POLYGON)
    canvas.set_active_class(12)
    away = 7 * canvas.devicePixelRatioF() / canvas.view.scale
    for x, y in ((30.0, 30.0), (60.0, 30.0), (60.0, 60.0), (30.0 + away, 30.0)):
        send(canvas, QEvent.Type.MouseButtonPress, x, y, Qt.MouseButton.LeftButton)
        send(canvas, QEvent.Type.MouseButtonRelease, x, y, Qt.MouseButton.NoButton)
    return bool(document.array[40, 50] == 12)


def main() -> int:
    """Paints, pans, zooms and splits; prints how many pixels were wrong after each."""
    application = QApplication(sys.argv[:1])
    window = QWidget()
    window.resize(SIZE[0] + 40, SIZE[1] + 30)
    canvas = Canvas(window)
    canvas.setGeometry(*PLACE, *SIZE)
    mask = patchwork(3, WIDTH, HEIGHT)
    document = MaskDocument(mask)
    canvas.set_colours(COLOURS)
    canvas.set_opacity(1.0)
    canvas.set_outline(OutlineMode.FILL)
    canvas.set_image(picture(1, WIDTH, HEIGHT))
    canvas.set_document(document)
    window.show()
    canvas.set_tool(ToolName.PAN)
    found: dict[str, float] = {"ratio": canvas.devicePixelRatioF()}
    for name, view in (("one", View(1.0, 11, 5)), ("three", View(3.0, -37, -51)), ("half", View(0.7, 9, 3))):
        canvas.set_view(view)
        found[name] = wrong(window, canvas, document.array)
        canvas.set_view(view.moved(4, -8))
        found[f"{name} panned"] = wrong(window, canvas, document.array)
        canvas.set_tool(ToolName.BRUSH)
        canvas.set_active_class(11)
        canvas.set_brush_radius(3.0)
        send(canvas, QEvent.Type.MouseButtonPress, 60.5, 50.5, Qt.MouseButton.LeftButton)
        for step in range(1, 9):
            send(canvas, QEvent.Type.MouseMove, 60.5 + 3 * step, 50.5 + step, Qt.MouseButton.LeftButton)
            application.processEvents()
        send(canvas, QEvent.Type.MouseButtonRelease, 84.5, 58.5, Qt.MouseButton.NoButton)
        found[f"{name} stroke starts wrong"] = int(document.array[50, 60] != 11)
        canvas.set_tool(ToolName.PAN)
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
        found[f"{name} painted"] = wrong(window, canvas, document.array)
    found["polygon stays open"] = int(not closes(canvas, document))
    canvas.set_prediction(document.array, document.array)
    canvas.set_split(0.37, Layer.PREDICTION)
    line = canvas.divider.rect()
    found["split"] = wrong(window, canvas, document.array, line.left(), line.right() + 1)
    window.close()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
