"""The runs of the open project as the window knows them: looks at them, steers them, feeds the queue."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.message import SUCCESS, Message
from segstudio.gui.training.looking import Look, RunLooker
from segstudio.gui.training.run_words import end_message, found_again_message
from segstudio.jobs import Job, JobContext
from segstudio.project.project import Project
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.chain import ChainResult, run_chain
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.runs import RunState
from segstudio.workflows.retrain.write import write_run

LOOK_LANE = "runs"
# Starting a process takes seconds: pausing another one must not wait for it.
START_LANE = "training"
# Making a model, scoring and exporting it takes minutes: the next run must not wait for that.
FINISH_LANE = "finish"
LIVE_MS = 500
# With nothing alive a page on screen still sees what the command line starts.
IDLE_MS = 4000
STOP_SETTING = "stop_training_on_close"


class TrainingRuns(QObject):
    """`looked` carries each Look, `ended` the status of a run that has no process any more.

    A run lives in a process of its own: nothing here ends with the window, and a run that another window or
    the command line started is seen like any other.
    """

    looked = Signal(object)
    ended = Signal(object)
    message = Signal(object)
    failed = Signal(object)
    prepared = Signal(object)
    refused = Signal(object)
    # A model of this name is new in the catalog.
    model_made = Signal(str)
    # The window is asked for the dialog, for a run on the page, for a model beside that in use.
    retrain_asked = Signal()
    shown_asked = Signal()
    compare_asked = Signal(str)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._looker: RunLooker | None = None
        self._chosen: Path | None = None
        self._watched = False
        self._looking = self._again = False
        self._first = True
        self._told = ""
        self._tried: tuple[Path, ...] = ()
        self.now = Look()
        # The run that the page is to show next, None once it does.
        self.wanted: Path | None = None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.look)

    @property
    def project(self) -> Project | None:
        """Whose runs these are."""
        return self._looker.project if self._looker is not None else None

    def set_project(self, project: Project | None) -> None:
        """Serves another project, or none."""
        self._looker = RunLooker(project) if project is not None else None
        self.now, self._chosen, self._first = Look(), None, True
        self._looking = self._again = False
        self._tried = ()
        self._timer.stop()
        self.looked.emit(self.now)
        self.look()

    # -- looking ------------------------------------------------------------------------------------------

    def watch(self, on: bool) -> None:
        """Keeps looking, as a page is on screen, or only while a run lives."""
        self._watched = on
        self.look()

    def choose(self, path: Path | None) -> None:
        """Reads the curves of this run too."""
        if path != self._chosen:
            self._chosen = path
            self.look()

    def show(self, path: Path) -> None:
        """Asks the window for a run on its page."""
        self.wanted = path
        self.shown_asked.emit()
        self.looked.emit(self.now)

    def look(self) -> None:
        """Looks at the runs now; a look that is under way is followed by another one."""
        looker, chosen = self._looker, self._chosen if self._watched else None
        if looker is None:
            return
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        self._timer.stop()

        def done(found: Look) -> None:
            if looker is self._looker:
                self._looking = False
                self._take(found)

        def failed(error: SegstudioError) -> None:
            if looker is self._looker:
                self._looking = False
                # The next look may do better; the same trouble is told once.
                self._timer.start(IDLE_MS)
                if str(error) != self._told:
                    self._told = str(error)
                    self.failed.emit(error)

        replies = Replies(done=done, failed=failed)
        self._bridge.start("Look at runs", lambda _: looker.look(chosen), lane=LOOK_LANE, replies=replies)

    def _take(self, found: Look) -> None:
        before, self.now, self._told = self.now, found, ""
        self.looked.emit(found)
        if self._first:
            self._first = False
            for status in found.living:
                self._say(found_again_message(status), status.run)
        else:
            self._tell_ends(before, found)
        if found.waiting and not found.living:
            self._start_next(tuple(status.run.path for status in found.waiting))
        else:
            self._tried = ()
        if self._again:
            self.look()
        elif found.living or found.waiting:
            self._timer.start(LIVE_MS)
        elif self._watched:
            self._timer.start(IDLE_MS)

    def _tell_ends(self, before: Look, found: Look) -> None:
        for status in before.living:
            now = found.of(status.run.path)
            if now is not None and not now.state.alive:
                self.ended.emit(now)
                if now.state is RunState.FINISHED:
                    # What follows a training made a model of it.
                    self.model_made.emit(now.run.name)
                message = end_message(now)
                if message is not None:
                    self._say(message, now.run)

    def _say(self, message: Message, run: RunFolder) -> None:
        show = replace(message, action="Show", act=lambda: self.show(run.path))
        self.message.emit(show)

    # -- steering -----------------------------------------------------------------------------------------

    def order(self, choice: RetrainChoice) -> Job[Any] | None:
        """Writes a run and puts it in the queue, from which it starts when no other one runs.

        `prepared` carries its folder, `refused` why there is none.
        """
        project = self.project
        if project is None:
            return None

        def work(context: JobContext) -> RunFolder:
            run = write_run(project, choice, context)
            supervise.queue_up(run)
            return run

        def done(run: RunFolder) -> None:
            self.wanted = run.path
            self.prepared.emit(run)
            self.look()

        replies = Replies(done=done, failed=self.refused.emit)
        return self._bridge.start("Prepare the training", work, lane=START_LANE, replies=replies)

    def _start_next(self, waiting: tuple[Path, ...]) -> None:
        """Starts the next run, once for each queue: what cannot be started is not tried again."""
        project = self.project
        if project is None or waiting == self._tried:
            return
        self._tried = waiting
        replies = Replies(done=lambda _: self.look(), failed=self.failed.emit)
        self._bridge.start(
            "Start the training",
            lambda _: supervise.start_next(project),
            lane=START_LANE,
            replaces="start the next run",
            replies=replies,
        )

    def resume(self, run: RunFolder) -> None:
        """Puts a run in the queue again: it goes on from its last checkpoint."""
        self._do("Resume", lambda: supervise.queue_up(run))

    def pause(self, run: RunFolder) -> None:
        """Lets a run wait."""
        self._do("Pause", lambda: supervise.pause(run))

    def go_on(self, run: RunFolder) -> None:
        """Lets a paused run go on."""
        self._do("Go on", lambda: supervise.go_on(run))

    def stop(self, run: RunFolder) -> None:
        """Lets a run save and end."""
        self._do("Stop", lambda: supervise.stop(run))

    def cancel(self, run: RunFolder) -> None:
        """Ends a run, so that nothing follows it, or takes it out of the queue."""
        self._do("Cancel", lambda: supervise.cancel(run))

    def remove(self, run: RunFolder) -> None:
        """Deletes a run with all its files."""
        self._do("Remove", lambda: supervise.remove(run))

    def make_model(self, run: RunFolder) -> None:
        """Makes a model of the best weights, and evaluates and exports it as the run's choice says."""

        def done(result: ChainResult) -> None:
            self.model_made.emit(result.model)
            text = f"{result.model} is in the models; the one in use stays"
            compare = partial(self.compare_asked.emit, result.model)
            self.message.emit(Message(SUCCESS, text, topic=f"run {run.path}", action="Compare…", act=compare))
            self.look()

        replies = Replies(done=done, failed=self.failed.emit)
        self._bridge.start(
            f"Make a model of {run.name}", lambda context: run_chain(run, context), lane=FINISH_LANE,
            replies=replies,
        )  # fmt: skip

    def move(self, run: RunFolder, by: int) -> None:
        """Moves a waiting run in the queue; -1 is one earlier."""
        waiting = [status.run for status in self.now.waiting]
        place = next((n for n, one in enumerate(waiting) if one.path == run.path), None)
        if place is None or not 0 <= place + by < len(waiting):
            return
        waiting.insert(place + by, waiting.pop(place))
        self._do("Order the queue", lambda: supervise.set_queue_order(waiting))

    def _do(self, title: str, act: Callable[[], Any]) -> None:
        replies = Replies(done=lambda _: self.look(), failed=self.failed.emit)
        self._bridge.start(f"{title} a run", lambda _: act(), lane=LOOK_LANE, replies=replies)

    def leave(self, *, stop: bool) -> str:
        """The window closes: says by name what goes on without it.

        Or asks living runs to save and end; then the queue waits until the folder is opened again.
        """
        living = [status.run for status in self.now.living]
        if not stop:
            return ", ".join(run.name for run in living)
        with contextlib.suppress(SegstudioError):
            # The disk is gone.
            supervise.stop_all(living)
        return ""
