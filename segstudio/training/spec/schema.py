"""The keys of a spec: TAO's (its Lightning generation) with TAO's defaults, and ours below `studio`.

A field made by `unused` is read and kept, and has no effect; its reason is told when a file sets it.
"""

from dataclasses import dataclass, field

from segstudio.training.spec.deploy import ExportSpec, GenTrtEngineSpec, QuantizeSpec
from segstudio.training.spec.studio import StudioSpec
from segstudio.training.spec.unused import unused


@dataclass(frozen=True)
class BackboneSpec:
    """model.backbone"""

    type: str = "fan_small_12_p4_hybrid"
    # A FAN's coarsest map through a learned stride; other backbones have no use for it.
    feat_downsample: bool = False
    # Weights of the backbone alone, such as an ImageNet checkpoint.
    pretrained_backbone_path: str | None = None
    freeze_backbone: bool = False


@dataclass(frozen=True)
class DecoderParams:
    """model.decode_head.decoder_params"""

    # 0 takes the backbone's usual width: 256 for b0 and b1, else 768.
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
    """dataset.segment.augmentation.random_flip"""

    enable: bool = True
    hflip_probability: float = 0.5
    vflip_probability: float = 0.5


@dataclass(frozen=True)
class RandomRotate:
    """dataset.segment.augmentation.random_rotate: quarter turns, drawn from a list of degrees."""

    enable: bool = True
    rotate_probability: float = 0.5
    angle_list: tuple[float, ...] = (90.0, 180.0, 270.0)


@dataclass(frozen=True)
class RandomColor:
    """dataset.segment.augmentation.random_color: largest relative changes, of the hue in turns."""

    enable: bool = True
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.3
    # TAO reads it and changes every sample all the same; here it is the probability that it says it is,
    # in every augmentation set but `tao`.
    color_probability: float = 0.5


@dataclass(frozen=True)
class ScaleRandomCrop:
    """dataset.segment.augmentation.with_scale_random_crop"""

    enable: bool = True
    # Images are resized by a factor drawn from this range before the crop.
    scale_range: tuple[float, float] = (1.0, 1.2)


@dataclass(frozen=True)
class AugmentationSpec:
    """dataset.segment.augmentation; studio.augmentation.kind decides what is made of it."""

    random_flip: RandomFlip = field(default_factory=RandomFlip)
    random_rotate: RandomRotate = field(default_factory=RandomRotate)
    random_color: RandomColor = field(default_factory=RandomColor)
    with_scale_random_crop: ScaleRandomCrop = field(default_factory=ScaleRandomCrop)
    with_random_blur: bool = True
    # TAO's random resized crop (area 0.8 to 1.2, of which at most 1 is kept); the set `tao` alone has it.
    with_random_crop: bool = True
    # For pixels 0-1.
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
    """dataset.segment.quant_calibration_dataset"""

    images_dir: str = ""


@dataclass(frozen=True)
class SegmentSpec:
    """dataset.segment"""

    # A folder with images/<split> and masks/<split>; studio.sources take its place when given.
    root_dir: str | None = None
    dataset: str = "SFDataset"
    # 0 takes the palette's count; another number must equal it.
    num_classes: int = 0
    img_size: int = 256
    # TAO's -1 stands for the number that its documentation names, 8.
    batch_size: int = -1
    workers: int = 8
    shuffle: bool = unused(True, "training samples are always drawn at random, other splits never")
    train_split: str = "train"
    validation_split: str = "val"
    test_split: str = "val"
    predict_split: str = "val"
    # norm: masks of 0 and 255 stand for ids 0 and 1; None: as they are.
    label_transform: str | None = "norm"
    # Entries, or the name or path of one of segstudio's palettes.
    palette: str | tuple[PaletteEntry, ...] = BINARY_PALETTE
    quant_calibration_dataset: CalibrationData = field(default_factory=CalibrationData)
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
    # linear: warm-up, then down to 0; step: times 0.1 after each third of the run. studio.schedule has more.
    policy: str = "linear"
    # SGD's.
    momentum: float = 0.9
    weight_decay: float = 0.01
    monitor_name: str = unused("val_loss", "no schedule waits for a plateau")


@dataclass(frozen=True)
class TrainSegment:
    """train.segment"""

    # ce, or TAO's mmiou (minus the sum of mean and worst soft IoU); studio.loss adds others.
    loss: str = "ce"
    weights: tuple[float, ...] = unused(
        (0.5, 0.5, 0.5, 0.8, 1.0), "the head has one scale; for class weights see studio.loss.class_weights"
    )


