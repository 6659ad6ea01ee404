"""Disagreements against a plain search with OpenCV: which, how large, how sure, in which order."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.annotation.disagreements import UNLABELLED, disagreements

Mask = NDArray[np.uint8]
SHAPE = (14, 15)
IDS = arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 255]))


def blocky(seed: int) -> tuple[Mask, Mask, Mask]:
    """Mask, ids and confidence of squares of random classes."""
    random = np.random.default_rng(seed)
    values = np.array([0, 1, 2, 254, 255], np.uint8)
    planes = [
        np.repeat(np.repeat(values[random.integers(0, 5, (5, 5))], 4, 0), 4, 1)[: SHAPE[0], : SHAPE[1]]
        for _ in range(2)
    ]
    planes[1][random.random(SHAPE) < 0.1] = 1
    return planes[0].copy(), planes[1], random.integers(0, 256, SHAPE, np.uint8)


def plainly(
    mask: Mask, ids: Mask, confidence: Mask, border: int, *, unlabelled: bool
) -> list[tuple[int, ...]]:
    """(sum of confidence, own, predicted, area), found class by class and opened one by one."""
    found = []
    square = np.ones((border + 1, border + 1), np.uint8)
    for own in np.unique(mask).tolist():
        for predicted in np.unique(ids).tolist():
            if own == predicted or predicted == 255 or (own == 255 and not unlabelled):
                continue
            both = ((mask == own) & (ids == predicted)).astype(np.uint8)
            count, labels = cv2.connectedComponents(both, connectivity=4)
            for number in range(1, count):
                part = np.pad((labels == number).astype(np.uint8), border + 1)
                if cv2.erode(part, square).any():
                    there = labels == number
                    found.append((int(confidence[there].sum()), own, predicted, int(there.sum())))
    return sorted(found, reverse=True)


@given(st.integers(0, 2**31), st.integers(0, 4), st.booleans())
def test_they_are_what_a_plain_search_finds(seed: int, border: int, unlabelled: bool) -> None:
    mask, ids, confidence = blocky(seed)
    found = disagreements(mask, ids, confidence, border=border, unlabelled=unlabelled)
    ours = [
        (
            int(confidence[entry.region.rect.slices][entry.region.inside].sum()),
            entry.own,
            entry.predicted,
            entry.area,
        )
        for entry in found
    ]
    assert sorted(ours, reverse=True) == plainly(mask, ids, confidence, border, unlabelled=unlabelled)
    assert [entry[0] for entry in ours] == sorted((entry[0] for entry in ours), reverse=True)
    for entry, (total, *_) in zip(found, ours, strict=True):
        assert entry.confidence == pytest.approx(total / (255 * entry.area))
        inside = entry.region.inside
        assert (mask[entry.region.rect.slices][inside] == entry.own).all()
        assert (ids[entry.region.rect.slices][inside] == entry.predicted).all()


@given(IDS, IDS, st.booleans())
def test_what_the_model_does_not_know_is_no_disagreement(mask: Mask, ids: Mask, unlabelled: bool) -> None:
    found = disagreements(mask, ids, np.full(SHAPE, 9, np.uint8), border=0, unlabelled=unlabelled)
    assert all(entry.predicted != 255 for entry in found)
    counted = (mask != ids) & (ids != 255) & (unlabelled | (mask != UNLABELLED))
    assert sum(entry.area for entry in found) == counted.sum()


def test_a_band_along_a_border_is_left_out() -> None:
    mask, ids = np.zeros((20, 40), np.uint8), np.zeros((20, 40), np.uint8)
    mask[:, 20:], ids[:, 22:] = 1, 1
    ids[5:8, 5:8] = 3
    sure = np.full(mask.shape, 200, np.uint8)
    assert [(entry.own, entry.predicted) for entry in disagreements(mask, ids, sure)] == [(0, 3)]
    wider = disagreements(mask, ids, sure, border=1)
    assert [(entry.own, entry.predicted, entry.area) for entry in wider] == [(1, 0, 40), (0, 3, 9)]
    assert disagreements(mask, ids, sure, border=3) == []


def test_a_band_at_the_rim_of_the_image_is_no_wider_for_that() -> None:
    mask, ids = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    ids[:2], ids[:, -2:] = 4, 4
    assert disagreements(mask, ids, np.full(mask.shape, 255, np.uint8)) == []


def test_an_identity_is_that_of_the_region() -> None:
    mask, ids = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    ids[3:8, 3:8], ids[12:18, 12:18] = 1, 1
    sure = np.full(mask.shape, 100, np.uint8)
    first, second = disagreements(mask, ids, sure)
    assert first.identity != second.identity
    mask[3:8, 3:8] = 1
    assert [entry.identity for entry in disagreements(mask, ids, sure)] == [first.identity]


def test_planes_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ"):
        disagreements(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), np.zeros((2, 2), np.uint8))
