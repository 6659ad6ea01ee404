"""Measures a network on whole images at their original size, resized and restored as at inference."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.annotation.palette import Palette, load_palette, mapping
from segstudio.images import read_image, read_mask
from segstudio.inference.spec import network_size
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.training.losses import upsample
from segstudio.training.sources import pair_by_stem
from segstudio.training.spec.derived import model_palette, resize_rule
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import SourceSpec


class Validation:
    """The validation samples of a spec; scores are in the classes of their own palette."""

    def __init__(self, spec: ExperimentSpec) -> None:
        segment = spec.dataset.segment
        wanted = spec.studio.validation[0] if spec.studio.validation else SourceSpec()
        if wanted.images:
            images, masks, name = Path(wanted.images), Path(wanted.masks), wanted.palette
        else:
            root = Path(segment.root_dir or ".")
            images, masks = (
                root / "images" / segment.validation_split,
                root / "masks" / segment.validation_split,
            )
            name = ""
        own = model_palette(spec)
        self.palette: Palette = load_palette(name) if name else own
        self.model_names = own.names
        self._lookup = mapping(own, self.palette)
        self.rule = resize_rule(spec)
        self._mean, self._std = segment.augmentation.mean, segment.augmentation.std
        pairs = pair_by_stem(images, masks).pairs if images.is_dir() and masks.is_dir() else ()
        step = max(1, len(pairs) // wanted.limit) if wanted.limit else 1
        self.pairs: Sequence[tuple[Path, Path]] = pairs[::step]

    @torch.inference_mode()
    def counts(
        self, network: nn.Module, device: torch.device, check: Callable[[], None] = lambda: None
    ) -> Counts:
        """Confusion counts int64 [K,K+1] over all validation samples, in the validation palette's classes."""
        total = np.zeros((self.palette.count, self.palette.count + 1), np.int64)
        network.eval()
        for image_path, mask_path in self.pairs:
            check()
            predicted = self._lookup[self.predict(network, read_image(image_path), device)]
            total += count_confusion(read_mask(mask_path), predicted, self.palette.count)
        return total

    def predict(
        self, network: nn.Module, image: NDArray[np.uint8], device: torch.device
    ) -> NDArray[np.uint8]:
        """Class ids uint8 [H,W] of one RGB image uint8 [H,W,3]."""
        pixels = torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float() / 255
        pixels = upsample(pixels, network_size(self.rule, image.shape[0], image.shape[1]))
        logits = network(normalise(pixels, self._mean, self._std))
        ids = upsample(logits.float(), (image.shape[0], image.shape[1])).argmax(1)
        return ids[0].to(torch.uint8).cpu().numpy()


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x - mean) / std by channel; float [N,3,H,W] of 0-1."""
    shape = (1, 3, 1, 1)
    centre = torch.tensor(mean, device=pixels.device, dtype=pixels.dtype).view(shape)
    spread = torch.tensor(std, device=pixels.device, dtype=pixels.dtype).view(shape)
    return (pixels - centre) / spread
