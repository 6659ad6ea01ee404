"""The task quantize with torchao and with ModelOpt's quantisers for PyTorch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from segstudio.errors import SpecError
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.quantize_result import Answer, Sides
from segstudio.workflows.quantize_task import Made, Task, load

if TYPE_CHECKING:
    from segstudio.deploy.quantize_layers import LayerTypes
    from segstudio.networks.segformer import SegFormer
    from segstudio.training.loading import Loaded


def with_torchao(task: Task) -> Made:
    """Weights of linear layers by torchao; the file is read back for the comparison."""
    from segstudio.deploy.quantize_layers import chosen_layers
    from segstudio.deploy.quantize_torch import save_torch
    from segstudio.deploy.torchao_ import linear_layers, quantized_weights

    loaded = load(task.spec, task.spec.quantize.model_path)
    chosen = chosen_layers(loaded.network, task.rules, task.skip)
    layers = require_layers(linear_layers(loaded.network, chosen), "torchao quantises linear layers alone")
    task.context.progress(0, 0, "quantising weights")
    tensors = quantized_weights(loaded.network, layers)
    size = save_torch({**tensors, **meta(loaded)}, task.artefact)
    notes = [*loaded.notes, *normalisation_note(task.spec, loaded)]
    if len(layers) < len(chosen):
        notes.append(f"{len(chosen) - len(layers)} convolutions stay float: torchao has no type for them")
    if any(rule.activations != "native" for rule in task.rules):
        notes.append("activations stay float: torchao quantises weights alone here")
    again = load(task.spec, str(task.artefact))
    sides = Sides(answer(task, loaded, loaded.network), answer(task, loaded, again.network), loaded.palette)
    return made(task, loaded, layers, size, sides, notes)


def with_modelopt(task: Task) -> Made:
    """Weights and activations by ModelOpt's quantisers for PyTorch, calibrated on the images."""
    from segstudio.deploy.modelopt_torch import calibrated, saved_form, unseen
    from segstudio.deploy.quantize_layers import chosen_layers
    from segstudio.deploy.quantize_torch import save_torch

    loaded = load(task.spec, task.spec.quantize.model_path)
    layers = require_layers(chosen_layers(loaded.network, task.rules, task.skip), "none fits a rule")
    images = task.images()

    def show(network: "SegFormer") -> None:
        see = answer(task, loaded, network)
        for number, image in enumerate(images.images()):
            task.context.check()
            task.context.progress(number, len(images), "measuring ranges")
            see(image)

    network = calibrated(loaded.network.to(task.device), layers, show)
    notes = [*loaded.notes, *normalisation_note(task.spec, loaded)]
    if missed := unseen(network, layers):
        notes.append(f"{len(missed)} layers were never run, such as {missed[0]}: they stay float")
    size = save_torch({**saved_form(network), **meta(loaded, always=True)}, task.artefact)
    notes.append(
        "the file holds float weights and the ranges of their quantisers, as TAO's does:"
        " evaluate and inference run the float weights"
    )
    sides = Sides(answer(task, loaded, loaded.network), answer(task, loaded, network), loaded.palette)
    return made(task, loaded, layers, size, sides, notes)


def require_layers(layers: "dict[str, LayerTypes]", why: str) -> "dict[str, LayerTypes]":
    """The layers, if there are any.

    Raises:
        SpecError: there are none.
    """
    if not layers:
        raise SpecError(
            f"quantize.layers and quantize.skip_names leave no layer to quantise: {why}",
            hint='names are such as backbone.block1.0.attn.q; "*" is all of them',
        )
    return layers


def answer(task: Task, loaded: "Loaded", network: "SegFormer") -> Answer:
    """How a network answers to images as the evaluation shows them."""
    from segstudio.deploy.quantize_torch import device_named
    from segstudio.training.segment import make_segmenter

    device = device_named(task.device)
    return make_segmenter(task.spec, network.to(device), device, loaded.mean, loaded.std).ids


def made(
    task: Task,
    loaded: "Loaded",
    layers: "Mapping[str, LayerTypes]",
    size: int,
    sides: Sides,
    notes: Sequence[str],
) -> Made:
    """The outcome of a backend for PyTorch."""
    from segstudio.deploy.quantize_layers import count_by_type

    before = 4 * sum(tensor.numel() for tensor in loaded.network.state_dict().values())
    kept = layer_count(loaded.network) - len(layers)
    return Made(loaded.source, count_by_type(layers), kept, before, size, task.device, sides, tuple(notes))


def layer_count(network: "SegFormer") -> int:
    """How many linear layers and convolutions a network has."""
    from segstudio.deploy.quantize_layers import layer_classes

    return sum(isinstance(module, layer_classes()) for module in network.modules())


def meta(loaded: "Loaded", *, always: bool = False) -> dict[str, Any]:
    """What a reader cannot see in the tensors; {} where they show all: the file is a plain state dict."""
    from segstudio.networks.checkpoint_file import CheckpointFile, architecture_note
    from segstudio.networks.key_maps import recognise

    network = loaded.network
    shown = recognise(CheckpointFile(dict(network.state_dict()))).architecture
    plain = shown == network.architecture and not always
    return {} if plain else {"meta": architecture_note(network.architecture.to_dict())}


def normalisation_note(spec: ExperimentSpec, loaded: "Loaded") -> list[str]:
    """A line where the weights were trained with other colours than the spec says."""
    from segstudio.training.loading import close, rounded

    given = spec.dataset.segment.augmentation
    if close(given.mean, loaded.mean) and close(given.std, loaded.std):
        return []
    return [
        "the file of quantised weights does not hold their mean and std: set"
        f" dataset.segment.augmentation.mean to {rounded(loaded.mean)} and std to {rounded(loaded.std)}"
        " where it is used"
    ]
