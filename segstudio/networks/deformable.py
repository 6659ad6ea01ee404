"""Multi-scale deformable attention (arXiv 2010.04159) in plain PyTorch, under the published names.

Every query looks at a few learned points around its own place on each source map. The points are read by
`grid_sample`, so the layer runs on every device and is exported as ONNX GridSample (opset 16 and later).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Grid = tuple[int, int]


class Sampling(NamedTuple):
    """Where queries stand and what they look at.

    `centres` [Q,2] are the queries' places (x, y) on the image, 0-1; `grids` the (height, width) of the
    source maps; `sizes` [2] each the same as (width, height) tensors, the unit of the offsets.
    """

    centres: Tensor
    grids: list[Grid]
    sizes: list[Tensor]


def sampling(queries: list[Grid], sources: list[Grid], like: Tensor) -> Sampling:
    """The geometry between maps of the same image, at least in float32."""
    precision = torch.promote_types(like.dtype, torch.float32)
    centres = torch.cat([cell_centres(grid, precision, like.device) for grid in queries])
    one = torch.ones(2, dtype=precision, device=like.device)
    # Products of tensors, because numbers would be frozen into an exported graph.
    sizes = [torch.cat([one[:1] * width, one[1:] * height]) for height, width in sources]
    return Sampling(centres, sources, sizes)


def cell_centres(grid: Grid, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The centres (x, y) of a map's cells, 0-1 each, row by row [height*width,2]."""
    height, width = grid
    rows = (torch.arange(height, dtype=dtype, device=device) + 0.5) / height
    columns = (torch.arange(width, dtype=dtype, device=device) + 0.5) / width
    pair = (columns[None, :].expand(height, width), rows[:, None].expand(height, width))
    return torch.stack(pair, dim=2).flatten(0, 1)


class DeformableAttention(nn.Module):
    """Attention of queries to `heads` x `levels` x `points` bilinear samples of the source.

    Args:
        dim: width of queries, source and result.
        heads: attention heads.
        levels: source maps.
        points: samples of each head on each map.
        ratio: width of the values in `dim`.
    """

    def __init__(self, dim: int, heads: int, levels: int, points: int, ratio: float) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        width = int(dim * ratio)
        self.head_width = width // heads
        self.sampling_offsets = nn.Linear(dim, heads * levels * points * 2)
        self.attention_weights = nn.Linear(dim, heads * levels * points)
        self.value_proj = nn.Linear(dim, width)
        self.output_proj = nn.Linear(width, dim)
        self.reset()

    def reset(self) -> None:
        """The published start: heads look in their own directions, point i at a distance of i + 1 cells."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angles = torch.arange(self.heads) * (2.0 * math.pi / self.heads)
        rays = torch.stack((angles.cos(), angles.sin()), dim=1)
        rays = rays / rays.abs().amax(dim=1, keepdim=True)
        steps = torch.arange(1, self.points + 1)[:, None]
        offsets = (rays[:, None, None] * steps).expand(-1, self.levels, -1, -1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, query: Tensor, source: Tensor, where: Sampling) -> Tensor:
        """Queries [N,Q,C] and the source maps' tokens one after another [N,L,C] to [N,Q,C]."""
        batch, count = query.shape[0], query.shape[1]
        # Half precision holds places on a map of 128 cells no better than to a sixteenth of a cell.
        precision = where.centres.dtype
        values = self.value_proj(source).transpose(1, 2).to(precision)
        offsets = self.sampling_offsets(query).to(precision)
        offsets = offsets.reshape(batch, count, self.heads, self.levels, self.points, 2)
        offsets = offsets.permute(3, 0, 2, 1, 4, 5).flatten(1, 2)
        weights = self.attention_weights(query).to(precision).reshape(batch, count, self.heads, -1).softmax(3)
        weights = weights.reshape(batch, count, self.heads, self.levels, self.points)
        weights = weights.permute(3, 0, 2, 1, 4).flatten(1, 2)
        parts, start = [], 0
        for level, (height, width) in enumerate(where.grids):
            stop = start + height * width
            plane = values[:, :, start:stop].reshape(-1, self.head_width, height, width)
            places = where.centres[:, None] + offsets[level] / where.sizes[level]
            samples = F.grid_sample(
                plane, 2.0 * places - 1.0, mode="bilinear", padding_mode="zeros", align_corners=False
            )
            parts.append((samples * weights[level][:, None]).sum(3))
            start = stop
        heads = sum(parts[1:], start=parts[0]).reshape(batch, -1, count)
        result: Tensor = self.output_proj(heads.transpose(1, 2).to(query.dtype))
        return result
