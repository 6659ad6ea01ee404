"""Predictor: whole images, windows that cover every pixel, several views, strips, the runner-up."""

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional as F

from segstudio.deploy.export import Exported
from segstudio.errors import InputError
from segstudio.inference import predictor as predictor_module
from segstudio.inference import resample
from segstudio.inference.backend import Backend
from segstudio.inference.core import Kind
from segstudio.inference.prediction import Prediction
from segstudio.inference.predictor import LONGEST, WINDOWS, Predictor, window_named
from segstudio.inference.spec import ModelSpec, ResizeMode, ResizeRule
from segstudio.inference.views import View, cut_view, whole_view
from segstudio.networks.segformer import SegFormer
from segstudio.networks.whole import read_network
from segstudio.training.segment import Segmenter
from tests.inference.conftest import SHORT_SIDE, noise

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
MakeSpec = Callable[..., ModelSpec]
STRIDE = 4


class PaperBackend:
    """Ids from the red channel, confidence from the green one; scores are the means of 4x4 pixels."""

    name = "paper"
    device = "paper"
    lanes = 1

    def __init__(self, kind: Kind | None = "logits") -> None:
        self.kind = kind
        self.shapes: list[tuple[int, ...]] = []
        self.asked: list[tuple[int, ...]] = []
        self.closed = False

    def run(self, images: Bytes) -> tuple[Bytes, Bytes]:
        self.shapes.append(images.shape)
        return images[..., 0].copy(), images[..., 1].copy()

    def core_kind(self) -> Kind | None:
        return self.kind

    def scores(self, pixels: Floats) -> Floats:
        self.asked.append(pixels.shape)
        means: Floats = F.avg_pool2d(torch.from_numpy(pixels), STRIDE).numpy() * 20
        if self.kind == "probabilities":
            means /= means.sum(1, keepdims=True).clip(1e-6)
        return means

    def close(self) -> None:
        self.closed = True


def spec_of(make_spec: MakeSpec, mode: ResizeMode = "short_side") -> ModelSpec:
    return make_spec(resize=ResizeRule(mode, SHORT_SIDE), classes=("road", "sky", "car"))


