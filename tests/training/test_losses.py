"""Losses against torch's own, against values by hand, and on the cases that make plain means fail."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from segstudio.training.losses import (
    cross_entropy,
    dice,
    focal,
    lovasz_softmax,
    near_border,
    pixel_weights,
    upsample,
    worst_and_mean_iou,
)


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
    for loss in (cross_entropy, lovasz_softmax, soft_dice, soft_worst, soft_focal):
        torch.testing.assert_close(loss(changed, target), loss(logits, target))


def soft_dice(logits: Tensor, target: Tensor) -> Tensor:
    return dice(logits.softmax(1), target)


def soft_worst(logits: Tensor, target: Tensor) -> Tensor:
    return worst_and_mean_iou(logits.softmax(1), target)


def soft_focal(logits: Tensor, target: Tensor) -> Tensor:
    return focal(logits, target, pixel_weights(target), 2.0)


def certain(answer: list[int], classes: int) -> Tensor:
    return F.one_hot(torch.tensor([[answer]]), classes).permute(0, 3, 1, 2).float()


def test_dice_by_hand() -> None:
    truth = torch.tensor([[[0, 0, 0, 1, 1, 255, 1, 1]]])
    # Class 0: 2 hits of 3 true and 3 claimed; class 1: 3 hits of 4 and 4; class 2 does not occur.
    answer = certain([0, 0, 1, 0, 1, 2, 1, 1], 3)
    assert float(dice(answer, truth)) == pytest.approx(1 - (2 * 2 / 6 + 2 * 3 / 8) / 2)
    assert float(dice(torch.full((1, 3, 1, 8), 1 / 3), truth)) == pytest.approx(
        1 - ((2 * 1) / (3 + 7 / 3) + (2 * 4 / 3) / (4 + 7 / 3)) / 2
    )


def test_worst_and_mean_iou_by_hand() -> None:
    truth = torch.tensor([[[0, 0, 0, 1, 1, 255, 1, 1]]])
    answer = certain([0, 0, 1, 0, 1, 2, 1, 1], 3)
    # IoU 2/4 and 3/5; the class that the image lacks is not the worst one.
    assert float(worst_and_mean_iou(answer, truth)) == pytest.approx(-(0.5 + (0.5 + 0.6) / 2))


def test_focal_without_exponent_is_cross_entropy_and_by_hand_else() -> None:
    logits, target = sample()
    weights = torch.tensor([0.2, 1.0, 3.0, 0.5, 2.0])
    pixels = pixel_weights(target, weights)
    torch.testing.assert_close(focal(logits, target, pixels, 0.0), cross_entropy(logits, target, weights))
    one = torch.tensor([0.7, 0.3]).log().reshape(1, 2, 1, 1)
    two = focal(one, torch.tensor([[[0]]]), torch.ones(1, 1, 1), 2.0)
    assert float(two) == pytest.approx(0.3**2 * -math.log(0.7), rel=1e-5)


def test_focal_has_a_gradient_where_the_answer_is_certain() -> None:
    logits = torch.tensor([[[[200.0]], [[-200.0]]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(
        focal(logits, torch.zeros(1, 1, 1).long(), torch.ones(1, 1, 1), 0.5), logits
    )
    assert gradient.isfinite().all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_borders_are_where_a_square_around_a_pixel_holds_another_class(seed: int, width: int) -> None:
    target = sample(seed, ignored=0.2)[1][:1]
    # Few borders: blocks of equal ids.
    target = target.repeat_interleave(3, 1).repeat_interleave(3, 2)
    found = near_border(target, width)[0]
    rows, columns = target.shape[1:]
    for y in range(rows):
        for x in range(columns):
            around = target[0, max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1]
            others = (around != target[0, y, x]) & (around != 255)
            assert bool(found[y, x]) == (bool(others.any()) and int(target[0, y, x]) != 255)


def test_boundary_pixels_count_more_in_sum_and_mean() -> None:
    target = torch.tensor([[[0, 0, 0, 0, 1, 1, 1, 255]]])
    weights = torch.tensor([1.0, 2.0])
    pixels = pixel_weights(target, weights, boundary=3.0, boundary_width=1)
    assert pixels.flatten().tolist() == [1, 1, 1, 4, 8, 2, 2, 0]
    logits = torch.randn(1, 2, 1, 8, generator=torch.Generator().manual_seed(1))
    single = F.cross_entropy(logits, target, ignore_index=255, reduction="none")
    expected = (single * pixels).sum() / pixels.sum()
    torch.testing.assert_close(cross_entropy(logits, target, weights, pixels=pixels), expected)


def test_upsampling_keeps_the_corners_of_pixels_aligned() -> None:
    wide = upsample(torch.tensor([[[[0.0, 4.0]]]]), (1, 4))
    assert wide.flatten().tolist() == [0.0, 1.0, 3.0, 4.0]
