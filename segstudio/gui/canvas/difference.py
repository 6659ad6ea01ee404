"""Where mask and prediction disagree: everywhere, for one class, or without the thin bands along borders."""

from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORE = 255
# What a class's pixels are when the mask is taken as the truth; places in VERDICT_COLOURS.
RIGHT, EXTRA, MISSED = 0, 1, 2
# Okabe and Ito's bluish green, vermilion and blue: apart for every kind of colour vision.
VERDICT_COLOURS = ((0, 158, 115), (213, 94, 0), (0, 114, 178))
VERDICT_NAMES = ("predicted and in the mask", "predicted only", "in the mask only")
Labels = NDArray[np.uint8]


class DifferenceKind(Enum):
    """Which disagreements are shown."""

    ALL = "all"
    ACTIVE = "active"
    WIDE = "wide"


def differing(mask: Labels, prediction: Labels) -> Labels:
    """uint8 [h,w]: 1 where both differ."""
    return np.asarray(mask != prediction).view(np.uint8)


def verdicts(mask: Labels, prediction: Labels, class_id: int) -> Labels:
    """uint8 [h,w]: RIGHT, EXTRA (predicted only), MISSED (in the mask only); IGNORE elsewhere.

    Unlabelled pixels of the mask are judged no more than they are counted in scores.
    """
    predicted, true = prediction == class_id, mask == class_id
    found = np.full(mask.shape, IGNORE, np.uint8)
    found[predicted & (mask != IGNORE)] = EXTRA
    found[true] = MISSED
    found[predicted & true] = RIGHT
    return found


def wide_only(different: Labels, side: int) -> Labels:
    """The part of a difference, uint8 0 or 1 [h,w], that squares of `side` pixels fit into.

    A morphological opening; outside of the array nothing differs. A pixel's result depends on pixels less
    than `side` away.
    """
    square = np.ones((side, side), np.uint8)
    constant, last = cv2.BORDER_CONSTANT, side - 1
    # Opposite anchors: with one anchor an even square would shift what it opens.
    cores = cv2.erode(different, square, anchor=(0, 0), borderType=constant, borderValue=(0.0,))
    wide = cv2.dilate(cores, square, anchor=(last, last), borderType=constant, borderValue=(0.0,))
    return np.asarray(wide, np.uint8)


def screen_side(border: int, scale: float) -> int:
    """The square for differences wider than `border` image pixels, in screen pixels, below 100 %.

    Never below 2: a band of one pixel shows as dots where every eighth pixel is looked at.
    """
    return max(2, round((border + 1) * scale))
