"""What models that are only compared said of samples: kept apart from predictions, for pictures."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, MaskError
from segstudio.images import mask_bytes, read_mask
from segstudio.jobs import JobContext
from segstudio.project.cache_file import write_cache
from segstudio.project.project import Project
from segstudio.workflows.evaluate_project import Said

FOLDER = "tried"
ID_LENGTH = 16
# Models whose answers are kept; those of the model that was compared longest ago go first.
KEPT = 4
Mask = NDArray[np.uint8]


class Tried:
    """The answers of one model, by its name and the fingerprint of its weights."""

    def __init__(self, project: Project, model: str, fingerprint: str) -> None:
        self._project, self._model = project, model
        self._folder = project.facts_dir / FOLDER / f"{fingerprint[:ID_LENGTH]}-{project.palette.name}"
        self._by_image: dict[Path, str] = {}

    def ids(self, key: str) -> Mask | None:
        """What the model said of a sample, uint8 [H,W] in the project's classes; None where nobody knows."""
        try:
            return read_mask(self._path(key))
        except MaskError:
            stored = self._project.load_prediction(key)
            return stored.ids if stored is not None and stored.model == self._model else None

    def keeping(self, ask: Callable[[Path], Said]) -> Callable[[Path], Said]:
        """The same question, with each answer kept."""
        self._by_image = {sample.image: sample.key for sample in self._project.samples()}
        self._make_room()

        def asked(path: Path) -> Said:
            said = ask(path)
            write_cache(self._path(self._by_image[path]), mask_bytes(said.ids, self._colours()))
            return said

        return asked

    def complete(self, keys: Iterable[str], ask: Callable[[Path], Said], context: JobContext) -> None:
        """Asks for what is missing of some samples.

        Raises:
            Cancelled: between two samples.
        """
        for key in keys:
            context.check()
            if self.ids(key) is None:
                context.progress(0, 0, f"looking at {key}")
                try:
                    ask(self._project.sample(key).image)
                except ImageError:
                    continue

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.png"

    def _colours(self) -> NDArray[np.uint8]:
        return self._project.palette.colours()

    def _make_room(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.touch()
        folders = sorted(self._folder.parent.iterdir(), key=lambda one: -one.stat().st_mtime_ns)
        for old in folders[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
