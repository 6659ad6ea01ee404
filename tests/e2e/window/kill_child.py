"""Paints strokes in a real window without end, and tells each on standard output, until somebody kills it.

Usage: python kill_child.py PROJECT SEED. Lines, each one os.write, outside the project:
`press KEY N`, `move KEY N`, `about KEY CRC` (mask that the next event makes final), `done KEY CRC` (it is).
"""

import os
import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from segstudio.annotation.journal import checksum
from segstudio.gui.app import make_application, make_window
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.saving import documents
from segstudio.gui.session import Session
from segstudio.project import sample_masks

LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
# Far less than the window's second, so that saves and strokes meet all the time.
AUTOSAVE_MS = 3
# Far less than the minute after which a mask becomes a version.
PAUSE_S = 0.03


def tell(*words: object) -> None:
    """One line that the parent has even if this process dies right after."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Painter:
    """Does what a user does, by the events of mouse and Session."""

    def __init__(self, session: Session, canvas: Canvas, restore_button: QPushButton, seed: int) -> None:
        self.session, self.canvas, self.restore_button = session, canvas, restore_button
        self.random = np.random.default_rng(seed)
        self.strokes = 0

    def send(self, kind: QEvent.Type, point: tuple[float, float], button: Qt.MouseButton) -> None:
        """One mouse event at an image point."""
        place = QPointF(*self.canvas.view.to_screen(*point))
        held = NO_BUTTON if kind == QEvent.Type.MouseButtonRelease else LEFT
        event = QMouseEvent(
            kind, place, self.canvas.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(self.canvas, event)

    def wait_for(self, key: str) -> None:
        """Until a sample is open."""
        while self.session.current != key or self.session.entry is None or self.session.opening is not None:
            QApplication.processEvents()

    def crc(self) -> int:
        """The open mask as it is on screen."""
        assert self.canvas.document is not None
        return checksum(self.canvas.document.array)

    def stroke(self) -> None:
        """Press, moves, release; events of the window in between."""
        key = self.session.current
        self.strokes += 1
        self.canvas.set_active_class(int(self.random.integers(19)))
        self.canvas.set_brush_radius(float(self.random.uniform(1, 25)))
        places = self.random.uniform((0, 0), self.canvas.image_size, (6, 2))
        points = [(float(x), float(y)) for x, y in places]
        tell("press", key, self.strokes)
        self.send(QEvent.Type.MouseButtonPress, points[0], LEFT)
        for point in points[1:]:
            self.send(QEvent.Type.MouseMove, point, NO_BUTTON)
            tell("move", key, self.strokes)
            QApplication.processEvents()
        tell("about", key, self.crc())
        self.send(QEvent.Type.MouseButtonRelease, points[-1], LEFT)
        tell("done", key, self.crc())

    def undo(self) -> None:
        """Takes the last edit back."""
        document, key = self.canvas.document, self.session.current
        assert document is not None
        history = document.history
        if not history.can_undo:
            return
        expected = document.array.copy()
        history.edits[history.position - 1].put_before(expected)
        tell("about", key, checksum(expected))
        QTest.keyClick(self.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        tell("done", key, self.crc())

    def redo(self) -> None:
        """Makes the last undone edit again."""
        document, key = self.canvas.document, self.session.current
        assert document is not None
        history = document.history
        if not history.can_redo:
            return
        expected = document.array.copy()
        history.edits[history.position].put_after(expected)
        tell("about", key, checksum(expected))
        QTest.keyClick(self.canvas, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
        tell("done", key, self.crc())

    def restore(self) -> None:
        """Looks at a version of the open sample and restores it by its button."""
        versions, key = self.session.versions, self.session.current
        if not versions.versions:
            return
        versions.show(versions.versions[int(self.random.integers(len(versions.versions)))])
        while versions.shown is None and not self.session.bridge.is_idle():
            QApplication.processEvents()
        if versions.shown is not None:
            tell("about", key, checksum(versions.shown.mask))
            self.restore_button.click()
            tell("done", key, self.crc())

    def run(self) -> None:
        """Without end."""
        keys = [sample.key for sample in self.session.book.samples]
        while True:
            if self.random.random() < 0.15:
                key = keys[int(self.random.integers(len(keys)))]
                self.session.open_sample(key)
                self.wait_for(key)
            if self.random.random() < 0.2:
                self.undo()
            if self.random.random() < 0.1:
                self.redo()
            if self.random.random() < 0.1:
                self.restore()
            self.stroke()
            for _ in range(int(self.random.integers(0, 12))):
                QApplication.processEvents()


def main(project: Path, seed: int) -> None:
    """Opens the window on the project and paints."""
    documents.AUTOSAVE_MS = AUTOSAVE_MS
    sample_masks.PAUSE_S = PAUSE_S
    application = make_application()
    window = make_window(application)
    window.resize(1000, 700)
    window.show()
    window.session.open_project(project, "cityscapes")
    while window.session.current is None or window.session.entry is None:
        application.processEvents()
    button = window.editor.history.versions.restore_button
    Painter(window.session, window.link.canvas, button, seed).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
