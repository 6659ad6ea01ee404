"""Finds images that are in two splits: copies by digest, near-duplicates by a difference hash."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

HASH_SIDE = 8
# Images no farther apart are taken for the same view; `near_duplicates` says why.
NEAR_BITS = 6
# The hash of a flat picture (a black frame, thick fog) is noise; in grey levels of the small picture.
FLAT_CONTRAST = 4.0
BLOCK = 512


@dataclass(frozen=True)
class Twin:
    """Two images of different splits that show the same: bits in which their hashes differ, -1 for copies."""

    train: int
    other: int
    bits: int


def difference_hash(image: NDArray[np.uint8]) -> int | None:
    """The 64-bit difference hash of an image uint8 [H,W,3]; None where it is too flat to say anything.

    Each bit says whether a cell of a 9x8 grid of mean luminances is brighter than its left neighbour.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < FLAT_CONTRAST:
        return None
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")


def copies(digests: Sequence[str], others: Sequence[str]) -> list[Twin]:
    """Pairs of equal digests; "" equals nothing. Each of `others` is in at most one pair."""
    where = {digest: number for number, digest in reversed(list(enumerate(digests))) if digest}
    return [Twin(where[digest], other, -1) for other, digest in enumerate(others) if digest in where]


def near_duplicates(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], bits: int = NEAR_BITS
) -> list[Twin]:
    """For each of the others its nearest hash, where at most `bits` of the 64 bits differ.

    Args:
        hashes: uint64 [n].
        others: uint64 [m].
        bits: the largest distance. Measured on CamVid: 94 % of frames a fifteenth of a second apart differ
            by at most 6 bits, but 10 % of those a second apart; frames of different drives by 10 or more
            (39,514 pairs), and those of its training and validation splits by 8 or more (37,067 pairs).
    """
    found: list[Twin] = []
    if not hashes.size:
        return found
    for start in range(0, len(others), BLOCK):
        block = others[start : start + BLOCK]
        best = np.full(len(block), 65, np.uint8)
        where = np.zeros(len(block), np.int64)
        for first in range(0, len(hashes), BLOCK):
            distances = np.bitwise_count(block[:, None] ^ hashes[None, first : first + BLOCK])
            nearest = distances.argmin(axis=1)
            distance = distances[np.arange(len(block)), nearest]
            better = distance < best
            best[better], where[better] = distance[better], nearest[better] + first
        near = np.flatnonzero(best <= bits)
        found += [Twin(int(where[n]), int(start + n), int(best[n])) for n in near]
    return found
