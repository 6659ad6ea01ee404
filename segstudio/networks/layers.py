"""Small parts that several networks share: tokens as maps, stochastic depth, the start values of weights."""

from torch import Tensor, nn
from torch.nn import functional as F


class DropPath(nn.Module):
    """Drops a residual branch per sample with a probability while training (arXiv 1603.09382)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Scales the kept branches so that the expectation stays the same; [N,...] in and out."""
        if not self.training or self.probability == 0.0:
            return x
        keep = 1.0 - self.probability
        shape = (x.shape[0],) + (1,) * (x.dim() - 1)
        return x * (x.new_empty(shape).bernoulli_(keep) / keep)


def as_map(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens [N,L,C] to a map [N,C,height,width]; no copy: it is in channels-last order."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)


def pointwise(linear: nn.Linear, grid: Tensor) -> Tensor:
    """A linear layer on every pixel, as a 1x1 convolution; [N,C_in,h,w] to [N,C_out,h,w].

    Between convolutions this saves the way to tokens and back; in torch, where tokens are a map in
    channels-last order, that way is free, but not in an exported graph.
    """
    return F.conv2d(grid, linear.weight[:, :, None, None], linear.bias)


def initialise(module: nn.Module) -> None:
    """Truncated normal (0.02) for linear layers, fan-out normal for convolutions, as published."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0.0, (2.0 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
