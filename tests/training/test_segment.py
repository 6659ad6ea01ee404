"""The Segmenter against transformers' SegFormer, and against a second, plain way to slide and to average."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from segstudio.inference.spec import ResizeRule
from segstudio.networks.checkpoint_file import CheckpointFile
from segstudio.networks.key_maps import recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_tensors
from segstudio.training.segment import Segmenter, make_segmenter, nearest, scored_size, starts
from tests.training.conftest import SpecMaker

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
CPU = torch.device("cpu")
CLASSES = 5


@pytest.fixture(scope="module")
def peer() -> SegformerForSemanticSegmentation:
    torch.manual_seed(4)
    config = SegformerConfig(
        hidden_sizes=[32, 64, 160, 256], depths=[2, 2, 2, 2], decoder_hidden_size=256, num_labels=CLASSES
    )
    return SegformerForSemanticSegmentation(config).eval()


@pytest.fixture(scope="module")
def network(peer: SegformerForSemanticSegmentation) -> SegFormer:
    found = recognise(CheckpointFile(peer.state_dict()))
    made = SegFormer(found.architecture)
    assert not load_tensors(made, found.tensors, "the peer").missing
    return made


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def prepared(image: NDArray[np.uint8], height: int, width: int) -> Tensor:
    """Resized, then normalised, by arithmetic of its own."""
    pixels = torch.tensor(image.astype(np.float32) / 255).permute(2, 0, 1)[None]
    pixels = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)
    return torch.stack([(pixels[:, c] - MEAN[c]) / STD[c] for c in range(3)], 1)


def answer(peer: SegformerForSemanticSegmentation, pixels: Tensor, size: tuple[int, int]) -> Tensor:
    with torch.inference_mode():
        logits = peer(pixel_values=pixels).logits
    return F.interpolate(logits, size, mode="bilinear", align_corners=False)


def slid(run: Callable[[Tensor, tuple[int, int]], Tensor], pixels: Tensor, side: int, stride: int) -> Tensor:
    """mmsegmentation's sliding, window by window: the corner is moved back where a window would stick out."""
    _, _, height, width = pixels.shape
    total, count = torch.zeros(1, CLASSES, height, width), torch.zeros(1, 1, height, width)
    top = 0
    while True:
        bottom = min(top + side, height)
        first_row = max(bottom - side, 0)
        left = 0
        while True:
            right = min(left + side, width)
            first_column = max(right - side, 0)
            window = pixels[:, :, first_row:bottom, first_column:right]
            total[:, :, first_row:bottom, first_column:right] += run(
                window, (bottom - first_row, right - first_column)
            )
            count[:, :, first_row:bottom, first_column:right] += 1
            if right == width:
                break
            left += stride
        if bottom == height:
            break
        top += stride
    return total / count


def test_a_whole_image_is_answered_as_transformers_does(
    peer: SegformerForSemanticSegmentation, network: SegFormer
) -> None:
    image = photo(70, 113)
    segmenter = Segmenter(network, CPU, ResizeRule("short_side", 64), MEAN, STD)
    # 113 * 64 / 70 = 103.3, to the next multiple of 32.
    expected = answer(peer, prepared(image, 64, 96), (70, 113))[0]
    torch.testing.assert_close(segmenter.logits(image), expected, atol=2e-4, rtol=0)
    assert np.array_equal(segmenter.ids(image), expected.argmax(0).numpy())
    torch.testing.assert_close(segmenter.probabilities(image), expected.softmax(0), atol=1e-4, rtol=0)
    answered = segmenter.predict(image)
    assert np.array_equal(answered.ids, segmenter.ids(image))
    largest = expected.softmax(0).amax(0).numpy() * 255
    assert np.abs(answered.confidence - largest).max() <= 0.55


