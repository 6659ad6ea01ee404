"""What a quantizer is shown: the network's own view of images, and a choice of them with every class."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.deploy import calibration
from segstudio.deploy.calibration import LEAST, SEEN_SHARE, CalibrationInputs, as_seen, balanced, spread
from segstudio.errors import Cancelled, ImageError, InputError
from segstudio.images import write_image
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.jobs import JobContext
from tests.inference.conftest import noise

SPEC = ModelSpec("paper", "mit_b0", ("road", "sky"), "cityscapes", {}, ResizeRule("short_side", 64))
COUNTS = st.integers(0, 10_000)


@st.composite
def tables(draw: st.DrawFn) -> NDArray[np.int64]:
    """Pixels by image and class."""
    classes = draw(st.integers(1, 8))
    rows = draw(st.lists(st.lists(COUNTS, min_size=classes, max_size=classes), min_size=1, max_size=30))
    return np.array(rows, np.int64)


def seen_in(pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    seen: NDArray[np.bool_] = pixels >= np.maximum(1, SEEN_SHARE * pixels.sum(axis=1, keepdims=True))
    return seen


@given(tables(), st.integers(0, 40))
def test_a_balanced_choice(pixels: NDArray[np.int64], wanted: int) -> None:
    chosen = balanced(pixels, wanted)
    assert chosen == balanced(pixels.copy(), wanted)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(wanted, len(pixels))
    assert set(chosen) <= set(range(len(pixels)))
    seen = seen_in(pixels)
    if wanted >= np.count_nonzero(seen.any(axis=0)):
        assert np.array_equal(seen[chosen].any(axis=0), seen.any(axis=0))


def test_a_rare_class_comes_before_the_fifth_crowded_street() -> None:
    crowded, rare = [100, 100, 100, 100, 0], [0, 0, 0, 0, 50]
    pixels = np.array([crowded] * 20 + [rare] + [crowded] * 20)
    assert 20 in balanced(pixels, 2)
    # A speck is no sight of a class.
    speck = np.array([[100_000, 1], [100_000, 0], [100_000, 500]])
    assert 2 in balanced(speck, 1)


def test_classes_are_seen_about_equally_often() -> None:
    pixels = np.zeros((90, 3), np.int64)
    pixels[:80, 0], pixels[80:88, 1], pixels[88:, 2] = 1, 1, 1
    shown = (pixels[balanced(pixels, 12)] > 0).sum(axis=0)
    assert shown.tolist() == [5, 5, 2]


@given(st.integers(1, 500), st.integers(1, 500))
def test_spread(count: int, wanted: int) -> None:
    found = spread(count, wanted)
    assert found == sorted(set(found))
    assert len(found) == min(count, wanted)
    assert set(found) <= set(range(count))
    if 1 < wanted < count:
        assert (found[0], found[-1]) == (0, count - 1)


def test_inputs_are_what_the_network_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "LEAST", 2)
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for seed, path in enumerate(paths):
        write_image(path, noise(90, 120, seed))
    inputs = CalibrationInputs(paths, SPEC)
    assert len(inputs) == 2
    assert [one.shape for one in inputs] == [(1, 3, 64, 96)] * 2
    assert [one.shape for one in inputs[:1]] == [(1, 3, 64, 96)]
    expected = (
        cv2.resize(noise(90, 120, 1).astype(np.float32), (96, 64), interpolation=cv2.INTER_LINEAR) / 255
    )
    assert np.allclose(inputs[1][0].transpose(1, 2, 0), expected, atol=1e-5)
    fixed = CalibrationInputs(paths, SPEC, size=(64, 64), batch=3)
    assert fixed[0].shape == (3, 3, 64, 64)
    assert np.array_equal(fixed[0][0], fixed[0][2])
    assert as_seen(noise(64, 64), SPEC).dtype == np.float32


def test_too_few_images_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"3 images are too few to calibrate int8 with: {LEAST} at least"):
        CalibrationInputs([tmp_path / f"{number}.png" for number in range(3)], SPEC)


def test_each_image_asks_whether_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "LEAST", 1)
    context = JobContext()
    inputs = CalibrationInputs([tmp_path / "none.png"], SPEC, context=context)
    with pytest.raises(ImageError, match=r"none\.png"):
        next(iter(inputs))
    context.cancel()
    with pytest.raises(Cancelled):
        inputs[0]
