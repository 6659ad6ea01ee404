"""A session of work without a window, by the same Session, documents and project that the window uses.

It paints, fills, relabels, undoes, redoes, switches samples, accepts predictions, restores versions,
judges and saves without end, and tells every step: `about KEY CRC` (the mask that the next step makes
final), `done KEY CRC` (it is), `does WHAT N`. Each line is one os.write, so that the reader has it even if
this process dies.
"""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from segstudio.annotation import accept
from segstudio.annotation.history import Edit
from segstudio.annotation.journal import checksum
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import region_at
from segstudio.annotation.tools import paint_region, stroke_bounds
from segstudio.gui.correcting.editing import Editing
from segstudio.gui.memory import Memory
from segstudio.gui.saving import documents
from segstudio.gui.saving.documents import OpenDocument
from segstudio.gui.session import Session
from segstudio.project import sample_masks
from segstudio.project.sample import SampleStatus
from segstudio.settings import Settings
from tests.strokes import paint_stroke

Mask = NDArray[np.uint8]
# Far less than a user's second and minute, so that saves, versions and strokes meet all the time.
AUTOSAVE_MS = 2
PAUSE_S = 0.02
CLASSES = 19
# What is accepted takes no edits before it is reopened.
VERDICTS = (SampleStatus.SUBMITTED, SampleStatus.REJECTED)


def tell(*words: object) -> None:
    """One line that the reader has even if this process dies right after."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Worker:
    """Does what a user does, one random step after the other."""

    def __init__(self, application: QCoreApplication, session: Session, seed: int) -> None:
        self.application, self.session = application, session
        self.editing = Editing(session)
        self.random = np.random.default_rng(seed)
        self.number = 0

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until it holds; events go on."""
        while not condition():
            self.application.processEvents()

    @property
    def entry(self) -> OpenDocument:
        """The open sample's document."""
        entry = self.session.entry
        assert entry is not None
        return entry

    def expect(self, after: Mask) -> None:
        """The mask that the next step makes final."""
        tell("about", self.session.current, checksum(after))

    def happened(self) -> None:
        """The step is done."""
        tell("done", self.session.current, checksum(self.entry.document.array))

    def commit(self, edit: Edit | None) -> None:
        """What the canvas does with an edit."""
        if edit is not None:
            self.session.documents.committed(str(self.session.current), edit)
        self.happened()

    # -- steps --------------------------------------------------------------------------------------------

    def brush(self) -> None:
        """Press, moves, release, with events in between."""
        document, value = self.entry.document, int(self.random.integers(CLASSES))
        places = [(float(x), float(y)) for x, y in self.random.uniform(0, 64, (4, 2))]
        radius = float(self.random.uniform(1, 9))
        document.begin("Brush")
        for last, place in itertools.pairwise(places):
            document.touch(stroke_bounds(last, place, radius))
            paint_stroke(document.array, last, place, radius, value)
            self.application.processEvents()
        self.expect(document.array)
        self.commit(document.commit())

    def change(self, title: str, rect: Rect, change: Callable[[Mask], object]) -> None:
        """A whole step at once."""
        after = self.entry.document.array.copy()
        change(after)
        self.expect(after)
        self.commit(self.entry.document.apply(title, rect, change))

    def relabel(self) -> None:
        """The region at a pixel becomes another class."""
        x, y, value = (int(number) for number in self.random.integers(0, (64, 64, CLASSES)))
        document = self.entry.document
        region = region_at(document.array, x, y)
        self.change("Relabel", region.rect, lambda mask: paint_region(mask, region, value))

    def fill(self) -> None:
        """Every pixel of one class becomes another."""
        old, new = (int(number) for number in self.random.integers(CLASSES, size=2))
        self.change(
            "Fill class", self.entry.document.whole(), lambda mask: np.putmask(mask, mask == old, new)
        )

    def step(self, *, undo: bool) -> None:
        """Undo or redo."""
        history = self.entry.document.history
        if not (history.can_undo if undo else history.can_redo):
            return
        after = self.entry.document.array.copy()
        if undo:
            history.edits[history.position - 1].put_before(after)
            self.expect(after)
            self.editing.undo()
        else:
            history.edits[history.position].put_after(after)
            self.expect(after)
            self.editing.redo()
        self.happened()

    def accept(self) -> None:
        """The mask becomes the prediction."""
        prediction = self.session.prediction
        if prediction is not None:
            after = self.entry.document.array.copy()
            accept.accept_all(after, prediction.ids)
            self.expect(after)
            self.editing.accept_all()
            self.happened()

    def restore(self) -> None:
        """A version becomes the mask, after looking at it."""
        versions = self.session.versions
        if not versions.versions:
            return
        chosen = versions.versions[int(self.random.integers(len(versions.versions)))]
        failed: list[object] = []
        versions.failed.connect(failed.append)
        versions.show(chosen)
        self.wait(lambda: versions.shown is not None or bool(failed) or self.session.bridge.is_idle())
        versions.failed.disconnect(failed.append)
        if versions.shown is not None:
            self.expect(versions.shown.mask)
            self.editing.restore_version()
            self.happened()

    def switch(self) -> None:
        """Another sample."""
        samples = self.session.book.samples
        key = samples[int(self.random.integers(len(samples)))].key
        self.session.open_sample(key)
        self.wait(lambda: self.session.current == key and self.session.opening is None)

    def judge(self) -> None:
        """A verdict, behind a save."""
        self.editing.mark(VERDICTS[int(self.random.integers(len(VERDICTS)))], "another look")

    def run(self) -> None:
        """Without end."""
        steps: list[tuple[float, str, Callable[[], None]]] = [
            (0.40, "brush", self.brush),
            (0.10, "relabel", self.relabel),
            (0.07, "fill", self.fill),
            (0.10, "undo", lambda: self.step(undo=True)),
            (0.06, "redo", lambda: self.step(undo=False)),
            (0.09, "switch", self.switch),
            (0.05, "accept", self.accept),
            (0.05, "restore", self.restore),
            (0.04, "judge", self.judge),
            (0.04, "save", self.editing.save),
        ]
        weights = np.array([weight for weight, _, _ in steps])
        while True:
            _, name, act = steps[int(self.random.choice(len(steps), p=weights / weights.sum()))]
            self.number += 1
            tell("does", name, self.number)
            act()
            for _ in range(int(self.random.integers(0, 10))):
                self.application.processEvents()


def play(root: Path, seed: int) -> None:
    """Opens the project and works on it until somebody kills the process."""
    documents.AUTOSAVE_MS = AUTOSAVE_MS
    sample_masks.PAUSE_S = PAUSE_S
    application = QCoreApplication([])
    session = Session(Settings.load(), Memory())
    session.open_project(root, "cityscapes")
    worker = Worker(application, session, seed)
    worker.wait(lambda: session.current is not None and session.entry is not None and not session.opening)
    worker.run()
