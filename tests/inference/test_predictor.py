"""Predictor: whole images, windows that cover every pixel, mirrored answers, batches."""

import itertools
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.deploy.export import Exported
from segstudio.errors import InputError
from segstudio.inference import predictor as predictor_module
from segstudio.inference.backend import Backend
from segstudio.inference.predictor import (
    LONGEST,
    WINDOWS,
    Prediction,
    Predictor,
    more_confident,
    window_named,
    window_starts,
)
from segstudio.inference.spec import ModelSpec, ResizeRule
from tests.inference.conftest import SHORT_SIDE, noise

Bytes = NDArray[np.uint8]
MakeSpec = Callable[..., ModelSpec]
SIDE = 96  # of a window: 1.5 x 64
Answer = Callable[["PaperBackend", Bytes], tuple[Bytes, Bytes]]


def channels(backend: "PaperBackend", images: Bytes) -> tuple[Bytes, Bytes]:
    return images[..., 0].copy(), images[..., 1].copy()


class PaperBackend:
    """Ids from the red channel, confidence from the green one, or what `answer` says; keeps what it saw."""

    name = "paper"
    device = "paper"
    lanes = 1

    def __init__(self, answer: Answer = channels) -> None:
        self.answer = answer
        self.shapes: list[tuple[int, ...]] = []
        self.closed = False

    def run(self, images: Bytes) -> tuple[Bytes, Bytes]:
        self.shapes.append(images.shape)
        return self.answer(self, images)

    def close(self) -> None:
        self.closed = True


def spec_of_side(make_spec: MakeSpec, mode: str = "short_side") -> ModelSpec:
    return make_spec(resize=ResizeRule(mode, SHORT_SIDE))  # type: ignore[arg-type]  # the test's own literal


def picture(height: int, width: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_whole_image_goes_to_the_backend_at_once(make_spec: MakeSpec) -> None:
    backend, image = PaperBackend(), picture(120, 300)
    found = Predictor(backend, spec_of_side(make_spec)).predict(image)
    assert backend.shapes == [(1, 120, 300, 3)]
    np.testing.assert_array_equal(found.ids, image[..., 0])
    np.testing.assert_array_equal(found.confidence, image[..., 1])


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    tta=st.booleans(),
)
def test_windows_answer_for_every_pixel(height: int, width: int, tta: bool) -> None:
    spec = ModelSpec("paper", "mit_b0", ("a",), "p", {}, ResizeRule("short_side", SHORT_SIDE))
    backend, image = PaperBackend(), picture(height, width)
    found = Predictor(backend, spec, "slide", tta=tta).predict(image)
    # Each pixel's answer does not depend on the window here, so any gap or shift would show.
    np.testing.assert_array_equal(found.ids, image[..., 0])
    np.testing.assert_array_equal(found.confidence, image[..., 1])
    assert found.ids.dtype == found.confidence.dtype == np.uint8
    assert max(max(shape[1:3]) for shape in backend.shapes) <= SIDE


def test_windows_overlap_by_a_quarter(make_spec: MakeSpec) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of_side(make_spec), "slide").predict(picture(96, 240))
    assert backend.shapes == [(1, SIDE, SIDE, 3)] * 3
    assert window_starts(240, SIDE) == [0, 72, 144]


def test_small_image_is_one_window_of_its_own_size(make_spec: MakeSpec) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of_side(make_spec), "slide").predict(picture(50, 96))
    assert backend.shapes == [(1, 50, 96, 3)]


@given(st.integers(1, 5000), st.integers(1, 1000))
def test_window_starts_cover_the_axis(length: int, side: int) -> None:
    starts = window_starts(length, side)
    assert starts[0] == 0
    assert starts[-1] + side >= length
    assert starts == sorted(set(starts))
    for first, second in itertools.pairwise(starts):
        assert second <= first + side
    if length > side:
        assert starts[-1] + side == length


def test_where_windows_overlap_the_more_confident_answer_counts(make_spec: MakeSpec) -> None:
    def by_order(backend: PaperBackend, images: Bytes) -> tuple[Bytes, Bytes]:
        number = len(backend.shapes)
        shape = images.shape[:3]
        return np.full(shape, number, np.uint8), np.full(shape, 50 if number == 1 else 90, np.uint8)

    found = Predictor(PaperBackend(by_order), spec_of_side(make_spec), "slide").predict(picture(96, 168))
    # Windows 0..96 and 72..168; the second one is surer.
    assert (found.ids[:, :72] == 1).all()
    assert (found.ids[:, 72:] == 2).all()
    assert (found.confidence[:, 72:] == 90).all()


def test_too_large_image_is_cut_though_whole_was_asked_for(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "LARGEST_WHOLE", 100 * 100)
    backend, image = PaperBackend(), picture(100, 101)
    found = Predictor(backend, spec_of_side(make_spec)).predict(image)
    assert len(backend.shapes) == 4
    np.testing.assert_array_equal(found.ids, image[..., 0])


