"""Measures how late the window is while a model trains beside it, and what speed the training keeps.

python packaging/benchmarks/ui_lag.py [--frames CAMVID] [--json] [--seconds 20] [--rounds 3] [--detail]

The real window shows a project of CamVid's frames (images/train and masks/train below CAMVID; drawn streets
without it) while a retraining of it, from street-b0 with the preset for CPUs, runs as the window runs it: in
a process of its own, with the window's niceness. It validates on a few samples, keeps pictures of them and
saves every 20 steps. Stretches in which the window is used, by posted mouse events of strokes at 125 moves a
second, by opening samples and by switching pages (longest the live page of runs, where new curves and
pictures come in), take turns with stretches in which it rests: the window is open on the editor, nothing is
pressed or moved, and it looks at the run twice a second as ever.

A timer of 5 ms in the window's thread notes how late it is. A block of the thread is as many ticks as should
have come in it, each late by its own share: one of 200 ms is 40 late ticks. lag_p99_ms is of the stretches
in use. training_speed_kept is the ratio of the training's steps a second, in use by at rest, medians of the
stretches; intervals between steps in which it validated or saved are left out. --detail adds the slowest
moments by what was being done.
"""

import argparse
import contextlib
import itertools
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import yaml
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from segstudio import paths
from segstudio.gui.app import make_application, make_window
from segstudio.gui.main_window import MainWindow
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.demo import make_demo
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.plan import spec_text
from segstudio.workflows.retrain.runs import EventReader
from segstudio.workflows.retrain.write import write_run

PROBE_MS, MOVE_MS = 5, 8
FRAMES = 80
MOVES_A_STROKE, STROKES_A_SAMPLE, STROKES_A_TOUR = 60, 3, 5
PAGES = ("samples", "classes", "progress", "runs", "editor")
# How long a page is looked at, in moves of the mouse.
PAGE_MOVES, LIVE_MOVES = 90, 500
# The run validates and saves so often, on so many samples.
EVENT_STEPS, SCORED = 20, 4
START_SECONDS, WARM_STEPS = 240.0, 5
SIZE = (1440, 900)
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