@pytest.mark.parametrize(("height", "width"), [(96, 160), (64, 70), (40, 50)])
def test_windows_are_summed_as_mmsegmentation_does(
    peer: SegformerForSemanticSegmentation, network: SegFormer, height: int, width: int
) -> None:
    image = photo(height, width, 1)
    segmenter = Segmenter(
        network, CPU, ResizeRule("native"), MEAN, STD, window="slide", window_size=64, stride=48
    )
    resized = (max(1, round(height / 32)) * 32, max(1, round(width / 32)) * 32)
    scores = slid(lambda pixels, size: answer(peer, pixels, size), prepared(image, *resized), 64, 48)
    expected = F.interpolate(scores, (height, width), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(segmenter.logits(image), expected, atol=2e-4, rtol=0)


def test_views_are_averaged_as_probabilities(
    peer: SegformerForSemanticSegmentation, network: SegFormer
) -> None:
    image = photo(64, 96, 2)
    rule = ResizeRule("short_side", 64)
    segmenter = Segmenter(network, CPU, rule, MEAN, STD, flip=True, scales=(1.0, 1.5))
    views = []
    for height, width in ((64, 96), (96, 160)):
        # 64 and 96 times 1.5 are 96 and 144, which becomes a multiple of 32 (half to the even one).
        wide = 128 if width == 160 else width
        plain = answer(peer, prepared(image, height, wide), (64, 96)).softmax(1)
        mirror = answer(peer, prepared(image[:, ::-1], height, wide), (64, 96)).softmax(1).flip(3)
        views += [plain, mirror]
    expected = torch.cat(views).mean(0)
    torch.testing.assert_close(segmenter.probabilities(image), expected, atol=1e-4, rtol=0)
    assert np.array_equal(segmenter.ids(image), expected.argmax(0).numpy())


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 400), (500, 2), (33, 65)])
@pytest.mark.parametrize(
    "rule", [ResizeRule("short_side", 32), ResizeRule("stretch", 64, 32), ResizeRule("native")]
)
def test_every_size_comes_back_as_it_was(
    network: SegFormer, rule: ResizeRule, height: int, width: int
) -> None:
    segmenter = Segmenter(network, CPU, rule, MEAN, STD)
    ids = segmenter.ids(photo(height, width))
    assert ids.shape == (height, width)
    assert ids.dtype == np.uint8
    assert ids.max() < CLASSES


def test_a_network_in_training_is_put_into_evaluation_mode(network: SegFormer) -> None:
    segmenter = Segmenter(network.train(), CPU, ResizeRule("native"), MEAN, STD)
    assert not any(module.training for module in segmenter.network.modules())


class Brightness(nn.Module):
    """Two classes: dark and bright, by the mean colour; as a network of stride 4."""

    def forward(self, pixels: Tensor) -> Tensor:
        grey = F.avg_pool2d(pixels.mean(1, keepdim=True), 4)
        return torch.cat([-grey, grey], 1)


def test_low_precision_gives_floats_again() -> None:
    image = photo(64, 64)
    exact = Segmenter(Brightness(), CPU, ResizeRule("native"), MEAN, STD)
    rough = Segmenter(Brightness(), CPU, ResizeRule("native"), MEAN, STD, precision="bf16-mixed")
    assert rough.logits(image).dtype == torch.float32
    assert np.mean(exact.ids(image) == rough.ids(image)) > 0.99


def test_the_protocol_of_tao_answers_at_img_size(make_spec: SpecMaker) -> None:
    spec = make_spec(studio={"evaluation": {"protocol": "tao"}})
    assert scored_size(spec) == (64, 64)
    segmenter = make_segmenter(spec, Brightness(), CPU, (0.5,) * 3, (0.5,) * 3)
    assert segmenter.rule == ResizeRule("stretch", 64, 64)
    assert segmenter.ids(photo(30, 50), scored_size(spec)).shape == (64, 64)
    assert scored_size(make_spec()) is None
    assert make_segmenter(make_spec(), Brightness(), CPU, MEAN, STD).rule == ResizeRule("short_side", 64)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 70), st.integers(1, 70))
def test_masks_are_resized_to_the_nearest_as_pillow_does(
    height: int, width: int, new_height: int, new_width: int
) -> None:
    ids = np.random.default_rng(height * width).integers(0, 256, (height, width), np.uint8)
    theirs = np.asarray(Image.fromarray(ids).resize((new_width, new_height), Image.Resampling.NEAREST))
    # Pillow sums up steps, so where a centre lies between two pixels it may take either.
    rows = (2 * np.arange(new_height) + 1) * height % (2 * new_height) != 0
    columns = (2 * np.arange(new_width) + 1) * width % (2 * new_width) != 0
    clear = np.ix_(rows, columns)
    assert np.array_equal(nearest(ids, (new_height, new_width))[clear], theirs[clear])


def test_where_windows_begin() -> None:
    assert starts(2048, 1024, 768) == [0, 768, 1024]
    assert starts(1024, 1024, 768) == [0]
    assert starts(1025, 1024, 768) == [0, 1]


@given(st.integers(1, 300), st.integers(1, 100), st.data())
def test_windows_cover_everything(length: int, side: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, side))
    side = min(side, length)
    first = starts(length, side, stride)
    covered = {place for start in first for place in range(start, start + side)}
    assert covered == set(range(length))
    assert first == sorted(set(first))
