"""What a training minimises: the weighted sum of the losses that a spec names."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.training.losses import (
    TINY,
    cross_entropy,
    dice,
    focal,
    lovasz_softmax,
    pixel_weights,
    upsample,
    worst_and_mean_iou,
)
from segstudio.training.spec.schema import ExperimentSpec

# Lovasz sorts every pixel once a class: every third one a side gives the same gradient on average.
LOVASZ_STRIDE = 3


class Objective:
    """The loss of a spec; parts whose weight is 0 cost nothing."""

    def __init__(self, spec: ExperimentSpec, class_pixels: NDArray[np.int64], device: torch.device) -> None:
        self._parts = spec.studio.loss
        self._worst = spec.train.segment.loss == "mmiou"
        self._weights = class_weights(
            class_pixels, self._parts.class_weight_strength, self._parts.class_weights, device
        )

    def amount(self, ids: Tensor) -> Tensor:
        """What the pixels of ids int64 [N,H,W] count together; a scalar."""
        return self._pixels(ids).sum()

    def __call__(self, logits: Tensor, ids: Tensor, amount: Tensor | None = None) -> Tensor:
        """The loss of one batch.

        Where a step is made of several batches or processes, each gets as `amount` the sum of all their
        amounts divided by the number of processes: then the losses added over batches and averaged over
        processes are those of one large batch. Parts that are no mean over pixels (Dice, Lovasz, mmiou,
        hardest pixels) are averaged by the batches' amounts.

        Args:
            logits: [N,K,h,w] at the network's stride.
            ids: int64 [N,H,W], 255 = ignore.
            amount: what pixel means are divided by; None takes the batch's own.
        """
        parts = self._parts
        logits = upsample(logits.float(), (ids.shape[1], ids.shape[2]))
        pixels = self._pixels(ids)
        own = pixels.sum()
        share = torch.ones_like(own) if amount is None else own / amount.clamp(min=TINY)
        total = logits.new_zeros(())
        if parts.ce and not self._worst:
            total = total + parts.ce * self._cross_entropy(logits, ids, pixels, share, amount)
        if parts.focal:
            total = total + parts.focal * focal(logits, ids, pixels, parts.focal_gamma, amount)
        if parts.dice or self._worst:
            probabilities = logits.softmax(1)
            if parts.dice:
                total = total + parts.dice * share * dice(probabilities, ids)
            if self._worst:
                total = total + parts.ce * share * worst_and_mean_iou(probabilities, ids)
        if parts.lovasz:
            grid = slice(LOVASZ_STRIDE // 2, None, LOVASZ_STRIDE)
            total = total + parts.lovasz * share * lovasz_softmax(
                logits[:, :, grid, grid], ids[:, grid, grid]
            )
        return total

    def _cross_entropy(
        self, logits: Tensor, ids: Tensor, pixels: Tensor, share: Tensor, amount: Tensor | None
    ) -> Tensor:
        hard = self._parts.hardest_share < 1.0
        loss = cross_entropy(
            logits,
            ids,
            self._weights,
            label_smoothing=self._parts.label_smoothing,
            hardest_share=self._parts.hardest_share,
            pixels=pixels if self._parts.boundary else None,
            amount=None if hard else amount,
        )
        return loss * share if hard else loss

    def _pixels(self, ids: Tensor) -> Tensor:
        return pixel_weights(
            ids, self._weights, boundary=self._parts.boundary, boundary_width=self._parts.boundary_width
        )


def class_weights(
    pixels: NDArray[np.int64], strength: float, given: tuple[float, ...], device: torch.device
) -> Tensor | None:
    """Weights [K]: those given, else ~ frequency^-strength with mean 1 over the classes that occur.

    Absent classes weigh 1; without either there are none.
    """
    if given:
        return torch.tensor(given, dtype=torch.float32, device=device)
    if strength == 0:
        return None
    frequency = pixels / max(1, pixels.sum())
    weights = np.ones(len(pixels))
    present = frequency > 0
    weights[present] = frequency[present] ** -strength
    weights[present] /= weights[present].mean()
    return torch.tensor(weights, dtype=torch.float32, device=device)
