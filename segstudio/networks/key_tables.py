"""The names that every producer gives to a SegFormer's tensors, as tables that are read in both directions.

A row is (their name, ours), of a module or a tensor; what follows the name stays. `{s}` is a stage, which
others count from 0 and we from 1; `{i}` a number that stays; `{p}` is weight or bias.
"""

from typing import NamedTuple

Table = tuple[tuple[str, str], ...]

HUGGINGFACE_MIT: Table = (
    ("encoder.patch_embeddings.{s}.proj", "backbone.patch_embed{s}.proj"),
    ("encoder.patch_embeddings.{s}.layer_norm", "backbone.patch_embed{s}.norm"),
    ("encoder.block.{s}.{i}.layer_norm_1", "backbone.block{s}.{i}.norm1"),
    ("encoder.block.{s}.{i}.attention.self.query", "backbone.block{s}.{i}.attn.q"),
    ("encoder.block.{s}.{i}.attention.self.key", "backbone.block{s}.{i}.attn.k"),
    ("encoder.block.{s}.{i}.attention.self.value", "backbone.block{s}.{i}.attn.v"),
    ("encoder.block.{s}.{i}.attention.self.sr", "backbone.block{s}.{i}.attn.sr"),
    ("encoder.block.{s}.{i}.attention.self.layer_norm", "backbone.block{s}.{i}.attn.norm"),
    ("encoder.block.{s}.{i}.attention.output.dense", "backbone.block{s}.{i}.attn.proj"),
    ("encoder.block.{s}.{i}.layer_norm_2", "backbone.block{s}.{i}.norm2"),
    ("encoder.block.{s}.{i}.mlp.dense1", "backbone.block{s}.{i}.mlp.fc1"),
    ("encoder.block.{s}.{i}.mlp.dwconv", "backbone.block{s}.{i}.mlp.dwconv"),
    ("encoder.block.{s}.{i}.mlp.dense2", "backbone.block{s}.{i}.mlp.fc2"),
    ("encoder.layer_norm.{s}", "backbone.norm{s}"),
)
HUGGINGFACE_HEAD: Table = (
    ("decode_head.linear_c.{s}", "decode_head.linear_c{s}"),
    ("decode_head.linear_fuse", "decode_head.linear_fuse.conv"),
    ("decode_head.batch_norm", "decode_head.linear_fuse.bn"),
    ("decode_head.classifier", "decode_head.linear_pred"),
)
# In memory transformers 5 has other names than on disk; they reach disk by way of `state_dict`.
TRANSFORMERS_5_MIT: Table = (
    ("stages.{s}.patch_embeddings.proj", "backbone.patch_embed{s}.proj"),
    ("stages.{s}.patch_embeddings.layer_norm", "backbone.patch_embed{s}.norm"),
    ("stages.{s}.blocks.{i}.layernorm_before", "backbone.block{s}.{i}.norm1"),
    ("stages.{s}.blocks.{i}.attention.q_proj", "backbone.block{s}.{i}.attn.q"),
    ("stages.{s}.blocks.{i}.attention.k_proj", "backbone.block{s}.{i}.attn.k"),
    ("stages.{s}.blocks.{i}.attention.v_proj", "backbone.block{s}.{i}.attn.v"),
    (
        "stages.{s}.blocks.{i}.attention.sequence_reduction.sequence_reduction",
        "backbone.block{s}.{i}.attn.sr",
    ),
    ("stages.{s}.blocks.{i}.attention.sequence_reduction.layer_norm", "backbone.block{s}.{i}.attn.norm"),
    ("stages.{s}.blocks.{i}.attention.o_proj", "backbone.block{s}.{i}.attn.proj"),
    ("stages.{s}.blocks.{i}.layernorm_after", "backbone.block{s}.{i}.norm2"),
    ("stages.{s}.blocks.{i}.mlp", "backbone.block{s}.{i}.mlp"),
    ("stages.{s}.layer_norm", "backbone.norm{s}"),
)
TRANSFORMERS_5_HEAD: Table = (
    ("decode_head.linear_projections.{s}", "decode_head.linear_c{s}"),
    *HUGGINGFACE_HEAD[1:],
)
MMSEG_MIT: Table = (
    ("backbone.layers.{s}.0.projection", "backbone.patch_embed{s}.proj"),
    ("backbone.layers.{s}.0.norm", "backbone.patch_embed{s}.norm"),
    ("backbone.layers.{s}.1.{i}.norm1", "backbone.block{s}.{i}.norm1"),
    ("backbone.layers.{s}.1.{i}.attn.attn.in_proj_{p}", "backbone.block{s}.{i}.attn.qkv.{p}"),
    ("backbone.layers.{s}.1.{i}.attn.attn.out_proj", "backbone.block{s}.{i}.attn.proj"),
    ("backbone.layers.{s}.1.{i}.attn.sr", "backbone.block{s}.{i}.attn.sr"),
    ("backbone.layers.{s}.1.{i}.attn.norm", "backbone.block{s}.{i}.attn.norm"),
    ("backbone.layers.{s}.1.{i}.norm2", "backbone.block{s}.{i}.norm2"),
    ("backbone.layers.{s}.1.{i}.ffn.layers.0", "backbone.block{s}.{i}.mlp.fc1"),
    ("backbone.layers.{s}.1.{i}.ffn.layers.1", "backbone.block{s}.{i}.mlp.dwconv.dwconv"),
    ("backbone.layers.{s}.1.{i}.ffn.layers.4", "backbone.block{s}.{i}.mlp.fc2"),
    ("backbone.layers.{s}.2", "backbone.norm{s}"),
)
SAME_HEAD: Table = (("decode_head", "decode_head"),)
TAO_HEAD: Table = (
    ("decoder.linear_fuse.0", "decode_head.linear_fuse.conv"),
    ("decoder.linear_fuse.1", "decode_head.linear_fuse.bn"),
    ("decoder", "decode_head"),
    ("decode_head.linear_fuse.0", "decode_head.linear_fuse.conv"),
    ("decode_head.linear_fuse.1", "decode_head.linear_fuse.bn"),
)
# How generation B of TAO and the transformers' own publishers nest what the Lightning generation flattens.
TRUNKS: Table = (
    ("backbone.nvdinov2_vit_adapter.vision_transformer.model", "backbone"),
    ("backbone.nvdinov2_vit_adapter", "backbone"),
    ("backbone.nvclip_vit_adapter.vision_transformer.model", "backbone.vision_transformer"),
    ("backbone.nvclip_vit_adapter", "backbone"),
    ("backbone.radio_model.model", "backbone.radio.radio.model"),
    ("backbone.base_model", "backbone.radio.radio.model"),
    ("backbone.patch_generator", "backbone.radio.radio.model.patch_generator"),
    ("backbone.visual.trunk", "backbone.vision_transformer"),
    ("backbone.visual", "backbone.vision_transformer"),
    ("backbone", "backbone"),
)


