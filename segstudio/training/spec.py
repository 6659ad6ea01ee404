"""The spec of a training: TAO's key names where TAO has them, our own below `studio`, checked at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from segstudio.errors import SpecError
from segstudio.networks.architecture import HEAD_FORMS, NORM_EPS, Architecture
from segstudio.networks.variants import BACKBONE_NAMES
from segstudio.training.typed import build, plain

OPTIMISERS = ("adamw", "sgd")
INTERVAL_UNITS = ("epoch", "step")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
SOURCE_KINDS = ("folder", "scenes")


@dataclass(frozen=True)
class BackboneSpec:
    """model.backbone"""

    type: str = "mit_b0"
    freeze_backbone: bool = False
    # A FAN's coarsest map through a learned stride; other backbones have no use for it.
    feat_downsample: bool = False
    # Weights of the backbone alone, such as an ImageNet checkpoint.
    pretrained_backbone_path: str | None = None


@dataclass(frozen=True)
class DecoderParams:
    """model.decode_head.decoder_params"""

    # 0 takes the variant's usual width: 256 for b0 and b1, else 768.
    embed_dim: int = 0


@dataclass(frozen=True)
class DecodeHeadSpec:
    """model.decode_head"""

    decoder_params: DecoderParams = field(default_factory=DecoderParams)


@dataclass(frozen=True)
class NetworkSpec:
    """model"""

    backbone: BackboneSpec = field(default_factory=BackboneSpec)
    decode_head: DecodeHeadSpec = field(default_factory=DecodeHeadSpec)


@dataclass(frozen=True)
class RandomFlip:
    """dataset.segment.augmentation.random_flip"""

    enable: bool = True
    hflip_probability: float = 0.5
    vflip_probability: float = 0.0


@dataclass(frozen=True)
class RandomColor:
    """dataset.segment.augmentation.random_color: largest relative changes, of the hue in turns."""

    enable: bool = True
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.03


@dataclass(frozen=True)
class ScaleRandomCrop:
    """dataset.segment.augmentation.with_scale_random_crop"""

    enable: bool = True
    # Images are resized by a factor drawn log-uniformly from this range before the crop.
    scale_range: tuple[float, float] = (0.5, 2.0)


@dataclass(frozen=True)
class AugmentationSpec:
    """dataset.segment.augmentation"""

    random_flip: RandomFlip = field(default_factory=RandomFlip)
    random_color: RandomColor = field(default_factory=RandomColor)
    with_scale_random_crop: ScaleRandomCrop = field(default_factory=ScaleRandomCrop)
    with_random_blur: bool = True
    # For pixels 0-1.
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    # The rest has no key in TAO. Rotation is drawn uniformly from -degrees..degrees.
    rotate_degrees: float = 0.0
    blur_probability: float = 0.1
    noise_probability: float = 0.1
    # A crop is drawn again (up to 5 times) while one class covers more than this share of it.
    largest_class_share: float = 0.75


@dataclass(frozen=True)
class SegmentSpec:
    """dataset.segment"""

    # A folder with images/<split> and masks/<split>; studio.sources take its place when given.
    root_dir: str | None = None
    train_split: str = "train"
    validation_split: str = "val"
    palette: str = "cityscapes"
    img_size: int = 512
    batch_size: int = 8
    workers: int = 1
    augmentation: AugmentationSpec = field(default_factory=AugmentationSpec)


@dataclass(frozen=True)
class DatasetSpec:
    """dataset"""

    segment: SegmentSpec = field(default_factory=SegmentSpec)


@dataclass(frozen=True)
class OptimSpec:
    """train.optim"""

    optim: str = "adamw"
    lr: float = 6e-5
    weight_decay: float = 0.01
    momentum: float = 0.9


@dataclass(frozen=True)
class TrainSection:
    """train"""

    # Negative: not seeded.
    seed: int = 1234
    num_epochs: int = 10
    # Between two validations, and between two `latest` checkpoints, in the unit below.
    validation_interval: int = 1
    checkpoint_interval: int = 1
    checkpoint_interval_unit: str = "epoch"
    # Safetensors of a whole network to start from; None starts from random weights.
    pretrained_model_path: str | None = None
    optim: OptimSpec = field(default_factory=OptimSpec)


@dataclass(frozen=True)
class SourceSpec:
    """One source of training samples: a folder of images with masks, or drawn street scenes."""

    kind: str = "folder"
    images: str = ""
    masks: str = ""
    # The palette of the source's masks; they are mapped to dataset.segment.palette.
    palette: str = "cityscapes"
    # Share of the samples that come from here, relative to the other sources.
    weight: float = 1.0
    # For scenes: how many, from which seed on, and their size.
    count: int = 0
    first_seed: int = 0
    height: int = 360
    width: int = 480


@dataclass(frozen=True)
class ValidationSpec:
    """Where scores are measured; an empty `images` takes root_dir's validation_split."""

    images: str = ""
    masks: str = ""
    palette: str = "cityscapes"
    # At most this many samples, evenly spread; 0 takes all.
    limit: int = 0


