"""Muon: steps of matrices that move all their directions alike; AdamW for everything that is no matrix."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

# The quintic iteration of K. Jordan's Muon, whose singular values end between 0.7 and 1.2.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95
# A step of Muon gets the size that one of AdamW usually has, so that both take one learning rate
# (arXiv 2502.16982).
ADAMW_SIZE = 0.2


class Muon(torch.optim.AdamW):
    """AdamW whose groups with `matrices` true are moved by Muon (K. Jordan, 2024; arXiv 2502.16982).

    The momentum of each such parameter, taken as a matrix [outputs, inputs x kernel], is replaced by the
    nearest matrix whose singular values are all about 1, and scaled to the size of AdamW's steps.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__([{"matrices": False, **group} for group in groups], lr=lr, betas=betas)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of all groups; see torch.optim.Optimizer."""
        everything = self.param_groups
        # AdamW goes through the groups that it finds.
        self.param_groups = [group for group in everything if not group["matrices"]]
        try:
            loss: float | None = super().step(closure)
        finally:
            self.param_groups = everything
        for group in everything:
            if group["matrices"]:
                self._move(group)
        return loss

    def _move(self, group: dict[str, Any]) -> None:
        by_shape: dict[tuple[int, int], list[nn.Parameter]] = {}
        for parameter in group["params"]:
            if parameter.grad is not None:
                flat = parameter.flatten(1)
                by_shape.setdefault((flat.shape[0], flat.shape[1]), []).append(parameter)
        for (rows, columns), members in by_shape.items():
            directions = orthogonal(torch.stack([self._direction(parameter) for parameter in members]))
            size = ADAMW_SIZE * math.sqrt(max(rows, columns))
            for parameter, direction in zip(members, directions, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(direction.reshape(parameter.shape), alpha=group["lr"] * size)

    def _direction(self, parameter: nn.Parameter) -> Tensor:
        """Nesterov's momentum of a parameter, as a matrix."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum" not in state:
            # AdamW looks for its counter in every state that it loads.
            state.update(step=torch.zeros(()), momentum=torch.zeros_like(parameter))
        momentum: Tensor = state["momentum"]
        momentum.lerp_(parameter.grad, 1 - MOMENTUM)
        return torch.lerp(parameter.grad, momentum, MOMENTUM).flatten(1)


def orthogonal(matrices: Tensor) -> Tensor:
    """The matrices with singular values near 1 in the place of their own; [n,r,c], any scale."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    # GPUs multiply bfloat16 fastest, and the iteration does not mind its rounding.
    x = x.to(torch.bfloat16) if x.is_cuda else x.float()
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(ITERATIONS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    moved: Tensor = x.transpose(1, 2) if tall else x
    return moved.to(matrices.dtype)
