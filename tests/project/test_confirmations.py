"""Confirmed regions: pixel by pixel, for as long as the mask says what was confirmed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segstudio.annotation.palette import load_palette
from segstudio.errors import ProjectError
from segstudio.project.confirmations import UNKNOWN, Confirmations

SIZE = (12, 16)
BOXES = st.tuples(st.integers(-4, 15), st.integers(-4, 11), st.integers(5, 20), st.integers(5, 20))


@pytest.fixture
def store(tmp_path: Path) -> Confirmations:
    return Confirmations(tmp_path, load_palette("cityscapes"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Confirmations]:
    yield Confirmations(tmp_path_factory.mktemp("shared"), load_palette("cityscapes"))


def test_nothing_is_confirmed_at_first(store: Confirmations) -> None:
    assert store.keys() == []
    assert (store.confirmed("a", np.zeros(SIZE, np.uint8)) == UNKNOWN).all()


@given(before=arrays(np.uint8, SIZE, elements=st.integers(0, 3)), changes=arrays(np.bool_, SIZE), box=BOXES)
def test_what_is_painted_over_later_is_not_confirmed_any_more(
    shared: Confirmations, before: np.ndarray, changes: np.ndarray, box: tuple[int, int, int, int]
) -> None:
    shared.forget("night/b")
    shared.confirm("night/b", before, box)
    after = np.where(changes, 7, before).astype(np.uint8)
    x, y, width, height = box
    inside = np.zeros(SIZE, bool)
    inside[max(0, y) : y + height, max(0, x) : x + width] = True
    expected = np.where(inside & ~changes, before, UNKNOWN)
    assert np.array_equal(shared.confirmed("night/b", after), expected)
    # Painted back, it is what a person confirmed.
    assert np.array_equal(shared.confirmed("night/b", before), np.where(inside, before, UNKNOWN))


def test_boxes_add_up_and_the_later_one_counts(store: Confirmations) -> None:
    mask = np.full(SIZE, 2, np.uint8)
    store.confirm("a", mask, (0, 0, 4, 4))
    mask[0, 0] = 5
    changes = store.confirm("a", mask, (0, 0, 2, 2), initiator="me")
    found = store.confirmed("a", mask)
    assert changes.reviews == {"a"}
    assert changes.initiator == "me"
    assert found[0, 0] == 5
    assert np.count_nonzero(found != UNKNOWN) == 16
    assert store.keys() == ["a"]
    store.forget("a")
    assert store.keys() == []


def test_a_box_beside_the_image_is_refused(store: Confirmations) -> None:
    with pytest.raises(ProjectError, match="outside the mask of a"):
        store.confirm("a", np.zeros(SIZE, np.uint8), (16, 0, 4, 4))


def test_another_size_and_a_spoilt_file_confirm_nothing(store: Confirmations, tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    store.confirm("a", mask, (0, 0, 9, 9))
    assert (store.confirmed("a", np.zeros((5, 5), np.uint8)) == UNKNOWN).all()
    (tmp_path / "confirmed" / "a.png").write_bytes(b"no picture")
    assert (store.confirmed("a", mask) == UNKNOWN).all()
