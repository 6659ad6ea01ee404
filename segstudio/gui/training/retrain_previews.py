"""Looks in a worker what a choice comes to, and whether an edited spec can be used; the newest wish wins."""

from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from segstudio.errors import SegstudioError, in_sentences
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.lanes import MEASURE_LANE
from segstudio.gui.training.training_runs import LOOK_LANE
from segstudio.jobs import Job
from segstudio.project.project import Project
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.plan import check_spec
from segstudio.workflows.retrain.presets import Preset
from segstudio.workflows.retrain.preview import RetrainPreview, SampleFacts, preview

PAUSE_MS = 250


class RetrainPreviews(QObject):
    """`found` carries a preview, `failed` why there is none, `checked` a text and what is wrong with it."""

    found = Signal(object)
    failed = Signal(object)
    progressed = Signal(str)
    checked = Signal(str, str)

    def __init__(self, bridge: JobBridge, project: Project, presets: tuple[Preset, ...]) -> None:
        super().__init__()
        self._bridge, self._project = bridge, project
        self.presets = presets
        self._wanted: RetrainChoice | None = None
        self._shown: RetrainChoice | None = None
        self._facts: SampleFacts | None = None
        self._changes = 0
        self._job: Job[Any] | None = None
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._look)
        bridge.progressed.connect(self._progressed)

    def ask(self, choice: RetrainChoice) -> None:
        """Looks at a choice once nothing was typed for a moment."""
        self._wanted = choice
        self._pause.start(PAUSE_MS if self._shown else 0)

    def forget(self) -> None:
        """The samples have changed: the next look counts them again."""
        self._facts = None
        self._changes += 1

    def _look(self) -> None:
        choice = self._wanted
        if choice is None:
            return
        self._shown = choice
        facts, changes = self._facts, self._changes

        def done(found: RetrainPreview) -> None:
            if changes == self._changes:
                self._facts = found.facts
            if choice is self._wanted:
                self.found.emit(found)

        def failed(error: SegstudioError) -> None:
            if choice is self._wanted:
                self.failed.emit(error)

        self._job = self._bridge.start(
            "Look at the samples", lambda context: preview(self._project, choice, context, facts),
            lane=MEASURE_LANE, replaces="retrain preview",
            replies=Replies(done=done, failed=failed),
        )  # fmt: skip

    def check(self, text: str) -> None:
        """Checks an edited spec."""
        replies = Replies(
            done=lambda problem: self.checked.emit(text, problem), failed=lambda error: self._bad(text, error)
        )
        self._bridge.start(
            "Check the spec", lambda _: check_spec(self._project, text), lane=LOOK_LANE,
            replaces="check spec", replies=replies,
        )  # fmt: skip

    def _bad(self, text: str, error: SegstudioError) -> None:
        self.checked.emit(text, in_sentences(error.message, error.hint))

    def stop(self) -> None:
        """Nobody waits for an answer any more."""
        self._wanted = None
        self._pause.stop()
        if self._job is not None:
            self._job.cancel()

    def _progressed(self, job: Job[Any]) -> None:
        if job is self._job:
            self.progressed.emit(job.text)
