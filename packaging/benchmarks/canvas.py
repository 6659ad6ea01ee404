"""Times the canvas: mouse move delivered, mask edited, widget repainted; beside pyqtgraph in the same run.

python packaging/benchmarks/canvas.py [--json] [--quick]
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.palette import load_palette
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.modes import OutlineMode, ToolName

VIEW = (1920, 1080)
SIZES = {"2048x1024": (2048, 1024), "8192x8192": (8192, 8192)}
NONE, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    values = np.array(seconds) * 1000
    return {f"p{p}": round(float(np.percentile(values, p)), 3) for p in (50, 95, 99)}


def send(
    widget: QWidget, kind: QEvent.Type, x: float, y: float, button: Qt.MouseButton, held: Qt.MouseButton
) -> None:
    """Delivers one mouse event."""
    place = QPointF(x, y)
    event = QMouseEvent(kind, place, widget.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


def scene(width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A noisy image and a mask of 19 classes in blobs."""
    random = np.random.default_rng(0)
    small = random.integers(0, 19, (height // 64, width // 64), dtype=np.uint8)
    mask = np.kron(small, np.ones((64, 64), np.uint8))
    image = random.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    return image, np.ascontiguousarray(mask)


class Bench:
    """A canvas with an image, and ways to time what happens on it."""

    def __init__(self, app: QApplication, width: int, height: int, count: int) -> None:
        self.app, self.count = app, count
        self.random = np.random.default_rng(1)
        image, mask = scene(width, height)
        self.canvas = Canvas()
        self.canvas.resize(*VIEW)
        self.canvas.set_image(image)
        self.document = MaskDocument(mask)
        self.canvas.set_document(self.document)
        self.canvas.set_colours(load_palette("cityscapes").colours())
        self.canvas.show()
        self.canvas.fit()
        if width > VIEW[0] * 2:
            self.canvas.zoom_to(1.0)
        app.processEvents()

    def timed(self, act: Callable[[int], None], count: int | None = None) -> dict[str, float]:
        """Times `act` and the repaint that it causes."""
        times = []
        for number in range(count or self.count):
            began = time.perf_counter()
            act(number)
            self.app.processEvents()
            times.append(time.perf_counter() - began)
        return percentiles(times)

    def brush(self, radius: float) -> dict[str, float]:
        """Moves of one long stroke over the middle of the view."""
        canvas = self.canvas
        canvas.set_tool(ToolName.BRUSH)
        canvas.set_brush_radius(radius)
        path = np.cumsum(self.random.normal(0, 9, (self.count + 1, 2)), 0)
        path = np.clip(path + np.array(VIEW) / 2, 200, np.array(VIEW) - 200)
        canvas.set_active_class(3)
        send(canvas, QEvent.Type.MouseButtonPress, path[0][0], path[0][1], LEFT, LEFT)
        self.app.processEvents()
        result = self.timed(
            lambda n: send(canvas, QEvent.Type.MouseMove, path[n + 1][0], path[n + 1][1], NONE, LEFT)
        )
        send(canvas, QEvent.Type.MouseButtonRelease, path[-1][0], path[-1][1], LEFT, NONE)
        self.app.processEvents()
        return result

    def undo(self) -> dict[str, float]:
        """Undo and redo of a stroke, with the repaint."""
        canvas, document = self.canvas, self.document

        def act(number: int) -> None:
            rect = document.undo() if number % 2 == 0 else document.redo()
            canvas.mask_changed(rect)

        return self.timed(act, 40)

    def run(self) -> dict[str, object]:
        """All figures of one image size."""
        canvas = self.canvas
        figures: dict[str, object] = {"brush_r40": self.brush(40), "undo": self.undo()}
        figures["brush_r1000"] = self.brush(1000)
        self.document.undo()
        canvas.set_tool(ToolName.RELABEL)

        def relabel(number: int) -> None:
            x, y = 100 + (number * 61) % (VIEW[0] - 200), 200 + (number * 37) % (VIEW[1] - 400)
            canvas.set_active_class(number % 19)
            send(canvas, QEvent.Type.MouseButtonPress, x, y, LEFT, LEFT)
            send(canvas, QEvent.Type.MouseButtonRelease, x, y, LEFT, NONE)

        figures["relabel"] = self.timed(relabel)
        canvas.set_tool(ToolName.PAN)
        figures["opacity"] = self.timed(lambda n: canvas.set_opacity(0.3 + 0.4 * (n % 2)))
        modes = (OutlineMode.BOTH, OutlineMode.FILL)
        figures["outline"] = self.timed(lambda n: canvas.set_outline(modes[n % 2]))
        canvas.zoom_to(1.0)
        self.app.processEvents()
        figures["pan"] = self.timed(lambda n: canvas.set_view(canvas.view.moved(7 if n % 40 < 20 else -7, 3)))
        figures["zoom"] = self.timed(lambda n: canvas.zoom_by(1.25 if n % 8 < 4 else 0.8, (900, 500)))
        return figures


def pyqtgraph_brush(app: QApplication, width: int, height: int, count: int) -> dict[str, float]:
    """The same stroke with pyqtgraph: an ImageItem with a colour table over the image."""
    import pyqtgraph as pg

    image, mask = scene(width, height)
    view = pg.GraphicsLayoutWidget()
    view.resize(*VIEW)
    box = view.addViewBox(lockAspect=True)
    box.invertY(True)
    box.addItem(pg.ImageItem(image, axisOrder="row-major"))
    table = np.column_stack([load_palette("cityscapes").colours(), np.full(256, 127, np.uint8)])
    labels = pg.ImageItem(mask, axisOrder="row-major", lut=table, levels=(0, 255))
    box.addItem(labels)
    view.show()
    app.processEvents()
    random = np.random.default_rng(1)
    middle = np.array([width / 2, height / 2])
    path = np.clip(np.cumsum(random.normal(0, 9, (count, 2)), 0) + middle, 50, 2 * middle - 50)
    rows, columns = np.ogrid[:height, :width]
    times = []
    for x, y in path:
        began = time.perf_counter()
        top, left = max(0, int(y) - 40), max(0, int(x) - 40)
        part = (slice(top, top + 81), slice(left, left + 81))
        inside = (rows[part[0]] - y) ** 2 + (columns[:, part[1]] - x) ** 2 <= 1600
        mask[part][inside[: mask[part].shape[0], : mask[part].shape[1]]] = 3
        labels.setImage(mask, autoLevels=False, levels=(0, 255))
        app.processEvents()
        times.append(time.perf_counter() - began)
    view.close()
    return percentiles(times)


def main() -> int:
    """Runs every size and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer events, the smaller image alone")
    options = parser.parse_args()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    count = 60 if options.quick else 240
    figures: dict[str, dict[str, object]] = {}
    for name, (width, height) in SIZES.items():
        if options.quick and width > 2048:
            continue
        bench = Bench(app, width, height, count)
        result = bench.run()
        bench.canvas.close()
        peer = pyqtgraph_brush(app, width, height, min(count, 60))
        ours = result["brush_r40"]
        assert isinstance(ours, dict)
        result["brush_r40_vs_pyqtgraph"] = round(peer["p50"] / ours["p50"], 2)
        result["pyqtgraph_brush_r40"] = peer
        figures[name] = result
    if options.json:
        print(json.dumps(figures))
    else:
        for name, shown in figures.items():
            print(name)
            for key, value in shown.items():
                print(f"  {key}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
