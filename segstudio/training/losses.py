"""Losses on class scores at the size of their target; ignored pixels never count, in no sum and no mean."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255
TINY = 1e-6


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits [N,K,h,w] to [N,K,H,W], bilinear, align_corners False, as at inference."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def pixel_weights(
    target: Tensor, class_weights: Tensor | None = None, *, boundary: float = 0.0, boundary_width: int = 3
) -> Tensor:
    """What each pixel counts: its class's weight, more near borders, 0 where it is ignored; float [N,H,W].

    Args:
        target: int64 [N,H,W], 255 = ignore.
        class_weights: [K], or None for 1 each.
        boundary: pixels near a border count 1 + boundary times.
        boundary_width: how far from a border that is, in pixels (as a square).
    """
    counted = target != IGNORE
    weights = counted.float()
    if class_weights is not None:
        weights = weights * class_weights[torch.where(counted, target, 0)]
    if boundary:
        weights = weights * (1.0 + boundary * near_border(target, boundary_width).float())
    return weights


def near_border(target: Tensor, width: int) -> Tensor:
    """Which pixels have another class within a square of `width` pixels around them; bool [N,H,W].

    Ignored pixels are no class: next to them there is no border.
    """
    ids, ignored = target.float(), target == IGNORE
    # The largest id around a pixel, then the smallest; one pooling a direction.
    highest = _spread(torch.where(ignored, -1.0, ids), width)
    lowest = -_spread(torch.where(ignored, -256.0, -ids), width)
    return (highest != lowest) & ~ignored


def _spread(values: Tensor, width: int) -> Tensor:
    side = 2 * width + 1
    wide = F.max_pool2d(values[:, None], (1, side), stride=1, padding=(0, width))
    return F.max_pool2d(wide, (side, 1), stride=1, padding=(width, 0))[:, 0]


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weights: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    hardest_share: float = 1.0,
    pixels: Tensor | None = None,
    amount: Tensor | None = None,
) -> Tensor:
    """Cross-entropy, averaged over the counted pixels by their weights.

    Without any counted pixel it is 0 (with gradient 0), where the plain mean would be NaN.

    Args:
        logits: float [N,K,H,W].
        target: int64 [N,H,W], 255 = ignore.
        weights: of the classes, [K], or None for 1 each.
        label_smoothing: 0-1, the share of the target spread over all classes.
        hardest_share: only this share of the counted pixels, those of the largest loss (arXiv 1604.03540).
        pixels: `pixel_weights` with the same class weights; None computes them.
        amount: what the sum is divided by; None takes the sum of the pixels' weights.
    """
    losses = F.cross_entropy(
        logits, target, weights, ignore_index=IGNORE, reduction="none", label_smoothing=label_smoothing
    )
    shares = pixel_weights(target, weights) if pixels is None else pixels
    if pixels is not None:
        # The class weights are in the losses already; what is left is the weight of the place.
        own = pixel_weights(target, weights)
        losses = losses * torch.where(own > 0, shares / own.clamp(min=TINY), 0.0)
    if hardest_share < 1.0:
        counted = target != IGNORE
        keep = math.ceil(hardest_share * int(counted.sum()))
        # Ignored pixels have loss 0: below zero they are never among the hardest.
        chosen = torch.where(counted, losses.detach(), -1.0).flatten().topk(keep).indices
        losses, shares = losses.flatten()[chosen], shares.flatten()[chosen]
    return losses.sum() / (shares.sum() if amount is None else amount).clamp(min=TINY)


def focal(
    logits: Tensor, target: Tensor, pixels: Tensor, gamma: float, amount: Tensor | None = None
) -> Tensor:
    """The focal loss (1 - p)^gamma x cross-entropy (Lin et al., arXiv 1708.02002), averaged by weight.

    Args:
        logits: float [N,K,H,W].
        target: int64 [N,H,W], 255 = ignore.
        pixels: `pixel_weights`, [N,H,W].
        gamma: 0 or more; 0 is cross-entropy.
        amount: what the sum is divided by; None takes the sum of the weights.
    """
    losses = F.cross_entropy(logits, target, ignore_index=IGNORE, reduction="none")
    # The probability is kept below 1: the power of 0 has no gradient for gamma below 1.
    wrong = (1.0 - torch.exp(-losses)).clamp(min=TINY)
    total = (wrong**gamma * losses * pixels).sum()
    return total / (pixels.sum() if amount is None else amount).clamp(min=TINY)


def dice(probabilities: Tensor, target: Tensor) -> Tensor:
    """1 - the soft Dice coefficient, over the classes that occur in the batch (arXiv 1606.04797, with sums).

    Args:
        probabilities: float [N,K,H,W], summing to 1 over the classes.
        target: int64 [N,H,W], 255 = ignore.
    """
    hits, claimed, support = _soft_counts(probabilities, target, (0, 2, 3))
    present = support > 0
    if not bool(present.any()):
        return probabilities.sum() * 0.0
    return 1.0 - (2.0 * hits[present] / (claimed + support)[present]).mean()


def worst_and_mean_iou(probabilities: Tensor, target: Tensor) -> Tensor:
    """Minus the sum of worst and mean soft IoU over images and classes: the loss that TAO calls mmiou.

    TAO takes all classes: one that an image lacks has IoU 0, which is then always the worst and teaches
    nothing. Here only the classes that occur in an image count, and ignored pixels (on which TAO's fails)
    do not.

    Args:
        probabilities: float [N,K,H,W], summing to 1 over the classes.
        target: int64 [N,H,W], 255 = ignore.
    """
    hits, claimed, support = _soft_counts(probabilities, target, (2, 3))
    present = support > 0
    if not bool(present.any()):
        return probabilities.sum() * 0.0
    iou = hits[present] / (claimed + support - hits)[present]
    return -(iou.min() + iou.mean())


def _soft_counts(
    probabilities: Tensor, target: Tensor, over: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """Soft true positives, claimed and true pixels by class, summed over some dimensions."""
    counted = (target != IGNORE)[:, None]
    truth = torch.zeros_like(probabilities).scatter_(1, torch.where(counted, target[:, None], 0), 1.0)
    truth, claims = truth * counted, probabilities * counted
    return (truth * claims).sum(over), claims.sum(over), truth.sum(over)


def lovasz_softmax(logits: Tensor, target: Tensor) -> Tensor:
    """The Lovasz extension of the mean IoU over the classes in the batch (Berman et al., arXiv 1705.08790).

    Args:
        logits: float [N,K,H,W].
        target: int64 [N,H,W], 255 = ignore.
    """
    keep = target != IGNORE
    if not bool(keep.any()):
        return logits.sum() * 0.0
    probabilities = logits.float().softmax(1).permute(0, 2, 3, 1)[keep]
    truth = target[keep]
    losses = []
    for class_id in torch.bincount(truth).nonzero().flatten().tolist():
        foreground = (truth == class_id).float()
        errors, order = (foreground - probabilities[:, class_id]).abs().sort(descending=True)
        losses.append(errors @ _jaccard_steps(foreground[order]))
    return torch.stack(losses).mean()


def _jaccard_steps(sorted_truth: Tensor) -> Tensor:
    """The growth of the Jaccard loss as pixels are added in order of their error; [P]."""
    total = sorted_truth.sum()
    intersection = total - sorted_truth.cumsum(0)
    union = total + (1.0 - sorted_truth).cumsum(0)
    jaccard = 1.0 - intersection / union
    return torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
