"""The Session: one open project, the open sample with its document, and what is known about both."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.annotation.rect import Rect
from segstudio.errors import SegstudioError
from segstudio.gui.class_state import ClassState
from segstudio.gui.correcting.paint_filter import PaintFilter
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.lanes import CANCELLED_LANES, LANES, SCAN_LANE
from segstudio.gui.memory import Memory
from segstudio.gui.message import INFO, WARNING, Message, from_error
from segstudio.gui.models.model_imports import ModelImports
from segstudio.gui.models.model_use import ModelUse
from segstudio.gui.models.outcome_text import UNMARKED, evaluation_message, outcome_message, unmarked_message
from segstudio.gui.models.predictions import EVALUATION_LANE, Predictions
from segstudio.gui.opened_project import OpenedProject, read_project
from segstudio.gui.review.sample_reviews import SampleReviews
from segstudio.gui.review.work_log import WorkLog
from segstudio.gui.samples.sample_book import SampleBook, needs_work
from segstudio.gui.samples.sample_loader import LoadedSample, SampleLoader
from segstudio.gui.samples.sample_versions import SampleVersions
from segstudio.gui.samples.thumbnails import Thumbnails
from segstudio.gui.saving.documents import OpenDocument, OpenDocuments
from segstudio.gui.saving.save_trouble import SaveTrouble
from segstudio.gui.training.training_runs import TrainingRuns
from segstudio.jobs import Job, Jobs
from segstudio.project.project import Project
from segstudio.project.review_rules import is_locked
from segstudio.project.sample import Changes, Sample, SampleStatus, StoredPrediction
from segstudio.settings import Settings
from segstudio.workflows.evaluate_project import ProjectEvaluation

LOG = logging.getLogger(__name__)
IGNORE = 255
# More rows than this are read again in a worker.
FEW = 64


class Part(Protocol):
    """What serves one project at a time."""

    def set_project(self, project: Project | None) -> None:
        """Serves another project, or none."""


class Session(QObject):
    """What every panel works with. Nothing here blocks: files and models are touched by Jobs only."""

    changed = Signal(object)
    project_changed = Signal()
    closing = Signal()
    # A verdict comes: it is about the mask on screen, with all that was painted until now.
    judging = Signal()
    sample_opened = Signal(str)
    document_changed = Signal(object)
    history_changed = Signal()
    prediction_changed = Signal()
    message = Signal(object)
    resolved = Signal(str)
    recovery_needed = Signal(object)
    version_changed = Signal()
    rescanned = Signal()
    # A page asks the window to show a region in the editor, or segments on the page of failures.
    region_asked = Signal(object)
    segments_asked = Signal(str, str)
    # Somebody asks to compare a model by its name, or any, with the one in use.
    comparison_asked = Signal(str)
    # Somebody asks what the model in use would say of samples that nobody touched.
    repredict_asked = Signal()
    # A page asks for the export of a model, by its name.
    export_asked = Signal(str)

    def __init__(self, settings: Settings, memory: Memory, jobs: Jobs | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.memory = memory
        self.jobs = jobs or Jobs(LANES)
        self.bridge = JobBridge(self.jobs)
        self.project: Project | None = None
        self.book = SampleBook()
        self.classes = ClassState()
        self.paint_filter = PaintFilter()
        self.loader = SampleLoader(self.bridge)
        self.thumbnails = Thumbnails(self.bridge)
        self.work_log = WorkLog()
        self.documents = OpenDocuments(self.bridge, self.work_log)
        self.versions = SampleVersions(self.bridge)
        self.reviews = SampleReviews(self.bridge, self.work_log)
        self.trouble = SaveTrouble(self.documents, self.bridge)
        self.predictions = Predictions(self.bridge, settings.text("model"), settings.text("backend"))
        self.predictions.keep_runner_up(bool(settings.get("runner_up")))
        self.model_imports = ModelImports(self.bridge, self.predictions)
        self.runs = TrainingRuns(self.bridge)
        self.model_use = ModelUse(self.bridge, self.predictions)
        self.current: str | None = None
        self.opening: str | None = None
        self.loaded: LoadedSample | None = None
        # Samples whose edits of before a crash were neither recovered nor discarded; not to be edited.
        self.pending: set[str] = set()
        self._connect()

    def _connect(self) -> None:
        self.loader.loaded.connect(self._loaded)
        self.documents.saved.connect(self._saved)
        self.trouble.message.connect(self.message)
        self.trouble.resolved.connect(self.resolved)
        self.trouble.taken.connect(lambda key: self.reopen([key]))
        self.versions.shown_changed.connect(self.version_changed)
        self.versions.failed.connect(self.explain)
        self.versions.kept.connect(self.trouble.check_versions)
        self.reviews.moved.connect(self.note)
        self.reviews.marked.connect(self.versions.follow_verdict)
        self.reviews.failed.connect(self.explain)
        self.documents.edited.connect(lambda *_: self.history_changed.emit())
        self.documents.state_changed.connect(self.history_changed)
        self.documents.restored.connect(self._restored)
        self.predictions.moved.connect(self.note)
        self.predictions.finished.connect(lambda outcome: self.message.emit(outcome_message(outcome)))
        self.predictions.evaluated.connect(self._evaluated)
        self.predictions.failed.connect(self.explain)
        self.runs.message.connect(self.message)
        self.runs.failed.connect(self.explain)
        self.runs.compare_asked.connect(self.comparison_asked)
        self.runs.model_made.connect(lambda _: self.predictions.refresh())
        self.model_use.moved.connect(self.note)
        self.model_use.told.connect(self.message)
        self.bridge.failed.connect(lambda _, error: self.explain(error))

    # -- project ------------------------------------------------------------------------------------------

    def open_project(self, folder: Path, palette: str | None = None) -> Job[Any]:
        """Opens a folder in a worker; the project that is open stays until the new one is there."""

        room = round(self.settings.number("versions_mb") * 2**20)
        replies = Replies(done=self._opened, failed=self.explain)
        last = dict(self.memory.last_sample)
        if self.project is not None and self.current is not None:
            last[str(self.project.root)] = self.current
        return self.bridge.start(
            f"Open {folder.name}",
            lambda context: read_project(folder, palette, room, last, context),
            lane="project",
            replies=replies,
        )

    def _opened(self, opened: OpenedProject) -> None:
        """Only now the folder before is let go: it was worked in while this one was read."""
        self.trouble.leave(lambda: self._go_over(opened), lambda: self._let_go(opened.project))

    def _go_over(self, opened: OpenedProject) -> None:
        self.close_project()
        project = self.project = opened.project
        for part in self._parts():
            part.set_project(project)
        self.classes.set_palette(project.palette, opened.slots)
        self.paint_filter.reset()
        self.memory.opened(project.root)
        self.book.load(opened.samples)
        self.project_changed.emit()
        for warning in project.warnings:
            self.message.emit(Message(WARNING, warning))
        self.pending = set(opened.pending)
        if opened.pending:
            self.recovery_needed.emit(opened.pending)
        self.predictions.refresh()
        self._open_first(self.memory.last_sample.get(str(project.root)))
        if not opened.is_whole:
            self._reload_book()
        self.rescan()

    def _parts(self) -> tuple[Part, ...]:
        served = (self.documents, self.loader, self.thumbnails, self.versions, self.trouble, self.reviews)
        return (*served, self.model_use, self.runs)

    def _open_first(self, key: str | None) -> None:
        sample = self.book.get(key) if key else None
        if sample is None and self.book.samples:
            sample = self.book.samples[0]
        if sample is not None:
            self.open_sample(sample.key)

    def close_project(self) -> None:
        """Saves what is unsaved, then lets the project go."""
        if self.project is None:
            return
        project = self.project
        for job in self.jobs.active():
            if job.lane == EVALUATION_LANE:
                job.cancel()
        self.closing.emit()
        if self.current is not None:
            self.memory.last_sample[str(project.root)] = self.current
        self.documents.save_all(last=True)
        self.project = self.current = self.opening = self.loaded = None
        for part in self._parts():
            part.set_project(None)
        # Behind the saves that were just queued on the same lane.
        self._let_go(project)
        self.book.load([])
        self.classes.set_palette(None)
        self.project_changed.emit()

    def _let_go(self, project: Project) -> None:
        self.bridge.start("Close project", lambda _: project.close(), lane="project")

    def rescan(self) -> None:
        """Looks for new, gone and changed files."""
        project = self.project
        if project is None:
            return

        def done(changes: Changes) -> None:
            if project is not self.project:
                return
            if not changes.is_empty:
                self.note(changes)
                self._follow_files(changes.masks & changes.scores)
            self.rescanned.emit()

        self.bridge.start(
            "Look for new images",
            lambda context: project.rescan(context),
            lane=SCAN_LANE,
            replaces="rescan",
            replies=Replies(done=done),
        )

    def note(self, changes: Changes) -> None:
        """Takes note of a mutation of the project: refreshes rows and tells every view."""
        if self.project is None:
            return
        keys = changes.samples | changes.masks | changes.predictions | changes.statuses
        if any(self.book.get(key) is None for key in changes.samples) or len(keys) > FEW:
            self._reload_book()
        else:
            self.book.update([self.project.sample(key) for key in keys if self.book.get(key) is not None])
        self.loader.forget(changes.predictions)
        if self.opening is None and self.current is not None and self.current in changes.predictions:
            self._want(self.current)
        self.reviews.follow(changes)
        self.model_use.follow(changes)
        self.changed.emit(changes)

    def _reload_book(self) -> None:
        project = self.project
        assert project is not None

        def done(samples: list[Sample]) -> None:
            if project is self.project:
                self.book.load(samples)
                if self.current is None:
                    self._open_first(None)

        replies = Replies(done=done)
        self.bridge.start("List samples", lambda _: project.samples(), replaces="list", replies=replies)

    # -- sample -------------------------------------------------------------------------------------------

    def open_sample(self, key: str) -> None:
        """Opens a sample; the one before is saved, and stays on screen until this one is read."""
        if self.current is not None and key != self.current:
            self.documents.save(self.current)
        self.opening = key
        loaded = self.loader.get(key)
        if loaded is not None:
            self._show(loaded)
        self._want(key)

    def _want(self, key: str) -> None:
        """Reads a sample, then what the user is likely to open after it."""
        sample = self.book.get(key)
        around = [self.book.neighbour(key, 1), self.book.neighbour(key, -1)]
        self.loader.want(entry for entry in (sample, *around) if entry is not None)

    def _loaded(self, loaded: LoadedSample) -> None:
        if loaded.key == self.opening:
            self._show(loaded)
        elif loaded.key == self.current and self.opening is None:
            self.loaded = loaded
            self.prediction_changed.emit()

    def _show(self, loaded: LoadedSample) -> None:
        self.opening = None
        self.current, self.loaded = loaded.key, loaded
        self.resolved.emit("sample")
        if self.problem is not None:
            self.message.emit(self._blocked(self.problem))
        elif loaded.image is not None:
            mask = loaded.mask
            if mask is None:
                mask = np.full(loaded.image.shape[:2], IGNORE, np.uint8)
            self.documents.open(loaded.key, mask, loaded.mask)
        self.versions.open(loaded.key)
        self.reviews.open(loaded.key)
        self.sample_opened.emit(loaded.key)
        self.prediction_changed.emit()
        self.history_changed.emit()

    @property
    def problem(self) -> SegstudioError | None:
        """Why the open sample's mask must not be edited, or None."""
        if self.current in self.pending:
            text = f"{self.current} has edits from before a crash"
            return SegstudioError(text, hint="recover or discard them before you go on")
        return self.loaded.problem if self.loaded is not None else None

    def _blocked(self, problem: SegstudioError) -> Message:
        message = from_error(problem, level=WARNING, topic="sample")
        if self.current in self.pending:
            keys = [self.current]
            message = replace(message, action="Decide…", act=lambda: self.recovery_needed.emit(keys))
        return message

    @property
    def lock(self) -> str:
        """Why the open sample's mask takes no edits for now, "" if it does: somebody accepted it."""
        sample = self.sample
        if sample is None or not is_locked(sample):
            return ""
        return f"{sample.key} was accepted by {sample.reviewer}: reopen it to change it"

    @property
    def sample(self) -> Sample | None:
        """The open sample, or None."""
        return self.book.get(self.current) if self.current is not None else None

    @property
    def entry(self) -> OpenDocument | None:
        """The open sample's document, or None where its mask must not be edited."""
        return self.documents.get(self.current) if self.current is not None else None

    @property
    def prediction(self) -> StoredPrediction | None:
        """The model's answer for the open sample, or None."""
        return self.loaded.prediction if self.loaded is not None else None

    @property
    def version_shown(self) -> NDArray[np.uint8] | None:
        """The earlier state of the open sample's mask uint8 [H,W] that is looked at, or None."""
        return self.versions.shown.mask if self.versions.shown is not None else None

    def saved_mask(self) -> NDArray[np.uint8] | None:
        """The open sample's mask uint8 [H,W] as it is in its file; None without a file, or when blocked."""
        return self.entry.saved if self.entry is not None else None

    def reopen(self, keys: Iterable[str]) -> None:
        """Reads samples again whose files were replaced; edits that were not saved are dropped."""
        for key in keys:
            self.documents.reload(key)
            self.loader.forget([key])
            if key == self.current:
                self.open_sample(key)

    def _follow_files(self, keys: Iterable[str]) -> None:
        """Masks that other programs replaced are read again; where there are unsaved edits, saving asks."""
        for key in keys:
            self.loader.forget([key])
            if self.documents.is_at_rest(key):
                self.reopen([key])

    def step(self, by: int, *, work_only: bool = False) -> None:
        """Opens the sample `by` places on (-1 or 1), or the nearest one that needs work."""
        wanted: Callable[[Sample], bool] = needs_work if work_only else lambda _: True
        sample = self.book.neighbour(self.opening or self.current, by, wanted)
        if sample is not None:
            self.open_sample(sample.key)
        elif work_only:
            self.message.emit(Message(INFO, "No further sample needs work in this direction", topic="step"))

    def set_status(self, keys: Iterable[str], status: SampleStatus, reason: str = "") -> None:
        """Moves samples by the rules of review, in a worker; rejected ones need a reason.

        Their masks are saved first; where that fails, the status stays and the user is told.
        """
        chosen, project = list(keys), self.project
        self.judging.emit()

        def saved(unsaved: dict[str, SegstudioError]) -> None:
            if project is not self.project:
                return
            unsaved = {**unsaved, **self.documents.busy(chosen)}
            self.reviews.mark([key for key in chosen if key not in unsaved], status, reason)
            if unsaved:
                self.message.emit(unmarked_message(unsaved))

        self.resolved.emit(UNMARKED)
        self.documents.save_then(saved, chosen)

    def evaluate(self) -> None:
        """Compares what the model in use predicts with the masks, once what is unsaved is in them."""
        project = self.project
        if project is not None:
            self.when_saved(lambda: self.predictions.evaluate(project))

    def when_saved(self, act: Callable[[], object]) -> None:
        """Does something once all edits are in their files, or cannot be; not in another project."""
        project = self.project

        def saved(_: object) -> None:
            if project is self.project:
                act()

        self.documents.save_then(saved)

    def _evaluated(self, project: Project, outcome: ProjectEvaluation) -> None:
        if project is self.project:
            self.note(outcome.changes)
            self.message.emit(evaluation_message(outcome))

    # -- reports ------------------------------------------------------------------------------------------

    def explain(self, error: SegstudioError) -> None:
        """Tells the user about a problem."""
        LOG.warning("%s", error)
        self.message.emit(from_error(error))

    def _saved(self, key: str, pixels: NDArray[np.uint8], changes: Changes) -> None:
        self.loader.set_mask(key, pixels)
        self.note(changes)
        self.versions.moved()

    def _restored(self, key: str, rect: Rect) -> None:
        if key == self.current:
            self.document_changed.emit(rect)

    # -- end ----------------------------------------------------------------------------------------------

    def close(self, timeout: float = 5.0) -> bool:
        """Saves, closes the project and ends all Jobs; False when one did not end in time.

        Running work that can be done again (predictions, scans) is cancelled; saves are waited for.
        """
        for job in self.jobs.active():
            if job.lane in CANCELLED_LANES:
                job.cancel()
        self.close_project()
        self.predictions.close()
        for job in self.jobs.active():
            if job.lane in ("project", "gpu"):
                job.wait(timeout)
        self.bridge.close()
        return self.jobs.close(timeout)
