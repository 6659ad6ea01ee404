"""Quantises weights and activations of a network with ModelOpt's quantisers for PyTorch."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from segstudio.deploy.layered import layered
from segstudio.deploy.modelopt_ import INSTALL, hide_stubs, quiet
from segstudio.deploy.quantize_layers import FP8, INT8, NATIVE, LayerTypes
from segstudio.errors import BackendError
from segstudio.networks.segformer import SegFormer

# Bits of an integer; bits of exponent and mantissa of a float.
BITS: dict[str, Any] = {INT8: 8, FP8: (4, 3)}
WEIGHT, INPUT = "weight_quantizer", "input_quantizer"


def calibrated(
    network: SegFormer, layers: Mapping[str, LayerTypes], show: Callable[[SegFormer], None]
) -> SegFormer:
    """A copy of a network with quantisers around the chosen layers, whose ranges are of what it is shown.

    int8 weights have a range a channel, all else has one a tensor; the ranges are the largest values seen.

    Args:
        network: left as it is.
        layers: the types by the names of layers.
        show: runs the network that it is given on the images of the calibration.

    Raises:
        BackendError: ModelOpt is not installed, or cannot be imported.
    """
    quantization = _modelopt()
    made = layered(network)
    configuration = {"quant_cfg": quantizers(layers), "algorithm": "max"}
    with quiet():
        result: SegFormer = quantization.quantize(made, configuration, show)
    return result


def quantizers(layers: Mapping[str, LayerTypes]) -> list[dict[str, Any]]:
    """ModelOpt's settings of its quantisers: off, but for those of the chosen layers."""
    rows: list[dict[str, Any]] = [{"quantizer_name": "*", "enable": False}]
    for name, types in layers.items():
        axis = 0 if types.weights == INT8 else None
        rows.append(_row(f"{name}.{WEIGHT}", types.weights, axis))
        if types.activations != NATIVE:
            rows.append(_row(f"{name}.{INPUT}", types.activations, None))
    return rows


def unseen(network: nn.Module, layers: Mapping[str, LayerTypes]) -> list[str]:
    """The layers whose activations were to be quantised and never came."""
    wanted = [name for name, types in layers.items() if types.activations != NATIVE]
    return [name for name in wanted if getattr(network.get_submodule(name), INPUT).amax is None]


def saved_form(network: nn.Module) -> dict[str, Any]:
    """What ModelOpt restores a network from, and its tensors under `model_state_dict`, as TAO keeps them."""
    from modelopt.torch import opt

    tensors = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    return {"model_state_dict": tensors, "modelopt_state": opt.modelopt_state(network)}


def _row(name: str, kind: str, axis: int | None) -> dict[str, Any]:
    return {"quantizer_name": name, "cfg": {"num_bits": BITS[kind], "axis": axis}, "enable": True}


def _modelopt() -> Any:
    hide_stubs()
    try:
        from modelopt.torch import quantization
    except ImportError as error:
        raise BackendError(f"ModelOpt cannot be used: {error}", hint=f"install it: {INSTALL}") from error
    return quantization
