"""Validation counts at the images' own size, in the classes of the validation masks."""

import numpy as np
import torch
from torch.nn import functional as F

from segstudio.inference.spec import ResizeRule, network_size
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.training.validate import Validation, normalise
from tests.training.conftest import SpecMaker, tiny_sample


def test_counts_equal_a_loop_over_pixels(make_spec: SpecMaker) -> None:
    torch.manual_seed(5)
    network = SegFormer(Architecture("mit_b0", 19)).eval()
    validation = Validation(make_spec())
    counts = validation.counts(network, torch.device("cpu"))
    expected = np.zeros((19, 20), np.int64)
    for number in range(2):
        image, mask = tiny_sample(number)
        height, width = network_size(ResizeRule("short_side", 64), *mask.shape)
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", align_corners=False)
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        with torch.inference_mode():
            logits = network((pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
        answer = F.interpolate(logits, mask.shape, mode="bilinear", align_corners=False).argmax(1)[0]
        for truth, predicted in zip(mask.ravel(), answer.numpy().ravel(), strict=True):
            expected[truth, predicted] += 1
    assert np.array_equal(counts, expected)


def test_predictions_are_mapped_to_the_palette_of_the_masks(make_spec: SpecMaker) -> None:
    spec = make_spec(studio={"validation": {"palette": "camvid-11", "images": "", "masks": ""}})
    assert Validation(spec).palette.count == 19
    segment = spec.dataset.segment
    folders = {"images": f"{segment.root_dir}/images/val", "masks": f"{segment.root_dir}/masks/val"}
    validation = Validation(make_spec(studio={"validation": {"palette": "camvid-11", **folders, "limit": 1}}))
    assert validation.palette.count == 11
    assert len(validation.pairs) == 1
    assert validation.counts(SegFormer(Architecture("mit_b0", 19)), torch.device("cpu")).shape == (11, 12)


def test_normalise_by_channel() -> None:
    pixels = torch.tensor([0.5, 0.6, 0.9]).view(1, 3, 1, 1)
    values = normalise(pixels, (0.5, 0.5, 0.5), (0.5, 0.1, 0.2)).flatten()
    torch.testing.assert_close(values, torch.tensor([0.0, 1.0, 2.0]))
