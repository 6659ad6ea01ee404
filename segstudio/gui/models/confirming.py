"""Confirms the mask where it can be seen, and takes that back: adapting learns from what is confirmed."""

import numpy as np
from PySide6.QtCore import QObject, QRect, Signal

from segstudio.errors import InputError
from segstudio.gui.canvas import outlines
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import INFO, Message
from segstudio.gui.session import Session
from segstudio.gui.view.canvas_link import CanvasLink
from segstudio.jobs import JobContext
from segstudio.project.confirmations import UNKNOWN, Confirmations
from segstudio.project.project import Project
from segstudio.project.sample import Changes

TOPIC = "adapt"
LANE = "project"
NOT_SHOWN = "Nothing is confirmed: the canvas does not show the mask alone"


class Confirming(QObject):
    """Confirms and takes back; `changed` says that there is more or less to learn from."""

    changed = Signal()

    def __init__(self, parent: QObject, session: Session, link: CanvasLink) -> None:
        super().__init__(parent)
        self._session = session
        self._link = link

    def confirm(self) -> None:
        """The user says that the mask is right in the part of the image that the canvas shows."""
        session, canvas = self._session, self._link.canvas
        project, entry, key = session.project, session.entry, session.current
        if project is None or entry is None or key is None or session.lock:
            return
        if canvas.shown_layers() != (Layer.MASK,):
            session.message.emit(Message(INFO, NOT_SHOWN, "Show the mask, then confirm it", TOPIC))
            return
        rect = outlines.visible(canvas.view, QRect(0, 0, *canvas.screen_size())).clip(*canvas.image_size)
        box = (rect.x, rect.y, rect.width, rect.height)
        mask = entry.document.array.copy()

        def work(_: JobContext) -> tuple[Changes, int]:
            part = mask[rect.y : rect.bottom, rect.x : rect.right]
            count = int(np.count_nonzero((part != UNKNOWN) & (part != project.palette.ignore_id)))
            if not count:
                raise InputError(f"nothing is labelled in this part of {key}", hint="label it, then confirm")
            return Confirmations.of(project).confirm(key, mask, box), count

        def done(found: tuple[Changes, int]) -> None:
            text, hint = f"Confirmed {found[1]:,} pixels of {key}", "Adapting the model learns from them"
            message = Message(INFO, text, hint, TOPIC, "Take back", lambda: self._take_back(project, key))
            self._tell(project, found[0], message)

        title = f"Confirm a part of {key}"
        session.bridge.start(title, work, lane=LANE, replies=Replies(done=done, failed=session.explain))

    def _take_back(self, project: Project, key: str) -> None:
        session = self._session
        if project is not session.project:
            return
        message = Message(INFO, f"Nothing is confirmed in {key} any more", topic=TOPIC)

        def done(changes: Changes) -> None:
            self._tell(project, changes, message)

        session.bridge.start(
            f"Take back what is confirmed in {key}",
            lambda _: Confirmations.of(project).forget(key),
            lane=LANE,
            replies=Replies(done=done, failed=session.explain),
        )

    def _tell(self, project: Project, changes: Changes, message: Message) -> None:
        if project is self._session.project:
            self._session.note(changes)
            self._session.message.emit(message)
            self.changed.emit()
