"""What follows from a spec: its folders, architecture, palette, resize rule and sizes."""

from dataclasses import replace
from pathlib import Path

from segstudio.annotation.palette import Palette, load_palette
from segstudio.inference.spec import RESIZE_MODES, ResizeRule
from segstudio.networks.architecture import NORM_EPS, Architecture
from segstudio.networks.variants import FAN_VARIANTS, VIT_VARIANTS
from segstudio.training.data.classes import entries_of, network_palette
from segstudio.training.spec.schema import ExperimentSpec

# What TAO's documentation names where its -1 stands.
USUAL_BATCH = 8


def task_folder(spec: ExperimentSpec, task: str) -> Path:
    """Where a task (train, evaluate, inference, ...) writes: its own results_dir, else below the spec's."""
    own: str | None = getattr(spec, task).results_dir
    return Path(own) if own else Path(spec.results_dir or "results") / task


def batch_size(spec: ExperimentSpec) -> int:
    """Samples a step and process, unless studio.crops say otherwise."""
    wanted = spec.dataset.segment.batch_size
    return wanted if wanted > 0 else USUAL_BATCH


def side_multiple(backbone: str) -> int:
    """What the sides of training images must be multiples of: 32 for a ViT, 16 for a FAN, else 1.

    Unknown backbones have 1: `check` refuses them for what they are.
    """
    return 32 if backbone in VIT_VARIANTS else 16 if backbone in FAN_VARIANTS else 1


def model_palette(spec: ExperimentSpec) -> Palette:
    """The classes of the network: those that share a mapping_class are one.

    Raises:
        PaletteError: there is no such palette, or its entries are wrong.
    """
    wanted, where = spec.dataset.segment.palette, "dataset.segment.palette"
    if not isinstance(wanted, str):
        return network_palette(wanted, "custom", where)
    named = load_palette(wanted)
    if all(entry.mapping_class == entry.name for entry in named.classes):
        return named
    return network_palette(entries_of(named), f"{named.name}-merged", where)


def resize_rule(spec: ExperimentSpec) -> ResizeRule:
    """How the network sees images when they are scored, and in the finished model."""
    evaluation, side = spec.studio.evaluation, spec.dataset.segment.img_size
    usual = "stretch" if spec.studio.augmentation.kind == "tao" else "short_side"
    mode = next(mode for mode in RESIZE_MODES if mode == (evaluation.resize or usual))
    if mode == "stretch":
        return ResizeRule("stretch", side, side)
    if mode == "native" or not evaluation.short_side:
        return ResizeRule("native")
    return ResizeRule("short_side", evaluation.short_side)


def architecture_of(spec: ExperimentSpec, classes: int) -> Architecture:
    """The architecture that a spec describes, which `check` has found possible."""
    backbone, form = spec.model.backbone, spec.studio.network
    block_eps, embed_eps = NORM_EPS[form.norm_eps]
    return Architecture(
        backbone.type,
        classes,
        spec.model.decode_head.decoder_params.embed_dim,
        "mmseg" if form.head == "mmseg" else "linear",
        head_bias=form.head_bias,
        block_eps=block_eps,
        embed_eps=embed_eps,
        feat_downsample=backbone.feat_downsample,
        paired_waves=form.paired_waves,
    )


def decisive(spec: ExperimentSpec) -> ExperimentSpec:
    """The spec without what may change between the sessions of one run: where and how fast it runs."""
    defaults = ExperimentSpec()
    segment = replace(spec.dataset.segment, workers=0)
    train = replace(
        spec.train,
        gpu_ids=(),
        results_dir=None,
        resume_training_checkpoint_path=None,
        validation_interval=1,
        checkpoint_interval=1,
        checkpointer=None,
        tensorboard=defaults.train.tensorboard,
    )
    return replace(
        defaults,
        model=spec.model,
        dataset=replace(spec.dataset, segment=segment),
        train=train,
        studio=replace(
            spec.studio, threads=0, accelerator="auto", name="", log_every=1, test=(), predict=(),
            inference=defaults.studio.inference, export=defaults.studio.export, watch=defaults.studio.watch,
        ),
    )  # fmt: skip
