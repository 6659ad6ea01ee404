"""Losses on class scores at the size of their target; ignored pixels never count, in no sum and no mean."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits [N,K,h,w] to [N,K,H,W], bilinear, align_corners False, as at inference."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weights: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    hardest_share: float = 1.0,
) -> Tensor:
    """Cross-entropy, averaged over the counted pixels by their class weights.

    Without any counted pixel it is 0 (with gradient 0), where the plain mean would be NaN.

    Args:
        logits: float [N,K,H,W].
        target: int64 [N,H,W], 255 = ignore.
        weights: [K], or None for 1 each.
        label_smoothing: 0-1, the share of the target spread over all classes.
        hardest_share: only this share of the counted pixels, those of the largest loss (arXiv 1604.03540).
    """
    losses = F.cross_entropy(
        logits, target, weights, ignore_index=IGNORE, reduction="none", label_smoothing=label_smoothing
    )
    counted = target != IGNORE
    amounts = counted.to(losses.dtype)
    if weights is not None:
        amounts = weights[torch.where(counted, target, 0)] * amounts
    if hardest_share < 1.0:
        keep = math.ceil(hardest_share * int(counted.sum()))
        # Ignored pixels have loss 0: below zero they are never among the hardest.
        chosen = torch.where(counted, losses.detach(), -1.0).flatten().topk(keep).indices
        losses, amounts = losses.flatten()[chosen], amounts.flatten()[chosen]
    return losses.sum() / amounts.sum().clamp(min=1e-6)


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
