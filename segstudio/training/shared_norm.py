"""BatchNorm with the statistics of the samples of all processes, exact and on any device."""

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist


class SharedBatchNorm2d(nn.BatchNorm2d):
    """As nn.BatchNorm2d, but while training its mean and variance are those over all processes.

    torch's SyncBatchNorm does the same for GPUs alone. State and results equal those of one process that
    has the samples of all.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Float [N,C,H,W] to the same; every process has to call it alike."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        mean, variance, count = shared_statistics(wide)
        self._remember(mean.detach(), variance.detach(), count)
        scale = torch.rsqrt(variance + self.eps)
        out = (wide - mean[:, None, None]) * scale[:, None, None]
        return (out * self.weight[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        # As torch does: normalised by the biased variance, remembered without the bias.
        self.running_var.lerp_(variance * (count / (count - 1).clamp(min=1)), share)


def shared_statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [C], biased variance [C] and number of pixels over all processes, of float [N,C,H,W].

    Two rounds, mean first: the difference of two large sums would lose the small variances.
    """
    number = x.new_tensor([float(x.numel() // x.shape[1])])
    total = sum_over_processes(torch.cat([x.sum((0, 2, 3)), number]))
    count = total[-1].detach()
    mean = total[:-1] / count
    squares = (x - mean[:, None, None]).square().sum((0, 2, 3))
    variance = sum_over_processes(squares) / count
    return mean, variance, count


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of a tensor over all processes, through which gradients flow."""
    total: Tensor = SumOverProcesses.apply(values)  # type: ignore[no-untyped-call]  # torch says no types of it
    return total


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        """A new tensor."""
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        """See the class."""
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def with_shared_norms(network: nn.Module, device: torch.device) -> None:
    """Gives every BatchNorm2d inside a network shared statistics; the names in its state stay.

    GPUs get torch's own, which is a fused kernel.
    """
    if device.type == "cuda":
        # The network itself is no norm: it changes in place.
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]  # torch says no types
        return
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                shared.requires_grad_(child.weight.requires_grad)
                setattr(module, name, shared)
