"""Models and what they predict: the choice of a model, prediction Jobs, and the backend that is kept."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from segstudio import images
from segstudio.errors import ImageError, ModelError, SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.inference.backend import Backend, Options, open_backend
from segstudio.inference.catalog import ModelEntry, list_models, taken_names
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import Job, JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample
from segstudio.workflows.evaluate import class_lookup
from segstudio.workflows.evaluate_project import (
    Ask,
    ProjectEvaluation,
    Said,
    asking,
    evaluate_project,
    fingerprint_of,
)
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.store_prediction import note_answering, store_prediction

LOG = logging.getLogger(__name__)
LANE = "gpu"
# An evaluation takes long; predicting the open sample must not wait for it.
EVALUATION_LANE = "evaluation"


@dataclass(frozen=True)
class Outcome:
    """What a prediction Job did; seconds are those of the model alone."""

    predicted: int
    skipped: tuple[str, ...]
    seconds: float

    @property
    def fps(self) -> float:
        """Images per second of the model alone."""
        return self.predicted / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Pace:
    """How fast a model answers now: milliseconds of its last image, and images a second since it began."""

    model: str
    milliseconds: float
    fps: float


class OpenModel:
    """The model in use, opened once; lives on one lane and is touched by no other thread."""

    def __init__(self) -> None:
        self.runner_up = True
        self._name = ""
        self._spec: ModelSpec | None = None
        self._backend: Backend | None = None

    def predictor(self, entry: ModelEntry, backend: str) -> Predictor:
        """A predictor on the model, opening it when another one was in use."""
        name = f"{entry.folder}|{backend}"
        if self._backend is None or self._spec is None or name != self._name:
            self.close()
            if entry.spec is None:
                raise SegstudioError(f"model {entry.name} cannot be used: {entry.problem}")
            self._backend = open_backend(entry.folder, entry.spec, backend, Options(in_window=True))
            self._spec, self._name = entry.spec, name
        return Predictor(self._backend, self._spec, runner_up=self.runner_up, quick=True)

    def close(self) -> None:
        """Lets the model go."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None


def predict_samples(
    project: Project, samples: Sequence[Sample], model: OpenModel, entry: ModelEntry, backend: str,
    context: JobContext,
) -> Outcome:  # fmt: skip
    """Predicts samples one after the other; each one's Changes and Pace are events: views follow at once.

    Raises:
        SegstudioError: the model cannot be opened, or has no class of the project. An image that cannot be
            read is skipped and named in the Outcome.
        Cancelled: between two samples.
    """
    context.progress(0, len(samples), "opening the model")
    predictor = model.predictor(entry, backend)
    assert entry.spec is not None
    lookup = class_lookup(palette_of_model(entry.spec), project.palette)
    note_answering(project, entry.name, fingerprint_of(entry.folder, entry.spec))
    seconds, skipped = 0.0, []
    for number, sample in enumerate(samples, start=1):
        context.check()
        try:
            image = images.read_image(sample.image)
        except ImageError as error:
            LOG.warning("%s", error)
            skipped.append(sample.key)
            continue
        prediction = predictor.predict(image)
        seconds += predictor.seconds
        context.event(store_prediction(project, sample.key, prediction, lookup, entry.name))
        fps = (number - len(skipped)) / seconds
        context.event(Pace(entry.name, 1e3 * predictor.seconds, fps))
        context.progress(number, len(samples), f"{number} of {len(samples)}  ·  {fps:.1f} images/s")
    return Outcome(len(samples) - len(skipped), tuple(skipped), seconds)


def evaluate_samples(
    project: Project, model: OpenModel, entry: ModelEntry, backend: str, context: JobContext
) -> ProjectEvaluation:
    """Evaluates a model on a project; it is open only while samples without a prediction are looked at.

    Raises:
        SegstudioError: the model cannot be opened, or has no class of the project.
    """
    asked: list[Ask] = []

    def ask(path: Path) -> Said:
        if not asked:
            predictor = model.predictor(entry, backend)
            assert entry.spec is not None
            lookup = class_lookup(palette_of_model(entry.spec), project.palette)
            asked.append(asking(predictor, lookup))
        return asked[0](path)

    try:
        weights = fingerprint_of(entry.folder, entry.spec) if entry.spec is not None else ""
        return evaluate_project(project, entry.name, context, ask=ask, fingerprint=weights)
    finally:
        model.close()