def picture(height: int, width: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def by_torch(image: Bytes, view: View) -> torch.Tensor:
    """Probabilities [K,H,W] of the paper backend on a view, seen as a whole."""
    shown = image[:, ::-1].copy() if view.mirrored else image
    pixels = torch.from_numpy(shown).permute(2, 0, 1)[None].float() / 255
    plane = F.interpolate(pixels, (view.height, view.width), mode="bilinear", align_corners=False)
    scores = torch.from_numpy(PaperBackend().scores(plane.numpy()))
    scores = scores.flip(3) if view.mirrored else scores
    return F.interpolate(scores, image.shape[:2], mode="bilinear", align_corners=False)[0].softmax(0)


def require_like(found: Prediction, shares: torch.Tensor) -> None:
    """Ids of the largest of shares [K,H,W] where it leads at all, and its value."""
    highest, places = shares.topk(2, 0)
    clear = ((highest[0] - highest[1]) > 1e-4).numpy()
    assert found.ids.shape == clear.shape
    np.testing.assert_array_equal(found.ids[clear], places[0].numpy()[clear])
    assert np.abs(found.confidence - highest[0].numpy() * 255).max() <= 0.51
    assert found.ids.dtype == found.confidence.dtype == np.uint8


def test_whole_image_goes_to_the_backend_at_once(make_spec: MakeSpec) -> None:
    backend, image = PaperBackend(), picture(120, 300)
    found = Predictor(backend, spec_of(make_spec)).predict(image)
    assert backend.shapes == [(1, 120, 300, 3)]
    assert not backend.asked
    np.testing.assert_array_equal(found.ids, image[..., 0])
    np.testing.assert_array_equal(found.confidence, image[..., 1])
    assert found.second is None
    assert found.margin is None


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from(["short_side", "stretch", "native"]),
    st.booleans(),
    st.sampled_from(WINDOWS),
    st.sampled_from([(1.0,), (0.5, 1.0, 1.75)]),
)
def test_any_view_of_any_size_equals_torch(
    height: int, width: int, mode: ResizeMode, tta: bool, window: str, scales: tuple[float, ...]
) -> None:
    rule = ResizeRule(mode, SHORT_SIDE, SHORT_SIDE + 32 if mode == "stretch" else 0)
    spec = ModelSpec("paper", "mit_b0", ("a", "b", "c"), "p", {}, rule)
    image, backend = picture(height, width, height * 7 + width), PaperBackend()
    chosen = window_named(window)
    found = Predictor(backend, spec, chosen, tta=tta, scales=scales, runner_up=True).predict(image)
    # Long strips are padded first.
    least = -(-max(height, width) // LONGEST)
    short = mode == "short_side" and min(height, width) < least
    padding = ((0, max(0, least - height)), (0, max(0, least - width)), (0, 0)) if short else ((0, 0),) * 3
    padded = np.pad(image, padding, mode="edge")
    make = cut_view if window == "slide" else whole_view
    size = (padded.shape[0], padded.shape[1])
    views = [make(rule, size, scale, mirrored=side) for scale in scales for side in (False, True)[: 1 + tta]]
    mean = torch.stack([by_torch(padded, view) for view in views]).mean(0)[:, :height, :width]
    # The scores of a pixel do not depend on the window here, so any gap or shift would show.
    require_like(found, mean)
    highest, _ = mean.topk(2, 0)
    assert found.second is not None
    assert found.margin is not None
    assert (found.second != found.ids).all()
    assert np.abs(found.margin - (highest[0] - highest[1]).numpy() * 255).max() <= 0.51
    if window == "slide" and mode != "native":
        assert max(max(shape[2:]) for shape in backend.asked) <= SHORT_SIDE + 32
        assert not backend.shapes


@pytest.mark.parametrize("mode", ["short_side", "stretch"])
def test_windows_cover_more_of_the_image_and_are_joined(make_spec: MakeSpec, mode: ResizeMode) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of(make_spec, mode), "slide").predict(picture(96, 240))
    # 240 pixels are seen as 160: windows at 0, 32, 64 and 96.
    assert backend.asked == [(4, 3, 64, 64)]


def test_overlapping_windows_are_averaged(make_spec: MakeSpec) -> None:
    class Counting(PaperBackend):
        """Each window of a batch has scores of its own."""

        def scores(self, pixels: Floats) -> Floats:
            numbers = np.arange(len(pixels), dtype=np.float32)
            made = np.zeros((len(pixels), 3, 16, 16), np.float32)
            made[:, 1] = numbers[:, None, None]
            return made

    # Seen as 64x96: windows at 0 and 32 share 32 columns.
    found = Predictor(Counting(), spec_of(make_spec), "slide").predict(picture(96, 144))
    assert found.ids.shape == (96, 144)

    def certainty(score: float) -> int:
        return round(255 * math.exp(score) / (math.exp(score) + 2))

    assert found.confidence[50, 5] == certainty(0)
    assert found.confidence[50, 72] == certainty(0.5)
    assert found.confidence[50, 140] == certainty(1)


