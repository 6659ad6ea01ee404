"""Goes from one disagreement of mask and model to the next, the weightiest first, and settles each."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.annotation.accept import accept_within
from segstudio.annotation.alike import is_still_there
from segstudio.annotation.disagreements import BORDER, Disagreement, disagreements
from segstudio.annotation.regions import first_pixel
from segstudio.gui.canvas.tools.tool import may_edit
from segstudio.gui.correcting.second_choices import what_stays
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import INFO, Message
from segstudio.gui.panels.disagreement_strip import WIDEST_BORDER, DisagreementStrip
from segstudio.gui.session import Session
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.gui.view.region_highlight import RegionHighlight, view_on

TOPIC = "disagreements"
# A stroke, and the next one that follows it at once, are looked at together.
PAUSE_MS = 250
BORDER_MEMORY, UNLABELLED_MEMORY = "disagreement_border", "disagreement_unlabelled"


@dataclass(frozen=True)
class Stamp:
    """What a list was made of: the sample, the state of its mask, the prediction, and the options."""

    key: str
    revision: int
    prediction: int
    border: int
    unlabelled: bool


class DisagreementWalk(QObject):
    """The list of the open sample, the place in it, and what the user decided in this session.

    `begun` tells that the user starts to go through it.
    """

    begun = Signal()

    def __init__(self, window: QWidget, session: Session, link: CanvasLink, icons: Icons) -> None:
        super().__init__(window)
        self._session = session
        self._link = link
        canvas = link.canvas
        self._surround = canvas.parentWidget() or window
        self.strip = DisagreementStrip(self._surround, icons)
        self.highlight = RegionHighlight(canvas)
        self._stamp: Stamp | None = None
        self._asked: Stamp | None = None
        self._list: list[Disagreement] = []
        self._place = -1
        self._settled = True
        self._shown: tuple[int, ...] = ()
        self._kept: dict[str, set[tuple[int, ...]]] = {}
        tools = session.memory.tools
        border = tools.get(BORDER_MEMORY, BORDER)
        self._border = border if isinstance(border, int) and 0 <= border <= WIDEST_BORDER else BORDER
        self._unlabelled = tools.get(UNLABELLED_MEMORY) == 1
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._connect()

    def _connect(self) -> None:
        session, strip = self._session, self.strip
        strip.set_options(self._border, self._unlabelled)
        strip.model_side.connect(self.take_side)
        strip.mask_side.connect(self.keep_side)
        strip.stepped.connect(self.step)
        strip.closed.connect(self.leave)
        strip.finished.connect(self._link.canvas.setFocus)
        strip.options_changed.connect(self._set_options)
        self._pause.timeout.connect(lambda: self._with_list(self._show))
        session.documents.edited.connect(lambda *_: self._edited())
        session.documents.restored.connect(lambda *_: self._edited())
        session.sample_opened.connect(lambda _: self.leave())
        session.prediction_changed.connect(self._edited)
        session.project_changed.connect(self._forget)
        self._surround.installEventFilter(self)

    @property
    def is_on(self) -> bool:
        """Whether the user goes through disagreements now."""
        return not self.strip.isHidden()

    @property
    def current(self) -> Disagreement | None:
        """The disagreement that is shown."""
        there = self.is_on and not self._settled and 0 <= self._place < len(self._list)
        return self._list[self._place] if there else None

    @property
    def listed(self) -> tuple[Disagreement, ...]:
        """All that are left in the open sample, the weightiest first."""
        return tuple(self._list)

    def holds(self, pixel: tuple[int, int] | None) -> bool:
        """Whether a pixel lies in the region that is shown."""
        if self.current is None or pixel is None:
            return False
        region = self.current.region
        x, y = pixel[0] - region.rect.x, pixel[1] - region.rect.y
        inside = 0 <= x < region.rect.width and 0 <= y < region.rect.height
        return inside and bool(region.inside[y, x])

    # -- what the user does -------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Goes on by 1 or back by -1, around the end; begins with the weightiest."""
        self._with_list(lambda: self._go(by))

    def take_side(self) -> None:
        """The region that is shown becomes what the model says; the next one comes."""
        current, session = self.current, self._session
        document, said = self._link.canvas.document, session.prediction
        if current is None or document is None or said is None or document.in_stroke:
            self._nothing_shown()
            return
        if not may_edit(self._link.canvas):
            return
        region = current.region
        protection = self._link.canvas.protection_at(first_pixel(region))
        if not is_still_there(document.array, region):
            self._with_list(self._show)
            return
        edit = document.apply(
            "Take the model's side",
            region.rect,
            lambda mask: accept_within(mask, said.ids, region, protection=protection),
        )
        if edit is None:
            session.message.emit(Message(INFO, f"Nothing to change{what_stays(protection)}", topic=TOPIC))
            return
        self._settled = True
        self._link.canvas.report_edit(edit)
        self._with_list(lambda: self._go(1))

    def keep_side(self) -> None:
        """The region that is shown stays and is not shown again in this session; the next one comes."""
        current, key = self.current, self._session.current
        if current is None or key is None:
            self._nothing_shown()
            return
        self._kept.setdefault(key, set()).add(current.identity)
        del self._list[self._place]
        self._settled = True
        self._go(1)

    def _nothing_shown(self) -> None:
        """Without a region to decide about the keys go to one, to the last again if that came back."""
        self._with_list(lambda: self._go(0 if self.current is not None else 1))

    def leave(self) -> None:
        """Ends it; what was decided is remembered."""
        self._pause.stop()
        self._list, self._stamp, self._place, self._settled = [], None, -1, True
        self._asked, self._shown = None, ()
        self.highlight.show_region(None)
        if self.is_on:
            self.strip.hide()
            self._link.canvas.setFocus()

    def _forget(self) -> None:
        self._kept.clear()
        self.leave()

    def _set_options(self, border: int, unlabelled: bool) -> None:
        self._border, self._unlabelled = border, unlabelled
        self._session.memory.tools[BORDER_MEMORY] = border
        self._session.memory.tools[UNLABELLED_MEMORY] = int(unlabelled)
        self._with_list(self._show)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter, Shift+Enter and Esc, where the canvas itself had no use for them."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent) or not self.is_on:
            return super().eventFilter(watched, event)
        if QApplication.focusWidget() is not self._link.canvas or event.isAutoRepeat():
            return super().eventFilter(watched, event)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            (self.keep_side if shift else self.take_side)()
            return True
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
            return True
        return super().eventFilter(watched, event)

    # -- the list -----------------------------------------------------------------------------------------

    def _edited(self) -> None:
        if self.is_on:
            self._pause.start()

    def _wanted(self) -> Stamp | None:
        """What a list would be made of now; None without a mask and a prediction that fit."""
        session = self._session
        entry, said = session.entry, session.prediction
        if entry is None or said is None or said.ids.shape != entry.document.array.shape:
            return None
        return Stamp(entry.key, entry.document.revision, id(said), self._border, self._unlabelled)

    def _with_list(self, then: Callable[[], None]) -> None:
        """Does something once the list is that of the present mask; a worker makes it where it is not."""
        self._pause.stop()
        stamp, entry, said = self._wanted(), self._session.entry, self._session.prediction
        if stamp is None or entry is None or said is None:
            self.leave()
            return
        if stamp == self._stamp:
            then()
            return
        mask = entry.document.array.copy()
        self._asked = stamp

        def done(found: list[Disagreement]) -> None:
            # A walk that ended meanwhile does not come back by itself.
            if self._asked is stamp and self._wanted() == stamp:
                self._take_over(stamp, found)
                then()

        self._session.bridge.start(
            "Compare mask and prediction",
            lambda _: disagreements(
                mask, said.ids, said.confidence, border=stamp.border, unlabelled=stamp.unlabelled
            ),
            replaces="disagreements",
            replies=Replies(done=done, failed=self._session.explain),
        )

    def _take_over(self, stamp: Stamp, found: list[Disagreement]) -> None:
        """A new list: the place in it is that of the region that was shown, or of what follows it."""
        kept = self._kept.get(stamp.key, set())
        self._stamp = stamp
        self._list = [entry for entry in found if entry.identity not in kept]
        places = {entry.identity: place for place, entry in enumerate(self._list)}
        # One that undoing brings back is shown again.
        self._settled = self._shown not in places
        if not self._settled:
            self._place = places[self._shown]

    def _go(self, by: int) -> None:
        """To the next place; after one that is settled its follower has come to its place already."""
        if self._list:
            step = by if not self._settled or by < 0 or self._place < 0 else 0
            self._place = (max(self._place, -1 if by > 0 else 0) + step) % len(self._list)
            self._settled = False
            self._shown = self._list[self._place].identity
            canvas = self._link.canvas
            canvas.set_view(view_on(canvas.view, self._list[self._place].region.rect, canvas.screen_size()))
        self._show()

    def _show(self) -> None:
        """Outlines the present region and says what it is."""
        total = len(self._list)
        if not self.is_on:
            self.begun.emit()
        # Nothing is the present region while the strip is away.
        self.strip.show()
        current = self.current
        self.strip.show_text(self._text(total), decide=current is not None)
        self.highlight.show_region(current.region if current is not None else None)
        self.strip.raise_()

    def _text(self, total: int) -> str:
        current, name = self.current, self._session.classes.name
        if current is not None:
            return (
                f"{self._place + 1:,} of {total:,}: mask {name(current.own)},"
                f" model {name(current.predicted)}, {current.area:,} px, {current.confidence:.2f} sure"
            )
        if total:
            return f"Settled; {total:,} left: N goes on"
        return "Mask and model agree" + (
            f" but for bands of {self._border} px or less" if self._border else ""
        )
