"""Opens the file of a whole SegFormer as a network."""

from pathlib import Path

from segstudio.errors import ModelError
from segstudio.networks.checkpoint_file import read_checkpoint_file
from segstudio.networks.key_maps import recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_tensors


def read_network(weights: Path) -> SegFormer:
    """The network of a weights file, in evaluation; which one is read from its tensors.

    Raises:
        ModelError: not readable, a backbone without a head, or tensors that are missing.
    """
    found = recognise(read_checkpoint_file(weights))
    if not found.has_head:
        raise ModelError(f"{weights} has no decode head", hint="give the weights of a whole network")
    network = SegFormer(found.architecture)
    report = load_tensors(network, found.tensors, str(weights))
    if report.missing:
        raise ModelError(f"{weights} lacks {len(report.missing)} tensors, such as {report.missing[0]}")
    return network.eval()
