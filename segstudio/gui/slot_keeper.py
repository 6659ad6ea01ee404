"""Keeps the order of the classes with the project whenever the user changes it."""

from PySide6.QtCore import QObject

from segstudio.gui.session import Session


class SlotKeeper(QObject):
    """Writes in the project's lane: the last order wins, and closing the project waits for it."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        session.classes.reordered.connect(self._keep)

    def _keep(self) -> None:
        project, order = self._session.project, self._session.classes.slots
        if project is None:
            return
        # Of the project: what another folder still has to keep is not replaced.
        self._session.bridge.start(
            "Keep class order",
            lambda _: project.set_slots(order),
            lane="project",
            replaces=f"class order {project.root}",
        )
