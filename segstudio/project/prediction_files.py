"""The predictions of a project, apart from the masks: files that can be thrown away at any time."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import MaskError
from segstudio.images import mask_bytes, read_mask
from segstudio.project.cache_file import write_cache
from segstudio.project.key_locks import KeyLocks
from segstudio.project.sample import StoredPrediction
from segstudio.project.store import Store

LOG = logging.getLogger(__name__)
# Between two degrees of the margin that are told apart.
STEP = 17
GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


class PredictionFiles:
    """Ids and confidence of each predicted sample as PNG files; the database says which model made them.

    The runner-up and its margin lie beside them where they are known.
    """

    def __init__(
        self,
        facts: Path,
        palette: Palette,
        store: Store,
        measured: Callable[[str, StoredPrediction], None],
    ) -> None:
        """`measured` is told of every prediction that was stored, before anybody can replace it."""
        self._measured = measured
        self._ids = facts / "predictions"
        self._confidence = facts / "confidence"
        self._second = facts / "second"
        self._margin = facts / "margin"
        self._palette = palette
        self._store = store
        self._locks = KeyLocks()

    def save(self, key: str, said: StoredPrediction) -> bool:
        """Stores a prediction; returns whether an unlabelled sample became predicted by it.

        Raises:
            MaskError: its planes differ in size.
            ImageError: the disk refuses.
        """
        ids, confidence, second, margin = said.ids, said.confidence, said.second, said.margin
        if any(plane.shape != ids.shape for plane in said.planes):
            beside = "" if second is None else f", the runner-up is {second.shape}"
            raise MaskError(f"{key}: ids are {ids.shape}, confidence is {confidence.shape}{beside}")
        with self._locks.held(key):
            # The files of one model must never go under the name of another, whatever happens in between.
            self._store.forget_prediction(key)
            self._forget_runner_up(key)
            write_cache(self._confidence_path(key), mask_bytes(confidence, GREY))
            write_cache(self.path(key), mask_bytes(ids, self._palette.colours()))
            if second is not None and margin is not None:
                write_cache(self._margin_path(key), mask_bytes(in_steps(margin), GREY))
                write_cache(self._second_path(key), mask_bytes(second, self._palette.colours()))
            moved = self._store.set_prediction(key, said.model, self._palette.name)
            self._measured(key, said)
            return moved

    def path(self, key: str) -> Path:
        """Where the ids of a prediction are, or would be."""
        return self._ids / f"{key}.png"

    def load(self, key: str, size: tuple[int, int] | None) -> StoredPrediction | None:
        """The stored prediction; a damaged one, or one for another size or palette, is dropped and logged."""
        with self._locks.held(key):
            made_by = self._store.prediction(key)
            if made_by is None:
                return None
            model, palette = made_by
            try:
                if palette != self._palette.name:
                    raise MaskError(f"it is in the classes of {palette}")
                ids, confidence = read_mask(self.path(key)), read_mask(self._confidence_path(key))
                wanted = ids.shape if size is None else (size[1], size[0])
                if not ids.shape == confidence.shape == wanted:
                    raise MaskError(f"ids are {ids.shape}, confidence {confidence.shape}, the image {wanted}")
            except MaskError as error:
                LOG.warning("the prediction of %s is dropped: %s", key, error.message)
                self._drop(key)
                return None
            return StoredPrediction(ids, confidence, model, *self._runner_up(key, ids.shape))

    def ids(self, key: str) -> NDArray[np.uint8] | None:
        """The predicted ids uint8 [H,W] alone; None where none are stored in this palette or can be read."""
        with self._locks.held(key):
            made_by = self._store.prediction(key)
            if made_by is None or made_by[1] != self._palette.name:
                return None
            try:
                return read_mask(self.path(key))
            except MaskError as error:
                LOG.warning("the prediction of %s cannot be read: %s", key, error.message)
                return None

    def _runner_up(
        self, key: str, shape: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | tuple[None, None]:
        """The second-best class and its margin; (None, None) where either is missing or damaged."""
        if not self._second_path(key).exists():
            return None, None
        try:
            second, margin = read_mask(self._second_path(key)), read_mask(self._margin_path(key))
            if not second.shape == margin.shape == shape:
                raise MaskError(f"the runner-up is {second.shape} and {margin.shape}, the ids {shape}")
        except MaskError as error:
            LOG.warning("the runner-up of %s is dropped: %s", key, error.message)
            self._forget_runner_up(key)
            return None, None
        return second, margin

    def drop(self, key: str) -> bool:
        """Throws a prediction away; returns whether the sample is unlabelled again."""
        with self._locks.held(key):
            return self._drop(key)

    def _drop(self, key: str) -> bool:
        moved = self._store.forget_prediction(key)
        self.path(key).unlink(missing_ok=True)
        self._confidence_path(key).unlink(missing_ok=True)
        self._forget_runner_up(key)
        return moved

    def _forget_runner_up(self, key: str) -> None:
        self._second_path(key).unlink(missing_ok=True)
        self._margin_path(key).unlink(missing_ok=True)

    def _confidence_path(self, key: str) -> Path:
        return self._confidence / f"{key}.png"

    def _second_path(self, key: str) -> Path:
        return self._second / f"{key}.png"

    def _margin_path(self, key: str) -> Path:
        return self._margin / f"{key}.png"


def in_steps(margin: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A margin 0-255 at the nearest of 16 steps of 17: a third of the bytes, at most 8 off."""
    steps = (np.arange(256) + STEP // 2) // STEP * STEP
    rounded: NDArray[np.uint8] = np.minimum(steps, 255).astype(np.uint8)[margin]
    return rounded
