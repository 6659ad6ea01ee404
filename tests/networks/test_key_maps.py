"""Every producer's names become ours, the network is read from tensors, what is no SegFormer is refused."""

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from segstudio.errors import ModelError
from segstudio.networks.architecture import HUGGINGFACE_EPS, MMSEG_EPS, NVLABS_EPS, Architecture, HeadForm
from segstudio.networks.checkpoint_file import ARCHITECTURE, CheckpointFile
from segstudio.networks.dinov2 import NvDinoV2
from segstudio.networks.fan import Fan
from segstudio.networks.key_maps import recognise
from segstudio.networks.mit import Attention
from segstudio.networks.nvclip import NvClip
from segstudio.networks.radio import CRadio
from segstudio.networks.segformer import SegFormer
from segstudio.networks.variants import FAN_VARIANTS, MIT_VARIANTS, VIT_VARIANTS
from segstudio.networks.weights import load_tensors

Tensors = dict[str, Tensor]
MIT = Architecture("mit_b0", 4, embed_dim=32)


def state(network: nn.Module) -> Tensors:
    """The network's tensors, with a value of its own in each."""
    torch.manual_seed(1)
    tensors = network.state_dict()
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.is_meta:
            tensors[name] = torch.rand_like(tensor)
    return tensors


def mit(form: HeadForm = "linear", *, bias: bool = False) -> Tensors:
    return state(SegFormer(Architecture("mit_b0", 4, embed_dim=32, head=form, head_bias=bias)))


def as_tao_6(tensors: Tensors) -> Tensors:
    """As Lightning saves TAO's module."""
    named = {}
    for name, tensor in tensors.items():
        short = name.replace("linear_fuse.conv", "linear_fuse.0").replace("linear_fuse.bn", "linear_fuse.1")
        named["model." + short.replace("decode_head.", "decoder.")] = tensor
    return named


def as_nvlabs(tensors: Tensors) -> Tensors:
    """With the classifier that mmseg's base class makes and NVlabs' head leaves alone."""
    unused = {
        "decode_head.conv_seg.weight": torch.rand(4, 128, 1, 1),
        "decode_head.conv_seg.bias": torch.rand(4),
    }
    return {**tensors, **unused}


def as_mmseg(tensors: Tensors) -> Tensors:
    """As mmsegmentation's MixVisionTransformer calls and shapes them."""
    named = {}
    for name, tensor in tensors.items():
        stage = re.match(r"backbone\.(patch_embed|block|norm)(\d)\.(.*)", name)
        if stage is None:
            named[name] = tensor
            continue
        kind, index, rest = stage[1], int(stage[2]) - 1, stage[3]
        start = f"backbone.layers.{index}.{('patch_embed', 'block', 'norm').index(kind)}"
        if ".attn.kv." in name:
            continue
        if ".attn.q." in name:
            both = [tensor, tensors[name.replace(".attn.q.", ".attn.kv.")]]
            block, _, end = rest.partition(".attn.q.")
            named[f"{start}.{block}.attn.attn.in_proj_{end}"] = torch.cat(both)
            continue
        rest = rest.replace("attn.proj", "attn.attn.out_proj").replace("mlp.fc1", "ffn.layers.0")
        rest = rest.replace("mlp.dwconv.dwconv", "ffn.layers.1").replace("mlp.fc2", "ffn.layers.4")
        if kind == "patch_embed":
            rest = rest.replace("proj.", "projection.")
        pointwise = rest.endswith(("ffn.layers.0.weight", "ffn.layers.4.weight"))
        named[f"{start}.{rest}"] = tensor[:, :, None, None] if pointwise else tensor
    return named


HUGGINGFACE_NAMES = (
    ("attn.q.", "attention.self.query."),
    ("attn.k.", "attention.self.key."),
    ("attn.v.", "attention.self.value."),
    ("attn.sr.", "attention.self.sr."),
    ("attn.norm.", "attention.self.layer_norm."),
    ("attn.proj.", "attention.output.dense."),
    ("mlp.fc", "mlp.dense"),
    ("norm1.", "layer_norm_1."),
    ("norm2.", "layer_norm_2."),
)