@dataclass(frozen=True)
class Listing:
    """The models that can be chosen, and the names that no new one should have."""

    models: tuple[ModelEntry, ...]
    taken: frozenset[str]


def look_for_models(_: JobContext) -> Listing:
    """Reads the catalog."""
    return Listing(tuple(entry for entry in list_models() if entry.spec is not None), taken_names())


class Predictions(QObject):
    """The models that are here, the one in use, and Jobs that predict with it."""

    models_changed = Signal()
    moved = Signal(object)
    finished = Signal(object)
    paced = Signal(object)
    evaluated = Signal(object, object)
    failed = Signal(object)

    def __init__(self, bridge: JobBridge, current: str = "", backend: str = "auto") -> None:
        super().__init__()
        self._bridge = bridge
        self._backend = backend
        self._model = OpenModel()
        self._evaluated_model = OpenModel()
        self.models: tuple[ModelEntry, ...] = ()
        # Names that no new model should have, those of archived and renamed ones among them.
        self.taken: frozenset[str] = frozenset()
        self.current = current

    @property
    def entry(self) -> ModelEntry | None:
        """The model in use, or None without any."""
        return next((entry for entry in self.models if entry.name == self.current), None)

    def keep_runner_up(self, kept: bool) -> None:
        """Whether predictions keep the model's second choice from now on, which takes longer."""
        self._model.runner_up = kept

    def refresh(self) -> None:
        """Looks which models are here."""
        self._bridge.start("Look for models", look_for_models, replies=Replies(done=self._listed))

    def _listed(self, listing: Listing) -> None:
        before, was_there = self.current, self.entry is not None
        self.models, self.taken = listing.models, listing.taken
        if self.entry is None:
            # One that was renamed is the same model, any other one is not.
            renamed = [entry.name for entry in self.models if before in entry.notes.former_names]
            self.current = next(iter((*renamed, *(entry.name for entry in self.models))), "")
            if was_there and not renamed:
                self._tell_missing(before)
        self.models_changed.emit()

    def _tell_missing(self, wanted: str) -> None:
        """Nobody should take the answers of one model for those of another."""
        instead = f"{self.current} predicts instead" if self.current else "import or train a model"
        self.failed.emit(ModelError(f"{wanted} is no model that can be chosen any more", hint=instead))

    def choose(self, name: str) -> None:
        """Uses another model from now on."""
        self.current = name
        self.models_changed.emit()

    def take_up(self, name: str) -> None:
        """Uses a model that is new in the catalog."""

        def listed(listing: Listing) -> None:
            # Not before it is listed: an older list that still comes would know nothing of it.
            if any(entry.name == name for entry in listing.models):
                self.current = name
                self._listed(listing)
            else:
                self._listed(listing)
                self._tell_missing(name)

        self._bridge.start("Look for models", look_for_models, replies=Replies(done=listed))

    def predict(self, project: Project, samples: Sequence[Sample]) -> Job[Outcome] | None:
        """Starts predicting samples; a newer request for one sample replaces the older."""
        entry, chosen = self.entry, list(samples)
        if entry is None or not chosen:
            return None
        title = f"Predict {chosen[0].key}" if len(chosen) == 1 else f"Predict {len(chosen)} samples"
        replies = Replies(done=self.finished.emit, failed=self.failed.emit, event=self._event)
        return self._bridge.start(
            title,
            lambda context: predict_samples(project, chosen, self._model, entry, self._backend, context),
            lane=LANE,
            replaces=f"predict {chosen[0].key}" if len(chosen) == 1 else "predict all",
            replies=replies,
        )

    def evaluate(self, project: Project) -> Job[ProjectEvaluation] | None:
        """Compares what the chosen model predicts with the project's masks, in a worker."""
        entry = self.entry
        if entry is None:
            return None
        return self._bridge.start(
            f"Evaluate {entry.name}",
            lambda context: evaluate_samples(project, self._evaluated_model, entry, self._backend, context),
            lane=EVALUATION_LANE,
            replaces="evaluate",
            replies=Replies(
                done=lambda outcome: self.evaluated.emit(project, outcome), failed=self.failed.emit
            ),
        )

    def _event(self, told: Changes | Pace) -> None:
        if isinstance(told, Pace):
            self.paced.emit(told)
        else:
            self.moved.emit(told)

    def close(self) -> None:
        """Lets the model go, on the lane that owns it."""
        self._bridge.jobs.start("Close model", lambda _: self._model.close(), lane=LANE)
