"""The keys of TAO's mmsegmentation generations (4 and 5) whose name or meaning TAO 6 changed.

Keys that are the same in both (such as evaluate.checkpoint) are those of `schema`. Defaults are TAO 5.0's;
`tables.DEFAULTS` has what TAO 5.5 changed. A field made by `unused` needs no conversion, for the reason told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segstudio.training.spec.legacy.dataset import OldDataset
from segstudio.training.spec.unused import because, unused

DECAY = "norms, biases and positions never decay"


@dataclass(frozen=True)
class OldNorm:
    """model.decode_head.norm_cfg"""

    type: str = "SyncBN"
    requires_grad: bool = unused(True, "the head's norms always learn")


@dataclass(frozen=True)
class OldLoss:
    """model.decode_head.loss_decode, or an entry of it"""

    type: str = "CrossEntropyLoss"
    loss_weight: float = 1.0
    class_weight: tuple[float, ...] | None = None
    gamma: float = 2.0
    use_sigmoid: bool = unused(False, "classes exclude each other: the loss is over their softmax")
    avg_non_ignore: bool = unused(True, "ignored pixels never count")
    loss_name: str = unused("", "parts of the loss have their own names")


@dataclass(frozen=True)
class OldDecoderParams:
    """model.decode_head.decoder_params"""

    embed_dim: int = 768


@dataclass(frozen=True)
class OldHead:
    """model.decode_head"""

    dropout_ratio: float = 0.1
    decoder_params: OldDecoderParams = field(default_factory=OldDecoderParams)
    norm_cfg: OldNorm = field(default_factory=OldNorm)
    loss_decode: tuple[OldLoss, ...] = (OldLoss(),)
    type: str = unused("TAOSegFormerHead", "there is one kind of head")
    channels: int = unused(128, "embed_dim is the head's width")
    num_classes: int = unused(2, "the palette decides, as in TAO")


@dataclass(frozen=True)
class OldPretrained:
    """model.backbone.init_cfg"""

    checkpoint: str | None = None
    type: str = unused("Pretrained", "a checkpoint is always one to start from")


@dataclass(frozen=True)
class OldBackbone:
    """model.backbone"""

    type: str = "mit_b5"
    init_cfg: OldPretrained = field(default_factory=OldPretrained)


@dataclass(frozen=True)
class OldTestMode:
    """model.test_cfg"""

    mode: str = "whole"
    crop_size: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None


@dataclass(frozen=True)
class OldModel:
    """model"""

    input_height: int = 512
    input_width: int = 512
    pretrained_model_path: str | None = None
    backbone: OldBackbone = field(default_factory=OldBackbone)
    decode_head: OldHead = field(default_factory=OldHead)
    test_cfg: OldTestMode = field(default_factory=OldTestMode)
    type: str = unused("EncoderDecoder", "there is one kind of network")


@dataclass(frozen=True)
class OldEnvironment:
    """train.exp_config.env_cfg"""

    cudnn_benchmark: bool = False
    mp_cfg: Mapping[str, Any] = field(
        default_factory=dict, metadata=because("segstudio starts its own processes")
    )
    dist_cfg: Mapping[str, Any] = field(
        default_factory=dict, metadata=because("segstudio connects its own processes")
    )


@dataclass(frozen=True)
class OldExperiment:
    """train.exp_config"""

    manual_seed: int = 47
    deterministic: bool = False
    env_cfg: OldEnvironment = field(default_factory=OldEnvironment)
    gpu_ids: tuple[int, ...] = unused((0,), "train.gpu_ids counts")
    distributed: bool = unused(True, "train.num_gpus decides")
    MASTER_ADDR: str = unused("127.0.0.1", "the launcher decides, by its environment variables")
    MASTER_PORT: int = unused(631, "the launcher decides, by its environment variables")
    default_scope: str = unused("mmseg", "there is no registry of parts")
    log_level: str = unused("INFO", "the log has one level")


@dataclass(frozen=True)
class OldHeadFactor:
    """train.trainer.sf_optim.paramwise_cfg.head"""

    lr_mult: float = 10.0
    decay_mult: float = unused(1.0, "the head's matrices decay as all others")


@dataclass(frozen=True)
class OldFactors:
    """train.trainer.sf_optim.paramwise_cfg"""

    head: OldHeadFactor = field(default_factory=OldHeadFactor)
    norm: Mapping[str, Any] = field(default_factory=dict, metadata=because(DECAY))
    pos_block: Mapping[str, Any] = field(default_factory=dict, metadata=because(DECAY))


@dataclass(frozen=True)
class OldOptimiser:
    """train.trainer.sf_optim"""

    type: str = "AdamW"
    lr: float = 6e-5
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 5e-4
    paramwise_cfg: OldFactors = field(default_factory=OldFactors)


@dataclass(frozen=True)
class OldRate:
    """train.trainer.lr_config"""

    policy: str = "poly"
    warmup: str | None = "linear"
    warmup_iters: int = 1500
    warmup_ratio: float = 1e-6
    power: float = 1.0
    min_lr: float = 0.0
    by_epoch: bool = unused(False, "the rate changes with every step")


@dataclass(frozen=True)
class OldTrainer:
    """train.trainer"""

    sf_optim: OldOptimiser = field(default_factory=OldOptimiser)
    lr_config: OldRate = field(default_factory=OldRate)
    grad_clip: float = 0.0
    find_unused_parameters: bool = unused(True, "all parameters are in use")


@dataclass(frozen=True)
class OldTrain:
    """train"""

    max_iters: int = 10
    logging_interval: int = 1
    checkpoint_interval: int = 1
    validation_interval: int | None = 1
    validate: bool = True
    resume_training_checkpoint_path: str | None = None
    exp_config: OldExperiment = field(default_factory=OldExperiment)
    trainer: OldTrainer = field(default_factory=OldTrainer)
    param_scheduler: tuple[Mapping[str, Any], ...] = ()
    resume: bool = unused(False, "a run goes on from its own latest checkpoint by itself")
    default_hooks: Mapping[str, Any] = field(
        default_factory=dict, metadata=because("segstudio's loop has its own intervals and log")
    )
    encryption_key: str | None = unused(None, "weights are never encrypted, as TAO 6 writes them")


@dataclass(frozen=True)
class OldTask:
    """evaluate, inference"""

    exp_config: OldExperiment = field(
        default_factory=OldExperiment, metadata=because("seeds and addresses have no part in this task")
    )
    encryption_key: str | None = unused(None, "weights are never encrypted, as TAO 6 writes them")


@dataclass(frozen=True)
class OldExport:
    """export"""

    input_width: int = 0
    input_height: int = 0
    batch_size: int = 1
    opset_version: int = 11
    verify: bool = unused(True, "an export is always checked against the network")
    simplify: bool = unused(False, "the graph is always simplified")
    num_gpus: int = unused(1, "an export runs on one device")
    onnx_config: Mapping[str, Any] = field(default_factory=dict, metadata=because("export.* decides"))
    codebase_config: Mapping[str, Any] = field(default_factory=dict)
    exp_config: OldExperiment = field(
        default_factory=OldExperiment, metadata=because("seeds and addresses have no part in this task")
    )
    encryption_key: str | None = unused(None, "weights are never encrypted, as TAO 6 writes them")


@dataclass(frozen=True)
class OldSpec:
    """A whole spec of TAO 4 or 5."""

    model: OldModel = field(default_factory=OldModel)
    dataset: OldDataset = field(default_factory=OldDataset)
    train: OldTrain = field(default_factory=OldTrain)
    evaluate: OldTask = field(default_factory=OldTask)
    inference: OldTask = field(default_factory=OldTask)
    export: OldExport = field(default_factory=OldExport)
