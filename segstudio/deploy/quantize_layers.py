"""Which layers of a network are quantised, and to which types: rules on names and classes, as in TAO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

NATIVE = "native"
INT8, FP8 = "int8", "fp8_e4m3fn"
# What TAO takes instead of types that its backends do not have.
INSTEAD = {"fp8_e5m2": FP8}
OTHER_SPELLING = "float8_"
# Our names for parts that TAO calls otherwise.
TAO_NAMES = (
    ("decode_head.linear_fuse.conv", "decoder.linear_fuse.0"),
    ("decode_head.linear_fuse.bn", "decoder.linear_fuse.1"),
    ("decode_head.", "decoder."),
)


@dataclass(frozen=True)
class LayerRule:
    """What becomes of the layers whose name, or else whose class, fits a pattern.

    Attributes:
        pattern: with `*`, `?` and `[...]`; capital letters count.
        weights, activations: int8, fp8_e4m3fn, fp8_e5m2 (also spelt float8_...), or native: as it is.
    """

    pattern: str
    weights: str = NATIVE
    activations: str = NATIVE


@dataclass(frozen=True)
class LayerTypes:
    """The types of one layer: int8, fp8_e4m3fn or native."""

    weights: str
    activations: str


def layer_classes() -> "tuple[type[nn.Module], ...]":
    """The classes whose weights can be quantised; imports torch."""
    from torch import nn

    return nn.Linear, nn.Conv2d


def chosen_layers(
    network: "nn.Module", rules: Sequence[LayerRule], skip: Sequence[str] = ()
) -> dict[str, LayerTypes]:
    """The linear layers and convolutions whose weights are to be quantised, by name, in their order.

    A later rule overrides an earlier one, and native takes a layer out again. Names may be written as here
    (`decode_head.linear_pred`) or as in TAO (`decoder.linear_pred`).

    Args:
        network: whose layers.
        rules: patterns and types, the last that fits counts.
        skip: patterns of layers that stay as they are, whatever the rules say.
    """
    chosen = {}
    for name, module in network.named_modules():
        kind = type(module).__name__
        if not isinstance(module, layer_classes()) or any(fits(pattern, name, kind) for pattern in skip):
            continue
        types = types_of(name, kind, rules)
        if types is not None:
            chosen[name] = types
    return chosen


def types_of(name: str, kind: str, rules: Sequence[LayerRule]) -> LayerTypes | None:
    """The types of one layer of a name and a class; None where its weights stay as they are."""
    rule = next((rule for rule in reversed(rules) if fits(rule.pattern, name, kind)), None)
    if rule is None or settled(rule.weights) == NATIVE:
        return None
    return LayerTypes(settled(rule.weights), settled(rule.activations))


def fits(pattern: str, name: str, kind: str) -> bool:
    """Whether a pattern is of a layer's name, here or in TAO, or else of its class."""
    return any(fnmatchcase(text, pattern) for text in (name, tao_name(name), kind))


def tao_name(name: str) -> str:
    """What TAO calls a part of the network."""
    for ours, theirs in TAO_NAMES:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def settled(kind: str) -> str:
    """A type in its usual spelling, or the one that is taken instead."""
    usual = f"fp8_{kind.removeprefix(OTHER_SPELLING)}" if kind.startswith(OTHER_SPELLING) else kind
    return INSTEAD.get(usual, usual)


def fallback_notes(rules: Sequence[LayerRule]) -> list[str]:
    """A line for the user on each type that another one stands in for."""
    asked = {kind for rule in rules for kind in (rule.weights, rule.activations)}
    return [
        f"{kind} falls back to {settled(kind)}, as in TAO" for kind in sorted(asked) if kind.endswith("e5m2")
    ]


def count_by_type(layers: Mapping[str, LayerTypes]) -> dict[str, int]:
    """How many layers have weights of each type."""
    kinds = [types.weights for types in layers.values()]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
