"""Segments images of any size with a network: whole or by windows, at several sizes, mirrored."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.inference.prediction import Prediction
from segstudio.inference.predictor import LARGEST_WHOLE, LONGEST
from segstudio.inference.spec import ResizeRule, network_size
from segstudio.training.losses import IGNORE, upsample
from segstudio.training.spec.derived import resize_rule
from segstudio.training.spec.schema import ExperimentSpec

# So many windows go through the network at once.
WINDOW_BATCH = 4
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class Segmenter:
    """A network with its way of looking at images; it is put into evaluation mode.

    An image is brought to the network's size by the one resize rule, normalised, answered, and the logits
    are brought back to the image's size (bilinear, align_corners False), where the largest one wins. Where
    an image is seen more than once, at several scales or mirrored, the softmax probabilities of the views are
    averaged at the image's size.

    Args:
        network: normalised images [N,3,H,W] to logits [N,K,h,w] of any stride.
        device: where it lies.
        rule: how images are brought to the network's size.
        mean, std: by channel, for pixels 0-1.
        window: whole, or slide: windows of `window_size` every `stride` pixels of the resized image, the last
            one at its edge; logits are summed over windows and divided by their number, as mmsegmentation
            does. Images that would be too large for memory are always cut into windows.
        flip: also sees the mirror image.
        scales: factors of the network's size, each rounded to the rule's multiple.
        precision: 32-true, bf16-mixed or 16-mixed.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        rule: ResizeRule,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        window: str = "whole",
        window_size: int = 1024,
        stride: int = 768,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        precision: str = "32-true",
    ) -> None:
        self.network = network.eval()
        self.device = device
        self.rule = rule
        self.window, self.window_size, self.stride = window, window_size, stride
        self.views = [(scale, mirrored) for scale in scales for mirrored in ((False, True)[: 1 + flip])]
        self._mean, self._std = mean, std
        self._precision = precision

    @torch.inference_mode()
    def ids(self, image: NDArray[np.uint8], size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Class ids uint8 [H,W] of one RGB image uint8 [H,W,3], or of another (height, width)."""
        scores = self.logits(image, size) if len(self.views) == 1 else self.probabilities(image, size)
        return as_array(scores.argmax(0))

    @torch.inference_mode()
    def judged(
        self, image: NDArray[np.uint8], truth: NDArray[np.uint8] | None, size: tuple[int, int] | None = None
    ) -> tuple[NDArray[np.uint8], float]:
        """`ids`, and the sum of the cross-entropy over the pixels of a truth uint8 [H,W] that count.

        Without a truth the sum is NaN.
        """
        single = len(self.views) == 1
        scores = self.logits(image, size) if single else self.probabilities(image, size)
        if truth is None:
            return as_array(scores.argmax(0)), math.nan
        target = torch.from_numpy(truth).to(self.device).long()[None]
        logarithms = scores[None].log_softmax(1) if single else scores[None].clamp(min=1e-12).log()
        loss = F.nll_loss(logarithms, target, ignore_index=IGNORE, reduction="sum")
        return as_array(scores.argmax(0)), float(loss)

    @torch.inference_mode()
    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Class ids and the probability of each, at the image's size."""
        confidence, ids = self.probabilities(image).max(0)
        return Prediction(as_array(ids), as_array((confidence * 255).round()))

    @torch.inference_mode()
    def probabilities(self, image: NDArray[np.uint8], size: tuple[int, int] | None = None) -> Tensor:
        """Probabilities float32 [K,H,W] of one RGB image uint8 [H,W,3], averaged over the views."""
        pixels, size = self._pixels(image), size or (image.shape[0], image.shape[1])
        total = self._view(pixels, size, *self.views[0]).softmax(1)
        for view in self.views[1:]:
            total += self._view(pixels, size, *view).softmax(1)
        return (total / len(self.views))[0]

    @torch.inference_mode()
    def logits(self, image: NDArray[np.uint8], size: tuple[int, int] | None = None) -> Tensor:
        """Logits float32 [K,H,W] of the first view alone."""
        return self._view(self._pixels(image), size or (image.shape[0], image.shape[1]), *self.views[0])[0]

    def _pixels(self, image: NDArray[np.uint8]) -> Tensor:
        """float32 [1,3,H,W] of 0-1 on the device."""
        return torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None].float() / 255

    def _view(self, pixels: Tensor, size: tuple[int, int], scale: float, mirrored: bool) -> Tensor:
        """Logits float32 [1,K,H,W] of one view, of `size` and the right way round."""
        height, width = pixels.shape[2], pixels.shape[3]
        padded = padded_strip(pixels, self.rule)
        seen = upsample(padded.flip(3) if mirrored else padded, self._size(padded, scale))
        logits = self._whole_or_cut(normalise(seen, self._mean, self._std))
        logits = logits.flip(3) if mirrored else logits
        if padded.shape == pixels.shape:
            return restored(logits, size)
        # What a strip was filled up with is cut off before another size is made of it.
        full = restored(logits, (padded.shape[2], padded.shape[3]))[:, :, :height, :width]
        return full if size == (height, width) else restored(full, size)

    def _size(self, pixels: Tensor, scale: float) -> tuple[int, int]:
        height, width = network_size(self.rule, pixels.shape[2], pixels.shape[3])
        return (height, width) if scale == 1 else (self._scaled(height, scale), self._scaled(width, scale))

    def _scaled(self, side: int, scale: float) -> int:
        multiple = self.rule.multiple
        return max(1, round(side * scale / multiple)) * multiple

    def _whole_or_cut(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2], pixels.shape[3]
        if self.window == "whole" and height * width <= LARGEST_WHOLE:
            return self._run(pixels)
        tall, wide = min(self.window_size, height), min(self.window_size, width)
        places = [
            (slice(top, top + tall), slice(left, left + wide))
            for top in starts(height, tall, self.stride)
            for left in starts(width, wide, self.stride)
        ]
        count = pixels.new_zeros(1, 1, height, width)
        total: Tensor | None = None
        for first in range(0, len(places), WINDOW_BATCH):
            chosen = places[first : first + WINDOW_BATCH]
            windows = torch.cat([pixels[:, :, rows, columns] for rows, columns in chosen])
            answers = restored(self._run(windows), (tall, wide))
            if total is None:
                total = answers.new_zeros(1, answers.shape[1], height, width)
            for answer, (rows, columns) in zip(answers, chosen, strict=True):
                total[0, :, rows, columns] += answer
                count[:, :, rows, columns] += 1
        assert total is not None
        return total / count

    def _run(self, pixels: Tensor) -> Tensor:
        dtype = AUTOCAST.get(self._precision)
        cast: AbstractContextManager[object] = (
            torch.autocast(self.device.type, dtype) if dtype else nullcontext()
        )
        with cast:
            logits: Tensor = self.network(pixels)
        return logits.float()


