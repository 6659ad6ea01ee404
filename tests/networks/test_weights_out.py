"""What others load of ours equals ours: Hugging Face folders, NVlabs' and mmsegmentation's files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from segstudio.errors import ModelError
from segstudio.networks.architecture import HUGGINGFACE_EPS, Architecture, HeadForm
from segstudio.networks.checkpoint_file import CheckpointFile, read_checkpoint_file
from segstudio.networks.key_maps import recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_tensors
from segstudio.networks.weights_out import save_huggingface, save_mmseg, save_nvlabs

CLASSES = ("road", "sky", "tree")
PALETTE = ((128, 64, 128), (70, 130, 180), (107, 142, 35))
MEAN, STD, SIZE = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), (64, 96)
BLOCK_EPS, EMBED_EPS = HUGGINGFACE_EPS


def network_of(form: HeadForm = "linear", *, bias: bool = False, variant: str = "mit_b0") -> SegFormer:
    """A network whose norms, biases and running statistics all differ from their start."""
    torch.manual_seed(1)
    architecture = Architecture(
        variant, 3, 48, form, head_bias=bias, block_eps=BLOCK_EPS, embed_eps=EMBED_EPS
    )
    network = SegFormer(architecture).eval()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim == 1:
                tensor.uniform_(0.5, 1.5)
    return network


def write_huggingface(network: SegFormer, folder: Path) -> None:
    save_huggingface(network.state_dict(), network.architecture, CLASSES, PALETTE, MEAN, STD, SIZE, folder)


def differing(found: dict[str, Tensor], network: SegFormer) -> set[str]:
    """Names of tensors that are absent on one side or not the same in every bit."""
    own = network.state_dict()
    common = found.keys() & own.keys()
    return (found.keys() ^ own.keys()) | {name for name in common if not torch.equal(found[name], own[name])}


@pytest.mark.parametrize("bias", [False, True])
def test_transformers_loads_our_folder_and_answers_the_same(bias: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    network = network_of(bias=bias)
    write_huggingface(network, tmp_path / "folder")
    model, report = transformers.SegformerForSemanticSegmentation.from_pretrained(
        tmp_path / "folder", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]
    assert model.config.id2label == dict(enumerate(CLASSES))
    pixels = torch.randn(1, 3, 95, 70)
    with torch.inference_mode():
        theirs, ours = model.eval()(pixel_values=pixels).logits, network(pixels)
    assert float((theirs - ours).abs().max() / ours.abs().max()) < 5e-6


def test_a_huggingface_folder_comes_back_as_it_went(tmp_path: Path) -> None:
    network = network_of()
    write_huggingface(network, tmp_path)
    file = read_checkpoint_file(tmp_path)
    found = recognise(file)
    assert differing(found.tensors, network) == set()
    assert (found.producer, found.architecture) == ("Hugging Face", network.architecture)
    assert (file.classes, file.palette, file.mean, file.std, file.size) == (CLASSES, PALETTE, MEAN, STD, SIZE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json", "model.safetensors", "preprocessor_config.json",
    ]  # fmt: skip


@pytest.mark.parametrize(("form", "fusion"), [("linear", "linear_fuse"), ("mmseg", "fusion_conv")])
def test_a_fuse_bias_moves_into_the_mean(form: HeadForm, fusion: str, tmp_path: Path) -> None:
    network = network_of(form, bias=True)
    save_mmseg(network.state_dict(), network.architecture, CLASSES, PALETTE, tmp_path / "w.pth")
    found = recognise(read_checkpoint_file(tmp_path / "w.pth"))
    bias, mean = f"decode_head.{fusion}.conv.bias", f"decode_head.{fusion}.bn.running_mean"
    assert differing(found.tensors, network) == {bias, mean}
    assert not found.architecture.head_bias
    again = SegFormer(found.architecture).eval()
    load_tensors(again, found.tensors, "file")
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        first, second = network(pixels), again(pixels)
    assert float((first - second).abs().max() / first.abs().max()) < 5e-6


@pytest.mark.parametrize("variant", ["mit_b0", "fan_tiny_8_p4_hybrid"])
def test_nvlabs_files_come_back_as_they_went(variant: str, tmp_path: Path) -> None:
    network = network_of(variant=variant)
    save_nvlabs(network.state_dict(), network.architecture, CLASSES, PALETTE, tmp_path / "w.pth")
    values = torch.load(tmp_path / "w.pth", weights_only=True)
    assert values["meta"]["CLASSES"] == list(CLASSES)
    assert values["meta"]["PALETTE"] == [list(rgb) for rgb in PALETTE]
    assert {"decode_head.linear_fuse.conv.weight", "decode_head.linear_pred.bias"} <= values[
        "state_dict"
    ].keys()
    file = read_checkpoint_file(tmp_path / "w.pth")
    found = recognise(file)
    assert differing(found.tensors, network) == set()
    assert (file.classes, file.palette, found.architecture) == (CLASSES, PALETTE, network.architecture)


def test_mmseg_files_come_back_as_they_went(tmp_path: Path) -> None:
    network = network_of("mmseg")
    note = save_mmseg(network.state_dict(), network.architecture, CLASSES, PALETTE, tmp_path / "w.pth")
    values = torch.load(tmp_path / "w.pth", weights_only=True)
    names = values["state_dict"]
    assert note == ""
    assert values["meta"]["dataset_meta"]["classes"] == list(CLASSES)
    assert names["backbone.layers.0.1.0.attn.attn.in_proj_weight"].shape == (96, 32)
    assert names["backbone.layers.3.1.1.ffn.layers.4.weight"].shape == (256, 1024, 1, 1)
    assert {"backbone.layers.0.0.projection.bias", "backbone.layers.2.2.weight"} <= names.keys()
    assert {"decode_head.convs.0.conv.weight", "decode_head.fusion_conv.bn.running_var"} <= names.keys()
    assert not any("block" in name or "patch_embed" in name for name in names)
    found = recognise(read_checkpoint_file(tmp_path / "w.pth"))
    assert differing(found.tensors, network) == set()
    assert (found.producer, found.architecture) == ("mmsegmentation 1.x", network.architecture)


def test_a_linear_head_for_mmseg_is_written_under_nvlabs_names_and_says_so(tmp_path: Path) -> None:
    network = network_of()
    note = save_mmseg(network.state_dict(), network.architecture, CLASSES, (), tmp_path / "w.pth")
    assert "NVlabs' names" in note
    assert "decode_head.linear_pred.bias" in read_checkpoint_file(tmp_path / "w.pth").tensors


@pytest.mark.parametrize(
    ("variant", "form", "refused_by"),
    [
        ("fan_tiny_8_p4_hybrid", "linear", {"huggingface"}),
        ("vit_large_nvdinov2", "linear", {"huggingface", "nvlabs", "mmseg"}),
        ("mit_b0", "mmseg", {"huggingface", "nvlabs"}),
        ("fan_tiny_8_p4_hybrid", "mmseg", {"huggingface", "nvlabs", "mmseg"}),
    ],
)
def test_networks_that_others_have_not_are_refused(
    variant: str, form: HeadForm, refused_by: set[str], tmp_path: Path
) -> None:
    architecture = Architecture(variant, 3, head=form)
    ways: dict[str, Callable[[], object]] = {
        "huggingface": lambda: save_huggingface(
            {}, architecture, CLASSES, PALETTE, MEAN, STD, SIZE, tmp_path / "folder"
        ),
        "nvlabs": lambda: save_nvlabs({}, architecture, CLASSES, PALETTE, tmp_path / "w.pth"),
        "mmseg": lambda: save_mmseg({}, architecture, CLASSES, PALETTE, tmp_path / "w.pth"),
    }
    for name in refused_by:
        with pytest.raises(ModelError, match=rf"SegFormer has no {variant}"):
            ways[name]()
    assert list(tmp_path.iterdir()) == []


def test_names_and_colours_must_fit_the_classes(tmp_path: Path) -> None:
    network = network_of()
    for classes, palette in ((("road",), ()), (CLASSES, PALETTE[:2]), ((), PALETTE)):
        with pytest.raises(ModelError, match="for a network of 3 classes"):
            save_nvlabs(network.state_dict(), network.architecture, classes, palette, tmp_path / "w.pth")


def test_settings_name_every_size(tmp_path: Path) -> None:
    network = network_of(variant="mit_b1")
    write_huggingface(network, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["hidden_sizes"], config["depths"]) == ([64, 128, 320, 512], [2, 2, 2, 2])
    assert (config["decoder_hidden_size"], config["num_attention_heads"]) == (48, [1, 2, 5, 8])


def test_what_we_read_from_tao_goes_out_to_huggingface(tmp_path: Path) -> None:
    network = network_of(bias=True)
    tao = {
        "model."
        + name.replace("decode_head", "decoder")
        .replace("fuse.conv", "fuse.0")
        .replace("fuse.bn", "fuse.1"): tensor
        for name, tensor in network.state_dict().items()
    }
    found = recognise(CheckpointFile(tao))
    save_huggingface(found.tensors, found.architecture, CLASSES, PALETTE, MEAN, STD, SIZE, tmp_path)
    assert differing(recognise(read_checkpoint_file(tmp_path)).tensors, network) == {
        "decode_head.linear_fuse.conv.bias", "decode_head.linear_fuse.bn.running_mean",
    }  # fmt: skip
