"""Times projects of 10,000 and 100,000 samples: opening, filters and orders, and the grid while it scrolls.

python packaging/benchmarks/large_projects.py [--json] [--samples N [N]] [--keep FOLDER]

Images and masks are a few drawn frames with a hard link for each sample; facts of masks and predictions are
written straight into the database. Opening is measured twice, as a new folder and again, from the request to
the first sample on the canvas. A filter is measured from the request to the new list, with the table of
samples at hand and read anew. A frame is one step of scrolling with everything that it causes in the window's
thread: painting, model calls, pictures that arrive. Its time on the processor ("cpu") does not depend on what
else the machine does.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtWidgets import QApplication

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.gui.main_window import MainWindow
from segstudio.gui.memory import Memory
from segstudio.gui.samples.sample_book import PLAIN, Listing
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.project.sample_orders import Order
from segstudio.project.schema import (
    mask_facts,
    open_database,
    prediction_facts,
    predictions,
    samples,
    writing,
)
from segstudio.scenes.street import draw_scene
from segstudio.settings import Settings

DRAWN, HEIGHT, WIDTH = 24, 360, 640
IN_A_FOLDER = 500
WAIT_S = 600.0
FRAMES = 400
Figures = dict[str, float | None]


def make_folder(root: Path, count: int) -> None:
    """A folder of so many images, half of them with masks."""
    drawn = root.parent / "drawn"
    palette = load_palette("cityscapes")
    for seed in range(DRAWN):
        if not (drawn / f"{seed}.mask.png").exists():
            scene = draw_scene(seed, HEIGHT, WIDTH)
            images.write_image(drawn / f"{seed}.png", scene.image)
            images.write_mask(drawn / f"{seed}.mask.png", scene.mask, palette.colours())
    for number in range(count):
        name = f"drive_{number // IN_A_FOLDER:04d}/frame_{number:06d}.png"
        for folder, source in ((root, "png"), (root / "masks", "mask.png")):
            if folder == root or number % 2 == 0:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(drawn / f"{number % DRAWN}.{source}", folder / name)


def fill_facts(root: Path) -> None:
    """Gives every sample facts of a prediction, and those with a mask facts of it, at random."""
    engine = open_database(root / ".segstudio").engine
    random = np.random.default_rng(0)
    with writing(engine) as connection:
        keys = list(connection.execute(samples.select().order_by(samples.c.place)).scalars())
        said, made, facts = [], [], []
        for place, key in enumerate(keys):
            pixels = random.multinomial(HEIGHT * WIDTH, random.dirichlet(np.full(19, 0.3)))
            packed = pixels.astype(np.int64).tobytes()
            sure = random.random(3)
            made.append({"key": key, "model": "m", "palette": "cityscapes", "made_at": 1.0})
            said.append(
                {
                    "key": key,
                    "palette": "cityscapes",
                    "model": "m",
                    "pixels": packed,
                    "confidence": sure[0],
                    "margin": sure[1],
                    "unsure": sure[2],
                }
            )
            if place % 2 == 0:
                facts.append(
                    {"key": key, "palette": "cityscapes", "pixels": packed, "differing": random.random()}
                )
        connection.execute(predictions.insert(), made)
        connection.execute(prediction_facts.insert(), said)
        connection.execute(mask_facts.insert(), facts)
    engine.dispose()


class Watch:
    """A window whose user waits for what he asked for."""

    def __init__(self, app: QApplication) -> None:
        self.app = app
        self.window = MainWindow(Session(Settings.load(), Memory()), ThemeSwitch(app, "light"))
        self.session = self.window.session
        self.window.resize(1600, 1000)
        self.window.show()

    def until(self, condition: Callable[[], bool]) -> float:
        """Seconds until a condition holds."""
        begin = time.perf_counter()
        while not condition():
            if time.perf_counter() - begin > WAIT_S:
                raise TimeoutError("the window did not answer")
            self.app.processEvents()
            time.sleep(0.0005)
        return time.perf_counter() - begin

    def settle(self) -> None:
        """Until nothing is under way."""
        self.until(lambda: self.session.bridge.is_idle() and self.session.opening is None)

    def open(self, root: Path) -> float:
        """Seconds until the first sample is on the canvas."""
        self.session.open_project(root, "cityscapes")
        return self.until(lambda: self.window.link.canvas.has_image and self.session.current is not None)

    def ask(self, wanted: Listing) -> float:
        """Milliseconds until another list is there."""
        heard: list[bool] = []
        self.session.book.set_wanted(wanted)
        connection = self.session.book.reset.connect(lambda: heard.append(True))
        seconds = self.until(lambda: bool(heard))
        self.session.book.reset.disconnect(connection)
        return seconds * 1000

    def close(self) -> None:
        """Ends the window."""
        self.window.close()
        self.window.deleteLater()
        self.app.processEvents()


def measure_opening(app: QApplication, root: Path) -> tuple[float, float]:
    """Seconds to open a new folder, and to open it again once its facts are there."""
    found = []
    for again in (False, True):
        watch = Watch(app)
        found.append(watch.open(root))
        print(f"opened {'again ' * again}in {found[-1]:.2f} s", file=sys.stderr)
        watch.close()
        if not again:
            fill_facts(root)
    return found[0], found[1]


def measure_lists(watch: Watch) -> Figures:
    """Milliseconds of filters and orders: the median of several, and with the table read anew."""
    query = Listing("class=train & status=predicted|in_progress conf<0.6")
    watch.ask(query)
    warm = [watch.ask(Listing(f"class=train conf<0.{digit}")) for digit in range(2, 9)]
    watch.session.changed.emit(watch.session.project.set_note(watch.session.book.samples[0].key, "x"))  # type: ignore[union-attr]
    cold = watch.ask(query)
    orders = {kind: watch.ask(Listing(order=Order(kind))) for kind in ("uncertain", "gain", "random")}
    watch.session.book.set_wanted(PLAIN)
    return {
        "filter_ms": round(float(np.median(warm)), 1),
        "filter_after_change_ms": round(cold, 1),
        **{f"order_{kind}_ms": round(value, 1) for kind, value in orders.items()},
    }


def measure_grid(watch: Watch) -> Figures:
    """Milliseconds of frames while the grid scrolls from end to end, and the memory that is in use then."""
    watch.window.show_page("samples")
    watch.settle()
    bar = watch.window.grid.tiles.verticalScrollBar()
    times, own = [], []
    for step in range(FRAMES):
        begin, before = time.perf_counter(), time.thread_time()
        bar.setValue(bar.maximum() * step // (FRAMES - 1))
        watch.app.processEvents()
        times.append((time.perf_counter() - begin) * 1000)
        own.append((time.thread_time() - before) * 1000)
        time.sleep(0.008)
    watch.settle()
    return {
        "grid_frame_p50_ms": round(float(np.percentile(times, 50)), 1),
        "grid_frame_p99_ms": round(float(np.percentile(times, 99)), 1),
        "grid_frame_ms": round(max(times), 1),
        "grid_frame_cpu_p50_ms": round(float(np.percentile(own, 50)), 1),
        "grid_frame_cpu_ms": round(max(own), 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def measure(app: QApplication, root: Path, count: int) -> Figures:
    """All figures of one size."""
    if not root.exists():
        make_folder(root, count)
    shutil.rmtree(root / ".segstudio", ignore_errors=True)
    (root / "project.toml").unlink(missing_ok=True)
    first, again = measure_opening(app, root)
    watch = Watch(app)
    watch.open(root)
    lists = measure_lists(watch)
    print(f"lists: {lists}", file=sys.stderr)
    watch.settle()
    grid = measure_grid(watch)
    watch.close()
    return {"open_new_s": round(first, 2), "open_s": round(again, 2), **lists, **grid}


def main() -> int:
    """Measures every size and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--keep", type=Path, help="make the folders there and leave them")
    options = parser.parse_args()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    place = options.keep or Path(tempfile.mkdtemp(prefix="segstudio-large-"))
    try:
        found = {count: measure(app, place / str(count), count) for count in options.samples}
    finally:
        if options.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    if options.json:
        print(json.dumps(summary(found)))
        return 0
    for count, figures in found.items():
        print(f"{count:,} samples")
        for name, value in figures.items():
            print(f"  {name}: {value}")
    return 0


def summary(found: dict[int, Figures]) -> dict[str, object]:
    """The figures that goals are set for, and all others below "by_samples"."""
    ten, hundred = found.get(10_000, {}), found.get(100_000, {})
    return {
        "open_10k_s": ten.get("open_s"),
        "open_100k_s": hundred.get("open_s"),
        "grid_frame_ms": ten.get("grid_frame_ms"),
        "filter_samples_10k_ms": ten.get("filter_ms"),
        "by_samples": {str(count): figures for count, figures in found.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