class KeyMap(NamedTuple):
    """How a producer's files are told and read; the first map whose signs all begin some name is taken.

    Attributes:
        producer: as shown to the user.
        signs: beginnings of names that such a file has.
        table: their names and ours; names that it does not know are left out.
        prefix: what is put before their names first.
        origin: whose eps the network has: a key of `key_maps.EPS`.
    """

    producer: str
    signs: tuple[str, ...]
    table: Table
    prefix: str = ""
    origin: str = "nvlabs"


OLD_MMSEG = "TAO 4-5 / NVlabs / mmseg 0.x"
TAO = "TAO 6 (Lightning)"
SEGSTUDIO = "segstudio"
KEY_MAPS: tuple[KeyMap, ...] = (
    KeyMap(
        "Hugging Face",
        ("encoder.patch_embeddings.0.proj.",),
        HUGGINGFACE_MIT + HUGGINGFACE_HEAD,
        origin="huggingface",
    ),
    KeyMap(
        "Hugging Face",
        ("stages.0.patch_embeddings.proj.",),
        TRANSFORMERS_5_MIT + TRANSFORMERS_5_HEAD,
        origin="huggingface",
    ),
    KeyMap("mmsegmentation 1.x", ("backbone.layers.0.0.projection.",), MMSEG_MIT + SAME_HEAD, origin="mmseg"),
    KeyMap(TAO, ("backbone.", "decoder.linear_pred."), TAO_HEAD + TRUNKS),
    KeyMap(TAO, ("backbone.", "decode_head.linear_fuse.0."), TAO_HEAD[3:] + SAME_HEAD + TRUNKS),
    KeyMap(OLD_MMSEG, ("backbone.", "decode_head."), SAME_HEAD + TRUNKS),
    KeyMap("FAN ImageNet", ("backbone.patch_embed.backbone.stem.", "backbone.head."), TRUNKS),
    KeyMap("encoder of a SegFormer", ("backbone.",), TRUNKS),
    KeyMap("ImageNet encoder (mmsegmentation)", ("layers.0.0.projection.",), MMSEG_MIT, "backbone.", "mmseg"),
    KeyMap("ImageNet encoder (NVlabs)", ("patch_embed1.proj.",), TRUNKS, "backbone."),
    KeyMap("FAN ImageNet", ("patch_embed.backbone.stem.",), TRUNKS, "backbone."),
    KeyMap("C-RADIO encoder", ("radio_model.model.patch_generator.",), TRUNKS, "backbone."),
    KeyMap("C-RADIO encoder", ("base_model.patch_generator.",), TRUNKS, "backbone."),
    KeyMap("C-RADIO encoder", ("radio.radio.model.patch_generator.",), TRUNKS, "backbone."),
    KeyMap("CLIP encoder", ("visual.",), TRUNKS, "backbone."),
    KeyMap("DINOv2 encoder", ("patch_embed.proj.", "blocks.0.attn.qkv."), TRUNKS, "backbone."),
)
