"""A model in a comparison: opened when it is first asked, timed beside the other one, weighed on the disk."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio.errors import ImageError
from segstudio.images import read_image
from segstudio.inference.backend import Backend, Options, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.workflows.evaluate import class_lookup
from segstudio.workflows.evaluate_project import Said, asking, fingerprint_of
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.prove.tried import Tried

TIMED_IMAGES = 4
# The first answers of a backend are slow.
ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """What a model costs to run.

    Attributes:
        milliseconds: median time of one image, from pixels to mask; None where it was not measured.
        bytes: of its files on the disk.
        backend, device: what ran it; "" where it was not measured.
    """

    milliseconds: float | None
    bytes: int
    backend: str = ""
    device: str = ""

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        rate = round(1000 / self.milliseconds, 2) if self.milliseconds else None
        return {
            "milliseconds": None if self.milliseconds is None else round(self.milliseconds, 2),
            "fps": rate,
            "bytes": self.bytes,
            "backend": self.backend,
            "device": self.device,
        }


class Contender:
    """One of two models.

    Attributes:
        folder, spec: the model's.
        fingerprint: of its weights.
    """

    def __init__(self, project: Project, model: str | Path, backend: str, options: Options) -> None:
        self.folder, self.spec = find_model(model)
        self.fingerprint = fingerprint_of(self.folder, self.spec)
        self._lookup = class_lookup(palette_of_model(self.spec), project.palette)
        self._named, self._options = backend, options
        self._backend: Backend | None = None
        self._predictor: Predictor | None = None

    def ask(self, path: Path) -> Said:
        """What it says about an image file in the project's classes."""
        return asking(self._opened(), self._lookup)(path)

    def seconds(self, path: Path) -> float:
        """How long it takes for an image."""
        predictor = self._opened()
        predictor.predict(read_image(path))
        return predictor.seconds

    def cost(self, milliseconds: float | None) -> Cost:
        """What it costs; the time was measured by `race`."""
        size = disk_bytes(self.folder, self.spec)
        if milliseconds is None or self._backend is None:
            return Cost(None, size)
        return Cost(milliseconds, size, self._backend.name, self._backend.device)

    def tried(self, project: Project) -> Tried:
        """Its answers that are kept for pictures."""
        return Tried(project, self.spec.name, self.fingerprint)

    def _opened(self) -> Predictor:
        if self._predictor is None:
            self._backend = open_backend(self.folder, self.spec, self._named, self._options)
            self._predictor = Predictor(self._backend, self.spec, runner_up=True, quick=True)
        return self._predictor

    def close(self) -> None:
        """Lets the model go."""
        if self._backend is not None:
            self._backend.close()


def race(
    first: Contender, second: Contender, images: Sequence[Path], context: JobContext
) -> tuple[Cost, Cost]:
    """Times two models in turn on the same images, so that whatever else the machine does slows both.

    Raises:
        Cancelled: between two images.
    """
    times: tuple[list[float], list[float]] = ([], [])
    chosen = images[:: max(1, len(images) // TIMED_IMAGES)][:TIMED_IMAGES]
    for turn in range(ROUNDS):
        for path in chosen:
            context.check()
            context.progress(turn, ROUNDS, "timing both models")
            for model, found in zip((first, second), times, strict=True):
                try:
                    seconds = model.seconds(path)
                except ImageError:
                    continue
                if turn:
                    found.append(1000 * seconds)
    medians = [statistics.median(found) if found else None for found in times]
    return first.cost(medians[0]), second.cost(medians[1])


def disk_bytes(folder: Path, spec: ModelSpec) -> int:
    """What the files of a model take on the disk that its spec names; those that are gone take nothing."""
    paths = {folder / name for name in spec.files.values()}
    paths |= {path.with_suffix(".bin") for path in paths}
    return sum(path.stat().st_size for path in paths if path.is_file())
