"""Fine-grained mIoU by hand, and that worst cases are what their names say."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.metrics.confusion import count_confusion
from segstudio.metrics.fine_grained import fine_grained, image_ious


def counts(*pairs: tuple[list[int], list[int]]) -> NDArray[np.int64]:
    return np.stack(
        [count_confusion(np.array([truth], np.uint8), np.array([seen], np.uint8), 3) for truth, seen in pairs]
    )


THREE = counts(
    ([0, 0, 0, 0], [0, 0, 0, 1]),
    ([0, 0, 1, 1], [0, 1, 1, 1]),
    ([255, 255, 255, 255], [0, 1, 2, 0]),
)


def test_ious_of_images_know_the_classes_of_the_truth_alone() -> None:
    ious = image_ious(THREE)
    assert ious[0].tolist() == pytest.approx([3 / 4, np.nan, np.nan], nan_ok=True)
    assert ious[1].tolist() == pytest.approx([1 / 2, 2 / 3, np.nan], nan_ok=True)
    assert np.isnan(ious[2]).all()


def test_scores_by_hand() -> None:
    found = fine_grained(THREE)
    # Pooled: class 0 has 4 hits of 6, class 1 2 hits of 4 with two false alarms.
    assert found.d == pytest.approx((4 / 6 + 2 / 4) / 2)
    assert found.i == pytest.approx((3 / 4 + (1 / 2 + 2 / 3) / 2) / 2)
    assert found.c == pytest.approx(((3 / 4 + 1 / 2) / 2 + 2 / 3) / 2)
    assert found.i_worst == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found.c_worst == pytest.approx((1 / 2 + 2 / 3) / 2)
    # Of two images, 10 to 90 percent is the worse one, 100 percent both.
    assert found.i_average == pytest.approx((9 * found.i_worst + found.i) / 10)
    assert found.c_average == pytest.approx((9 * found.c_worst + found.c) / 10)


def test_one_bad_image_of_two_hundred_shows_in_the_worst_percent_alone() -> None:
    good = ([0] * 10, [0] * 10)
    found = fine_grained(counts(*[good] * 199, ([0] * 10, [1] * 10)))
    assert found.i == pytest.approx(199 / 200)
    assert found.i_worst == pytest.approx(1 / 2)
    assert found.c_worst == pytest.approx(1 / 2)


def test_no_images_have_no_scores() -> None:
    found = fine_grained(np.zeros((0, 3, 4), np.int64))
    assert np.isnan([found.d, found.i, found.c, found.i_worst, found.c_average]).all()
