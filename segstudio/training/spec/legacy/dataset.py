"""The keys of `dataset` in TAO's mmsegmentation generations (4 and 5); see `schema`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segstudio.training.spec.unused import because, unused

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
TRAIN_ONLY = "only training samples are augmented"


@dataclass(frozen=True)
class OldCrop:
    """dataset.train_dataset.pipeline.augmentation_config.random_crop"""

    cat_max_ratio: float = 0.75
    crop_size: tuple[int, ...] = unused((512, 512), "model.input_height and input_width count, as in TAO")


@dataclass(frozen=True)
class OldResize:
    """dataset.*.pipeline.augmentation_config.resize"""

    img_scale: tuple[int, ...] | None = None
    ratio_range: tuple[float, float] = (0.5, 2.0)
    keep_ratio: bool = True


@dataclass(frozen=True)
class OldFlip:
    """dataset.train_dataset.pipeline.augmentation_config.random_flip"""

    prob: float = 0.5


@dataclass(frozen=True)
class OldColour:
    """dataset.train_dataset.pipeline.augmentation_config.color_aug"""

    type: str = "PhotoMetricDistortion"


@dataclass(frozen=True)
class OldAugmentation:
    """dataset.train_dataset.pipeline.augmentation_config"""

    random_crop: OldCrop = field(default_factory=OldCrop)
    resize: OldResize = field(default_factory=OldResize)
    random_flip: OldFlip = field(default_factory=OldFlip)
    color_aug: OldColour = field(default_factory=OldColour)


@dataclass(frozen=True)
class OldTestAugmentation:
    """dataset.val_dataset.pipeline.augmentation_config, and the test_dataset's"""

    resize: OldResize = field(default_factory=OldResize)
    random_crop: OldCrop = field(default_factory=OldCrop, metadata=because(TRAIN_ONLY))
    random_flip: OldFlip = field(default_factory=OldFlip, metadata=because(TRAIN_ONLY))
    color_aug: OldColour = field(default_factory=OldColour, metadata=because(TRAIN_ONLY))


@dataclass(frozen=True)
class OldNormalisation:
    """dataset.img_norm_cfg: for pixels 0-255"""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    to_rgb: bool = True
    pad_val: int = unused(0, "crops beyond an image's border are black")
    seg_pad_val: int = unused(255, "pixels outside an image never count")
    type: str = unused("SegDataPreProcessor", "there is one way to normalise")


PAD = "crops that reach beyond an image are filled by themselves"


@dataclass(frozen=True)
class OldPipeline:
    """dataset.train_dataset.pipeline"""

    augmentation_config: OldAugmentation = field(default_factory=OldAugmentation)
    multi_scale: tuple[int, ...] | None = unused(None, "the sizes of training samples are resize's")
    img_norm_cfg: OldNormalisation = field(
        default_factory=OldNormalisation, metadata=because("dataset.img_norm_cfg counts, as in TAO")
    )
    Pad: Mapping[str, Any] = field(default_factory=dict, metadata=because(PAD))
    CollectKeys: tuple[str, ...] = unused((), "images and masks are always collected")


@dataclass(frozen=True)
class OldTestPipeline:
    """dataset.val_dataset.pipeline, and the test_dataset's"""

    augmentation_config: OldTestAugmentation = field(default_factory=OldTestAugmentation)
    multi_scale: tuple[int, ...] | None = None
    img_norm_cfg: OldNormalisation = field(
        default_factory=OldNormalisation, metadata=because("dataset.img_norm_cfg counts, as in TAO")
    )
    Pad: Mapping[str, Any] = field(default_factory=dict, metadata=because(PAD))
    CollectKeys: tuple[str, ...] = unused((), "images and masks are always collected")


@dataclass(frozen=True)
class OldTrainSet:
    """dataset.train_dataset"""

    img_dir: tuple[str, ...] = ()
    ann_dir: tuple[str, ...] = ()
    pipeline: OldPipeline = field(default_factory=OldPipeline)


@dataclass(frozen=True)
class OldTestSet:
    """dataset.val_dataset, dataset.test_dataset"""

    img_dir: tuple[str, ...] = ()
    ann_dir: tuple[str, ...] = ()
    pipeline: OldTestPipeline = field(default_factory=OldTestPipeline)


@dataclass(frozen=True)
class OldClass:
    """dataset.palette[n]"""

    seg_class: str = "background"
    label_id: int = 0
    rgb: tuple[int, ...] = (255, 255, 255)
    mapping_class: str = ""


OLD_PALETTE = (OldClass("foreground", 0, (0, 0, 0)), OldClass("background", 1, (255, 255, 255)))


@dataclass(frozen=True)
class OldDataset:
    """dataset"""

    data_root: str | None = None
    input_type: str = "rgb"
    img_norm_cfg: OldNormalisation = field(default_factory=OldNormalisation)
    train_dataset: OldTrainSet = field(default_factory=OldTrainSet)
    val_dataset: OldTestSet = field(default_factory=OldTestSet)
    test_dataset: OldTestSet = field(default_factory=OldTestSet)
    palette: tuple[OldClass, ...] = OLD_PALETTE
    batch_size: int = 2
    workers_per_gpu: int = 2
    reduce_zero_label: bool = False
    img_suffix: str | None = unused(None, "images and masks are paired by name, whatever they end in")
    seg_map_suffix: str | None = unused(None, "images and masks are paired by name, whatever they end in")
    repeat_data_times: int = unused(2, "samples are drawn without end, so that none needs repeating")
    shuffle: bool = unused(True, "training samples are always drawn at random, other splits never")
    type: str = unused("BaseSegDataset", "there is one kind of data set")
    dataloader: str = unused("DataLoader", "there is one kind of loader")
    seg_class_default: OldClass = field(
        default_factory=OldClass, metadata=because("every class of the palette has its own keys")
    )