def as_huggingface(tensors: Tensors) -> Tensors:
    """As transformers saves them."""
    named: Tensors = {}
    for name, tensor in tensors.items():
        stage = re.match(r"backbone\.(patch_embed|block|norm)(\d)\.(.*)", name)
        if stage is None:
            head = re.sub(r"linear_c(\d)", lambda found: f"linear_c.{int(found[1]) - 1}", name)
            head = head.replace("linear_fuse.conv", "linear_fuse").replace("linear_fuse.bn", "batch_norm")
            named[head.replace("linear_pred", "classifier")] = tensor
            continue
        kind, index, rest = stage[1], int(stage[2]) - 1, stage[3]
        start = {"patch_embed": "patch_embeddings", "block": "block", "norm": "layer_norm"}[kind]
        parts = [(rest, tensor)]
        if ".attn.kv." in rest:
            halves = tensor.chunk(2)
            parts = [
                (rest.replace(".kv.", f".{part}."), half) for part, half in zip("kv", halves, strict=True)
            ]
        for short, value in parts:
            for ours, theirs in HUGGINGFACE_NAMES if kind == "block" else (("norm.", "layer_norm."),):
                short = short.replace(ours, theirs)
            named[f"segformer.encoder.{start}.{index}.{short}"] = value
    return named


def equal(found: Tensors, expected: Tensors) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize(
    ("producer", "form", "bias", "rename", "eps"),
    [
        ("TAO 6 (Lightning)", "linear", True, as_tao_6, NVLABS_EPS),
        ("TAO 4-5 / NVlabs / mmseg 0.x", "linear", False, as_nvlabs, NVLABS_EPS),
        ("mmsegmentation 1.x", "mmseg", False, as_mmseg, MMSEG_EPS),
        ("Hugging Face", "linear", False, as_huggingface, HUGGINGFACE_EPS),
        ("segstudio", "linear", True, dict, NVLABS_EPS),
        ("segstudio", "mmseg", False, dict, NVLABS_EPS),
    ],
)
def test_whole_networks(
    producer: str, form: HeadForm, bias: bool, rename: Callable[[Tensors], Tensors], eps: tuple[float, float]
) -> None:
    expected = mit(form, bias=bias)
    found = recognise(CheckpointFile(rename(expected)))
    assert found.producer == producer
    assert equal(found.tensors, expected)
    assert found.has_head
    assert found.architecture == Architecture(
        "mit_b0", 4, 32, form, head_bias=bias, block_eps=eps[0], embed_eps=eps[1]
    )
    report = load_tensors(SegFormer(found.architecture), found.tensors, "file")
    assert (report.share, report.unexpected) == (1.0, ())


@pytest.mark.parametrize("wrap", ["module.{}", "_orig_mod.{}", "module._orig_mod.{}", "model.{}"])
@pytest.mark.parametrize("rename", [as_tao_6, as_nvlabs, as_mmseg, as_huggingface])
def test_wrappers_of_every_name_are_stripped(wrap: str, rename: Callable[[Tensors], Tensors]) -> None:
    expected = mit("mmseg" if rename is as_mmseg else "linear")
    tensors = {wrap.format(name): tensor for name, tensor in rename(expected).items()}
    assert equal(recognise(CheckpointFile(tensors)).tensors, expected)


@pytest.mark.parametrize("form", ["ema_{flat}", "ema_model.{name}", "model_ema.module.{name}"])
def test_moving_averages_beside_the_weights_are_left_out(form: str) -> None:
    expected = mit()
    averages = {
        form.format(name=name, flat=name.replace(".", "_")): value * 0 for name, value in expected.items()
    }
    found = recognise(CheckpointFile({**averages, **expected}))
    assert equal(found.tensors, expected)
    assert any("moving average" in note for note in found.notes)


def test_an_average_alone_is_taken_as_the_weights() -> None:
    expected = mit()
    averages = {f"model_ema.module.{name}": tensor for name, tensor in expected.items()}
    assert equal(recognise(CheckpointFile(averages)).tensors, expected)


