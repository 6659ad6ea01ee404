"""Weights that torchao quantised come back as floats; the files are laid out as versions 0.13 and 0.18 do."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segstudio.errors import ModelError
from segstudio.networks.architecture import Architecture
from segstudio.networks.checkpoint_file import read_checkpoint_file
from segstudio.networks.key_maps import recognise
from segstudio.networks.quantised import dequantised
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_tensors


class Stored:
    """Is pickled as PyTorch pickles an object of a class of tensors: function, class, arguments, state."""

    def __init__(self, kind: type, shape: torch.Size, state: dict[str, Any]) -> None:
        self.kind, self.shape, self.state = kind, shape, state

    def __reduce__(self) -> tuple[Any, ...]:
        stride = (self.shape[-1], 1)
        made = (
            self.kind, torch.float32, tuple(self.shape), stride, 0, torch.strided,
            torch.device("cpu"), False,
        )  # fmt: skip
        wrapper = torch._utils._rebuild_wrapper_subclass
        return torch._tensor._rebuild_from_type_v2, (wrapper, self.kind, made, self.state)


@pytest.fixture
def torchao(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes classes with names of torchao that can be pickled; they are gone when a file is read."""
    if "torchao" in sys.modules:
        pytest.skip("another test has imported the real torchao, and PyTorch reads its files itself now")

    def named(module: str, name: str) -> type:
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            path = ".".join(parts[:count])
            if path not in sys.modules:
                monkeypatch.setitem(sys.modules, path, types.ModuleType(path))
        if not hasattr(sys.modules[module], name):
            setattr(sys.modules[module], name, type(name, (), {"__module__": module}))
        kind = getattr(sys.modules[module], name)
        assert isinstance(kind, type)
        return kind

    return named


def rows_of(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 numbers and one scale a row."""
    scale = weight.abs().amax(1, keepdim=True) / 127
    return (weight / scale).round().to(torch.int8), scale


def newer(torchao: Any, weight: Tensor) -> Stored:
    """As torchao 0.18 keeps a weight of int8."""
    numbers, scale = rows_of(weight)
    state = {
        "qdata": numbers, "scale": scale, "block_size": [1, weight.shape[1]],
        "zero_point": torch.zeros_like(scale, dtype=torch.int8), "act_pre_scale": None,
    }  # fmt: skip
    return Stored(torchao("torchao.quantization", "Int8Tensor"), weight.shape, state)


def older(torchao: Any, weight: Tensor) -> Stored:
    """As torchao 0.13 does: an object in an object."""
    numbers, scale = rows_of(weight)
    plain = Stored(
        torchao("torchao.dtypes.uintx.plain_layout", "PlainAQTTensorImpl"),
        weight.shape,
        {"int_data": numbers, "scale": scale[:, 0], "zero_point": torch.zeros(len(scale), dtype=torch.int64)},
    )
    outer = torchao("torchao.dtypes.affine_quantized_tensor", "AffineQuantizedTensor")
    return Stored(outer, weight.shape, {"tensor_impl": plain, "block_size": (1, weight.shape[1])})


@pytest.mark.parametrize("form", [newer, older])
def test_a_quantised_network_of_tao_loads(form: Any, torchao: Any, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = SegFormer(Architecture("mit_b0", 4, head_bias=True))
    linear = {f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    stored, expected = {}, {}
    for name, tensor in network.state_dict().items():
        expected[name] = tensor
        old = name.replace("decode_head.", "decoder.").replace("linear_fuse.conv", "linear_fuse.0")
        old = f"model.{old.replace('linear_fuse.bn', 'linear_fuse.1')}"
        stored[old] = tensor
        if name in linear:
            numbers, scale = rows_of(tensor)
            stored[old], expected[name] = form(torchao, tensor), numbers.float() * scale
    torch.save(stored, tmp_path / "quantized_model_torchao.pth")
    found = recognise(read_checkpoint_file(tmp_path / "quantized_model_torchao.pth"))
    assert len(linear) > 20
    assert not load_tensors(network, found.tensors, "the file").missing
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_a_network_with_calibrated_quantisers_gives_its_weights(tmp_path: Path) -> None:
    """ModelOpt keeps weights as they are, and ranges of its quantisers beside them."""
    network = SegFormer(Architecture("mit_b0", 4, head_bias=True))
    stored: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        old = name.replace("decode_head.", "decoder.").replace("linear_fuse.conv", "linear_fuse.0")
        stored[f"model.{old.replace('linear_fuse.bn', 'linear_fuse.1')}"] = tensor
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and name.startswith("backbone."):
            stored[f"model.{name}.weight_quantizer._amax"] = torch.ones(module.out_features, 1)
            stored[f"model.{name}.input_quantizer._amax"] = torch.ones(())
    values = {"modelopt_state": {"modelopt_version": "0.33"}, "model_state_dict": stored}
    torch.save(values, tmp_path / "quantized_model_modelopt.pytorch.pth")
    found = recognise(read_checkpoint_file(tmp_path / "quantized_model_modelopt.pytorch.pth"))
    again = SegFormer(found.architecture)
    report = load_tensors(again, found.tensors, "the file")
    assert not report.missing
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in again.state_dict().items())


def test_small_floats_in_square_blocks(torchao: Any, tmp_path: Path) -> None:
    numbers = torch.arange(-12, 12).reshape(4, 6).to(torch.float8_e4m3fn)
    scale = torch.tensor([[0.5, 2.0], [1.0, 4.0]])
    kind = torchao("torchao.quantization", "Float8Tensor")
    state = {"qdata": numbers, "scale": scale, "block_size": [2, 3]}
    torch.save({"w": Stored(kind, numbers.shape, state)}, tmp_path / "w.pth")
    by_hand = torch.kron(scale, torch.ones(2, 3)) * numbers.float()
    assert torch.equal(read_checkpoint_file(tmp_path / "w.pth").tensors["w"], by_hand)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Int4Tensor", {"qdata": None}),
        ("Int8Tensor", {"scale": torch.ones(7, 1)}),
        ("Int8Tensor", {"block_size": None}),
        ("Int8Tensor", {"block_size": [0, 6]}),
        ("Int8Tensor", {"act_pre_scale": torch.ones(6)}),
    ],
)
def test_what_is_stored_otherwise_is_named(
    name: str, change: dict[str, Any], torchao: Any, tmp_path: Path
) -> None:
    numbers = torch.ones(4, 6, dtype=torch.int8)
    state = {"qdata": numbers, "scale": torch.ones(4, 1), "block_size": [1, 6], **change}
    kind = torchao("torchao.quantization", name)
    torch.save({"layer.weight": Stored(kind, numbers.shape, state)}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=rf"layer\.weight is quantised as {name}"):
        read_checkpoint_file(tmp_path / "w.pth")


class Half(Tensor):
    """A tensor of a class of its own that knows its values, as torchao's do."""

    def dequantize(self) -> Tensor:
        return self.as_subclass(Tensor) * 0.5


def test_real_tensors_of_torchao_give_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torchao has been imported, PyTorch reads its classes itself."""
    stored = torch.arange(4.0).as_subclass(Half)
    assert dequantised(stored) is stored
    monkeypatch.setattr(Half, "__module__", "torchao.quantization")
    assert torch.equal(dequantised(stored), torch.tensor([0.0, 0.5, 1.0, 1.5]))
    assert type(dequantised(stored)) is Tensor
