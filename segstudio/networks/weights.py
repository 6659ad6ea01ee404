"""Loads and saves the weights of a network as safetensors, with a report of what matched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from segstudio.errors import ModelError
from segstudio.images import atomic_write
from segstudio.networks.architecture import Architecture
from segstudio.networks.checkpoint_file import architecture_note
from segstudio.networks.vit import fit_weights

LEAST_MATCH = 0.5
SHOWN = 8


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


def load_tensors(network: nn.Module, tensors: Mapping[str, Tensor], where: str) -> LoadReport:
    """Loads tensors whose name and shape fit; `where` names their source in an error.

    Raises:
        ModelError: less than half of the network's tensors match; nothing was loaded.
    """
    given = fit_weights(network, dict(tensors))
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
            f"{where} matches {report.share:.0%} of the network"
            f" ({len(matched)} of {len(own)} tensors); missing: {shortened(report.missing)};"
            f" not in the network: {shortened(report.unexpected)}",
            hint="use weights of the same architecture",
        )
    network.load_state_dict({name: given[name].to(own[name].dtype) for name in matched}, strict=False)
    return report


def shortened(names: Sequence[str]) -> str:
    """The first names of a list, and how many follow."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "none") + more


def save_network_weights(
    tensors: Mapping[str, Tensor], path: Path, architecture: Architecture | None = None
) -> None:
    """Writes safetensors atomically; with an architecture, a reader knows the network without being told.

    Raises:
        ImageError: the folder or the disk refuses.
    """
    header = {"format": "pt", **architecture_note(architecture.to_dict())} if architecture else None
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    atomic_write(path, save(plain, header))