class Probe:
    """A timer that notes how late it is, in milliseconds, and what was being done."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.by_act: dict[str, list[float]] = defaultdict(list)
        self.act, self.on = "", False
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(PROBE_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        if self.on:
            late = ticks_late((now - self._last) * 1000)
            self.lags += late
            self.by_act[self.act] += late
        self._last = now


def ticks_late(interval: float) -> list[float]:
    """How late each tick is that should have come in an interval, in milliseconds, the latest first."""
    lag = max(0.0, interval - PROBE_MS)
    return [lag - missed * PROBE_MS for missed in range(max(1, math.ceil(lag / PROBE_MS)))]


class User:
    """Paints, opens samples and turns pages, by mouse events at the pace of a mouse."""

    def __init__(self, window: MainWindow, probe: Probe) -> None:
        self._window, self._probe = window, probe
        self._script = self._live()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._move)

    def begin(self) -> None:
        """Uses the window from now on."""
        self._timer.start(MOVE_MS)

    def rest(self) -> None:
        """Ends the stroke that is drawn and waits in the editor."""
        self._timer.stop()
        self._window.link.canvas.finish()
        self._window.show_page("editor")

    def _move(self) -> None:
        self._probe.act = next(self._script)

    def _live(self) -> Iterator[str]:
        random = np.random.default_rng(0)
        strokes = 0
        while True:
            yield from self._stroke(random)
            strokes += 1
            if strokes % STROKES_A_SAMPLE == 0:
                self._window.session.step(1)
                for _ in range(20):
                    yield "open a sample"
            if strokes % STROKES_A_TOUR == 0:
                for page in PAGES:
                    self._window.show_page(page)
                    for _ in range(LIVE_MOVES if page == "runs" else PAGE_MOVES):
                        yield f"page {page}"

    def _stroke(self, random: np.random.Generator) -> Iterator[str]:
        canvas = self._window.link.canvas
        room = np.array([canvas.width(), canvas.height()])
        path = np.cumsum(random.normal(0, 9, (MOVES_A_STROKE, 2)), 0) + room * random.uniform(0.3, 0.7, 2)
        path = np.clip(path, 40, room - 40)
        self._window.session.classes.set_active(int(random.integers(0, 8)))
        self._send(QEvent.Type.MouseButtonPress, path[0], LEFT, LEFT)
        for place in path[1:]:
            self._send(QEvent.Type.MouseMove, place, NONE, LEFT)
            yield "paint"
        self._send(QEvent.Type.MouseButtonRelease, path[-1], LEFT, NONE)
        yield "paint"

    def _send(self, kind: QEvent.Type, place: Any, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        canvas = self._window.link.canvas
        point = QPointF(float(place[0]), float(place[1]))
        event = QMouseEvent(
            kind, point, canvas.mapToGlobal(point), button, held, Qt.KeyboardModifier.NoModifier
        )
        QApplication.postEvent(canvas, event)


class Pace:
    """When the steps of a run were made, and its validations, by the clock of the machine."""

    def __init__(self, run: RunFolder) -> None:
        self._events = EventReader(run)
        self._seen: list[tuple[float, str]] = []

    def look(self) -> int:
        """Reads what came since; how many steps there are."""
        self._seen += [(float(event["time"]), str(event.get("kind"))) for event in self._events.new()]
        return sum(kind == "step" for _, kind in self._seen)

    def speed(self, began: float, ended: float) -> float:
        """Steps a second between two times, seconds since 1970, over intervals with nothing but a step."""
        self.look()
        inside = [(at, kind) for at, kind in self._seen if began <= at <= ended]
        taken = [
            after - before
            for (before, first), (after, second) in itertools.pairwise(inside)
            if first == second == "step"
        ]
        return len(taken) / max(sum(taken), 1e-9) if taken else 0.0

    def validations(self, began: float, ended: float) -> int:
        """How many came to their end between two times."""
        self.look()
        return sum(kind == "validation" and began <= at <= ended for at, kind in self._seen)


def make_project(folder: Path, frames: Path | None) -> None:
    """Accepted samples with masks, in one folder."""
    if frames is None:
        make_demo(folder)
        palette = None
    else:
        palette = "camvid-11"
        masks = folder / "masks"
        masks.mkdir(parents=True)
        for image in sorted((frames / "images" / "train").iterdir())[:FRAMES]:
            shutil.copy(image, folder / image.name)
            shutil.copy(frames / "masks" / "train" / f"{image.stem}.png", masks)
    with Project.open(folder, palette=palette) as project:
        project.set_status([sample.key for sample in project.samples()], SampleStatus.ACCEPTED)


def start_run(folder: Path, minutes: float) -> RunFolder:
    """A run that validates and saves every few steps, and tells each of them."""
    with Project.open(folder) as project:
        choice = RetrainChoice(start="model:street-b0", minutes=minutes, preset="cpu", evaluate=False)
        values = yaml.safe_load(spec_text(project, choice))
        scored = {"kind": "manifest", "path": "data/manifest.json", "limit": SCORED}
        values["studio"].update(log_every=1, max_steps=1_000_000, validation=[scored])
        for key in ("validation_interval", "checkpoint_interval"):
            values["train"][key] = EVENT_STEPS
        # One size of crops: steps of two sizes could not be compared.
        values["studio"]["crops"] = values["studio"]["crops"][:1]
        run = write_run(project, choice.with_spec(yaml.safe_dump(values)), JobContext())
        supervise.start(run)
        return run


def spin(application: QApplication, seconds: float) -> None:
    """Lets the window live for a time."""
    timer = QTimer(singleShot=True)
    timer.timeout.connect(application.quit)
    timer.start(round(seconds * 1000))
    application.exec()


def measure(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """The figures of all stretches."""
    folder = home / "project"
    make_project(folder, options.frames)
    application = make_application()
    application.setQuitOnLastWindowClosed(False)
    window = make_window(application)
    window.resize(*SIZE)
    window.show()
    window.session.open_project(folder)
    spin(application, 3)
    for page in PAGES:
        # Made once, as by everybody; what is measured is a window that is in use.
        window.show_page(page)
        spin(application, 1)
    run = start_run(folder, minutes=60)
    window.session.runs.look()
    pace, deadline = Pace(run), time.time() + START_SECONDS
    while pace.look() < WARM_STEPS and time.time() < deadline:
        spin(application, 1)
    probe = Probe()
    user = User(window, probe)
    speeds: dict[bool, list[float]] = {True: [], False: []}
    validations = 0
    for number in range(2 * options.rounds):
        used = bool(number % 2)
        began = time.time()
        if used:
            user.begin()
        spin(application, 1)
        probe.on = used
        spin(application, options.seconds)
        probe.on = False
        ended = time.time()
        user.rest()
        validations += pace.validations(began, ended) if used else 0
        speeds[used].append(pace.speed(began, ended))
        note = f"{'in use' if used else 'at rest'}: {speeds[used][-1]:.3f} steps/s"
        print(note, file=sys.stderr, flush=True)
    supervise.cancel(run)
    window.close()
    spin(application, 0.5)
    return {**figures(probe, speeds, detail=options.detail), "validations_in_use": validations}


def figures(probe: Probe, speeds: dict[bool, list[float]], *, detail: bool) -> dict[str, Any]:
    """Percentiles and ratios."""
    lags = np.array(probe.lags or [0.0])
    kept = statistics.median(speeds[True]) / max(statistics.median(speeds[False]), 1e-9)
    found: dict[str, Any] = {
        "lag_p99_ms": round(float(np.percentile(lags, 99)), 2),
        "training_speed_kept": round(kept, 4),
        "lag_ms": {
            **{f"p{p}": round(float(np.percentile(lags, p)), 2) for p in (50, 95, 99)},
            "max": round(float(lags.max()), 2),
        },
        "steps_per_second": {
            "in_use": [round(speed, 3) for speed in speeds[True]],
            "at_rest": [round(speed, 3) for speed in speeds[False]],
        },
        "ticks": len(probe.lags),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    if detail:
        found["by_act"] = {
            act: {
                "ticks": len(values),
                "p99": round(float(np.percentile(values, 99)), 2),
                "max": round(max(values), 2),
                "over_16": sum(value > 16 for value in values),
            }
            for act, values in sorted(probe.by_act.items())
        }
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=Path, help="folder with images/train and masks/train of camvid-11")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of stretches")
    parser.add_argument("--detail", action="store_true", help="lag by what was being done")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segstudio-lag-", ignore_cleanup_errors=True) as home:
        os.environ[paths.HOME_VARIABLE] = home
        with contextlib.redirect_stdout(sys.stderr):
            found = measure(options, Path(home))
    print(json.dumps(found) if options.json else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