@pytest.mark.parametrize("variant", sorted(MIT_VARIANTS))
@pytest.mark.parametrize(
    ("producer", "rename"),
    [
        ("ImageNet encoder (NVlabs)", lambda tensors: tensors),
        ("ImageNet encoder (mmsegmentation)", as_mmseg),
        ("Hugging Face", as_huggingface),
    ],
)
def test_encoders_of_every_variant(variant: str, producer: str, rename: Callable[[Tensors], Tensors]) -> None:
    with torch.device("meta"):
        network = SegFormer(Architecture(variant, 4))
    encoder = {name: tensor for name, tensor in state(network).items() if name.startswith("backbone.")}
    classifier = "classifier" if producer == "Hugging Face" else "head"
    file = {name.removeprefix("backbone."): tensor for name, tensor in rename(encoder).items()}
    file[f"{classifier}.weight"] = torch.zeros(1000, MIT_VARIANTS[variant].dims[3])
    found = recognise(CheckpointFile(file))
    assert found.producer == producer
    assert found.tensors.keys() == encoder.keys()
    assert (found.architecture.backbone, found.architecture.classes, found.has_head) == (variant, 0, False)
    assert any("no decode head" in note for note in found.notes)


@pytest.mark.parametrize("variant", sorted(FAN_VARIANTS))
@pytest.mark.parametrize("downsampled", [False, True])
def test_fan(variant: str, downsampled: bool) -> None:
    architecture = Architecture(variant, 3, head_bias=True, feat_downsample=downsampled)
    with torch.device("meta"):
        expected = state(SegFormer(architecture))
        backbone = state(Fan(variant))
    found = recognise(CheckpointFile(as_tao_6(expected)))
    assert (found.producer, found.architecture) == ("TAO 6 (Lightning)", architecture)
    assert found.tensors.keys() == expected.keys()
    ends = {"norm.weight": torch.zeros(3), "head.weight": torch.zeros(3), "head.bias": torch.zeros(3)}
    for prefix in ("", "backbone."):
        found = recognise(
            CheckpointFile({prefix + name: value for name, value in {**backbone, **ends}.items()})
        )
        assert (found.producer, found.architecture.backbone) == ("FAN ImageNet", variant)
        assert {name.removeprefix("backbone.") for name in found.tensors} == backbone.keys()


@pytest.mark.parametrize(
    ("head", "paired"), [("SegFormerHead", False), ("TAOSegFormerHead", True), ("", True)]
)
def test_positions_of_nvlabs_fans_are_told_from_those_of_tao(head: str, paired: bool) -> None:
    with torch.device("meta"):
        tensors = as_nvlabs(state(SegFormer(Architecture("fan_tiny_8_p4_hybrid", 4))))
    found = recognise(CheckpointFile(tensors, config={"config": f"decode_head=dict(type='{head}')"}))
    assert found.producer == "TAO 4-5 / NVlabs / mmseg 0.x"
    assert found.architecture.paired_waves is paired


VIT_CLASSES: dict[str, Callable[[str], nn.Module]] = {
    "nvdinov2": NvDinoV2,
    "siglip": NvClip,
    "clipa": NvClip,
    "radio": CRadio,
}
OLD_PREFIX = {
    "nvdinov2": "nvdinov2_vit_adapter",
    "siglip": "nvclip_vit_adapter",
    "clipa": "nvclip_vit_adapter",
}
HEAD = {
    "decode_head.linear_pred.weight": torch.zeros(5, 768, 1, 1),
    "decode_head.linear_fuse.conv.weight": torch.zeros(768, 4 * 768, 1, 1),
}