@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_strips_do_not_show(make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    image = picture(133, 170)
    runner = Predictor(PaperBackend(kind), spec_of(make_spec), "slide", tta=True, runner_up=True)
    at_once = runner.predict(image)
    monkeypatch.setattr(resample, "STRIP_VALUES", 3 * 170 * 2)
    in_strips = runner.predict(image)
    for name in ("ids", "confidence", "second", "margin"):
        one, other = getattr(at_once, name).astype(int), getattr(in_strips, name).astype(int)
        assert np.mean(one == other) > 0.999, name


def test_too_large_image_is_answered_in_strips(make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor_module, "LARGEST_WHOLE", 100 * 100)
    backend, image = PaperBackend(), picture(100, 101)
    found = Predictor(backend, spec_of(make_spec)).predict(image)
    assert not backend.shapes
    assert backend.asked == [(1, 3, 64, 64)]
    require_like(found, by_torch(image, whole_view(ResizeRule("short_side", SHORT_SIDE), (100, 101))))


def test_too_large_image_at_its_own_size_is_cut(make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor_module, "LARGEST_WHOLE", 1024 * 1024)
    backend = PaperBackend()
    Predictor(backend, spec_of(make_spec, "native")).predict(picture(1100, 1030))
    assert {shape[2:] for shape in backend.asked} == {(1024, 1024)}


def test_a_model_of_ids_alone_is_predicted_whole(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "LARGEST_WHOLE", 100)
    image = picture(20, 30)
    found = Predictor(PaperBackend(None), spec_of(make_spec)).predict(image)
    np.testing.assert_array_equal(found.ids, image[..., 0])
    for wanted in ({"window": "slide"}, {"tta": True}, {"scales": (0.5,)}, {"runner_up": True}):
        with pytest.raises(InputError, match="ids without scores"):
            Predictor(PaperBackend(None), spec_of(make_spec), **wanted)


def test_a_model_of_one_class_is_sure(make_spec: MakeSpec) -> None:
    spec = make_spec(resize=ResizeRule("short_side", SHORT_SIDE), classes=("road",))
    found = Predictor(PaperBackend(), spec, "slide", runner_up=True).predict(picture(9, 7))
    assert found.second is not None
    assert (found.ids.max(), found.confidence.min(), found.second.min()) == (0, 255, 255)


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -1.0)])
def test_scales_that_cannot_be_are_refused(make_spec: MakeSpec, scales: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="scales"):
        Predictor(PaperBackend(), spec_of(make_spec), scales=scales)


@pytest.mark.parametrize(("height", "width"), [(1, 4000), (4000, 1), (3, 100)])
def test_long_strip_is_padded_and_cut_again(make_spec: MakeSpec, height: int, width: int) -> None:
    backend, image = PaperBackend(), picture(height, width)
    found = Predictor(backend, spec_of(make_spec)).predict(image)
    np.testing.assert_array_equal(found.ids, image[..., 0])
    assert found.ids.flags["C_CONTIGUOUS"]
    _, seen_height, seen_width, _ = backend.shapes[0]
    assert max(seen_height, seen_width) <= LONGEST * min(seen_height, seen_width)


@pytest.mark.parametrize("mode", ["stretch", "native"])
def test_strip_is_left_alone_where_its_shorter_side_decides_nothing(
    make_spec: MakeSpec, mode: ResizeMode
) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of(make_spec, mode)).predict(picture(2, 400))
    assert backend.shapes == [(1, 2, 400, 3)]


def test_a_batch_equals_single_images(backend: Backend, tiny_model: Exported) -> None:
    images = np.stack([noise(110, 130, seed) for seed in range(2)])
    for image, ids, confidence in zip(images, *backend.run(images), strict=True):
        alone = Predictor(backend, tiny_model.spec).predict(image)
        assert alone.ids.shape == (110, 130)
        assert np.mean(alone.ids == ids) > 0.9999
        assert np.abs(alone.confidence.astype(int) - confidence.astype(int)).max() <= 1


@pytest.fixture(scope="module")
def tiny_network(tiny_model: Exported) -> SegFormer:
    """The network in torch."""
    return read_network(tiny_model.spec.file(tiny_model.folder, "weights"))


def segmenter(network: SegFormer, spec: ModelSpec, **views: object) -> Segmenter:
    return Segmenter(network, torch.device("cpu"), spec.resize, spec.mean, spec.std, **views)  # type: ignore[arg-type]  # some of its arguments


@pytest.mark.parametrize("size", [(33, 47), (97, 31), (120, 160)])
def test_core_and_strips_answer_as_the_graph_does(
    backend: Backend, tiny_model: Exported, size: tuple[int, int]
) -> None:
    image = noise(*size)
    graph = Predictor(backend, tiny_model.spec).predict(image)
    pieces = Predictor(backend, tiny_model.spec, runner_up=True).predict(image)
    assert np.mean(graph.ids == pieces.ids) > 0.9999
    assert np.abs(graph.confidence.astype(int) - pieces.confidence.astype(int)).max() <= 1


