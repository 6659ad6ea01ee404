"""The deployment graph in torch: the folded network, and with it the whole way from pixels to ids."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.inference.spec import ModelSpec, network_size
from segstudio.networks.decode_head import LEVELS, fuse_levels
from segstudio.networks.segformer import SegFormer


class FoldedNetwork(nn.Module):
    """A SegFormer whose head is one projection a level: fuse products and BatchNorm are formed beforehand."""

    def __init__(self, network: SegFormer) -> None:
        super().__init__()
        self.backbone = network.backbone
        head = network.decode_head.folded()
        for number, affine in enumerate(head.inner):
            self.register_buffer(f"inner_weight{number}", affine.weight[:, :, None, None])
            self.register_buffer(f"inner_bias{number}", affine.bias)
        self.has_inner = bool(head.inner)
        for number, weight in enumerate(head.weights):
            self.register_buffer(f"weight{number}", weight)
        self.register_buffer("bias", head.bias)
        self.register_buffer("classifier_weight", head.classifier.weight[:, :, None, None])
        self.register_buffer("classifier_bias", head.classifier.bias)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images [N,3,H,W], sides multiples of the backbone's, to logits [N,K,H/4,W/4]."""
        maps = self.backbone(x)
        if self.has_inner:
            maps = [self._inner(number, level) for number, level in enumerate(maps)]
        weights = [self.get_buffer(f"weight{number}") for number in range(LEVELS)]
        fused = F.relu(fuse_levels(maps, weights, self.get_buffer("bias")))
        return F.conv2d(fused, self.get_buffer("classifier_weight"), self.get_buffer("classifier_bias"))

    def _inner(self, number: int, level: Tensor) -> Tensor:
        return F.relu(
            F.conv2d(level, self.get_buffer(f"inner_weight{number}"), self.get_buffer(f"inner_bias{number}"))
        )


class DeploymentGraph(nn.Module):
    """Pixels in, ids and confidence out: what every exported file must equal."""

    def __init__(self, network: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.network = network
        self.rule = spec.resize
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1))
        self.eval()

    @torch.inference_mode()
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [N,H,W,3] RGB to ids and confidence, uint8 [N,H,W] each."""
        height, width = images.shape[1], images.shape[2]
        # In full precision whatever the network's is: bf16 has too few digits to tell scores apart.
        logits = restore(self.network(self.prepare(images)).float(), height, width)
        largest = logits.amax(1, keepdim=True)
        confidence = 1.0 / (logits - largest).exp().sum(1)
        return logits.argmax(1).to(torch.uint8), (confidence * 255).round().to(torch.uint8)

    def prepare(self, images: Tensor) -> Tensor:
        """Scales to 0-1, resizes, normalises; uint8 [N,H,W,3] to float [N,3,h,w]."""
        pixels = images.permute(0, 3, 1, 2).float() / 255
        size = network_size(self.rule, images.shape[1], images.shape[2])
        return self.normalise(F.interpolate(pixels, size=size, mode="bilinear", align_corners=False))

    def normalise(self, pixels: Tensor) -> Tensor:
        """(x - mean) / std by channel; float [N,3,h,w] of 0-1."""
        return (pixels - self.get_buffer("mean")) / self.get_buffer("std")


def restore(logits: Tensor, height: int, width: int) -> Tensor:
    """Logits [N,K,h,w] at the image's size."""
    return F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
