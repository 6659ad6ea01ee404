"""Times the canvas: mouse move delivered, mask edited, widget repainted; beside pyqtgraph in the same run.

python packaging/benchmarks/canvas.py [--json] [--quick] [--runs N]

Figures are in ms, at 100 % and under "fit" with the whole image in sight. pyqtgraph shows the same part of
the same image and draws the same strokes. With several runs each figure is that of the least disturbed run;
the ratio is that of medians within one run, the median of all runs. "calibration" is the median of a fixed
loop of small array work: where it is higher, the machine was slower or busier.
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
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.palette import load_palette
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.modes import OutlineMode, ToolName
from segstudio.gui.canvas.view import View

VIEW = (1920, 1080)
SIZES = {"2048x1024": (2048, 1024), "8192x8192": (8192, 8192)}
RADII = (40, 200, 1000)
RADIUS_OF_RATIO = 40
Figures = dict[str, dict[str, float]]
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


def calibration() -> float:
    """Median milliseconds of a fixed loop of small array work, which no canvas has a part in."""
    values = np.arange(4096, dtype=np.float64)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        for step in range(20):
            np.floor((values + step) * 0.7).astype(np.int64)
        times.append(time.perf_counter() - began)
    return percentiles(times)["p50"]


def stroke_path(count: int, radius: float) -> NDArray[np.float64]:
    """Screen points [count + 1, 2] of one long stroke over the middle of the view."""
    random = np.random.default_rng(int(radius))
    path = np.cumsum(random.normal(0, 9, (count + 1, 2)), 0) + np.array(VIEW) / 2
    return np.clip(path, 200, np.array(VIEW) - 200)


class Bench:
    """A canvas with an image, and ways to time what happens on it."""

    def __init__(self, app: QApplication, width: int, height: int, count: int) -> None:
        self.app, self.count = app, count
        image, mask = scene(width, height)
        self.canvas = Canvas()
        self.canvas.resize(*VIEW)
        self.canvas.set_image(image)
        self.document = MaskDocument(mask)
        self.canvas.set_document(self.document)
        self.canvas.set_colours(load_palette("cityscapes").colours())
        self.canvas.set_minimap(True)
        self.canvas.show()
        self.canvas.fit()
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
        """Moves of one stroke; the radius is in image pixels."""
        canvas, path = self.canvas, stroke_path(self.count, radius).tolist()
        canvas.set_tool(ToolName.BRUSH)
        canvas.set_brush_radius(radius)
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
        """Undo and redo of the last stroke, with the repaint."""
        canvas, document = self.canvas, self.document

        def act(number: int) -> None:
            rect = document.undo() if number % 2 == 0 else document.redo()
            canvas.mask_changed(rect)

        return self.timed(act, 40)

    def relabel(self) -> dict[str, float]:
        """Clicks on one region after another."""
        canvas = self.canvas
        canvas.set_tool(ToolName.RELABEL)

        def act(number: int) -> None:
            x, y = 100 + (number * 61) % (VIEW[0] - 200), 200 + (number * 37) % (VIEW[1] - 400)
            canvas.set_active_class(number % 19)
            send(canvas, QEvent.Type.MouseButtonPress, x, y, LEFT, LEFT)
            send(canvas, QEvent.Type.MouseButtonRelease, x, y, LEFT, NONE)

        return self.timed(act)

    def hover(self) -> dict[str, float]:
        """Moves over regions, each with its outline, while nothing is pressed."""
        canvas = self.canvas
        canvas.set_tool(ToolName.RELABEL)
        return self.timed(
            lambda n: send(
                canvas, QEvent.Type.MouseMove, 300 + (n * 23) % 1300, 200 + (n * 7) % 700, NONE, NONE
            )
        )

    def looks(self) -> Figures:
        """Changes that repaint everything in sight."""
        canvas = self.canvas
        canvas.set_tool(ToolName.PAN)
        modes = (OutlineMode.BOTH, OutlineMode.FILL)
        start = canvas.view
        figures = {
            "opacity": self.timed(lambda n: canvas.set_opacity(0.3 + 0.4 * (n % 2))),
            "visibility": self.timed(lambda n: canvas.set_hidden(frozenset({n % 19}))),
            "outline": self.timed(lambda n: canvas.set_outline(modes[n % 2])),
            "pan": self.timed(lambda n: canvas.set_view(canvas.view.moved(7 if n % 40 < 20 else -7, 3))),
            "zoom": self.timed(lambda n: canvas.zoom_by(1.25 if n % 8 < 4 else 0.8, (900, 500))),
        }
        canvas.set_hidden(frozenset())
        canvas.set_outline(OutlineMode.FILL)
        canvas.set_view(start)
        self.app.processEvents()
        return figures

    def run(self) -> Figures:
        """All figures at the present scale."""
        figures: Figures = {}
        for radius in RADII:
            figures[f"brush_r{radius}"] = self.brush(radius)
            if radius == RADII[0]:
                figures["undo"] = self.undo()
            self.document.undo()
            self.canvas.mask_changed()
        figures["relabel"] = self.relabel()
        figures["hover"] = self.hover()
        return {**figures, **self.looks()}

    def run_large(self) -> dict[str, float]:
        """Relabelling a region that is half of the image."""
        mask, canvas = self.document.array, self.canvas
        mask[:] = 7
        mask[:, : mask.shape[1] // 2] = 3
        canvas.mask_changed()
        return self.relabel_one()

    def relabel_one(self) -> dict[str, float]:
        """Clicks on the middle of the view, between two classes."""
        canvas = self.canvas
        canvas.set_tool(ToolName.RELABEL)
        x, y = canvas.view.to_screen(self.document.width / 2 - 8, self.document.height / 2)

        def act(number: int) -> None:
            canvas.set_active_class(4 + number % 2)
            send(canvas, QEvent.Type.MouseButtonPress, x, y, LEFT, LEFT)
            send(canvas, QEvent.Type.MouseButtonRelease, x, y, LEFT, NONE)

        return self.timed(act, 6)


def pyqtgraph_brush(
    app: QApplication, view_of: View, width: int, height: int, count: int
) -> dict[str, float]:
    """The strokes of `Bench.brush` with pyqtgraph: an ImageItem with a colour table over the image.

    The view is the canvas's, so that both draw the same pixels.
    """
    import pyqtgraph as pg

    image, mask = scene(width, height)
    view = pg.GraphicsLayoutWidget()
    view.resize(*VIEW)
    view.ci.layout.setContentsMargins(0, 0, 0, 0)
    box = view.addViewBox(lockAspect=True)
    box.invertY(True)
    box.addItem(pg.ImageItem(image, axisOrder="row-major"))
    table = np.column_stack([load_palette("cityscapes").colours(), np.full(256, 127, np.uint8)])
    labels = pg.ImageItem(mask, axisOrder="row-major", lut=table, levels=(0, 255))
    box.addItem(labels)
    view.show()
    (left, top), (right, bottom) = view_of.to_image(0, 0), view_of.to_image(*VIEW)
    box.setRange(QRectF(left, top, right - left, bottom - top), padding=0)
    app.processEvents()
    path = stroke_path(count, RADIUS_OF_RATIO).tolist()
    times = []
    for place in path[1:]:
        x, y = view_of.to_image(*place)
        began = time.perf_counter()
        stamp(mask, x, y, RADIUS_OF_RATIO)
        labels.setImage(mask, autoLevels=False, levels=(0, 255))
        app.processEvents()
        times.append(time.perf_counter() - began)
    view.close()
    return percentiles(times)


def stamp(mask: NDArray[np.uint8], x: float, y: float, radius: int) -> None:
    """Paints a disc as a user of pyqtgraph would: numpy on the box around it."""
    top, left = max(0, int(y) - radius), max(0, int(x) - radius)
    part = mask[top : int(y) + radius + 1, left : int(x) + radius + 1]
    rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    part[(rows - y) ** 2 + (columns - x) ** 2 <= radius * radius] = 3


def measure(app: QApplication, width: int, height: int, count: int) -> dict[str, object]:
    """Everything of one image size, once."""
    bench = Bench(app, width, height, count)
    canvas = bench.canvas
    result: dict[str, object] = {}
    for scale in ("fit", "full"):
        if scale == "full":
            canvas.zoom_to(1.0)
            app.processEvents()
        figures: dict[str, object] = {**bench.run()}
        peer = pyqtgraph_brush(app, canvas.view, width, height, min(count, 60))
        ours = figures["brush_r40"]
        assert isinstance(ours, dict)
        figures["brush_r40_vs_pyqtgraph"] = round(peer["p50"] / ours["p50"], 2)
        figures["pyqtgraph_brush_r40"] = peer
        if scale == "fit":
            result["fit"] = figures
        else:
            result.update(figures)
    result["relabel_large"] = bench.run_large()
    result["calibration"] = calibration()
    canvas.close()
    return result


def best(runs: list[dict[str, object]]) -> dict[str, object]:
    """The least disturbed of several runs, figure by figure; of ratios the median."""
    merged: dict[str, object] = {}
    for key in runs[0]:
        values = [run[key] for run in runs]
        if all(isinstance(value, dict) and "p50" in value for value in values):
            figures = [value for value in values if isinstance(value, dict)]
            merged[key] = min(figures, key=lambda figure: figure["p95"])
        elif all(isinstance(value, dict) for value in values):
            merged[key] = best([value for value in values if isinstance(value, dict)])
        else:
            merged[key] = float(np.median([value for value in values if isinstance(value, float)]))
    return merged


def main() -> int:
    """Runs every size and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer events, the smaller image alone")
    parser.add_argument(
        "--runs", type=int, default=1, help="on a busy machine: the least disturbed of so many"
    )
    options = parser.parse_args()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    count = 60 if options.quick else 240
    figures: dict[str, dict[str, object]] = {}
    for name, (width, height) in SIZES.items():
        if not options.quick or width <= 2048:
            figures[name] = best([measure(app, width, height, count) for _ in range(options.runs)])
    if options.json:
        print(json.dumps(figures))
        return 0
    for name, result in figures.items():
        print(name)
        fit = result.pop("fit")
        assert isinstance(fit, dict)
        for key, value in result.items():
            print(f"  {key}: {value}" + (f"   fit: {fit[key]}" if key in fit else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
