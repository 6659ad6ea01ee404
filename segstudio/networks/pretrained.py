"""Starts a network from somebody's weights: of a whole SegFormer, or of its backbone alone."""

from segstudio.errors import ModelError
from segstudio.networks.checkpoint_file import read_checkpoint_file
from segstudio.networks.key_maps import Recognised, recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import LoadReport, load_tensors

BACKBONE = "backbone."


def load_pretrained(network: SegFormer, source: str) -> LoadReport:
    """Loads a checkpoint of any known producer; a classifier of other classes keeps its start values.

    Raises:
        ModelError: unreadable, another backbone, or less than half of the network's tensors match.
    """
    return load_tensors(network, _of_same_backbone(network, source).tensors, source)


def load_pretrained_backbone(network: SegFormer, source: str) -> LoadReport:
    """Loads the backbone of a checkpoint of any known producer, such as one of ImageNet; the head stays.

    Raises:
        ModelError: unreadable, another backbone, or less than half of the backbone's tensors match.
    """
    found = _of_same_backbone(network, source)
    tensors = {
        name.removeprefix(BACKBONE): tensor
        for name, tensor in found.tensors.items()
        if name.startswith(BACKBONE)
    }
    return load_tensors(network.backbone, tensors, source)


def _of_same_backbone(network: SegFormer, source: str) -> Recognised:
    found = recognise(read_checkpoint_file(source))
    wanted = network.architecture.backbone
    if found.architecture.backbone != wanted:
        raise ModelError(
            f"{source} holds a {found.architecture.backbone}, the network is a {wanted}",
            hint=f"choose weights of a {wanted}, or another model.backbone.type",
        )
    return found
