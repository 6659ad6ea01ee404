"""What the model offers for correcting a mask: second choices, disagreements, and regions that are alike."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from segstudio.gui.correcting.batches import Batches
from segstudio.gui.correcting.disagreement_walk import DisagreementWalk
from segstudio.gui.correcting.second_choices import SecondChoices
from segstudio.gui.correcting.segment_walk import SegmentWalk
from segstudio.gui.dialogs.alike import AlikeDialog
from segstudio.gui.icons import Icons
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.canvas_link import CanvasLink


class Corrections(QObject):
    """One object a way of correcting; commands reach them through the window."""

    def __init__(
        self, window: QWidget, session: Session, link: CanvasLink, themes: ThemeSwitch, icons: Icons
    ) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._link = link
        self._themes = themes
        self._alike: AlikeDialog | None = None
        self.second_choices = SecondChoices(window, session, link, themes)
        self.walk = DisagreementWalk(window, session, link, icons)
        self.queue = SegmentWalk(window, session, link, icons)
        self.batches = Batches(window, session)
        # Both have Enter and Esc and lie in the same place: one at a time.
        self.walk.begun.connect(self.queue.leave)
        self.queue.begun.connect(self.walk.leave)

    def ask_alike(self) -> None:
        """Opens the dialog on all regions like the one under the cursor, or on the active class."""
        document = self._link.canvas.document
        if self._alike is not None or document is None or self._session.current is None:
            return
        pixel = self._link.pointed_at
        class_id = int(document.array[pixel[1], pixel[0]]) if pixel else self._session.classes.active
        self._alike = AlikeDialog(self._window, self._session, self.batches, self._themes, class_id)
        self._alike.finished.connect(self._alike_closed)
        self._alike.open()

    def _alike_closed(self) -> None:
        self._alike = None
        self._window.activateWindow()
        self._link.canvas.setFocus()
