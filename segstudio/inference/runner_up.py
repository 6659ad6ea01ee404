"""The second-best class from scores at their own resolution, for answers that are known at the image's."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.inference.core import Kind

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def quick_runner_up(scores: Floats, kind: Kind, ids: Bytes, confidence: Bytes) -> tuple[Bytes, Bytes]:
    """The runner-up and its margin, uint8 [H,W] each, without bringing all scores to the image's size.

    A pixel takes the better of the two best classes of its score cell that is not its own class. Within
    objects that is the class that exact restoring names; along borders the cell's neighbours count a little
    more.

    Args:
        scores: float32 [K,h,w] of the whole image, K of 2 or more.
        kind: what they are.
        ids: uint8 [H,W], the class with the largest score.
        confidence: uint8 [H,W], its probability times 255.
    """
    shares = scores if kind == "probabilities" else _softmax(scores)
    best = shares.argmax(axis=0)
    top = np.take_along_axis(shares, best[None], 0)[0]
    others = shares.copy()
    np.put_along_axis(others, best[None], np.float32(-1), 0)
    after = others.argmax(axis=0)
    next_top = np.take_along_axis(shares, after[None], 0)[0]
    size = (ids.shape[1], ids.shape[0])
    first, then = _spread(best, size), _spread(after, size)
    is_first = first == ids
    second = np.where(is_first, then, first)
    share = np.where(is_first, _spread(_in_bytes(next_top), size), _spread(_in_bytes(top), size))
    # The share comes from the cell, the confidence from the pixel: no margin is below 0.
    return second, np.maximum(confidence, share) - share


def _softmax(scores: Floats) -> Floats:
    powers: Floats = np.exp(scores - scores.max(axis=0, keepdims=True))
    powers /= powers.sum(axis=0, keepdims=True)
    return powers


def _in_bytes(share: Floats) -> Bytes:
    return np.rint(share * 255).astype(np.uint8)


def _spread(plane: NDArray[np.generic], size: tuple[int, int]) -> Bytes:
    """The plane of cells at the image's size (width, height): each pixel takes the cell that holds it."""
    small = np.ascontiguousarray(plane.astype(np.uint8))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
