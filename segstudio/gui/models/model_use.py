"""The model in use of the open project: taken up when the project is opened, and when another is promoted."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.lanes import LIST_LANE
from segstudio.gui.message import WARNING, Message
from segstudio.gui.models.predictions import Predictions
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.workflows.model_use import follow_renames, model_in_use

TOPIC = "model in use"


@dataclass(frozen=True)
class Found:
    """The promoted model's name, "" for none; why it cannot be used; what moved in the project's records."""

    name: str
    why: str
    changes: Changes


class ModelUse(QObject):
    """Serves one project at a time; `moved` carries Changes, `told` a Message."""

    moved = Signal(object)
    told = Signal(object)

    def __init__(self, bridge: JobBridge, predictions: Predictions) -> None:
        super().__init__()
        self._bridge = bridge
        self._predictions = predictions
        self._project: Project | None = None
        # What predicted before a project brought its own model.
        self._usual: str | None = None

    def set_project(self, project: Project | None) -> None:
        """Takes up the model that a project remembers."""
        self._project = project
        if project is not None:
            self._look(project)

    def follow(self, changes: Changes) -> None:
        """Takes up the model that was just promoted."""
        if changes.model and self._project is not None:
            self._look(self._project)

    def _look(self, project: Project) -> None:
        def work(_: JobContext) -> Found:
            changes = follow_renames(project)
            entry, why = model_in_use(project)
            return Found(entry.name if entry is not None else "", why, changes)

        def done(found: Found) -> None:
            if project is self._project:
                self._take_up(found)

        replies = Replies(done=done)
        title = "Look for the model in use"
        self._bridge.start(title, work, lane=LIST_LANE, replaces="model in use", replies=replies)

    def _take_up(self, found: Found) -> None:
        wanted = found.name
        if not wanted and not found.why and self._usual is not None:
            wanted, self._usual = self._usual, None
        elif wanted and self._usual is None:
            self._usual = self._predictions.current
        if wanted and wanted != self._predictions.current:
            self._predictions.take_up(wanted)
        if found.why:
            hint = "choose the model of this project on the page Models"
            self.told.emit(Message(WARNING, found.why, hint, TOPIC))
        # The model itself was taken up just now.
        scores = Changes(predictions=found.changes.predictions, scores=found.changes.scores)
        if not scores.is_empty:
            self.moved.emit(scores)
