"""The keys of a spec: TAO's (its Lightning generation) with TAO's defaults, and ours below `studio`.

A field made by `unused` is read and kept, and has no effect; its reason is told when a file sets it.
The texts below "Attributes" are what `segstudio default_specs` prints beside the keys.
"""

from dataclasses import dataclass, field

from segstudio.training.spec.deploy import ExportSpec, GenTrtEngineSpec, QuantizeSpec
from segstudio.training.spec.studio import StudioSpec
from segstudio.training.spec.train import TrainSection
from segstudio.training.spec.unused import because, unused

NO_WANDB = "segstudio sends nothing to Weights & Biases; train.tensorboard has curves"


@dataclass(frozen=True)
class BackboneSpec:
    """model.backbone

    Attributes:
        type: mit_b0 to mit_b5, a fan_*_hybrid, or a ViT with adapter.
        feat_downsample: a FAN's coarsest map through a learned stride; other backbones have no use for it.
        pretrained_backbone_path: weights of the backbone alone, such as an ImageNet checkpoint.
        freeze_backbone: only the head learns (and a ViT's adapter).
    """

    type: str = "fan_small_12_p4_hybrid"
    feat_downsample: bool = False
    pretrained_backbone_path: str | None = None
    freeze_backbone: bool = False


@dataclass(frozen=True)
class DecoderParams:
    """model.decode_head.decoder_params

    Attributes:
        embed_dim: the head's width; 0 takes the backbone's usual one: 256 for b0 and b1, else 768.
    """

    embed_dim: int = 768


@dataclass(frozen=True)
class DecodeHeadSpec:
    """model.decode_head"""

    decoder_params: DecoderParams = field(default_factory=DecoderParams)
    in_channels: tuple[int, ...] = unused((64, 128, 320, 512), "the backbone decides its channels")
    in_index: tuple[int, ...] = unused((0, 1, 2, 3), "all four levels of the backbone are used")
    feature_strides: tuple[int, ...] = unused((4, 8, 16, 32), "the backbone decides its strides")
    align_corners: bool = unused(False, "upsampling never aligns corners, as in TAO's code")


@dataclass(frozen=True)
class NetworkSpec:
    """model"""

    backbone: BackboneSpec = field(default_factory=BackboneSpec)
    decode_head: DecodeHeadSpec = field(default_factory=DecodeHeadSpec)


@dataclass(frozen=True)
class RandomFlip:
    """dataset.segment.augmentation.random_flip

    Attributes:
        enable: false never flips.
        hflip_probability: of left and right changing places.
        vflip_probability: of top and bottom changing places.
    """

    enable: bool = True
    hflip_probability: float = 0.5
    vflip_probability: float = 0.5


@dataclass(frozen=True)
class RandomRotate:
    """dataset.segment.augmentation.random_rotate

    Attributes:
        enable: false never turns.
        rotate_probability: of a turn.
        angle_list: degrees, one of which is drawn.
    """

    enable: bool = True
    rotate_probability: float = 0.5
    angle_list: tuple[float, ...] = (90.0, 180.0, 270.0)


@dataclass(frozen=True)
class RandomColor:
    """dataset.segment.augmentation.random_color

    Attributes:
        enable: false leaves colours alone.
        brightness: largest relative change.
        contrast: largest relative change.
        saturation: largest relative change.
        hue: largest change in turns, up to 0.5.
        color_probability: of a change; the set tao changes every sample, as TAO does whatever this says.
    """

    enable: bool = True
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.3
    color_probability: float = 0.5


@dataclass(frozen=True)
class ScaleRandomCrop:
    """dataset.segment.augmentation.with_scale_random_crop

    Attributes:
        enable: false crops without a change of size.
        scale_range: images are resized by a factor from this range before the crop.
    """

    enable: bool = True
    scale_range: tuple[float, float] = (1.0, 1.2)


@dataclass(frozen=True)
class AugmentationSpec:
    """dataset.segment.augmentation; studio.augmentation.kind decides what is made of it.

    Attributes:
        with_random_blur: Gaussian blur; the set nvlabs has none.
        with_random_crop: TAO's random resized crop (area 0.8 to 1.2, of which at most 1 is kept); set tao.
        mean: subtracted from pixels 0-1, a value a channel (red, green, blue).
        std: they are then divided by this.
    """

    random_flip: RandomFlip = field(default_factory=RandomFlip)
    random_rotate: RandomRotate = field(default_factory=RandomRotate)
    random_color: RandomColor = field(default_factory=RandomColor)
    with_scale_random_crop: ScaleRandomCrop = field(default_factory=ScaleRandomCrop)
    with_random_blur: bool = True
    with_random_crop: bool = True
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class PaletteEntry:
    """dataset.segment.palette[n]: a class, the id and colour it has in masks, the class it counts as."""

    seg_class: str = ""
    label_id: int = 0
    rgb: tuple[int, ...] = (0, 0, 0)
    mapping_class: str = ""


