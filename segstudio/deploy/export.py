"""Makes a model folder from trained weights: deployment graph, proof of parity, spec."""

import dataclasses
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from segstudio.annotation.palette import load_palette
from segstudio.annotation.palette_choice import require_count
from segstudio.deploy.graph import DeploymentGraph, FoldedNetwork
from segstudio.deploy.model_folder import (
    ONNX_FILE,
    WEIGHTS_FILE,
    external_files,
    folder_in_the_making,
    parity_images,
    write_proved,
)
from segstudio.deploy.onnx import export_onnx
from segstudio.deploy.parity import ParityReport, check_parity
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights
from segstudio.networks.whole import read_network


@dataclasses.dataclass(frozen=True)
class Exported:
    """A finished model folder and the proof that came with it."""

    folder: Path
    spec: ModelSpec
    parity: tuple[ParityReport, ...]


def export_model(
    weights: Path,
    out: Path,
    *,
    name: str,
    palette: str = "cityscapes",
    resize: ResizeRule = ResizeRule(),  # noqa: B008 - frozen
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
    std: tuple[float, float, float] = (0.229, 0.224, 0.225),
    trained_on: str = "",
    licence: str = "",
    metrics: Mapping[str, float] | None = None,
    half_weights: bool = True,
) -> Exported:
    """Exports safetensors weights into a model folder; nothing appears at `out` unless parity holds.

    Args:
        weights: safetensors of a whole SegFormer; which one is read from them.
        out: the model folder to make; an existing one is replaced.
        name: the model's name.
        palette: the palette of the classes.
        resize: how images are brought to the network.
        mean: per channel, for pixels 0-1.
        std: per channel, for pixels 0-1.
        trained_on: what the model card says about the data.
        licence: what the model card says about the licence.
        metrics: scores of the weights, fractions by name.
        half_weights: round the weights to float16 and store them so; arithmetic stays float32.

    Raises:
        ModelError: weights that are incomplete, or a graph that does not answer like the network.
        PaletteError: a palette of another number of classes.
    """
    classes = load_palette(palette)
    network = read_network(weights)
    require_count(classes, network.architecture.classes)
    if half_weights:
        # Rounded before everything is made from them, so that all files hold the same network.
        network.load_state_dict(
            {key: halved(value).to(value.dtype) for key, value in network.state_dict().items()}
        )
    spec = ModelSpec(
        name=name,
        architecture=network.architecture.backbone,
        classes=classes.names,
        palette=classes.name,
        files={},
        resize=resize,
        mean=mean,
        std=std,
        trained_on=trained_on,
        licence=licence,
        metrics=dict(metrics or {}),
    )
    return export_network(network, spec, out, half_weights=half_weights)


def export_network(network: SegFormer, spec: ModelSpec, out: Path, *, half_weights: bool = False) -> Exported:
    """Makes a model folder of a network; nothing appears at `out` unless parity holds.

    Args:
        network: with its weights.
        spec: what cannot be read from the network; its architecture, files and date are filled in.
        out: the model folder to make; an existing one is replaced.
        half_weights: store weights as float16, which they must equal.

    Raises:
        ModelError: the graph does not answer like the network.
    """
    spec = dataclasses.replace(
        spec,
        architecture=network.architecture.backbone,
        embed_dim=network.architecture.embed_dim,
        network=network.architecture.to_dict(),
        files={"onnx": ONNX_FILE, "weights": WEIGHTS_FILE},
        created=time.strftime("%Y-%m-%d"),
    )
    tensors = network.state_dict()
    if half_weights:
        tensors = {key: halved(value) for key, value in tensors.items()}
    return _make_folder(network.eval(), tensors, spec, out)


def _make_folder(network: SegFormer, tensors: Mapping[str, Tensor], spec: ModelSpec, out: Path) -> Exported:
    with folder_in_the_making(out) as folder:
        save_network_weights(tensors, folder / WEIGHTS_FILE, network.architecture)
        digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
        spec = dataclasses.replace(spec, weights_sha256=digest)
        beside = export_onnx(FoldedNetwork(network), spec, folder / ONNX_FILE)
        spec = dataclasses.replace(spec, files={**spec.files, **external_files(beside)})
        reports = check_parity(DeploymentGraph(network, spec), folder, spec, parity_images())
        write_proved(spec, reports, folder)
    return Exported(out, spec, tuple(reports))


def halved(tensor: Tensor) -> Tensor:
    """Floats as float16; other tensors as they are."""
    return tensor.half() if tensor.is_floating_point() else tensor
