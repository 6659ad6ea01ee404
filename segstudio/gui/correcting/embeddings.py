"""What a segmenter sees of the open image and of the next one: found in a worker, kept within bounds."""

from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from segstudio import images
from segstudio.annotation.segmenter import Embedding, Segmenter
from segstudio.errors import ImageError, SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.models.predictions import Predictions
from segstudio.inference.catalog import ModelEntry
from segstudio.inference.features import FeatureSegmenter
from segstudio.project.sample import Sample

# Predictions of a whole folder must not hold up the image that somebody clicks on.
LANE = "embedding"
# About 15 images; one of 2 MP takes 8 MB.
LIMIT_BYTES = 128 * 2**20
# The open image and the next one are kept whatever they take: each would push the other out for ever.
LEAST_KEPT = 2
NO_MODEL = "Click to segment needs a model"
NO_MODEL_HINT = "import one (Model menu), then choose it in the prediction panel"


class OpenSegmenter:
    """The segmenter in use, opened once; lives on its lane and is touched by no other thread."""

    def __init__(self) -> None:
        self._name = ""
        self._segmenter: Segmenter | None = None

    def embed(self, entry: ModelEntry, backend: str, sample: Sample) -> Embedding:
        """Looks at a sample's image, opening the model when another one was in use.

        Raises:
            SegstudioError: the model or the image cannot be read, or the model gives no scores.
        """
        name = f"{entry.folder}|{backend}"
        if self._segmenter is None or name != self._name:
            if entry.spec is None:
                raise SegstudioError(f"model {entry.name} cannot be used: {entry.problem}")
            self._segmenter = None
            self._segmenter = FeatureSegmenter(entry.folder, entry.spec, backend.partition(":")[0])
            self._name = name
        return self._segmenter.embed(images.read_image(sample.image))


class Embeddings(QObject):
    """Embeddings by sample, one at a time: the wanted one first, then what may be opened next.

    `ready` tells that one is there, `failed` why a model gives none; that is told once a model.
    """

    ready = Signal()
    failed = Signal(object)

    def __init__(self, bridge: JobBridge, predictions: Predictions, backend: str = "auto") -> None:
        super().__init__()
        self._bridge = bridge
        self._predictions = predictions
        self._backend = backend
        self._open = OpenSegmenter()
        self._kept: OrderedDict[tuple[str, str], Embedding] = OrderedDict()
        self._wishes: list[Sample] = []
        self._looking = False
        # Counts projects, so that what a worker still finds for one before is not kept.
        self._age = 0
        self._refused: str | None = None
        self._unreadable: set[str] = set()

    def clear(self) -> None:
        """Forgets everything: another project."""
        self._kept.clear()
        self._wishes.clear()
        self._unreadable.clear()
        self._age += 1

    def get(self, key: str) -> Embedding | None:
        """What the model in use sees of a sample's image, if that was found before."""
        place = (self._predictions.current, key)
        if place in self._kept:
            self._kept.move_to_end(place)
        return self._kept.get(place)

    def want(self, samples: Iterable[Sample]) -> None:
        """Looks at these samples next, in this order; earlier wishes are dropped."""
        model = self._predictions.current
        self._wishes = [
            sample
            for sample in samples
            if (model, sample.key) not in self._kept and sample.key not in self._unreadable
        ]
        self._next()

    def _next(self) -> None:
        if self._looking or not self._wishes:
            return
        entry = self._predictions.entry
        if entry is None:
            self._refuse("", SegstudioError(NO_MODEL, hint=NO_MODEL_HINT))
            return
        if entry.name == self._refused:
            return
        sample, age = self._wishes.pop(0), self._age
        self._looking = True
        replies = Replies(
            done=lambda found: self._found(entry.name, sample.key, age, found),
            failed=lambda error: self._failed(entry.name, sample.key, age, error),
            cancelled=self._ended,
        )
        self._bridge.start(
            f"Look at {sample.key}",
            lambda _: self._open.embed(entry, self._backend, sample),
            lane=LANE,
            replies=replies,
        )

    def _ended(self) -> None:
        self._looking = False
        self._next()

    def _found(self, model: str, key: str, age: int, found: Embedding) -> None:
        if age == self._age:
            self._kept[model, key] = found
            total = sum(kept.nbytes for kept in self._kept.values())
            while total > LIMIT_BYTES and len(self._kept) > LEAST_KEPT:
                total -= self._kept.popitem(last=False)[1].nbytes
            self.ready.emit()
        self._ended()

    def _failed(self, model: str, key: str, age: int, error: SegstudioError) -> None:
        if isinstance(error, ImageError):
            if age == self._age:
                self._unreadable.add(key)
        else:
            self._refuse(model, error)
        self._ended()

    def _refuse(self, model: str, error: SegstudioError) -> None:
        if model != self._refused:
            self._refused = model
            self.failed.emit(error)
