"""A training starts from whole networks and from backbones alone, and refuses others' weights."""

from pathlib import Path

import pytest
import torch

from segstudio.errors import ModelError
from segstudio.networks.architecture import Architecture
from segstudio.networks.pretrained import load_pretrained, load_pretrained_backbone
from segstudio.networks.segformer import SegFormer


def network(name: str = "mit_b0", classes: int = 4) -> SegFormer:
    return SegFormer(Architecture(name, classes))


def same(first: SegFormer, second: SegFormer, prefix: str) -> list[bool]:
    theirs = second.state_dict()
    return [
        torch.equal(value, theirs[key]) for key, value in first.state_dict().items() if key.startswith(prefix)
    ]


def test_a_whole_network_of_other_classes_gives_all_but_the_classifier(tmp_path: Path) -> None:
    source, target = network(classes=19), network(classes=4)
    torch.save({"state_dict": source.state_dict(), "meta": {}}, tmp_path / "city.pth")
    report = load_pretrained(target, str(tmp_path / "city.pth"))
    assert report.missing == ("decode_head.linear_pred.bias", "decode_head.linear_pred.weight")
    assert all(same(target, source, "backbone."))
    assert all(same(target, source, "decode_head.linear_fuse"))


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone.", "model.backbone."])
def test_a_backbone_alone_loads_whatever_stands_before_its_names(prefix: str, tmp_path: Path) -> None:
    source, target = network(), network()
    before = target.get_parameter("decode_head.linear_pred.weight").clone()
    tensors = {f"{prefix}{key}": value for key, value in source.backbone.state_dict().items()}
    torch.save(
        {**tensors, "head.weight": torch.zeros(1000, 256)} if not prefix else tensors, tmp_path / "b.pth"
    )
    report = load_pretrained_backbone(target, str(tmp_path / "b.pth"))
    assert report.missing == ()
    assert all(same(target, source, "backbone."))
    assert torch.equal(before, target.get_parameter("decode_head.linear_pred.weight"))


def test_another_backbone_is_refused_by_name(tmp_path: Path) -> None:
    torch.save(network("mit_b1").backbone.state_dict(), tmp_path / "b1.pth")
    for load in (load_pretrained, load_pretrained_backbone):
        with pytest.raises(ModelError, match="holds a mit_b1, the network is a mit_b0"):
            load(network(), str(tmp_path / "b1.pth"))


def test_half_a_backbone_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    tensors = network().backbone.state_dict()
    few = {key: value for key, value in tensors.items() if key.startswith(("patch_embed", "norm"))}
    kept = {key: value for key, value in tensors.items() if key.endswith("weight") and "block" in key}
    torch.save({**few, **dict(list(kept.items())[:30])}, tmp_path / "half.pth")
    with pytest.raises(ModelError, match=r"half\.pth"):
        load_pretrained_backbone(network(), str(tmp_path / "half.pth"))