@pytest.mark.parametrize("scales", [(1.0,), (0.75, 1.0, 1.5)])
def test_views_equal_those_of_the_training_engine(
    backend: Backend, tiny_model: Exported, tiny_network: SegFormer, scales: tuple[float, ...]
) -> None:
    image, spec = noise(80, 110), tiny_model.spec
    found = Predictor(backend, spec, tta=True, scales=scales).predict(image)
    expected = segmenter(tiny_network, spec, flip=True, scales=scales).predict(image)
    assert np.mean(found.ids == expected.ids) > 0.9999
    assert np.abs(found.confidence.astype(int) - expected.confidence.astype(int)).max() <= 1


def test_windows_equal_a_plain_computation(
    backend: Backend, tiny_model: Exported, tiny_network: SegFormer
) -> None:
    image, spec = noise(150, 210), tiny_model.spec
    found = Predictor(backend, spec, "slide").predict(image)
    view = cut_view(spec.resize, (150, 210))
    assert (view.height, view.width, view.window_height, view.window_width) == (96, 128, 64, 64)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    plane = F.interpolate(pixels, (96, 128), mode="bilinear", align_corners=False)
    plane = (plane - torch.tensor(spec.mean).view(1, 3, 1, 1)) / torch.tensor(spec.std).view(1, 3, 1, 1)
    total, count = torch.zeros(1, len(spec.classes), 24, 32), torch.zeros(24, 32)
    with torch.inference_mode():
        for top in (0, 32):
            for left in (0, 32, 64):
                logits = tiny_network(plane[:, :, top : top + 64, left : left + 64])
                here = (slice(top // 4, top // 4 + 16), slice(left // 4, left // 4 + 16))
                total[:, :, here[0], here[1]] += logits
                count[here] += 1
        shares = F.interpolate(total / count, (150, 210), mode="bilinear", align_corners=False)[0].softmax(0)
    confidence, ids = shares.max(0)
    assert np.mean(found.ids == ids.numpy()) > 0.9999
    assert np.abs(found.confidence - (confidence * 255).numpy()).max() <= 1.01


def test_seconds_are_those_of_the_last_image(make_spec: MakeSpec) -> None:
    runner = Predictor(PaperBackend(), spec_of(make_spec))
    assert runner.seconds == 0.0
    began = time.perf_counter()
    runner.predict(picture(30, 30))
    assert 0 < runner.seconds <= time.perf_counter() - began


def test_closing_closes_the_backend(make_spec: MakeSpec) -> None:
    backend = PaperBackend()
    Predictor(backend, spec_of(make_spec)).close()
    assert backend.closed


def test_windows_by_name() -> None:
    assert [window_named(name) for name in ("whole", "slide")] == list(WINDOWS)
    with pytest.raises(InputError, match="'tiles'") as caught:
        window_named("tiles")
    assert "slide" in caught.value.hint


def test_a_quick_runner_up_asks_nothing_of_a_model_without_scores(make_spec: MakeSpec) -> None:
    backend = PaperBackend(None)
    found = Predictor(backend, spec_of(make_spec), runner_up=True, quick=True).predict(picture(20, 30))
    assert (found.second, found.margin) == (None, None)
    assert not backend.asked


def test_a_long_strip_has_its_runner_up_cut_as_well(make_spec: MakeSpec) -> None:
    found = Predictor(PaperBackend(), spec_of(make_spec), runner_up=True, quick=True).predict(picture(3, 100))
    assert found.second is not None
    assert found.margin is not None
    assert found.second.shape == found.margin.shape == (3, 100)


def test_too_large_an_image_has_the_exact_runner_up(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(100, 101)
    exact = Predictor(PaperBackend(), spec_of(make_spec), runner_up=True).predict(image)
    monkeypatch.setattr(predictor_module, "LARGEST_WHOLE", 100 * 100)
    quick = Predictor(PaperBackend(), spec_of(make_spec), runner_up=True, quick=True).predict(image)
    assert exact.second is not None
    assert quick.second is not None
    np.testing.assert_array_equal(quick.second, exact.second)