def vit(variant: str) -> Tensors:
    """The tensors of an adapter backbone, without memory, under the names of the Lightning generation."""
    with torch.device("meta"):
        network = VIT_CLASSES[VIT_VARIANTS[variant].family](variant)
    return {f"backbone.{name}": tensor for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("variant", sorted(VIT_VARIANTS))
def test_vit_adapters_of_tao_6(variant: str) -> None:
    expected = {**vit(variant), **HEAD}
    unneeded = {
        "siglip": {
            "backbone.model.text.x": torch.zeros(1),
            "backbone.vision_transformer.norm.weight": torch.zeros(1),
        },
        "clipa": {"backbone.model.visual.ln_post.weight": torch.zeros(1)},
        "nvdinov2": {"backbone.norm.weight": torch.zeros(1)},
        "radio": {"backbone.radio.radio.summary_idxs": torch.zeros(3)},
    }[VIT_VARIANTS[variant].family]
    found = recognise(CheckpointFile(as_tao_6({**expected, **unneeded})))
    assert (found.producer, found.architecture.backbone) == ("TAO 6 (Lightning)", variant)
    assert (found.architecture.classes, found.architecture.embed_dim) == (5, 768)
    assert found.tensors.keys() == expected.keys()


@pytest.mark.parametrize(
    "variant", [name for name, shape in VIT_VARIANTS.items() if shape.family in OLD_PREFIX]
)
def test_vit_adapters_of_tao_5(variant: str) -> None:
    expected = vit(variant)
    prefix, family = OLD_PREFIX[VIT_VARIANTS[variant].family], VIT_VARIANTS[variant].family
    trunk = ("patch_embed", "pos_embed", "blocks") if family == "nvdinov2" else ("vision_transformer",)
    named = {}
    for name, tensor in expected.items():
        short = name.removeprefix("backbone.")
        if short.startswith(trunk):
            short = f"vision_transformer.model.{short.removeprefix('vision_transformer.')}"
        named[f"backbone.{prefix}.{short}"] = tensor
    found = recognise(CheckpointFile(as_nvlabs({**named, **HEAD})))
    assert (found.producer, found.architecture.backbone) == ("TAO 4-5 / NVlabs / mmseg 0.x", variant)
    assert found.tensors.keys() == {**expected, **HEAD}.keys()


@pytest.mark.parametrize(
    ("variant", "start", "producer"),
    [
        ("c_radio_v2_vit_base_patch16_224", "radio_model.model.", "C-RADIO encoder"),
        ("c_radio_v2_vit_base_patch16_224", "base_model.", "C-RADIO encoder"),
        ("c_radio_v2_vit_large_patch16_224", "radio.radio.model.", "C-RADIO encoder"),
        ("vit_base_nvclip_16_siglip", "visual.trunk.", "CLIP encoder"),
        ("vit_huge_nvclip_14_siglip", "visual.", "CLIP encoder"),
        ("vit_large_nvdinov2", "", "DINOv2 encoder"),
    ],
)
def test_encoders_of_transformers(variant: str, start: str, producer: str) -> None:
    trunk = (
        ("radio.radio.model.", "vision_transformer.") if start else ("blocks.", "patch_embed.", "pos_embed")
    )
    names = {name.removeprefix("backbone."): tensor for name, tensor in vit(variant).items()}
    expected = {name: tensor for name, tensor in names.items() if name.startswith(trunk)}
    file = {
        re.sub(r"^(radio\.radio\.model|vision_transformer)\.", start, name): t for name, t in expected.items()
    }
    found = recognise(CheckpointFile(file))
    assert (found.producer, found.architecture.backbone, found.has_head) == (producer, variant, False)
    assert {name.removeprefix("backbone.") for name in found.tensors} == expected.keys()


@pytest.mark.parametrize("spelling", ["gamma", "grandma"])
def test_layer_scales_are_multiplied_into_the_layers_before_them(spelling: str) -> None:
    tensors = vit("vit_large_nvdinov2")
    torch.manual_seed(1)
    real = {
        "attn.proj.weight": torch.rand(1024, 1024),
        "attn.proj.bias": torch.rand(1024),
        "mlp.fc2.weight": torch.rand(1024, 2736),
        "mlp.fc2.bias": torch.rand(1024),
    }
    scales = {f"ls{number}.{spelling}": torch.rand(1024) for number in (1, 2)}
    tensors |= {f"backbone.blocks.3.{name}": tensor for name, tensor in {**real, **scales}.items()}
    found = recognise(CheckpointFile(tensors))
    assert found.tensors.keys() == vit("vit_large_nvdinov2").keys()
    assert any("layer scale" in note for note in found.notes)
    x = torch.rand(3, 1024)
    expected = (x @ real["attn.proj.weight"].T + real["attn.proj.bias"]) * scales[f"ls1.{spelling}"]
    block = {name.removeprefix("backbone.blocks.3."): tensor for name, tensor in found.tensors.items()}
    torch.testing.assert_close(x @ block["attn.proj.weight"].T + block["attn.proj.bias"], expected)
    torch.testing.assert_close(block["mlp.fc2.bias"], real["mlp.fc2.bias"] * scales[f"ls2.{spelling}"])


def test_packed_attention_is_that_of_pytorch() -> None:
    """mmsegmentation computes by `nn.MultiheadAttention`: its packed rows are queries, keys, values."""
    torch.manual_seed(1)
    theirs = nn.MultiheadAttention(32, 1, batch_first=True)
    packed = {
        f"backbone.layers.0.1.0.attn.attn.{name}": tensor for name, tensor in theirs.state_dict().items()
    }
    named = as_mmseg(mit("mmseg")) | packed
    found = recognise(CheckpointFile(named)).tensors
    ours = Attention(32, 1, 1, 1e-6)
    prefix = "backbone.block1.0.attn."
    ours.load_state_dict({name: found[prefix + name] for name in ours.state_dict()})
    x = torch.randn(2, 12, 32)
    torch.testing.assert_close(ours(x, 3, 4), theirs(x, x, x)[0])


def test_names_of_transformers_5_in_memory() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    model = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(num_labels=4))
    found = recognise(CheckpointFile(model.state_dict()))
    assert found.producer == "Hugging Face"
    assert load_tensors(SegFormer(found.architecture), found.tensors, "file").share == 1.0