BINARY_PALETTE = (
    PaletteEntry("foreground", 0, (0, 0, 0), "foreground"),
    PaletteEntry("background", 1, (1, 1, 1), "background"),
)


@dataclass(frozen=True)
class CalibrationData:
    """dataset.segment.quant_calibration_dataset

    Attributes:
        images_dir: a folder of images that quantization measures activations on.
    """

    images_dir: str = ""


@dataclass(frozen=True)
class SegmentSpec:
    """dataset.segment

    Attributes:
        root_dir: a folder with images/<split> and masks/<split>; studio.sources take its place when given.
        dataset: TAO knows one kind, SFDataset.
        num_classes: 0 takes the palette's count (without the entry 255); another number must equal it.
        img_size: side of the square that the network is trained on; studio.crops may have others.
        batch_size: samples a step and process; -1 stands for 8, the number in TAO's documentation.
        workers: processes that read and augment samples.
        train_split: folder below images and masks; any name will do for all four.
        validation_split: scored during a training.
        test_split: scored by evaluate.
        predict_split: images for inference.
        label_transform: norm (masks of 0 and 255 stand for ids 0 and 1) or null (they are as they are).
        palette: entries of seg_class, label_id, rgb and mapping_class, or the name or path of a palette.
    """

    root_dir: str | None = None
    dataset: str = "SFDataset"
    num_classes: int = 0
    img_size: int = 256
    batch_size: int = -1
    workers: int = 8
    shuffle: bool = unused(True, "training samples are always drawn at random, other splits never")
    train_split: str = "train"
    validation_split: str = "val"
    test_split: str = "val"
    predict_split: str = "test"
    label_transform: str | None = "norm"
    palette: str | tuple[PaletteEntry, ...] = BINARY_PALETTE
    quant_calibration_dataset: CalibrationData = field(default_factory=CalibrationData)
    augmentation: AugmentationSpec = field(default_factory=AugmentationSpec)


@dataclass(frozen=True)
class DatasetSpec:
    """dataset"""

    segment: SegmentSpec = field(default_factory=SegmentSpec)


@dataclass(frozen=True)
class CheckpointTask:
    """evaluate, inference

    Attributes:
        num_gpus: processes, each with a part of the images.
        gpu_ids: which GPUs; 1 process takes the first.
        num_nodes: machines.
        checkpoint: a run's weights, a TAO checkpoint or any file that `segstudio models import` takes.
        trt_engine: a built TensorRT engine to run in place of the checkpoint.
        results_dir: null is <results_dir>/<task>.
        batch_size: -1 is 1: images keep their own sizes.
        vis_after_n_batches: of so many images one gets a picture.
    """

    num_gpus: int = 1
    gpu_ids: tuple[int, ...] = (0,)
    num_nodes: int = 1
    checkpoint: str = ""
    trt_engine: str | None = None
    results_dir: str | None = None
    batch_size: int = -1
    vis_after_n_batches: int = 16
    is_quantized: bool = unused(False, "quantized checkpoints are recognised by their content")


@dataclass(frozen=True)
class WandbSpec:
    """wandb: read and kept; segstudio sends nothing to Weights & Biases."""

    enable: bool = True
    project: str = "TAO Toolkit"
    entity: str | None = ""
    group: str | None = ""
    tags: tuple[str, ...] = ("training", "tao-toolkit")
    reinit: bool = False
    sync_tensorboard: bool = False
    save_code: bool = False
    name: str = "TAO Toolkit training experiment"
    run_id: str = ""


@dataclass(frozen=True)
class ExperimentSpec:
    """A whole spec.

    Attributes:
        results_dir: every task writes into a folder of its name below this; "" is results.
        model_name: kept for TAO's sake; studio.name names the model.
    """

    results_dir: str = ""
    model_name: str | None = None
    encryption_key: str | None = unused(None, "weights are never encrypted, as TAO 6 writes them")
    wandb: WandbSpec = field(default_factory=WandbSpec, metadata=because(NO_WANDB))
    model: NetworkSpec = field(default_factory=NetworkSpec)
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    train: TrainSection = field(default_factory=TrainSection)
    evaluate: CheckpointTask = field(default_factory=CheckpointTask)
    inference: CheckpointTask = field(default_factory=CheckpointTask)
    export: ExportSpec = field(default_factory=ExportSpec)
    gen_trt_engine: GenTrtEngineSpec = field(default_factory=GenTrtEngineSpec)
    quantize: QuantizeSpec = field(default_factory=QuantizeSpec)
    studio: StudioSpec = field(default_factory=StudioSpec)
