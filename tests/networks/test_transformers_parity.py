"""Our network answers as Hugging Face's SegFormer does when both hold the same weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer

transformers = pytest.importorskip("transformers")

# Relative to the largest score. Both are float32 with sums in another order; measured 4e-7.
TOLERANCE = 4e-6
# Hugging Face has eps 1e-5 in every LayerNorm, NVlabs and we 1e-6 in most: measured 2e-6 on these weights.
EPSILON_TOLERANCE = 4e-5


def peer(dims: tuple[int, ...], depths: tuple[int, ...], classes: int, width: int) -> nn.Module:
    config = transformers.SegformerConfig(
        hidden_sizes=list(dims),
        depths=list(depths),
        num_labels=classes,
        decoder_hidden_size=width,
        num_attention_heads=[1, 2, 5, 8],
        sr_ratios=[8, 4, 2, 1],
        mlp_ratios=[4, 4, 4, 4],
    )
    model: nn.Module = transformers.SegformerForSemanticSegmentation(config).eval()
    return model


RENAMED = {
    "layer_norm_": "norm",
    "attention.self.layer_norm": "attn.norm",
    "attention.self.sr": "attn.sr",
    "attention.self.query": "attn.q",
    "attention.self.key": "attn.k",
    "attention.self.value": "attn.v",
    "attention.output.dense": "attn.proj",
    "mlp.dense": "mlp.fc",
    "linear_fuse": "linear_fuse.conv",
    "batch_norm": "linear_fuse.bn",
    "classifier": "linear_pred",
}


def published_tensors(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """The tensors as files on the hub name them; in memory the names differ between versions."""
    model.save_pretrained(folder)  # type: ignore[operator]  # a method of transformers' models
    return load_file(folder / "model.safetensors")


def from_transformers(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under NVlabs' names, by the published key table; keys and values become one tensor."""
    ours: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        parts = name.split(".")
        stage = f"{int(parts[3]) + 1}" if parts[0] == "segformer" else ""
        tail = ".".join(parts[5 if "block" in parts else 4 if stage else 1 :])
        for old, new in RENAMED.items():
            tail = tail.replace(old, new)
        if "block" in parts:
            ours[f"backbone.block{stage}.{parts[4]}.{tail}"] = tensor
        elif "patch_embeddings" in parts:
            ours[f"backbone.patch_embed{stage}.{tail.replace('layer_norm', 'norm')}"] = tensor
        elif stage:
            ours[f"backbone.norm{stage}.{tail}"] = tensor
        elif parts[1] == "linear_c":
            ours[f"decode_head.linear_c{int(parts[2]) + 1}.proj.{parts[-1]}"] = tensor
        else:
            ours[f"decode_head.{tail}"] = tensor
    for name in [name for name in ours if ".attn.k." in name]:
        value = ours.pop(name.replace(".attn.k.", ".attn.v."))
        ours[name.replace(".attn.k.", ".attn.kv.")] = torch.cat([ours.pop(name), value])
    return ours


def vary(model: nn.Module) -> None:
    """Gives every norm, bias and running statistic a value that shows when it is left out."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim == 1:
                around = 1.0 if "norm" in name and name.endswith(("weight", "var")) else 0.0
                tensor.copy_(around + 0.2 * torch.rand_like(tensor))


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("size", [(64, 96), (97, 71)])
def test_logits_equal(size: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = peer((32, 64, 160, 256), (2, 2, 2, 2), 19, 256)
    vary(model)
    ours = SegFormer(Architecture("mit_b0", 19)).eval()
    ours.load_state_dict(from_transformers(published_tensors(model, tmp_path)))
    images = torch.randn(2, 3, *size)
    with torch.inference_mode():
        theirs_with_their_epsilons = model(pixel_values=images).logits
        for name, module in model.named_modules():
            if isinstance(module, nn.LayerNorm) and "patch_embed" not in name and "attention" not in name:
                module.eps = 1e-6
        theirs, answer = model(pixel_values=images).logits, ours(images)
    assert relative_error(answer, theirs) < TOLERANCE
    assert relative_error(answer, theirs_with_their_epsilons) < EPSILON_TOLERANCE
