"""Keeps what a model said about a sample in the project's classes, the runner-up included."""

import numpy as np
from numpy.typing import NDArray

from segstudio.inference.prediction import Prediction
from segstudio.project.project import Project
from segstudio.project.sample import Changes

NONE = 255


def store_prediction(
    project: Project, key: str, said: Prediction, lookup: NDArray[np.uint8], model: str
) -> Changes:
    """Stores a prediction of a sample, with its runner-up where it has one.

    Args:
        project: where it goes.
        key: the sample.
        said: in the model's classes.
        lookup: uint8 [256], the project's id for every id of the model; see `class_lookup`.
        model: the model's name.

    Raises:
        ProjectError, MaskError, ImageError: see `Project.save_prediction`.
    """
    ids = lookup[said.ids]
    second = None if said.second is None else other_class(ids, lookup[said.second])
    return project.save_prediction(key, ids, said.confidence, model, second=second, margin=said.margin)


def note_answering(project: Project, model: str, fingerprint: str) -> None:
    """Notes whose answers are about to be stored under the name of a model, see `fingerprint_of`.

    Where other weights answered under that name before, or nobody knows which, nothing is noted: the next
    evaluation asks anew then.
    """
    if fingerprint and not project.fingerprint(model) and model not in project.predicting_models().values():
        project.note_fingerprint(model, fingerprint)


def other_class(ids: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The runner-up where it is another class than the best, 255 elsewhere; uint8 [H,W] each.

    Two classes of a model may be one of the project's: then nothing is known of what comes after it.
    """
    return np.where(second == ids, np.uint8(NONE), second)
