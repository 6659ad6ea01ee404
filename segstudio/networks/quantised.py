"""Gives weights that torchao quantised their floating-point values back, without torchao.

torchao stores a weight as integers or 8-bit floats q with a scale, and often a zero point, for each block of
it: the weight is (q - zero point) * scale. A file holds that as an object of a class of torchao, whose
attributes the restricted reader keeps.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from segstudio.errors import ModelError
from segstudio.networks.safe_pickle import Inert

# How PyTorch pickles an object of a class of tensors: a function, the class, the function's arguments, and
# the attributes.
REBUILD = "torch._tensor._rebuild_from_type_v2"
MODULE = "torchao."
# Attributes that change the answer in a way that plain weights cannot have.
UNUSABLE = ("act_pre_scale",)


def quantised_class(value: Any) -> str:
    """The class of torchao that a pickled value is of; "" for everything else."""
    if not isinstance(value, Inert) or type(value).name != REBUILD or len(value.arguments) != 4:
        return ""
    name = getattr(value.arguments[1], "name", "")
    return name if isinstance(name, str) and name.startswith(MODULE) else ""


def floating(value: Any, name: str) -> Tensor:
    """The floating-point values of a quantised weight; float32 of its shape.

    Args:
        value: what `quantised_class` has recognised.
        name: of the weight, for messages.

    Raises:
        ModelError: it is quantised in a way that is not known here.
    """
    found = attributes(value)
    block = found.get("block_size")
    # Older versions keep numbers and scales in an object of their own.
    found = {**found, **attributes(found.get("tensor_impl"))}
    numbers = found.get("qdata", found.get("int_data"))
    scale, zero = found.get("scale"), found.get("zero_point")
    if not isinstance(numbers, Tensor) or not isinstance(scale, Tensor):
        raise unknown(value, name)
    if any(found.get(key) is not None for key in UNUSABLE):
        raise unknown(value, name)
    try:
        values = numbers.float()
        if isinstance(zero, Tensor):
            values = values - spread_blocks(zero.float(), numbers.shape, block)
        weight: Tensor = values * spread_blocks(scale.float(), numbers.shape, block)
    except (RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise unknown(value, name) from error
    return weight


def dequantised(tensor: Tensor) -> Tensor:
    """The floating-point values of a tensor of torchao, which PyTorch gives once torchao was imported."""
    if not type(tensor).__module__.startswith(MODULE):
        return tensor
    plain: Tensor = tensor.dequantize()
    return plain


def attributes(value: Any) -> Mapping[str, Any]:
    """The attributes of an object that `quantised_class` recognises; {} for everything else."""
    state = value.arguments[3] if quantised_class(value) else None
    return state if isinstance(state, Mapping) else {}


def spread_blocks(values: Tensor, shape: torch.Size, block: Any) -> Tensor:
    """One value a block as one value a number.

    Raises:
        ValueError, RuntimeError, TypeError, ZeroDivisionError: they do not fit.
    """
    sides = [int(side) for side in block]
    values = values.reshape([whole // side for whole, side in zip(shape, sides, strict=True)])
    for axis, side in enumerate(sides):
        values = values.repeat_interleave(side, dim=axis)
    return values


def unknown(value: Any, name: str) -> ModelError:
    """The error for a weight that is packed or quantised otherwise."""
    return ModelError(
        f"{name} is quantised as {quantised_class(value).rpartition('.')[2]}, which cannot be read here",
        hint="give the checkpoint that was quantised, or one with int8 or fp8 weights",
    )
