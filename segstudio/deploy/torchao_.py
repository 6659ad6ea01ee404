"""Quantises the weights of a network's linear layers with torchao."""

import copy
import importlib.util
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from segstudio.deploy.quantize_layers import FP8, INT8, LayerTypes
from segstudio.errors import BackendError

INSTALL = "pip install torchao"


def status() -> tuple[bool, str]:
    """Whether torchao is installed, and how to install it."""
    there = importlib.util.find_spec("torchao") is not None
    return there, "" if there else f"torchao is not installed: {INSTALL}"


def quantized_weights(network: nn.Module, layers: Mapping[str, LayerTypes]) -> dict[str, Any]:
    """A network's state dict in which the weights of the chosen linear layers are torchao's.

    Weights are int8 with a scale a row, or fp8 (e4m3fn) likewise; activations stay as they are, and so do
    convolutions, for which torchao has nothing.

    Args:
        network: left as it is.
        layers: the types by the names of layers.

    Raises:
        BackendError: torchao is not installed, or cannot be imported.
    """
    made = copy.deepcopy(network).cpu().eval()
    configurations = _configurations()
    for kind, configuration in configurations.items():
        _quantize(made, configuration, {name for name, types in layers.items() if types.weights == kind})
    return dict(made.state_dict())


def linear_layers(network: nn.Module, layers: Mapping[str, LayerTypes]) -> dict[str, LayerTypes]:
    """Those of the chosen layers that torchao quantises."""
    return {
        name: types for name, types in layers.items() if isinstance(network.get_submodule(name), nn.Linear)
    }


def _configurations() -> dict[str, Any]:
    # It warns of its own GPU kernels, which nothing here needs.
    logging.getLogger("torchao").setLevel(logging.ERROR)
    try:
        from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig
    except ImportError as error:
        raise BackendError(f"torchao cannot be used: {error}", hint=f"install it: {INSTALL}") from error
    return {INT8: Int8WeightOnlyConfig(), FP8: Float8WeightOnlyConfig(weight_dtype=torch.float8_e4m3fn)}


def _quantize(network: nn.Module, configuration: Any, names: set[str]) -> None:
    from torchao.quantization import quantize_

    quantize_(network, configuration, filter_fn=partial(_is_chosen, names))


def _is_chosen(names: set[str], module: nn.Module, name: str) -> bool:
    return name in names and isinstance(module, nn.Linear)
