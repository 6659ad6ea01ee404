"""Losses on class scores at a quarter of the size of their target; ignored pixels never count, in no mean."""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits [N,K,h,w] to [N,K,H,W], bilinear, align_corners False, as at inference."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over the counted pixels; logits [N,K,H,W], target int64 [N,H,W], class weights [K] or None.

    Without any counted pixel it is 0 (with gradient 0), where the plain mean would be NaN.
    """
    total = F.cross_entropy(logits, target, weight=weights, ignore_index=IGNORE, reduction="sum")
    counted = target[target != IGNORE]
    amount = weights[counted].sum() if weights is not None else logits.new_tensor(float(counted.numel()))
    return total / amount.clamp(min=1e-6)


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
