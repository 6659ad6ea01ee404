"""Rules choose layers as TAO's do: by name, else by class; later ones override."""

import pytest
from torch import nn

from segstudio.deploy.quantize_layers import (
    LayerRule,
    LayerTypes,
    chosen_layers,
    count_by_type,
    fallback_notes,
    settled,
    tao_name,
)
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer

ALL = LayerRule("*", "int8", "int8")


@pytest.fixture(scope="module")
def network() -> SegFormer:
    return SegFormer(Architecture("mit_b0", 4))


def test_a_star_is_every_linear_layer_and_convolution(network: SegFormer) -> None:
    chosen = chosen_layers(network, [ALL])
    expected = [name for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    assert list(chosen) == expected
    assert set(chosen.values()) == {LayerTypes("int8", "int8")}


def test_names_come_before_classes_and_capital_letters_count(network: SegFormer) -> None:
    by_class = chosen_layers(network, [LayerRule("Linear", "int8")])
    assert by_class
    assert all(isinstance(network.get_submodule(name), nn.Linear) for name in by_class)
    assert chosen_layers(network, [LayerRule("linear", "int8")]) == {}
    by_name = chosen_layers(network, [LayerRule("backbone.block1.?.attn.q", "int8")])
    assert list(by_name) == ["backbone.block1.0.attn.q", "backbone.block1.1.attn.q"]


def test_later_rules_override_and_native_takes_out(network: SegFormer) -> None:
    rules = [ALL, LayerRule("*.attn.*", "fp8_e4m3fn"), LayerRule("*.attn.proj")]
    chosen = chosen_layers(network, rules)
    assert chosen["backbone.block2.0.attn.q"] == LayerTypes("fp8_e4m3fn", "native")
    assert "backbone.block2.0.attn.proj" not in chosen
    assert chosen["backbone.block2.0.mlp.fc1"] == LayerTypes("int8", "int8")
    assert count_by_type(chosen)["fp8_e4m3fn"] == sum(
        ".attn." in name and not name.endswith(".proj") for name in chosen_layers(network, [ALL])
    )


@pytest.mark.parametrize("skip", ["decoder.linear_pred", "decode_head.linear_pred", "*linear_pred"])
def test_skipped_names_may_be_taos(skip: str, network: SegFormer) -> None:
    assert set(chosen_layers(network, [ALL])) - set(chosen_layers(network, [ALL], [skip])) == {
        "decode_head.linear_pred"
    }


def test_skipped_classes(network: SegFormer) -> None:
    chosen = chosen_layers(network, [ALL], ["Conv2d"])
    assert not any(isinstance(network.get_submodule(name), nn.Conv2d) for name in chosen)
    assert chosen


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("decode_head.linear_c1.proj", "decoder.linear_c1.proj"),
        ("decode_head.linear_fuse.conv", "decoder.linear_fuse.0"),
        ("backbone.block1.0.attn.q", "backbone.block1.0.attn.q"),
    ],
)
def test_names_in_tao(ours: str, theirs: str) -> None:
    assert tao_name(ours) == theirs


def test_types_that_others_stand_in_for() -> None:
    assert [settled(kind) for kind in ("float8_e4m3fn", "fp8_e5m2", "float8_e5m2", "int8", "native")] == [
        "fp8_e4m3fn", "fp8_e4m3fn", "fp8_e4m3fn", "int8", "native",
    ]  # fmt: skip
    notes = fallback_notes([LayerRule("*", "fp8_e5m2", "int8"), LayerRule("a", "float8_e4m3fn")])
    assert notes == ["fp8_e5m2 falls back to fp8_e4m3fn, as in TAO"]