@dataclass(frozen=True)
class Cudnn:
    """train.cudnn"""

    benchmark: bool = False
    deterministic: bool = True


@dataclass(frozen=True)
class Tensorboard:
    """train.tensorboard: curves for TensorBoard, every so many log entries."""

    enabled: bool = False
    infrequent_logging_frequency: int = 2


@dataclass(frozen=True)
class Checkpointer:
    """train.checkpointer: which checkpoints are kept besides the latest and the best."""

    # Keeps the save_top_k best; else one for every train.checkpoint_interval.
    enable_topk: bool = False
    monitor: str = "val_miou"
    mode: str = "max"
    save_top_k: int = 3
    save_last: bool = unused(True, "the latest checkpoint is always kept")
    dirpath: str | None = unused(None, "checkpoints lie in the run's folder")
    filename: str | None = unused(None, "checkpoints are named by epoch and step")
    auto_insert_metric_name: bool = unused(False, "checkpoints are named by epoch and step")


@dataclass(frozen=True)
class TrainSection:
    """train"""

    # 1 takes gpu_ids[0]; on the CPU it is the number of processes.
    num_gpus: int = 1
    gpu_ids: tuple[int, ...] = (0,)
    num_nodes: int = 1
    # Negative: not seeded.
    seed: int = 1234
    cudnn: Cudnn = field(default_factory=Cudnn)
    num_epochs: int = 10
    # Between two checkpoints, in the unit below; validations count in epochs unless the unit is step.
    checkpoint_interval: int = 1
    checkpoint_interval_unit: str = "epoch"
    validation_interval: int = 1
    # Goes on from this file of an earlier run; None goes on from the run's own latest.
    resume_training_checkpoint_path: str | None = None
    # None: <results_dir>/train.
    results_dir: str | None = None
    # A whole network to start from; None starts from random weights.
    pretrained_model_path: str | None = None
    optim: OptimSpec = field(default_factory=OptimSpec)
    segment: TrainSegment = field(default_factory=TrainSegment)
    tensorboard: Tensorboard = field(default_factory=Tensorboard)
    checkpointer: Checkpointer | None = None
    use_distributed_sampler: bool = unused(False, "processes always share the samples of a step")
    sync_batchnorm: bool = True
    enable_lr_monitor: bool | None = unused(None, "the learning rate is always logged")


@dataclass(frozen=True)
class CheckpointTask:
    """evaluate, inference: a checkpoint and what to do with the pictures."""

    num_gpus: int = 1
    gpu_ids: tuple[int, ...] = (0,)
    num_nodes: int = 1
    # A run's weights, a TAO checkpoint or any file that `models import` takes.
    checkpoint: str = ""
    trt_engine: str | None = None
    # None: <results_dir>/<task>.
    results_dir: str | None = None
    # TAO's -1 takes 1: images keep their own sizes.
    batch_size: int = -1
    vis_after_n_batches: int = 16
    is_quantized: bool = unused(False, "quantized checkpoints are recognised by their content")


@dataclass(frozen=True)
class WandbSpec:
    """wandb"""

    enable: bool = unused(True, "segstudio sends nothing to Weights & Biases; see train.tensorboard")
    project: str = "TAO Toolkit"
    entity: str = ""
    group: str = ""
    tags: tuple[str, ...] = ("training", "tao-toolkit")
    reinit: bool = False
    sync_tensorboard: bool = False
    save_code: bool = False
    name: str = "TAO Toolkit training experiment"
    run_id: str = ""


@dataclass(frozen=True)
class ExperimentSpec:
    """A whole spec."""

    results_dir: str = ""
    model_name: str | None = None
    encryption_key: str | None = unused(None, "weights are never encrypted, as TAO 6 writes them")
    wandb: WandbSpec = field(default_factory=WandbSpec)
    model: NetworkSpec = field(default_factory=NetworkSpec)
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    train: TrainSection = field(default_factory=TrainSection)
    evaluate: CheckpointTask = field(default_factory=CheckpointTask)
    inference: CheckpointTask = field(default_factory=CheckpointTask)
    export: ExportSpec = field(default_factory=ExportSpec)
    gen_trt_engine: GenTrtEngineSpec = field(default_factory=GenTrtEngineSpec)
    quantize: QuantizeSpec = field(default_factory=QuantizeSpec)
    studio: StudioSpec = field(default_factory=StudioSpec)
