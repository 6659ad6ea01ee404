"""Stripes and hatches over classes, so that they are told apart without their colours."""

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORE = 255
PERIOD = 12
KINDS = 6
DARK, LIGHT = 1, 2
PATTERN_TABLE = (0, 0x6E000000, 0x82FFFFFF)
# Colours darker than this (0-255, ITU-R BT.601 luma) get light lines.
MIDDLE_LUMA = 110.0
Labels = NDArray[np.uint8]


def _bits() -> Labels:
    """uint8 [PERIOD,PERIOD]: bit k is set where pattern k has a line."""
    y, x = np.mgrid[:PERIOD, :PERIOD]
    half = PERIOD // 2
    kinds = (
        (x + y) % half == 0,
        (x - y) % half == 0,
        y % half == 0,
        x % half == 0,
        (x % half < 2) & (y % half < 2),
        ((x + y) % PERIOD == 0) | ((x - y) % PERIOD == 0),
    )
    bits = np.zeros((PERIOD, PERIOD), np.uint8)
    for number, kind in enumerate(kinds):
        bits |= (kind.astype(np.uint8) << number).astype(np.uint8)
    return bits


BITS = _bits()


def pattern_marks(
    labels: Labels,
    place: tuple[int, int],
    colours: NDArray[np.uint8],
    hidden: frozenset[int],
    unit: int = 1,
) -> Labels:
    """uint8 [h,w] for PATTERN_TABLE: the lines of every label's pattern, dark on light colours.

    Args:
        labels: what is shown, uint8 [h,w].
        place: how far the first pixel is from the image's corner, in screen pixels; lines move with it.
        colours: of all ids, uint8 [256,3].
        hidden: ids without lines.
        unit: screen pixels a pixel of the pattern.
    """
    ids = np.arange(256)
    wanted = (1 << (ids % KINDS)).astype(np.uint8)
    wanted[[IGNORE, *hidden]] = 0
    luma = colours.astype(np.float64) @ (0.299, 0.587, 0.114)
    tones = np.where(luma < MIDDLE_LUMA, LIGHT, DARK).astype(np.uint8)
    height, width = labels.shape
    columns = np.arange(place[0], place[0] + width) // unit % PERIOD
    rows = np.arange(place[1], place[1] + height) // unit % PERIOD
    lit = np.asarray(cv2.LUT(labels, wanted), np.uint8)
    lit &= np.take(BITS[rows], columns, axis=1)
    marks = np.asarray(cv2.LUT(labels, tones), np.uint8)
    marks[lit == 0] = 0
    return marks
