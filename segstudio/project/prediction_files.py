"""The predictions of a project, apart from the masks: files that can be thrown away at any time."""

import logging
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
GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


class PredictionFiles:
    """Ids and confidence of each predicted sample as PNG files; the database says which model made them."""

    def __init__(self, facts: Path, palette: Palette, store: Store) -> None:
        self._ids = facts / "predictions"
        self._confidence = facts / "confidence"
        self._palette = palette
        self._store = store
        self._locks = KeyLocks()

    def save(self, key: str, ids: NDArray[np.uint8], confidence: NDArray[np.uint8], model: str) -> bool:
        """Stores a prediction; returns whether an unlabelled sample became predicted by it.

        Raises:
            MaskError: the two differ in size.
            ImageError: the disk refuses.
        """
        if ids.shape != confidence.shape:
            raise MaskError(f"{key}: ids are {ids.shape}, confidence is {confidence.shape}")
        with self._locks.held(key):
            # The files of one model must never go under the name of another, whatever happens in between.
            self._store.forget_prediction(key)
            write_cache(self._confidence_path(key), mask_bytes(confidence, GREY))
            write_cache(self._ids_path(key), mask_bytes(ids, self._palette.colours()))
            return self._store.set_prediction(key, model, self._palette.name)

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
                ids, confidence = read_mask(self._ids_path(key)), read_mask(self._confidence_path(key))
                wanted = ids.shape if size is None else (size[1], size[0])
                if not ids.shape == confidence.shape == wanted:
                    raise MaskError(f"ids are {ids.shape}, confidence {confidence.shape}, the image {wanted}")
            except MaskError as error:
                LOG.warning("the prediction of %s is dropped: %s", key, error.message)
                self._drop(key)
                return None
        return StoredPrediction(ids, confidence, model)

    def drop(self, key: str) -> bool:
        """Throws a prediction away; returns whether the sample is unlabelled again."""
        with self._locks.held(key):
            return self._drop(key)

    def _drop(self, key: str) -> bool:
        moved = self._store.forget_prediction(key)
        self._ids_path(key).unlink(missing_ok=True)
        self._confidence_path(key).unlink(missing_ok=True)
        return moved

    def _ids_path(self, key: str) -> Path:
        return self._ids / f"{key}.png"

    def _confidence_path(self, key: str) -> Path:
        return self._confidence / f"{key}.png"