def test_counters_of_old_batch_norms_are_filled_in() -> None:
    expected = mit()
    old = {name: tensor for name, tensor in expected.items() if "num_batches_tracked" not in name}
    assert recognise(CheckpointFile(old)).tensors.keys() == expected.keys()


def test_our_header_tells_what_tensors_do_not_show() -> None:
    architecture = Architecture("mit_b0", 4, 32, block_eps=1e-5, embed_eps=1e-6)
    file = CheckpointFile(mit(), config={ARCHITECTURE: architecture.to_dict()})
    assert recognise(file).architecture == architecture


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["conv1.weight", "bn1.weight", "layer1.0.conv1.weight"], r"holds conv1\.weight, bn1\.weight"),
        ([f"model.{number}.conv.weight" for number in range(9)], r"model\.4\.conv\.weight and 4 more"),
        (["backbone.conv1.weight", "decode_head.conv_seg.weight"], r"backbone\.conv1\.weight"),
    ],
)
def test_other_networks_are_refused_by_their_names(names: list[str], shown: str) -> None:
    with pytest.raises(
        ModelError, match=rf"net\.pth is no SegFormer; it {shown}|is no SegFormer.*{shown}"
    ) as caught:
        recognise(CheckpointFile({name: torch.zeros(2) for name in names}, "net.pth"))
    assert "\n" not in str(caught.value)


def test_unknown_sizes_are_refused() -> None:
    tensors = {name: tensor for name, tensor in mit().items() if not name.startswith("backbone.block3.1")}
    with pytest.raises(ModelError, match=r"no mit backbone .*\(2, 2, 1, 2\) blocks.*mit_b0"):
        recognise(CheckpointFile(tensors))


def test_settings_that_tensors_do_not_show_are_checked() -> None:
    config = {"model_type": "segformer", "num_attention_heads": [1, 2, 4, 8]}
    with pytest.raises(ModelError, match=r"num_attention_heads is \[1, 2, 4, 8\]"):
        recognise(CheckpointFile(as_huggingface(mit()), config=config))


def test_a_poor_match_says_what_is_missing_and_what_is_left_over() -> None:
    network = SegFormer(MIT)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    foreign = {f"conv{number}.weight": torch.zeros(2) for number in range(12)}
    with pytest.raises(
        ModelError, match=r"net\.pth matches 0% of the network \(0 of \d+ tensors\)"
    ) as caught:
        load_tensors(network, foreign, "net.pth")
    assert re.search(
        r"missing: backbone.* and \d+ more; not in the network: conv0.* and 4 more", str(caught.value)
    )
    assert equal(network.state_dict(), before)
