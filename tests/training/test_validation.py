"""Validation counts at the images' own size, in the classes of the validation masks."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from segstudio.errors import Cancelled
from segstudio.inference.spec import ResizeRule, network_size
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.training.segment import make_segmenter, normalise
from segstudio.training.validate import Validation
from tests.training.conftest import SIDE, SpecMaker, tiny_sample

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> SegFormer:
    torch.manual_seed(5)
    return SegFormer(Architecture("mit_b0", 19)).eval()


def answer(network: SegFormer, pixels: torch.Tensor) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        logits: torch.Tensor = network((pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
    return logits


def test_counts_equal_a_loop_over_pixels(make_spec: SpecMaker, network: SegFormer) -> None:
    validation = Validation(make_spec())
    assert validation
    tally = validation.tally(network, CPU)
    expected, losses = np.zeros((19, 20), np.int64), []
    for number in range(2):
        image, mask = tiny_sample(number)
        height, width = network_size(ResizeRule("short_side", SIDE), *mask.shape)
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)
        logits = answer(network, pixels)
        full = F.interpolate(logits, mask.shape, mode="bilinear", align_corners=False)
        losses.append(F.cross_entropy(full, torch.from_numpy(mask).long()[None], reduction="none").flatten())
        ids = full.argmax(1)[0]
        for truth, predicted in zip(mask.ravel(), ids.numpy().ravel(), strict=True):
            expected[truth, predicted] += 1
    assert np.array_equal(tally.counts, expected)
    assert tally.mean_loss == pytest.approx(float(torch.cat(losses).mean()), rel=1e-5)


def test_the_loss_of_several_views_is_that_of_their_mean(make_spec: SpecMaker, network: SegFormer) -> None:
    validation = Validation(make_spec(studio={"evaluation": {"flip": True}}))
    segmenter = make_segmenter(
        make_spec(studio={"evaluation": {"flip": True}}),
        network,
        CPU,
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
    )
    losses = []
    for number in range(2):
        image, mask = tiny_sample(number)
        share = segmenter.probabilities(image).gather(0, torch.from_numpy(mask).long()[None])
        losses.append(-share.log().flatten())
    found = validation.tally(network, CPU).mean_loss
    assert found == pytest.approx(float(torch.cat(losses).mean()), rel=1e-5)


def test_the_shares_of_all_ranks_add_up(make_spec: SpecMaker, network: SegFormer) -> None:
    validation = Validation(make_spec())
    shares = [validation.tally(network, CPU, rank=rank, ranks=3) for rank in range(3)]
    whole = validation.tally(network, CPU)
    assert np.array_equal(sum(share.counts for share in shares), whole.counts)
    assert sum(share.loss for share in shares) == pytest.approx(whole.loss)
    assert not shares[2].counts.any()
    assert math.isnan(shares[2].mean_loss)


def test_the_protocol_of_tao_stretches_image_and_mask(make_spec: SpecMaker, network: SegFormer) -> None:
    spec = make_spec(studio={"evaluation": {"protocol": "tao"}})
    counts = Validation(spec).tally(network, CPU).counts
    expected = np.zeros((19, 20), np.int64)
    for number in range(2):
        image, mask = tiny_sample(number)
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        pixels = F.interpolate(pixels, (SIDE, SIDE), mode="bilinear", align_corners=False)
        logits = answer(network, pixels)
        ids = F.interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=False).argmax(1)[0]
        truth = Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        np.add.at(expected, (np.asarray(truth).ravel(), ids.numpy().ravel()), 1)
    assert np.array_equal(counts, expected)
    assert counts.sum() == 2 * SIDE * SIDE


def test_predictions_are_mapped_to_the_palette_of_the_masks(make_spec: SpecMaker, network: SegFormer) -> None:
    segment = make_spec().dataset.segment
    folders = {"images": f"{segment.root_dir}/images/val", "masks": f"{segment.root_dir}/masks/val"}
    validation = Validation(
        make_spec(studio={"validation": [{"palette": "camvid-11", **folders, "limit": 1}]})
    )
    assert validation.palette.count == 11
    assert len(validation.model_names) == 19
    assert len(validation.pairs) == 1
    tally = validation.tally(network, CPU)
    assert tally.counts.shape == (11, 12)
    # Cross-entropy against other classes than the network's would mean nothing.
    assert math.isnan(tally.mean_loss)


def test_a_stopped_validation_raises(make_spec: SpecMaker, network: SegFormer) -> None:
    def stop() -> None:
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        Validation(make_spec()).tally(network, CPU, stop)


def test_normalise_by_channel() -> None:
    pixels = torch.tensor([0.5, 0.6, 0.9]).view(1, 3, 1, 1)
    values = normalise(pixels, (0.5, 0.5, 0.5), (0.5, 0.1, 0.2)).flatten()
    torch.testing.assert_close(values, torch.tensor([0.0, 1.0, 2.0]))