@dataclass(frozen=True)
class CropStage:
    """From a fraction of the run on: crop size in pixels and samples a step (progressive resizing)."""

    start: float = 0.0
    height: int = 512
    width: int = 512
    batch: int = 8


@dataclass(frozen=True)
class NetworkForm:
    """studio.network: what distinguishes the producers' networks of one backbone.

    It is to be set as `segstudio models inspect` shows it where a training starts from their weights.
    """

    # linear: NVlabs, TAO, Hugging Face; mmseg: BatchNorm and ReLU a level before the fusion.
    head: str = "linear"
    # TAO 6 has a bias in the fuse convolution.
    head_bias: bool = False
    # eps of a MiT's LayerNorms: nvlabs (and TAO), huggingface or mmseg.
    norm_eps: str = "nvlabs"
    # false for a FAN of NVlabs' segmentation weights.
    paired_waves: bool = True


@dataclass(frozen=True)
class StudioSpec:
    """studio: what TAO has no key for."""

    # Optimiser steps; 0 takes train.num_epochs over all samples.
    max_steps: int = 0
    sources: tuple[SourceSpec, ...] = ()
    validation: ValidationSpec = field(default_factory=ValidationSpec)
    # Empty: one stage of img_size x img_size with batch_size samples.
    crops: tuple[CropStage, ...] = ()
    # Share of the crops that are centred on a pixel of a class drawn with equal chances.
    balanced_share: float = 0.5
    head_lr_factor: float = 10.0
    warmup_share: float = 0.03
    poly_power: float = 1.0
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    # None takes the backbone's usual rate.
    drop_path: float | None = None
    head_dropout: float = 0.1
    network: NetworkForm = field(default_factory=NetworkForm)
    # The share of a batch's pixels that counts, hardest first; 1 counts all (online hard example mining).
    hardest_share: float = 1.0
    label_smoothing: float = 0.0
    # Weight of the Lovasz-softmax loss beside cross-entropy; 0 leaves it out.
    lovasz_weight: float = 0.0
    # Strength of the class weights in cross-entropy: frequency to the power -strength; 0 weighs all alike.
    class_weight_strength: float = 0.0
    precision: str = "32-true"
    accelerator: str = "auto"
    threads: int = 0
    # The resize rule of the finished model: the shorter side in pixels at which it sees images.
    short_side: int = 512
    name: str = "model"


@dataclass(frozen=True)
class TrainSpec:
    """A whole training."""

    results_dir: str = "runs/segformer"
    model: NetworkSpec = field(default_factory=NetworkSpec)
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    train: TrainSection = field(default_factory=TrainSection)
    studio: StudioSpec = field(default_factory=StudioSpec)

    def decisive(self) -> "TrainSpec":
        """The spec without what may change between the sessions of one run: where and how fast it runs."""
        segment = replace(self.dataset.segment, workers=0)
        return replace(
            self,
            results_dir="",
            dataset=replace(self.dataset, segment=segment),
            train=replace(self.train, validation_interval=1, checkpoint_interval=1),
            studio=replace(self.studio, threads=0, name=""),
        )


def load_train_spec(path: Path, overrides: Sequence[str] = ()) -> TrainSpec:
    """Reads a YAML spec, applies `a.b=value` overrides and `${a.b}` interpolation, and checks every key.

    Raises:
        SpecError: no such file, no YAML, an unknown key (with the nearest known one) or an unusable value.
    """
    try:
        config = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides)))
        values = OmegaConf.to_container(config, resolve=True)
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", hint="give the path of a YAML spec after -e") from error
    except (OSError, OmegaConfBaseException, ValueError) as error:
        raise SpecError(f"{path}: {' '.join(str(error).split())}") from error
    except Exception as error:
        # PyYAML's errors share no base with OmegaConf's; anything else is a bug and goes on.
        if type(error).__module__.startswith("yaml"):
            raise SpecError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
        raise
    return train_spec_from_dict(values, str(path))


