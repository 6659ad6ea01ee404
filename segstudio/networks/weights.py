"""Loads and saves the weights of a network as safetensors, with a report of what matched."""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from segstudio.errors import ModelError
from segstudio.images import atomic_write

LEAST_MATCH = 0.5


@dataclass(frozen=True)
class LoadReport:
    """Names of the network's tensors that were loaded and that were not, and of the file's that fit nowhere.

    `mismatched` are those of the missing ones that the file holds in another shape.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the network's tensors that were loaded, 0-1."""
        return len(self.matched) / max(1, len(self.matched) + len(self.missing))


def load_network_weights(network: nn.Module, path: Path) -> LoadReport:
    """Loads tensors whose name and shape fit.

    Raises:
        ModelError: no readable safetensors file, or less than half of the network's tensors match.
    """
    try:
        given = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is no readable safetensors file: {error}") from error
    own = network.state_dict()
    matched = [name for name, tensor in given.items() if name in own and own[name].shape == tensor.shape]
    missing = sorted(set(own) - set(matched))
    report = LoadReport(
        matched=tuple(matched),
        missing=tuple(missing),
        unexpected=tuple(sorted(set(given) - set(own))),
        mismatched=tuple(name for name in missing if name in given),
    )
    if report.share < LEAST_MATCH:
        raise ModelError(
            f"{path} matches {report.share:.0%} of the network; missing: {', '.join(missing[:8])} ...",
            hint="use weights of the same architecture",
        )
    network.load_state_dict({name: given[name].to(own[name].dtype) for name in matched}, strict=False)
    return report


def save_network_weights(tensors: dict[str, Tensor], path: Path) -> None:
    """Writes safetensors atomically.

    Raises:
        ImageError: the folder or the disk refuses.
    """
    atomic_write(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))
