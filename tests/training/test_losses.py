"""Losses against torch's own, against values by hand, and on the cases that make plain means fail."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from segstudio.training.losses import cross_entropy, lovasz_softmax, upsample


def sample(seed: int = 0, ignored: float = 0.3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 5, 6, 7, generator=generator)
    target = torch.randint(0, 5, (2, 6, 7), generator=generator)
    target[torch.rand(target.shape, generator=generator) < ignored] = 255
    return logits, target


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_equals_torch(smoothing: float, weighted: bool) -> None:
    logits, target = sample()
    weights = torch.tensor([0.2, 1.0, 3.0, 0.5, 2.0]) if weighted else None
    ours = cross_entropy(logits, target, weights, label_smoothing=smoothing)
    theirs = F.cross_entropy(logits, target, weights, ignore_index=255, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)


def test_ignored_pixels_do_not_dilute_the_mean() -> None:
    logits = torch.zeros(1, 4, 1, 8)
    target = torch.full((1, 1, 8), 255)
    target[0, 0, 0] = 2
    assert float(cross_entropy(logits, target)) == pytest.approx(math.log(4))


def test_nothing_counted_gives_zero_and_zero_gradient() -> None:
    logits = torch.randn(1, 4, 3, 3, requires_grad=True)
    target = torch.full((1, 3, 3), 255)
    for loss in (cross_entropy(logits, target), lovasz_softmax(logits, target)):
        assert float(loss.detach()) == 0.0
        (gradient,) = torch.autograd.grad(loss, logits)
        assert not gradient.any()


def test_hardest_share_averages_the_largest_losses() -> None:
    logits, target = sample()
    single = F.cross_entropy(logits, target, ignore_index=255, reduction="none")[target != 255]
    keep = math.ceil(0.25 * single.numel())
    expected = single.sort(descending=True).values[:keep].mean()
    torch.testing.assert_close(cross_entropy(logits, target, hardest_share=0.25), expected)


def test_lovasz_by_hand() -> None:
    # Two pixels, two classes, probabilities of class 1: 0.8 where it is true, 0.6 where class 0 is.
    probabilities = torch.tensor([[0.2, 0.4], [0.8, 0.6]])
    logits = probabilities.log().reshape(1, 2, 1, 2)
    target = torch.tensor([[[1, 0]]])
    # Class 1: errors 0.6 (background) then 0.2; Jaccard loss of {2nd} = 1/2, of both = 1: 0.6/2 + 0.2/2.
    # Class 0: errors 0.6 (foreground, the missed pixel) then 0.2: loss 1 at once, so 0.6.
    assert float(lovasz_softmax(logits, target)) == pytest.approx((0.4 + 0.6) / 2)


def test_lovasz_is_one_minus_mean_iou_on_certain_answers() -> None:
    truth = torch.tensor([[[0, 0, 0, 1, 1, 2, 255, 2]]])
    answer = torch.tensor([[[0, 0, 1, 1, 1, 2, 2, 0]]])
    logits = 60.0 * F.one_hot(answer, 3).permute(0, 3, 1, 2).float()
    # IoU: class 0 2/4, class 1 2/3, class 2 1/2.
    assert float(lovasz_softmax(logits, truth)) == pytest.approx(1 - (1 / 2 + 2 / 3 + 1 / 2) / 3, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_ignored_scores_have_no_influence(seed: int) -> None:
    logits, target = sample(seed)
    changed = torch.where((target == 255)[:, None], logits + 50.0 * torch.randn_like(logits), logits)
    for loss in (cross_entropy, lovasz_softmax):
        torch.testing.assert_close(loss(changed, target), loss(logits, target))


def test_upsampling_keeps_the_corners_of_pixels_aligned() -> None:
    wide = upsample(torch.tensor([[[[0.0, 4.0]]]]), (1, 4))
    assert wide.flatten().tolist() == [0.0, 1.0, 3.0, 4.0]
