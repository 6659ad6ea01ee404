"""Goes through the regions of the correction queue, sample by sample, until each is done."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import INFO, Message
from segstudio.gui.panels.walk_strip import WalkStrip
from segstudio.gui.session import Session
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.gui.view.region_highlight import RegionHighlight, view_on
from segstudio.project.sample import Changes
from segstudio.project.verdicts import Destination, SegmentPlace

TOPIC = "correction queue"
EMPTY = "The correction queue is empty"
EMPTY_HINT = "Send regions to it from the Failures page"
OUTSIDE = "outside the image that is here now"


class SegmentWalk(QObject):
    """The queue as it was when the user began, and the place in it; `begun` tells that the user does."""

    begun = Signal()

    def __init__(self, window: QWidget, session: Session, link: CanvasLink, icons: Icons) -> None:
        super().__init__(window)
        self._session = session
        self._link = link
        self._surround = link.canvas.parentWidget() or window
        self.strip = WalkStrip(self._surround, icons)
        self.highlight = RegionHighlight(link.canvas)
        self._queue: list[SegmentPlace] = []
        self._place = -1
        self.strip.settled.connect(self.settle)
        self.strip.stepped.connect(self.step)
        self.strip.closed.connect(self.leave)
        session.sample_opened.connect(self._sample_opened)
        session.project_changed.connect(self.leave)
        self._surround.installEventFilter(self)

    @property
    def is_on(self) -> bool:
        """Whether the user goes through the queue now."""
        return not self.strip.isHidden()

    @property
    def current(self) -> SegmentPlace | None:
        """The region that is shown."""
        return self._queue[self._place] if self.is_on and 0 <= self._place < len(self._queue) else None

    def begin(self) -> None:
        """Reads the queue and goes to its first region; while it is on, to the next one."""
        project = self._session.project
        if project is None:
            return
        if self.is_on:
            self.step(1)
            return

        def done(found: list[SegmentPlace]) -> None:
            if project is self._session.project:
                self._start(found)

        self._session.bridge.start(
            "Read the correction queue",
            lambda _: project.verdicts.sent_to(Destination.QUEUE),
            replaces=TOPIC,
            replies=Replies(done=done, failed=self._session.explain),
        )

    def _start(self, found: Sequence[SegmentPlace]) -> None:
        # Regions of one sample follow each other, samples come in the order in which they are listed.
        order = {sample.key: place for place, sample in enumerate(self._session.book.samples)}
        self._queue = sorted(
            (place for place in found if place.key in order), key=lambda place: order[place.key]
        )
        if not self._queue:
            self._session.message.emit(Message(INFO, EMPTY, EMPTY_HINT, TOPIC))
            return
        self._place = 0
        self.begun.emit()
        self._go()

    def step(self, by: int) -> None:
        """Goes on by 1 or back by -1, around the end."""
        if self._queue:
            self._place = (self._place + by) % len(self._queue)
            self._go()

    def settle(self) -> None:
        """Takes the region that is shown off the queue and goes on."""
        current, project = self.current, self._session.project
        if current is None or project is None:
            return

        def done(changes: Changes) -> None:
            if project is self._session.project:
                self._session.note(changes)

        self._session.bridge.start(
            "Take a region off the correction queue",
            lambda _: project.verdicts.send([current], Destination.QUEUE, back=True),
            replies=Replies(done=done, failed=self._session.explain),
        )
        del self._queue[self._place]
        if not self._queue:
            self.leave()
            self._session.message.emit(Message(INFO, "The correction queue is done", topic=TOPIC))
            return
        self._place %= len(self._queue)
        self._go()

    def leave(self) -> None:
        """Ends it; what is left stays in the queue."""
        self._queue, self._place = [], -1
        self.highlight.show_region(None)
        if self.is_on:
            self.strip.hide()
            self._link.canvas.setFocus()

    def _go(self) -> None:
        place = self._queue[self._place]
        self.strip.say(self._text(place))
        if self._session.current == place.key and self._session.opening is None:
            self._show(place)
        else:
            self.highlight.show_region(None)
            self._session.open_sample(place.key)

    def _sample_opened(self, key: str) -> None:
        current = self.current
        if current is None:
            return
        if current.key == key:
            self._show(current)
        else:
            # The user went elsewhere.
            self.leave()

    def _show(self, place: SegmentPlace) -> None:
        """Outlines the region in the middle of the view; says so where the image no longer reaches it."""
        canvas = self._link.canvas
        region = self._region(place)
        if region is None:
            self.strip.say(f"{self._text(place)}  ·  {OUTSIDE}")
        else:
            canvas.set_view(view_on(canvas.view, region.rect, canvas.screen_size()))
        self.highlight.show_region(region)
        self.strip.raise_()
        canvas.setFocus()

    def _region(self, place: SegmentPlace) -> Region | None:
        """The pixels that are still wrong in the way that was sent; the whole box where there are none.

        None where the box lies outside the image: another one may have taken its file's name since.
        """
        rect = Rect(*place.box)
        entry, said = self._session.entry, self._session.prediction
        if entry is not None:
            height, width = entry.document.array.shape
            rect = rect.clip(width, height)
        if rect.is_empty:
            return None
        inside = np.ones((rect.height, rect.width), bool)
        if entry is not None and said is not None and said.ids.shape == entry.document.array.shape:
            wrong = (entry.document.array[rect.slices] == place.truth) & (
                said.ids[rect.slices] == place.predicted
            )
            inside = wrong if wrong.any() else np.ones(wrong.shape, bool)
        return Region(place.truth, rect, inside, int(inside.sum()))

    def _text(self, place: SegmentPlace) -> str:
        name = self._session.classes.name
        return (
            f"{self._place + 1:,} of {len(self._queue):,}: {name(place.truth)} as {name(place.predicted)}"
            f"  ·  {place.key}"
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter and Esc, where the canvas itself had no use for them."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent) or not self.is_on:
            return super().eventFilter(watched, event)
        if QApplication.focusWidget() is self._link.canvas and not event.isAutoRepeat():
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.settle()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
        return super().eventFilter(watched, event)
