"""Which pixels of a mask take over the prediction: all, one class, or only what is still unlabelled."""

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect

IGNORE = 255


def differing(
    mask: NDArray[np.uint8], predicted: NDArray[np.uint8], locked: frozenset[int]
) -> NDArray[np.bool_]:
    """Where taking over the prediction would change a pixel that may change.

    Pixels of locked classes stay, and a prediction of no class (255) never replaces anything.

    Args:
        mask: uint8 [H,W], the human's ids.
        predicted: uint8 [H,W], the model's ids in the same palette.
        locked: ids whose pixels must stay.
    """
    wanted = (mask != predicted) & (predicted != IGNORE)
    if locked:
        may_change = np.ones(256, np.bool_)
        may_change[list(locked)] = False
        wanted &= may_change[mask]
    return wanted


def accept_all(document: MaskDocument, predicted: NDArray[np.uint8], locked: frozenset[int]) -> Edit | None:
    """One edit that makes the mask the prediction; None when nothing differs."""
    return _take(document, "Accept prediction", predicted, differing(document.array, predicted, locked))


def accept_class(
    document: MaskDocument, predicted: NDArray[np.uint8], class_id: int, name: str, locked: frozenset[int]
) -> Edit | None:
    """One edit that takes what is predicted as one class; None when nothing differs."""
    where = differing(document.array, predicted, locked) & (predicted == class_id)
    return _take(document, f"Accept prediction: {name}", predicted, where)


def fill_unlabelled(
    document: MaskDocument, predicted: NDArray[np.uint8], locked: frozenset[int]
) -> Edit | None:
    """One edit that takes the prediction where the mask says 255; None when nothing is unlabelled."""
    where = differing(document.array, predicted, locked) & (document.array == IGNORE)
    return _take(document, "Fill unlabelled", predicted, where)


def _take(
    document: MaskDocument, title: str, predicted: NDArray[np.uint8], where: NDArray[np.bool_]
) -> Edit | None:
    rect = bounds(where)
    if rect is None:
        return None

    def write(array: NDArray[np.uint8]) -> Rect:
        np.copyto(array, predicted, where=where)
        return rect

    return document.apply(title, rect, write)


def bounds(where: NDArray[np.bool_]) -> Rect | None:
    """The smallest Rect around the true pixels of bool [H,W]; None when there are none."""
    rows = np.flatnonzero(where.any(axis=1))
    if not rows.size:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(where[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return Rect(left, top, right - left, bottom - top)
