"""Weights go to safetensors and back; files that do not fit are refused with what is missing."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from segstudio.errors import ModelError
from segstudio.networks.architecture import Architecture
from segstudio.networks.pretrained import load_pretrained
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_tensors, save_network_weights


def test_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = SegFormer(Architecture("mit_b0", 4)), SegFormer(Architecture("mit_b0", 4))
    save_network_weights(first.state_dict(), tmp_path / "deep" / "w.safetensors")
    report = load_pretrained(second, str(tmp_path / "deep" / "w.safetensors"))
    assert report.share == 1.0
    assert not report.missing
    assert not report.unexpected
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["w.safetensors"]


def test_half_precision_files_load_into_single(tmp_path: Path) -> None:
    network = SegFormer(Architecture("mit_b0", 4))
    halves = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_network_weights(halves, tmp_path / "w.safetensors")
    load_pretrained(network, str(tmp_path / "w.safetensors"))
    assert network.get_parameter("decode_head.linear_pred.weight").dtype == torch.float32


def test_another_number_of_classes_leaves_the_classifier_out(tmp_path: Path) -> None:
    save_network_weights(SegFormer(Architecture("mit_b0", 4)).state_dict(), tmp_path / "w.safetensors")
    report = load_pretrained(SegFormer(Architecture("mit_b0", 9)), str(tmp_path / "w.safetensors"))
    assert report.missing == ("decode_head.linear_pred.bias", "decode_head.linear_pred.weight")
    assert report.unexpected == ()
    assert report.mismatched == report.missing


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    save_file({"encoder.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"0% .*missing: backbone"):
        load_tensors(SegFormer(Architecture("mit_b0", 4)), load_file(tmp_path / "w.safetensors"), "it")


def test_damaged_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no safetensors")
    for name in ("w.safetensors", "absent.safetensors"):
        with pytest.raises(ModelError, match=name):
            load_pretrained(SegFormer(Architecture("mit_b0", 4)), str(tmp_path / name))
