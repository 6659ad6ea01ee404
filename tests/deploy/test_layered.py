"""The network whose layers are called answers like ours, with the same tensors, and calls all of them."""

import pytest
import torch
from torch import nn

from segstudio.deploy.layered import layered
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer

ARCHITECTURES = {
    "linear": Architecture("mit_b0", 4, head_bias=True),
    "mmseg": Architecture("mit_b0", 4, head="mmseg"),
    "fan": Architecture("fan_tiny_8_p4_hybrid", 4),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_answers_alike_and_calls_its_layers(name: str) -> None:
    torch.manual_seed(1)
    network = SegFormer(ARCHITECTURES[name]).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.normal_()
    made = layered(network)
    assert {key: value.shape for key, value in made.state_dict().items()} == {
        key: value.shape for key, value in network.state_dict().items()
    }
    called = set()
    for layer, module in made.named_modules():
        module.register_forward_hook(lambda *_, layer=layer: called.add(layer))
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(made(image), network(image), rtol=1e-4, atol=1e-4)
    layers = {layer for layer, module in made.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)}
    # A FAN's position code is computed by axes; its class token's layers only hold parameters.
    silent = {layer for layer in layers - called if "pos_embed" not in layer and "cls_attn" not in layer}
    assert silent == set()


def test_the_network_itself_stays_as_it_is() -> None:
    network = SegFormer(ARCHITECTURES["linear"])
    kinds = [type(module) for module in network.modules()]
    layered(network)
    assert [type(module) for module in network.modules()] == kinds