def make_segmenter(
    spec: ExperimentSpec,
    network: nn.Module,
    device: torch.device,
    mean: Sequence[float],
    std: Sequence[float],
) -> Segmenter:
    """A network that looks at images as the spec's studio.evaluation says."""
    evaluation = spec.studio.evaluation
    return Segmenter(
        network,
        device,
        scoring_rule(spec),
        mean,
        std,
        window=evaluation.window,
        window_size=evaluation.window_size,
        stride=evaluation.stride,
        flip=evaluation.flip,
        scales=evaluation.scales,
        precision=spec.studio.precision,
    )


def scored_size(spec: ExperimentSpec) -> tuple[int, int] | None:
    """The (height, width) at which masks are compared: TAO's square, or None for each image's own."""
    side = spec.dataset.segment.img_size
    return (side, side) if spec.studio.evaluation.protocol == "tao" else None


def scoring_rule(spec: ExperimentSpec) -> ResizeRule:
    """How images are brought to the network: TAO's protocol stretches them, whatever else is set."""
    size = scored_size(spec)
    return ResizeRule("stretch", *size) if size else resize_rule(spec)


def nearest(ids: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Class ids uint8 [H,W] at another size: those at the centres of the new pixels."""
    # In integers, so that a centre between two pixels always takes the same one.
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, ids.shape, strict=True)
    )
    resized: NDArray[np.uint8] = ids[rows[:, None], columns[None]]
    return resized


def starts(length: int, side: int, stride: int) -> list[int]:
    """Where windows begin along one axis: every `stride` pixels, the last one aligned to the end.

    It is mmsegmentation's grid: 2048 pixels by windows of 1024 and stride 768 give 0, 768 and 1024.
    """
    count = -(-max(0, length - side) // stride) + 1
    return [min(number * stride, length - side) for number in range(count)]


def padded_strip(pixels: Tensor, rule: ResizeRule) -> Tensor:
    """Fills up a long strip with its edge: scaled by its shorter side alone it would become gigabytes.

    The same is done where the finished model is run (inference.predictor).
    """
    height, width = pixels.shape[2], pixels.shape[3]
    least = -(-max(height, width) // LONGEST)
    if rule.mode != "short_side" or min(height, width) >= least:
        return pixels
    missing = (0, max(0, least - width), 0, max(0, least - height))
    return torch.nn.functional.pad(pixels, missing, mode="replicate")


def restored(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits at another size; the values of a pixel lie side by side, which is several times faster."""
    return upsample(logits.contiguous(memory_format=torch.channels_last), size)


def as_array(values: Tensor) -> NDArray[np.uint8]:
    """uint8 on the CPU."""
    return values.to(torch.uint8).cpu().numpy()


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x - mean) / std by channel; float [N,3,H,W] of 0-1."""
    shape = (1, 3, 1, 1)
    centre = torch.tensor(mean, device=pixels.device, dtype=pixels.dtype).view(shape)
    spread = torch.tensor(std, device=pixels.device, dtype=pixels.dtype).view(shape)
    return (pixels - centre) / spread