def train_spec_from_dict(values: Any, where: str = "spec") -> TrainSpec:
    """The spec that nested dictionaries describe, checked.

    Raises:
        SpecError: see `load_train_spec`.
    """
    spec = build(TrainSpec, values if values is not None else {}, where)
    check(spec, where)
    return spec


def train_spec_to_dict(spec: TrainSpec) -> dict[str, Any]:
    """Plain nested values, for YAML."""
    values = plain(spec)
    assert isinstance(values, dict)
    return values


def train_spec_yaml(spec: TrainSpec) -> str:
    """The effective spec as YAML text."""
    return OmegaConf.to_yaml(OmegaConf.create(train_spec_to_dict(spec)))


def architecture_of(spec: TrainSpec, classes: int) -> Architecture:
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


def check(spec: TrainSpec, where: str) -> None:
    """Refuses values that would only fail after the training has begun.

    Raises:
        SpecError: names the key, its value and what it may be.
    """
    segment, studio, optim = spec.dataset.segment, spec.studio, spec.train.optim
    rules: list[tuple[bool, str, object, str]] = [
        (spec.model.backbone.type in BACKBONE_NAMES, "model.backbone.type", spec.model.backbone.type,
         f"one of {', '.join(BACKBONE_NAMES)}"),
        (studio.network.head in HEAD_FORMS, "studio.network.head", studio.network.head,
         f"one of {', '.join(HEAD_FORMS)}"),
        (studio.network.norm_eps in NORM_EPS, "studio.network.norm_eps", studio.network.norm_eps,
         f"one of {', '.join(NORM_EPS)}"),
        (optim.optim in OPTIMISERS, "train.optim.optim", optim.optim, f"one of {', '.join(OPTIMISERS)}"),
        (optim.lr > 0, "train.optim.lr", optim.lr, "above 0"),
        (segment.batch_size > 0, "dataset.segment.batch_size", segment.batch_size, "1 or more"),
        (segment.img_size >= 32, "dataset.segment.img_size", segment.img_size, "32 or more"),
        (studio.precision in PRECISIONS, "studio.precision", studio.precision,
         f"one of {', '.join(PRECISIONS)}"),
        (spec.train.checkpoint_interval_unit in INTERVAL_UNITS, "train.checkpoint_interval_unit",
         spec.train.checkpoint_interval_unit, f"one of {', '.join(INTERVAL_UNITS)}"),
        (min(spec.train.validation_interval, spec.train.checkpoint_interval) > 0,
         "train.validation_interval or checkpoint_interval",
         (spec.train.validation_interval, spec.train.checkpoint_interval), "1 or more"),
        (0 < studio.hardest_share <= 1, "studio.hardest_share", studio.hardest_share, "above 0, up to 1"),
        (0 < segment.augmentation.with_scale_random_crop.scale_range[0]
         <= segment.augmentation.with_scale_random_crop.scale_range[1],
         "dataset.segment.augmentation.with_scale_random_crop.scale_range",
         segment.augmentation.with_scale_random_crop.scale_range, "two rising factors above 0"),
        (0 <= studio.balanced_share <= 1, "studio.balanced_share", studio.balanced_share, "0 to 1"),
        (0 <= studio.ema_decay < 1, "studio.ema_decay", studio.ema_decay, "0 to below 1"),
        (spec.train.num_epochs > 0 or studio.max_steps > 0, "train.num_epochs", spec.train.num_epochs,
         "1 or more"),
        (bool(studio.sources) or segment.root_dir is not None, "dataset.segment.root_dir", segment.root_dir,
         "a folder, unless studio.sources are given"),
        (all(source.kind in SOURCE_KINDS for source in studio.sources), "studio.sources.kind", "",
         f"one of {', '.join(SOURCE_KINDS)}"),
        (all(stage.height % 32 == 0 and stage.width % 32 == 0 and stage.batch > 0 for stage in studio.crops),
         "studio.crops", "", "heights and widths that are multiples of 32, batch 1 or more"),
        (not studio.crops or studio.crops[0].start == 0.0, "studio.crops", "",
         "a first stage that starts at 0"),
    ]  # fmt: skip
    for right, key, value, wanted in rules:
        if not right:
            raise SpecError(f"{where}: {key} is {value!r}", hint=f"it must be {wanted}")
