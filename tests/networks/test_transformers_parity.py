"""Our network answers as Hugging Face's SegFormer does when it loads what that saved, at any size."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from segstudio.networks.checkpoint_file import CheckpointFile, read_checkpoint_file
from segstudio.networks.key_maps import recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.variants import MIT_VARIANTS
from segstudio.networks.weights import load_tensors

transformers = pytest.importorskip("transformers")

# Relative to the largest score; both are float32 with sums in another order.
TOLERANCE = 1e-5
CLASSES = 19
DRAWS = 40
# Large enough for several rounds through every reduction, and odd in both directions.
ODD = (95, 131)
PUBLISHED_SIZES = ((512, 512), (512, 1024), (375, 1242))


def peer(variant: str, classes: int = CLASSES) -> nn.Module:
    """transformers' network of a variant with random weights."""
    shape = MIT_VARIANTS[variant]
    config = transformers.SegformerConfig(
        hidden_sizes=list(shape.dims),
        depths=list(shape.depths),
        num_labels=classes,
        decoder_hidden_size=shape.embed_dim,
    )
    model: nn.Module = transformers.SegformerForSemanticSegmentation(config).eval()
    return model


def published_tensors(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """The tensors as files on the hub name them; in memory the names differ between versions."""
    model.save_pretrained(folder)  # type: ignore[operator]  # a method of transformers' models
    return load_file(folder / "model.safetensors")


def from_transformers(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under our names."""
    return recognise(CheckpointFile(theirs)).tensors


def vary(model: nn.Module) -> None:
    """Gives every norm, bias and running statistic a value that shows when it is left out."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim == 1:
                around = 1.0 if "norm" in name and name.endswith(("weight", "var")) else 0.0
                tensor.copy_(around + 0.2 * torch.rand_like(tensor))
            elif name == "decode_head.classifier.weight":
                tensor.mul_(50)


def part_scores(model: nn.Module, pixels: Tensor) -> None:
    """Of many biases of the classifier takes those with which no pixel's two best classes lie close.

    Two classes whose scores differ by less than rounding say nothing about a network.
    """
    with torch.inference_mode():
        logits = model(pixel_values=pixels).logits

    def least_gap(bias: Tensor) -> float:
        best = (logits + bias[:, None, None]).topk(2, 1).values
        return float((best[:, 0] - best[:, 1]).min())

    biases = 0.2 * float(logits.std()) * torch.randn(DRAWS, logits.shape[1])
    with torch.no_grad():
        model.get_parameter("decode_head.classifier.bias").add_(max(biases, key=least_gap))


def image(size: tuple[int, int]) -> Tensor:
    """Patches of colour with some grain."""
    coarse = torch.randn(1, 3, -(-size[0] // 32), -(-size[1] // 32))
    patches = coarse.repeat_interleave(32, 2).repeat_interleave(32, 3)[:, :, : size[0], : size[1]]
    return patches + 0.1 * torch.randn(1, 3, *size)


def imported(folder: Path) -> SegFormer:
    """What a user gets who imports a folder."""
    found = recognise(read_checkpoint_file(folder))
    assert found.producer == "Hugging Face"
    assert found.has_head
    network = SegFormer(found.architecture).eval()
    report = load_tensors(network, found.tensors, str(folder))
    assert (report.missing, report.unexpected) == ((), ())
    return network


def compared(variant: str, size: tuple[int, int], folder: Path) -> tuple[float, float]:
    """The largest difference relative to the largest score, and the share of pixels with the same class."""
    torch.manual_seed(3)
    model = peer(variant)
    vary(model)
    pixels = image(size)
    part_scores(model, pixels)
    model.save_pretrained(folder)  # type: ignore[operator]  # a method of transformers' models
    with torch.inference_mode():
        theirs = model(pixel_values=pixels).logits
        ours = imported(folder)(pixels)
    assert len(theirs.argmax(1).unique()) > 1, "one class everywhere proves little"
    error = float((ours - theirs).abs().max() / theirs.abs().max())
    return error, float((ours.argmax(1) == theirs.argmax(1)).float().mean())


def check(variant: str, size: tuple[int, int], folder: Path) -> None:
    error, equal = compared(variant, size, folder)
    print(f"{variant} {size[0]}x{size[1]}: relative error {error:.1e}, same class {equal:.4%}")
    assert error < TOLERANCE
    assert equal == 1.0


@pytest.mark.parametrize("variant", sorted(MIT_VARIANTS))
def test_every_variant_equals_at_an_odd_size(variant: str, tmp_path: Path) -> None:
    check(variant, ODD, tmp_path)


@pytest.mark.parametrize("variant", ["mit_b0", "mit_b1"])
def test_small_variants_equal_at_the_usual_size(variant: str, tmp_path: Path) -> None:
    check(variant, (512, 512), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("size", PUBLISHED_SIZES)
@pytest.mark.parametrize("variant", sorted(MIT_VARIANTS))
def test_every_variant_equals_at_the_published_sizes(
    variant: str, size: tuple[int, int], tmp_path: Path
) -> None:
    check(variant, size, tmp_path)
