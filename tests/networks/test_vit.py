"""The vision transformers answer as their published peers do, position tables fit any size and any file."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.networks.dinov2 import NvDinoV2
from segstudio.networks.nvclip import ClipBlock, NvClip
from segstudio.networks.radio import CRadio
from segstudio.networks.variants import VitVariant
from segstudio.networks.vit import MLP, Block, fit_weights, make_blocks
from tests.networks.test_adapter import relative_error, vary

transformers = pytest.importorskip("transformers")

# Relative to the largest token; both are float32 with sums in another order. Measured 5e-7.
TOLERANCE = 1e-5
# Gate and value of 128 each: two thirds of 4 x 48, which is a multiple of 8 already.
DINO = VitVariant("nvdinov2", dim=48, depth=4, group=1, heads=4, hidden=256, patch=16, grid=5)
SIGLIP = VitVariant("siglip", dim=48, depth=4, group=1, heads=4, hidden=96, patch=16, grid=4)
CLIPA = VitVariant("clipa", dim=48, depth=4, group=1, heads=4, hidden=96, patch=14, grid=4)
RADIO = VitVariant("radio", dim=48, depth=4, group=1, heads=4, hidden=96, patch=16, grid=8)

DINO_NAMES = {
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "embeddings.position_embeddings": "pos_embed",
    "encoder.layer.": "blocks.",
    "attention.attention.": "attn.",
    "attention.output.dense": "attn.proj",
    "weights_in": "fc1",
    "weights_out": "fc2",
}
SIGLIP_NAMES = {
    "vision_model.": "",
    "embeddings.patch_embedding": "patch_embed.proj",
    "embeddings.position_embedding.weight": "pos_embed",
    "encoder.layers.": "blocks.",
    "layer_norm": "norm",
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.proj",
}


def published_tensors(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """The tensors as files on the hub name them; in memory the names differ between versions."""
    model.save_pretrained(folder)  # type: ignore[operator]  # a method of transformers' models
    return load_file(folder / "model.safetensors")


def renamed(theirs: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    """Tensors under timm's names; queries, keys and values become one tensor."""
    ours = {}
    for name, tensor in theirs.items():
        for old, new in names.items():
            name = name.replace(old, new)
        ours[name] = tensor
    for name in [name for name in ours if ".query." in name]:
        parts = [ours.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        ours[name.replace("query", "qkv")] = torch.cat(parts)
    return ours


def run(blocks: nn.ModuleList, tokens: Tensor) -> Tensor:
    for block in blocks:
        tokens = block(tokens)
    return tokens


@pytest.mark.parametrize("size", [(80, 80), (64, 112)])
def test_dinov2_trunk_equals_transformers(size: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = transformers.Dinov2Config(
        hidden_size=48, num_hidden_layers=4, num_attention_heads=4, image_size=80, patch_size=16
    )
    config.use_swiglu_ffn, config.layerscale_value = True, 1.0
    peer = transformers.Dinov2Model(config).eval()
    vary(peer)
    for name, parameter in peer.named_parameters():
        if "layer_scale" in name:
            nn.init.ones_(parameter)
    theirs = published_tensors(peer, tmp_path)
    ours = NvDinoV2(DINO).eval()
    missing = ours.load_state_dict(renamed(theirs, DINO_NAMES), strict=False).missing_keys
    assert not [name for name in missing if name.split(".")[0] in ours.trunk_names]
    images = torch.randn(2, 3, *size)
    with torch.inference_mode():
        tokens, grid = ours.embed(images)
        first = theirs["embeddings.cls_token"] + ours.pos_embed[:, :1]
        answer = run(ours.blocks, torch.cat([first.expand(2, -1, -1), tokens], dim=1))
        assert grid == (size[0] // 16, size[1] // 16)
        assert relative_error(peer.layernorm(answer), peer(images).last_hidden_state) < TOLERANCE


@pytest.mark.parametrize("size", [(64, 64), (96, 32)])
def test_siglip_trunk_equals_transformers(size: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = transformers.SiglipVisionConfig(
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=96,
        image_size=64,
        patch_size=16,
        hidden_act="gelu",
        vision_use_head=False,
    )
    peer = transformers.SiglipVisionModel(config).eval()
    vary(peer)
    tensors = renamed(published_tensors(peer, tmp_path), SIGLIP_NAMES)
    tensors["pos_embed"] = tensors["pos_embed"][None]
    ours = NvClip(SIGLIP).eval()
    trunk = ours.vision_transformer
    assert not trunk.load_state_dict(tensors, strict=False).missing_keys
    images = torch.randn(2, 3, *size)
    with torch.inference_mode():
        theirs = peer(images, interpolate_pos_encoding=True, output_hidden_states=True)
        answer = run(trunk.blocks, ours.embed(images)[0])
        assert relative_error(answer, theirs.hidden_states[-1]) < TOLERANCE


def test_blocks_equal_pytorchs_own() -> None:
    torch.manual_seed(3)
    clip, plain = ClipBlock(48, 4, 96).eval(), Block(48, 4, MLP(48, 96), 0.0).eval()
    names = ["ln_1", "attn.in_proj_", "attn.out_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"]
    timm = ["norm1", "attn.qkv.", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]
    torchs = ["norm1", "self_attn.in_proj_", "self_attn.out_proj", "norm2", "linear1", "linear2"]
    tokens = torch.randn(2, 7, 48)
    for block, block_names, eps in ((clip, names, 1e-5), (plain, timm, 1e-6)):
        vary(block)
        peer = nn.TransformerEncoderLayer(48, 4, 96, 0.0, "gelu", eps, batch_first=True, norm_first=True)
        state = {}
        for name, tensor in block.state_dict().items():
            for old, new in zip(block_names, torchs, strict=True):
                if name.startswith(old):
                    state[name.replace(old, new)] = tensor
        peer.load_state_dict(state)
        with torch.no_grad():
            assert relative_error(block(tokens), peer.eval()(tokens)) < TOLERANCE


def test_clipa_positions_are_sines_of_column_then_row() -> None:
    table = NvClip(CLIPA).vision_transformer.get_buffer("positional_embedding")
    assert table.shape == (1 + 16, 48)
    assert not table[0].any()
    for row, column in ((0, 0), (1, 3), (2, 1)):
        expected = []
        for place in (column, row):
            angles = place / 10000.0 ** (torch.arange(12).double() / 12)
            expected += [angles.sin(), angles.cos()]
        torch.testing.assert_close(table[1 + 4 * row + column].double(), torch.cat(expected))


def positions_of(model: NvClip | CRadio, kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """What the tokens of a black image hold where patches add nothing."""
    nn.init.zeros_(kernel)
    with torch.no_grad():
        return model.embed(torch.zeros(1, 3, *size))[0]


def test_clipa_positions_are_resized_without_the_class_row() -> None:
    model = NvClip(CLIPA).eval()
    given = positions_of(model, model.get_parameter("vision_transformer.conv1.weight"), (28, 84))
    table = model.vision_transformer.get_buffer("positional_embedding")[1:].reshape(1, 4, 4, 48)
    expected = F.interpolate(table.permute(0, 3, 1, 2), size=(2, 6), mode="bicubic")
    torch.testing.assert_close(given, expected.flatten(2).transpose(1, 2))


@pytest.mark.parametrize("size", [(128, 128), (32, 96), (96, 64), (160, 192)])
def test_radio_shows_the_first_rows_and_columns_of_a_square(size: tuple[int, int]) -> None:
    torch.manual_seed(4)
    model = CRadio(RADIO).eval()
    given = positions_of(model, model.trunk.patch_generator.embedder.weight, size)
    height, width = size[0] // 16, size[1] // 16
    table = model.trunk.patch_generator.pos_embed.reshape(1, 8, 8, 48).permute(0, 3, 1, 2)
    side = max(height, width)
    square = F.interpolate(table, size=(side, side), mode="bilinear", align_corners=True)
    expected = square[:, :, :height, :width].flatten(2).transpose(1, 2)
    torch.testing.assert_close(given[:, :8], model.trunk.patch_generator.cls_token.token[None])
    torch.testing.assert_close(given[:, 8:], expected)


def test_radio_positions_differ_between_images_only_in_training() -> None:
    torch.manual_seed(5)
    model = CRadio(RADIO)
    images = torch.zeros(32, 3, 64, 96)
    tokens = model.train().embed(images)[0][:, 8:]
    # A tenth of the images goes without positions; a bilinear mean never leaves the table's range.
    kept = tokens[tokens.abs().amax(dim=(1, 2)) > 0]
    assert 16 < len(kept) < 32
    assert (kept[0] != kept[1]).any()
    assert tokens.abs().max() <= model.trunk.patch_generator.pos_embed.abs().max()
    assert (model.eval().embed(images)[0] == model.embed(images[:1])[0]).all()


def published(grid: int, patch: int) -> dict[str, Tensor]:
    """Weights of a trunk whose table and kernel have other sizes than ours."""
    return NvDinoV2(replace(DINO, grid=grid, patch=patch)).state_dict()


def test_a_table_of_another_size_is_taken_as_it_is() -> None:
    tensors = published(grid=7, patch=16)
    model = NvDinoV2(DINO)
    before = model.pos_embed
    model.load_state_dict(tensors)
    assert model.grid == 7
    # An optimizer that holds the parameter goes on holding it.
    assert model.pos_embed is before
    assert torch.equal(model.pos_embed, tensors["pos_embed"])
    again = NvDinoV2(DINO)
    again.load_state_dict(copy.deepcopy(model).state_dict())
    images = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(model.embed(images)[0], again.embed(images)[0])


def test_a_kernel_of_fourteen_pixels_is_resampled() -> None:
    tensors = published(grid=5, patch=14)
    model = NvDinoV2(DINO)
    model.load_state_dict(tensors)
    expected = F.interpolate(tensors["patch_embed.proj.weight"], size=(16, 16), mode="bicubic")
    torch.testing.assert_close(model.patch_embed.proj.weight, expected)


def test_a_table_that_is_no_square_does_not_load() -> None:
    tensors = published(grid=5, patch=16)
    tensors["pos_embed"] = torch.zeros(1, 30, 48)
    with pytest.raises(RuntimeError, match="pos_embed"):
        NvDinoV2(DINO).load_state_dict(tensors)


def test_shapes_fit_before_a_loader_compares_them() -> None:
    network = nn.ModuleDict({"backbone": NvDinoV2(DINO)})
    tensors = {f"backbone.{name}": tensor for name, tensor in published(grid=7, patch=14).items()}
    fitted = fit_weights(network, tensors)
    own = network.state_dict()
    assert {name: tensor.shape for name, tensor in fitted.items()} == {
        name: tensor.shape for name, tensor in own.items()
    }
    assert tensors["backbone.patch_embed.proj.weight"].shape[2:] == (14, 14)


@pytest.mark.parametrize(("depth", "rates"), [(4, [0.0, 0.1, 0.2, 0.3]), (7, [0.0, 0.05, 0.1, 0.15])])
def test_drop_path_rises_over_all_published_blocks(depth: int, rates: list[float]) -> None:
    blocks = make_blocks(replace(DINO, depth=depth), drop_path=0.3)
    assert [block.get_submodule("drop_path").probability for block in blocks] == pytest.approx(rates)


@pytest.mark.parametrize(
    ("build", "dropped"),
    [(lambda: NvDinoV2(DINO), 0.4), (lambda: NvClip(SIGLIP), 0.0), (lambda: CRadio(RADIO), 0.0)],
)
def test_families_drop_paths_as_published(build: Callable[[], nn.Module], dropped: float) -> None:
    model = build()
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    assert blocks[-1].drop_path.probability == pytest.approx(dropped)
    extractor = model.get_submodule("interactions.3.extra_extractors.1.drop_path")
    assert extractor.probability == (0.0 if isinstance(model, CRadio) else 0.4)