def test_mirrored_answer_is_taken_where_it_is_surer(make_spec: MakeSpec) -> None:
    def sure_on_the_left(backend: PaperBackend, images: Bytes) -> tuple[Bytes, Bytes]:
        ids = np.full(images.shape[:3], len(backend.shapes), np.uint8)
        ramp = np.arange(200, 200 - images.shape[2], -1, dtype=np.uint8)
        return ids, np.broadcast_to(ramp, ids.shape).copy()

    backend = PaperBackend(sure_on_the_left)
    found = Predictor(backend, spec_of_side(make_spec), tta=True).predict(picture(9, 40))
    assert len(backend.shapes) == 2
    assert (found.ids[:, :20] == 1).all()
    assert (found.ids[:, 20:] == 2).all()
    expected = np.r_[np.arange(200, 180, -1), np.arange(181, 201)]
    np.testing.assert_array_equal(found.confidence, np.broadcast_to(expected, (9, 40)))


def test_backend_sees_the_mirror_image(make_spec: MakeSpec) -> None:
    seen: list[Bytes] = []

    def keep(backend: PaperBackend, images: Bytes) -> tuple[Bytes, Bytes]:
        seen.append(images.copy())
        return channels(backend, images)

    image = picture(20, 30)
    Predictor(PaperBackend(keep), spec_of_side(make_spec), tta=True).predict(image)
    np.testing.assert_array_equal(seen[0][0], image)
    np.testing.assert_array_equal(seen[1][0], image[:, ::-1])


@given(st.integers(0, 2**31))
def test_more_confident_equals_a_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (
        Prediction(
            random.choice(np.array([0, 3, 255], np.uint8), (4, 5)), random.integers(0, 4, (4, 5), np.uint8)
        )
        for _ in range(2)
    )
    found = more_confident(first, second)
    for place in np.ndindex(4, 5):
        takes_second = second.confidence[place] > first.confidence[place] or first.ids[place] == 255
        winner = second if takes_second else first
        assert (found.ids[place], found.confidence[place]) == (winner.ids[place], winner.confidence[place])


@pytest.mark.parametrize(("height", "width"), [(1, 4000), (4000, 1), (3, 100)])
def test_long_strip_is_padded_and_cut_again(make_spec: MakeSpec, height: int, width: int) -> None:
    backend, image = PaperBackend(), picture(height, width)
    found = Predictor(backend, spec_of_side(make_spec)).predict(image)
    np.testing.assert_array_equal(found.ids, image[..., 0])
    assert found.ids.flags["C_CONTIGUOUS"]
    _, seen_height, seen_width, _ = backend.shapes[0]
    assert max(seen_height, seen_width) <= LONGEST * min(seen_height, seen_width)


@pytest.mark.parametrize("mode", ["stretch", "native"])
def test_strip_is_left_alone_where_its_shorter_side_decides_nothing(make_spec: MakeSpec, mode: str) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of_side(make_spec, mode)).predict(picture(2, 400))
    assert backend.shapes == [(1, 2, 400, 3)]


def test_a_batch_equals_single_images(backend: Backend, tiny_model: Exported) -> None:
    images = np.stack([noise(110, 130, seed) for seed in range(2)])
    for image, ids, confidence in zip(images, *backend.run(images), strict=True):
        alone = Predictor(backend, tiny_model.spec).predict(image)
        assert alone.ids.shape == (110, 130)
        assert np.mean(alone.ids == ids) > 0.9999
        assert np.abs(alone.confidence.astype(int) - confidence.astype(int)).max() <= 1


def test_real_mirror_never_lowers_the_confidence(backend: Backend, tiny_model: Exported) -> None:
    image = noise(80, 100)
    plain = Predictor(backend, tiny_model.spec).predict(image)
    both = Predictor(backend, tiny_model.spec, tta=True).predict(image)
    assert (both.confidence >= plain.confidence).all()
    assert (both.confidence > plain.confidence).any()
    mirrored = Predictor(backend, tiny_model.spec, tta=True).predict(np.ascontiguousarray(image[:, ::-1]))
    np.testing.assert_array_equal(both.confidence, mirrored.confidence[:, ::-1])


def test_seconds_are_those_of_the_last_image(make_spec: MakeSpec) -> None:
    runner = Predictor(PaperBackend(), spec_of_side(make_spec))
    assert runner.seconds == 0.0
    began = time.perf_counter()
    runner.predict(picture(30, 30))
    assert 0 < runner.seconds <= time.perf_counter() - began


def test_closing_closes_the_backend(make_spec: MakeSpec) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of_side(make_spec)).close()
    assert backend.closed


def test_windows_by_name() -> None:
    assert [window_named(name) for name in ("whole", "slide")] == list(WINDOWS)
    with pytest.raises(InputError, match="'tiles'") as caught:
        window_named("tiles")
    assert "slide" in caught.value.hint
